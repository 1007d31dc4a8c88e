"""Generalized linear models: fitted by iteratively reweighted least squares, written as PMML 4.4.

Only numpy is used and coefficients are rounded to seven significant digits, so that the file does not depend on the
machine's linear algebra. A number is measured from its typical value, and the first level of a factor, the most usual one,
has no coefficient: so what is usual contributes nothing, and a missing value counts as usual.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Glm:
    """What is fitted: a target on covariates, logarithms of covariates, factors, and an offset on the link scale."""

    name: str
    target: str
    distribution: str
    link: str
    covariates: dict[str, float] = field(default_factory=dict)
    """Number inputs by name, each with its typical value."""
    logarithms: dict[str, float] = field(default_factory=dict)
    """Number inputs (at least 0) that enter as ln(1 + x), each with its typical value."""
    factors: dict[str, list[str]] = field(default_factory=dict)
    """Text inputs by name with their levels; the first also stands for a missing or unknown one."""
    log_offset: str | None = None
    """A positive input whose logarithm is the offset."""

    def terms(self) -> list[tuple[str, str | None]]:
        """Predictor and level (None for a number) of each coefficient after the intercept."""
        numbers = [(name, None) for name in self.predictors()]
        levels = [(name, level) for name, known in self.factors.items() for level in known[1:]]
        return numbers + levels

    def predictors(self) -> list[str]:
        """Names of what the numbers enter as."""
        return [*map(centred_name, self.covariates), *map(log_name, self.logarithms)]


def centred_name(name: str) -> str:
    return f"centred_{name}"


def log_name(name: str) -> str:
    return f"log_{name}"


def design(glm: Glm, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The matrix (rows x coefficients, intercept first) and the offset of each row."""
    columns = [np.ones(len(table))]
    for name, typical in glm.covariates.items():
        columns.append(table[name].astype("float64").fillna(typical).to_numpy() - typical)
    for name, typical in glm.logarithms.items():
        columns.append(np.log((table[name].astype("float64").fillna(typical).to_numpy() + 1) / (typical + 1)))
    for name, levels in glm.factors.items():
        text = table[name].where(table[name].isin(levels), levels[0])
        columns += [(text == level).astype("float64").to_numpy() for level in levels[1:]]
    offset = np.zeros(len(table))
    if glm.log_offset is not None:
        offset = np.log(table[glm.log_offset].astype("float64").to_numpy())
    return np.column_stack(columns), offset


def fit(glm: Glm, table: pd.DataFrame, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The coefficients, intercept first."""
    matrix, offset = design(glm, table)
    if glm.link == "identity":
        return _rounded(_least_squares(matrix, target - offset, weight))
    mean = np.full(len(target), float(np.average(target, weights=weight)))
    beta = np.zeros(matrix.shape[1])
    for _ in range(50):
        eta = np.log(mean)
        working = eta - offset + (target - mean) / mean
        curvature = mean if glm.distribution == "poisson" else np.ones_like(mean)
        before, beta = beta, _least_squares(matrix, working, weight * curvature)
        mean = np.exp(np.clip(matrix @ beta + offset, -20, 20))
        if np.max(np.abs(beta - before)) < 1e-12:
            break
    return _rounded(beta)


def predict(glm: Glm, beta: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """The predictions of the model as it is written."""
    matrix, offset = design(glm, table)
    eta = matrix @ beta + offset
    return eta if glm.link == "identity" else np.exp(eta)


def _least_squares(matrix: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    scale = np.maximum(np.abs(matrix).max(axis=0), 1e-300)
    root = np.sqrt(weight)[:, None]
    scaled = matrix / scale * root
    solution = np.linalg.solve(scaled.T @ scaled, scaled.T @ (target * root[:, 0]))
    return solution / scale


def _rounded(beta: np.ndarray) -> np.ndarray:
    return np.array([0.0 if value == 0 else float(f"{value:.7g}") for value in beta])


def write_pmml(path: Path, glm: Glm, beta: np.ndarray, description: str) -> None:
    """Writes the model as a PMML GeneralRegressionModel."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">',
        f"<Header description={quoteattr(description)}>",
        '<Application name="train_demo_models.py" version="1"/>',
        "</Header>",
        *_dictionary(glm),
        *_transformations(glm),
        *_model(glm, beta),
        "</PMML>",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _numbers(glm: Glm) -> dict[str, float | None]:
    numbers: dict[str, float | None] = {**glm.covariates, **glm.logarithms}
    if glm.log_offset is not None:
        numbers.setdefault(glm.log_offset, None)
    return numbers


def _dictionary(glm: Glm) -> list[str]:
    lines = ["<DataDictionary>"]
    for name in [*_numbers(glm), glm.target]:
        lines.append(f'<DataField name="{name}" optype="continuous" dataType="double"/>')
    for name, levels in glm.factors.items():
        values = "".join(f"<Value value={quoteattr(level)}/>" for level in levels)
        lines.append(f'<DataField name="{name}" optype="categorical" dataType="string">{values}</DataField>')
    return [*lines, "</DataDictionary>"]


def _transformations(glm: Glm) -> list[str]:
    lines = []
    for name, typical in glm.covariates.items():
        lines.append(_derived(centred_name(name), _apply("-", _field(name), _constant(typical))))
    for name, typical in glm.logarithms.items():
        more_by_one = _apply("+", _field(name), _constant(1.0))
        lines.append(_derived(log_name(name), _apply("ln", _apply("/", more_by_one, _constant(typical + 1)))))
    if glm.log_offset is not None:
        lines.append(_derived("log_offset", _apply("ln", _field(glm.log_offset))))
    return ["<TransformationDictionary>", *lines, "</TransformationDictionary>"] if lines else []


def _derived(name: str, expression: str) -> str:
    return f'<DerivedField name="{name}" optype="continuous" dataType="double">{expression}</DerivedField>'


def _apply(function: str, *arguments: str) -> str:
    return f'<Apply function="{function}">{"".join(arguments)}</Apply>'


def _field(name: str) -> str:
    return f'<FieldRef field="{name}"/>'


def _constant(value: float) -> str:
    return f'<Constant dataType="double">{float(value)!r}</Constant>'


def _model(glm: Glm, beta: np.ndarray) -> list[str]:
    offset = ' offsetVariable="log_offset"' if glm.log_offset is not None else ""
    head = (
        f'<GeneralRegressionModel modelName="{glm.name}" modelType="generalizedLinear" functionName="regression"'
        f' distribution="{glm.distribution}" linkFunction="{glm.link}"{offset} targetVariableName="{glm.target}">'
    )
    return [head, *_mining_schema(glm), *_parameters(glm, beta), "</GeneralRegressionModel>"]


def _mining_schema(glm: Glm) -> list[str]:
    lines = ["<MiningSchema>", f'<MiningField name="{glm.target}" usageType="target"/>']
    for name, missing in _numbers(glm).items():
        instead = "" if missing is None else f' missingValueReplacement="{missing!r}"'
        lines.append(f'<MiningField name="{name}"{instead}/>')
    for name, levels in glm.factors.items():
        instead = f' invalidValueTreatment="asMissing" missingValueReplacement={quoteattr(levels[0])}'
        lines.append(f'<MiningField name="{name}"{instead}/>')
    return [*lines, "</MiningSchema>"]


def _parameters(glm: Glm, beta: np.ndarray) -> list[str]:
    terms = glm.terms()
    labels = ["Intercept", *[name if level is None else f"{name}={level}" for name, level in terms]]
    lines = ["<ParameterList>"]
    lines += [f'<Parameter name="p{at}" label={quoteattr(label)}/>' for at, label in enumerate(labels)]
    lines += ["</ParameterList>", *_predictors("FactorList", list(glm.factors))]
    lines += _predictors("CovariateList", glm.predictors())
    lines.append("<PPMatrix>")
    for at, (name, level) in enumerate(terms, start=1):
        value = '"1"' if level is None else quoteattr(level)
        lines.append(f'<PPCell value={value} predictorName="{name}" parameterName="p{at}"/>')
    lines += ["</PPMatrix>", "<ParamMatrix>"]
    for at, value in enumerate(beta):
        if not math.isfinite(value):
            raise SystemExit(f"{glm.name}: the coefficient of {labels[at]} is {value}")
        lines.append(f'<PCell parameterName="p{at}" beta="{float(value)!r}" df="1"/>')
    return [*lines, "</ParamMatrix>"]


def _predictors(element: str, names: list[str]) -> list[str]:
    if not names:
        return []
    return [f"<{element}>", *[f'<Predictor name="{name}"/>' for name in names], f"</{element}>"]
