//! A loaded model: what a caller sees of every format and form.

use std::fmt;
use std::sync::Arc;

use arrow::array::ArrayRef;

use crate::background::Background;
use crate::explanation::{Contributions, Top};
use crate::features::{self, Binding, Features};
use crate::forest::{Forest, Precision};
use crate::formats::onnx::Traced;
use crate::formats::pmml::Document;
use crate::graph::{Graph, Treated};
use crate::linear::Linear;
use crate::link::Link;
use crate::scorecard::Scorecard;
use crate::{Error, formats};

/// The format of a model file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// LightGBM's text file (`save_model`), versions v2 to v4, or its JSON (`dump_model`).
    LightGbm,
    /// PMML 3.0 to 4.4.
    Pmml,
    /// XGBoost's JSON or UBJSON file (`save_model`), versions 1 to 3.
    XgBoost,
    /// CatBoost's `cbm` or JSON file (`save_model`).
    CatBoost,
    /// ONNX graphs of ai.onnx and ai.onnx.ml.
    Onnx,
}

impl Format {
    /// The format of a file by its content, never by its name. Nothing where it is none of them.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        formats::detect(bytes)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LightGbm => "LightGBM",
            Self::Pmml => "PMML",
            Self::XgBoost => "XGBoost",
            Self::CatBoost => "CatBoost",
            Self::Onnx => "ONNX",
        })
    }
}

/// One column a model reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The name the model file gives it.
    pub name: String,
    /// What its cells are.
    pub kind: InputKind,
}

/// What the cells of an input are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputKind {
    /// A number. LightGBM's categorical features trained on integer codes are numbers too: the codes.
    Number,
    /// One of a list of categories. A model may also name none: then any value is as unknown as any other.
    Category {
        /// The categories the model knows, in the model's order.
        values: Vec<String>,
    },
}

/// What a file says of itself, and what was found while it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The version of the format as the file writes it (`v4`, `3.2.0`, `4.4`); empty where it has none.
    pub version: String,
    /// The program that wrote the file; empty where it names none.
    pub producer: String,
    /// What a user should know of how the file is read, a sentence each.
    pub notes: Vec<String>,
    /// Rows with their answers (PMML's `ModelVerification`) that came with the file and were scored the same at load.
    pub verified_rows: usize,
}

/// A field that a file computes beside its prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputField<'a> {
    /// Its name in the file.
    pub name: &'a str,
    /// Whether its values are texts; else they are numbers.
    pub is_text: bool,
}

/// Scores of a batch, both row-major rows x outputs. NaN where the model itself gives no score (PMML: a needed value is
/// missing or invalid and the model says neither how to replace it nor to go on without).
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// The sum of the trees or the linear predictor, on the scale of the link.
    pub raw: Vec<f64>,
    /// After the link: what the model predicts.
    pub prediction: Vec<f64>,
}

pub(crate) enum Form {
    Forest(Forest),
    Linear(Linear),
    Scorecard(Scorecard),
    /// A forest of a document that treats its inputs.
    Treated(Box<Treated>),
    Graph(Arc<Graph>),
    Traced(Traced),
}

/// What a format's reader hands over.
pub(crate) struct Parts {
    pub form: Form,
    pub inputs: Vec<Input>,
    pub bindings: Vec<Binding>,
    pub outputs: usize,
    pub link: Link,
    pub objective: String,
    pub precision: Precision,
    /// The classes whose probabilities the outputs are, where the file names them.
    pub classes: Vec<String>,
    pub about: About,
}

/// A model ready to score and explain. Immutable; share it by `Arc`.
pub struct Model {
    format: Format,
    pub(crate) parts: Parts,
    /// What the file itself wants to be computed of a row.
    document: Option<Document>,
    pub(crate) background: Option<Background>,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("format", &self.format)
            .field("form", &self.form())
            .field("objective", &self.objective())
            .field("link", &self.link())
            .field("inputs", &self.inputs().len())
            .field("outputs", &self.outputs())
            .finish_non_exhaustive()
    }
}

impl Model {
    /// Read a model file. Memory and time are bounded by a small multiple of the file's length.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the file breaks its format, [`Error::Unsupported`] where it needs what is not built;
    /// both name the line.
    pub fn load(format: Format, bytes: &[u8]) -> Result<Self, Error> {
        let mut document = None;
        let parts = match format {
            Format::LightGbm => formats::lightgbm::load(bytes)?,
            Format::Pmml => {
                let (parts, more) = formats::pmml::load(bytes)?;
                document = more;
                parts
            }
            Format::XgBoost => formats::xgboost::load(bytes)?,
            Format::CatBoost => formats::catboost::load(bytes)?,
            Format::Onnx => formats::onnx::load(bytes)?,
        };
        Ok(Self { format, parts, document, background: None })
    }

    /// Read a model file of whatever format its content shows.
    ///
    /// # Errors
    /// As [`Self::load`]; [`Error::Unknown`] where the content is of no format that is read.
    pub fn open(bytes: &[u8]) -> Result<Self, Error> {
        let format = Format::detect(bytes).ok_or_else(|| Error::Unknown(formats::resembles(bytes)))?;
        Self::load(format, bytes)
    }

    /// The format it was read from.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The fields that the file itself asks for beside the prediction (PMML's `Output`), in its order: the predicted
    /// class, transformed values, reason codes, the nearest cluster, ... [`Self::output_columns`] has their values.
    pub fn output_fields(&self) -> impl Iterator<Item = OutputField<'_>> {
        let served = self.document.iter().flat_map(|document| &document.served);
        served.map(|served| OutputField { name: &served.name, is_text: served.is_text })
    }

    /// The values of [`Self::output_fields`], one column each: `Float64`, or `Utf8` of classes and other texts. Null
    /// where a value is missing.
    pub fn output_columns(&self, features: &Features) -> Vec<ArrayRef> {
        match &self.document {
            Some(document) if features.width() == self.parts.inputs.len() => document.columns(features),
            _ => Vec::new(),
        }
    }

    /// The columns to give to [`Self::bind`], in that order, which is also the order of contributions.
    pub fn inputs(&self) -> &[Input] {
        &self.parts.inputs
    }

    /// Scores per row: 1, or the number of classes.
    pub fn outputs(&self) -> usize {
        self.parts.outputs
    }

    /// The classes that the outputs are the probabilities of, where the file names them; else nothing.
    pub fn classes(&self) -> &[String] {
        &self.parts.classes
    }

    /// What the file says of itself.
    pub fn about(&self) -> &About {
        &self.parts.about
    }

    /// `forest`, `linear`, `scorecard` or `graph`.
    pub fn form(&self) -> &'static str {
        match &self.parts.form {
            Form::Forest(_) | Form::Treated(_) => "forest",
            Form::Linear(_) => "linear",
            Form::Scorecard(_) => "scorecard",
            Form::Graph(_) | Form::Traced(_) => "graph",
        }
    }

    /// The name of the link between raw score and prediction: `identity`, `log`, `logit`, ...
    pub fn link(&self) -> &'static str {
        self.parts.link.name()
    }

    /// The objective or distribution as the file names it (`poisson`, `binary`, ...); empty when it names none.
    pub fn objective(&self) -> &str {
        &self.parts.objective
    }

    /// Trees of a forest or a graph, 0 for other forms.
    pub fn trees(&self) -> usize {
        match &self.parts.form {
            Form::Forest(forest) => forest.trees(),
            Form::Treated(treated) => treated.size().0,
            Form::Graph(graph) => graph.size().0,
            Form::Traced(traced) => traced.size().0,
            Form::Linear(_) | Form::Scorecard(_) => 0,
        }
    }

    /// Leaves of a forest, terms of a linear predictor, attributes of a scorecard, or what a graph has of them: a
    /// measure of size.
    pub fn size(&self) -> usize {
        match &self.parts.form {
            Form::Forest(forest) => forest.leaves(),
            Form::Treated(treated) => treated.size().1,
            Form::Linear(linear) => linear.terms(),
            Form::Scorecard(card) => card.attributes(),
            Form::Graph(graph) => graph.size().1,
            Form::Traced(traced) => traced.size().1,
        }
    }

    /// Splits on the longest way from a root to a leaf of a forest; nothing for other forms.
    pub fn depth(&self) -> Option<usize> {
        match &self.parts.form {
            Form::Forest(forest) => Some(forest.depth()),
            Form::Treated(treated) => Some(treated.forest.depth()),
            _ => None,
        }
    }

    /// Whether [`Self::explain`] gives contributions: not for linear trees, nor for trees without
    /// counts of rows and without a background, nor for a graph.
    pub fn explains(&self) -> bool {
        self.unexplained().is_none()
    }

    /// Why [`Self::explain`] gives no contributions, as the end of a sentence; nothing where it gives them.
    pub fn unexplained(&self) -> Option<&'static str> {
        match &self.parts.form {
            _ if self.background.is_some() => None,
            Form::Forest(forest) if forest.explains() => None,
            Form::Forest(forest) if forest.is_linear() => Some("linear trees have no agreed contributions"),
            Form::Forest(_) => Some("a split counts no training rows, which contributions are weighted by"),
            Form::Treated(treated) if !treated.explains() => Some("a tree counts no training rows at its root"),
            Form::Linear(_) | Form::Scorecard(_) | Form::Treated(_) => None,
            Form::Graph(_) => Some("models in models have no agreed exact contributions"),
            Form::Traced(_) => Some("it is neither a sum of trees nor one of terms of one input each"),
        }
    }

    /// [`Self::score`] and [`Self::output_columns`], of which a graph runs once for both.
    pub fn score_and_fields(&self, features: &Features) -> (Scores, Vec<ArrayRef>) {
        match (&self.parts.form, &self.document) {
            (Form::Graph(_), Some(document)) if features.width() == self.parts.inputs.len() => {
                let (raw, columns) = document.scored(features);
                (self.predicted(features, raw, 1.0), columns)
            }
            _ => (self.score(features), self.output_columns(features)),
        }
    }

    /// Bind one column per input, in the order of [`Self::inputs`], all of one length: `Float64` for a number;
    /// `Utf8View`, `Utf8` or `Float64` (categories that read as numbers) for a category. Null and NaN mean missing.
    ///
    /// # Errors
    /// [`Error::Input`] when number, length or type of the columns do not fit.
    pub fn bind(&self, columns: &[ArrayRef]) -> Result<Features, Error> {
        features::bind(&self.parts.inputs, &self.parts.bindings, columns)
    }

    /// Score every row. A forest's trees are summed in the order of the file, in the precision of the format: double
    /// for LightGBM and CatBoost, single for XGBoost.
    pub fn score(&self, features: &Features) -> Scores {
        let outputs = self.parts.outputs;
        let mut raw = vec![0.0; features.rows() * outputs];
        if features.width() != self.parts.inputs.len() {
            raw.fill(f64::NAN);
            return Scores { prediction: raw.clone(), raw };
        }
        let scale = match &self.parts.form {
            Form::Forest(forest) => {
                forest.score(features.values(), &mut raw);
                forest.scale()
            }
            Form::Treated(treated) => {
                treated.score(features.values(), &mut raw);
                1.0
            }
            Form::Linear(linear) => {
                linear.score(features.values(), &mut raw);
                1.0
            }
            Form::Scorecard(card) => {
                card.score(features, &mut raw);
                1.0
            }
            Form::Graph(graph) => {
                graph.score(features, &mut raw);
                1.0
            }
            Form::Traced(traced) => {
                traced.score(features.values(), &mut raw);
                1.0
            }
        };
        self.predicted(features, raw, scale)
    }

    /// The predictions of raw scores.
    fn predicted(&self, features: &Features, mut raw: Vec<f64>, scale: f64) -> Scores {
        let outputs = self.parts.outputs;
        self.clear_unscored(features.values(), outputs, &mut raw);
        let mut prediction = raw.clone();
        if scale != 1.0 {
            prediction.iter_mut().for_each(|value| *value /= scale);
        }
        self.parts.link.apply(&mut prediction, outputs, self.parts.precision);
        if let Form::Linear(linear) = &self.parts.form
            && linear.has_finish()
        {
            linear.finish(features.values(), &mut prediction);
        }
        if let Form::Scorecard(card) = &self.parts.form {
            prediction.iter_mut().for_each(|prediction| *prediction = card.finish.of(*prediction));
        }
        Scores { raw, prediction }
    }

    /// Contributions of every input to every raw score: path-dependent TreeSHAP values for a forest (Lundberg et al.
    /// 2020, algorithm 2), coefficient x value summed by input for a linear predictor; others against a background, see
    /// [`Self::with_background`]. [`Self::method`] says which. Nothing where
    /// [`Self::explains`] is false or the features are another model's.
    pub fn explain(&self, features: &Features) -> Option<Contributions> {
        let mut values = Vec::with_capacity(features.values().len() * self.parts.outputs);
        self.explain_blocks(features, |block| values.extend_from_slice(block))?;
        Some(Contributions { values, bias: self.bias() })
    }

    /// The `k` largest contributions of every row and output, with the sum of all absolute contributions. As
    /// [`Self::explain`], without holding all contributions at once.
    pub fn explain_top(&self, features: &Features, k: usize) -> Option<Top> {
        let (inputs, outputs) = (self.parts.inputs.len(), self.parts.outputs);
        let k = k.min(inputs);
        let mut top = Top::with_capacity(features.rows(), outputs, k, self.bias());
        self.explain_blocks(features, |block| {
            for row in block.chunks_exact((inputs * outputs).max(1)) {
                (0..outputs).for_each(|output| top.push(&row[output..], outputs));
            }
        })?;
        Some(top)
    }

    /// The `k` largest contributions of every row to one output: as [`Self::explain_top`] of a model with that output
    /// alone.
    pub fn explain_output(&self, features: &Features, output: usize, k: usize) -> Option<Top> {
        let (inputs, outputs) = (self.parts.inputs.len(), self.parts.outputs);
        let bias = vec![*self.bias().get(output)?];
        let mut top = Top::with_capacity(features.rows(), 1, k.min(inputs), bias);
        self.explain_blocks(features, |block| {
            block.chunks_exact((inputs * outputs).max(1)).for_each(|row| top.push(&row[output..], outputs));
        })?;
        Some(top)
    }

    /// The reason codes of a scorecard for every row, the most important first: by the difference of a characteristic's
    /// points from its baseline, equal ones in the order of the file. Characteristics with the same code count
    /// together. A row without a score has none. Nothing for a model without reason codes.
    pub fn reason_codes(&self, features: &Features) -> Option<Vec<Vec<&str>>> {
        let Form::Scorecard(card) = &self.parts.form else { return None };
        if features.width() != self.parts.inputs.len() {
            return None;
        }
        let codes = &card.reasons.as_ref()?.codes;
        let names = |row: Vec<u32>| row.into_iter().map(|code| codes[code as usize].as_str()).collect();
        Some(card.reasons(features)?.into_iter().map(names).collect())
    }

    /// Clear what was computed of rows (rows x inputs) that lack an input without which the model gives no score;
    /// `cells` numbers a row.
    fn clear_unscored(&self, rows: &[f64], cells: usize, values: &mut [f64]) {
        let required = self.parts.bindings.iter().enumerate().filter(|(_, binding)| binding.is_required());
        let required: Vec<usize> = required.map(|(at, _)| at).collect();
        if required.is_empty() {
            return;
        }
        let rows = rows.chunks_exact(self.parts.inputs.len().max(1));
        for (row, values) in rows.zip(values.chunks_exact_mut(cells.max(1))) {
            if required.iter().any(|at| row[*at].is_nan()) {
                values.fill(f64::NAN);
            }
        }
    }

    /// The raw score of each output that contributions start from, as [`Contributions::bias`]; empty where the model
    /// has none.
    pub fn bias(&self) -> Vec<f64> {
        if let Some(background) = &self.background {
            return background.bias.clone();
        }
        match &self.parts.form {
            Form::Forest(forest) => forest.bias().to_vec(),
            Form::Treated(treated) => treated.bias(),
            Form::Linear(linear) => linear.bias().to_vec(),
            Form::Scorecard(card) => vec![card.base()],
            Form::Graph(_) | Form::Traced(_) => Vec::new(),
        }
    }

    /// Contributions block by block, each row-major rows x inputs x outputs, in the order of the rows.
    fn explain_blocks(&self, features: &Features, mut each: impl FnMut(&[f64])) -> Option<()> {
        if features.width() != self.parts.inputs.len() || !self.explains() {
            return None;
        }
        if self.parts.bindings.iter().any(Binding::is_required) {
            let (mut scratch, mut from) = (Vec::new(), 0);
            let cells = features.width() * self.parts.outputs;
            self.explain_all(features, |block| {
                scratch.clear();
                scratch.extend_from_slice(block);
                self.clear_unscored(&features.values()[from..], cells, &mut scratch);
                from += block.len() / self.parts.outputs;
                each(&scratch);
            });
        } else {
            self.explain_all(features, each);
        }
        Some(())
    }

    fn explain_all(&self, features: &Features, each: impl FnMut(&[f64])) {
        if let Some(background) = &self.background {
            return self.explain_against(background, features, each);
        }
        match &self.parts.form {
            Form::Forest(forest) => forest.explain(features.values(), each),
            Form::Treated(treated) => treated.explain(features.values(), each),
            Form::Linear(linear) => linear.explain(features.values(), each),
            Form::Scorecard(card) => card.explain(features, each),
            Form::Graph(_) | Form::Traced(_) => {}
        }
    }
}
