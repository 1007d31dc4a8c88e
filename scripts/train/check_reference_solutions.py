#!/usr/bin/env python3
"""Checks the solutions of testdata/solutions against the reference models, and writes the predictions to expect.

    .venv/bin/python scripts/train/check_reference_solutions.py --data ../shared/data [--out FOLDER]

For each solution: the upload zip is read as its dictionary says, the features are computed by its features.sql in
DuckDB, and LightGBM itself scores them. Three things must hold:

1. each held-out row of the reference model (input.csv) is found among the features, bit by bit;
2. the predictions of those rows are those of the reference (expected.csv), within the tolerance of its manifest;
3. the model finds all its inputs among the features.

With --out it writes SOLUTION.csv: the key of each record and the prediction that the program must give for it. It is a
check of what is in the repository against what is not (the reference data); the tests of the program do not need it.
"""

import argparse
import io
import json
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd

from release_folder import category, features

SOLUTIONS = Path(__file__).resolve().parents[2] / "testdata" / "solutions"


@dataclass(frozen=True)
class Check:
    """A solution, the upload it fits, the reference model it takes."""

    release: str
    upload: str
    model: str
    record: str
    key: str
    judged: str
    """The relation whose rows the reference model judges; where it is not the record's, each row is also taken as a
    record of its own, so that all held-out rows can be found."""


CHECKS = [
    Check("pg16_fleet/1.0.0", "pg16_fleet/pg16_fleet_upload.zip", "lgbm_binary_pg16_100", "term", "TermID", "unit"),
    Check("msha_wc/1.0.0", "msha_wc/msha_wc_upload.zip", "lgbm_poisson_msha_100", "insured", "InsuredID", "insured"),
]


def relations(folder: Path, upload: Path, check: Check) -> dict[str, pd.DataFrame]:
    """The tables of the upload, typed, with the column `record`; columns as SQL knows them, in lower case."""
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    tables = {}
    with zipfile.ZipFile(upload) as archive:
        for resource in package["resources"]:
            text = pd.read_csv(io.BytesIO(archive.read(resource["path"])), dtype=str, keep_default_na=False)
            columns = {field["name"]: _typed(text[field["name"]], field) for field in resource["schema"]["fields"]}
            tables[resource["name"]] = pd.DataFrame(columns)
    places = {key: at for at, key in enumerate(tables[check.record][check.key])}
    for table in tables.values():
        table["record"] = table[check.key].map(places).astype("int64")
        table.columns = [name.lower() for name in table.columns]
    return tables


def _typed(text: pd.Series, field: dict) -> pd.Series:
    present = text.str.strip().mask(text.str.strip() == "", None)
    match field["type"]:
        case "number":
            return present.astype("float64")
        case "integer" | "year":
            return pd.to_numeric(present).astype("Int64")
        case "date":
            return pd.to_datetime(present, format="%Y-%m-%d")
        case "boolean":
            return present.map({value: True for value in field["trueValues"]}
                               | {value: False for value in field["falseValues"]}).astype("boolean")
        case _:
            return present.astype(object).where(present.notna(), None)


def apart(tables: dict[str, pd.DataFrame], check: Check) -> dict[str, pd.DataFrame]:
    """Each judged row as a record of its own, with a copy of its parent."""
    if check.judged == check.record:
        return tables
    judged = tables[check.judged]
    own = judged.assign(record=np.arange(len(judged)))
    parents = tables[check.record].set_index("record").loc[judged["record"]].reset_index(drop=True)
    return {check.record: parents.assign(record=np.arange(len(judged))), check.judged: own}


class Reference:
    """A reference model with its held-out rows."""

    def __init__(self, folder: Path) -> None:
        self.manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self.booster = lgb.Booster(model_file=folder / "model.txt")
        self.names = self.booster.feature_name()
        self.categories = self.manifest["categories"]
        self.held_out = pd.read_csv(folder / "input.csv", dtype={name: str for name in self.categories},
                                    keep_default_na=False, na_values=[""])
        self.expected = pd.read_csv(folder / "expected.csv")

    def inputs(self, table: pd.DataFrame) -> pd.DataFrame:
        """The model's inputs out of a table whose columns may differ in letter case."""
        found = {name.lower(): name for name in table.columns}
        missing = [name for name in self.names if name.lower() not in found]
        if missing:
            raise SystemExit(f"no feature for {', '.join(missing)}")
        inputs = pd.DataFrame(index=table.index)
        for name in self.names:
            column = table[found[name.lower()]]
            if name in self.categories:
                inputs[name] = category(column, self.categories[name])
            else:
                inputs[name] = column.astype("float64")
        return inputs

    def predict(self, inputs: pd.DataFrame) -> np.ndarray:
        return self.booster.predict(inputs)

    def keys(self, inputs: pd.DataFrame) -> list[bytes]:
        """The bits of each row: codes of categories and numbers, every missing value alike."""
        codes = [inputs[name].cat.codes if name in self.categories else inputs[name] for name in self.names]
        bits = np.column_stack([np.asarray(column, dtype="float64") for column in codes])
        bits[np.isnan(bits)] = np.nan
        return [row.tobytes() for row in bits + 0.0]


def run(check: Check, data: Path, out: Path | None) -> None:
    """Does the three checks and writes the predictions; stops the program where one fails."""
    folder = SOLUTIONS / check.release
    tables = relations(folder, data / check.upload, check)
    reference = Reference(data / "models" / check.model)
    predicted = reference.predict(reference.inputs(features(folder, tables)))
    known = set(reference.keys(reference.inputs(features(folder, apart(tables, check)))))
    held_out = reference.inputs(reference.held_out)
    absent = sum(key not in known for key in reference.keys(held_out))
    if absent:
        raise SystemExit(f"{check.release}: {absent} held-out rows are not among the features")
    gap = np.abs(reference.predict(held_out) / reference.expected["prediction"].to_numpy() - 1).max()
    if gap > reference.manifest["tolerance"]["prediction_rel"]:
        raise SystemExit(f"{check.release}: predictions differ from the reference by {gap:g}")
    own = set(reference.keys(reference.inputs(features(folder, tables))))
    shared = sum(key in own for key in reference.keys(held_out))
    print(f"{check.release}: {len(predicted)} records; all {len(held_out)} held-out rows found, {shared} of them as"
          f" records; largest relative difference {gap:g}")
    print("  deciles", " ".join(f"{edge:.4g}" for edge in np.quantile(predicted, np.arange(0.1, 1.0, 0.1))))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        name = check.release.split("/", maxsplit=1)[0]
        keys = tables[check.record][check.key.lower()]
        rows = pd.DataFrame({check.key: keys, "prediction": [repr(float(value)) for value in predicted]})
        rows.to_csv(out / f"{name}.csv", index=False, lineterminator="\n")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the reference data")
    arguments.add_argument("--out", type=Path, help="folder to write the expected predictions to")
    given = arguments.parse_args()
    for check in CHECKS:
        run(check, given.data, given.out)


if __name__ == "__main__":
    sys.exit(main())
