#!/usr/bin/env python3
"""Trains the demonstration models of the shipped releases on seeded synthetic books.

    python3 -m venv .venv && .venv/bin/pip install -r scripts/train/requirements.txt
    .venv/bin/python scripts/train/train_demo_models.py [RELEASE ...]

RELEASE is a name such as insureright/1.0.7; without one all are trained. For each release the script makes its book,
computes the features by the release's own features.sql, trains the models, and writes `models/` and the bins between
the markers of `solution.toml`. Running it again gives the same bytes. No figure of any insurer is in the books.
"""

import os
import sys
from pathlib import Path

# One thread for linear algebra too, before numpy is imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import book_ca  # noqa: E402
import book_insureright  # noqa: E402
import book_wc_claims  # noqa: E402

SOLUTIONS = Path(__file__).resolve().parents[2] / "solutions"
RELEASES = {
    "insureright/1.0.7": lambda folder: book_insureright.train_release(folder, 20_240_107, [], 120),
    "insureright/1.1.0": lambda folder: book_insureright.train_release(folder, 20_270_110, ["rate_spread"], 150),
    "ca/1.0.0": lambda folder: book_ca.train_release(folder, 20_240_201),
    "wc_claims/1.0.0": lambda folder: book_wc_claims.train_release(folder, 20_240_301),
}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in RELEASES]
    if unknown:
        raise SystemExit(f"no such release: {', '.join(unknown)}; there are {', '.join(RELEASES)}")
    for name in names or list(RELEASES):
        RELEASES[name](SOLUTIONS / name)
        print(f"trained {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
