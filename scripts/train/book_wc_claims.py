"""A synthetic list of workers' compensation claims and the demonstration models of `wc_claims`.

What is true in the book: what a claim costs in the end depends on the part of the body, the cause, age, an attorney,
lighter work at hand and on what is incurred so far. A claim escalates when it ends at one and a half times what is
incurred so far, or more.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import glm
import states
from release_folder import decile_edges, features, model_inputs, plain_bins, write_bins
from trees import train, write_model

CLAIMS = 30_000
ESCALATED_TIMES = 1.5

# A code or word as insurers write it, share, effect on the log of the ultimate cost.
PARTS = [("0012", 0.07, 0.1), ("0025", 0.04, 0.3), ("0031", 0.12, 0.0), ("0035", 0.16, -0.3), ("0038", 0.08, 0.35),
         ("0042", 0.18, 0.3), ("0053", 0.12, 0.2), ("0056", 0.10, -0.2), ("0090", 0.07, 0.5), ("0066", 0.06, 0.0)]
CAUSES = [("Burn", 0.05, -0.1), ("10", 0.07, 0.1), ("15", 0.14, -0.6), ("29", 0.18, 0.25), ("Slip", 0.06, 0.2),
          ("45", 0.06, 0.5), ("56", 0.24, 0.15), ("75", 0.14, 0.0), ("98", 0.06, 0.0)]
DIAGNOSES = [("S83.2", 0.25, 0.1), ("T14.8", 0.15, -0.2), ("M54.5", 0.22, 0.2), ("847.2", 0.12, 0.0),
             ("G56.0", 0.06, 0.3), ("F43.1", 0.02, 0.5), ("V72.81", 0.05, -0.3), ("L03.1", 0.05, -0.1)]
TYPES = [("WC - Med Only", 0.70, 0.0), ("WC - Indemnity", 0.26, 0.0), ("WC - Employers Liability", 0.04, 0.2)]
CLASSES = ["0042", "2003", "3632", "4484", "5403", "5645", "6217", "7219", "8017", "8810", "9052", "9600"]

CATEGORIES = {
    "gender": ["F", "M", "U", "X"],
    "worker_state": sorted(states.CODES),
    "claim_type": ["indemnity", "medical only", "other"],
    "body_part": ["head", "lower extremities", "multiple", "neck", "other", "trunk", "upper extremities"],
    "cause": ["burn", "caught in", "cut", "fall or slip", "other", "strain", "struck", "vehicle"],
    "diagnosis": ["examination", "injury", "mind", "muscles and bones", "nerves", "other"],
    "industry": [
        "agriculture", "chemicals, paper and minerals", "construction", "excavation and erection",
        "food, textiles and wood", "metal and machinery", "mining", "services", "trade and offices",
        "transport and utilities",
    ],
}
ESCALATION_INPUTS = [
    "claimant_age", "gender", "body_mass_index", "worker_state", "claim_type", "body_part", "cause", "diagnosis",
    "industry", "litigated", "modified_duty", "owner", "seat_belt_policy", "wages_continued",
    "safety_rules_violated", "written_premium", "medical_paid", "total_incurred", "reserve", "reserve_share",
    "medical_share",
]
# Inputs whose explanations have a text for better and for worse.
DIRECTIONS = {"litigated": 1, "modified_duty": -1}
ULTIMATE = glm.Glm(
    name="ultimate_cost",
    target="ultimate",
    distribution="gamma",
    link="log",
    covariates={"claimant_age": 42.0, "litigated": 0.0, "modified_duty": 1.0, "wages_continued": 0.0,
                "reserve_share": 0.0},
    logarithms={"total_incurred": 700.0, "medical_paid": 550.0},
    factors={
        "claim_type": ["medical only", "indemnity", "other"],
        "body_part": ["upper extremities", "lower extremities", "trunk", "head", "neck", "multiple", "other"],
        "cause": ["strain", "fall or slip", "cut", "struck", "caught in", "vehicle", "burn", "other"],
    },
)


def choose(rng: np.random.Generator, levels: list[tuple[str, float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """A value for each claim (None for the share that is left over), and its effect."""
    shares = np.array([share for _, share, _ in levels])
    known = [*[value for value, _, _ in levels], None]
    effects = np.array([*[effect for _, _, effect in levels], 0.0])
    left = max(0.0, 1.0 - shares.sum())
    total = shares.sum() + left
    at = rng.choice(len(known), size=CLAIMS, p=np.array([*shares, left]) / total)
    return np.array(known, dtype=object)[at], effects[at]


def flag(rng: np.random.Generator, share: np.ndarray | float, missing: float = 0.05) -> tuple[pd.Series, np.ndarray]:
    """A flag as the dictionary has it (missing now and then) and the truth behind it."""
    truth = rng.random(CLAIMS) < share
    shown = pd.Series(truth, dtype="boolean").where(rng.random(CLAIMS) >= missing)
    return shown, truth


def book(seed: int) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """The relation with a column `record`, and what each claim cost in the end."""
    rng = np.random.default_rng(seed)
    part, part_effect = choose(rng, PARTS)
    cause, cause_effect = choose(rng, CAUSES)
    diagnosis, diagnosis_effect = choose(rng, DIAGNOSES)
    kind, kind_effect = choose(rng, TYPES)
    indemnity = kind != "WC - Med Only"
    home = states.draw(rng, CLAIMS)
    age = np.clip(rng.normal(42, 13, CLAIMS), 16, 80).astype(int)
    litigated, has_attorney = flag(rng, np.where(indemnity, 0.16, 0.01))
    lighter, has_lighter = flag(rng, 0.55)
    wages, wages_paid = flag(rng, 0.3)
    violated, was_violated = flag(rng, 0.08)
    height = rng.normal(67.5, 4, CLAIMS).round()
    effect = part_effect + cause_effect + diagnosis_effect + kind_effect + 0.7 * states.EFFECTS[home]
    effect = effect + 0.012 * (age - 42) + 0.9 * has_attorney - 0.35 * has_lighter - 0.1 * wages_paid
    effect = effect + 0.1 * was_violated
    severity = np.where(indemnity, 9.3, 6.6) + effect + rng.normal(0, 0.7, CLAIMS)
    known = rng.beta(3, 2, CLAIMS)
    incurred = np.round(np.exp(severity) * known, 2)
    ultimate = np.maximum(incurred * np.exp(0.6 * effect + rng.normal(0.15, 0.4, CLAIMS)), 50.0)
    open_share = np.where(rng.random(CLAIMS) < np.where(indemnity, 0.7, 0.2), rng.beta(2, 3, CLAIMS), 0.0)
    medical = np.round(incurred * (1 - open_share) * np.where(indemnity, rng.beta(4, 4, CLAIMS), 1.0), 2)
    claim = pd.DataFrame({
        "record": np.arange(CLAIMS),
        "date_of_injury": pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 1095, CLAIMS), "D"),
        "claim_type_code": kind,
        "injured_worker_state": np.array(states.CODES)[home],
        "claimant_gender": rng.choice(np.array(["M", "F", "X", "U", None], dtype=object), size=CLAIMS,
                                      p=[0.6, 0.34, 0.01, 0.02, 0.03]),
        "claimant_height": pd.Series(height).where(rng.random(CLAIMS) > 0.3),
        "claimant_weight": pd.Series((height**2 / 703 * rng.normal(28, 5, CLAIMS)).round()),
        "claimant_age": pd.Series(pd.array(age, dtype="Int64")).where(rng.random(CLAIMS) > 0.03),
        "body_part_code": part,
        "cause_of_injury_code": cause,
        "icd_diagnosis_code": diagnosis,
        "primary_work_class_code": rng.choice(CLASSES, size=CLAIMS),
        "litigation_flag": litigated,
        "modified_duty_available": lighter,
        "officer_partner_owner": flag(rng, 0.05)[0],
        "written_seatbelt_pol_in_place": flag(rng, 0.6)[0],
        "wages_continued": wages,
        "were_safety_rules_violated": violated,
        "written_premium": np.round(rng.lognormal(10, 1.2, CLAIMS), 2),
        "medical_loss_paid": medical,
        "total_incurred": incurred,
        "outstanding_reserve": np.round(incurred * open_share, 2),
    })
    return {"claim": claim}, pd.DataFrame({"ultimate": ultimate})


def train_release(folder: Path, seed: int) -> None:
    """Trains both models of the release and writes its models and bins."""
    relations, truth = book(seed)
    table = features(folder, relations)
    inputs = model_inputs(table, ESCALATION_INPUTS, CATEGORIES)
    escalated = (truth["ultimate"] >= ESCALATED_TIMES * table["total_incurred"]).astype(float)
    escalation = train(
        inputs, escalated, None, 120, DIRECTIONS, {"objective": "binary", "seed": seed, "min_data_in_leaf": 60}
    )
    write_model(folder / "models" / "escalation.lgb.txt", escalation)
    write_bins(folder, "escalation", plain_bins(decile_edges(escalation.predict(inputs), 0.01)))

    beta = glm.fit(ULTIMATE, table, truth["ultimate"].to_numpy(), np.ones(len(table)))
    description = "Demonstration model trained on synthetic data: expected ultimate cost of the claim in dollars"
    glm.write_pmml(folder / "models" / "ultimate.pmml", ULTIMATE, beta, description)
    write_bins(folder, "ultimate", plain_bins(decile_edges(glm.predict(ULTIMATE, beta, table), 10.0)))
