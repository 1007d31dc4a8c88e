//! The JSON of `dump_model`: the same model as a document, its trees as nodes in nodes.

use super::{CELLS_MAX, Refusal, about, categories, objective};
use crate::forest::{Child, Forest, Leaf, LeafTerms, Precision, Rules, Split, Test, Tree};
use crate::formats::data::{Document, Part, whole};
use crate::link::Link;
use crate::model::{Form, Parts};
use crate::{Error, Format};

const HEADER: &[&str] = &[
    "name",
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
    "tree_info",
    "feature_importances",
    "pandas_categorical",
];

const TREE: &[&str] = &["tree_index", "num_leaves", "num_cat", "shrinkage", "tree_structure"];

const SPLIT: &[&str] = &[
    "split_index",
    "split_feature",
    "split_gain",
    "threshold",
    "decision_type",
    "default_left",
    "missing_type",
    "internal_value",
    "internal_weight",
    "internal_count",
    "left_child",
    "right_child",
];

const LEAF: &[&str] =
    &["leaf_index", "leaf_value", "leaf_weight", "leaf_count", "leaf_const", "leaf_features", "leaf_coeff"];

/// Most codes of categories in all splits together, which is how many bits their sets have.
const CODES_MAX: usize = 1 << 29;

pub(super) fn load(bytes: &[u8]) -> Result<Parts, Error> {
    let document = Document::read(Format::LightGbm, bytes)?;
    let root = document.root();
    root.only(HEADER)?;
    let version = root.need("version")?;
    if !["v2", "v3", "v4"].contains(&version.text()?) {
        return Err(version.unsupported(format!("version {:.40?}", version.text()?)));
    }
    let names = root.need("feature_names")?;
    let features = names.texts()?;
    let last = root.need("max_feature_idx")?;
    if features.len().checked_sub(1) != Some(last.whole()?) {
        return Err(last.invalid(format!("{} feature_names", features.len())));
    }
    let outputs = root.need("num_tree_per_iteration")?.whole()?;
    if outputs == 0 || root.need("num_class")?.whole()? != outputs {
        return Err(root.need("num_class")?.invalid("is not num_tree_per_iteration, or 0"));
    }
    if outputs.saturating_mul(features.len().max(1)) > CELLS_MAX {
        return Err(names.unsupported(format!("more than {CELLS_MAX} features x classes")));
    }
    let (link, objective) = link(&root, outputs)?;
    let list = root.need("tree_info")?;
    let (mut trees, mut codes) = (Vec::new(), 0);
    for (at, part) in list.items()?.enumerate() {
        part.only(TREE)?;
        trees.push(tree(&part.need("tree_structure")?, features.len(), at % outputs, &mut codes)?);
    }
    if trees.is_empty() || trees.len() % outputs != 0 {
        return Err(list.invalid(format!("{} trees for {outputs} per iteration", trees.len())));
    }
    let averages = root.get("average_output").map_or(Ok(false), |part| part.flag())?;
    let scale = if averages { (trees.len() / outputs) as f64 } else { 1.0 };
    let (inputs, bindings) = categories(&root, &features)?;
    let forest = Forest::new(trees, inputs.len(), Rules { scale, ..Rules::plain(outputs) })
        .map_err(|(at, message)| list.invalid(format!("[{at}]: {message}")))?;
    let (form, precision, classes) = (Form::Forest(forest), Precision::Double, Vec::new());
    let about = about(version.text()?, scale);
    Ok(Parts { form, inputs, bindings, outputs, link, objective, precision, classes, about })
}

fn link(root: &Part<'_>, outputs: usize) -> Result<(Link, String), Error> {
    let Some(part) = root.get("objective") else { return Ok((Link::Identity, String::new())) };
    let text = part.text()?;
    let link = objective(text, outputs).map_err(|refusal| match refusal {
        Refusal::Invalid(message) => part.invalid(message),
        Refusal::Unsupported(message) => part.unsupported(message),
    })?;
    Ok((link, text.split_ascii_whitespace().next().unwrap_or_default().to_owned()))
}

/// The inputs; which of them are pandas categories follows from the codes that `feature_infos` lists.
fn categories(root: &Part<'_>, features: &[&str]) -> Result<(Vec<crate::Input>, Vec<crate::features::Binding>), Error> {
    let mut codes = vec![None; features.len()];
    if let Some(infos) = root.get("feature_infos") {
        let places: std::collections::HashMap<&str, usize> =
            features.iter().enumerate().map(|(at, name)| (*name, at)).collect();
        for (name, info) in infos.entries()? {
            let at = *places.get(name).ok_or_else(|| info.invalid("is no feature"))?;
            let values = info.get("values").map(|values| values.numbers()).transpose()?.unwrap_or_default();
            codes[at] = (!values.is_empty()).then(|| values.iter().map(|code| *code as i64).collect());
        }
    }
    let lists = match root.get("pandas_categorical") {
        Some(part) => (part.line(), categories::read_lists(part.rest(), part.line())?),
        None => (1, Vec::new()),
    };
    categories::assign(features, &codes, None, lists)
}

fn tree(root: &Part<'_>, inputs: usize, output: usize, codes: &mut usize) -> Result<Tree, Error> {
    let mut tree = Tree { splits: Vec::new(), leaves: Vec::new(), output };
    let mut open: Vec<(Part<'_>, Option<(usize, bool)>)> = vec![(root.clone(), None)];
    while let Some((part, parent)) = open.pop() {
        let child = if part.get("leaf_value").is_some() {
            tree.leaves.push(leaf(&part, inputs)?);
            Child::Leaf(tree.leaves.len() as u32 - 1)
        } else {
            part.only(SPLIT)?;
            let feature = part.need("split_feature")?;
            let input = feature.whole()?;
            if input >= inputs {
                return Err(feature.invalid("does not exist"));
            }
            let at = tree.splits.len();
            let (left, right) = (Child::Leaf(0), Child::Leaf(0));
            tree.splits.push(Split { input: input as u32, test: test(&part, codes)?, left, right });
            open.push((part.need("right_child")?, Some((at, false))));
            open.push((part.need("left_child")?, Some((at, true))));
            Child::Split(at as u32)
        };
        tree.hang(child, parent);
    }
    Ok(tree)
}

fn test(part: &Part<'_>, codes: &mut usize) -> Result<Test, Error> {
    let (kind, threshold) = (part.need("decision_type")?, part.need("threshold")?);
    match kind.text()? {
        "<=" => {
            let (threshold, default_left) = (threshold.finite()?, part.need("default_left")?.flag()?);
            let missing = part.need("missing_type")?;
            let (missing_left, zero_missing) = match missing.text()? {
                // NaN is taken as 0.0.
                "None" => (0.0 <= threshold, false),
                "Zero" => (default_left, true),
                "NaN" => (default_left, false),
                _ => return Err(missing.invalid("neither None, Zero nor NaN")),
            };
            Ok(Test::AtMost { threshold, missing_left, zero_missing })
        }
        "==" => Ok(Test::In { words: words(&threshold, codes)?, missing_left: false }),
        _ => Err(kind.unsupported("this decision_type")),
    }
}

/// The codes that go left: `0||3||12`, or a lone number.
fn words(threshold: &Part<'_>, codes: &mut usize) -> Result<Vec<u32>, Error> {
    let wrong = || threshold.invalid("not a list of codes");
    let mut words: Vec<u32> = Vec::new();
    let mut add = |code: usize| {
        if code / 32 >= words.len() {
            *codes += (code / 32 + 1 - words.len()) * 32;
            if *codes > CODES_MAX {
                return Err(threshold.unsupported(format!("sets of more than {CODES_MAX} codes")));
            }
            words.resize(code / 32 + 1, 0);
        }
        words[code / 32] |= 1 << (code % 32);
        Ok(())
    };
    match threshold.text() {
        Ok(text) => {
            for word in text.split("||") {
                add(word.parse::<u32>().map_err(|_| wrong())? as usize)?;
            }
        }
        Err(_) => add(threshold.whole()?)?,
    }
    Ok(words)
}

fn leaf(part: &Part<'_>, inputs: usize) -> Result<Leaf, Error> {
    part.only(LEAF)?;
    let cover = part.get("leaf_count").map_or(Ok(0.0), |count| match count.finite()? {
        cover if cover < 0.0 => Err(count.invalid("below 0")),
        cover => Ok(cover),
    })?;
    let linear = part.get("leaf_const").map(|constant| terms(part, constant.finite()?, inputs)).transpose()?;
    Ok(Leaf { value: part.need("leaf_value")?.finite()?, cover, linear })
}

/// A linear tree's leaf.
fn terms(part: &Part<'_>, constant: f64, inputs: usize) -> Result<LeafTerms, Error> {
    let features = part.need("leaf_features")?;
    let list = features.numbers()?;
    let coefficients = part.need("leaf_coeff")?;
    let numbers = coefficients.array(list.len())?;
    if numbers.iter().any(|number| !number.is_finite()) {
        return Err(coefficients.invalid("an entry is not finite"));
    }
    let input = |number: &f64| whole(*number).filter(|input| *input < inputs).map(|input| input as u32);
    let list: Option<Vec<u32>> = list.iter().map(input).collect();
    let list = list.ok_or_else(|| features.invalid("an entry does not exist"))?;
    Ok(LeafTerms { constant, terms: list.into_iter().zip(numbers.iter().copied()).collect() })
}
