#!/usr/bin/env python3
"""Compares the program with LightGBM, XGBoost and CatBoost on random models and random rows.

    .venv/bin/python scripts/oracle/models.py --program target/debug/bordereau [--seed N] [--models N]

Each model is trained with random parameters on a random table of numbers and categories, with cells missing at random,
and saved in every format that its library writes. Rows to score have missing cells and categories that were not there
in training. `bordereau model check` compares: raw scores must be the same number (of single precision for XGBoost),
predictions the same but for the last digits of a function like exp, contributions as many digits as the library's own
sums have. What a library refuses is given to it as the documentation says that it counts here: an unknown category as
missing to XGBoost, a missing one as unknown to CatBoost.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import catboost as cb
import lightgbm as lgb
import numpy as np
import pandas as pd
import xgboost as xgb

TRAINED, SHOWN = 500, 150
# A category that no model knows.
UNKNOWN = "never seen"


@dataclass
class Tolerance:
    """Largest differences of raw score (to the value or 1), prediction (relative) and contributions (as raw score)."""
    raw: float
    prediction: float
    contribution: float


@dataclass
class Case:
    """A saved model with rows and what its library gives for them."""
    what: str
    files: list
    rows: pd.DataFrame
    raw: np.ndarray
    prediction: np.ndarray
    contributions: np.ndarray | None
    digits: int
    tolerance: Tolerance


def table(rng, rows, categories):
    """Numbers of several kinds, and categories; some cells missing."""
    x = pd.DataFrame({
        "whole": rng.integers(-5, 60, rows).astype(float),
        "skewed": np.round(rng.lognormal(6, 2, rows), 2),
        "fine": rng.normal(0, 1, rows),
        "zeros": np.where(rng.random(rows) < 0.4, 0.0, np.round(rng.normal(0, 1, rows), 1)),
        "flag": rng.integers(0, 2, rows).astype(float),
    })
    for name, count in categories.items():
        x[name] = rng.choice([f"{name}_{at}" for at in range(count)], rows)
    for name in x.columns:
        if rng.random() < 0.7:
            x.loc[rng.random(rows) < rng.uniform(0, 0.3), name] = np.nan
    return x


def shown(rng, x, categories):
    rows = x.sample(SHOWN, random_state=int(rng.integers(1 << 30))).reset_index(drop=True)
    for name in rows.columns:
        rows.loc[rng.random(SHOWN) < rng.uniform(0, 0.2), name] = np.nan
    for name in categories:
        rows.loc[rng.random(SHOWN) < 0.1, name] = UNKNOWN
    return rows


def signal(rng, x):
    z = 0.02 * x["whole"].fillna(10) + np.log1p(x["skewed"].fillna(50)) / 5 + 0.4 * x["fine"].fillna(1) * x["flag"].fillna(0)
    for name in x.columns[5:]:
        z = z + x[name].map({value: rng.normal(0, 0.5) for value in x[name].dropna().unique()}).fillna(0.3)
    return z.to_numpy(float) + rng.normal(0, 0.1, len(x))


LABELS = {
    "number": lambda z: z,
    "above": lambda z: np.abs(z) + 0.05,
    "yes": lambda z: (z > np.median(z)).astype(int),
    "share": lambda z: 1 / (1 + np.exp(np.median(z) - z)),
    "class": lambda z: np.digitize(z, np.quantile(z, [0.3, 0.6, 0.85])),
}


def typed(x, known):
    """Categories as pandas has them; what is not known becomes missing."""
    x = x.copy()
    for name, values in known.items():
        x[name] = pd.Categorical(x[name].where(x[name].isin(values)), categories=values)
    return x


def drawn(rng, choices):
    return choices[int(rng.integers(len(choices)))]


def categories_of(rng):
    return {name: int(rng.integers(2, 30)) for name in ("make", "region")[:int(rng.integers(0, 3))]}


def of_lightgbm(rng, folder):
    kind = drawn(rng, [("regression", "number"), ("regression_l1", "number"), ("huber", "number"), ("quantile", "number"),
                       ("poisson", "above"), ("gamma", "above"), ("tweedie", "above"), ("binary", "yes"),
                       ("cross_entropy", "share"), ("cross_entropy_lambda", "share"), ("multiclass", "class"),
                       ("multiclassova", "class")])
    boosting = drawn(rng, ["gbdt", "gbdt", "dart", "rf"])
    linear = boosting == "gbdt" and kind[0] == "regression" and rng.random() < 0.5
    params = dict(
        objective=kind[0], boosting=boosting, num_leaves=int(rng.integers(2, 50)), min_data_in_leaf=int(rng.integers(1, 30)),
        learning_rate=float(rng.uniform(0.05, 0.5)), max_bin=int(drawn(rng, [7, 63, 255])), cat_smooth=float(rng.uniform(0, 5)),
        min_data_per_group=int(rng.integers(1, 30)), max_cat_to_onehot=int(drawn(rng, [1, 4, 40])),
        zero_as_missing=bool(rng.random() < 0.25 and not linear), use_missing=bool(rng.random() < 0.85), linear_tree=linear,
        extra_trees=bool(rng.random() < 0.2), reg_sqrt=bool(kind[0] == "regression" and not linear and rng.random() < 0.3),
        verbosity=-1, seed=int(rng.integers(1 << 20)), num_threads=1, deterministic=True)
    if boosting == "rf":
        params.update(bagging_freq=1, bagging_fraction=0.6)
    if kind[1] == "class":
        params["num_class"] = 4
    categories = categories_of(rng)
    x = table(rng, TRAINED, categories)
    known = {name: sorted(x[name].dropna().unique()) for name in categories}
    booster = lgb.train(params, lgb.Dataset(typed(x, known), LABELS[kind[1]](signal(rng, x))), int(rng.integers(1, 25)))
    booster.save_model(folder / "model.txt")
    (folder / "dump.json").write_text(json.dumps(booster.dump_model()))
    rows = shown(rng, x, categories)
    given = typed(rows, known)
    contributions = None if linear else booster.predict(given, pred_contrib=True)
    return Case(f"LightGBM {boosting} {kind[0]}", ["model.txt", "dump.json"], rows, booster.predict(given, raw_score=True),
                booster.predict(given), contributions, 17, Tolerance(0, 1e-14, 1e-9))


def of_xgboost(rng, folder):
    kind = drawn(rng, [("reg:squarederror", "number"), ("reg:absoluteerror", "number"), ("count:poisson", "above"),
                       ("reg:gamma", "above"), ("reg:tweedie", "above"), ("binary:logistic", "yes"), ("binary:hinge", "yes"),
                       ("binary:logitraw", "yes"), ("multi:softprob", "class"), ("reg:pseudohubererror", "number")])
    booster_kind = drawn(rng, ["gbtree", "gbtree", "gbtree", "dart", "gblinear"])
    params = dict(objective=kind[0], booster=booster_kind, seed=int(rng.integers(1 << 20)), nthread=1, verbosity=0,
                  eta=float(rng.uniform(0.1, 0.6)))
    if booster_kind != "gblinear":
        params.update(
            max_depth=int(rng.integers(1, 9)), min_child_weight=float(rng.uniform(0, 8)),
            tree_method=drawn(rng, ["hist", "approx"]), grow_policy=drawn(rng, ["depthwise", "lossguide"]),
            max_cat_to_onehot=int(drawn(rng, [1, 4, 40])), num_parallel_tree=int(drawn(rng, [1, 1, 3])), subsample=0.8)
    if booster_kind == "dart":
        params.update(rate_drop=0.3)
    if kind[1] == "class":
        params["num_class"] = 4
    elif rng.random() < 0.4:
        params["base_score"] = float(rng.uniform(0.1, 0.9))
    categories = {} if booster_kind == "gblinear" else categories_of(rng)
    x = table(rng, TRAINED, categories)
    known = {name: sorted(x[name].dropna().unique()) for name in categories}
    data = xgb.DMatrix(typed(x, known), LABELS[kind[1]](signal(rng, x)), enable_categorical=True)
    booster = xgb.train(params, data, int(rng.integers(1, 20)))
    for name in ("model.json", "model.ubj"):
        booster.save_model(folder / name)
    rows = shown(rng, x, categories)
    given = xgb.DMatrix(typed(rows, known), enable_categorical=True)
    contributions = booster.predict(given, pred_contribs=True)
    # XGBoost adds contributions up in single precision, tree by tree.
    return Case(f"XGBoost {booster_kind} {kind[0]}", ["model.json", "model.ubj"], rows,
                booster.predict(given, output_margin=True), booster.predict(given), contributions, 9,
                Tolerance(0, 2.5e-7, 2e-5))


def of_catboost(rng, folder):
    kind = drawn(rng, [("RMSE", "number", "RawFormulaVal"), ("MAE", "number", "RawFormulaVal"),
                       ("Quantile:alpha=0.7", "number", "RawFormulaVal"), ("Poisson", "above", "Exponent"),
                       ("Tweedie:variance_power=1.5", "above", "Exponent"), ("Logloss", "yes", "Probability"),
                       ("MultiClass", "class", "Probability"), ("MultiClassOneVsAll", "class", "Probability")])
    grow = drawn(rng, ["SymmetricTree", "SymmetricTree", "Depthwise", "Lossguide"])
    params = dict(loss_function=kind[0], iterations=int(rng.integers(1, 25)), depth=int(rng.integers(1, 7)), grow_policy=grow,
                  learning_rate=float(rng.uniform(0.1, 0.6)), nan_mode=drawn(rng, ["Min", "Max"]),
                  border_count=int(drawn(rng, [8, 64, 254])), one_hot_max_size=255, max_ctr_complexity=0, thread_count=1,
                  random_seed=int(rng.integers(1 << 20)), verbose=0, allow_writing_files=False)
    categories = categories_of(rng)
    x = table(rng, TRAINED, categories)
    names = list(categories)
    filled = x.assign(**{name: x[name].fillna("none") for name in names})
    pool = cb.Pool(filled, LABELS[kind[1]](signal(rng, x)), cat_features=names)
    model = cb.CatBoost(params).fit(pool)
    model.save_model(folder / "model.cbm")
    model.save_model(folder / "model.json", format="json", pool=pool)
    rows = shown(rng, x, categories)
    given = cb.Pool(rows.assign(**{name: rows[name].fillna("never seen either") for name in names}), cat_features=names)
    prediction = model.predict(given, prediction_type=kind[2])
    if kind[0] == "Logloss":
        prediction = prediction[:, 1]
    # CatBoost's own contributions of trees that are not symmetric do not add up to the raw score.
    contributions = model.get_feature_importance(given, type="ShapValues") if grow == "SymmetricTree" else None
    return Case(f"CatBoost {grow} {kind[0]}", ["model.cbm", "model.json"], rows,
                model.predict(given, prediction_type="RawFormulaVal"), prediction, contributions, 17,
                Tolerance(0, 1e-13, 1e-9))


def write(case, folder):
    """The rows and the answers as `model check` reads them; whether there are contributions."""
    raw, prediction = (np.asarray(values).reshape(len(case.rows), -1) for values in (case.raw, case.prediction))
    outputs = raw.shape[1]
    mark = lambda what, output, sign: what if outputs == 1 else f"{what}{sign}{output}"
    form = dict(index=False, float_format=f"%.{case.digits}g")
    case.rows.to_csv(folder / "rows.csv", index=False, float_format="%.17g")
    columns = {}
    for output in range(outputs):
        columns[mark("raw", output, "_")] = raw[:, output]
        columns[mark("prediction", output, "_")] = prediction[:, output]
    pd.DataFrame(columns).to_csv(folder / "expected.csv", **form)
    if case.contributions is None:
        return []
    parts = np.asarray(case.contributions).reshape(len(case.rows), outputs, -1)
    names = [*case.rows.columns, "__bias__"]
    columns = {mark(name, output, "@"): parts[:, output, at] for output in range(outputs) for at, name in enumerate(names)}
    pd.DataFrame(columns).to_csv(folder / "contributions.csv", **form)
    return ["--contributions", folder / "contributions.csv"]


def check(program, case, folder):
    """The largest differences of a case's files, and what is wrong."""
    more = write(case, folder)
    wrong, largest = [], {"rawScore": 0.0, "prediction": 0.0, "contribution": 0.0}
    allowed = dict(rawScore=case.tolerance.raw, prediction=case.tolerance.prediction, contribution=case.tolerance.contribution)
    for file in case.files:
        command = [program, "model", "check", folder / file, "--input", folder / "rows.csv", "--expected",
                   folder / "expected.csv", "--json", "--worst", "1000", *more]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode not in (0, 1):
            wrong.append(f"{file}: {done.stderr.strip()}")
            continue
        for column in json.loads(done.stdout)["compared"]:
            kind, difference = column["with"], column["largest"]
            difference = float("inf") if difference is None else difference
            largest[kind] = max(largest[kind], difference)
            if difference > allowed[kind]:
                wrong.append(f"{file}: {column['column']} ({kind}) differs by {difference:g}")
        told = {row["input"]: row["unknown"] for row in json.loads(done.stdout)["inputs"]}
        for name in case.rows.columns[5:]:
            if told[name] < (case.rows[name] == UNKNOWN).sum() and not file.endswith(("cbm", "json")):
                wrong.append(f"{file}: {told[name]} unknown categories of {name}")
    return largest, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=20261)
    parser.add_argument("--models", type=int, default=60, help="of each library")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    failed = 0
    for maker in (of_lightgbm, of_xgboost, of_catboost):
        worst, library = {}, maker.__name__.removeprefix("of_")
        for number in range(arguments.models):
            with tempfile.TemporaryDirectory() as name:
                rng = np.random.default_rng([arguments.seed, number])
                case = maker(rng, Path(name))
                largest, wrong = check(arguments.program.resolve(), case, Path(name))
            for kind, difference in largest.items():
                worst[kind] = max(worst.get(kind, 0.0), difference)
            for line in wrong:
                print(f"{library} {number} ({case.what}): {line}")
            failed += bool(wrong)
        told = ", ".join(f"{kind} {difference:.1e}" for kind, difference in worst.items())
        print(f"{library}: {arguments.models} models x {SHOWN} rows; largest differences: {told}")
    if failed:
        sys.exit(f"{failed} models are scored or explained otherwise (seed {arguments.seed})")


if __name__ == "__main__":
    main()
