//! The JSON file.

use super::{Ask, Category, Leaves, Next, Number, Plan, Source, Training};
use crate::formats::data::{Document, Part};
use crate::{Error, Format};
use std::collections::HashMap;
use std::sync::Arc;

const ROOT: &[&str] = &["ctr_data", "features_info", "model_info", "oblivious_trees", "scale_and_bias", "trees"];

const FEATURES: &[&str] =
    &["categorical_features", "cat_features_hash", "ctrs", "embedding_features", "float_features", "text_features"];

pub(super) fn read(bytes: &[u8]) -> Result<Source, Error> {
    let document = Document::read(Format::CatBoost, bytes)?;
    let root = document.root();
    root.only(ROOT)?;
    let features = root.need("features_info")?;
    features.only(FEATURES)?;
    for key in ["ctrs", "text_features", "embedding_features"] {
        if let Some(part) = features.get(key)
            && part.items()?.len() > 0
        {
            return Err(part.unsupported("a model with features of this kind"));
        }
    }
    let texts = texts(&features)?;
    let numbers = match features.get("float_features") {
        Some(part) => part.items()?.enumerate().map(number).collect::<Result<Vec<_>, Error>>()?,
        None => Vec::new(),
    };
    let categories = match features.get("categorical_features") {
        Some(part) => {
            let category = |(at, part)| category(at, &part, &texts);
            part.items()?.enumerate().map(category).collect::<Result<Vec<_>, Error>>()?
        }
        None => Vec::new(),
    };
    let (scale, bias) = scale_and_bias(&root)?;
    let outputs = bias.len();
    let trees = match root.get("oblivious_trees") {
        Some(list) => list.items()?.map(|tree| symmetric(&tree)).collect::<Result<Vec<_>, Error>>()?,
        None => root.need("trees")?.items()?.map(|tree| nodes(&tree, outputs)).collect::<Result<Vec<_>, Error>>()?,
    };
    let info = root.need("model_info")?;
    let version = info.get("catboost_version_info").map_or(Ok(""), |version| version.text())?;
    let training = Training::read(&info.need("params")?, version, info.get("class_params").as_ref())?;
    let known = Arc::new(texts.into_keys().collect());
    Ok(Source { numbers, categories, known, trees, outputs, scale, bias, training })
}

/// The texts of hashes.
fn texts<'d>(features: &Part<'d>) -> Result<HashMap<u32, &'d str>, Error> {
    let Some(list) = features.get("cat_features_hash") else { return Ok(HashMap::new()) };
    list.items()?.map(|item| Ok((hash(&item.need("hash")?)?, item.need("value")?.text()?))).collect()
}

/// A hash, which is written as a signed or as an unsigned number.
fn hash(part: &Part<'_>) -> Result<u32, Error> {
    let number = part.number()?;
    let fits = number.fract() == 0.0 && number >= f64::from(i32::MIN) && number <= f64::from(u32::MAX);
    fits.then_some(number as i64 as u32).ok_or_else(|| part.invalid("not a hash of 32 bits"))
}

fn in_order(part: &Part<'_>, at: usize) -> Result<(usize, String), Error> {
    if part.need("feature_index")?.whole()? != at {
        return Err(part.invalid("feature_index is not its place"));
    }
    let name = part.get("feature_id").map_or(Ok(""), |name| name.text())?;
    Ok((part.need("flat_feature_index")?.whole()?, name.to_owned()))
}

fn number((at, part): (usize, Part<'_>)) -> Result<Number, Error> {
    let (place, name) = in_order(&part, at)?;
    let missing_right = match part.get("nan_value_treatment").map_or(Ok("AsIs"), |part| part.text())? {
        "AsIs" | "AsFalse" => false,
        "AsTrue" => true,
        _ => return Err(part.invalid("nan_value_treatment is not known")),
    };
    Ok(Number { place, name, missing_right })
}

fn category(at: usize, part: &Part<'_>, texts: &HashMap<u32, &str>) -> Result<Category, Error> {
    let (place, name) = in_order(part, at)?;
    let mut values = Vec::new();
    if let Some(list) = part.get("values") {
        for number in list.numbers()?.iter() {
            let hash = *number as i64 as u32;
            values.push((hash, texts.get(&hash).map(|text| (*text).to_owned())));
        }
    }
    Ok(Category { place, name, values })
}

/// `[scale, [bias, ...]]`, or in old files `[scale, bias]`.
fn scale_and_bias(root: &Part<'_>) -> Result<(f64, Vec<f64>), Error> {
    let part = root.need("scale_and_bias")?;
    if let Ok(numbers) = part.array(2) {
        return Ok((numbers[0], vec![numbers[1]]));
    }
    let items: Vec<Part<'_>> = part.items()?.collect();
    match items.as_slice() {
        [scale, bias] => Ok((scale.finite()?, bias.numbers()?.to_vec())),
        _ => Err(part.invalid("not a scale and a list of biases")),
    }
}

fn ask(part: &Part<'_>) -> Result<Ask, Error> {
    let kind = part.need("split_type")?;
    match kind.text()? {
        "FloatFeature" => {
            Ok(Ask::Above(part.need("float_feature_index")?.whole()?, part.need("border")?.number()? as f32))
        }
        "OneHotFeature" => Ok(Ask::Is(part.need("cat_feature_index")?.whole()?, hash(&part.need("value")?)?)),
        "OnlineCtr" => Err(kind.unsupported(
            "a split by a statistic of categories (CTR; train with one_hot_max_size above the number of categories)",
        )),
        other => Err(kind.unsupported(format!("a split by {other:.40?}"))),
    }
}

fn symmetric(tree: &Part<'_>) -> Result<Plan, Error> {
    let asks = match tree.get("splits") {
        Some(splits) => splits.items()?.map(|split| ask(&split)).collect::<Result<Vec<Ask>, Error>>()?,
        None => Vec::new(),
    };
    let weights = tree.get("leaf_weights").map_or(Ok(Vec::new()), |part| part.numbers().map(|list| list.to_vec()))?;
    Ok(Plan::Symmetric { asks, leaves: Leaves { values: tree.need("leaf_values")?.numbers()?.to_vec(), weights } })
}

/// A tree of nodes in nodes.
fn nodes(root: &Part<'_>, outputs: usize) -> Result<Plan, Error> {
    let (mut nodes, mut leaves) = (Vec::new(), Leaves { values: Vec::new(), weights: Vec::new() });
    let mut open: Vec<(Part<'_>, Option<(usize, usize)>)> = vec![(root.clone(), None)];
    while let Some((part, parent)) = open.pop() {
        let next = match part.get("split") {
            Some(split) => {
                let at = nodes.len();
                nodes.push((ask(&split)?, [Next::Leaf(0); 2]));
                open.push((part.need("right")?, Some((at, 1))));
                open.push((part.need("left")?, Some((at, 0))));
                Next::Node(at)
            }
            None => {
                let value = part.need("value")?;
                match value.number() {
                    Ok(number) => leaves.values.push(number),
                    Err(_) => leaves.values.extend(value.array(outputs)?.iter()),
                }
                leaves.weights.push(part.get("weight").map_or(Ok(0.0), |weight| weight.number())?);
                Next::Leaf(leaves.weights.len() - 1)
            }
        };
        if let Some((node, side)) = parent {
            nodes[node].1[side] = next;
        }
    }
    Ok(Plan::Nodes { nodes, leaves })
}
