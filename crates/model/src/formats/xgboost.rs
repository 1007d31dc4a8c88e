//! XGBoost's JSON and UBJSON files, as `save_model` writes them (versions 1 to 3).
//!
//! Both hold the same document: `learner` with its parameters, objective, names and one booster. [`trees`] reads the
//! trees of `gbtree` and `dart`, [`categories`] the categories of columns (version 3.1 on), [`objective`] the link.
//!
//! Rules of the format that are easily missed (all held by tests): everything is single precision, cells included, and
//! a row's raw score starts with `base_score` (which is given in the space of predictions); `x < t` goes left; the
//! categories of a split go right, all others left; a missing value takes the default side; the trees of `dart` have
//! weights; a model of the scikit-learn interface that stopped early predicts with the trees up to its best iteration,
//! one of the native interface with all.

mod categories;
mod objective;
mod trees;

use objective::Objective;

use super::data::{Document, Part};
use crate::features::Binding;
use crate::forest::{Forest, Precision, Rules};
use crate::linear::{Equation, Factor, Finish, Linear, Term, Treatment};
use crate::model::{About, Form, Parts};
use crate::{Error, Format, Input, InputKind};

/// Most contributions per row: the kernels hold them for a block of rows.
const CELLS_MAX: usize = 1 << 18;

/// Read a model file.
pub(crate) fn load(bytes: &[u8]) -> Result<Parts, Error> {
    let document = Document::read(Format::XgBoost, bytes)?;
    let root = document.root();
    let version = version(&root)?;
    let learner = root.need("learner")?;
    let head = Head::read(&learner, version)?;
    let booster = learner.need("gradient_booster")?;
    let (model, weights) = match booster.need("name")?.text()? {
        "gbtree" => (booster.need("model")?, None),
        "dart" => (booster.need("gbtree")?.need("model")?, Some(booster.need("weight_drop")?)),
        "gblinear" => {
            let (form, (inputs, bindings)) = (linear(&head, &booster.need("model")?)?, head.inputs(&learner)?);
            return Ok(head.parts(form, inputs, bindings));
        }
        _ => return Err(booster.need("name")?.unsupported("this booster")),
    };
    let (mut inputs, mut bindings) = head.inputs(&learner)?;
    if let Some(cats) = model.get("cats") {
        categories::bind(&cats, &head.version, &mut inputs, &mut bindings)?;
    }
    let rounds = rounds(&learner)?;
    let trees = trees::read(&model, weights.as_ref(), rounds, inputs.len(), head.outputs())?;
    let rules = Rules { precision: Precision::Single, base: head.base.clone(), ..Rules::plain(0) };
    let forest = Forest::new(trees, inputs.len(), rules);
    let forest = forest.map_err(|(at, message)| model.invalid(format!("trees[{at}]: {message}")))?;
    Ok(head.parts(Form::Forest(forest), inputs, bindings))
}

/// The version that wrote the file, which must be one that is read.
fn version(root: &Part<'_>) -> Result<String, Error> {
    let version = root.need("version")?;
    let numbers = version.numbers()?;
    match numbers.first() {
        Some(major) if (1.0..4.0).contains(major) => {
            Ok(numbers.iter().map(f64::to_string).collect::<Vec<String>>().join("."))
        }
        Some(major) => Err(version.unsupported(format!("version {major}"))),
        None => Err(version.invalid("empty")),
    }
}

/// Trees up to the best iteration, where the scikit-learn interface stopped early.
fn rounds(learner: &Part<'_>) -> Result<Option<usize>, Error> {
    let Some(attributes) = learner.get("attributes") else { return Ok(None) };
    match (attributes.get("scikit_learn"), attributes.get("best_iteration")) {
        (Some(_), Some(best)) => Ok(Some(best.whole()? + 1)),
        _ => Ok(None),
    }
}

/// What stands around the booster.
struct Head {
    version: String,
    features: usize,
    objective: Objective,
    /// Raw scores without a tree, one per output.
    base: Vec<f64>,
}

impl Head {
    fn read(learner: &Part<'_>, version: String) -> Result<Self, Error> {
        let params = learner.need("learner_model_param")?;
        let features = params.need("num_feature")?.whole()?;
        let count = |key: &str| params.get(key).map_or(Ok(1), |part| part.whole().map(|count| count.max(1)));
        let (classes, targets) = (count("num_class")?, count("num_target")?);
        if classes > 1 && targets > 1 {
            return Err(params.unsupported("several classes of several targets"));
        }
        let outputs = classes.max(targets);
        if outputs.saturating_mul(features.max(1)) > CELLS_MAX {
            return Err(params.unsupported(format!("more than {CELLS_MAX} features x classes")));
        }
        let objective = Objective::read(&learner.need("objective")?, outputs)?;
        let base = base_scores(&params.need("base_score")?, outputs, &objective)?;
        Ok(Self { version, features, objective, base })
    }

    fn outputs(&self) -> usize {
        self.base.len()
    }

    /// The inputs in the order of the features: names where the file has them, else `f0`, `f1`, ...
    fn inputs(&self, learner: &Part<'_>) -> Result<(Vec<Input>, Vec<Binding>), Error> {
        let names: Vec<String> = match learner.get("feature_names") {
            Some(part) if part.items()?.len() > 0 => {
                let names: Vec<String> = part.texts()?.into_iter().map(str::to_owned).collect();
                if names.len() != self.features {
                    return Err(part.invalid(format!("{} names for {} features", names.len(), self.features)));
                }
                names
            }
            _ => (0..self.features).map(|at| format!("f{at}")).collect(),
        };
        if names.is_empty() {
            return Err(learner.unsupported("a model without features"));
        }
        let mut bindings = vec![Binding::Single; self.features];
        if let Some(kinds) = learner.get("feature_types").filter(|kinds| kinds.items().is_ok()) {
            let coded = kinds.texts()?.into_iter().zip(&mut bindings).filter(|(kind, _)| *kind == "c");
            coded.for_each(|(_, binding)| *binding = Binding::Code);
        }
        let inputs = names.into_iter().map(|name| Input { name, kind: InputKind::Number });
        Ok((inputs.collect(), bindings))
    }

    fn parts(self, form: Form, inputs: Vec<Input>, bindings: Vec<Binding>) -> Parts {
        let (outputs, precision) = (self.outputs(), Precision::Single);
        let Objective { link, name, .. } = self.objective;
        let about = About { version: self.version, ..About::default() };
        Parts { form, inputs, bindings, outputs, link, objective: name, precision, classes: Vec::new(), about }
    }
}

/// `5E-1`, or since version 3.1 `[5E-1]` with an entry per output, as raw scores.
fn base_scores(part: &Part<'_>, outputs: usize, objective: &Objective) -> Result<Vec<f64>, Error> {
    let single = |number: f64| {
        let raw = objective.raw(number as f32);
        match raw.is_finite() {
            true => Ok(f64::from(raw)),
            false => Err(part.invalid("not a prediction of this objective")),
        }
    };
    if let Ok(number) = part.number() {
        return Ok(vec![single(number)?; outputs]);
    }
    let text = part.text()?.trim();
    let list = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let words = list.ok_or_else(|| part.invalid("neither a number nor a list of them"))?.split(',');
    let number = |word: &str| word.trim().parse().map_err(|_| part.invalid("an entry is not a number"));
    let base = words.map(|word| number(word).and_then(single)).collect::<Result<Vec<f64>, Error>>()?;
    match base.len() {
        1 => Ok(vec![base[0]; outputs]),
        count if count == outputs => Ok(base),
        count => Err(part.invalid(format!("{count} entries for {outputs} outputs"))),
    }
}

/// The linear booster: weights of features x outputs, then the biases. A missing value adds nothing.
fn linear(head: &Head, model: &Part<'_>) -> Result<Form, Error> {
    let (inputs, outputs) = (head.features, head.outputs());
    let weights = model.need("weights")?;
    let array = weights.array((inputs + 1) * outputs)?;
    if array.iter().any(|weight| !weight.is_finite()) {
        return Err(weights.invalid("an entry is not finite"));
    }
    let weight = |input: usize, output: usize| f64::from(array[input * outputs + output] as f32);
    let equation = |output: usize| {
        let term = |input| Term { coefficient: weight(input, output), factors: vec![Factor::Power(input, 1.0)] };
        // Of several base scores XGBoost's linear booster adds the first to every output.
        let intercept = f64::from((weight(inputs, output) + head.base[0]) as f32);
        Equation { intercept, terms: (0..inputs).map(term).collect() }
    };
    let equations = (0..outputs).map(equation).collect();
    let treatments = vec![Treatment::missing_is(0.0); inputs];
    let linear = Linear::new(treatments, Vec::new(), equations, Finish::default()).in_precision(Precision::Single);
    Ok(Form::Linear(linear))
}
