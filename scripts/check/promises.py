#!/usr/bin/env python3
"""Holds docs/promises.md against the tests: a test whose name begins with promise_ and numbers proves these promises.

    scripts/check/promises.py

Every test named so must stand in the section of each of its promises, and every name in a section must be a test. Exits
with 1 otherwise.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "promises.md"
NAME = re.compile(r"\bpromise((?:_\d)+)_[a-z0-9_]+")
TEST = re.compile(r"\bfn (promise(?:_\d)+_[a-z0-9_]+)\s*\(")
PROMISES = range(1, 9)


def proved(name):
    """The numbers in a test's name."""
    return {int(number) for number in NAME.match(name).group(1).strip("_").split("_")}


def written(page):
    """The names in the section of each promise."""
    sections = re.split(r"^## (\d)\b.*$", page, flags=re.MULTILINE)[1:]
    texts = dict(zip(map(int, sections[0::2]), sections[1::2]))
    return {promise: {found.group(0) for found in NAME.finditer(texts.get(promise, ""))} for promise in PROMISES}


def named(root):
    """The names of the tests in the sources below `root`."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(root.glob("crates/*/**/*.rs")))
    return {found.group(1) for text in texts for found in TEST.finditer(text)}


def faults(page, tests):
    """Sentences on what the page and the tests do not have in common."""
    told = written(page)
    for promise in PROMISES:
        wanted = {name for name in tests if promise in proved(name)}
        if not wanted:
            yield f"promise {promise} has no test"
        for name in sorted(wanted - told[promise]):
            yield f"{name} is not in the section of promise {promise}"
        for name in sorted(told[promise] - wanted):
            yield f"{name} is in the section of promise {promise} and no test"


def main():
    """Reads page and sources and says what is wrong."""
    found = list(faults(PAGE.read_text(encoding="utf-8"), named(ROOT)))
    for sentence in found:
        print(f"{PAGE.name}: {sentence}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
