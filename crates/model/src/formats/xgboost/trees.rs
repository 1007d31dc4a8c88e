//! The trees of a booster.

use std::borrow::Cow;

use crate::Error;
use crate::forest::{Child, DEPTH_MAX, Leaf, Split, Test, Tree};
use crate::formats::data::{Part, whole};

/// Categories are numbered below this; a split's set of them is as long as its largest.
const CATEGORY_MAX: usize = 1 << 24;

/// Most bytes of all sets together, for each byte that names a category.
const SET_BYTES_MAX: usize = 1 << 26;

/// All trees, or those of the first `rounds`, with their weights in the leaves.
pub(super) fn read(
    model: &Part<'_>,
    weights: Option<&Part<'_>>,
    rounds: Option<usize>,
    inputs: usize,
    outputs: usize,
) -> Result<Vec<Tree>, Error> {
    let list = model.need("trees")?;
    let trees = list.items()?;
    let groups = model.need("tree_info")?;
    let groups = groups.array(trees.len())?;
    let weights = weights.map(|weights| weights.array(trees.len())).transpose()?;
    let used = match rounds {
        Some(rounds) => used(model, rounds, trees.len(), outputs)?,
        None => trees.len(),
    };
    let (mut read, mut set_bytes) = (Vec::with_capacity(used), 0);
    for (at, part) in trees.enumerate().take(used) {
        let Some(output) = whole(groups[at]).filter(|group| *group < outputs) else {
            return Err(model.need("tree_info")?.invalid(format!("entry {at} is not an output")));
        };
        let weight = weights.as_ref().map_or(1.0, |weights| weights[at] as f32);
        let tree = Arrays::read(&part)?.tree(&part, inputs, output, weight, &mut set_bytes)?;
        read.push(tree);
    }
    Ok(read)
}

/// Trees of the first rounds.
fn used(model: &Part<'_>, rounds: usize, trees: usize, outputs: usize) -> Result<usize, Error> {
    if let Some(starts) = model.get("iteration_indptr") {
        let starts = starts.numbers()?;
        return Ok(starts.get(rounds).copied().and_then(whole).unwrap_or(trees).min(trees));
    }
    let params = model.need("gbtree_model_param")?;
    let parallel = params.get("num_parallel_tree").map_or(Ok(1), |part| part.whole())?.max(1);
    Ok(rounds.saturating_mul(parallel).saturating_mul(outputs).min(trees))
}

/// The categories of each categorical split, by node in ascending order.
type Sets<'d> = Vec<(usize, Cow<'d, [f64]>)>;

/// A tree as arrays over its nodes.
struct Arrays<'d> {
    lefts: Cow<'d, [f64]>,
    rights: Cow<'d, [f64]>,
    features: Cow<'d, [f64]>,
    conditions: Cow<'d, [f64]>,
    defaults: Cow<'d, [f64]>,
    covers: Cow<'d, [f64]>,
    kinds: Option<Cow<'d, [f64]>>,
    sets: Sets<'d>,
}

impl<'d> Arrays<'d> {
    fn read(part: &Part<'d>) -> Result<Self, Error> {
        let params = part.need("tree_param")?;
        if let Some(size) = params.get("size_leaf_vector")
            && size.whole()? > 1
        {
            return Err(size.unsupported("several values in a leaf (multi_strategy multi_output_tree)"));
        }
        let lefts = part.need("left_children")?.numbers()?;
        let array = |key: &str| part.need(key)?.array(lefts.len());
        let kinds = part.get("split_type").map(|kinds| kinds.array(lefts.len())).transpose()?;
        let sets = if kinds.is_some() { sets(part)? } else { Vec::new() };
        Ok(Self {
            rights: array("right_children")?,
            features: array("split_indices")?,
            conditions: array("split_conditions")?,
            defaults: array("default_left")?,
            covers: array("sum_hessian")?,
            kinds,
            sets,
            lefts,
        })
    }

    /// The nodes that can be reached from the first: pruned ones are left in the arrays.
    fn tree(
        &self,
        part: &Part<'_>,
        inputs: usize,
        output: usize,
        weight: f32,
        set_bytes: &mut usize,
    ) -> Result<Tree, Error> {
        let mut tree = Tree { splits: Vec::new(), leaves: Vec::new(), output };
        let mut seen = vec![false; self.lefts.len()];
        let mut open = vec![Open { node: 0, depth: 0, parent: None }];
        while let Some(Open { node, depth, parent }) = open.pop() {
            let wrong = |what: &str| part.invalid(format!("node {node}: {what}"));
            match seen.get_mut(node).map(|seen| std::mem::replace(seen, true)) {
                Some(false) if depth <= DEPTH_MAX => {}
                Some(false) => return Err(wrong("deeper than 1024")),
                Some(true) => return Err(wrong("has two parents")),
                None => return Err(wrong("does not exist")),
            }
            let left = &self.lefts[node];
            let child = if *left == -1.0 {
                let value = f64::from(self.conditions[node] as f32 * weight);
                let cover = self.covers[node];
                if !value.is_finite() || !cover.is_finite() || cover < 0.0 {
                    return Err(wrong("its value or sum_hessian is not finite, or below 0"));
                }
                tree.leaves.push(Leaf { value, cover, linear: None });
                Child::Leaf(tree.leaves.len() as u32 - 1)
            } else {
                let (Some(left), Some(right)) = (whole(*left), whole(self.rights[node])) else {
                    return Err(wrong("a child is not a node"));
                };
                let input = whole(self.features[node]).filter(|input| *input < inputs);
                let input = input.ok_or_else(|| wrong("split_indices is not a feature"))? as u32;
                let (test, swapped) = self.test(node, set_bytes).map_err(|message| wrong(&message))?;
                let (left, right) = if swapped { (right, left) } else { (left, right) };
                let at = tree.splits.len();
                tree.splits.push(Split { input, test, left: Child::Leaf(0), right: Child::Leaf(0) });
                open.push(Open { node: right, depth: depth + 1, parent: Some((at, false)) });
                open.push(Open { node: left, depth: depth + 1, parent: Some((at, true)) });
                Child::Split(at as u32)
            };
            tree.hang(child, parent);
        }
        Ok(tree)
    }

    /// A node's test, and whether its left is XGBoost's right: what a set holds goes right there.
    fn test(&self, node: usize, set_bytes: &mut usize) -> Result<(Test, bool), String> {
        let default_left = self.defaults[node] != 0.0;
        match self.kinds.as_ref().map_or(0.0, |kinds| kinds[node]) {
            0.0 => {
                let below = self.conditions[node] as f32;
                if !below.is_finite() {
                    return Err("split_conditions is not finite".to_owned());
                }
                // For numbers of single precision, less than one is at most the one before it.
                let threshold = f64::from(below.next_down());
                Ok((Test::AtMost { threshold, missing_left: default_left, zero_missing: false }, false))
            }
            1.0 => {
                let found = self.sets.binary_search_by_key(&node, |(node, _)| *node);
                let found = found.map_err(|_| "a categorical split without categories".to_owned())?;
                let words = words(&self.sets[found].1, set_bytes)?;
                Ok((Test::In { words, missing_left: !default_left }, true))
            }
            kind => Err(format!("split_type {kind} is neither 0 nor 1")),
        }
    }
}

struct Open {
    node: usize,
    depth: usize,
    parent: Option<(usize, bool)>,
}

fn sets<'d>(part: &Part<'d>) -> Result<Sets<'d>, Error> {
    let Some(nodes) = part.get("categories_nodes") else { return Ok(Vec::new()) };
    let nodes = nodes.numbers()?;
    let starts = part.need("categories_segments")?.array(nodes.len())?;
    let sizes = part.need("categories_sizes")?.array(nodes.len())?;
    let categories = part.need("categories")?;
    let all = categories.numbers()?;
    if sizes.iter().sum::<f64>() > all.len() as f64 {
        return Err(categories.invalid("shorter than categories_sizes say"));
    }
    let mut sets = Vec::with_capacity(nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        let range = || {
            let (start, size) = (whole(starts[at])?, whole(sizes[at])?);
            Some((whole(*node)?, all.get(start..start.checked_add(size)?)?.to_vec()))
        };
        let (node, set) = range().ok_or_else(|| categories.invalid(format!("does not hold those of entry {at}")))?;
        sets.push((node, Cow::Owned(set)));
    }
    sets.sort_by_key(|(node, _)| *node);
    match sets.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        true => Err(categories.invalid("a node comes twice")),
        false => Ok(sets),
    }
}

fn words(categories: &[f64], set_bytes: &mut usize) -> Result<Vec<u32>, String> {
    let mut words = Vec::new();
    for category in categories {
        let code = whole(*category).filter(|code| *code < CATEGORY_MAX);
        let code = code.ok_or_else(|| "a category is not a number below 16,777,216".to_owned())?;
        if code / 32 >= words.len() {
            *set_bytes += (code / 32 + 1 - words.len()) * 4;
            words.resize(code / 32 + 1, 0);
        }
        words[code / 32] |= 1 << (code % 32);
    }
    match *set_bytes > SET_BYTES_MAX {
        true => Err(format!("sets of categories of more than {SET_BYTES_MAX} bytes")),
        false => Ok(words),
    }
}
