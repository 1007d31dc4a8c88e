//! LightGBM's text file, as `save_model` writes it (versions v2 to v4), and its JSON, as `dump_model` gives it
//! ([`json`]).
//!
//! The text is lines of `key=value`: a header, one block per tree, the line `end of trees`, then reports and training
//! parameters, and last the categories of pandas columns. [`lines`] cuts it into keys with their line numbers,
//! [`trees`] reads one block, [`categories`] finds out which columns hold pandas categories.
//!
//! Rules of the format that are easily missed (all held by tests): a category that is missing or not in a split's set
//! goes right; without missing values in training (`missing_type` None) NaN is 0.0; with `zero_as_missing` |x| <= 1e-35
//! is missing; a random forest (`average_output`) has the sum of its trees as raw score, and the link of their average
//! as prediction.
//!
//! Nothing is skipped: a key of header or tree that is not known is refused, because it may change the scores. Memory
//! is bounded by a small multiple of the file, whatever its counts claim: arrays are as long as their text.

mod categories;
mod json;
mod lines;
mod trees;

use std::collections::HashSet;

use lines::{Field, Keys, Lines};

use crate::features::Binding;
use crate::forest::{Forest, Precision, Rules, Tree};
use crate::link::Link;
use crate::model::{About, Form, Parts};
use crate::{Error, Format, Input, InputKind};

/// Most contributions per row: the kernels hold them for a block of rows.
const CELLS_MAX: usize = 1 << 18;

const HEADER: &[&str] = &[
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "average_output",
    "feature_names",
    "monotone_constraints",
    "feature_infos",
    "tree_sizes",
];

pub(super) fn invalid(line: usize, message: impl Into<String>) -> Error {
    Error::invalid(Format::LightGbm, line, message)
}

fn unsupported(line: usize, message: impl Into<String>) -> Error {
    Error::unsupported(Format::LightGbm, line, message)
}

/// Read a model file, text or JSON.
pub(crate) fn load(bytes: &[u8]) -> Result<Parts, Error> {
    if bytes.trim_ascii_start().starts_with(b"{") {
        return json::load(bytes);
    }
    let mut lines = Lines::new(bytes)?;
    match lines.next_filled() {
        Some((_, "tree")) => {}
        Some((line, _)) => return Err(invalid(line, "the first line is not `tree`")),
        None => return Err(invalid(1, "the file is empty")),
    }
    let header = Keys::read(&mut lines, HEADER)?;
    let head = Header::read(&header)?;
    let (trees, tree_lines) = read_trees(&mut lines, &head)?;
    if let Some(sizes) = header.get("tree_sizes") {
        let count = sizes.words().count();
        if count != trees.len() {
            return Err(sizes.invalid(format!("names {count} trees, the file has {}", trees.len())));
        }
    }
    if trees.is_empty() || trees.len() % head.outputs != 0 {
        let message = format!("{} trees for {} per iteration", trees.len(), head.outputs);
        return Err(invalid(lines.line(), message));
    }
    let scale = if head.averages { (trees.len() / head.outputs) as f64 } else { 1.0 };
    let (inputs, bindings) = categories::bind(&head.names, head.infos.as_ref(), &mut lines)?;
    let rules = Rules { scale, ..Rules::plain(head.outputs) };
    let forest = Forest::new(trees, inputs.len(), rules)
        .map_err(|(tree, message)| invalid(tree_lines[tree], format!("Tree={tree}: {message}")))?;
    let (outputs, link, objective) = (head.outputs, head.link, head.objective);
    let (form, precision, classes) = (Form::Forest(forest), Precision::Double, Vec::new());
    let about = about(head.version, scale);
    Ok(Parts { form, inputs, bindings, outputs, link, objective, precision, classes, about })
}

/// What to know of a model whose predictions are the link of its raw score over `scale`.
fn about(version: &str, scale: f64) -> About {
    let averaged = || {
        format!(
            "a random forest: raw score and contributions are the sum of {scale} rounds, the prediction their average"
        )
    };
    let notes = if scale == 1.0 { Vec::new() } else { vec![averaged()] };
    About { version: version.to_owned(), notes, ..About::default() }
}

fn read_trees(lines: &mut Lines<'_>, head: &Header<'_>) -> Result<(Vec<Tree>, Vec<usize>), Error> {
    let (mut read, mut starts) = (Vec::new(), Vec::new());
    loop {
        let Some((line, text)) = lines.next_filled() else {
            return Err(invalid(lines.line(), "the file ends before `end of trees`"));
        };
        if text == "end of trees" {
            return Ok((read, starts));
        }
        if text.strip_prefix("Tree=").and_then(|number| number.parse().ok()) != Some(read.len()) {
            return Err(invalid(line, format!("neither `Tree={}` nor `end of trees`", read.len())));
        }
        let keys = Keys::read(lines, trees::KEYS)?;
        read.push(trees::read(&keys, line, head.names.len(), read.len() % head.outputs)?);
        starts.push(line);
    }
}

struct Header<'a> {
    version: &'a str,
    names: Vec<&'a str>,
    infos: Option<Vec<&'a str>>,
    outputs: usize,
    averages: bool,
    link: Link,
    objective: String,
}

impl<'a> Header<'a> {
    fn read(keys: &Keys<'a>) -> Result<Self, Error> {
        let version = keys.need("version")?;
        if !["v2", "v3", "v4"].contains(&version.text) {
            return Err(unsupported(version.line, format!("version {:?}", short(version.text))));
        }
        let last: usize = keys.need("max_feature_idx")?.number()?;
        let field = keys.need("feature_names")?;
        let names = unique_names(&field)?;
        if names.len().checked_sub(1) != Some(last) {
            return Err(field.invalid(format!("{} names, max_feature_idx is {last}", names.len())));
        }
        let infos = keys.get("feature_infos").map(|field| infos(&field, names.len())).transpose()?;
        let classes = keys.need("num_class")?;
        let outputs: usize = match keys.get("num_tree_per_iteration") {
            Some(field) => field.number()?,
            None => classes.number()?,
        };
        if outputs == 0 || classes.number::<usize>()? != outputs {
            return Err(classes.invalid("is not num_tree_per_iteration, or 0"));
        }
        if outputs.saturating_mul(names.len().max(1)) > CELLS_MAX {
            return Err(unsupported(classes.line, format!("more than {CELLS_MAX} features x classes")));
        }
        let averages = match keys.get("average_output") {
            Some(field) if !field.text.is_empty() => return Err(field.invalid("takes no value")),
            other => other.is_some(),
        };
        let (link, objective) = match keys.get("objective") {
            Some(field) => {
                let link = objective(field.text, outputs).map_err(|refusal| match refusal {
                    Refusal::Invalid(message) => field.invalid(message),
                    Refusal::Unsupported(message) => unsupported(field.line, message),
                })?;
                (link, field.words().next().unwrap_or_default().to_owned())
            }
            None => (Link::Identity, String::new()),
        };
        Ok(Self { version: version.text, names, infos, outputs, averages, link, objective })
    }
}

fn unique_names<'a>(field: &Field<'a>) -> Result<Vec<&'a str>, Error> {
    let names: Vec<&str> = field.words().collect();
    let mut seen = HashSet::with_capacity(names.len());
    match names.iter().position(|name| !seen.insert(*name)) {
        Some(at) => Err(field.invalid(format!("name {} comes twice", at + 1))),
        None => Ok(names),
    }
}

fn infos<'a>(field: &Field<'a>, names: usize) -> Result<Vec<&'a str>, Error> {
    let infos: Vec<&str> = field.words().collect();
    match infos.len() == names {
        true => Ok(infos),
        false => Err(field.invalid(format!("{} entries for {names} features", infos.len()))),
    }
}

/// Why an objective is refused.
enum Refusal {
    Invalid(String),
    Unsupported(String),
}

/// The link of an objective: its first word, then `sqrt` or parameters as `name:value`.
fn objective(text: &str, outputs: usize) -> Result<Link, Refusal> {
    let invalid = |message: &str| Err(Refusal::Invalid(message.to_owned()));
    let mut words = text.split_ascii_whitespace();
    let name = words.next().unwrap_or_default();
    let (mut slope, mut sqrt) = (1.0, false);
    for word in words {
        match word.split_once(':') {
            Some((key, value)) => {
                let value: Result<f64, _> = value.parse();
                let value = value.map_err(|_| Refusal::Invalid(format!("{:?} has no number", short(key))))?;
                match key {
                    "sigmoid" if value > 0.0 && value.is_finite() => slope = value,
                    "sigmoid" => return invalid("sigmoid is not above 0"),
                    "num_class" if value != outputs as f64 => return invalid("num_class is another"),
                    // The others matter in training only.
                    _ => {}
                }
            }
            None if word == "sqrt" => sqrt = true,
            None => return Err(Refusal::Unsupported(format!("objective parameter {:?}", short(word)))),
        }
    }
    let link = match name {
        "regression" | "regression_l2" | "regression_l1" | "huber" | "fair" | "quantile" | "mape" if sqrt => {
            return Ok(Link::SignedSquare);
        }
        "regression" | "regression_l2" | "regression_l1" | "huber" | "fair" | "quantile" | "mape" => Link::Identity,
        "lambdarank" | "rank_xendcg" | "custom" | "none" => Link::Identity,
        "poisson" | "gamma" | "tweedie" => Link::Log,
        "binary" | "multiclassova" => Link::Logit { slope },
        "cross_entropy" | "xentropy" => Link::Logit { slope: 1.0 },
        "cross_entropy_lambda" | "xentlambda" => Link::LogOneMore,
        "multiclass" => Link::Softmax,
        _ => return Err(Refusal::Unsupported(format!("objective {:?}", short(name)))),
    };
    match sqrt {
        true => Err(Refusal::Unsupported(format!("objective {name} with sqrt"))),
        false => Ok(link),
    }
}

/// A piece of the file for an error message.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

fn number_input(name: &str) -> (Input, Binding) {
    (Input { name: name.to_owned(), kind: InputKind::Number }, Binding::Number)
}
