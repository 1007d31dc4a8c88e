#!/usr/bin/env python3
"""Runs the recipes of docs/model-recipes.md as they stand there: each block of Python or R, then the commands behind it.

    .venv/bin/python scripts/oracle/recipes.py --program target/debug/bordereau [--without-r]

Each runs in a folder of its own, in which `bordereau` is the program and the files of examples/ can be imported.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FEATURES = ["age", "value", "fuel", "region"]
PYTHON = """
import pandas as pd
book = pd.read_csv("book.csv")
features = ["age", "value", "fuel", "region"]
rows = book[features].head(200)
"""
R = """
book <- read.csv("book.csv", stringsAsFactors = TRUE)
rows <- head(book[c("age", "value", "fuel", "region")], 200)
"""


def book():
    rng = np.random.default_rng(4)
    rows = 3000
    table = pd.DataFrame({
        "age": rng.integers(18, 90, rows),
        "value": np.round(rng.lognormal(9.5, 0.5, rows), 2),
        "fuel": rng.choice(["Diesel", "Petrol", "Electric & hybrid"], rows, p=[0.4, 0.5, 0.1]),
        "region": rng.choice(["North", "South", "Île-de-France", "Bed<s>"], rows),
    })
    rate = np.exp(-1 + 0.01 * (50 - table["age"]) + 0.2 * (table["fuel"] == "Diesel") + 0.3 * (table["region"] == "South"))
    table["claims"] = rng.poisson(rate)
    table["had_claim"] = (table["claims"] > 0).astype(int)
    return table


def recipes(text):
    """Pairs of a program (language and text) and the commands that follow it, by heading."""
    found, heading, program = [], "", None
    for part in re.split(r"^(## .*)$", text, flags=re.MULTILINE):
        if part.startswith("## "):
            heading, program = part[3:], None
            continue
        for language, block in BLOCK.findall(part):
            if language in ("python", "r"):
                program = (language, block)
            elif language == "sh" and program:
                found.append((heading, *program, block))
                program = None
    return found


def run(folder, language, block, commands, environment):
    file = folder / ("recipe.py" if language == "python" else "recipe.R")
    file.write_text((PYTHON if language == "python" else R) + block)
    interpreter = [sys.executable, "-W", "ignore"] if language == "python" else ["Rscript"]
    for command in [[*interpreter, file.name], ["sh", "-e", "-c", commands]]:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            return f"{done.stdout}{done.stderr}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--without-r", action="store_true", help="leave out the recipes of R")
    arguments = parser.parse_args()
    wrong, table = [], book()
    all_recipes = recipes((ROOT / "docs" / "model-recipes.md").read_text())
    if len(all_recipes) < 8:
        sys.exit(f"only {len(all_recipes)} recipes are found")
    for heading, language, block, commands in all_recipes:
        if language == "r" and arguments.without_r:
            print(f"NOT RUN  {heading}")
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            table.to_csv(folder / "book.csv", index=False)
            (folder / "bordereau").symlink_to(arguments.program.resolve())
            for example in (ROOT / "examples").glob("glm_to_pmml.*"):
                (folder / example.name).symlink_to(example)
            environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
            fault = run(folder, language, block, commands, environment)
        print(f"{'FAILED' if fault else 'passed'}  {heading}")
        if fault:
            wrong.append(heading)
            print(fault)
    if wrong:
        sys.exit(f"recipes that do not hold: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
