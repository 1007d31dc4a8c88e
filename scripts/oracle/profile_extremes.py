"""Files of extremes for the accuracy of profiles, each from a fixed seed."""

import csv
import random

ROWS = 200_000


def write(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def all_null(path):
    write(path, ["nothing", "blank", "spelled", "number"], ((("", "  ", "NA", str(n))) for n in range(5_000)))


def one_value(path):
    write(path, ["text", "number", "day"], (("same", "7.25", "2020-02-29") for _ in range(5_000)))


def all_distinct(path):
    numbers = list(range(ROWS))
    random.Random(1).shuffle(numbers)
    write(path, ["number", "text", "decimal"], ((n, f"key-{n:09d}", f"{n * 7 % ROWS / 1000:.3f}") for n in numbers))


def huge(path):
    chance = random.Random(2)
    rows = ((repr(chance.choice([1, -1]) * 1e308), repr(chance.uniform(1e307, 1.7e308)), repr(chance.uniform(-1.7e308, 1.7e308)))
            for _ in range(3_000))
    write(path, ["ends", "positive", "both"], rows)


def tiny(path):
    chance = random.Random(3)
    rows = ((repr(5e-324 * chance.randrange(1, 1_000)), repr(chance.uniform(0, 2.2e-308)), chance.choice(["-0", "0", "-0.0", "0.0"]))
            for _ in range(3_000))
    write(path, ["subnormal", "near", "zero"], rows)


def long_cell(path):
    rows = [("1", "a" * 10_000_000), ("2", "b"), ("3", ""), ("4", "é" * 1_000_000)]
    write(path, ["number", "text"], rows)


def many_columns(path):
    chance = random.Random(4)
    header = [f"c{n:05d}" for n in range(10_000)]
    write(path, header, ([chance.randrange(n % 50 + 1) for n in range(10_000)] for _ in range(120)))


def zipf(path):
    chance = random.Random(5)
    ranks = [int(chance.paretovariate(1.1)) for _ in range(ROWS)]
    write(path, ["rank", "code"], ((rank, f"A{min(rank, 90_000):06d}") for rank in ranks))


def heavy(path):
    """Far more distinct values than are kept, and a few that are frequent."""
    chance = random.Random(6)
    rows = ((f"frequent {chance.randrange(5)}" if chance.random() < 0.2 else f"rare {chance.getrandbits(60):x}",
             round(chance.lognormvariate(9, 2), 2), chance.gauss(0, 1)) for _ in range(2 * ROWS))
    write(path, ["text", "money", "normal"], rows)


def in_order(path):
    write(path, ["up", "down", "name"], ((n * 0.5, ROWS - n, f"n{n:06d}") for n in range(ROWS)))


def reverse(path):
    write(path, ["down", "up", "name"], ((ROWS - n, n, f"n{ROWS - n:06d}") for n in range(ROWS)))


def large_mean(path):
    chance = random.Random(7)
    write(path, ["money", "near"], ((repr(1e9 + chance.random()), repr(1e15 + chance.randrange(3))) for _ in range(20_000)))


def mixed(path):
    chance = random.Random(8)
    kinds = [lambda: str(chance.randrange(100)), lambda: f"{chance.random():.4f}", lambda: "n/a", lambda: " padded ",
             lambda: "", lambda: "1e5", lambda: "2021-03-04", lambda: "TRUE", lambda: "naïve, \"quoted\"\nand broken"]
    weights = [50, 20, 2, 2, 5, 2, 2, 2, 2]
    write(path, ["mostly", "anything"], ((chance.choices(kinds, weights)[0](), chance.choice(kinds)()) for _ in range(20_000)))


EXTREMES = {make.__name__: make for make in (
    all_null, one_value, all_distinct, huge, tiny, long_cell, many_columns, zipf, heavy, in_order, reverse, large_mean, mixed,
)}
