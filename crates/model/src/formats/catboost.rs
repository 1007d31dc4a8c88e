//! CatBoost's `cbm` and JSON files, as `save_model` writes them (version 1), with numeric and one-hot splits.
//!
//! [`cbm`] and [`json`] read either file into one [`Source`]; here it becomes a forest. [`hash`] is the hash that
//! stands for a category in both.
//!
//! Rules of the format that are easily missed (all held by tests): cells and borders are single precision, leaves
//! and sums double; `x > border` goes right, so does the category that a one-hot split names; a missing number is
//! smaller or larger than all others, as the feature says; in a symmetric tree the *last* split is the root
//! (contributions depend on it); leaves without training rows are usual there. The raw score is scale x trees + bias,
//! the bias added last.
//!
//! Categories are known by the 32-bit hash of their text. CatBoost takes a category that was not there in training as
//! different from all others; so it is here. It is counted: exactly where the file lists the hashes of training (JSON
//! saved with the training data), else as any category that no split is about, of columns that some split is about.
//! A missing category (which CatBoost refuses) is in no split.

mod cbm;
mod hash;
mod json;

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::features::{Binding, Hashes};
use crate::forest::{Base, Child, Empty, Forest, Leaf, Precision, Rules, Split, Test, Tree};
use crate::formats::data::Part;
use crate::link::Link;
use crate::model::{About, Form, Parts};
use crate::{Error, Format, Input, InputKind};

/// The first bytes of a `cbm` file.
pub(super) const MAGIC: &[u8] = b"CBM1";

/// Most contributions per row: the kernels hold them for a block of rows.
const CELLS_MAX: usize = 1 << 18;

/// Most splits of a symmetric tree, CatBoost's own limit.
const DEPTH_MAX: usize = 16;

/// Most bytes of the sets of categories of all splits.
const SET_BYTES_MAX: usize = 1 << 26;

fn invalid(message: impl Into<String>) -> Error {
    Error::invalid(Format::CatBoost, 1, message)
}

fn unsupported(message: impl Into<String>) -> Error {
    Error::unsupported(Format::CatBoost, 1, message)
}

/// What both files say.
struct Source {
    numbers: Vec<Number>,
    categories: Vec<Category>,
    /// The hashes of all categories of training, where the file lists them.
    known: Arc<HashSet<u32>>,
    trees: Vec<Plan>,
    outputs: usize,
    scale: f64,
    /// One per output.
    bias: Vec<f64>,
    training: Training,
}

/// What the file keeps of how it was made.
struct Training {
    loss: String,
    /// Of CatBoost; empty where the file does not tell.
    version: String,
    /// The labels of a classifier's classes.
    classes: Vec<String>,
}

impl Training {
    /// From the parameters, the text that says which CatBoost it was, and what is known of the classes.
    fn read(params: &Part<'_>, version: &str, classes: Option<&Part<'_>>) -> Result<Self, Error> {
        let loss = params.need("loss_function")?.need("type")?.text()?.to_owned();
        let after = |mark: &str| version.split_once(mark)?.1.split_ascii_whitespace().next();
        let version = after("tags/v").unwrap_or_default().to_owned();
        let names = classes.and_then(|classes| classes.get("class_names"));
        let classes = match names.as_ref().map(|names| (names, names.numbers())) {
            Some((_, Ok(numbers))) => numbers.iter().map(f64::to_string).collect(),
            Some((names, Err(_))) => names.texts()?.into_iter().map(str::to_owned).collect(),
            None => Vec::new(),
        };
        Ok(Self { loss, version, classes })
    }

    /// The classes of the outputs: of two classes the one output is the probability of the second.
    fn classes_of(self, outputs: usize) -> Vec<String> {
        match self.classes.len() {
            2 if outputs == 1 => self.classes.into_iter().skip(1).collect(),
            count if count == outputs => self.classes,
            _ => Vec::new(),
        }
    }
}

/// A numeric feature.
struct Number {
    /// Its column in the training table.
    place: usize,
    name: String,
    missing_right: bool,
}

/// A categorical feature.
struct Category {
    place: usize,
    name: String,
    /// The hashes that splits may name, and the texts that are known of them.
    values: Vec<(u32, Option<String>)>,
}

/// What a split asks; true goes right.
#[derive(Debug, Clone, Copy)]
enum Ask {
    /// The numeric feature is above a border.
    Above(usize, f32),
    /// The categorical feature is the category of this hash.
    Is(usize, u32),
}

/// A tree before its outputs are told apart.
enum Plan {
    /// The same split for all nodes of a level, from the leaves up: split `k` is bit `k` of a leaf's number.
    Symmetric { asks: Vec<Ask>, leaves: Leaves },
    /// Node 0 is the root.
    Nodes { nodes: Vec<(Ask, [Next; 2])>, leaves: Leaves },
}

#[derive(Debug, Clone, Copy)]
enum Next {
    Node(usize),
    Leaf(usize),
}

/// Values (leaves x outputs) and training weights; weights may be missing altogether.
struct Leaves {
    values: Vec<f64>,
    weights: Vec<f64>,
}

/// Refuse a model without outputs, and one with more than the kernels hold.
fn check_outputs(outputs: usize, inputs: usize) -> Result<(), Error> {
    match outputs > 0 && outputs.saturating_mul(inputs.max(1)) <= CELLS_MAX {
        true => Ok(()),
        false => Err(unsupported(format!("no output, or more than {CELLS_MAX} features x outputs"))),
    }
}

/// Read a model file.
pub(crate) fn load(bytes: &[u8]) -> Result<Parts, Error> {
    let source = if bytes.starts_with(MAGIC) { cbm::read(bytes)? } else { json::read(bytes)? };
    let columns = Columns::new(&source)?;
    let inputs = columns.inputs.len();
    check_outputs(source.outputs, inputs)?;
    let mut trees = Vec::with_capacity(source.trees.len() * source.outputs);
    for (at, plan) in source.trees.iter().enumerate() {
        for output in 0..source.outputs {
            let tree = plan.tree(&columns, output, &source);
            trees.push(tree.map_err(|message| invalid(format!("tree {at}: {message}")))?);
        }
    }
    if !source.bias.iter().all(|bias| bias.is_finite()) {
        return Err(invalid("the bias is not finite"));
    }
    let rules = Rules { base: source.bias.clone(), base_comes: Base::Last, empty: Empty::Halved, ..Rules::plain(0) };
    let forest = Forest::new(trees, inputs, rules)
        .map_err(|(at, message)| invalid(format!("tree {}: {message}", at / source.outputs)))?;
    Ok(Parts {
        form: Form::Forest(forest),
        inputs: columns.inputs,
        bindings: columns.bindings,
        outputs: source.outputs,
        link: link(&source.training.loss, source.outputs)?,
        objective: source.training.loss.clone(),
        precision: Precision::Double,
        about: About { version: source.training.version.clone(), ..About::default() },
        classes: source.training.classes_of(source.outputs),
    })
}

/// The prediction that CatBoost's own classes give: probabilities of a classifier, the expected value of a regressor.
fn link(loss: &str, outputs: usize) -> Result<Link, Error> {
    Ok(match loss {
        "Logloss" | "CrossEntropy" | "MultiClassOneVsAll" | "MultiLogloss" | "MultiCrossEntropy" => {
            Link::Logit { slope: 1.0 }
        }
        "MultiClass" if outputs > 1 => Link::Softmax,
        "Poisson" | "Tweedie" => Link::Log,
        "RMSE"
        | "MAE"
        | "Quantile"
        | "MultiQuantile"
        | "Expectile"
        | "LogLinQuantile"
        | "MAPE"
        | "Lq"
        | "Huber"
        | "LogCosh"
        | "MultiRMSE"
        | "MultiRMSEWithMissingValues"
        | "GroupQuantile"
        | "QueryRMSE"
        | "QuerySoftMax"
        | "QueryCrossEntropy"
        | "PairLogit"
        | "PairLogitPairwise"
        | "YetiRank"
        | "YetiRankPairwise"
        | "LambdaMart"
        | "StochasticFilter"
        | "StochasticRank"
        | "Focal"
        | "Cox"
        | "SurvivalAft"
        | "RMSPE" => Link::Identity,
        _ => return Err(unsupported(format!("the loss function {loss:.40?}"))),
    })
}

/// The inputs in the order of the training table, and where features find theirs.
struct Columns {
    inputs: Vec<Input>,
    bindings: Vec<Binding>,
    numbers: Vec<u32>,
    categories: Vec<u32>,
    /// For each input the code of each hash.
    codes: Vec<HashMap<u32, f64>>,
    /// Bytes of the sets of categories made so far.
    set_bytes: Cell<usize>,
}

impl Columns {
    fn new(source: &Source) -> Result<Self, Error> {
        let numbers = source.numbers.iter().enumerate().map(|(at, number)| (number.place, true, at));
        let categories = source.categories.iter().enumerate().map(|(at, category)| (category.place, false, at));
        let mut order: Vec<(usize, bool, usize)> = numbers.chain(categories).collect();
        order.sort_unstable();
        if order.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(invalid("two features are the same column"));
        }
        let mut columns = Self {
            inputs: Vec::new(),
            bindings: Vec::new(),
            numbers: vec![0; source.numbers.len()],
            categories: vec![0; source.categories.len()],
            codes: Vec::new(),
            set_bytes: Cell::new(0),
        };
        for (place, is_number, at) in order {
            let input = columns.inputs.len() as u32;
            if is_number {
                columns.numbers[at] = input;
                columns.push(&source.numbers[at].name, place, InputKind::Number, Binding::Single, HashMap::new());
            } else {
                columns.categories[at] = input;
                columns.push_category(&source.categories[at], place, Arc::clone(&source.known));
            }
        }
        match columns.inputs.is_empty() {
            true => Err(unsupported("a model without features")),
            false => Ok(columns),
        }
    }

    fn push_category(&mut self, category: &Category, place: usize, known: Arc<HashSet<u32>>) {
        let mut codes = HashMap::with_capacity(category.values.len());
        for (hash, _) in &category.values {
            let next = codes.len() as f64;
            codes.entry(*hash).or_insert(next);
        }
        let values = category.values.iter().filter_map(|(_, text)| text.clone()).collect();
        let binding = Binding::Hashed(Hashes { hash: hash::of_category, codes: codes.clone(), known });
        self.push(&category.name, place, InputKind::Category { values }, binding, codes);
    }

    fn push(&mut self, name: &str, place: usize, kind: InputKind, binding: Binding, codes: HashMap<u32, f64>) {
        let name = if name.is_empty() { place.to_string() } else { name.to_owned() };
        self.inputs.push(Input { name, kind });
        self.bindings.push(binding);
        self.codes.push(codes);
    }

    /// A split whose left is CatBoost's left for numbers, and its right for categories.
    fn split(&self, ask: Ask, [no, yes]: [Child; 2], source: &Source) -> Result<Split, String> {
        match ask {
            Ask::Above(feature, border) => {
                let number = source.numbers.get(feature).ok_or("a numeric feature that does not exist")?;
                let (threshold, missing_left) = (f64::from(border), !number.missing_right);
                let test = Test::AtMost { threshold, missing_left, zero_missing: false };
                match border.is_nan() {
                    true => Err("a border that is no number".to_owned()),
                    false => Ok(Split { input: self.numbers[feature], test, left: no, right: yes }),
                }
            }
            Ask::Is(feature, hash) => {
                let input = *self.categories.get(feature).ok_or("a categorical feature that does not exist")?;
                let code = *self.codes[input as usize].get(&hash).ok_or("a category that its feature does not have")?;
                let code = code as usize;
                self.set_bytes.set(self.set_bytes.get() + code / 8 + 4);
                if self.set_bytes.get() > SET_BYTES_MAX {
                    return Err(format!("sets of categories of more than {SET_BYTES_MAX} bytes"));
                }
                let mut words = vec![0; code / 32 + 1];
                words[code / 32] = 1 << (code % 32);
                Ok(Split { input, test: Test::In { words, missing_left: false }, left: yes, right: no })
            }
        }
    }
}

impl Plan {
    /// The tree of one output.
    fn tree(&self, columns: &Columns, output: usize, source: &Source) -> Result<Tree, String> {
        let (Self::Symmetric { leaves, .. } | Self::Nodes { leaves, .. }) = self;
        let leaves = leaves.of(output, source)?;
        let splits = match self {
            Self::Symmetric { asks, .. } => symmetric(asks, leaves.len(), columns, source)?,
            Self::Nodes { nodes, .. } => {
                let child = |next: Next| match next {
                    Next::Node(node) => Child::Split(node as u32),
                    Next::Leaf(leaf) => Child::Leaf(leaf as u32),
                };
                let split = |(ask, next): &(Ask, [Next; 2])| columns.split(*ask, next.map(child), source);
                nodes.iter().map(split).collect::<Result<Vec<Split>, String>>()?
            }
        };
        Ok(Tree { splits, leaves, output })
    }
}

impl Leaves {
    fn of(&self, output: usize, source: &Source) -> Result<Vec<Leaf>, String> {
        let count = self.values.len() / source.outputs;
        if !self.values.len().is_multiple_of(source.outputs) || ![0, count].contains(&self.weights.len()) {
            return Err("leaf values and weights that do not fit each other".to_owned());
        }
        let values = self.values.iter().skip(output).step_by(source.outputs);
        let leaf = |(at, value): (usize, &f64)| {
            let (value, cover) = (value * source.scale, self.weights.get(at).copied().unwrap_or(0.0));
            match value.is_finite() && cover.is_finite() && cover >= 0.0 {
                true => Ok(Leaf { value, cover, linear: None }),
                false => Err(format!("the value or weight of leaf {at} is not finite, or below 0")),
            }
        };
        values.enumerate().map(leaf).collect()
    }
}

/// The splits of a symmetric tree as a full one: the node of each level, from the root, that a leaf's higher bits say.
fn symmetric(asks: &[Ask], leaves: usize, columns: &Columns, source: &Source) -> Result<Vec<Split>, String> {
    if asks.len() > DEPTH_MAX || leaves != 1 << asks.len() {
        return Err(format!("{leaves} leaves for {} splits, at most {DEPTH_MAX}", asks.len()));
    }
    let mut splits = Vec::with_capacity(leaves - 1);
    for (depth, ask) in asks.iter().rev().enumerate() {
        let (first, below) = ((1_u32 << depth) - 1, (1_u32 << (depth + 1)) - 1);
        for at in 0..1_u32 << depth {
            debug_assert_eq!(splits.len(), (first + at) as usize);
            let child = |side: u32| match depth + 1 == asks.len() {
                true => Child::Leaf(2 * at + side),
                false => Child::Split(below + 2 * at + side),
            };
            splits.push(columns.split(*ask, [child(0), child(1)], source)?);
        }
    }
    Ok(splits)
}
