//! Decision trees as PMML has them: any number of children, each with its predicate, and values at every node.

use super::Predicate;

/// What happens where no child's predicate is true because one is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingValue {
    /// Unknown is false.
    None,
    LastPrediction,
    NullPrediction,
    DefaultChild,
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
}

#[derive(Debug)]
pub(crate) struct Tree {
    /// The root first.
    pub nodes: Vec<Node>,
    pub missing: MissingValue,
    pub no_true_child: NoTrueChild,
    /// The first of its slots, and how many they are.
    pub to: usize,
    pub width: usize,
}

impl Tree {
    pub(super) fn leaves(&self) -> usize {
        self.nodes.iter().filter(|node| node.children.is_empty()).count()
    }

    pub(super) fn run(&self, fields: &mut [f64]) {
        let values = self.find(fields).and_then(|node| self.nodes[node].values.as_deref());
        let to = &mut fields[self.to..self.to + self.width];
        match values {
            Some(values) => to.copy_from_slice(values),
            None => to.fill(f64::NAN),
        }
    }

    /// The node whose values are the row's.
    fn find(&self, fields: &[f64]) -> Option<usize> {
        if self.nodes[0].predicate.test(fields) != Some(true) {
            return None;
        }
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
}
