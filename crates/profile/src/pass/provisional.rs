//! Stands in for the finishing of columns until it is there.

use crate::column::ColumnState;
use crate::document::{
    ColumnProfile, Count, Estimate, Frequent, Histogram, LogicalType, Nulls, Sortedness, StringStatistics, TypeVotes,
    Typing,
};
use crate::settings::Settings;

pub(crate) fn column_profile(name: &str, position: usize, state: &ColumnState, _: &Settings) -> ColumnProfile {
    let nulls = Nulls { total: state.tallies.nulls(), ..Nulls::default() };
    ColumnProfile {
        name: name.to_owned(),
        position,
        typing: Typing {
            logical: LogicalType::Text,
            share: 1.0,
            votes: TypeVotes::default(),
            exceptions: Vec::new(),
            code_reason: None,
            number_style: None,
            temporal_formats: Vec::new(),
            ambiguous_dates: 0,
            boolean_spellings: Vec::new(),
            zero_padded: 0,
        },
        rows: state.tallies.rows,
        nulls,
        distinct: Count { value: 0, exact: false, relative_error: None },
        uniqueness: 0.0,
        constant: false,
        sorted: Sortedness::Unsorted,
        entropy: Estimate { value: 0.0, exact: false, relative_error: None },
        numbers: None,
        dates: None,
        strings: StringStatistics {
            length_min: 0,
            length_mean: 0.0,
            length_max: 0,
            lengths: Histogram { bins: Vec::new(), exact: true },
            min: None,
            max: None,
            classes: Default::default(),
            masks: Vec::new(),
            padded: 0,
            case_variants: 0,
        },
        frequent: Frequent { values: Vec::new(), exact: false, missed_at_most: None, masked: false },
        rarest: Vec::new(),
        personal_data: None,
        alerts: Vec::new(),
    }
}
