"""States of the synthetic books: rough shares of the business, ZIP prefixes, and a made-up effect on losses."""

import numpy as np

# State, share of the book in parts per thousand, three-digit ZIP prefix, effect on the log of the losses.
_STATES = [
    ("AL", 17, "352", 0.02), ("AK", 3, "995", 0.10), ("AZ", 22, "850", -0.04), ("AR", 10, "722", -0.10),
    ("CA", 110, "900", 0.18), ("CO", 24, "803", -0.03), ("CT", 14, "061", 0.05), ("DE", 4, "198", 0.03),
    ("DC", 3, "200", -0.08), ("FL", 68, "331", 0.08), ("GA", 34, "303", 0.01), ("HI", 5, "968", 0.04),
    ("ID", 8, "837", -0.02), ("IL", 42, "606", 0.09), ("IN", 22, "462", -0.12), ("IA", 13, "503", -0.05),
    ("KS", 11, "672", -0.07), ("KY", 15, "402", -0.06), ("LA", 15, "701", 0.12), ("ME", 6, "041", 0.00),
    ("MD", 19, "212", -0.02), ("MA", 24, "021", -0.09), ("MI", 30, "482", -0.11), ("MN", 20, "554", 0.01),
    ("MS", 9, "392", -0.01), ("MO", 20, "631", 0.02), ("MT", 6, "598", 0.14), ("NE", 8, "681", -0.03),
    ("NV", 12, "891", -0.06), ("NH", 6, "031", -0.04), ("NJ", 30, "071", 0.13), ("NM", 7, "871", 0.03),
    ("NY", 62, "100", 0.15), ("NC", 33, "282", -0.02), ("ND", 3, "581", -0.10), ("OH", 34, "432", -0.07),
    ("OK", 13, "731", 0.06), ("OR", 14, "972", -0.13), ("PA", 40, "191", 0.04), ("RI", 4, "029", 0.05),
    ("SC", 17, "292", 0.05), ("SD", 4, "571", -0.03), ("TN", 22, "372", -0.05), ("TX", 92, "770", -0.14),
    ("UT", 10, "841", -0.15), ("VT", 3, "054", 0.04), ("VA", 27, "232", -0.12), ("WA", 20, "981", 0.00),
    ("WV", 5, "253", -0.06), ("WI", 20, "532", 0.03), ("WY", 3, "820", 0.02),
]

CODES = [code for code, _, _, _ in _STATES]
PREFIXES = np.array([prefix for _, _, prefix, _ in _STATES])
EFFECTS = np.array([effect for _, _, _, effect in _STATES])
_SHARES = np.array([share for _, share, _, _ in _STATES], dtype=float)
SHARES = _SHARES / _SHARES.sum()


def draw(rng: np.random.Generator, count: int) -> np.ndarray:
    """Positions in CODES."""
    return rng.choice(len(CODES), size=count, p=SHARES)


def zip_codes(rng: np.random.Generator, states: np.ndarray) -> np.ndarray:
    """A five-digit ZIP code of each state."""
    last = rng.integers(1, 100, size=len(states))
    return np.array([f"{PREFIXES[state]}{number:02d}" for state, number in zip(states, last, strict=True)])
