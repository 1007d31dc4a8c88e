//! ONNX: graphs of ai.onnx and ai.onnx.ml, as skl2onnx, onnxmltools and others write them.
//!
//! [`proto`] reads the protocol buffers, [`trace`] runs the graph once with a row whose numbers are unknown, which
//! leaves a [`program::Program`] of numbers. Where that is a sum of trees or of terms with a link, [`forest`] and
//! [`linear`] make it one of the crate's own forms, which are explained; everything else is scored by the program
//! itself ([`Traced`]). Nothing is left to another runtime: an operator that is not built is refused at load with its
//! node.
//!
//! Rules of the format that are easily missed (all held by tests): numbers are of single precision unless the tensors
//! say otherwise, cells included; a text is never missing: an empty cell is the empty text; a whole number is never
//! missing either, so that a row without it has no score; where the specification and ONNX Runtime differ (the
//! transforms of linear regressions and of probabilities of two classes) it is as ONNX Runtime does.

mod forest;
mod functions;
mod linear;
mod machines;
mod margin;
mod operators;
mod program;
mod proto;
#[cfg(test)]
#[allow(clippy::print_stdout)]
mod reference;
mod sources;
mod tensor;
mod trace;
mod trees;

use std::collections::HashMap;
use std::sync::Arc;

use prost::bytes::Bytes;

use self::margin::Margin;
use self::program::Program;
use self::proto::{GraphMessage, ModelMessage, OpsetMessage, PropertyMessage, TypeMessage, ValueMessage, decode};
use self::tensor::{Cell, Kind, Tensor};
use self::trace::{Column, Trace, Value, Versions};
use crate::features::{Binding, Codes};
use crate::forest::Precision;
use crate::linear::{OTHER, Treatment};
use crate::link::Link;
use crate::model::{About, Form, Parts};
use crate::{Error, Format, Input, InputKind};

/// Most columns of a table.
const COLUMNS_MAX: usize = 1 << 16;

/// Why a graph is not read: to be completed by the node and the format.
#[derive(Debug, Clone, PartialEq)]
struct Refusal {
    message: String,
    is_unsupported: bool,
}

impl Refusal {
    fn invalid(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_unsupported: false }
    }

    fn unsupported(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_unsupported: true }
    }

    fn at(self, place: &str) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }
}

/// Texts of a graph, by number.
#[derive(Debug, Default)]
struct Texts {
    all: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Texts {
    fn number(&mut self, text: &str) -> f64 {
        if let Some(number) = self.numbers.get(text) {
            return *number as f64;
        }
        self.numbers.insert(text.to_owned(), self.all.len());
        self.all.push(text.to_owned());
        (self.all.len() - 1) as f64
    }

    fn text(&self, number: f64) -> Option<&str> {
        if number < 0.0 { None } else { self.all.get(number as usize).map(String::as_str) }
    }
}

/// A graph that is neither trees nor linear, one row at a time.
#[derive(Debug)]
pub(crate) struct Traced {
    inputs: Vec<Treatment>,
    program: Program,
    outputs: Vec<Cell>,
}

impl Traced {
    /// The outputs (rows x outputs) of rows x inputs.
    pub(crate) fn score(&self, values: &[f64], raw: &mut [f64]) {
        let (mut row_treated, mut treated) = (Vec::new(), Vec::with_capacity(values.len()));
        for row in values.chunks_exact(self.inputs.len().max(1)) {
            Treatment::treat_row(&self.inputs, row, &mut row_treated);
            treated.extend_from_slice(&row_treated);
        }
        self.program.run(&treated, &self.outputs, raw);
    }

    /// Trees, and steps.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.program.trees(), self.program.steps.len())
    }
}

/// Whether the bytes begin like a model: its version, then another field of the message.
pub(crate) fn is_model(bytes: &[u8]) -> bool {
    let fields = [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72];
    matches!(bytes, [8, 1..=20, next, ..] if fields.contains(next))
}

/// Read a model file.
pub(crate) fn load(bytes: &[u8]) -> Result<Parts, Error> {
    read(&Bytes::copy_from_slice(bytes)).map_err(|refusal| match refusal.is_unsupported {
        true => Error::unsupported(Format::Onnx, 1, refusal.message),
        false => Error::invalid(Format::Onnx, 1, refusal.message),
    })
}

fn read(bytes: &Bytes) -> Result<Parts, Refusal> {
    let model: ModelMessage = decode(bytes, "the file")?;
    let graph = model.graph.as_ref().ok_or_else(|| Refusal::invalid("the file holds no graph"))?;
    let graph: GraphMessage = decode(graph, "the graph")?;
    let mut trace = Trace::new(versions(&model)?);
    columns(&mut trace, &graph, &names(&model)?)?;
    let wanted = output(&graph)?;
    trace.walk(&graph, &[&wanted.name])?;
    let value = trace.values.get(&wanted.name).cloned();
    let answer = Answer::of(value, &wanted.name)?;
    let mut parts = parts(trace, answer);
    parts.about = about(&model, &wanted.name, &parts);
    Ok(parts)
}

fn versions(model: &ModelMessage) -> Result<Versions, Refusal> {
    if !model.functions.is_empty() {
        return Err(Refusal::unsupported("a function of the model's own"));
    }
    let mut versions = Versions { main: 1, learning: 1 };
    for bytes in &model.opsets {
        let opset: OpsetMessage = decode(bytes, "an operator set")?;
        let version = match opset.domain.as_str() {
            "" | "ai.onnx" => &mut versions.main,
            "ai.onnx.ml" => &mut versions.learning,
            _ => continue,
        };
        *version = opset.version.max(*version);
    }
    Ok(versions)
}

/// Names of the columns, where the file has the property `feature_names`: a list in JSON.
fn names(model: &ModelMessage) -> Result<Vec<String>, Refusal> {
    for bytes in &model.properties {
        let property: PropertyMessage = decode(bytes, "a property")?;
        if property.key == "feature_names" {
            let names = serde_json::from_str(&property.value);
            return names.map_err(|_| Refusal::invalid("the property feature_names is not a list of texts"));
        }
    }
    Ok(Vec::new())
}

/// The columns of all inputs, and the tensors made of them.
fn columns(trace: &mut Trace, graph: &GraphMessage, names: &[String]) -> Result<(), Refusal> {
    let mut constants = Vec::with_capacity(graph.initializers.len());
    for bytes in &graph.initializers {
        let tensor: proto::TensorMessage = decode(bytes, "an initializer")?;
        constants.push(tensor.name);
    }
    if !graph.sparse_initializers.is_empty() {
        return Err(Refusal::unsupported("a sparse initializer"));
    }
    for bytes in &graph.inputs {
        let input: ValueMessage = decode(bytes, "an input")?;
        if constants.contains(&input.name) {
            continue;
        }
        let value =
            input_value(trace, graph, &input).map_err(|refusal| refusal.at(&format!("input {:.60?}", input.name)))?;
        trace.values.insert(input.name, value);
    }
    if !names.is_empty() {
        if names.len() != trace.columns.len() {
            let message = format!("feature_names has {} names for {} columns", names.len(), trace.columns.len());
            return Err(Refusal::invalid(message));
        }
        trace.columns.iter_mut().zip(names).for_each(|(column, name)| column.name.clone_from(name));
    }
    match trace.columns.is_empty() {
        true => Err(Refusal::unsupported("a graph without an input")),
        false => Ok(()),
    }
}

/// One row of an input: its first axis is that of the rows.
fn input_value(trace: &mut Trace, graph: &GraphMessage, input: &ValueMessage) -> Result<Value, Refusal> {
    match &input.kind {
        Some(TypeMessage { tensor: Some(tensor), .. }) => {
            let kind = Kind::of(tensor.element)?;
            let dims = tensor.shape.as_ref().ok_or_else(|| Refusal::unsupported("an input without a shape"))?;
            let mut shape = vec![1; dims.dims.len().min(1)];
            for dim in dims.dims.iter().skip(1) {
                let size = dim.size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
                shape.push(size.ok_or_else(|| Refusal::unsupported("an input of unknown width"))?);
            }
            let count = tensor::count(&shape).filter(|count| *count <= COLUMNS_MAX);
            let count = count.ok_or_else(|| Refusal::unsupported(format!("more than {COLUMNS_MAX} columns")))?;
            let name = |at: usize| if count == 1 { input.name.clone() } else { format!("{}_{at}", input.name) };
            let cells = (0..count).map(|at| trace.column(name(at), kind)).collect::<Result<_, _>>()?;
            Ok(Value::Tensor(Arc::new(Tensor::new(kind, shape, cells))))
        }
        Some(TypeMessage { map: Some(map), .. }) => dictionary(trace, graph, input, map.key),
        _ => Err(Refusal::unsupported("an input that is neither tensor nor map")),
    }
}

/// A map of names to numbers: the names are those that the vectorizer which reads it knows.
fn dictionary(trace: &mut Trace, graph: &GraphMessage, input: &ValueMessage, key: i32) -> Result<Value, Refusal> {
    for bytes in &graph.nodes {
        let node = proto::Node::read(bytes)?;
        if node.operator == "DictVectorizer" && node.inputs.first() == Some(&input.name) {
            let names = match Kind::of(key)? {
                Kind::Text => node.texts("string_vocabulary")?,
                _ => node.ints("int64_vocabulary")?.iter().map(i64::to_string).collect(),
            };
            let entry = |name: String| Ok((name.clone(), trace.column(name, Kind::Single)?));
            return Ok(Value::Map(names.into_iter().map(entry).collect::<Result<_, Refusal>>()?));
        }
    }
    Err(Refusal::unsupported("a map that no DictVectorizer reads"))
}

/// The output that is the prediction: the first of floating-point numbers (or the maps of ZipMap), else the first that
/// is no text. A classifier's label comes before its probabilities, and is not taken.
fn output(graph: &GraphMessage) -> Result<ValueMessage, Refusal> {
    let outputs = graph.outputs.iter().map(|bytes| decode(bytes, "an output"));
    let outputs = outputs.collect::<Result<Vec<ValueMessage>, Refusal>>()?;
    let element = |output: &ValueMessage| output.kind.as_ref()?.tensor.as_ref().map(|tensor| tensor.element);
    let is_float = |output: &&ValueMessage| {
        let sequence = output.kind.as_ref().is_some_and(|kind| kind.sequence.is_some());
        sequence || matches!(element(output), Some(1 | 11))
    };
    let is_number = |output: &&ValueMessage| element(output).is_some_and(|element| element != 8);
    let found = outputs.iter().find(is_float).or_else(|| outputs.iter().find(is_number));
    found.cloned().ok_or_else(|| Refusal::unsupported("a graph without an output of numbers"))
}

/// The cells of the prediction.
#[derive(Debug)]
struct Answer {
    cells: Vec<Cell>,
    kind: Kind,
    classes: Vec<String>,
}

impl Answer {
    /// Of the probabilities of two classes that of the second is the prediction.
    fn of(value: Option<Value>, name: &str) -> Result<Self, Refusal> {
        let (tensor, names) = match value {
            Some(Value::Classes(tensor, names)) => (tensor, Some(names)),
            Some(Value::Tensor(tensor)) => (tensor, None),
            _ => return Err(Refusal::unsupported(format!("output {name:.60?} of this type"))),
        };
        let (mut cells, mut classes) = (tensor.cells.clone(), names.map_or(Vec::new(), |names| names.to_vec()));
        if cells.is_empty() || tensor.kind == Kind::Text {
            return Err(Refusal::unsupported(format!("output {name:.60?} without numbers")));
        }
        if cells.len() == 2 && (!classes.is_empty() || name.contains("probabilit")) {
            cells.remove(0);
            classes = classes.into_iter().skip(1).collect();
        }
        Ok(Self { cells, kind: tensor.kind, classes })
    }
}

fn about(model: &ModelMessage, output: &str, parts: &Parts) -> About {
    let producer = format!("{} {}", model.producer, model.producer_version).trim().to_owned();
    let mut notes = vec![match &parts.classes[..] {
        [class] => format!("the prediction is the probability of class {class} (output {output})"),
        _ => format!("the prediction is the output {output}"),
    }];
    if let Form::Forest(forest) = &parts.form
        && !forest.explains()
    {
        notes.push(
            "the file has no nodes_hitrates, without which trees are explained only against background rows".to_owned(),
        );
    }
    About { version: format!("IR {}", model.ir_version), producer, notes, ..About::default() }
}

fn parts(trace: Trace, answer: Answer) -> Parts {
    let Trace { mut program, texts, columns, .. } = trace;
    let (outputs, classes) = (answer.cells.len(), answer.classes);
    let precision = if answer.kind == Kind::Double { Precision::Double } else { Precision::Single };
    let margin = Margin::of(&mut program, &answer.cells);
    let mut inputs: Vec<Input> = Vec::with_capacity(columns.len());
    let mut bindings = Vec::with_capacity(columns.len());
    for column in &columns {
        let (input, binding) = bind(column, &texts);
        inputs.push(input);
        bindings.push(binding);
    }
    let treatments = treatments(&columns, &texts);
    let made = margin.and_then(|margin| {
        let forest = forest::make(&program, (&columns, &treatments), &margin, &mut bindings, precision);
        let linear = || linear::make(&program, &treatments, &margin, precision).map(Form::Linear);
        Some((forest.map(Form::Forest).or_else(linear)?, margin.link))
    });
    let (form, link) = made.unwrap_or_else(|| {
        let mut outputs = answer.cells;
        let program = program.pruned(&mut outputs);
        (Form::Traced(Traced { inputs: treatments, program, outputs }), Link::Identity)
    });
    let (objective, about) = (String::new(), About::default());
    Parts { form, inputs, bindings, outputs, link, objective, precision, classes, about }
}

/// How a column is read.
fn bind(column: &Column, texts: &Texts) -> (Input, Binding) {
    let input = |kind| Input { name: column.name.clone(), kind };
    if column.kind == Kind::Text {
        let values: Vec<String> =
            column.known.iter().filter_map(|number| texts.text(*number)).map(str::to_owned).collect();
        let binding = match &column.required {
            // The empty text of a missing cell is no exception.
            Some(_) => Binding::Required(Box::new(Binding::Category(Codes::new(&values, f64::NAN)))),
            None => Binding::Category(Codes::new(&values, OTHER)),
        };
        return (input(InputKind::Category { values }), binding);
    }
    let whole = |low, high| Binding::Required(Box::new(Binding::Whole { low, high }));
    let binding = match (column.kind, &column.required) {
        (_, Some(values)) => Binding::Required(Box::new(Binding::OneOf(values.clone()))),
        (Kind::Single, None) => Binding::Single,
        (Kind::Truth, None) => whole(0.0, 1.0),
        (Kind::Whole { bits, signed }, None) => {
            let size = libm::exp2(f64::from(bits));
            if signed { whole(-size / 2.0, size / 2.0 - 1.0) } else { whole(0.0, size - 1.0) }
        }
        _ => Binding::Number,
    };
    (input(InputKind::Number), binding)
}

/// From the codes of a column to the numbers of the program.
fn treatments(columns: &[Column], texts: &Texts) -> Vec<Treatment> {
    let empty = texts.numbers.get("").map(|number| *number as f64);
    let treatment = |column: &Column| {
        if column.kind != Kind::Text {
            return Treatment::missing_is(f64::NAN);
        }
        let missing = empty.filter(|empty| column.known.contains(empty)).unwrap_or(OTHER);
        Treatment { symbols: Some(column.known.clone()), ..Treatment::missing_is(missing) }
    };
    columns.iter().map(treatment).collect()
}
