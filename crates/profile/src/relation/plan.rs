//! What is followed over all rows of the relations, chosen from their headers and their first rows.
//!
//! The first rows tell which columns repeat at once, which are numbers, and which sets of columns could be keys; only
//! what they leave possible is followed, and the pass then decides over all rows. The choice depends on the first rows
//! alone, never on time or threads. Cost: the first rows are read twice; the search for keys of several columns is
//! bounded ([`COMPOSITE_COLUMNS_MAX`]).

use super::pairs;
use super::repeats::{all_different, filled_key_hashes, key_hashes};
use crate::column::CellScratch;
use bordereau_base::dictionary::canonical_name;
use bordereau_sketch::hash::NULL_HASH;
use std::collections::{BTreeMap, HashSet};

/// Single columns that are followed at most.
pub(crate) const SINGLES_MAX: usize = 256;

/// Columns that are combined to keys at most.
const COMPOSITE_COLUMNS_MAX: usize = 12;

/// Columns of a key at most.
const KEY_COLUMNS_MAX: usize = 4;

/// Keys of several columns that are followed at most.
const COMPOSITES_MAX: usize = 8;

/// Relations that are held against each other at most.
pub(crate) const LINKED_RELATIONS_MAX: usize = 32;

/// Sets of shared columns that are followed for two relations at most, and for all.
const LINK_SETS_MAX: usize = 8;
const LINK_SETS_IN_ALL_MAX: usize = 64;

/// Shared columns of two relations of which subsets are looked at.
const SHARED_COLUMNS_MAX: usize = 8;

/// The first rows of a relation.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    /// By column, a hash for each row.
    pub(crate) hashes: Vec<Vec<u64>>,
    /// By column, the numbers if there are any.
    pub(crate) numbers: Vec<Option<Vec<f64>>>,
}

/// What is followed in one relation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Columns that may name a row.
    pub(crate) singles: Vec<usize>,
    /// Sets of columns that may together.
    pub(crate) composites: Vec<Vec<usize>>,
    /// Columns that are correlated.
    pub(crate) numeric: Vec<usize>,
    /// Sets of columns that are shared with other relations, in the order of their canonical names.
    pub(crate) links: Vec<Vec<usize>>,
    /// Columns that may name a row and are not followed, there being too many.
    pub(crate) singles_left_out: usize,
}

/// A set of columns that two relations share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinkPlan {
    /// The two relations, the one that comes first in the upload first.
    pub(crate) relations: [usize; 2],
    /// For each, the place of the set among the links of its [`Plan`].
    pub(crate) sets: [usize; 2],
}

impl Sample {
    /// Takes the cells of the next column.
    pub(crate) fn push(&mut self, cells: &mut CellScratch) {
        self.hashes.push(std::mem::take(&mut cells.hashes));
        self.numbers.push(cells.numbers.take());
    }

    /// The sample of a relation that has none.
    pub(crate) fn without_rows(mut self, columns: usize) -> Self {
        self.hashes = vec![Vec::new(); columns];
        self.numbers = vec![None; columns];
        self
    }

    /// What is followed in this relation alone.
    pub(crate) fn plan(&self) -> Plan {
        let columns: Vec<Seen> =
            self.hashes.iter().zip(&self.numbers).map(|(h, n)| Seen::of(h, n.as_deref())).collect();
        let mut singles: Vec<usize> = (0..columns.len()).filter(|&at| columns[at].may_name_rows()).collect();
        let singles_left_out = singles.len().saturating_sub(SINGLES_MAX);
        singles.truncate(SINGLES_MAX);
        let composites =
            if singles.iter().any(|&at| !columns[at].fractions) { vec![] } else { self.composites(&columns) };
        let numeric = (0..columns.len()).filter(|&at| columns[at].numeric).take(pairs::COLUMNS_MAX).collect();
        Plan { singles, composites, numeric, links: Vec::new(), singles_left_out }
    }

    /// The least sets of columns without a repeat, smaller sets first.
    fn composites(&self, columns: &[Seen]) -> Vec<Vec<usize>> {
        let mut by_distinct: Vec<usize> = (0..columns.len()).filter(|&at| columns[at].may_be_part()).collect();
        by_distinct.sort_by_key(|&at| (std::cmp::Reverse(columns[at].distinct), at));
        by_distinct.truncate(COMPOSITE_COLUMNS_MAX);
        by_distinct.sort_unstable();
        let mut found: Vec<Vec<usize>> = Vec::new();
        for size in 2..=KEY_COLUMNS_MAX {
            for set in subsets(&by_distinct, size) {
                let least = !found.iter().any(|found| found.iter().all(|column| set.contains(column)));
                if found.len() < COMPOSITES_MAX && least && self.is_unique(&set) {
                    found.push(set);
                }
            }
        }
        found
    }

    /// Whether the rows of some columns are all different.
    fn is_unique(&self, set: &[usize]) -> bool {
        let mut met = HashSet::new();
        key_hashes(&self.columns(set)).into_iter().all(|hash| met.insert(hash))
    }

    /// As [`Sample::is_unique`], rows with a null left out.
    pub(crate) fn is_unique_where_filled(&self, set: &[usize]) -> bool {
        all_different(filled_key_hashes(&self.columns(set)))
    }

    fn columns(&self, set: &[usize]) -> Vec<&[u64]> {
        set.iter().filter_map(|&column| self.hashes.get(column).map(Vec::as_slice)).collect()
    }
}

/// What the first rows say of a column.
#[derive(Debug, Clone, Copy)]
struct Seen {
    rows: usize,
    nulls: usize,
    distinct: usize,
    /// Most values are numbers, and not all the same.
    numeric: bool,
    /// Some numbers are no whole ones.
    fractions: bool,
}

impl Seen {
    fn of(hashes: &[u64], numbers: Option<&[f64]>) -> Self {
        let nulls = hashes.iter().filter(|hash| **hash == NULL_HASH).count();
        let mut values: Vec<u64> = hashes.iter().copied().filter(|hash| *hash != NULL_HASH).collect();
        values.sort_unstable();
        values.dedup();
        let numbers = numbers.unwrap_or_default();
        let count = numbers.iter().filter(|number| number.is_finite()).count();
        let fractions = numbers.iter().any(|number| number.is_finite() && number.fract() != 0.0);
        let numeric = count * 10 >= (hashes.len() - nulls) * 9 && values.len() > 1;
        Self { rows: hashes.len(), nulls, distinct: values.len(), numeric, fractions }
    }

    fn may_name_rows(self) -> bool {
        self.nulls == 0 && self.distinct == self.rows
    }

    fn may_be_part(self) -> bool {
        self.nulls == 0 && self.distinct > 1 && !self.fractions && self.distinct < self.rows
    }
}

/// The subsets of `size` items, in the order of the items.
fn subsets(items: &[usize], size: usize) -> Vec<Vec<usize>> {
    match (size, items) {
        (0, _) => vec![Vec::new()],
        (_, []) => Vec::new(),
        (_, [first, rest @ ..]) => {
            let mut sets: Vec<Vec<usize>> = subsets(rest, size - 1);
            sets.iter_mut().for_each(|set| set.insert(0, *first));
            sets.extend(subsets(rest, size));
            sets
        }
    }
}

/// Two relations and a set of columns they share, by relation, in the order of the canonical names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SharedSet {
    pub(crate) relations: [usize; 2],
    pub(crate) columns: [Vec<usize>; 2],
}

/// The sets of columns that relations share, given their headers: for two relations all shared columns, each alone, and
/// for a few their other subsets.
pub(crate) fn shared_sets(headers: &[Vec<String>]) -> Vec<SharedSet> {
    let named: Vec<BTreeMap<String, usize>> = headers
        .iter()
        .take(LINKED_RELATIONS_MAX)
        .map(|header| header.iter().enumerate().map(|(place, name)| (canonical_name(name), place)).collect())
        .collect();
    let mut sets = Vec::new();
    for second in 1..named.len() {
        for first in 0..second {
            let shared: Vec<(usize, usize)> = named[first]
                .iter()
                .filter(|(name, _)| !name.starts_with("column_"))
                .filter_map(|(name, place)| named[second].get(name).map(|other| (*place, *other)))
                .collect();
            let places: Vec<usize> = (0..shared.len()).collect();
            let looked_at = &places[..places.len().min(SHARED_COLUMNS_MAX)];
            let mut chosen: Vec<Vec<usize>> = (1..=KEY_COLUMNS_MAX).flat_map(|size| subsets(looked_at, size)).collect();
            if !places.is_empty() && !chosen.contains(&places) {
                chosen.push(places);
            }
            sets.extend(chosen.into_iter().map(|set| SharedSet {
                relations: [first, second],
                columns: [set.iter().map(|&at| shared[at].0).collect(), set.iter().map(|&at| shared[at].1).collect()],
            }));
        }
    }
    sets
}

/// Chooses the sets that are followed: those that are unique in the first rows of one of their relations, the smallest
/// first and of those that hold another only the one of all shared columns. Puts them into the plans.
///
/// `unique` says for each set and each of its two relations whether the first rows do not repeat it.
pub(crate) fn choose_links(sets: &[SharedSet], unique: &[[bool; 2]], plans: &mut [Plan]) -> Vec<LinkPlan> {
    let mut links: Vec<LinkPlan> = Vec::new();
    let mut chosen: Vec<(&SharedSet, [bool; 2])> = Vec::new();
    for (at, (set, &unique)) in sets.iter().zip(unique).enumerate() {
        let same = |other: &SharedSet| other.relations == set.relations;
        let all = sets.get(at + 1).is_none_or(|next| !same(next));
        let of_pair: Vec<_> = chosen.iter().filter(|(other, _)| same(other)).collect();
        // A larger set tells more only where a smaller one repeats.
        let needless = (0..2).all(|side| {
            !unique[side]
                || of_pair.iter().any(|(smaller, already)| {
                    already[side] && smaller.columns[0].iter().all(|column| set.columns[0].contains(column))
                })
        });
        let full = of_pair.len() >= LINK_SETS_MAX || chosen.len() >= LINK_SETS_IN_ALL_MAX;
        if full || (needless && !(all && unique.contains(&true))) {
            continue;
        }
        chosen.push((set, unique));
        let mut places = [0, 1].map(|side| {
            let links = &mut plans.get_mut(set.relations[side])?.links;
            let columns = &set.columns[side];
            Some(links.iter().position(|other| other == columns).unwrap_or_else(|| {
                links.push(columns.clone());
                links.len() - 1
            }))
        });
        if let [Some(first), Some(second)] = [places[0].take(), places[1].take()] {
            links.push(LinkPlan { relations: set.relations, sets: [first, second] });
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(columns: &[&[u64]]) -> Sample {
        Sample { hashes: columns.iter().map(|column| column.to_vec()).collect(), numbers: vec![None; columns.len()] }
    }

    #[test]
    fn the_least_keys_are_found() {
        let plan = sample(&[&[1, 1, 2, 2], &[1, 2, 1, 2], &[5, 5, 5, 6], &[9, 9, 9, 9]]).plan();
        assert_eq!((plan.singles, plan.composites), (vec![], vec![vec![0, 1]]));
        let plan = sample(&[&[1, 1, 2, 2], &[1, 2, 3, 4], &[1, 2, 3, NULL_HASH]]).plan();
        assert_eq!((plan.singles, plan.composites), (vec![1], vec![]));
        let three = sample(&[&[1, 1, 1, 1, 2, 2, 2, 2], &[1, 1, 2, 2, 1, 1, 2, 2], &[1, 2, 1, 2, 1, 2, 1, 2]]);
        assert_eq!(three.plan().composites, [[0, 1, 2]]);
    }

    #[test]
    fn sets_that_neither_relation_keeps_apart_are_not_followed() {
        let header = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let headers = [header(&["Policy No", "date", "state"]), header(&["class", "DATE", "policy_no"])];
        let sets = shared_sets(&headers);
        let columns: Vec<_> = sets.iter().map(|set| set.columns.clone()).collect();
        assert_eq!(columns, [[vec![1], vec![1]], [vec![0], vec![2]], [vec![1, 0], vec![1, 2]]]);
        let mut plans = vec![Plan::default(); 2];
        let links = choose_links(&sets, &[[false, false], [false, false], [true, false]], &mut plans);
        assert_eq!(links, [LinkPlan { relations: [0, 1], sets: [0, 0] }]);
        assert_eq!(plans[0].links, [[1, 0]]);
        assert_eq!(plans[1].links, [[1, 2]]);
    }
}
