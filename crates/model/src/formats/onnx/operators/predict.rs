//! The models of ai.onnx.ml but support vector machines: linear ones, trees, and what is done to their scores.

use std::sync::Arc;

use super::{math, value};
use crate::formats::onnx::Refusal;
use crate::formats::onnx::functions::{One, Two};
use crate::formats::onnx::program::{All, Op};
use crate::formats::onnx::tensor::{Cell, Kind, LONG, Tensor};
use crate::formats::onnx::trace::{Call, Value};
use crate::formats::onnx::trees::{self, Arrays, Ensemble, Part, Scores};

/// What becomes of scores at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Post {
    None,
    Logistic,
    Softmax,
    SoftmaxZero,
    Probit,
}

impl Post {
    fn of(name: &str) -> Result<Self, Refusal> {
        Ok(match name {
            "NONE" => Self::None,
            "LOGISTIC" => Self::Logistic,
            "SOFTMAX" => Self::Softmax,
            "SOFTMAX_ZERO" => Self::SoftmaxZero,
            "PROBIT" => Self::Probit,
            _ => return Err(Refusal::unsupported("this post_transform")),
        })
    }

    fn apply(self, call: &mut Call<'_>, scores: Vec<Cell>) -> Result<Vec<Cell>, Refusal> {
        let kind = Kind::Single;
        let mut each = |function| scores.iter().map(|cell| call.trace.one(Op::One(function, kind, *cell))).collect();
        match self {
            Self::None => Ok(scores),
            Self::Logistic => each(One::Logistic),
            Self::Probit => each(One::Probit),
            Self::Softmax => call.trace.emit(Op::All(All::Softmax, kind, scores)),
            Self::SoftmaxZero => call.trace.emit(Op::All(All::SoftmaxZero, kind, scores)),
        }
    }
}

pub(super) fn row(cells: Vec<Cell>) -> Tensor {
    Tensor::new(Kind::Single, vec![1, cells.len()], cells)
}

/// Labels of a classifier: their type, numbers and names.
pub(super) struct Labels {
    kind: Kind,
    pub numbers: Vec<f64>,
    names: Arc<[String]>,
}

impl Labels {
    pub(super) fn read(call: &mut Call<'_>, ints: &str) -> Result<Self, Refusal> {
        let texts = call.node.texts("classlabels_strings")?;
        if !texts.is_empty() {
            let numbers = texts.iter().map(|text| call.trace.texts.number(text)).collect();
            return Ok(Self { kind: Kind::Text, numbers, names: texts.into() });
        }
        let ints = call.node.ints(ints)?;
        let numbers = ints.iter().map(|label| *label as f64).collect();
        Ok(Self { kind: LONG, numbers, names: ints.iter().map(i64::to_string).collect() })
    }

    /// The label of a place.
    pub(super) fn pick(&self, call: &mut Call<'_>, place: Cell) -> Result<Tensor, Refusal> {
        let all = self.numbers.iter().map(|label| Cell::Is(*label)).collect();
        let cell = call.trace.one(Op::Pick(place, all))?;
        Ok(Tensor::new(self.kind, vec![1], vec![cell]))
    }

    pub(super) fn answer(&self, label: Tensor, scores: Vec<Cell>) -> Vec<Value> {
        let scores = Arc::new(row(scores));
        let classes = match scores.cells.len() == self.names.len() {
            true => Value::Classes(scores, Arc::clone(&self.names)),
            false => Value::Tensor(scores),
        };
        vec![value(label), classes]
    }
}

/// Scores of rows of coefficients.
fn linear(call: &mut Call<'_>, intercepts: &[f64], count: usize) -> Result<Vec<Cell>, Refusal> {
    let features = call.row(0)?;
    let coefficients = call.node.floats("coefficients")?;
    let width = features.cells.len();
    if coefficients.len() != width.saturating_mul(count) || !(intercepts.is_empty() || intercepts.len() == count) {
        return Err(Refusal::invalid(format!(
            "coefficients or intercepts do not fit {width} features, {count} scores"
        )));
    }
    let mut scores = Vec::with_capacity(count);
    for (at, coefficients) in coefficients.chunks_exact(width.max(1)).enumerate() {
        let pairs = features.cells.iter().copied().zip(coefficients.iter().map(|x| Cell::Is(*x)));
        let start = intercepts.get(at).copied().unwrap_or(0.0);
        scores.push(math::dot(call, Kind::Single, start, pairs)?);
    }
    Ok(scores)
}

fn count(call: &Call<'_>, attribute: &str) -> Result<usize, Refusal> {
    let count = usize::try_from(call.node.int(attribute, 1)?).ok().filter(|count| *count > 0);
    count.ok_or_else(|| Refusal::invalid(format!("{attribute} is below 1")))
}

/// `post_transform` is ignored, as ONNX Runtime does.
pub(super) fn linear_regressor(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let targets = count(call, "targets")?;
    let intercepts = call.node.floats("intercepts")?;
    Ok(row(linear(call, &intercepts, targets)?))
}

pub(super) fn linear_classifier(call: &mut Call<'_>) -> Result<Vec<Value>, Refusal> {
    let labels = Labels::read(call, "classlabels_ints")?;
    let post = Post::of(&call.node.text("post_transform", "NONE")?)?;
    let intercepts = call.node.floats("intercepts")?;
    let scores = linear(call, &intercepts, intercepts.len().max(1))?;
    let place = match scores[..] {
        [score] => call.trace.pair(Two::Greater, Kind::Single, score, Cell::Is(0.0))?,
        _ => call.trace.one(Op::Largest { of: scores.clone(), last: false })?,
    };
    let label = labels.pick(call, place)?;
    if let ([score], 2) = (&scores[..], labels.numbers.len()) {
        // Of one score only LOGISTIC is applied, as ONNX Runtime does.
        let score = match post {
            Post::Probit => return Err(Refusal::unsupported("PROBIT of two classes")),
            Post::Logistic => post.apply(call, vec![*score])?[0],
            _ => *score,
        };
        let other = call.trace.pair(Two::Subtract, Kind::Single, Cell::Is(1.0), score)?;
        return Ok(labels.answer(label, vec![other, score]));
    }
    let scores = post.apply(call, scores)?;
    Ok(labels.answer(label, scores))
}

/// The type that a tree ensemble computes with: double for double rows, else single.
fn tree_kind(features: &Tensor) -> Kind {
    if features.kind == Kind::Double { Kind::Double } else { Kind::Single }
}

/// The sums of the trees.
fn sums(call: &mut Call<'_>, ensemble: Ensemble, features: &Tensor) -> Result<Vec<Cell>, Refusal> {
    if ensemble.features() > features.cells.len() {
        return Err(Refusal::invalid(format!("reads a feature beyond {}", features.cells.len())));
    }
    let mut cells = features.cells.clone();
    if !features.kind.is_float() {
        cells = call.trace.map(One::Same, Kind::Single, features)?.cells;
    }
    call.trace.charge(ensemble.targets.saturating_add(cells.len()))?;
    call.trace.emit(Op::Trees(Arc::new(ensemble), cells))
}

fn arrays(
    call: &mut Call<'_>,
    leaves: &str,
    (targets, scores): (usize, Scores),
    kind: Kind,
) -> Result<Ensemble, Refusal> {
    let node = call.node;
    let texts = std::cell::RefCell::new(&mut call.trace.texts);
    let tensors = |name: &str| {
        let message = node.tensor(name)?;
        message.map(|message| Tensor::read(&message, &mut texts.borrow_mut())).transpose()
    };
    Arrays { node, leaves, kind, targets, scores, tensors: &tensors }.read()
}

pub(super) fn tree_regressor(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let features = call.row(0)?;
    let targets = count(call, "n_targets")?;
    let ensemble = arrays(call, "target", (targets, Scores::ById), tree_kind(&features))?;
    let scores = sums(call, ensemble, &features)?;
    let post = Post::of(&call.node.text("post_transform", "NONE")?)?;
    Ok(row(post.apply(call, scores)?))
}

pub(super) fn tree_ensemble(call: &mut Call<'_>) -> Result<Tensor, Refusal> {
    let (features, node) = (call.row(0)?, call.node);
    let texts = std::cell::RefCell::new(&mut call.trace.texts);
    let tensors = |name: &str| {
        let message = node.tensor(name)?;
        message.map(|message| Tensor::read(&message, &mut texts.borrow_mut())).transpose()
    };
    let ensemble = trees::version_5(node, &tensors, tree_kind(&features))?;
    let kind = tree_kind(&features);
    let scores = sums(call, ensemble, &features)?;
    let names = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"];
    let number = usize::try_from(node.int("post_transform", 0)?).unwrap_or(usize::MAX);
    let cells = Post::of(names.get(number).copied().unwrap_or("?"))?.apply(call, scores)?;
    Ok(Tensor::new(kind, vec![1, cells.len()], cells))
}

/// As ONNX Runtime 1.32 does it. With two classes and weights of the first alone there is one score, that of the second
/// class: with LOGISTIC both classes have the logistic function of their sign of it, with another transform (none is
/// applied) the first has 1 less the score where all weights are probabilities, else its negative.
pub(super) fn tree_classifier(call: &mut Call<'_>) -> Result<Vec<Value>, Refusal> {
    let labels = Labels::read(call, "classlabels_int64s")?;
    let post = Post::of(&call.node.text("post_transform", "NONE")?)?;
    let features = call.row(0)?;
    let classes = labels.numbers.len().max(1);
    let mut ids = call.node.ints("class_ids")?.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let kind = tree_kind(&features);
    let targets = if classes == 2 && ids == [0] { (1, Scores::One) } else { (classes, Scores::ById) };
    let ensemble = arrays(call, "class", targets, kind)?;
    if classes == 2 && targets.0 == 2 && !ensemble.base.is_empty() {
        return Err(Refusal::unsupported("base_values of two classes"));
    }
    let is_probability = ids.len() == 1 && !negative(&ensemble);
    let threshold = Cell::Is(if is_probability { 0.5 } else { 0.0 });
    let scores = sums(call, ensemble, &features)?;
    let place = match scores[..] {
        [score] | [_, score] => call.trace.pair(Two::Greater, Kind::Single, score, threshold)?,
        _ => call.trace.one(Op::Largest { of: scores.clone(), last: false })?,
    };
    let label = labels.pick(call, place)?;
    let scores = match (targets.1, post, &scores[..]) {
        (Scores::One, Post::Logistic, [score]) => {
            let other = call.trace.one(Op::One(One::Negative, kind, *score))?;
            post.apply(call, vec![other, *score])?
        }
        (Scores::One, Post::Probit, [_]) => return Err(Refusal::unsupported("PROBIT of two classes")),
        (Scores::One, _, [score]) if is_probability => {
            vec![call.trace.pair(Two::Subtract, kind, Cell::Is(1.0), *score)?, *score]
        }
        (Scores::One, _, [score]) => vec![call.trace.one(Op::One(One::Negative, kind, *score))?, *score],
        _ => post.apply(call, scores)?,
    };
    Ok(labels.answer(label, scores))
}

fn negative(ensemble: &Ensemble) -> bool {
    ensemble.knots.iter().any(|knot| match &knot.part {
        Part::Leaf(weights) => weights.iter().any(|(_, weight)| *weight < 0.0),
        Part::Split(_) => false,
    })
}

/// The maps of ZipMap name the classes of its tensor.
pub(super) fn zip_map(call: &mut Call<'_>) -> Result<Vec<Value>, Refusal> {
    let tensor = call.row(0)?;
    let labels = Labels::read(call, "classlabels_int64s")?;
    if labels.names.len() != tensor.cells.len() {
        return Err(Refusal::invalid(format!("{} labels for {} scores", labels.names.len(), tensor.cells.len())));
    }
    Ok(vec![Value::Classes(tensor, labels.names)])
}
