"""A synthetic book of commercial auto and the demonstration models of `ca`.

What is true in the book: each fleet has a propensity to claims that nobody sees and that the claims of prior terms show
in part. Heavy vehicles, old vehicles, growth, new business, the state and units kept away from home raise the number
of claims; the premium follows some of it, so that the loss ratio keeps the rest.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import glm
import states
from release_folder import decile_edges, features, model_inputs, plain_bins, relative_bins, write_bins
from trees import train, write_model

TERMS = 24_000

# Classification as insurers write it, share, claims of a unit and term, premium of a unit.
KINDS = [
    ("truck", 0.30, 0.11, 3_400),
    ("tractor", 0.14, 0.19, 7_800),
    ("trailer", 0.18, 0.02, 500),
    ("van", 0.14, 0.08, 1_900),
    ("private passenger", 0.15, 0.07, 1_400),
    ("bus", 0.04, 0.14, 4_600),
    ("special equipment", 0.05, 0.04, 1_100),
]
SIZES = ["L", "M", "H", "X", "T", "P"]
SIZE_OF_KIND = {"truck": "M", "tractor": "T", "trailer": "H", "van": "L", "private passenger": "P", "bus": "H",
                "special equipment": "M"}
SIZE_EFFECT = {"L": -0.05, "M": 0.0, "H": 0.08, "X": 0.15, "T": 0.12, "P": -0.10}

CATEGORIES = {
    "mailing_state": sorted(states.CODES),
    "vehicle_size": SIZES,
    "largest_unit_kind": ["bus", "other", "passenger", "tractor", "trailer", "truck", "van"],
}
RISK_INPUTS = [
    "is_renewal", "mailing_state", "vehicle_size", "has_dot_number", "units", "units_growth", "garages",
    "premium_total", "premium_per_unit", "liability_share", "unit_age_average", "unit_age_highest", "heavy_share",
    "trailer_share", "light_share", "vin_complete_share", "garaged_away_share", "largest_unit_kind",
    "claims_recent", "claims_recent_per_unit", "liability_terms", "liability_claims", "liability_claims_per_unit",
]
# Inputs whose explanations have a text for better and for worse.
DIRECTIONS = {
    "units_growth": 1, "unit_age_average": 1, "unit_age_highest": 1, "vin_complete_share": -1,
    "garaged_away_share": 1, "claims_recent": 1, "claims_recent_per_unit": 1, "liability_claims": 1,
    "liability_claims_per_unit": 1,
}
FREQUENCY = glm.Glm(
    name="claim_frequency",
    target="claims",
    distribution="poisson",
    link="log",
    covariates={
        "is_renewal": 1.0, "has_dot_number": 1.0, "unit_age_average": 7.5, "heavy_share": 0.5, "trailer_share": 0.0,
        "garaged_away_share": 0.0, "vin_complete_share": 1.0,
    },
    logarithms={"claims_recent_per_unit": 0.08, "liability_claims_per_unit": 0.05, "premium_per_unit": 2_500.0},
    factors={"vehicle_size": ["M", "L", "H", "X", "T", "P"]},
    log_offset="units",
)


def units(rng: np.random.Generator, count: np.ndarray, home: np.ndarray, zips: np.ndarray) -> pd.DataFrame:
    """Rows of unit. A fleet keeps mostly to one kind of vehicle."""
    record = np.repeat(np.arange(TERMS), count)
    shares = np.array([share for _, share, _, _ in KINDS])
    main = rng.choice(len(KINDS), size=TERMS, p=shares)
    kind = np.where(rng.random(len(record)) < 0.65, main[record], rng.choice(len(KINDS), size=len(record), p=shares))
    age = np.minimum(rng.gamma(2.0, 4.0, len(record)), 40).astype(int)
    away = rng.random(len(record)) < rng.beta(0.4, 3.0, TERMS)[record]
    garage = np.where(away, states.zip_codes(rng, states.draw(rng, len(record))), zips[record])
    premium = np.array([premium for _, _, _, premium in KINDS])[kind]
    premium = premium * np.exp(0.5 * states.EFFECTS[home][record] + rng.normal(0, 0.25, len(record)))
    complete = rng.random(len(record)) < rng.beta(12, 0.6, TERMS)[record]
    return pd.DataFrame({
        "record": record, "kind": kind, "age": age, "away": away, "garage": garage, "premium": np.round(premium, 2),
        "liability": np.round(premium * rng.uniform(0.5, 0.8, len(record)), 2), "complete": complete,
    })


def book(seed: int) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """The relations with a column `record`, and what really happened to each record."""
    rng = np.random.default_rng(seed)
    count = np.minimum(1 + rng.negative_binomial(0.6, 0.09, TERMS), 400)
    home = states.draw(rng, TERMS)
    zips = states.zip_codes(rng, home)
    rows = units(rng, count, home, zips)
    renewal = rng.random(TERMS) < 0.75
    growth = np.exp(rng.normal(0.04, 0.2, TERMS))
    dot = rng.random(TERMS) < np.clip(0.25 + 0.05 * count, 0, 0.95)
    propensity = rng.gamma(3.0, 1 / 3.0, TERMS)
    mean, effect = expected_claims(rows, home, renewal, growth, propensity)
    main_kind = rows.groupby("record")["kind"].agg(lambda kinds: kinds.mode().iloc[0]).to_numpy()
    size = np.array([SIZE_OF_KIND[KINDS[kind][0]] for kind in main_kind], dtype=object)
    size[rng.random(TERMS) < 0.1] = "X"
    mean = mean * np.exp(np.array([SIZE_EFFECT[each] for each in size]))

    start = pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.integers(0, 730, TERMS), "D")
    term = pd.DataFrame({
        "record": np.arange(TERMS),
        "term_effective_date": start,
        "new_renew_flag": np.where(renewal, "R", "N"),
        "mailing_state_code": np.array(states.CODES)[home],
        "mailing_zip_code": zips,
        "dot_number": np.where(dot, "1234567", None),
        "vehicle_size_primary": np.where(rng.random(TERMS) < 0.06, None, size),
    })
    prior = np.maximum(1, np.round(count / growth)).astype(int)
    known = rng.random(TERMS) < np.where(renewal, 0.96, 0.5)
    term["units_total_1"] = _known(known, prior)
    without_effect = mean / effect / count * prior
    for at in (1, 2, 3):
        seen = rng.random(TERMS) < np.where(renewal, 0.97 - 0.06 * at, 0.7 - 0.1 * at)
        liability = rng.poisson(0.55 * without_effect)
        term[f"available_history_liab_{at}"] = seen
        term[f"claim_count_liab_{at}"] = _known(seen, liability)
        if at == 1:
            term["claim_count_1"] = _known(seen, liability + rng.poisson(0.45 * without_effect))
    unit = pd.DataFrame({
        "record": rows["record"],
        "unit_vin": [("1HGCM82633A%06d" if full else "1HGCM8%06d") % at
                     for at, full in enumerate(rows["complete"])],
        "unit_classification": [KINDS[kind][0] for kind in rows["kind"]],
        "unit_model_year": start.year.to_numpy()[rows["record"]] - rows["age"],
        "garage_zip_code": rows["garage"],
        "unit_premium_initial_total": rows["premium"],
        "unit_premium_initial_liab": rows["liability"],
    })
    return {"term": term, "unit": unit}, outcomes(rng, rows, mean)


def _known(known: np.ndarray, values: np.ndarray) -> pd.Series:
    return pd.Series(pd.array(values, dtype="Int64")).where(pd.Series(known))


def expected_claims(
    rows: pd.DataFrame, home: np.ndarray, renewal: np.ndarray, growth: np.ndarray, propensity: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Claims to expect of each term, and the part of it that is new in this term."""
    each = np.array([claims for _, _, claims, _ in KINDS])[rows["kind"]]
    each = each * np.exp(0.018 * (rows["age"] - 8) + 0.25 * rows["away"] - 0.10 * rows["complete"])
    base = pd.Series(each).groupby(rows["record"]).sum().to_numpy()
    new = np.exp(np.where(renewal, 0.0, 0.18) + 0.35 * np.clip(np.log(growth), -0.5, 0.8))
    return base * propensity * np.exp(0.8 * states.EFFECTS[home]) * new, new


def outcomes(rng: np.random.Generator, rows: pd.DataFrame, mean: np.ndarray) -> pd.DataFrame:
    """Claims and loss ratio relativity of each term, with its premium."""
    premium = rows.groupby("record")["premium"].sum().to_numpy()
    claims = rng.poisson(mean)
    losses = np.array([np.minimum(rng.lognormal(8.9, 1.1, number), 200_000).sum() for number in claims])
    ratio = np.minimum(losses / premium, 12.0)
    weight = np.minimum(premium, 250_000)
    return pd.DataFrame({"claims": claims, "relativity": ratio / np.average(ratio, weights=weight), "weight": weight})


def train_release(folder: Path, seed: int) -> None:
    """Trains both models of the release and writes its models and bins."""
    relations, truth = book(seed)
    table = features(folder, relations)
    inputs = model_inputs(table, RISK_INPUTS, CATEGORIES)
    risk = train(
        inputs, truth["relativity"], truth["weight"].to_numpy() / 10_000, 100, DIRECTIONS,
        {"objective": "tweedie", "tweedie_variance_power": 1.5, "seed": seed, "min_data_in_leaf": 200},
    )
    write_model(folder / "models" / "risk.lgb.txt", risk)
    subject = "Prospective term loss ratios of policies"
    write_bins(folder, "risk", relative_bins(decile_edges(risk.predict(inputs), 0.01), subject))

    beta = glm.fit(FREQUENCY, table, truth["claims"].to_numpy().astype(float), np.ones(len(table)))
    description = "Demonstration model trained on synthetic data: expected number of claims in the term"
    glm.write_pmml(folder / "models" / "frequency.pmml", FREQUENCY, beta, description)
    write_bins(folder, "frequency", plain_bins(decile_edges(glm.predict(FREQUENCY, beta, table), 0.01)))
