#!/usr/bin/env python3
"""Holds profiles against exact answers of DuckDB: every statistic that is said to be exact must be equal, every estimate
within the error it states.

    scripts/oracle/profile_accuracy.py --bordereau PROGRAM [--data ../shared/data] [--keep FOLDER] [NAME ...]

Files: extremes generated here from a fixed seed and, with --data, the delimited files of the reference data. Prints one
line for each file and each fault, and exits with 1 when there was a fault.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

from profile_extremes import EXTREMES

# Sums of products of floats are rounded in another order by each program.
ROUNDING = 1e-9
# A standard error is exceeded six times over once in half a billion.
SIGMAS = 6
REFERENCE = [
    "pg16_fleet/term.csv", "pg16_fleet/unit.csv", "pg16_fleet/claim.csv",
    "msha_wc/insured.csv", "msha_wc/class.csv", "msha_wc/loss.csv",
    "pg17_motor/client.csv", "pg17_motor/vehicle.csv.gz", "pg17_motor/claim.csv",
    "fremtpl2_motor/policy.csv.gz", "fremtpl2_motor/claim.csv",
]


class Checks:
    """Faults of one file, and how many comparisons were made."""

    def __init__(self, name):
        self.name, self.made, self.faults = name, 0, []

    def fault(self, where, what, found, expected):
        self.faults.append(f"{self.name} {where}: {what} is {found}, expected {expected}")

    def equal(self, where, what, found, expected):
        self.made += 1
        if found != expected:
            self.fault(where, what, found, expected)

    def close(self, where, what, found, expected, scale=0.0, error=ROUNDING):
        """`error` is relative to the expected number, or to `scale` when that is larger."""
        self.made += 1
        if expected is None or found is None:
            if found is not expected:
                self.fault(where, what, found, expected)
            return
        if math.isnan(expected) or math.isinf(expected):
            return
        if not abs(found - expected) <= error * max(abs(expected), scale) + 5e-324:
            self.fault(where, what, found, f"{expected} within {error}")

    def estimate(self, where, what, found, expected, scale=0.0):
        """`found` says itself whether it is exact and how far off it may be."""
        error = ROUNDING if found["exact"] else found["relative_error"] * (1 + 1e-9) + ROUNDING
        self.close(where, what, found["value"], expected, scale, error)

    def count(self, where, what, found, expected):
        if found["exact"]:
            self.equal(where, what, found["value"], expected)
        else:
            self.close(where, what, found["value"], expected, 1, found["relative_error"] * SIGMAS)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def expected_nulls(column):
    """SQL that is true for a value that the profile counts as none, by the spellings that it says it found."""
    spelled = ", ".join(literal(one["text"]) for one in column["nulls"]["spellings"])
    blank = "(raw IS NULL OR trim(raw, ' \t') = '')"
    return f"({blank} OR trim(raw, ' \t') IN ({spelled}))" if spelled else blank


def check_column(connection, checks, column):
    where = column["name"]
    view = f"SELECT {quoted(column['name'])} AS raw FROM file"
    rows, nulls, empty = connection.execute(
        f"SELECT count(*), count(*) FILTER ({expected_nulls(column)}), count(*) FILTER (raw IS NULL OR raw = '') FROM ({view})"
    ).fetchone()
    checks.equal(where, "rows", column["rows"], rows)
    checks.equal(where, "nulls.total", column["nulls"]["total"], nulls)
    checks.equal(where, "nulls.empty and absent", column["nulls"]["empty"] + column["nulls"]["absent"], empty)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE v AS SELECT raw FROM ({view}) WHERE NOT {expected_nulls(column)}")
    texts(connection, checks, where, column)
    if column.get("numbers"):
        numbers(connection, checks, where, column)


def texts(connection, checks, where, column):
    distinct, shortest, mean, longest, least, greatest = connection.execute(
        "SELECT count(DISTINCT raw), min(length(raw)), avg(length(raw)), max(length(raw)), min(raw), max(raw) FROM v"
    ).fetchone()
    checks.count(where, "distinct", column["distinct"], distinct)
    strings = column["strings"]
    if distinct:
        checks.equal(where, "strings.length_min", strings["length_min"], shortest)
        checks.equal(where, "strings.length_max", strings["length_max"], longest)
        checks.close(where, "strings.length_mean", strings["length_mean"], mean)
    if distinct and len(least) <= 200 and len(greatest) <= 200:
        checks.equal(where, "strings.min", strings.get("min"), least)
        checks.equal(where, "strings.max", strings.get("max"), greatest)
    counts = dict(connection.execute("SELECT raw, count(*) FROM v GROUP BY raw ORDER BY 2 DESC LIMIT 100000").fetchall())
    frequent = column["frequent"]
    for one in frequent["values"]:
        value = one["value"]
        if value.endswith("…"):
            continue
        true = counts.get(value)
        if true is None:
            [(true,)] = connection.execute("SELECT count(*) FROM v WHERE raw = ?", [value]).fetchall()
        checks.made += 1
        if not one["count"] <= true <= one["count"] + one["count_error"]:
            checks.fault(where, "the count of a frequent value", one["count"], f"{true} within {one['count_error']}")
    shown = {one["value"] for one in frequent["values"]}
    missed = max((count for value, count in counts.items() if value not in shown and len(value) <= 200), default=0)
    least_shown = min((one["count"] for one in frequent["values"]), default=0)
    allowed = least_shown if frequent["exact"] else frequent.get("missed_at_most")
    checks.made += 1
    if allowed is None or (len(frequent["values"]) >= 20 and missed > allowed):
        checks.fault(where, "the most frequent value that is missing", allowed, missed)
    total = sum(counts.values())
    if distinct and distinct == len(counts):
        entropy = -sum(count / total * math.log2(count / total) for count in counts.values())
        checks.estimate(where, "entropy", column["entropy"], entropy, 1.0)


def numbers(connection, checks, where, column):
    stats = column["numbers"]
    style = column["typing"].get("number_style")
    if style and (style["decimal"] != "point" or style["grouped"] or style["currency"] or style["percent"] or style["parentheses"]):
        return
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE n AS SELECT x FROM (SELECT TRY_CAST(trim(raw, ' \t') AS DOUBLE) AS x FROM v) "
        "WHERE x IS NOT NULL AND isfinite(x)"
    )
    count, least, greatest, total, mean, zeros, negatives = connection.execute(
        "SELECT count(*), min(x), max(x), fsum(x), favg(x), count(*) FILTER (x = 0), count(*) FILTER (x < 0) FROM n"
    ).fetchone()
    for name, expected in (("count", count), ("zeros", zeros), ("negatives", negatives)):
        checks.equal(where, f"numbers.{name}", stats[name], expected)
    if not count:
        return
    for name, expected in (("min", least), ("max", greatest)):
        checks.equal(where, f"numbers.{name}", stats[name], expected)
    scale = max(abs(least), abs(greatest))
    checks.close(where, "numbers.sum", stats["sum"], total, scale)
    checks.close(where, "numbers.mean", stats["mean"], mean, scale)
    shape(connection, checks, where, stats, mean, scale, count)
    order(connection, checks, where, stats, scale)


def shape(connection, checks, where, stats, mean, scale, count):
    """Standard deviation, skewness and kurtosis, by the definition (two passes over numbers scaled to 1)."""
    if scale == 0 or count < 2:
        return
    m2, m3, m4 = connection.execute(
        "SELECT fsum(pow((x - $m) / $s, 2)), fsum(pow((x - $m) / $s, 3)), fsum(pow((x - $m) / $s, 4)) FROM n",
        {"m": mean, "s": scale},
    ).fetchone()
    # Below this the spread is rounding itself.
    if not m2 > 1e-18 * count:
        return
    checks.close(where, "numbers.standard_deviation", stats["standard_deviation"], math.sqrt(m2 / (count - 1)) * scale, 0, 1e-7)
    checks.close(where, "numbers.skewness", stats["skewness"], math.sqrt(count) * m3 / m2**1.5, 1, 1e-6)
    checks.close(where, "numbers.kurtosis", stats["kurtosis"], count * m4 / m2**2 - 3, 1, 1e-6)


def order(connection, checks, where, stats, scale):
    percents = [one["percent"] for one in stats["percentiles"]]
    checks.equal(where, "percentiles", percents, [1, 5, 10, 25, 50, 75, 90, 95, 99])
    [(expected,)] = connection.execute(f"SELECT quantile_disc(x, {[p / 100 for p in percents]}) FROM n").fetchall()
    for one, true in zip(stats["percentiles"], expected):
        checks.estimate(where, f"percentile {one['percent']}", one, true)
    quarter, half, three = expected[3], expected[4], expected[5]
    checks.estimate(where, "interquartile_range", stats["interquartile_range"], three - quarter)
    [(distance,)] = connection.execute("SELECT quantile_disc(abs(x - ?), 0.5) FROM n", [half]).fetchall()
    checks.estimate(where, "median_absolute_deviation", stats["median_absolute_deviation"], distance)
    low, high = stats["fences"]
    [(outside,)] = connection.execute("SELECT count(*) FROM n WHERE x < ? OR x > ?", [low, high]).fetchall()
    checks.count(where, "outside_fences", stats["outside_fences"], outside)
    for name in ("equal_width", "equal_count"):
        histogram = stats[name]
        bins = histogram["bins"]
        checks.equal(where, f"{name} counts all", sum(one["count"] for one in bins), stats["count"])
        if not histogram["exact"]:
            continue
        for at, one in enumerate(bins):
            upper = "<=" if at + 1 == len(bins) else "<"
            [(true,)] = connection.execute(
                f"SELECT count(*) FROM n WHERE x >= ? AND x {upper} ?", [one["from"], one["to"]]
            ).fetchall()
            checks.equal(where, f"{name} bin {at}", one["count"], true)


def check_file(program, path, name):
    command = [program, "profile", "--json", "--pii", "show", "--reproducible", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    checks = Checks(name)
    if done.returncode != 0:
        checks.faults.append(f"{name}: the program ended with {done.returncode}: {done.stderr.strip()[:400]}")
        return checks
    profile = json.loads(done.stdout)
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(
        f"CREATE TABLE file AS SELECT * FROM read_csv({literal(str(path))}, all_varchar=true, header=true, nullstr='\\x00none', "
        "max_line_size=33554432, buffer_size=134217728, delim=',', quote='\"', escape='\"')"
    )
    [relation] = profile["relations"]
    for column in relation["columns"]:
        check_column(connection, checks, column)
    [(rows, distinct)] = connection.execute("SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT * FROM file)) FROM file").fetchall()
    checks.equal("the relation", "rows", relation["rows"], rows)
    checks.count("the relation", "duplicate_rows", relation["duplicate_rows"]["count"], rows - distinct)
    return checks


def files(arguments, folder):
    for name, make in EXTREMES.items():
        if not arguments.names or name in arguments.names:
            path = folder / f"{name}.csv"
            make(path)
            yield name, path
    for name in REFERENCE if arguments.data else []:
        path = Path(arguments.data) / name
        if not arguments.names or name in arguments.names:
            yield name, path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only these files")
    parser.add_argument("--bordereau", required=True, help="the program")
    parser.add_argument("--data", help="the folder of the reference data")
    parser.add_argument("--keep", type=Path, help="where to leave the generated files")
    arguments = parser.parse_args()
    faults = made = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in files(arguments, folder):
            checks = check_file(arguments.bordereau, path, name)
            print(f"{name}: {checks.made} comparisons, {len(checks.faults)} faults", flush=True)
            for fault in checks.faults[:40]:
                print(f"  {fault}")
            made, faults = made + checks.made, faults + len(checks.faults)
    print(f"accuracy: {made} comparisons, {faults} faults")
    return 1 if faults or not made else 0


if __name__ == "__main__":
    sys.exit(main())
