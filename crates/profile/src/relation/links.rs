//! Two relations of one upload: shared keys, orphans, children per parent.
//!
//! Of the shared sets of columns that were followed, those that name each row of one relation are considered; for two
//! relations the set with the fewest orphans is told, the smaller one where that is equal. Values are compared as they
//! were uploaded; rows where one of them is null take no part.

use super::{LinkPlan, RelationState};
use crate::document::{Children, Count, RelationLink};
use bordereau_sketch::keys::{Estimate, JoinStatistics, ParentsWith, SettledKeys, Uniqueness};

/// Numbers of children that are told apart.
const CHILDREN_TOLD_APART: u64 = 20;

/// A way to link two relations.
struct Candidate {
    parent: usize,
    child: usize,
    /// Places of the columns.
    parent_columns: Vec<usize>,
    child_columns: Vec<usize>,
    join: JoinStatistics,
}

/// What relations have in common, given their states, what was followed, and their names and headers.
pub(crate) fn links(
    states: &mut [&mut RelationState],
    plans: &[LinkPlan],
    names: &[&str],
    headers: &[Vec<String>],
) -> Vec<RelationLink> {
    let mut best: Vec<([usize; 2], Candidate)> = Vec::new();
    for plan in plans {
        let Some(candidate) = candidate(states, plan) else { continue };
        match best.iter_mut().find(|(relations, _)| *relations == plan.relations) {
            None => best.push((plan.relations, candidate)),
            Some((_, before)) if rank(&candidate) < rank(before) => *before = candidate,
            Some(_) => {}
        }
    }
    best.into_iter().map(|(_, candidate)| link(candidate, names, headers)).collect()
}

/// What is better comes first.
fn rank(candidate: &Candidate) -> (u64, usize) {
    (candidate.join.children_without_parent.value as u64, candidate.parent_columns.len())
}

/// The relations of a plan as parent and child, none when the shared set names the rows of neither, or nothing meets.
fn candidate(states: &mut [&mut RelationState], plan: &LinkPlan) -> Option<Candidate> {
    let [first, second] = states.get_disjoint_mut(plan.relations).ok()?;
    let sides = [first.link_keys.get_mut(plan.sets[0])?, second.link_keys.get_mut(plan.sets[1])?];
    let [first, second] = sides.map(|keys| (keys.counts.settled(), &keys.columns));
    let [a, b] = plan.relations;
    let forth = || Candidate {
        parent: a,
        child: b,
        parent_columns: first.1.clone(),
        child_columns: second.1.clone(),
        join: JoinStatistics::of(first.0, second.0),
    };
    let back = || Candidate {
        parent: b,
        child: a,
        parent_columns: second.1.clone(),
        child_columns: first.1.clone(),
        join: JoinStatistics::of(second.0, first.0),
    };
    let unique = |keys: &SettledKeys| keys.rows() > 0 && keys.uniqueness() != Uniqueness::Repeated;
    let chosen = match (unique(first.0), unique(second.0)) {
        (false, false) => return None,
        (true, false) => forth(),
        (false, true) => back(),
        (true, true) => {
            let (forth, back) = (forth(), back());
            if rank(&back) < rank(&forth) { back } else { forth }
        }
    };
    (chosen.join.shared_keys.value > 0.0).then_some(chosen)
}

fn link(candidate: Candidate, names: &[&str], headers: &[Vec<String>]) -> RelationLink {
    let Candidate { parent, child, parent_columns, child_columns, join } = candidate;
    let name = |relation: usize| names.get(relation).copied().unwrap_or_default().to_owned();
    let named = |relation: usize, columns: &[usize]| -> Vec<String> {
        let header = headers.get(relation).map(Vec::as_slice).unwrap_or_default();
        columns.iter().filter_map(|&column| header.get(column).cloned()).collect()
    };
    RelationLink {
        parent: name(parent),
        child: name(child),
        columns: named(parent, &parent_columns),
        child_columns: named(child, &child_columns),
        parent_is_unique: true,
        orphans: count(join.children_without_parent),
        childless: count(join.parents_without_child),
        children: children(&join),
    }
}

/// An estimate of the sketches as a count of the document.
pub(crate) fn count(estimate: Estimate) -> Count {
    let error = (!estimate.exact).then(|| estimate.relative_standard_error());
    Count { value: estimate.value.round() as u64, exact: estimate.exact, relative_error: error }
}

fn children(join: &JoinStatistics) -> Children {
    let all = &join.children_per_parent;
    let mut distribution: Vec<(u64, u64)> = Vec::new();
    for &ParentsWith { children, parents } in all {
        let (children, parents) = (children.min(CHILDREN_TOLD_APART), parents << join.level);
        match distribution.last_mut() {
            Some(last) if last.0 == children => last.1 += parents,
            _ => distribution.push((children, parents)),
        }
    }
    Children {
        min: all.first().map_or(0, |with| with.children),
        mean: join.children_mean().unwrap_or(0.0),
        max: all.last().map_or(0, |with| with.children),
        distribution,
        exact: join.level == 0,
    }
}
