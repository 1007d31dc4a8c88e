"""Holds drafted data dictionaries against frictionless: the very file that a draft was made from must have no error.

    pip install -r scripts/oracle/requirements.txt
    cargo build -p bordereau-profile --example draft_datapackage
    python scripts/oracle/draft_oracle.py --draft target/debug/examples/draft_datapackage

The files are the samples of the repository and generated ones (see FILES): decimal commas, groups, currencies, dates
in several formats, booleans, quotes, missing values, keys and links, encodings. Each group of files is copied into a
folder, profiled together, and validated by frictionless with the draft beside them. Prints each draft's fields and
exits with 1 on any error, or when a type that is expected of a column is another.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Callable

from frictionless import Package, system

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLES = REPOSITORY / "testdata" / "samples"
ROWS = 400


@dataclass
class Case:
    """Files that are uploaded together, and the types that some of their columns must get."""

    name: str
    files: dict[str, bytes]
    types: dict[str, str] = field(default_factory=dict)


def table(delimiter: str, columns: dict[str, Callable[[int], str]], rows: int = ROWS) -> str:
    """A delimited file; values that need quotes get them."""

    def quoted(value: str) -> str:
        if any(mark in value for mark in (delimiter, '"', "\n")):
            return '"' + value.replace('"', '""') + '"'
        return value

    lines = [delimiter.join(columns)]
    lines += [delimiter.join(quoted(make(row)) for make in columns.values()) for row in range(rows)]
    return "\n".join(lines) + "\n"


def some_day(dice: random.Random) -> date:
    return date(1995, 1, 1) + timedelta(days=dice.randrange(10_000))


def numbers(dice: random.Random) -> Case:
    amount = lambda: round(dice.uniform(-50_000, 2_000_000), 2)
    grouped = lambda value, group, point: f"{value:,.2f}".replace(",", "g").replace(".", point).replace("g", group)
    text = table(
        ";",
        {
            "whole": lambda row: str(dice.randrange(-500, 90_000)),
            "point": lambda row: str(amount()),
            "comma": lambda row: f"{dice.uniform(0, 99):.2f}".replace(".", ","),
            "german": lambda row: grouped(amount(), ".", ","),
            "swiss": lambda row: grouped(abs(amount()), "'", "."),
            "grouped": lambda row: grouped(amount(), ",", "."),
            "dollars": lambda row: "$" + grouped(abs(amount()), ",", "."),
            "percent": lambda row: f"{dice.uniform(0, 100):.1f}%",
            "euros": lambda row: f"{dice.randrange(1, 5000)} EUR",
            "negatives": lambda row: f"({dice.randrange(1, 5000)})" if row % 7 == 0 else str(dice.randrange(5000)),
            "exponent": lambda row: f"{dice.uniform(-1, 1):.3e}",
            "large": lambda row: str(dice.randrange(10**17, 10**20)),
            "sevenths": lambda row: repr(dice.uniform(-1, 1) / 7),
            "missing": lambda row: dice.choice(["", "NA", "N/A", "NULL", "-", str(row)]),
            "spoilt": lambda row: "unknown" if row == 17 else str(row),
        },
    )
    types = {"whole": "integer", "point": "number", "comma": "number", "missing": "integer", "spoilt": "string"}
    return Case("numbers", {"numbers.csv": text.encode()}, types)


def dates(dice: random.Random) -> Case:
    day = lambda pattern: lambda row: some_day(dice).strftime(pattern)
    text = table(
        "|",
        {
            "iso": day("%Y-%m-%d"),
            "american": lambda row: f"{(d := some_day(dice)).month}/{d.day}/{d.year}",
            "day_first": day("%d/%m/%Y"),
            "dotted": day("%d.%m.%Y"),
            "short": day("%m/%d/%y"),
            "named": day("%d %b %Y"),
            "mixed": lambda row: some_day(dice).strftime("%Y-%m-%d" if row % 2 else "%m/%d/%Y"),
            "moment": day("%Y-%m-%dT08:30:00"),
            "minute": day("%Y-%m-%d 08:30"),
            "zoned": day("%Y-%m-%dT08:30:00+02:00"),
            "invalid": lambda row: "2021-02-30" if row == 3 else some_day(dice).isoformat(),
            "gaps": lambda row: "" if row % 9 == 0 else some_day(dice).isoformat(),
            "compact": day("%Y%m%d"),
        },
    )
    types = {"iso": "date", "american": "date", "day_first": "date", "mixed": "date", "invalid": "string"}
    return Case("dates", {"dates.psv": text.encode()}, types)


def texts(dice: random.Random) -> Case:
    letters = "abcdefghij klmnopqrstuvwxyz"
    words = lambda low, high: "".join(dice.choice(letters) for _ in range(dice.randrange(low, high))).strip() or "x"
    text = table(
        ",",
        {
            "flag": lambda row: dice.choice("YN"),
            "word": lambda row: dice.choice(["yes", "no"]),
            "bit": lambda row: dice.choice("01"),
            "state": lambda row: dice.choice(["CO", "MO", "NY", "CA"]),
            "zip": lambda row: f"{dice.randrange(501, 99_951):05}",
            "class_code": lambda row: f"{dice.randrange(5, 9_999):04}",
            "policy": lambda row: f"WC{dice.randrange(10**7):07}-{dice.randrange(10)}",
            "description": lambda row: words(0, 30),
            "quoted": lambda row: dice.choice(['say "hi"', "a, b", "two\nlines", "plain"]),
            "padded": lambda row: dice.choice(["left", " left", "right ", "  "]),
            "padded_number": lambda row: dice.choice([" 12", "12", "7 "]),
            "accents": lambda row: dice.choice(["Müller", "Élan", "naïve", "日本"]),
            "empty": lambda row: "",
            "constant": lambda row: "same",
            "marks": lambda row: dice.choice(["(a)", "[b]", "{c}", "^d$", "e|f", "g.*", "h\\i", "j-k", "l&&m"]),
            "email": lambda row: f"{words(3, 9).replace(' ', '')}{row}@example.org",
        },
    )
    return Case("texts", {"texts.csv": text.encode()}, {"state": "string", "zip": "string", "empty": "any"})


def encodings(dice: random.Random) -> list[Case]:
    text = table(
        ";",
        {
            "name": lambda row: dice.choice(["Zoë", "Jürgen", "François", "Ann"]),
            "price": lambda row: f"{dice.randrange(1, 900)},{dice.randrange(100):02} €",
            "city": lambda row: dice.choice(["Köln", "Genève", "Århus"]),
        },
    )
    return [
        Case(f"encoding_{name.replace('-', '_')}", {"money.csv": text.encode(name)})
        for name in ("windows-1252", "utf-8", "utf-8-sig", "utf-16")
    ]


def linked(dice: random.Random) -> Case:
    policies = [f"P{number:05}" for number in dice.sample(range(99_999), 200)]
    policy = table(
        ",",
        {
            "policy_number": lambda row: policies[row],
            "effective": lambda row: some_day(dice).isoformat(),
            "premium": lambda row: f"{dice.uniform(100, 9_000):.2f}",
        },
        len(policies),
    )
    claim = table(
        "\t",
        {
            "claim_number": lambda row: str(10_000 + row),
            "policy_number": lambda row: dice.choice(policies),
            "paid": lambda row: f"{dice.uniform(0, 9_000):.2f}",
        },
    )
    return Case("linked", {"policy.csv": policy.encode(), "claim.tsv": claim.encode()})


def samples() -> list[Case]:
    groups = {
        "insureright": ["insureright/insured.psv", "insureright/class.psv"],
        "ca": ["ca/term.csv", "ca/unit.csv"],
        "wc_claims": ["wc_claims/claim.csv"],
    }
    read = lambda names: {Path(name).name: (SAMPLES / name).read_bytes() for name in names}
    return [Case(name, read(names)) for name, names in groups.items()]


def cases(seed: int) -> list[Case]:
    dice = random.Random(seed)
    return [*samples(), numbers(dice), dates(dice), texts(dice), *encodings(dice), linked(dice)]


def problems_of(case: Case, program: str, folder: Path) -> tuple[list[str], dict[str, Any]]:
    for name, content in case.files.items():
        (folder / name).write_bytes(content)
    paths = [str(folder / name) for name in case.files]
    done = subprocess.run([program, *paths], capture_output=True, text=True, encoding="utf-8")
    if done.returncode != 0:
        return [f"no draft: {done.stderr.strip()}"], {}
    draft = json.loads(done.stdout)
    (folder / "datapackage.json").write_text(done.stdout, encoding="utf-8")
    report = Package(str(folder / "datapackage.json")).validate()
    problems = [f"{error.type}: {error.note}" for error in report.errors]
    for task in report.tasks:
        problems += [f"{task.name}: {error.type}: {error.message}" for error in task.errors]
    found = {
        field["name"]: field["type"] for resource in draft["resources"] for field in resource["schema"]["fields"]
    }
    problems += [
        f"{name} is drafted as {found.get(name)}, expected {kind}"
        for name, kind in case.types.items()
        if found.get(name) != kind
    ]
    return problems, draft


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--draft", required=True, metavar="PROGRAM", help="the example draft_datapackage, built")
    arguments.add_argument("--seed", type=int, default=2017, help="of the generated files")
    arguments.add_argument("--show", action="store_true", help="print the drafts")
    options = arguments.parse_args()
    # Paths of temporary folders are absolute.
    system.trusted = True
    failed = 0
    fields = 0
    for case in cases(options.seed):
        folder = Path(tempfile.mkdtemp(prefix="draft-"))
        try:
            problems, draft = problems_of(case, options.draft, folder)
        finally:
            shutil.rmtree(folder)
        if options.show:
            print(json.dumps(draft, indent=1, ensure_ascii=False))
        fields += sum(len(resource["schema"]["fields"]) for resource in draft.get("resources", []))
        failed += bool(problems)
        print(f"{case.name}: {'no error' if not problems else f'{len(problems)} problems'}")
        for problem in problems[:20]:
            print(f"    {problem}")
    print(f"{fields} drafted fields validated, {failed} groups of files with problems")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
