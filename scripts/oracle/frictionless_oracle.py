"""Cross-checks how bordereau reads cells against frictionless, the reference implementation of Table Schema.

    pip install -r scripts/oracle/requirements.txt
    cargo build -p bordereau-base --example read_cells
    python scripts/oracle/frictionless_oracle.py --cells target/debug/examples/read_cells

Both sides read the same cells (see cells.py). They must agree on the verdict (value, missing, fault), on the value,
and on the rule that is broken. Where they differ on purpose the cell names its reason: then they must really differ,
and the reason must be in docs/table-schema.md. Prints a summary and exits with 1 on any other difference.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections import Counter
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from frictionless import Schema

from cells import REASONS, Cell, generated, hand_picked

SCHEMA = "https://datapackage.org/profiles/2.0/tableschema.json"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "table-schema.md"
EPOCH = datetime(1970, 1, 1)


def in_our_units(value: Any, kind: str) -> Any:
    """The value of frictionless in the unit in which bordereau holds it."""
    if isinstance(value, Decimal):
        number = float(value) if not value.is_snan() else math.nan
        return number if math.isfinite(number) else {"inf": "inf", "-inf": "-inf"}.get(str(number), "NaN")
    if isinstance(value, datetime):
        utc = value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value
        return (utc - EPOCH) // timedelta(microseconds=1)
    if isinstance(value, date):
        return value.toordinal() - date(1970, 1, 1).toordinal()
    if isinstance(value, time):
        micros = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
        return (micros - (value.utcoffset() or timedelta()) // timedelta(microseconds=1)) % 86_400_000_000
    if kind == "yearmonth":
        # Only the order of months that no date has (year 0 or above 9999) would be lost; those we do not read.
        return date(value.year, value.month, 1).toordinal() - date(1970, 1, 1).toordinal()
    return value


class Frictionless:
    """Reads cells with frictionless; fields are built once."""

    def __init__(self) -> None:
        self.readers: dict[str, Any] = {}

    def reader(self, descriptor: dict[str, Any]) -> Any:
        key = json.dumps(descriptor)
        if key not in self.readers:
            schema = Schema.from_descriptor({"$schema": SCHEMA, "fields": [dict(descriptor)]})
            self.readers[key] = schema.fields[0].create_cell_reader()
        return self.readers[key]

    def read(self, cell: Cell) -> dict[str, Any]:
        try:
            value, notes = self.reader(cell.field)(cell.text)
        except (TypeError, ArithmeticError) as problem:
            # Such as a time with a zone against a bound without one.
            return {"verdict": "failure", "rules": [type(problem).__name__]}
        if notes:
            return {"verdict": "violation", "rules": sorted(notes)}
        if value is None:
            return {"verdict": "missing"}
        try:
            return {"verdict": "ok", "value": in_our_units(value, cell.field["type"])}
        except (ValueError, OverflowError):
            return {"verdict": "ok", "value": f"beyond us: {value}"}


def ours(program: str, cells: list[Cell]) -> list[dict[str, Any]]:
    lines = "".join(json.dumps({"field": cell.field, "text": cell.text}) + "\n" for cell in cells)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, encoding="utf-8", check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(cells):
        sys.exit(f"{len(cells)} cells asked, {len(answers)} answered")
    return answers


def agree(our: dict[str, Any], their: dict[str, Any]) -> bool:
    if our["verdict"] != their["verdict"]:
        return False
    if our["verdict"] == "violation":
        return our["rule"] in their["rules"]
    # A whole number and the same as a float are equal; true and 1 are not.
    one, other = our.get("value"), their.get("value")
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def undocumented() -> list[str]:
    document = DOCUMENT.read_text(encoding="utf-8")
    return [reason for reason in REASONS if f"`{reason}`" not in document]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--cells", required=True, metavar="PROGRAM", help="the example read_cells, built")
    arguments.add_argument("--seed", type=int, default=2017, help="of the generated cells")
    arguments.add_argument("--generated", type=int, default=2000, metavar="COUNT", help="of cells to generate")
    options = arguments.parse_args()

    cells = hand_picked() + generated(options.seed, options.generated)
    oracle = Frictionless()
    problems: list[str] = [f"the reason {reason} is not in {DOCUMENT.name}" for reason in undocumented()]
    same: Counter[str] = Counter()
    on_purpose: Counter[str] = Counter()
    for cell, our in zip(cells, ours(options.cells, cells)):
        their = oracle.read(cell)
        alike = agree(our, their)
        if alike and cell.reason is None:
            same[our["verdict"]] += 1
        elif not alike and cell.reason is not None:
            on_purpose[cell.reason] += 1
        else:
            what = f"agree although they should differ ({cell.reason})" if alike else "differ"
            shown = json.dumps(cell.field, ensure_ascii=False)
            problems.append(f"{what}: {cell.text!r} of {shown}\n    bordereau    {our}\n    frictionless {their}")
    problems += [f"no cell shows the reason {reason}" for reason in REASONS if not on_purpose[reason]]

    for problem in problems:
        print(problem)
    picked, made = len(cells) - options.generated, options.generated
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(same.items()))
    print(
        f"{len(cells)} cells compared ({picked} picked, {made} generated): {same.total()} same ({verdicts}), "
        f"{on_purpose.total()} differ on purpose, {len(problems)} problems"
    )
    for reason, count in sorted(on_purpose.items()):
        print(f"  {count:4} {reason}: {REASONS[reason]}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
