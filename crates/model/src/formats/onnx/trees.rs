//! Tree ensembles of ai.onnx.ml: TreeEnsembleRegressor and TreeEnsembleClassifier by their arrays of nodes,
//! TreeEnsemble of version 5 by its arrays of splits and leaves.
//!
//! Kept as they are read; [`super::forest`] makes the crate's own forest of them where that says the same. Rules of
//! ONNX Runtime: a missing value takes the true branch where the node says so, else the false one (it is unlike every
//! number, so that it passes "not equal"); sums are made tree by tree in the order of the file, rounded each time;
//! base values come last, after the average.

use std::collections::{HashMap, HashSet};

use super::Refusal;
use super::proto::Node;
use super::tensor::{Kind, Tensor};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    LessOrEqual(f64),
    Less(f64),
    GreaterOrEqual(f64),
    Greater(f64),
    Equal(f64),
    NotEqual(f64),
    In(Vec<f64>),
}

impl Test {
    /// Whether a number that is not missing passes.
    pub(super) fn passes(&self, x: f64) -> bool {
        match self {
            Self::LessOrEqual(limit) => x <= *limit,
            Self::Less(limit) => x < *limit,
            Self::GreaterOrEqual(limit) => x >= *limit,
            Self::Greater(limit) => x > *limit,
            Self::Equal(number) => x == *number,
            Self::NotEqual(number) => x != *number,
            Self::In(numbers) => numbers.contains(&x),
        }
    }

    /// Numbers at which the answer changes.
    pub(super) fn points(&self) -> &[f64] {
        match self {
            Self::In(numbers) => numbers,
            Self::LessOrEqual(x)
            | Self::Less(x)
            | Self::GreaterOrEqual(x)
            | Self::Greater(x)
            | Self::Equal(x)
            | Self::NotEqual(x) => std::slice::from_ref(x),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Split {
    pub feature: usize,
    pub test: Test,
    /// A missing value passes.
    pub missing: bool,
    pub yes: usize,
    pub no: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Part {
    Split(Split),
    /// Targets and weights.
    Leaf(Vec<(usize, f64)>),
}

#[derive(Debug, Clone)]
pub(super) struct Knot {
    pub part: Part,
    /// Training rows that came by; 0 where the file says nothing.
    pub rows: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    Average,
    Min,
    Max,
}

#[derive(Debug, Clone)]
pub(super) struct Ensemble {
    pub knots: Vec<Knot>,
    pub roots: Vec<usize>,
    pub targets: usize,
    /// Added at the end; empty for none.
    pub base: Vec<f64>,
    pub aggregate: Aggregate,
    pub kind: Kind,
}

impl Split {
    pub(super) fn passes(&self, x: f64) -> bool {
        match x.is_nan() {
            true => self.missing,
            false => self.test.passes(x),
        }
    }
}

impl Ensemble {
    /// One number per target, for a row's features.
    pub(super) fn values(&self, feature: impl Fn(usize) -> f64, to: &mut [f64]) {
        let start = match self.aggregate {
            Aggregate::Sum | Aggregate::Average => 0.0,
            // Nothing yet: a target that no leaf speaks of is 0.
            Aggregate::Min | Aggregate::Max => f64::NAN,
        };
        to.fill(start);
        for root in &self.roots {
            for (target, weight) in self.leaf(*root, &feature) {
                let before = to[*target];
                to[*target] = match self.aggregate {
                    Aggregate::Sum | Aggregate::Average => self.kind.fit(before + weight),
                    Aggregate::Min => before.min(*weight),
                    Aggregate::Max => before.max(*weight),
                };
            }
        }
        for (target, value) in to.iter_mut().enumerate() {
            if value.is_nan() {
                *value = 0.0;
            }
            if self.aggregate == Aggregate::Average {
                *value = self.kind.fit(*value / self.roots.len() as f64);
            }
            if let Some(base) = self.base.get(target) {
                *value = self.kind.fit(*value + base);
            }
        }
    }

    fn leaf(&self, root: usize, feature: &impl Fn(usize) -> f64) -> &[(usize, f64)] {
        let mut at = root;
        loop {
            match &self.knots[at].part {
                Part::Leaf(weights) => return weights,
                Part::Split(split) => at = if split.passes(feature(split.feature)) { split.yes } else { split.no },
            }
        }
    }

    /// The numbers of features that are read: one more than the largest place.
    pub(super) fn features(&self) -> usize {
        let splits = self.knots.iter().filter_map(|knot| match &knot.part {
            Part::Split(split) => Some(split.feature + 1),
            Part::Leaf(_) => None,
        });
        splits.max().unwrap_or(0)
    }

    /// Every node hangs under one other at most and under a root in the end, so that each row arrives.
    fn check(self) -> Result<Self, Refusal> {
        let mut seen = vec![false; self.knots.len()];
        let mut open = self.roots.clone();
        while let Some(at) = open.pop() {
            let mark = seen.get_mut(at).ok_or_else(|| Refusal::invalid(format!("tree node {at} does not exist")))?;
            if std::mem::replace(mark, true) {
                return Err(Refusal::invalid("a tree node has two parents"));
            }
            match &self.knots[at].part {
                Part::Split(split) => open.extend([split.no, split.yes]),
                Part::Leaf(weights) if weights.iter().any(|(target, _)| *target >= self.targets) => {
                    return Err(Refusal::invalid("a leaf of a target that does not exist"));
                }
                Part::Leaf(_) => {}
            }
        }
        let count = |count: usize| count == 0 || count == self.targets;
        match count(self.base.len()) {
            true => Ok(self),
            false => Err(Refusal::invalid(format!("{} base values for {} targets", self.base.len(), self.targets))),
        }
    }
}

pub(super) fn aggregate(name: &str) -> Result<Aggregate, Refusal> {
    match name {
        "SUM" => Ok(Aggregate::Sum),
        "AVERAGE" => Ok(Aggregate::Average),
        "MIN" => Ok(Aggregate::Min),
        "MAX" => Ok(Aggregate::Max),
        other => Err(Refusal::unsupported(format!("aggregate_function {other:.20?}"))),
    }
}

/// Which target a weight is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scores {
    /// The one its id says.
    ById,
    /// The only one, whatever its id.
    One,
}

/// The arrays of a regressor (`target_...`) or a classifier (`class_...`).
pub(super) struct Arrays<'a> {
    pub node: &'a Node,
    /// `target` or `class`.
    pub leaves: &'a str,
    /// The type that sums are made in.
    pub kind: Kind,
    pub targets: usize,
    pub scores: Scores,
    pub tensors: &'a dyn Fn(&str) -> Result<Option<Tensor>, Refusal>,
}

impl Arrays<'_> {
    /// An array of numbers, or where there is none its spelling as a tensor (double precision, version 3).
    fn floats(&self, name: &str) -> Result<Vec<f64>, Refusal> {
        match (self.tensors)(&format!("{name}_as_tensor"))? {
            Some(tensor) => Ok(tensor.constants().unwrap_or_default()),
            None => self.node.floats(name),
        }
    }

    pub(super) fn read(&self) -> Result<Ensemble, Refusal> {
        let node = self.node;
        let (trees, ids) = (node.ints("nodes_treeids")?, node.ints("nodes_nodeids")?);
        let mut places = HashMap::with_capacity(ids.len());
        for (at, key) in trees.iter().zip(ids).enumerate() {
            if places.insert(key, at).is_some() {
                return Err(Refusal::invalid("two tree nodes have the same id"));
            }
        }
        let mut knots = self.knots(&places)?;
        let (leaves, weights) = (self.leaves, self.floats(&format!("{}_weights", self.leaves))?);
        let of = |what: &str| node.ints(&format!("{leaves}_{what}"));
        let (leaf_trees, leaf_nodes, targets) = (of("treeids")?, of("nodeids")?, of("ids")?);
        if [leaf_trees.len(), leaf_nodes.len(), targets.len()] != [weights.len(); 3] {
            return Err(Refusal::invalid(format!("the arrays {leaves}_... are not of one length")));
        }
        for (at, weight) in weights.iter().enumerate() {
            let place = places.get(&(&leaf_trees[at], &leaf_nodes[at]));
            let target = match self.scores {
                Scores::ById => usize::try_from(targets[at]),
                Scores::One => Ok(0),
            };
            match (place.map(|place| &mut knots[*place].part), target) {
                (Some(Part::Leaf(weights)), Ok(target)) => weights.push((target, *weight)),
                // A weight of a node that is no leaf is never read.
                (Some(Part::Split(_)), Ok(_)) => {}
                _ => return Err(Refusal::invalid("a weight of a tree node that does not exist")),
            }
        }
        let roots = roots(&knots, trees)?;
        let aggregate = aggregate(&node.text("aggregate_function", "SUM")?)?;
        let base = self.floats("base_values")?;
        Ensemble { knots, roots, targets: self.targets, base, aggregate, kind: self.kind }.check()
    }

    fn knots(&self, places: &HashMap<(&i64, &i64), usize>) -> Result<Vec<Knot>, Refusal> {
        let node = self.node;
        let (trees, features) = (node.ints("nodes_treeids")?, node.ints("nodes_featureids")?);
        let (yes, no) = (node.ints("nodes_truenodeids")?, node.ints("nodes_falsenodeids")?);
        let (modes, values) = (node.texts("nodes_modes")?, self.floats("nodes_values")?);
        let (missing, rows) = (node.ints("nodes_missing_value_tracks_true")?, self.floats("nodes_hitrates")?);
        let count = trees.len();
        let lengths = [places.len(), features.len(), yes.len(), no.len(), modes.len(), values.len()];
        if lengths != [count; 6] || !(missing.is_empty() || missing.len() == count) {
            return Err(Refusal::invalid("the arrays nodes_... are not of one length"));
        }
        let child = |at: usize, id: &i64| {
            let place = places.get(&(&trees[at], id)).copied();
            place.ok_or_else(|| Refusal::invalid("a tree node's child does not exist"))
        };
        let knot = |at: usize| {
            let rows = rows.get(at).copied().unwrap_or(0.0);
            if modes[at] == "LEAF" {
                return Ok(Knot { part: Part::Leaf(Vec::new()), rows });
            }
            let test = test(&modes[at], values[at])?;
            let missing = missing.get(at).is_some_and(|tracks| *tracks != 0) || matches!(test, Test::NotEqual(_));
            let feature = usize::try_from(features[at]).map_err(|_| Refusal::invalid("a negative feature"))?;
            let split = Split { feature, test, missing, yes: child(at, &yes[at])?, no: child(at, &no[at])? };
            Ok(Knot { part: Part::Split(split), rows })
        };
        (0..count).map(knot).collect()
    }
}

fn test(mode: &str, value: f64) -> Result<Test, Refusal> {
    Ok(match mode {
        "BRANCH_LEQ" => Test::LessOrEqual(value),
        "BRANCH_LT" => Test::Less(value),
        "BRANCH_GTE" => Test::GreaterOrEqual(value),
        "BRANCH_GT" => Test::Greater(value),
        "BRANCH_EQ" => Test::Equal(value),
        "BRANCH_NEQ" => Test::NotEqual(value),
        other => return Err(Refusal::unsupported(format!("node mode {other:.30?}"))),
    })
}

/// The node of each tree that hangs under no other, in the order of the file.
fn roots(knots: &[Knot], trees: &[i64]) -> Result<Vec<usize>, Refusal> {
    let mut is_child = vec![false; knots.len()];
    for knot in knots {
        if let Part::Split(split) = &knot.part {
            is_child[split.yes] = true;
            is_child[split.no] = true;
        }
    }
    let roots: Vec<usize> = (0..knots.len()).filter(|at| !is_child[*at]).collect();
    let of_roots: HashSet<i64> = roots.iter().map(|at| trees[*at]).collect();
    let all: HashSet<i64> = trees.iter().copied().collect();
    match of_roots.len() == roots.len() && of_roots == all {
        true => Ok(roots),
        false => Err(Refusal::invalid("a tree has no root, or several")),
    }
}

/// TreeEnsemble of ai.onnx.ml 5.
pub(super) fn version_5(
    node: &Node,
    tensors: &dyn Fn(&str) -> Result<Option<Tensor>, Refusal>,
    kind: Kind,
) -> Result<Ensemble, Refusal> {
    let numbers = |name: &str| Ok(tensors(name)?.and_then(|tensor| tensor.constants()).unwrap_or_default());
    let (features, yes, no) =
        (node.ints("nodes_featureids")?, node.ints("nodes_truenodeids")?, node.ints("nodes_falsenodeids")?);
    let (yes_leaf, no_leaf) = (node.ints("nodes_trueleafs")?, node.ints("nodes_falseleafs")?);
    let (modes, values) = (numbers("nodes_modes")?, numbers("nodes_splits")?);
    let missing = node.ints("nodes_missing_value_tracks_true")?;
    let (targets, weights) = (node.ints("leaf_targetids")?, numbers("leaf_weights")?);
    let splits = features.len();
    let lengths = [yes.len(), no.len(), yes_leaf.len(), no_leaf.len(), modes.len(), values.len()];
    let fits = lengths == [splits; 6] && (missing.is_empty() || missing.len() == splits);
    if !fits || targets.len() != weights.len() {
        return Err(Refusal::invalid("the arrays of the trees are not of one length"));
    }
    // Members of the sets, one set after the other, each ended by something that is not a number.
    let members = numbers("membership_values")?;
    let mut sets = members.split(|member| member.is_nan()).map(<[f64]>::to_vec);
    let place = |id: i64, is_leaf: i64| {
        let id = usize::try_from(id).map_err(|_| Refusal::invalid("a negative tree node"))?;
        let (from, count) = if is_leaf != 0 { (splits, weights.len()) } else { (0, splits) };
        (id < count).then_some(from + id).ok_or_else(|| Refusal::invalid(format!("tree node {id} does not exist")))
    };
    let mut knots = Vec::with_capacity(splits + weights.len());
    for at in 0..splits {
        let test = match modes[at] as i64 {
            6 => Test::In(sets.next().ok_or_else(|| Refusal::invalid("membership_values has too few sets"))?),
            mode => {
                let names = ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ"];
                let name = usize::try_from(mode).ok().and_then(|mode| names.get(mode)).unwrap_or(&"?");
                test(&format!("BRANCH_{name}"), values[at])?
            }
        };
        let missing = missing.get(at).is_some_and(|tracks| *tracks != 0) || matches!(test, Test::NotEqual(_));
        let feature = usize::try_from(features[at]).map_err(|_| Refusal::invalid("a negative feature"))?;
        let (yes, no) = (place(yes[at], yes_leaf[at])?, place(no[at], no_leaf[at])?);
        knots.push(Knot { part: Part::Split(Split { feature, test, missing, yes, no }), rows: 0.0 });
    }
    for (target, weight) in targets.iter().zip(&weights) {
        let target = usize::try_from(*target).map_err(|_| Refusal::invalid("a negative target"))?;
        knots.push(Knot { part: Part::Leaf(vec![(target, *weight)]), rows: 0.0 });
    }
    lone_leaves(&mut knots, splits);
    let roots = node.ints("tree_roots")?.iter().map(|root| place(*root, 0)).collect::<Result<_, _>>()?;
    let targets = usize::try_from(node.int("n_targets", 1)?).map_err(|_| Refusal::invalid("n_targets"))?;
    let aggregates = ["AVERAGE", "SUM", "MIN", "MAX"];
    let number = usize::try_from(node.int("aggregate_function", 1)?).unwrap_or(usize::MAX);
    let aggregate = aggregate(aggregates.get(number).copied().unwrap_or("?"))?;
    Ensemble { knots, roots, targets, base: Vec::new(), aggregate, kind }.check()
}

/// A root that is a leaf is written as a split whose branches are both that leaf.
fn lone_leaves(knots: &mut [Knot], splits: usize) {
    for at in 0..splits {
        if let Part::Split(Split { yes, no, .. }) = &knots[at].part
            && yes == no
            && *yes >= splits
        {
            knots[at] = knots[*yes].clone();
        }
    }
}
