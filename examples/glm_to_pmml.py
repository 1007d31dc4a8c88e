"""Writes a generalised linear model as PMML, from statsmodels, glum or plain coefficients. Needs nothing but Python.

    from glm_to_pmml import from_glum, from_statsmodels, write_pmml

Predictors are numbers, and levels of categories; what else a formula may hold (interactions, splines, transformed
columns) is refused with its name: compute it as a column first. Offsets are not written: predictions are for one unit
of exposure.
"""

import math
import re
from xml.sax.saxutils import quoteattr

# Names of links, as statsmodels and glum have them, to PMML's.
LINKS = {"identity": "none", "log": "exp", "logit": "logit", "probit": "probit", "cloglog": "cloglog", "cauchy": "cauchit"}


def from_statsmodels(path, result, frame):
    """`result` is what `fit` gave to a formula; `frame` the table it was fitted on."""
    # C(fuel)[T.Diesel] and fuel[T.Diesel] are the level Diesel of fuel.
    level = re.compile(r"(?:C\((?P<named>\w+)\)|(?P<plain>\w+))\[(?:T\.)?(?P<level>.*)\]$")
    terms, intercept = [], 0.0
    for name, coefficient in result.params.items():
        found = level.match(name)
        if name == "Intercept":
            intercept = coefficient
        elif found:
            terms.append((found["named"] or found["plain"], found["level"], coefficient))
        else:
            terms.append((name, None, coefficient))
    link = type(result.model.family.link).__name__.lower()
    write_pmml(path, link, intercept, terms, _levels(terms, frame))


def from_glum(path, model, frame):
    """`model` is a fitted GeneralizedLinearRegressor; `frame` the table it was fitted on."""
    level = re.compile(r"(?P<column>.*?)\[(?P<level>.*)\]$")
    terms = []
    for name, coefficient in zip(model.feature_names_, model.coef_):
        found = level.match(name)
        terms.append((found["column"], found["level"], coefficient) if found else (name, None, coefficient))
    link = type(model.link_instance if hasattr(model, "link_instance") else model._link_instance).__name__
    write_pmml(path, link.lower().removesuffix("link"), model.intercept_, terms, _levels(terms, frame))


def _levels(terms, frame):
    names = {column for column, level, _ in terms if level is not None}
    return {name: sorted(str(value) for value in frame[name].dropna().unique()) for name in sorted(names)}


def write_pmml(path, link, intercept, terms, levels):
    """`terms` are (column, level or None, coefficient); `levels` has all levels of each category, the base level too.

    A level that is not listed, and a number that is missing, leave a row without a prediction.
    """
    if link not in LINKS:
        raise ValueError(f"the link {link} is not written")
    numbers = [column for column, level, _ in terms if level is None]
    for column in [*numbers, *levels]:
        if not re.fullmatch(r"\w+", column):
            raise ValueError(f"{column} is no column: compute it as one")
    if not all(math.isfinite(coefficient) for *_, coefficient in terms):
        raise ValueError("a coefficient is not finite")
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">',
             '<Header><Application name="glm_to_pmml"/></Header>', "<DataDictionary>"]
    lines += [f'<DataField name={quoteattr(name)} optype="continuous" dataType="double"/>' for name in numbers]
    for name, values in levels.items():
        lines += [f'<DataField name={quoteattr(name)} optype="categorical" dataType="string">']
        lines += [*(f"<Value value={quoteattr(value)}/>" for value in values), "</DataField>"]
    lines += ["</DataDictionary>", f'<RegressionModel functionName="regression" normalizationMethod="{LINKS[link]}">',
              "<MiningSchema>", *(f"<MiningField name={quoteattr(name)}/>" for name in [*numbers, *levels]),
              "</MiningSchema>", f'<RegressionTable intercept="{float(intercept)!r}">']
    lines += [f'<NumericPredictor name={quoteattr(column)} coefficient="{float(coefficient)!r}"/>'
              for column, level, coefficient in terms if level is None]
    lines += [f'<CategoricalPredictor name={quoteattr(column)} value={quoteattr(level)} coefficient="{float(coefficient)!r}"/>'
              for column, level, coefficient in terms if level is not None]
    lines += ["</RegressionTable>", "</RegressionModel>", "</PMML>", ""]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
