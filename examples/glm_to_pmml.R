# Writes a glm as PMML. Needs nothing but R itself:
#
#     source("glm_to_pmml.R")
#     write_pmml(model, "claims.pmml")
#
# Predictors are numbers, factors and texts; what else a formula may hold (interactions, splines, transformed columns) is
# refused with its name: compute it as a column first. Offsets are not written: predictions are for one unit of exposure.
# A level that was not there in training, and a number that is missing, leave a row without a prediction.

write_pmml <- function(model, path) {
  links <- c(identity = "none", log = "exp", logit = "logit", probit = "probit", cloglog = "cloglog", cauchit = "cauchit")
  link <- links[model$family$link]
  if (is.na(link)) stop("the link ", model$family$link, " is not written")
  labels <- attr(terms(model), "term.labels")
  factors <- names(model$xlevels)
  numbers <- setdiff(labels, factors)
  odd <- labels[!grepl("^[[:alnum:]_.]+$", labels)]
  if (length(odd) > 0) stop(odd[1], " is no column: compute it as one")
  coefficients <- coef(model)
  if (any(!is.finite(coefficients))) stop("a coefficient is not there: leave out what cannot be told apart")
  quoted <- function(text) {
    for (pair in list(c("&", "&amp;"), c("<", "&lt;"), c(">", "&gt;"), c("\"", "&quot;"))) {
      text <- gsub(pair[1], pair[2], text, fixed = TRUE)
    }
    paste0("\"", text, "\"")
  }
  digits <- function(number) paste0("\"", format(number, digits = 17, trim = TRUE), "\"")
  # What a coefficient is of: a number, or a level of a factor, whose first level has none.
  predictors <- c()
  for (name in numbers) {
    if (!name %in% names(coefficients)) stop(name, " is neither a number nor a factor")
    predictors <- c(predictors, paste0("<NumericPredictor name=", quoted(name), " coefficient=",
                                       digits(coefficients[[name]]), "/>"))
  }
  for (name in factors) {
    for (level in model$xlevels[[name]]) {
      column <- paste0(name, level)
      if (!column %in% names(coefficients)) next
      predictors <- c(predictors, paste0("<CategoricalPredictor name=", quoted(name), " value=", quoted(level),
                                         " coefficient=", digits(coefficients[[column]]), "/>"))
    }
  }
  intercept <- if ("(Intercept)" %in% names(coefficients)) coefficients[["(Intercept)"]] else 0
  if (length(predictors) + ("(Intercept)" %in% names(coefficients)) != length(coefficients)) {
    stop("contrasts other than contr.treatment are not written")
  }
  fields <- c(paste0("<DataField name=", quoted(numbers), " optype=\"continuous\" dataType=\"double\"/>")[seq_along(numbers)])
  for (name in factors) {
    values <- paste0("<Value value=", quoted(model$xlevels[[name]]), "/>", collapse = "")
    fields <- c(fields, paste0("<DataField name=", quoted(name), " optype=\"categorical\" dataType=\"string\">", values,
                               "</DataField>"))
  }
  writeLines(enc2utf8(c(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
    "<PMML xmlns=\"http://www.dmg.org/PMML-4_4\" version=\"4.4\">",
    "<Header><Application name=\"glm_to_pmml\"/></Header>",
    "<DataDictionary>", fields, "</DataDictionary>",
    paste0("<RegressionModel functionName=\"regression\" normalizationMethod=\"", link, "\">"),
    "<MiningSchema>", paste0("<MiningField name=", quoted(c(numbers, factors)), "/>"), "</MiningSchema>",
    paste0("<RegressionTable intercept=", digits(intercept), ">"), predictors, "</RegressionTable>",
    "</RegressionModel>", "</PMML>"
  )), path, useBytes = TRUE)
}
