"""A release folder as the training scripts see it: its feature query, and the bins in its solution.toml.

The features are computed by the release's own features.sql, run by DuckDB over tables that have the columns of the
relations and a column `record`, just as the program runs it. So what a model is trained on and what it scores cannot
drift apart.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Bin:
    """One bin: predictions under `below` (None for the last), and the bounds it stands for."""

    below: float | None
    lower_bound: float
    upper_bound: float
    interpretation: str | None = None


def features(folder: Path, relations: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row of features per record, ordered by record. Texts keep None for missing, numbers NaN."""
    with duckdb.connect(":memory:", config={"threads": 1}) as session:
        for name, table in relations.items():
            session.register(f"{name}_frame", table)
            session.execute(f'CREATE TABLE "{name}" AS SELECT * FROM {name}_frame')
        sql = (folder / "features.sql").read_text(encoding="utf-8")
        rows = session.execute(f"SELECT * FROM ({sql}) AS features ORDER BY record").df()
    return rows


def category(column: pd.Series, known: list[str]) -> pd.Categorical:
    """The column with a fixed list of categories; a text that is not in it is missing, as LightGBM has it."""
    return pd.Categorical(column.where(column.isin(known), None), categories=known)


def model_inputs(table: pd.DataFrame, names: list[str], categories: dict[str, list[str]]) -> pd.DataFrame:
    """The named columns as LightGBM takes them: categories with a fixed list, everything else as float64."""
    inputs = pd.DataFrame(index=table.index)
    for name in names:
        if name in categories:
            inputs[name] = category(table[name], categories[name])
        else:
            inputs[name] = table[name].astype("float64")
    return inputs


def decile_edges(prediction: np.ndarray, step: float) -> list[float]:
    """Eleven strictly rising edges: the deciles, and the 1st and 99th percentile at the ends.

    They are rounded to a multiple of `step`; large ones to about three digits of it."""
    shares = [0.01, *[tenth / 10 for tenth in range(1, 10)], 0.99]
    edges = [_rounded(float(edge), step) for edge in np.quantile(prediction, shares)]
    for at in range(1, len(edges)):
        if edges[at] <= edges[at - 1]:
            edges[at] = _rounded(edges[at - 1] + step, step)
    return edges


def _rounded(value: float, step: float) -> float:
    places = 0 if value == 0 else math.floor(math.log10(abs(value) / step)) - 2
    unit = step * 10.0 ** max(places, 0)
    return round(round(value / unit) * unit, 10)


def plain_bins(edges: list[float]) -> list[Bin]:
    """Bins whose bounds are the edges themselves; the model's own sentence is filled in with them."""
    return [Bin(_below(edges, at), edges[at], edges[at + 1]) for at in range(len(edges) - 1)]


def relative_bins(edges: list[float], subject: str) -> list[Bin]:
    """Bins of a relativity (1 is average): bounds are the distance from the average, and each bin has a sentence."""
    bins = []
    for at in range(len(edges) - 1):
        lower, upper = round(edges[at] - 1, 10), round(edges[at + 1] - 1, 10)
        sentence = f"{subject} in bin {{bin}} are typically {_distance(lower, upper)} average within your data"
        bins.append(Bin(_below(edges, at), lower, upper, sentence))
    return bins


def _distance(lower: float, upper: float) -> str:
    if upper <= 0:
        return f"{_percent(-upper)} to {_percent(-lower)} lower than"
    if lower >= 0:
        return f"{_percent(lower)} to {_percent(upper)} higher than"
    return f"between {_percent(-lower)} lower and {_percent(upper)} higher than"


def _percent(share: float) -> str:
    return f"{round(share * 100):d}%"


def _below(edges: list[float], at: int) -> float | None:
    return edges[at + 1] if at < len(edges) - 2 else None


def write_bins(folder: Path, model: str, bins: list[Bin]) -> None:
    """Writes the bins between the markers of the model in solution.toml."""
    path = folder / "solution.toml"
    text = path.read_text(encoding="utf-8")
    first, last = f"# bins of {model}\n", f"# end of bins of {model}\n"
    before, found_first, rest = text.partition(first)
    _, found_last, after = rest.partition(last)
    if not found_first or not found_last:
        raise SystemExit(f"{path} has no markers for the bins of {model}")
    path.write_text(before + first + _toml(bins) + last + after, encoding="utf-8")


def _toml(bins: list[Bin]) -> str:
    lines = []
    for number, each in enumerate(bins, start=1):
        lines += ["[[models.bins]]", f"bin = {number}"]
        if each.below is not None:
            lines.append(f"below = {each.below!r}")
        lines += [f"lower_bound = {each.lower_bound!r}", f"upper_bound = {each.upper_bound!r}"]
        if each.interpretation is not None:
            lines.append(f'interpretation = "{each.interpretation}"')
        lines.append("")
    return "\n".join(lines)
