"""What schemathesis cannot know of the server: keys and names that mean something to it, and zips.

Loaded by schemathesis, which scripts/oracle/http_oracle.py starts. What is known comes in BORDEREAU_KNOWN as JSON, a
list of values for each name of a variable part of a path. Names are put into well-formed cases, and not into all of
them: what is made up must be answered as the document says too. Cases that are meant to be wrong are sent as made.
"""

import io
import json
import os
import random
import zipfile
from pathlib import Path

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase
from schemathesis.transport.serialization import Binary, serialize_binary

KNOWN = json.loads(os.environ.get("BORDEREAU_KNOWN", "{}"))
SAMPLE = Path(__file__).resolve().parents[2] / "testdata" / "samples" / "insureright"
# The share of parts of a path in which a known value takes the place of one that was made up.
SHARE = 0.8
# What has subscriptions answered without a wait: no time to wait, or a cursor of no log.
AT_ONCE = {"/solutions/longpoll/subscribe": {"timeout": 0}, "/api/2/events": {"since": "0"}}
CHARS = "ABCXYZabcxyz0189 ,;|\"'\u00e9\u0000"


def dice_of(case):
    """The same dice for the same case, so that a failure can be had again."""
    return random.Random(repr((case.operation.label, case.path_parameters, case.query)))


def some_zip(dice):
    """The guide's sample, a file of made-up cells, or no zip at all."""
    kind = dice.choice(["sample", "cells", "nothing"])
    if kind == "nothing":
        return dice.randbytes(dice.randrange(64))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", dice.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as zipped:
        if kind == "sample":
            for file in sorted(SAMPLE.glob("*.psv")):
                zipped.write(file, file.name)
        else:
            rows = ["".join(dice.choices(CHARS, k=dice.randrange(40))) for _ in range(dice.randrange(20))]
            zipped.writestr(dice.choice(["insured.csv", "class.psv", "book.txt"]), "\n".join(rows))
    return packed.getvalue()


def is_well_formed(case, place):
    """Whether that part of a case is as the document says."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return False
    part = case.meta.components.get(place)
    return part is None or part.mode.is_positive


@schemathesis.hook
def map_case(context, case):
    dice = dice_of(case)
    if case.meta is not None and case.meta.phase.name == TestPhase.STATEFUL:
        return case  # It goes on from answers, which have names of their own.
    if case.path_parameters and is_well_formed(case, ParameterLocation.PATH):
        for name in case.path_parameters:
            if name in KNOWN and dice.random() < SHARE:
                case.path_parameters[name] = dice.choice(KNOWN[name])
    return case


@schemathesis.hook
def before_call(context, case, kwargs):
    for name, value in AT_ONCE.get(case.operation.path, {}).items():
        if name not in (case.query or {}) or is_well_formed(case, ParameterLocation.QUERY):
            case.query = {**(case.query or {}), name: value}


schemathesis.openapi.format("binary", st.integers(0, 1 << 16).map(lambda seed: Binary(some_zip(random.Random(seed)))))


@schemathesis.serializer("application/offset+octet-stream")
def piece(context, value):
    """A piece of a resumable upload."""
    return {"data": serialize_binary(value)}
