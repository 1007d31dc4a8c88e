//! The models of a release: each file read, its inputs bound to features, its bins and texts checked.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use bordereau_base::dictionary::Dictionary;
use bordereau_base::digest::hex;
use bordereau_base::limits::IntakeLimits;
use bordereau_model::{Input, InputKind, Model, OutputField};
use sha2::{Digest, Sha256};

use super::manifest::{ExplainedRows, Explanations, Manifest, ModelSpec};
use super::{ModelField, Problem, ReleaseFiles, ReleaseModel};
use crate::functions::AskedField;
use crate::model_rows::Rows;
use crate::stages::score::explanations::COLUMNS as EXPLANATION_COLUMNS;

const FILE: &str = "solution.toml";

/// Columns of the member `errors` beside the record's key.
const FINDING_COLUMNS: [&str; 7] = ["relation", "row", "field", "code", "severity", "value", "message"];

/// Inputs are numbered in sixteen bits where a score is made.
const INPUTS_MAX: usize = u16::MAX as usize;

/// Loads all models; those with a problem are left out of what is returned.
pub fn load(
    files: &ReleaseFiles,
    manifest: &Manifest,
    dictionary: &Dictionary,
    features: &SchemaRef,
    problems: &mut Vec<Problem>,
) -> Vec<ReleaseModel> {
    let mut names = copied_columns(manifest, dictionary, problems);
    let mut models = Vec::new();
    check_explained_features(manifest, features, problems);
    for (at, spec) in manifest.models.iter().enumerate() {
        let place = format!("models[{at}]");
        for name in output_columns(spec) {
            if !names.insert(name.to_lowercase()) {
                problems.push(Problem::new(FILE, &place, format!("the output column {name} is there twice")));
            }
        }
        check_bins(spec, &place, problems);
        if let Some(model) = load_one(files, spec, &place, problems) {
            let inputs = bind(&model, spec, features, problems);
            check_texts(manifest, &model, &place, problems);
            check_use(manifest, &model, spec, problems);
            check_explained(spec, &place, problems);
            let output = output(&model, spec, &place, problems);
            let fields = fields(&model, spec, &place, problems);
            check_columns(&fields, &mut names, &place, problems);
            let sentences = (0..spec.bins.len()).map(|bin| spec.sentence(bin)).collect();
            let sha256 = |path: &str| hex(&Sha256::digest(files.get(path).unwrap_or_default()));
            let background = spec.background.as_ref().map(|path| format!("-{}", sha256(path)));
            let (sha256, background) = (sha256(&spec.file), background.unwrap_or_default());
            let (model, key) = (Arc::new(model), format!("{sha256}{background}"));
            models.push(ReleaseModel { model, sha256, key, inputs, sentences, output, fields });
        }
    }
    models
}

/// The columns that a model adds to the outputs.
pub fn output_columns(spec: &ModelSpec) -> [String; 5] {
    let name = &spec.name;
    [
        spec.prediction.clone(),
        format!("{name}_bin"),
        format!("{name}_lower_bound"),
        format!("{name}_upper_bound"),
        format!("{name}_interpretation"),
    ]
}

/// Names of the columns of the outputs that are copied from the upload. Key columns stand in all members, so they must
/// not have the name of a column there.
fn copied_columns(manifest: &Manifest, dictionary: &Dictionary, problems: &mut Vec<Problem>) -> BTreeSet<String> {
    let Some(record) = dictionary.relation(&manifest.record) else { return BTreeSet::new() };
    let keys: BTreeSet<String> = record.primary_key.iter().map(|at| record.fields[*at].name.to_lowercase()).collect();
    for name in EXPLANATION_COLUMNS.iter().chain(&FINDING_COLUMNS).filter(|name| keys.contains(**name)) {
        let message = format!("the key field {name} has the name of a column of the results");
        problems.push(Problem::new("datapackage.json", "", message));
    }
    keys.into_iter().chain(manifest.outputs.pass_through.iter().map(|name| name.to_lowercase())).collect()
}

/// Texts for what is no feature are most likely misspelt.
fn check_explained_features(manifest: &Manifest, features: &SchemaRef, problems: &mut Vec<Problem>) {
    let known: BTreeSet<String> = features.fields().iter().map(|field| field.name().to_lowercase()).collect();
    for name in manifest.explanations.keys().filter(|name| !known.contains(&name.to_lowercase())) {
        let message = "is not a column of features.sql";
        problems.push(Problem::new(FILE, format!("explanations.{name}"), message));
    }
}

fn check_use(manifest: &Manifest, model: &Model, spec: &ModelSpec, problems: &mut Vec<Problem>) {
    if model.inputs().is_empty() {
        problems.push(Problem::new(&spec.file, "", "reads no input, so it says the same of every record"));
    }
    if model.inputs().len() > INPUTS_MAX {
        let message =
            format!("reads {} inputs; {INPUTS_MAX} are the most that can be told apart", model.inputs().len());
        problems.push(Problem::new(&spec.file, "", message));
    }
    let asked = manifest.outputs.explanations != Explanations::Top(0) && spec.explain != ExplainedRows::None;
    if let Some(why) = model.unexplained().filter(|_| asked) {
        let background = if model.no_background().is_none() { "name a background, " } else { "" };
        let message =
            format!("cannot be explained: {why}; {background}set explain to \"none\", or outputs.explanations to 0");
        problems.push(Problem::new(&spec.file, "", message));
    }
}

/// The output that is the prediction.
fn output(model: &Model, spec: &ModelSpec, place: &str, problems: &mut Vec<Problem>) -> usize {
    let numbered = |at: usize| model.classes().get(at).cloned().unwrap_or_else(|| at.to_string());
    let known: Vec<String> = (0..model.outputs()).map(numbered).collect();
    match &spec.class {
        None if known.len() == 1 => 0,
        None => {
            let message = format!(
                "gives {} values for a record; `class` says which one is the prediction: {}",
                known.len(),
                known.join(", ")
            );
            problems.push(Problem::new(&spec.file, "", message));
            0
        }
        Some(class) => known.iter().position(|name| name == class).unwrap_or_else(|| {
            let message = format!("the model has no class {class}; it has {}", known.join(", "));
            problems.push(Problem::new(FILE, format!("{place}.class"), message));
            0
        }),
    }
}

/// The fields of the model's own output that go into the results.
fn fields(model: &Model, spec: &ModelSpec, place: &str, problems: &mut Vec<Problem>) -> Vec<ModelField> {
    let field = |at: usize, field: OutputField<'_>, column: &str| ModelField {
        asked: AskedField { at, is_text: field.is_text },
        name: field.name.to_owned(),
        column: column.to_owned(),
    };
    let Some(wanted) = &spec.output_fields else {
        return model.output_fields().enumerate().map(|(at, found)| field(at, found, found.name)).collect();
    };
    let mut fields = Vec::new();
    for wanted in wanted {
        let (name, column) = wanted.names();
        match model.output_fields().enumerate().find(|(_, found)| found.name == name) {
            Some((at, found)) => fields.push(field(at, found, column)),
            None => {
                let known: Vec<&str> = model.output_fields().map(|found| found.name).collect();
                let has = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let message = format!("the output of the model has no field {name}; it has {has}");
                problems.push(Problem::new(FILE, format!("{place}.output_fields"), message));
            }
        }
    }
    fields
}

fn check_columns(fields: &[ModelField], names: &mut BTreeSet<String>, place: &str, problems: &mut Vec<Problem>) {
    for field in fields {
        let column = &field.column;
        let message = if column.trim().is_empty() {
            format!("the column of the field {} has no name", field.name)
        } else if !names.insert(column.to_lowercase()) {
            format!("the output column {column} is there twice; output_fields can leave it out or rename it")
        } else {
            continue;
        };
        problems.push(Problem::new(FILE, format!("{place}.output_fields"), message));
    }
}

fn check_explained(spec: &ModelSpec, place: &str, problems: &mut Vec<Problem>) {
    let message = match spec.explain {
        ExplainedRows::All | ExplainedRows::None => return,
        ExplainedRows::AtLeast(bound) | ExplainedRows::AtMost(bound) if bound.is_finite() => return,
        ExplainedRows::AtLeast(_) | ExplainedRows::AtMost(_) => "must be a number",
        ExplainedRows::Highest(share) | ExplainedRows::Lowest(share) | ExplainedRows::Sample(share) => {
            if share > 0.0 && share <= 1.0 {
                return;
            }
            "a share is above 0 and at most 1"
        }
    };
    problems.push(Problem::new(FILE, format!("{place}.explain"), message));
}

fn load_one(files: &ReleaseFiles, spec: &ModelSpec, place: &str, problems: &mut Vec<Problem>) -> Option<Model> {
    let Some(bytes) = files.get(&spec.file) else {
        let message = format!("the release has no file {}", spec.file);
        problems.push(Problem::new(FILE, format!("{place}.file"), message));
        return None;
    };
    let model = Model::load(spec.format, bytes);
    let model = model.map_err(|error| problems.push(Problem::new(&spec.file, "", error.to_string()))).ok()?;
    let Some(path) = &spec.background else { return Some(model) };
    let Some(bytes) = files.get(path) else {
        let message = format!("the release has no file {path}");
        problems.push(Problem::new(FILE, format!("{place}.background"), message));
        return None;
    };
    let rows = Rows::of_bytes(path, bytes, &IntakeLimits::default());
    let model = rows.and_then(|rows| rows.as_background_of(model));
    let place = format!("{place}.background");
    model.map_err(|error| problems.push(Problem::new(FILE, place, error.to_string()))).ok()
}

fn bind(model: &Model, spec: &ModelSpec, features: &SchemaRef, problems: &mut Vec<Problem>) -> Vec<usize> {
    let mut bound = Vec::new();
    for input in model.inputs() {
        let wanted = input.name.to_lowercase();
        match features.fields().iter().position(|field| field.name().to_lowercase() == wanted) {
            None => {
                let message = format!("the input {} is not a column of features.sql", input.name);
                problems.push(Problem::new(&spec.file, "", message));
            }
            Some(at) => {
                if let Some(message) = type_mismatch(input, features.field(at).data_type()) {
                    problems.push(Problem::new(&spec.file, "", message));
                }
                bound.push(at);
            }
        }
    }
    bound
}

fn type_mismatch(input: &Input, data_type: &DataType) -> Option<String> {
    let (wanted, fits) = match &input.kind {
        InputKind::Number => ("a number", !data_type.is_string()),
        InputKind::Category { values } => {
            let codes = values.iter().all(|value| value.parse::<f64>().is_ok());
            ("a text, for it is a category", data_type.is_string() || codes)
        }
    };
    (!fits).then(|| format!("the input {} must be {wanted}, features.sql gives {data_type}", input.name))
}

fn check_bins(spec: &ModelSpec, place: &str, problems: &mut Vec<Problem>) {
    let mut say = |key: String, message: &str| problems.push(Problem::new(FILE, format!("{place}.{key}"), message));
    if spec.bins.is_empty() {
        say("bins".to_owned(), "there must be at least one");
    }
    let last = spec.bins.len().saturating_sub(1);
    let mut before = f64::NEG_INFINITY;
    for (at, bin) in spec.bins.iter().enumerate() {
        if usize::from(bin.bin) != at + 1 {
            say(format!("bins[{at}].bin"), "bins are numbered from 1 in their order");
        }
        match bin.below {
            None if at < last => say(format!("bins[{at}].below"), "only the last bin has no upper end"),
            Some(_) if at == last => {
                say(format!("bins[{at}].below"), "the last bin has no upper end, so that every prediction has a bin");
            }
            Some(below) if !below.is_finite() || below <= before => {
                say(format!("bins[{at}].below"), "must be a number above that of the bin before");
            }
            _ => {}
        }
        before = bin.below.unwrap_or(before);
        if bin.lower_bound > bin.upper_bound || !bin.upper_bound.is_finite() || !bin.lower_bound.is_finite() {
            say(format!("bins[{at}].lower_bound"), "the lower bound must not be above the upper bound");
        }
        if bin.interpretation.as_ref().or(spec.interpretation.as_ref()).is_none_or(|text| text.trim().is_empty()) {
            say(format!("bins[{at}].interpretation"), "neither the bin nor the model has a sentence");
        }
        if spec.bins.len() > at && spec.sentence(at).contains('{') {
            say(format!("bins[{at}].interpretation"), "knows only {bin}, {lower_bound} and {upper_bound}");
        }
    }
}

fn check_texts(manifest: &Manifest, model: &Model, place: &str, problems: &mut Vec<Problem>) {
    for input in model.inputs() {
        let wanted = input.name.to_lowercase();
        let text = manifest.explanations.iter().find(|(name, _)| name.to_lowercase() == wanted);
        if text.is_none_or(|(_, text)| text.description.trim().is_empty()) {
            let message = format!("the input {} of {place} has no text [explanations.{}]", input.name, input.name);
            problems.push(Problem::new(FILE, "explanations", message));
        }
    }
}
