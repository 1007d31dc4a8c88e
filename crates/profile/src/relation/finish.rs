//! From a state to what the document says of a relation.

use super::links::count;
use super::repeats::{Followed, Verdict};
use super::{KEYS_MAX, RelationState};
use crate::document::{
    CandidateKey, ColumnProfile, Correlations, Count, DecimalStyle, DuplicateRows, LogicalType, RelationProfile,
};
use crate::input::Facts;

/// What a relation is called and how its file is read.
#[derive(Debug, Clone)]
pub(crate) struct RelationName<'a> {
    pub(crate) name: &'a str,
    pub(crate) file: &'a str,
    pub(crate) facts: &'a Facts,
    pub(crate) header: &'a [String],
}

impl RelationState {
    /// All that is known by now, given the columns. `bytes` are those read of the file when all of it was.
    pub(crate) fn profile(
        &mut self,
        of: &RelationName<'_>,
        bytes: Option<u64>,
        columns: Vec<ColumnProfile>,
    ) -> RelationProfile {
        let empty = columns.iter().filter(|column| column.nulls.total == column.rows);
        RelationProfile {
            name: of.name.to_owned(),
            file: of.file.to_owned(),
            bytes: bytes.unwrap_or(self.bytes),
            rows: self.rows,
            encoding: of.facts.encoding.clone(),
            delimiter: of.facts.delimiter.clone(),
            assumed: self.assumed(of.facts),
            ragged_rows: self.ragged_rows,
            ragged_examples: self.ragged_examples.clone(),
            undecodable_rows: self.undecodable_rows,
            duplicate_rows: self.duplicate_rows(),
            empty_columns: empty.map(|column| column.name.clone()).collect(),
            candidate_keys: self.candidate_keys(of.header),
            correlations: self.correlations(&columns),
            columns,
            alerts: Vec::new(),
        }
    }

    fn assumed(&self, facts: &Facts) -> Vec<String> {
        let mut assumed = facts.assumed.clone();
        match self.windows_1252_rows {
            0 => {}
            1 => assumed.push("one row is not UTF-8 and was read as Windows-1252".to_owned()),
            rows => assumed.push(format!("{rows} rows are not UTF-8 and were read as Windows-1252")),
        }
        assumed
    }

    fn duplicate_rows(&mut self) -> DuplicateRows {
        if self.rows == 0 || self.is_named_by_a_column() {
            return DuplicateRows { count: Count { value: 0, exact: true, relative_error: None } };
        }
        DuplicateRows { count: count(self.row_keys.counts().settled().repeats()) }
    }

    fn candidate_keys(&mut self, header: &[String]) -> Vec<CandidateKey> {
        // Of one row everything is a key.
        if self.rows < 2 {
            return Vec::new();
        }
        let singles = keys(&mut self.singles, header);
        if singles.is_empty() { keys(&mut self.composites, header) } else { singles }
    }

    fn correlations(&self, columns: &[ColumnProfile]) -> Option<Correlations> {
        let is_number = |column: &ColumnProfile| {
            matches!(column.typing.logical, LogicalType::Integer | LogicalType::Number) && column.numbers.is_some()
        };
        let numbers: Vec<usize> = (0..columns.len()).filter(|&at| is_number(&columns[at])).collect();
        let is_followed = |column: &usize| numbers.contains(column) && !is_misread(&columns[*column]);
        let places: Vec<usize> = (0..self.numeric.len()).filter(|&at| is_followed(&self.numeric[at])).collect();
        if places.len() < 2 {
            return None;
        }
        let name = |column: usize| columns[column].name.clone();
        let row = |a: usize| -> Vec<Option<f64>> {
            let of = |&b: &usize| if a == b { self.with_itself(a) } else { self.pairs.get(a, b)?.pearson() };
            places.iter().map(of).collect()
        };
        let left_out = numbers.iter().filter(|column| !self.numeric.contains(column) || is_misread(&columns[**column]));
        Some(Correlations {
            columns: places.iter().map(|&at| name(self.numeric[at])).collect(),
            pearson: places.iter().map(|&a| row(a)).collect(),
            left_out: left_out.map(|&column| name(column)).collect(),
        })
    }

    /// A column with itself: 1, unless none of its pairs is defined, as of a constant.
    fn with_itself(&self, place: usize) -> Option<f64> {
        let others = (0..self.numeric.len()).filter(|&other| other != place);
        let defined = others.filter_map(|other| self.pairs.get(place, other)).any(|pair| pair.pearson().is_some());
        defined.then_some(1.0)
    }

    /// What was looked at less than usual, one sentence each.
    pub(crate) fn degraded(&self, name: &str) -> Vec<String> {
        let mut degraded = Vec::new();
        if self.singles_left_out > 0 {
            let (left, followed) = (self.singles_left_out, self.singles.len());
            degraded.push(format!(
                "{name}: candidate keys were looked for among {followed} columns; {left} more had no repeat in the \
                 first rows"
            ));
        }
        if self.rows > u64::from(super::ROWS_EXACT_MAX.min(KEYS_MAX)) {
            degraded.push(format!(
                "{name}: keys and repeated rows beyond {} distinct ones are judged by a sample",
                super::ROWS_EXACT_MAX
            ));
        }
        degraded
    }
}

/// Whether pairs were counted with another reading of the numbers than the column has: there `1,234` is 1234.
fn is_misread(column: &ColumnProfile) -> bool {
    let style = column.typing.number_style.as_ref();
    style.is_some_and(|style| style.decimal == DecimalStyle::Comma && style.ambiguous_comma > 0)
}

fn keys(followed: &mut [Followed], header: &[String]) -> Vec<CandidateKey> {
    let key = |followed: &mut Followed| {
        let exact = match followed.verdict() {
            Verdict::Unique => true,
            Verdict::UniqueInSample => false,
            Verdict::Repeated => return None,
        };
        let names = followed.columns.iter().filter_map(|&column| header.get(column).cloned());
        Some(CandidateKey { columns: names.collect(), exact })
    };
    followed.iter_mut().filter_map(key).collect()
}
