//! Decision trees as PMML has them: any number of children, each with its predicate, and values at every node.

use super::{Predicate, largest};

/// What happens where no child's predicate is true because one is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingValue {
    /// Unknown is false.
    None,
    LastPrediction,
    NullPrediction,
    DefaultChild,
    /// All children that are not false count, each by its share of their records.
    WeightedConfidence,
    /// All leaves that may be reached count, each with its records.
    AggregateNodes,
}

/// What happens where no child's predicate is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoTrueChild {
    Null,
    LastPrediction,
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub predicate: Predicate,
    /// Indices of nodes, each larger than this one's.
    pub children: Vec<usize>,
    pub default_child: Option<usize>,
    /// The number, or the probability of each class; nothing where the node has none.
    pub values: Option<Vec<f64>>,
    /// The symbol of the class that the node says; NaN of a number.
    pub label: f64,
    /// Training rows, where the document says.
    pub records: Option<f64>,
    /// Training rows of each class; empty where the document says nothing of them.
    pub counts: Vec<f64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// The root first.
    pub nodes: Vec<Node>,
    pub missing: MissingValue,
    pub no_true_child: NoTrueChild,
    /// The symbols of the classes; empty of a number.
    pub symbols: Vec<f64>,
    /// The first of its slots: the values, the label where it is of classes, the place of the node.
    pub to: usize,
    pub width: usize,
}

/// What a row gets of a tree.
enum Found {
    Nothing,
    Node(usize),
    /// The probability of each class, of several nodes.
    Mixed(Vec<f64>),
}

impl Tree {
    pub(super) fn leaves(&self) -> usize {
        self.nodes.iter().filter(|node| node.children.is_empty()).count()
    }

    pub(super) fn run(&self, fields: &mut [f64]) {
        let found = match self.nodes[0].predicate.test(fields) {
            Some(true) => self.find(fields),
            _ => Found::Nothing,
        };
        let is_classes = !self.symbols.is_empty();
        let to = &mut fields[self.to..=self.to + self.width + usize::from(is_classes)];
        to.fill(f64::NAN);
        match found {
            Found::Nothing => {}
            Found::Node(at) => {
                let node = &self.nodes[at];
                if let Some(values) = &node.values {
                    to[..self.width].copy_from_slice(values);
                    if is_classes {
                        to[self.width] = node.label;
                    }
                }
                to[self.width + usize::from(is_classes)] = at as f64;
            }
            Found::Mixed(values) => {
                to[..self.width].copy_from_slice(&values);
                to[self.width] = largest(&values).map_or(f64::NAN, |best| self.symbols[best]);
            }
        }
    }

    fn find(&self, fields: &[f64]) -> Found {
        let found = match self.missing {
            MissingValue::WeightedConfidence => self.weighted(0, fields),
            MissingValue::AggregateNodes => {
                let mut counts = vec![0.0; self.width];
                self.aggregate(0, fields, &mut counts).map(|()| counts)
            }
            _ => return self.node(fields).map_or(Found::Nothing, Found::Node),
        };
        let total: f64 = found.iter().flatten().sum();
        match found {
            Some(values) if total > 0.0 => Found::Mixed(values.into_iter().map(|value| value / total).collect()),
            _ => Found::Nothing,
        }
    }

    /// The node whose values are the row's.
    fn node(&self, fields: &[f64]) -> Option<usize> {
        let mut at = 0;
        loop {
            let node = &self.nodes[at];
            if node.children.is_empty() {
                return Some(at);
            }
            let mut next = None;
            for child in &node.children {
                match (self.nodes[*child].predicate.test(fields), self.missing) {
                    (Some(true), _) => next = Some(*child),
                    (None, MissingValue::LastPrediction) => return Some(at),
                    (None, MissingValue::NullPrediction) => return None,
                    (None, MissingValue::DefaultChild) => next = Some(node.default_child?),
                    _ => continue,
                }
                break;
            }
            at = match (next, self.no_true_child) {
                (Some(child), _) => child,
                (None, NoTrueChild::LastPrediction) => return Some(at),
                (None, NoTrueChild::Null) => return None,
            };
        }
    }

    /// The confidence of each class below a node; of several children by the shares of their records.
    fn weighted(&self, at: usize, fields: &[f64]) -> Option<Vec<f64>> {
        let node = &self.nodes[at];
        let mut open = Vec::new();
        for child in &node.children {
            match self.nodes[*child].predicate.test(fields) {
                Some(true) if open.is_empty() => return self.weighted(*child, fields),
                Some(false) => {}
                _ => open.push(*child),
            }
        }
        if open.is_empty() {
            let ends = node.children.is_empty() || self.no_true_child == NoTrueChild::LastPrediction;
            return node.values.clone().filter(|_| ends);
        }
        let records = |child: &usize| self.nodes[*child].records.unwrap_or(0.0);
        let total: f64 = open.iter().map(records).sum();
        let mut sum = vec![0.0; self.width];
        for child in &open {
            let values = self.weighted(*child, fields)?;
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value * records(child) / total);
        }
        Some(sum)
    }

    /// Add the records of every leaf that may be reached; nothing when there is none.
    fn aggregate(&self, at: usize, fields: &[f64], counts: &mut [f64]) -> Option<()> {
        let node = &self.nodes[at];
        let mut reached = None;
        for child in &node.children {
            match self.nodes[*child].predicate.test(fields) {
                Some(true) => return self.aggregate(*child, fields, counts).or(reached),
                None => reached = self.aggregate(*child, fields, counts).or(reached),
                Some(false) => {}
            }
        }
        let ends = node.children.is_empty() || self.no_true_child == NoTrueChild::LastPrediction;
        if reached.is_none() && ends {
            counts.iter_mut().zip(&node.counts).for_each(|(count, more)| *count += more);
            return Some(());
        }
        reached
    }
}
