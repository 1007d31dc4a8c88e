#!/usr/bin/env python3
"""Holds profiles against exact answers of DuckDB: every statistic that is said to be exact must be equal, every estimate
within the error it states.

    scripts/oracle/profile_accuracy.py --bordereau PROGRAM [--data ../shared/data] [--keep FOLDER] [NAME ...]

Files: extremes generated here from a fixed seed and, with --data, the delimited files of the reference data. Of files
with more than 400 columns the first 25, the last 25 and every 97th between them are held against DuckDB. Prints one line
for each file and each fault, and exits with 1 when there was a fault.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import duckdb

from profile_extremes import EXTREMES

# DuckDB sums with the compensation of Kahan, which is off by a few units in the last place of the sum of the absolute
# values: 1e-9 of the greatest value leaves room for that in 2 million rows and is far below what a reader sees.
ROUNDING = 1e-9
# The profile merges moments block by block where the oracle makes two passes; each block may lose a digit of the sixteen,
# and powers of deviations lose digits to cancellation where the mean is large beside the spread (large_mean: 1e9 to 1).
SPREAD_ERROR = 1e-7
SHAPE_ERROR = 1e-6
# A count states a standard error; six times of it are exceeded once in half a billion.
SIGMAS = 6
# What the document says for numbers beyond the range of a float.
MOST = sys.float_info.max
COLUMNS_ALL = 400
COLUMNS_ENDS = 25
# A prime, so that columns made by a rule of period 50 (many_columns) are all met.
COLUMNS_STEP = 97
REFERENCE = [
    "pg16_fleet/term.csv", "pg16_fleet/unit.csv", "pg16_fleet/claim.csv",
    "msha_wc/insured.csv", "msha_wc/class.csv", "msha_wc/loss.csv", "msha_wc/class_code.csv",
    "pg17_motor/client.csv", "pg17_motor/vehicle.csv.gz", "pg17_motor/claim.csv",
    "pg17_motor/client_year1.csv", "pg17_motor/vehicle_year1.csv.gz",
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


def looked_at(columns):
    if len(columns) <= COLUMNS_ALL:
        return columns
    return columns[:COLUMNS_ENDS] + columns[COLUMNS_ENDS:-COLUMNS_ENDS:COLUMNS_STEP] + columns[-COLUMNS_ENDS:]


def expected_nulls(column, raw="raw"):
    """SQL that is true for a value that the profile counts as none, by the spellings that it says it found."""
    spelled = ", ".join(literal(one["text"]) for one in column["nulls"]["spellings"])
    blank = f"({raw} IS NULL OR trim({raw}, ' \t') = '')"
    return f"({blank} OR trim({raw}, ' \t') IN ({spelled}))" if spelled else blank


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
    if column.get("dates"):
        dates(connection, checks, where, column)


def texts(connection, checks, where, column):
    rows, distinct, shortest, mean, longest, least, greatest = connection.execute(
        "SELECT count(*), count(DISTINCT raw), min(length(raw)), avg(length(raw)), max(length(raw)), min(raw), max(raw) FROM v"
    ).fetchone()
    checks.count(where, "distinct", column["distinct"], distinct)
    strings = column["strings"]
    if distinct:
        checks.equal(where, "strings.length_min", strings["length_min"], shortest)
        checks.equal(where, "strings.length_max", strings["length_max"], longest)
        checks.close(where, "strings.length_mean", strings["length_mean"], mean)
        lengths = strings["lengths"]["bins"]
        for at, one in enumerate(lengths):
            upper = "<=" if at + 1 == len(lengths) else "<"
            [(true,)] = connection.execute(
                f"SELECT count(*) FROM v WHERE length(raw) >= ? AND length(raw) {upper} ?", [one["from"], one["to"]]
            ).fetchall()
            checks.equal(where, f"strings.lengths from {one['from']}", one["count"], true)
        checks.equal(where, "strings.lengths counts all", sum(one["count"] for one in lengths), rows)
    checks.equal(where, "constant", column["constant"], distinct == 1)
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
    rarest(checks, where, column, counts, distinct)
    total = sum(counts.values())
    if distinct and distinct == len(counts):
        entropy = -sum(count / total * math.log2(count / total) for count in counts.values())
        checks.estimate(where, "entropy", column["entropy"], entropy, 1.0)


def rarest(checks, where, column, counts, distinct):
    """The rarest values are listed where all are counted exactly; among equally rare ones any may be."""
    listed = column.get("rarest")
    if not listed or distinct > len(counts):
        return
    least = sorted(counts.values())[: len(listed)]
    checks.equal(where, "the counts of the rarest values", sorted(one["count"] for one in listed), least)
    for one in listed:
        if not one["value"].endswith("…"):
            checks.equal(where, "the count of a rare value", one["count"], counts.get(one["value"]))


def dates(connection, checks, where, column):
    """Days written as ISO 8601 only: the other forms are read by rules of our own."""
    stats = column["dates"]
    if [one["format"] for one in column["typing"]["temporal_formats"]] != ["default"] or len(stats["min"]) != 10:
        return
    count, least, greatest, future = connection.execute(
        "SELECT count(d), min(d)::VARCHAR, max(d)::VARCHAR, count(*) FILTER (d > ?::DATE) "
        "FROM (SELECT TRY_CAST(trim(raw, ' \t') AS DATE) AS d FROM v WHERE length(trim(raw, ' \t')) = 10)",
        [stats["as_of"]],
    ).fetchone()
    for name, expected in (("count", count), ("min", least), ("max", greatest), ("future", future)):
        checks.equal(where, f"dates.{name}", stats[name], expected)
    checks.equal(where, "dates.histogram counts all", sum(one["count"] for one in stats["histogram"]["bins"]), count)


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
    if not (math.isfinite(total) and math.isfinite(mean)):
        exact = sum(Fraction(x) for (x,) in connection.execute("SELECT x FROM n").fetchall())
        total, mean = nearest(exact), nearest(exact / count)
    checks.close(where, "numbers.sum", stats["sum"], total, scale)
    checks.close(where, "numbers.mean", stats["mean"], mean, scale)
    checks.equal(where, "numbers.range", stats["range"], nearest(Fraction(greatest) - Fraction(least)))
    shape(connection, checks, where, stats, scale, count)
    order(connection, checks, where, stats, scale)


def nearest(exact):
    """The float nearest to a fraction, the greatest one beyond the range."""
    try:
        return float(exact)
    except OverflowError:
        return MOST if exact > 0 else -MOST


def shape(connection, checks, where, stats, scale, count):
    """Standard deviation, skewness and kurtosis, by the definition (two passes over numbers scaled to 1). The mean is of
    the scaled numbers too: that of subnormals is a subnormal itself and has few digits."""
    if scale == 0 or count < 2:
        return
    [(mean,)] = connection.execute("SELECT favg(x / $s) FROM n", {"s": scale}).fetchall()
    m2, m3, m4 = connection.execute(
        "SELECT fsum(pow(x / $s - $m, 2)), fsum(pow(x / $s - $m, 3)), fsum(pow(x / $s - $m, 4)) FROM n",
        {"m": mean, "s": scale},
    ).fetchone()
    # Below this the spread is rounding itself.
    if not m2 > 1e-18 * count:
        return
    checks.close(where, "numbers.standard_deviation", stats["standard_deviation"], math.sqrt(m2 / (count - 1)) * scale, 0, SPREAD_ERROR)
    checks.close(where, "numbers.skewness", stats["skewness"], math.sqrt(count) * m3 / m2**1.5, 1, SHAPE_ERROR)
    checks.close(where, "numbers.kurtosis", stats["kurtosis"], count * m4 / m2**2 - 3, 1, SHAPE_ERROR)


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
    for column in looked_at(relation["columns"]):
        check_column(connection, checks, column)
    # Rows that differ in how they spell a missing value are alike.
    cells = ", ".join(
        f"CASE WHEN NOT {expected_nulls(column, quoted(column['name']))} THEN {quoted(column['name'])} END"
        if column["nulls"]["total"] else quoted(column["name"])
        for column in relation["columns"]
    )
    [(rows, distinct)] = connection.execute(
        f"SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT {cells} FROM file)) FROM file"
    ).fetchall()
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
