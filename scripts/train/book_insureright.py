"""A synthetic book of workers' compensation and the demonstration models of `insureright`.

What is true in the book: each insured has a propensity to losses that nobody sees. Claims of prior terms and the
experience modification show part of it; industry, state, new business, the method of audit and the make-up of the
payroll shift losses too. Payroll moves to another class at audit where clerical payroll stands beside hazardous work,
where rates are far apart and where nobody visits. The premium impact is what such moves and growth do to the premium.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import glm
import states
from release_folder import decile_edges, features, model_inputs, plain_bins, relative_bins, write_bins
from trees import train, write_model

RECORDS = 30_000

# First digit of the class code, share of the book, classes of that digit, effect on the log of the losses.
INDUSTRIES = [
    ("0", 0.05, ["0005", "0034", "0037", "0042", "0083"], 0.06),
    ("1", 0.01, ["1165", "1320", "1624"], 0.10),
    ("2", 0.07, ["2003", "2089", "2501", "2710", "2802", "2883"], 0.03),
    ("3", 0.08, ["3030", "3076", "3113", "3179", "3632", "3724"], 0.00),
    ("4", 0.05, ["4034", "4299", "4459", "4484", "4771", "4828"], -0.02),
    ("5", 0.22, ["5022", "5183", "5190", "5213", "5403", "5437", "5474", "5551", "5606", "5645"], 0.14),
    ("6", 0.04, ["6217", "6229", "6319", "6400"], 0.10),
    ("7", 0.09, ["7219", "7228", "7229", "7380", "7539", "7720"], 0.12),
    ("8", 0.25, ["8006", "8017", "8018", "8033", "8044", "8227", "8380", "8601", "8832", "8868"], -0.10),
    ("9", 0.14, ["9014", "9052", "9058", "9082", "9083", "9101", "9403", "9501", "9586"], -0.02),
]
RATES = {"0": 6.5, "1": 5.0, "2": 4.0, "3": 3.2, "4": 2.8, "5": 8.5, "6": 7.0, "7": 5.5, "8": 1.8, "9": 2.6}
AUDIT_METHODS = ["P", "M", "T", "I", "W", "E", "N"]
AUDIT_SHARES = [0.40, 0.22, 0.12, 0.10, 0.07, 0.06, 0.03]
AUDIT_SHIFT = {"P": -0.45, "M": 0.10, "T": 0.05, "I": 0.12, "W": 0.35, "E": 0.40, "N": 0.45}

CATEGORIES = {
    "governing_industry": [
        "agriculture", "chemicals, paper and minerals", "construction", "excavation and erection",
        "food, textiles and wood", "metal and machinery", "mining", "services", "trade and offices",
        "transport and utilities",
    ],
    "policy_state": sorted(states.CODES),
    "audit_method": AUDIT_METHODS,
}
RISK_INPUTS = [
    "experience_mod", "is_renewal", "audit_method", "policy_state", "history_terms", "claims_total",
    "claims_per_term", "claims_recent", "claims_per_million_payroll", "payroll_total", "class_rows", "states",
    "governing_share", "clerical_share", "construction_share", "governing_industry", "governing_rate",
    "rate_average", "rate_highest", "premium_manual",
]
MISCLASS_INPUTS = [
    "is_renewal", "audit_method", "policy_state", "payroll_total", "class_rows", "states", "governing_share",
    "clerical_share", "construction_share", "governing_industry", "governing_rate", "rate_highest",
]
# Inputs whose explanations have a text for better and for worse.
DIRECTIONS = {
    "experience_mod": 1, "claims_total": 1, "claims_per_term": 1, "claims_recent": 1, "claims_per_million_payroll": 1,
    "rate_average": 1, "rate_highest": 1, "rate_spread": 1,
}
PREMIUM_IMPACT = glm.Glm(
    name="premium_impact",
    target="premium_impact",
    distribution="normal",
    link="identity",
    covariates={
        "premium_modified": 0.0, "premium_at_clerical_share": 0.0, "premium_at_construction_share": 0.0,
        "is_renewal": 1.0,
    },
    factors={
        "audit_method": AUDIT_METHODS,
        "governing_industry": ["trade and offices", *[name for name in CATEGORIES["governing_industry"]
                                                      if name != "trade and offices"]],
    },
)


def classes(rng: np.random.Generator, industry: np.ndarray, payroll: np.ndarray, home: np.ndarray) -> pd.DataFrame:
    """Rows of class: record, state (position), class code, payroll. Each row's key differs within the record."""
    count = len(industry)
    rows = 1 + rng.binomial(4, np.clip(0.12 + 0.05 * (np.log(payroll) - 12), 0.05, 0.6))
    several_states = rng.random(count) < np.clip(0.02 + 0.03 * (np.log(payroll) - 12), 0.01, 0.3)
    records, codes, places, amounts = [], [], [], []
    for record in range(count):
        wanted = [rng.choice(INDUSTRIES[industry[record]][2])]
        wanted += ["8810"] * (rng.random() < 0.62) + ["8742"] * (rng.random() < 0.22)
        for _ in range(rows[record] - 1):
            own = INDUSTRIES[industry[record]][2] if rng.random() < 0.8 else INDUSTRIES[rng.integers(10)][2]
            wanted.append(rng.choice(own))
        wanted = list(dict.fromkeys(wanted))
        weight = np.array([0.6 if code in ("8810", "8742") else 2.0 for code in wanted])
        share = rng.dirichlet(weight)
        where = np.full(len(wanted), home[record])
        if several_states[record]:
            away = rng.random(len(wanted)) < 0.4
            where[away] = states.draw(rng, int(away.sum()))
        records += [record] * len(wanted)
        codes += wanted
        places += where.tolist()
        amounts += np.maximum(np.round(share * payroll[record]), 0.0).tolist()
    return pd.DataFrame({"record": records, "state": places, "class_code": codes, "payroll": amounts})


def rate_of(code: str) -> float:
    return {"8810": 0.2, "8742": 0.4}.get(code, RATES[code[0]])


def book(seed: int) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """The relations with a column `record`, and what really happened to each record."""
    rng = np.random.default_rng(seed)
    industry = rng.choice(len(INDUSTRIES), size=RECORDS, p=[share for _, share, _, _ in INDUSTRIES])
    payroll = np.clip(rng.lognormal(12.9, 1.35, RECORDS), 8_000, 60_000_000)
    home = states.draw(rng, RECORDS)
    rows = classes(rng, industry, payroll, home)
    rows["rate"] = rows["class_code"].map(rate_of)
    by_record = rows.assign(premium=rows["payroll"] * rows["rate"] / 100).groupby("record")
    premium = np.maximum(by_record["premium"].sum().to_numpy(), 250.0)
    propensity = rng.gamma(5.0, 1 / 5.0, RECORDS)
    credibility = np.where(premium < 5_000, 0.0, premium / (premium + 45_000))
    mod = np.round(np.clip(1 + credibility * (propensity - 1) * 0.8 + credibility * rng.normal(0, 0.12, RECORDS),
                           0.55, 2.4), 2)
    renewal = rng.random(RECORDS) < 0.78
    audit = rng.choice(AUDIT_METHODS, size=RECORDS, p=AUDIT_SHARES)
    insured = pd.DataFrame({
        "record": np.arange(RECORDS),
        "experience_mod_factor_initial": mod,
        "new_renew_flag": np.where(renewal, "R", "N"),
        "audit_method_code": pd.Series(audit).where(rng.random(RECORDS) > 0.08, None),
        "policy_state_code": np.array(states.CODES)[home],
        "term_effective_date": pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.integers(0, 730, RECORDS), "D"),
    })
    insured.loc[insured["audit_method_code"].isna(), "audit_method_code"] = None
    for term in (1, 2, 3):
        known = rng.random(RECORDS) < np.where(renewal, 0.97 - 0.05 * term, 0.75 - 0.1 * term)
        claims = rng.poisson(propensity * premium / 11_000)
        insured[f"available_history_{term}"] = known
        insured[f"non_zero_claim_count_{term}"] = pd.array(np.where(known, claims, 0), dtype="Int64")
        insured.loc[~known, f"non_zero_claim_count_{term}"] = pd.NA
    truth = outcomes(rng, insured, rows, industry, home, premium, propensity)
    class_table = pd.DataFrame({
        "record": rows["record"],
        "state_code": np.array(states.CODES)[rows["state"]],
        "class_code": rows["class_code"],
        "payroll_amount_initial": rows["payroll"].astype("float64"),
    })
    return {"insured": insured, "class": class_table}, truth


def outcomes(
    rng: np.random.Generator,
    insured: pd.DataFrame,
    rows: pd.DataFrame,
    industry: np.ndarray,
    home: np.ndarray,
    premium: np.ndarray,
    propensity: np.ndarray,
) -> pd.DataFrame:
    """Loss ratio relativity, share of payroll moved at audit, and premium impact of each record."""
    by_record = rows.groupby("record")
    total = by_record["payroll"].sum().to_numpy()
    clerical = rows[rows["class_code"].isin(["8810", "8742"])].groupby("record")["payroll"].sum()
    clerical = clerical.reindex(range(RECORDS), fill_value=0).to_numpy() / np.maximum(total, 1)
    building = rows[rows["class_code"].str[0].isin(["5", "6"])].groupby("record")["payroll"].sum()
    building = building.reindex(range(RECORDS), fill_value=0).to_numpy() / np.maximum(total, 1)
    spread = (by_record["rate"].max() - by_record["rate"].min()).to_numpy()
    codes = by_record.size().to_numpy()
    renewal = (insured["new_renew_flag"] == "R").to_numpy()
    audit = insured["audit_method_code"].fillna("P").map(AUDIT_SHIFT).to_numpy()
    mod = insured["experience_mod_factor_initial"].to_numpy()
    charged = premium * mod

    effect = np.array([effect for _, _, _, effect in INDUSTRIES])[industry] + states.EFFECTS[home]
    effect = effect + np.where(renewal, -0.04, 0.14) + 0.15 * audit - 0.05 * np.clip(np.log(premium / 8_000), -3, 3)
    expected = propensity * np.exp(effect) * premium / 11_000
    claims = rng.poisson(expected)
    losses = np.array([np.minimum(rng.lognormal(8.3, 1.1, count), 150_000).sum() for count in claims])
    ratio = np.minimum(losses / charged, 12.0)
    relativity = ratio / np.average(ratio, weights=np.minimum(charged, 250_000))

    tempting = -3.4 + 3.2 * clerical * (1 - clerical) * 2 + 0.22 * spread + 0.16 * (codes - 1) + 1.2 * audit
    tempting = tempting - 0.35 * renewal + 0.5 * building
    moved = rng.random(RECORDS) < 1 / (1 + np.exp(-tempting))
    shift = np.where(moved & (codes > 1), rng.beta(1.6, 5.0, RECORDS), 0.0)
    shift = np.clip(shift + rng.beta(1, 60, RECORDS), 0, 1)

    impact = charged * (0.015 + 0.11 * clerical + 0.05 * building + 0.35 * (shift - shift.mean()))
    impact = impact + 180 * audit + np.where(renewal, -90, 40) + rng.normal(0, 0.05, RECORDS) * (charged + 800)
    return pd.DataFrame({"relativity": relativity, "shift": shift, "impact": impact, "charged": charged})


def train_release(folder: Path, seed: int, extra_inputs: list[str], trees: int) -> None:
    """Trains the three models of a release and writes its models and bins."""
    relations, truth = book(seed)
    table = features(folder, relations)
    weight = np.minimum(truth["charged"].to_numpy(), 250_000) / 10_000

    risk = train(
        model_inputs(table, RISK_INPUTS + extra_inputs, CATEGORIES), truth["relativity"], weight, trees, DIRECTIONS,
        {"objective": "tweedie", "tweedie_variance_power": 1.5, "seed": seed, "min_data_in_leaf": 150},
    )
    write_model(folder / "models" / "risk.lgb.txt", risk)
    predicted = risk.predict(model_inputs(table, RISK_INPUTS + extra_inputs, CATEGORIES))
    subject = "Prospective term loss ratios of policies"
    write_bins(folder, "risk", relative_bins(decile_edges(predicted, 0.01), subject))

    misclass = train(
        model_inputs(table, MISCLASS_INPUTS + extra_inputs, CATEGORIES), truth["shift"], None, trees, DIRECTIONS,
        {"objective": "cross_entropy", "seed": seed, "min_data_in_leaf": 150},
    )
    write_model(folder / "models" / "misclass.lgb.txt", misclass)
    predicted = misclass.predict(model_inputs(table, MISCLASS_INPUTS + extra_inputs, CATEGORIES))
    write_bins(folder, "misclass", plain_bins(decile_edges(predicted, 0.001)))

    spread = (truth["charged"].to_numpy() + 800) / 10_000
    beta = glm.fit(PREMIUM_IMPACT, table, truth["impact"].to_numpy(), 1 / spread**2)
    description = "Demonstration model trained on synthetic data: premium impact of an audit in dollars"
    glm.write_pmml(folder / "models" / "pi.pmml", PREMIUM_IMPACT, beta, description)
    write_bins(folder, "pi", plain_bins(decile_edges(glm.predict(PREMIUM_IMPACT, beta, table), 5.0)))
