#!/usr/bin/env python3
"""Shows the records of a model's worst bin with the features that moved them most.

    examples/worst_records.py results.zip risk
"""

import csv
import io
import json
import sys
import zipfile


def rows(archive, name):
    with archive.open(name) as member:
        yield from csv.DictReader(io.TextIOWrapper(member, "utf-8", newline=""))


def main():
    path, model = sys.argv[1:3]
    with zipfile.ZipFile(path) as archive:
        summary = json.loads(archive.read("summary.json"))
        bins = next(each["bins"] for each in summary["models"] if each["name"] == model)
        worst = max(number for number, count in enumerate(bins, start=1) if count)
        keys = None
        reasons = {}
        for row in rows(archive, "explanations.csv"):
            keys = keys or list(row)[: list(row).index("model")]
            if row["model"] == model:
                reason = f"{row['description']} ({row['feature']} {row['value']}, importance {float(row['importance']):.2f})"
                reasons.setdefault(tuple(row[key] for key in keys), []).append(reason)
        print(f"{bins[worst - 1]} records in bin {worst} of {model}")
        for row in rows(archive, "outputs.csv"):
            if row[f"{model}_bin"] == str(worst):
                key = tuple(row[key] for key in keys)
                print(", ".join(key), *reasons.get(key, []), sep="\n  ")


if __name__ == "__main__":
    main()
