//! What keys and references say about rows, in scratch files by pages of neighbouring rows.
//!
//! Keys are compared partition by partition, so what they say of a file's rows comes in any order; rows are read in the
//! order of the file. [`Facts`] turns the one into the other: a fact is put into the page of its row, and a page is
//! small enough to be held and ordered. [`find`] fills the facts of all keys and references.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bordereau_base::finding::Severity;
use bordereau_base::ordered;

use crate::error::Result;
use crate::keys::{KeySpool, Matched, Repeated, matched, repeated};
use crate::places::PlaceSet;
use crate::progress::Progress;
use crate::release::layout::Layout;
use crate::spool::Spool;
use crate::stages::resources::Resources;
use crate::stages::validate::faults::{Fault, FaultKind};
use crate::stages::validate::{Judgement, Validated};

/// Bytes of one fact: place and value.
const FACT_BYTES: usize = 16;
/// Facts read, or handed over between threads, at a time.
const BATCH_FACTS: usize = 4_096;

/// A row that has no key for the reference that leads to its record.
pub const NO_KEY: u64 = u64::MAX;
/// A row whose parent is not there.
pub const NO_PARENT: u64 = u64::MAX - 1;
/// A row whose parent has no record.
pub const NO_RECORD: u64 = u64::MAX - 2;

/// The record, unless it is one of the marks of a row without one.
#[inline]
pub fn known_record(record: u64) -> Option<u64> {
    (record < NO_RECORD).then_some(record)
}

/// One number about each of some rows of a relation.
#[derive(Debug)]
pub struct Facts {
    spool: Spool,
    page_rows: u64,
}

impl Facts {
    /// An empty one.
    ///
    /// # Errors
    /// When the scratch file cannot be made.
    pub fn create(scratch: &Path, page_rows: u64, gathered_bytes_max: usize) -> Result<Self> {
        Ok(Self { spool: Spool::create(scratch, gathered_bytes_max)?, page_rows: page_rows.max(1) })
    }

    /// Notes `value` about the row at `place`.
    ///
    /// # Errors
    /// When the scratch file cannot be written.
    pub fn append(&mut self, place: u64, value: u64) -> Result<()> {
        let mut bytes = [0; FACT_BYTES];
        bytes[..8].copy_from_slice(&place.to_le_bytes());
        bytes[8..].copy_from_slice(&value.to_le_bytes());
        Ok(self.spool.append((place / self.page_rows) as usize, &bytes)?)
    }

    /// Ends writing.
    ///
    /// # Errors
    /// When the scratch file cannot be written.
    pub fn seal(&mut self) -> Result<()> {
        Ok(self.spool.seal()?)
    }

    /// Number of pages, empty ones at the end left out.
    pub fn pages(&self) -> usize {
        self.spool.buckets()
    }

    /// Rows of a page.
    pub fn page_rows(&self) -> u64 {
        self.page_rows
    }

    /// Calls `take` with each fact of a page, place and value, in the order they were noted.
    ///
    /// # Errors
    /// When the scratch file cannot be read, and those of `take`.
    pub fn each(&self, page: usize, mut take: impl FnMut(u64, u64) -> Result<()>) -> Result<()> {
        let len = self.spool.len(page);
        let mut bytes = vec![0; (len as usize).min(BATCH_FACTS * FACT_BYTES)];
        let mut at = 0;
        while at < len {
            let count = ((len - at) as usize).min(bytes.len());
            self.spool.read_at(page, at, &mut bytes[..count])?;
            for fact in bytes[..count].as_chunks::<FACT_BYTES>().0 {
                let (place, value) = fact.split_at(8);
                let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
                take(number(place), number(value))?;
            }
            at += count as u64;
        }
        Ok(())
    }

    /// The value of each row of a page, `other` where there is none.
    ///
    /// # Errors
    /// When the scratch file cannot be read.
    pub fn dense(&self, page: usize, other: u64) -> Result<Vec<u64>> {
        let mut values = vec![other; self.page_rows as usize];
        self.each(page, |place, value| {
            values[(place % self.page_rows) as usize] = value;
            Ok(())
        })?;
        Ok(values)
    }
}

/// Reads the value of each row, in the order of the file.
#[derive(Debug)]
pub struct DenseReader<'a> {
    facts: &'a Facts,
    other: u64,
    page: Option<(u64, Vec<u64>)>,
}

impl<'a> DenseReader<'a> {
    /// Starts anywhere; rows without a value have `other`.
    pub fn new(facts: &'a Facts, other: u64) -> Self {
        Self { facts, other, page: None }
    }

    /// The value of one row. Rows that follow each other are quick.
    ///
    /// # Errors
    /// When the scratch file cannot be read.
    pub fn value(&mut self, place: u64) -> Result<u64> {
        let page = place / self.facts.page_rows;
        let values = match &mut self.page {
            Some((known, values)) if *known == page => values,
            other => &mut other.insert((page, self.facts.dense(page as usize, self.other)?)).1,
        };
        Ok(values[(place % self.facts.page_rows) as usize])
    }
}

/// Reads the facts of few rows, in the order of the file.
#[derive(Debug)]
pub struct SparseReader<'a> {
    facts: &'a Facts,
    page: usize,
    waiting: Vec<(u64, u64)>,
}

impl<'a> SparseReader<'a> {
    /// Starts at the first row.
    pub fn new(facts: &'a Facts) -> Self {
        Self { facts, page: 0, waiting: Vec::new() }
    }

    /// Calls `take` with the facts of the rows before `end` that were not taken yet, ascending.
    ///
    /// # Errors
    /// When the scratch file cannot be read.
    pub fn before(&mut self, end: u64, mut take: impl FnMut(u64, u64)) -> Result<()> {
        loop {
            while let Some((place, value)) = self.waiting.pop_if(|(place, _)| *place < end) {
                take(place, value);
            }
            let next_page = self.page as u64 * self.facts.page_rows;
            if !self.waiting.is_empty() || self.page >= self.facts.pages() || next_page >= end {
                return Ok(());
            }
            let waiting = &mut self.waiting;
            self.facts.each(self.page, |place, value| {
                waiting.push((place, value));
                Ok(())
            })?;
            // The last is taken first.
            waiting.sort_unstable_by(|a, b| b.cmp(a));
            self.page += 1;
        }
    }
}

/// Everything that keys and references say.
#[derive(Debug)]
pub struct KeyFacts {
    /// For each unique key set: a row that shares its key, and the row number of the first other.
    pub repeats: Vec<Option<Facts>>,
    /// For each reference that does not lead to a record: a row without its parent.
    pub orphans: Vec<Option<Facts>>,
    /// For each reference that needs children: a parent row without one.
    pub childless: Vec<Option<Facts>>,
    /// For each relation below the record's: the record of a row, or [`NO_PARENT`]. Of relations whose parent is not
    /// the record relation only the latter are here at first.
    pub records: Vec<Option<Facts>>,
    /// For each reference that leads to a record by way of another relation: a parent row and its child row.
    pub ways: Vec<Option<Facts>>,
    /// For each relation the places of rows with an error.
    pub faulty: Vec<PlaceSet>,
}

/// Goes through all keys and references. `faulty` are the rows with errors found before.
///
/// # Errors
/// [`crate::Error::Cancelled`], and when scratch files cannot be read or written.
pub fn find(
    validated: &Validated,
    faulty: Vec<PlaceSet>,
    judgement: Judgement<'_>,
    resources: &Resources,
    progress: &Progress,
) -> Result<KeyFacts> {
    let layout = judgement.layout;
    let facts = Mutex::new(KeyFacts::new(layout, faulty, resources)?);
    let partitions = validated.keys.first().map_or(0, |keys| keys.partitions());
    let finder = Finder { judgement, keys: &validated.keys, facts: &facts, keys_max: resources.budget.keys_max };
    ordered::each("link", resources.threads, partitions, |partition| {
        progress.check()?;
        for (set, _) in layout.key_sets.iter().enumerate().filter(|(_, set)| set.unique) {
            finder.repeats(set, partition)?;
        }
        (0..layout.references.len()).try_for_each(|reference| finder.matches(reference, partition))
    })?;
    let mut facts = facts.into_inner().unwrap_or_else(PoisonError::into_inner);
    let KeyFacts { repeats, orphans, childless, ways, .. } = &mut facts;
    [repeats, orphans, childless, ways].into_iter().flatten().flatten().try_for_each(Facts::seal)?;
    Ok(facts)
}

impl KeyFacts {
    fn new(layout: &Layout, faulty: Vec<PlaceSet>, resources: &Resources) -> Result<Self> {
        let budget = &resources.budget;
        let kinds = layout.key_sets.len() + 4 * layout.references.len();
        let gathered = budget.gathered_bytes_max / kinds.max(1);
        let create = |wanted: bool| -> Result<Option<Facts>> {
            wanted.then(|| Facts::create(&resources.scratch, budget.page_rows, gathered)).transpose()
        };
        let by_way = |index: usize| {
            let reference = &layout.references[index];
            reference.leads_to_record && layout.key_sets[reference.parent].relation != layout.record
        };
        let references = || layout.references.iter();
        Ok(Self {
            repeats: layout.key_sets.iter().map(|set| create(set.unique)).collect::<Result<_>>()?,
            orphans: references().map(|reference| create(!reference.leads_to_record)).collect::<Result<_>>()?,
            childless: references().map(|reference| create(reference.child_needed)).collect::<Result<_>>()?,
            records: (0..faulty.len()).map(|at| create(layout.way_up(at).is_some())).collect::<Result<_>>()?,
            ways: (0..layout.references.len()).map(|index| create(by_way(index))).collect::<Result<_>>()?,
            faulty,
        })
    }
}

/// One fact on its way into [`KeyFacts`].
#[derive(Debug, Clone, Copy)]
enum Found {
    Repeated(usize, Repeated),
    Matched(usize, Matched),
}

struct Finder<'a> {
    judgement: Judgement<'a>,
    keys: &'a [Arc<KeySpool>],
    facts: &'a Mutex<KeyFacts>,
    keys_max: usize,
}

impl Finder<'_> {
    fn repeats(&self, set: usize, partition: usize) -> Result<()> {
        let mut found = Vec::new();
        repeated(&self.keys[set], partition, self.keys_max, |row| self.note(&mut found, Found::Repeated(set, row)))?;
        self.hand_over(&mut found)
    }

    fn matches(&self, index: usize, partition: usize) -> Result<()> {
        let reference = &self.judgement.layout.references[index];
        let (child, parent) = (&self.keys[reference.child], &self.keys[reference.parent]);
        let mut found = Vec::new();
        matched(child, parent, partition, self.keys_max, |row| self.note(&mut found, Found::Matched(index, row)))?;
        self.hand_over(&mut found)
    }

    fn note(&self, found: &mut Vec<Found>, fact: Found) -> Result<()> {
        found.push(fact);
        if found.len() < BATCH_FACTS { Ok(()) } else { self.hand_over(found) }
    }

    fn hand_over(&self, found: &mut Vec<Found>) -> Result<()> {
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        found.drain(..).try_for_each(|fact| facts.take(self.judgement, fact))
    }
}

impl KeyFacts {
    fn take(&mut self, judgement: Judgement<'_>, found: Found) -> Result<()> {
        let layout = judgement.layout;
        match found {
            Found::Repeated(set, Repeated { place, other }) => {
                self.blame(judgement, layout.key_sets[set].relation, place, FaultKind::Repeated(set as u32, other));
                note(&mut self.repeats[set], place, other)
            }
            Found::Matched(index, Matched::Link { child, parent }) => {
                let reference = &layout.references[index];
                if !reference.leads_to_record {
                    return Ok(());
                }
                match layout.key_sets[reference.parent].relation == layout.record {
                    true => note(&mut self.records[layout.key_sets[reference.child].relation], child, parent),
                    false => note(&mut self.ways[index], parent, child),
                }
            }
            Found::Matched(index, Matched::Orphan(child)) => {
                let reference = &layout.references[index];
                let relation = layout.key_sets[reference.child].relation;
                self.blame(judgement, relation, child, FaultKind::NoParent(index as u32));
                match reference.leads_to_record {
                    true => note(&mut self.records[relation], child, NO_PARENT),
                    false => note(&mut self.orphans[index], child, 0),
                }
            }
            Found::Matched(index, Matched::Childless(parent)) => {
                let reference = &layout.references[index];
                if reference.child_needed {
                    let relation = layout.key_sets[reference.parent].relation;
                    self.blame(judgement, relation, parent, FaultKind::NoChild(index as u32));
                }
                note(&mut self.childless[index], parent, 0)
            }
        }
    }

    fn blame(&mut self, judgement: Judgement<'_>, relation: usize, place: u64, kind: FaultKind) {
        let fault = Fault { at: 0, field: None, kind, value: None };
        if fault.severity(judgement, relation) == Severity::Error {
            self.faulty[relation].insert(place);
        }
    }
}

fn note(facts: &mut Option<Facts>, place: u64, value: u64) -> Result<()> {
    facts.as_mut().map_or(Ok(()), |facts| facts.append(place, value))
}
