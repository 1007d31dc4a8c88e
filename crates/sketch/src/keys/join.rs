//! Two relations joined on a key: parents without a child, children without a parent, children per parent.

use super::{Estimate, SettledKeys};

/// How the keys of two relations meet.
#[derive(Debug, Clone, PartialEq)]
pub struct JoinStatistics {
    /// How many of the last bits of a hash are zero in the keys compared: the coarser level of the two. 0 when all are.
    pub level: u8,
    /// Distinct keys of the parents.
    pub parent_keys: Estimate,
    /// Distinct keys of the children.
    pub child_keys: Estimate,
    /// Distinct keys that both have.
    pub shared_keys: Estimate,
    /// Distinct keys of parents that no child has.
    pub parents_without_child: Estimate,
    /// Distinct keys of children that no parent has.
    pub child_keys_without_parent: Estimate,
    /// Rows of children whose key no parent has: orphans.
    pub children_without_parent: Estimate,
    /// How many parent keys have so many children, by the number of children, of the keys compared alone.
    pub children_per_parent: Vec<ParentsWith>,
}

/// Parents with the same number of children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParentsWith {
    /// Rows of children of each.
    pub children: u64,
    /// Parent keys, of the keys compared.
    pub parents: u64,
}

#[derive(Default)]
struct Tally {
    shared: u64,
    childless: u64,
    orphan_keys: u64,
    orphan_rows: Vec<u64>,
    /// Of each parent with a child.
    children: Vec<u64>,
}

impl JoinStatistics {
    /// Compares the keys of parents with those of children. Both may be samples; they are compared at the coarser
    /// level, where each has all keys whose hashes end in as many zeros. Time is linear in the keys kept.
    #[must_use]
    pub fn of(parents: &SettledKeys, children: &SettledKeys) -> Self {
        let level = parents.level.max(children.level);
        let tally = tally(parents, children, (1 << level) - 1);
        let keys = |count| Estimate::of_keys(count, level);
        Self {
            level,
            parent_keys: keys(tally.shared + tally.childless),
            child_keys: keys(tally.shared + tally.orphan_keys),
            shared_keys: keys(tally.shared),
            parents_without_child: keys(tally.childless),
            child_keys_without_parent: keys(tally.orphan_keys),
            children_without_parent: Estimate::of_rows(tally.orphan_rows.into_iter(), level),
            children_per_parent: distribution(tally.childless, tally.children),
        }
    }

    /// The number of children at the percentile of nearest rank of the parent keys compared. None without parents.
    #[must_use]
    pub fn children_at(&self, share: f64) -> Option<u64> {
        let parents: u64 = self.children_per_parent.iter().map(|with| with.parents).sum();
        let rank = ((share.clamp(0.0, 1.0) * parents as f64).ceil() as u64).max(1);
        let mut seen = 0;
        self.children_per_parent.iter().find_map(|with| {
            seen += with.parents;
            (seen >= rank).then_some(with.children)
        })
    }

    /// The mean number of children of the parent keys compared. None without parents.
    #[must_use]
    pub fn children_mean(&self) -> Option<f64> {
        let parents: u64 = self.children_per_parent.iter().map(|with| with.parents).sum();
        let children: f64 =
            self.children_per_parent.iter().map(|with| with.children as f64 * with.parents as f64).sum();
        (parents > 0).then(|| children / parents as f64)
    }
}

/// Goes through the keys of both, which ascend.
fn tally(parents: &SettledKeys, children: &SettledKeys, unkept: u64) -> Tally {
    let mut tally = Tally::default();
    let mut parents = parents.counts().filter(|(hash, _)| hash & unkept == 0).peekable();
    for (child, rows) in children.counts().filter(|(hash, _)| hash & unkept == 0) {
        while parents.next_if(|(parent, _)| *parent < child).is_some() {
            tally.childless += 1;
        }
        if parents.next_if(|(parent, _)| *parent == child).is_some() {
            tally.shared += 1;
            tally.children.push(rows);
        } else {
            tally.orphan_keys += 1;
            tally.orphan_rows.push(rows);
        }
    }
    tally.childless += parents.count() as u64;
    tally
}

fn distribution(childless: u64, mut children: Vec<u64>) -> Vec<ParentsWith> {
    children.sort_unstable();
    let none = ParentsWith { children: 0, parents: childless };
    let some = children.chunk_by(|left, right| left == right);
    let some = some.map(|run| ParentsWith { children: run[0], parents: run.len() as u64 });
    std::iter::once(none).chain(some).filter(|with| with.parents > 0).collect()
}
