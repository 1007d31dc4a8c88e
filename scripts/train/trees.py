"""LightGBM models that come out the same on every run."""

from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd

# One thread and fixed seeds: the model file must have the same bytes each time.
COMMON = {
    "learning_rate": 0.05,
    "num_leaves": 15,
    "feature_fraction": 0.8,
    "lambda_l2": 5.0,
    "cat_smooth": 20,
    "verbosity": -1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}


def train(
    inputs: pd.DataFrame,
    target: pd.Series,
    weight: np.ndarray | None,
    trees: int,
    directions: dict[str, int],
    parameters: dict,
) -> lgb.Booster:
    """A forest of that many trees; categorical columns are those with a category type.

    `directions` holds 1 for an input whose larger values may only raise the prediction, -1 for the other way round:
    those whose explanations say "many" and "few"."""
    parameters = {**parameters, "monotone_constraints": [directions.get(name, 0) for name in inputs.columns]}
    data = lgb.Dataset(inputs, label=target.to_numpy(), weight=weight, free_raw_data=True)
    return lgb.train({**COMMON, **parameters}, data, num_boost_round=trees)


def write_model(path: Path, booster: lgb.Booster) -> None:
    """Writes LightGBM's text form."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(booster.model_to_string(num_iteration=-1), encoding="utf-8", newline="\n")
