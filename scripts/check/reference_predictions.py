#!/usr/bin/env python3
"""Compares every prediction of the program on the reference uploads with LightGBM's own.

    .venv/bin/python scripts/check/reference_predictions.py --program target/debug/bordereau --data ../shared/data

scripts/train/check_reference_solutions.py reads each upload, computes the features by the release's own SQL in DuckDB and has
LightGBM predict; the program must give the same key and prediction for each record, in the same order, to 1e-12.
"""

import argparse
import csv
import io
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-12
# Solution, upload, model, its place in the release, column of the prediction.
CASES = [
    ("pg16_fleet", "pg16_fleet/pg16_fleet_upload.zip", "lgbm_binary_pg16_100", "claim.lgb.txt", "claim_prediction"),
    ("msha_wc", "msha_wc/msha_wc_upload.zip", "lgbm_poisson_msha_100", "injuries.lgb.txt", "injuries_prediction"),
]


def expected(data, folder):
    script = ROOT / "scripts" / "train" / "check_reference_solutions.py"
    subprocess.run([sys.executable, script, "--data", data, "--out", folder], check=True)


def outputs(program, data, folder, solution, upload, model, file):
    release = folder / solution
    shutil.copytree(ROOT / "testdata" / "solutions" / solution / "1.0.0", release)
    shutil.copy(data / "models" / model / "model.txt", release / "models" / file)
    results = folder / f"{solution}.zip"
    command = [program, "score", "--release-dir", release, "--explanations", "0", data / upload, "-o", results]
    code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
    if code not in (0, 1):
        sys.exit(f"{solution}: the program ended with {code}")
    with zipfile.ZipFile(results) as archive:
        return list(csv.DictReader(io.StringIO(archive.read("outputs.csv").decode()))), \
            list(csv.DictReader(io.StringIO(archive.read("errors.csv").decode())))


def compare(solution, wanted, given, errors, column):
    key = next(iter(wanted[0]))
    rejected = {row[key] for row in errors if row["severity"] == "error"}
    wanted = [row for row in wanted if row[key] not in rejected]
    if [row[key] for row in wanted] != [row[key] for row in given]:
        sys.exit(f"{solution}: {len(given)} records are scored, {len(wanted)} expected, or their order differs")
    gaps = [abs(float(row[column]) / float(want["prediction"]) - 1) for row, want in zip(given, wanted)]
    print(f"{solution}: {len(given)} predictions, {len(rejected)} records rejected, largest relative difference {max(gaps):g}")
    if max(gaps) > TOLERANCE:
        sys.exit(f"{solution}: more than {TOLERANCE:g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected(arguments.data, folder / "expected")
        for solution, upload, model, file, column in CASES:
            given, errors = outputs(arguments.program.resolve(), arguments.data, folder, solution, upload, model, file)
            with open(folder / "expected" / f"{solution}.csv") as file:
                compare(solution, list(csv.DictReader(file)), given, errors, column)


if __name__ == "__main__":
    main()
