//! Which record each row belongs to, which records are rejected, and how the accepted ones are cut into ranges.

use bordereau_base::dictionary::Dictionary;

use super::facts::{DenseReader, Facts, KeyFacts, NO_KEY, NO_RECORD, known_record};
use crate::error::Result;
use crate::places::PlaceSet;
use crate::progress::Progress;
use crate::release::layout::{Layout, Reference};
use crate::stages::resources::Budget;
use crate::summary::Counts;

/// Neighbouring records that are weighed together.
const GROUP_RECORDS: u64 = 64;

/// The index of the reference by which a relation's rows find their record.
pub fn way_up(layout: &Layout, relation: usize) -> Option<usize> {
    let leads =
        |reference: &Reference| reference.leads_to_record && layout.key_sets[reference.child].relation == relation;
    layout.references.iter().position(leads)
}

/// Fills in the records of relations whose parent is not the record relation, parents before children.
///
/// # Errors
/// [`crate::Error::Cancelled`], and when scratch files cannot be read or written.
pub fn resolve(layout: &Layout, facts: &mut KeyFacts, progress: &Progress) -> Result<()> {
    for &relation in &layout.descent {
        let Some(mut records) = facts.records[relation].take() else { continue };
        if let Some(index) = way_up(layout, relation)
            && let Some(way) = &facts.ways[index]
            && let Some(of_parent) = &facts.records[layout.key_sets[layout.references[index].parent].relation]
        {
            (0..way.pages()).try_for_each(|page| {
                progress.check()?;
                resolve_page(way, of_parent, &mut records, page)
            })?;
        }
        records.seal()?;
        facts.records[relation] = Some(records);
    }
    Ok(())
}

fn resolve_page(way: &Facts, of_parent: &Facts, records: &mut Facts, page: usize) -> Result<()> {
    let parents = of_parent.dense(page, NO_KEY)?;
    way.each(page, |parent, child| {
        let record = known_record(parents[(parent % way.page_rows()) as usize]);
        records.append(child, record.unwrap_or(NO_RECORD))
    })
}

/// The records with an error on themselves or on any of their rows.
///
/// # Errors
/// When scratch files cannot be read.
pub fn rejected(layout: &Layout, facts: &KeyFacts) -> Result<PlaceSet> {
    let mut rejected = facts.faulty[layout.record].clone();
    for &relation in &layout.descent {
        let Some(records) = &facts.records[relation] else { continue };
        let mut records = DenseReader::new(records, NO_KEY);
        for place in facts.faulty[relation].iter() {
            if let Some(record) = known_record(records.value(place)?) {
                rejected.insert(record);
            }
        }
    }
    Ok(rejected)
}

/// The accepted records and how they are cut into ranges.
#[derive(Debug)]
pub struct Accepted {
    rejected: PlaceSet,
    group_records: u64,
    range_of_group: Vec<u32>,
    ranges: usize,
    /// Rows of each relation.
    pub counts: Vec<Counts>,
}

impl Accepted {
    /// The range of a record, none when the record is rejected.
    #[inline]
    pub fn range(&self, record: u64) -> Option<usize> {
        let range = *self.range_of_group.get((record / self.group_records) as usize)?;
        (!self.rejected.contains(record)).then_some(range as usize)
    }

    /// Number of ranges.
    pub fn ranges(&self) -> usize {
        self.ranges
    }
}

/// Counts the accepted rows of all relations and cuts ranges of neighbouring records: a range ends where the next 64
/// records would take it over the number of records or values that a range may have. `rows` are the rows of each
/// relation. The cuts depend on the rows alone.
///
/// Memory: ten bytes for each 64 records.
///
/// # Errors
/// [`crate::Error::Cancelled`], and when scratch files cannot be read.
pub fn cut(
    dictionary: &Dictionary,
    layout: &Layout,
    facts: &KeyFacts,
    rows: &[u64],
    budget: &Budget,
    progress: &Progress,
) -> Result<Accepted> {
    let rejected = rejected(layout, facts)?;
    let group_records = GROUP_RECORDS.min(budget.range_records_max).max(1);
    let mut groups = vec![Group::default(); rows[layout.record].div_ceil(group_records) as usize];
    let mut counts: Vec<Counts> =
        rows.iter().map(|rows| Counts { read: *rows, scored: 0, contributed: None, rejected: *rows }).collect();
    let mut accept = |relation: usize, record: u64| {
        if !rejected.contains(record) {
            counts[relation].scored += 1;
            counts[relation].rejected -= 1;
            let spec = &layout.relations[relation];
            let texts = if relation == layout.record { spec.texts.len() } else { 0 };
            let group = &mut groups[(record / group_records) as usize];
            group.cells += (spec.read.len() + texts + 1) as u64;
            group.records += u64::from(relation == layout.record);
        }
    };
    (0..rows[layout.record]).for_each(|record| accept(layout.record, record));
    for relation in (0..dictionary.relations.len()).filter(|relation| *relation != layout.record) {
        let Some(records) = &facts.records[relation] else { continue };
        for page in 0..records.pages() {
            progress.check()?;
            records.each(page, |_, record| {
                known_record(record).into_iter().for_each(|record| accept(relation, record));
                Ok(())
            })?;
        }
    }
    let (range_of_group, ranges) = ranges_of(&groups, budget);
    Ok(Accepted { rejected, group_records, range_of_group, ranges, counts })
}

/// What some neighbouring records have together.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    records: u64,
    cells: u64,
}

fn ranges_of(groups: &[Group], budget: &Budget) -> (Vec<u32>, usize) {
    let mut range = 0u32;
    let mut held = Group::default();
    let of_group = groups
        .iter()
        .map(|group| {
            let over = held.records + group.records > budget.range_records_max
                || held.cells + group.cells > budget.range_cells;
            if over && held.records > 0 && group.records > 0 {
                range += 1;
                held = Group::default();
            }
            held = Group { records: held.records + group.records, cells: held.cells + group.cells };
            range
        })
        .collect();
    let any = groups.iter().any(|group| group.records > 0);
    (of_group, if any { range as usize + 1 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_at_records_or_values() {
        let budget = Budget { range_records_max: 10, range_cells: 100, ..Budget::default() };
        let group = |(records, cells)| Group { records, cells };
        let cut = |groups: &[(u64, u64)]| ranges_of(&groups.iter().copied().map(group).collect::<Vec<_>>(), &budget);
        assert_eq!(cut(&[]), (vec![], 0));
        assert_eq!(cut(&[(0, 0), (0, 0)]), (vec![0, 0], 0));
        assert_eq!(cut(&[(5, 5), (5, 5), (1, 1)]), (vec![0, 0, 1], 2));
        assert_eq!(cut(&[(0, 0), (1, 500), (0, 0), (1, 1), (1, 1)]), (vec![0, 0, 0, 1, 1], 2));
        assert_eq!(cut(&[(1, 60), (1, 40), (1, 1)]), (vec![0, 0, 1], 2));
    }
}
