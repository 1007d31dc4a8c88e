//! Running a graph with one row whose numbers are not known yet.
//!
//! Each input column is a slot; every operator turns tensors of [`Cell`]s into tensors of cells and adds the steps that
//! compute them to the [`Program`]. What only moves elements (Reshape, Concat, Gather, ...) leaves no trace at all, and
//! what depends on constants alone is computed here. Only nodes that the wanted output needs are looked at.
//!
//! Memory is bounded by [`CELLS_MAX`] elements of all tensors together and [`SLOTS_MAX`] slots.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::functions::{One, Two};
use super::operators;
use super::program::{Op, Program, Step};
use super::proto::{GraphMessage, Node, TensorMessage, decode};
use super::tensor::{self, Cell, Kind, Tensor};
use super::{Refusal, Texts};
use crate::linear::OTHER;

/// Most elements of all tensors and sums that are made.
const CELLS_MAX: usize = 1 << 23;

/// Most numbers of a row.
const SLOTS_MAX: usize = 1 << 20;

/// What a name of the graph stands for.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Tensor(Arc<Tensor>),
    /// A tensor of one number per class: what ZipMap makes maps of, and the probabilities of a classifier.
    Classes(Arc<Tensor>, Arc<[String]>),
    /// A sequence. Only tests have one: no column is a sequence.
    #[cfg_attr(not(test), allow(dead_code))]
    List(Vec<Value>),
    /// A map by names.
    Map(Vec<(String, Cell)>),
}

/// A column of the table that is scored.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub name: String,
    pub kind: Kind,
    /// Texts that an operator tells from others, in the order they were met.
    pub known: Vec<f64>,
    met: HashSet<u64>,
    /// Values one of which it must have; a row with another has no score.
    pub required: Option<Vec<f64>>,
}

/// Versions of the operator sets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Versions {
    /// ai.onnx.
    pub main: i64,
    /// ai.onnx.ml.
    pub learning: i64,
}

pub(super) struct Trace {
    pub program: Program,
    pub texts: Texts,
    pub columns: Vec<Column>,
    pub versions: Versions,
    pub values: HashMap<String, Value>,
    left: usize,
}

impl Trace {
    pub(super) fn new(versions: Versions) -> Self {
        let (program, texts) = (Program::default(), Texts::default());
        Self { program, texts, columns: Vec::new(), versions, values: HashMap::new(), left: CELLS_MAX }
    }

    /// A new column. All columns come before the first step.
    pub(super) fn column(&mut self, name: String, kind: Kind) -> Result<Cell, Refusal> {
        self.charge(1)?;
        let slot = self.program.slots as u32;
        self.program.slots += 1;
        self.program.inputs += 1;
        let (known, met, required) = (Vec::new(), HashSet::new(), None);
        self.columns.push(Column { name, kind, known, met, required });
        Ok(Cell::At(slot))
    }

    /// Run the nodes that the wanted values need.
    pub(super) fn walk(&mut self, graph: &GraphMessage, wanted: &[&str]) -> Result<(), Refusal> {
        let nodes = graph.nodes.iter().map(Node::read).collect::<Result<Vec<Node>, Refusal>>()?;
        let mut initializers = HashMap::new();
        for bytes in &graph.initializers {
            let message: TensorMessage = decode(bytes, "an initializer")?;
            initializers.insert(message.name.clone(), message);
        }
        let mut needed: HashSet<&str> = wanted.iter().copied().collect();
        let mut run = Vec::new();
        for node in nodes.iter().rev() {
            if node.outputs.iter().any(|name| !name.is_empty() && needed.contains(name.as_str())) {
                needed.extend(node.inputs.iter().map(String::as_str).filter(|name| !name.is_empty()));
                run.push(node);
            }
        }
        for node in run.into_iter().rev() {
            for name in node.inputs.iter().filter(|name| !name.is_empty()) {
                if self.values.contains_key(name) {
                    continue;
                }
                let message = initializers.get(name).ok_or_else(|| {
                    Refusal::invalid(format!("{}: reads {name:.60?}, which is not computed before it", node.title()))
                })?;
                let tensor = Tensor::read(message, &mut self.texts).map_err(|refusal| refusal.at(name))?;
                self.values.insert(name.clone(), Value::Tensor(Arc::new(tensor)));
            }
            self.node(node).map_err(|refusal| refusal.at(&node.title()))?;
        }
        Ok(())
    }

    fn node(&mut self, node: &Node) -> Result<(), Refusal> {
        let outputs = operators::run(self, node)?;
        if outputs.len() < node.outputs.iter().filter(|name| !name.is_empty()).count() {
            return Err(Refusal::unsupported("an optional output"));
        }
        for (name, value) in node.outputs.iter().zip(outputs) {
            let value = self.with_classes(node, value);
            self.values.insert(name.clone(), value);
        }
        Ok(())
    }

    /// Probabilities stay those of their classes through what is done to each of them.
    fn with_classes(&self, node: &Node, value: Value) -> Value {
        let each = ["Mul", "Div", "Cast", "Normalizer", "Reshape", "Flatten", "Softmax", "Clip"];
        let from = node.inputs.first().and_then(|name| self.values.get(name));
        match (value, from) {
            (Value::Tensor(tensor), Some(Value::Classes(_, names)))
                if names.len() == tensor.cells.len() && each.contains(&node.operator.as_str()) =>
            {
                Value::Classes(tensor, Arc::clone(names))
            }
            (value, _) => value,
        }
    }

    /// Note that elements are made.
    pub(super) fn charge(&mut self, cells: usize) -> Result<(), Refusal> {
        let left = self.left.checked_sub(cells).filter(|_| self.program.slots < SLOTS_MAX);
        self.left = left.ok_or_else(|| Refusal::unsupported("a graph of this size"))?;
        Ok(())
    }

    /// The numbers of an operation: constants where it reads constants alone.
    pub(super) fn emit(&mut self, op: Op) -> Result<Vec<Cell>, Refusal> {
        let width = op.width();
        self.charge(width)?;
        if op.is_constant() {
            let mut values = vec![0.0; width];
            let constant = |cell| match cell {
                Cell::Is(x) => x,
                Cell::At(_) => f64::NAN,
            };
            op.values(constant, &mut values);
            return Ok(values.into_iter().map(Cell::Is).collect());
        }
        let to = self.program.slots;
        self.program.slots += width;
        self.program.steps.push(Step { op, to: to as u32 });
        Ok((to..to + width).map(|slot| Cell::At(slot as u32)).collect())
    }

    pub(super) fn one(&mut self, op: Op) -> Result<Cell, Refusal> {
        let cells = self.emit(op)?;
        cells.first().copied().ok_or_else(|| Refusal::invalid("nothing to compute"))
    }

    /// A function of every element.
    pub(super) fn map(&mut self, function: One, kind: Kind, tensor: &Tensor) -> Result<Tensor, Refusal> {
        if tensor.kind == Kind::Text {
            return Err(Refusal::unsupported("a computation with text"));
        }
        let cells = tensor.cells.iter().map(|cell| self.one(Op::One(function, kind, *cell)));
        let cells = cells.collect::<Result<_, _>>()?;
        Ok(Tensor::new(kind, tensor.shape.clone(), cells))
    }

    pub(super) fn pair(&mut self, function: Two, kind: Kind, a: Cell, b: Cell) -> Result<Cell, Refusal> {
        match (function, a, b) {
            (Two::Multiply | Two::Divide, a, Cell::Is(1.0)) | (Two::Multiply, Cell::Is(1.0), a) => Ok(a),
            (Two::Add | Two::Subtract, a, Cell::Is(0.0)) | (Two::Add, Cell::Is(0.0), a) => Ok(a),
            _ => self.one(Op::Two(function, kind, a, b)),
        }
    }

    /// A function of the elements of two tensors that are broadcast to one another.
    pub(super) fn zip(&mut self, function: Two, a: &Tensor, b: &Tensor) -> Result<Tensor, Refusal> {
        if a.kind != b.kind && function != Two::Power {
            return Err(Refusal::invalid("its inputs are of different types"));
        }
        if a.kind == Kind::Text {
            self.compare_texts(function, a, b)?;
        }
        let shape = tensor::broadcast(&a.shape, &b.shape)?;
        self.charge(tensor::count(&shape).unwrap_or(usize::MAX))?;
        let mut pairs = Vec::new();
        tensor::indices(&shape, |index| {
            pairs.push((a.cells[tensor::place(&a.shape, index)], b.cells[tensor::place(&b.shape, index)]));
        });
        let cells = pairs.into_iter().map(|(x, y)| self.pair(function, a.kind, x, y)).collect::<Result<_, _>>()?;
        Ok(Tensor::new(if function.compares() { Kind::Truth } else { a.kind }, shape, cells))
    }

    /// Texts are only compared with constants: two that are unknown would be taken for the same.
    fn compare_texts(&mut self, function: Two, a: &Tensor, b: &Tensor) -> Result<(), Refusal> {
        let (constants, other) = match (a.constants(), b.constants()) {
            (_, Some(constants)) => (constants, a),
            (Some(constants), None) => (constants, b),
            (None, None) => return Err(Refusal::unsupported("a comparison of two texts of a row")),
        };
        if function != Two::Equal {
            return Err(Refusal::unsupported("a computation with text"));
        }
        other.cells.iter().for_each(|cell| self.tells(*cell, &constants));
        Ok(())
    }

    /// Note that an operator tells these texts of a cell from others.
    pub(super) fn tells(&mut self, cell: Cell, texts: &[f64]) {
        let mut open = vec![cell];
        while let Some(cell) = open.pop() {
            let Cell::At(slot) = cell else { continue };
            if let Some(column) = self.columns.get_mut(slot as usize) {
                let new = texts.iter().filter(|text| **text != OTHER && column.met.insert(text.to_bits()));
                column.known.extend(new);
            } else if let Some(at) = self.program.writer(slot) {
                match &self.program.steps[at].op {
                    Op::Choose(_, a, b) => open.extend([*a, *b]),
                    Op::Pick(_, cells) => open.extend(cells),
                    _ => {}
                }
            }
        }
    }
}

impl Trace {
    /// A cell must be one of some values; else the row has no score, as ONNX Runtime gives none.
    pub(super) fn require(&mut self, cell: Cell, values: &[f64]) -> Result<(), Refusal> {
        let Cell::At(mut slot) = cell else { return Ok(()) };
        while let Some(at) = self.program.writer(slot) {
            match self.program.steps[at].op {
                Op::One(One::Same, _, Cell::At(of)) => slot = of,
                _ => return Err(Refusal::unsupported("zeros=0 for a category that is computed")),
            }
        }
        let required = &mut self.columns[slot as usize].required;
        match required {
            Some(required) => required.retain(|value| values.contains(value)),
            None => *required = Some(values.to_vec()),
        }
        Ok(())
    }
}

/// A node being run: its inputs and attributes.
pub(super) struct Call<'a> {
    pub trace: &'a mut Trace,
    pub node: &'a Node,
    /// Which row of several a model is run for.
    pub at_row: usize,
}

impl Call<'_> {
    pub(super) fn value(&self, at: usize) -> Result<Value, Refusal> {
        let name = self.node.inputs.get(at).filter(|name| !name.is_empty());
        let value = name.and_then(|name| self.trace.values.get(name)).cloned();
        value.ok_or_else(|| Refusal::invalid(format!("input {at} is missing")))
    }

    pub(super) fn tensor(&self, at: usize) -> Result<Arc<Tensor>, Refusal> {
        match self.value(at)? {
            Value::Tensor(tensor) | Value::Classes(tensor, _) => Ok(tensor),
            Value::List(_) | Value::Map(_) => Err(Refusal::unsupported("an input that is a sequence or a map")),
        }
    }

    pub(super) fn optional(&self, at: usize) -> Result<Option<Arc<Tensor>>, Refusal> {
        match self.node.inputs.get(at) {
            Some(name) if !name.is_empty() => self.tensor(at).map(Some),
            _ => Ok(None),
        }
    }

    /// A tensor of numbers.
    pub(super) fn numbers(&self, at: usize) -> Result<Arc<Tensor>, Refusal> {
        let tensor = self.tensor(at)?;
        match tensor.kind {
            Kind::Text => Err(Refusal::unsupported("an input of text")),
            _ => Ok(tensor),
        }
    }

    /// A list of whole numbers: an attribute in old versions of the operator, an input in new ones.
    pub(super) fn list(&self, attribute: &str, at: usize) -> Result<Option<Vec<i64>>, Refusal> {
        match self.optional(at)? {
            Some(tensor) => tensor.whole(attribute).map(Some),
            None if self.node.has(attribute) => Ok(Some(self.node.ints(attribute)?.to_vec())),
            None => Ok(None),
        }
    }

    /// A tensor among the attributes.
    pub(super) fn attribute(&mut self, name: &str) -> Result<Option<Tensor>, Refusal> {
        self.node.tensor(name)?.map(|message| Tensor::read(&message, &mut self.trace.texts)).transpose()
    }

    /// How many rows the first input holds: only constants and tests have several.
    pub(super) fn rows(&self) -> Result<usize, Refusal> {
        let tensor = self.tensor(0)?;
        Ok(tensor::count(&tensor.shape[..tensor.rank().saturating_sub(1)]).unwrap_or(0))
    }

    /// A row of a table; a vector is one row.
    pub(super) fn row(&self, at: usize) -> Result<Arc<Tensor>, Refusal> {
        let tensor = self.numbers(at)?;
        let width = tensor.width();
        if width == tensor.cells.len() {
            return Ok(tensor);
        }
        let row = tensor.cells.chunks(width.max(1)).nth(self.at_row);
        let row = row.ok_or_else(|| Refusal::invalid("its inputs are not of one number of rows"))?;
        Ok(Arc::new(Tensor::new(tensor.kind, vec![1, width], row.to_vec())))
    }
}
