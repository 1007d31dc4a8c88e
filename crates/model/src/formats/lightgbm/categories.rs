//! Which features are pandas categories.
//!
//! A model trained from a pandas frame codes each column of dtype `category` by its position in the column's list of
//! categories, and keeps the lists (not the columns' names) on the last line. Which columns they belong to is found
//! from the training parameter `categorical_feature`, or where the file has none from the features whose
//! `feature_infos` list codes. Where that does not give as many columns as there are lists (ordered categories have a
//! list, but are split like numbers and not declared) the model is refused: a wrong guess would score silently wrong.

use super::lines::Lines;
use super::{invalid, number_input, short, unsupported};
use crate::features::{Binding, Codes};
use crate::{Error, Input, InputKind};

const PANDAS: &str = "pandas_categorical:";
const PARAMETER: &str = "[categorical_feature:";

/// The inputs and how their cells become numbers, from what follows the trees.
pub(super) fn bind(
    names: &[&str],
    infos: Option<&Vec<&str>>,
    lines: &mut Lines<'_>,
) -> Result<(Vec<Input>, Vec<Binding>), Error> {
    let (mut declared, mut lists) = (None, (1, Vec::new()));
    while let Some((line, text)) = lines.next_filled() {
        if let Some(text) = text.strip_prefix(PARAMETER) {
            declared = declared_columns(text);
        } else if let Some(text) = text.strip_prefix(PANDAS) {
            lists = (line, read_lists(text, line)?);
        }
    }
    let infos = infos.map_or(&[][..], Vec::as_slice);
    let codes: Vec<Option<Vec<i64>>> = infos.iter().map(|info| codes(info)).collect();
    assign(names, &codes, declared, lists)
}

/// Give lists of categories (found at a line) to their columns. `codes` has each feature's codes, if it has any.
pub(super) fn assign(
    names: &[&str],
    codes: &[Option<Vec<i64>>],
    declared: Option<Vec<usize>>,
    (line, lists): (usize, Vec<Vec<String>>),
) -> Result<(Vec<Input>, Vec<Binding>), Error> {
    let (mut inputs, mut bindings): (Vec<_>, Vec<_>) = names.iter().map(|name| number_input(name)).unzip();
    // A column of codes stays one of numbers; a code that was not there in training is counted.
    for (binding, codes) in bindings.iter_mut().zip(codes) {
        if let Some(codes) = codes {
            *binding = Binding::Listed(codes.iter().filter_map(|code| u64::try_from(*code).ok()).collect());
        }
    }
    if lists.is_empty() {
        return Ok((inputs, bindings));
    }
    for (at, values) in columns(declared, codes, lists.len(), line)?.into_iter().zip(lists) {
        let (Some(input), Some(binding)) = (inputs.get_mut(at), bindings.get_mut(at)) else {
            return Err(invalid(line, format!("categorical_feature {at} does not exist")));
        };
        let known = codes.get(at).and_then(Option::as_ref);
        let largest = known.and_then(|codes| codes.iter().max()).map(|code| usize::try_from(*code).unwrap_or(0));
        if largest.is_some_and(|code| code >= values.len()) {
            let message = format!("{} categories for {}, which has more codes", values.len(), input.name);
            return Err(invalid(line, message));
        }
        // pandas gives -1 to a value outside the list, and LightGBM's Python package makes that a missing value.
        *binding = Binding::Category(Codes::new(&values, f64::NAN));
        input.kind = InputKind::Category { values };
    }
    Ok((inputs, bindings))
}

/// The columns of the training parameter, ascending; nothing where it gives names.
fn declared_columns(text: &str) -> Option<Vec<usize>> {
    let words = text.trim_end_matches(']').split(',').map(str::trim).filter(|word| !word.is_empty());
    let mut columns = words.map(|word| word.parse().ok()).collect::<Option<Vec<usize>>>()?;
    columns.sort_unstable();
    columns.dedup();
    Some(columns)
}

/// As many columns as there are lists.
fn columns(
    declared: Option<Vec<usize>>,
    codes: &[Option<Vec<i64>>],
    lists: usize,
    line: usize,
) -> Result<Vec<usize>, Error> {
    let listed = || (0..codes.len()).filter(|at| codes[*at].is_some()).collect();
    Some(declared.unwrap_or_else(listed)).filter(|columns| columns.len() == lists).ok_or_else(|| {
        unsupported(line, format!("{PANDAS} {lists} lists of categories that cannot be told to columns"))
    })
}

/// The codes of a categorical feature's `feature_infos` (`-1:2:0`), nothing for `none` and `[low:high]`.
fn codes(info: &str) -> Option<Vec<i64>> {
    if info.starts_with('[') || info == "none" {
        return None;
    }
    Some(info.split(':').map(|code| code.parse().unwrap_or(0)).collect())
}

pub(super) fn read_lists(text: &str, line: usize) -> Result<Vec<Vec<String>>, Error> {
    let broken = |error: serde_json::Error| invalid(line, format!("{PANDAS} {}", short(&error.to_string())));
    // In the JSON of `dump_model` more follows.
    let mut values = serde_json::Deserializer::from_str(text).into_iter();
    let lists: Option<Vec<Vec<serde_json::Value>>> = values.next().transpose().map_err(broken)?.flatten();
    let category = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => Ok(text),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        serde_json::Value::Bool(value) => Ok(value.to_string()),
        _ => Err(invalid(line, format!("{PANDAS} a category is neither text nor number"))),
    };
    lists.unwrap_or_default().into_iter().map(|list| list.into_iter().map(category).collect()).collect()
}
