//! From a PMML tree to one of splits in two.
//!
//! The children of a node become a chain of splits, one a predicate. Where a value is missing, a split of its own comes
//! first if it leads elsewhere than both sides. Training rows are those of the document's `recordCount`; where it
//! counts none at any leaf, both sides of a split count alike. No row counts where a value is missing.

use std::collections::HashMap;

use super::region::{Region, Sources, Truth};
use crate::forest::{self, Child, Leaf, Split, Test};
use crate::graph::{MissingValue, NoTrueChild, Predicate, Tree};

/// Deepest chain of splits, as deep as a forest may be.
const DEPTH_MAX: usize = forest::DEPTH_MAX;

/// Most leaves of all trees for each node of the document: surrogates repeat what is below them.
const GROWTH_MAX: usize = 8;

/// Most words of sets of categories, for each node of the document and beside that.
const WORDS_MAX: (usize, usize) = (64, 1 << 20);

pub(super) struct Grown<'w, 'g> {
    sources: &'w Sources<'g>,
    /// For each input that is a category its symbols in their order.
    symbols: Vec<Option<Vec<f64>>>,
    /// Scratch: a row's fields.
    fields: Vec<f64>,
    pub trees: Vec<forest::Tree>,
    /// Whether some leaf has no answer.
    pub has_gaps: bool,
    /// Leaves and words, made and allowed.
    leaves: [usize; 2],
    words: [usize; 2],
}

/// Where a row goes on.
#[derive(Clone, Copy)]
enum Goal<'a> {
    /// To a node whose predicate is true.
    Enter(usize),
    /// Past so many children of a node.
    Next(usize, usize),
    /// It has a node's own answer.
    Stay(usize),
    /// It has no answer.
    Nothing,
    /// To the rest of a compound predicate: true, false, unknown.
    Rest(&'a [Predicate], Joined, &'a [Goal<'a>; 3]),
}

/// What a split asks of its input.
#[derive(Clone, Copy, PartialEq)]
enum Asks {
    Missing,
    Value,
}

#[derive(Clone, Copy, PartialEq)]
enum Joined {
    And,
    Or,
    Surrogate,
}

impl PartialEq for Goal<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Enter(a), Self::Enter(b)) | (Self::Stay(a), Self::Stay(b)) => a == b,
            (Self::Next(a, at), Self::Next(b, other)) => a == b && at == other,
            (Self::Nothing, Self::Nothing) => true,
            _ => false,
        }
    }
}

/// One tree while it grows.
struct Growing<'t> {
    tree: &'t Tree,
    column: usize,
    weight: f64,
    single: bool,
    /// Whether the document counts no rows at its leaves.
    evenly: bool,
    splits: Vec<Split>,
    leaves: Vec<Leaf>,
    /// Real splits above, and whether the value of one is missing.
    depth: usize,
    halvings: i32,
    is_missing: bool,
}

impl<'w, 'g> Grown<'w, 'g> {
    pub(super) fn new(sources: &'w Sources<'g>, places: &[Option<HashMap<u64, f64>>], slots: usize) -> Self {
        let ordered = |places: &HashMap<u64, f64>| {
            let mut symbols: Vec<(u64, f64)> = places.iter().map(|(key, place)| (*key, *place)).collect();
            symbols.sort_by(|a, b| a.1.total_cmp(&b.1));
            symbols.into_iter().map(|(key, _)| f64::from_bits(key)).collect()
        };
        Self {
            sources,
            symbols: places.iter().map(|places| places.as_ref().map(ordered)).collect(),
            fields: vec![f64::NAN; slots],
            trees: Vec::new(),
            has_gaps: false,
            leaves: [0, 0],
            words: [0, WORDS_MAX.1],
        }
    }

    /// Grow a column of a tree; nothing where it has no such form.
    pub(super) fn tree(
        &mut self,
        tree: &Tree,
        column: usize,
        weight: f64,
        output: usize,
        precision: forest::Precision,
    ) -> Option<()> {
        if matches!(tree.missing, MissingValue::WeightedConfidence | MissingValue::AggregateNodes) {
            return None;
        }
        self.leaves[1] += GROWTH_MAX * tree.nodes.len();
        self.words[1] += WORDS_MAX.0 * tree.nodes.len();
        let leaves = || tree.nodes.iter().filter(|node| node.children.is_empty());
        let counted = leaves().all(|node| node.records.is_some()) && leaves().any(|node| node.records > Some(0.0));
        let mut growing = Growing {
            tree,
            column,
            weight,
            single: precision == forest::Precision::Single,
            evenly: !counted,
            splits: Vec::new(),
            leaves: Vec::new(),
            depth: 0,
            halvings: 0,
            is_missing: false,
        };
        let goals = [Goal::Enter(0), Goal::Nothing, Goal::Nothing];
        self.test(&mut growing, &tree.nodes[0].predicate, &goals)?;
        let Growing { splits, leaves, .. } = growing;
        self.trees.push(forest::Tree { splits, leaves, output });
        Some(())
    }

    fn go(&mut self, on: &mut Growing<'_>, goal: Goal<'_>) -> Option<Child> {
        match goal {
            Goal::Nothing => self.leaf(on, f64::NAN, 0.0),
            Goal::Stay(node) => self.stay(on, node),
            Goal::Enter(node) if on.tree.nodes[node].children.is_empty() => self.stay(on, node),
            Goal::Enter(node) => self.next(on, node, 0),
            Goal::Next(node, at) => self.next(on, node, at),
            Goal::Rest(parts, joined, goals) => self.joined(on, parts, joined, goals),
        }
    }

    fn leaf(&mut self, on: &mut Growing<'_>, value: f64, records: f64) -> Option<Child> {
        self.has_gaps |= value.is_nan();
        self.leaves[0] += 1;
        if self.leaves[0] > self.leaves[1] {
            return None;
        }
        let value = if on.single { f64::from((on.weight * value) as f32) } else { on.weight * value };
        let cover = match (on.is_missing, on.evenly) {
            (true, _) => 0.0,
            (false, true) => 0.5_f64.powi(on.halvings),
            (false, false) => records,
        };
        on.leaves.push(Leaf { value, cover, linear: None });
        Some(Child::Leaf(on.leaves.len() as u32 - 1))
    }

    /// A node's own answer; its rows are those that no child has.
    fn stay(&mut self, on: &mut Growing<'_>, at: usize) -> Option<Child> {
        let node = &on.tree.nodes[at];
        let value = node.values.as_ref().map_or(f64::NAN, |values| values[on.column]);
        let below = node.children.iter().map(|child| on.tree.nodes[*child].records.unwrap_or(0.0));
        let records = node.records.unwrap_or(0.0) - below.sum::<f64>();
        self.leaf(on, value, records.max(0.0))
    }

    /// The children of a node from one on.
    fn next(&mut self, on: &mut Growing<'_>, node: usize, at: usize) -> Option<Child> {
        let tree = on.tree;
        let parent = &tree.nodes[node];
        let Some(child) = parent.children.get(at).copied() else { return self.go(on, onward(tree, node, at)) };
        let unknown = |past: usize| match tree.missing {
            MissingValue::LastPrediction => Goal::Stay(node),
            MissingValue::NullPrediction => Goal::Nothing,
            MissingValue::DefaultChild => parent.default_child.map_or(Goal::Nothing, Goal::Enter),
            _ => onward(tree, node, past),
        };
        let predicate = &tree.nodes[child].predicate;
        if let [_, last] = parent.children[at..]
            && self.are_opposite(predicate, &tree.nodes[last].predicate)
        {
            // What is not the one is the other; where both are unknown, both are passed.
            let goals = [Goal::Enter(child), Goal::Enter(last), unknown(at + 2)];
            return self.test(on, predicate, &goals);
        }
        self.test(on, predicate, &[Goal::Enter(child), onward(tree, node, at + 1), unknown(at + 1)])
    }

    fn region(&mut self, predicate: &Predicate) -> Option<(usize, Region)> {
        let (input, way) = self.sources.input(predicate)?;
        let symbols = self.symbols[input].clone();
        let region = self.sources.region(predicate, (input, &way), symbols.as_deref(), &mut self.fields)?;
        Some((input, region))
    }

    /// Whether the second predicate is true just where the first is false, for every value of the same input, and both
    /// are unknown of the same.
    fn are_opposite(&mut self, first: &Predicate, second: &Predicate) -> bool {
        if matches!((first, second), (Predicate::True | Predicate::False, _) | (_, Predicate::True | Predicate::False))
        {
            return false;
        }
        let (Some((input, a)), Some((other, b))) = (self.region(first), self.region(second)) else { return false };
        let opposite = |a: &Truth, b: &Truth| a.map(|a| !a) == *b;
        input == other
            && match (&a, &b) {
                (Region::Places(a, a_missing), Region::Places(b, b_missing)) => {
                    a.iter().zip(b).all(|(a, b)| opposite(a, b)) && opposite(a_missing, b_missing)
                }
                (Region::Ranges(a, a_beyond, a_missing), Region::Ranges(b, b_beyond, b_missing)) => {
                    let same = |(a, b): (&(f64, Truth), &(f64, Truth))| a.0 == b.0 && opposite(&a.1, &b.1);
                    a.len() == b.len()
                        && a.iter().zip(b).all(same)
                        && opposite(a_beyond, b_beyond)
                        && opposite(a_missing, b_missing)
                }
                _ => false,
            }
    }

    /// Where a row goes by a predicate: true, false, unknown.
    fn test(&mut self, on: &mut Growing<'_>, predicate: &Predicate, goals: &[Goal<'_>; 3]) -> Option<Child> {
        if on.depth > DEPTH_MAX {
            return None;
        }
        match predicate {
            Predicate::True => return self.go(on, goals[0]),
            Predicate::False => return self.go(on, goals[1]),
            _ => {}
        }
        if let Some((input, region)) = self.region(predicate) {
            return self.split(on, input, region, goals);
        }
        match predicate {
            Predicate::And(parts) => self.joined(on, parts, Joined::And, goals),
            Predicate::Or(parts) => self.joined(on, parts, Joined::Or, goals),
            Predicate::Surrogate(parts) => self.joined(on, parts, Joined::Surrogate, goals),
            _ => None,
        }
    }

    fn joined(
        &mut self,
        on: &mut Growing<'_>,
        parts: &[Predicate],
        joined: Joined,
        goals: &[Goal<'_>; 3],
    ) -> Option<Child> {
        let [yes, no, unknown] = *goals;
        let Some((first, rest)) = parts.split_first() else {
            return self.go(on, [yes, no, unknown][[0, 1, 2][joined as usize]]);
        };
        // Once a part is unknown the whole can only be decided by a later one, or stay unknown.
        let (lost_and, lost_or) = ([unknown, no, unknown], [yes, unknown, unknown]);
        let next = match joined {
            Joined::And => [Goal::Rest(rest, joined, goals), no, Goal::Rest(rest, joined, &lost_and)],
            Joined::Or => [yes, Goal::Rest(rest, joined, goals), Goal::Rest(rest, joined, &lost_or)],
            Joined::Surrogate => [yes, no, Goal::Rest(rest, joined, goals)],
        };
        self.test(on, first, &next)
    }

    fn split(&mut self, on: &mut Growing<'_>, input: usize, region: Region, goals: &[Goal<'_>; 3]) -> Option<Child> {
        let goal = |truth: Truth| match truth {
            Some(true) => goals[0],
            Some(false) => goals[1],
            None => goals[2],
        };
        let (test, left, right, missing) = match region {
            Region::Places(truths, missing) => {
                let right = goal(*truths.last()?);
                let other = truths.iter().map(|truth| goal(*truth)).find(|goal| *goal != right);
                let left = other.unwrap_or(right);
                let mut words = vec![0_u32; truths.len().div_ceil(32)];
                for (place, truth) in truths.iter().enumerate() {
                    let goal = goal(*truth);
                    if goal == left && left != right {
                        words[place / 32] |= 1 << (place % 32);
                    } else if goal != right {
                        return None;
                    }
                }
                (Test::In { words, missing_left: false }, left, right, goal(missing))
            }
            Region::Ranges(ranges, beyond, missing) => {
                let mut ends: Vec<(f64, Goal<'_>)> = Vec::new();
                for (end, truth) in ranges {
                    match ends.last_mut() {
                        Some((last, same)) if *same == goal(truth) => *last = end,
                        _ => ends.push((end, goal(truth))),
                    }
                }
                let beyond = goal(beyond);
                if ends.last().is_some_and(|(_, last)| *last == beyond) {
                    ends.pop();
                }
                let (threshold, left) = match ends.as_slice() {
                    [] => (f64::INFINITY, beyond),
                    [(end, left)] => (*end, *left),
                    _ => return None,
                };
                (Test::AtMost { threshold, missing_left: false, zero_missing: false }, left, beyond, goal(missing))
            }
        };
        let none = Test::In { words: Vec::new(), missing_left: true };
        match (left == right, missing == left, missing == right) {
            (true, true, _) => self.go(on, left),
            (true, false, _) => self.fork(on, input, none, missing, left, Asks::Missing),
            (false, true, _) => self.fork(on, input, with_missing(test), left, right, Asks::Value),
            (false, false, true) => self.fork(on, input, test, left, right, Asks::Value),
            (false, false, false) => {
                let at = self.open(on, input, none)?;
                let was = std::mem::replace(&mut on.is_missing, true);
                on.splits[at].left = self.go(on, missing)?;
                on.is_missing = was;
                on.splits[at].right = self.fork(on, input, test, left, right, Asks::Value)?;
                on.depth -= 1;
                Some(Child::Split(at as u32))
            }
        }
    }

    /// A split whose sides are not there yet.
    fn open(&mut self, on: &mut Growing<'_>, input: usize, test: Test) -> Option<usize> {
        if let Test::In { words, .. } = &test {
            self.words[0] += words.len();
        }
        on.depth += 1;
        if on.depth > DEPTH_MAX || self.words[0] > self.words[1] {
            return None;
        }
        let input = input as u32;
        on.splits.push(Split { input, test, left: Child::Leaf(0), right: Child::Leaf(0) });
        Some(on.splits.len() - 1)
    }

    fn fork(
        &mut self,
        on: &mut Growing<'_>,
        input: usize,
        test: Test,
        left: Goal<'_>,
        right: Goal<'_>,
        of: Asks,
    ) -> Option<Child> {
        let at = self.open(on, input, test)?;
        let was = on.is_missing;
        on.is_missing |= of == Asks::Missing;
        on.halvings += i32::from(of == Asks::Value);
        on.splits[at].left = self.go(on, left)?;
        on.is_missing = was;
        on.splits[at].right = self.go(on, right)?;
        on.halvings -= i32::from(of == Asks::Value);
        on.depth -= 1;
        Some(Child::Split(at as u32))
    }
}

/// Past so many children of a node, by its simplest name.
fn onward(tree: &Tree, node: usize, at: usize) -> Goal<'static> {
    match tree.nodes[node].children.get(at) {
        Some(child) if matches!(tree.nodes[*child].predicate, Predicate::True) => Goal::Enter(*child),
        Some(_) => Goal::Next(node, at),
        None if tree.no_true_child == NoTrueChild::LastPrediction => Goal::Stay(node),
        None => Goal::Nothing,
    }
}

fn with_missing(test: Test) -> Test {
    match test {
        Test::AtMost { threshold, zero_missing, .. } => Test::AtMost { threshold, missing_left: true, zero_missing },
        Test::In { words, .. } => Test::In { words, missing_left: true },
    }
}
