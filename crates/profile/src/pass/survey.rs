//! A look at the headers and the first rows of all relations, before the pass.

use super::Control;
use crate::column::{CellScratch, ColumnKernel, ColumnState};
use crate::error::Result;
use crate::input::{Facts, Input};
use crate::relation::{LinkPlan, Plan, Sample, choose_links, shared_sets};
use crate::settings::Limits;

/// First bytes that are looked at, of all relations together and of each.
const BYTES_IN_ALL: usize = 4 << 20;
const BYTES_MAX: usize = 1 << 20;
const BYTES_MIN: usize = 64 << 10;

/// What is known before the pass.
#[derive(Debug)]
pub(crate) struct Survey {
    /// By relation, names of its columns.
    pub(crate) headers: Vec<Vec<String>>,
    /// By relation, what was assumed of its file.
    pub(crate) facts: Vec<Facts>,
    /// By relation, what is followed in it.
    pub(crate) plans: Vec<Plan>,
    /// What is followed of two relations.
    pub(crate) links: Vec<LinkPlan>,
    /// What each column may hold.
    pub(crate) limits: Limits,
}

/// Looks at the first rows of an upload.
pub(crate) fn survey(input: &Input, control: &Control) -> Result<Survey> {
    let relations = input.sources().len();
    let bytes = (BYTES_IN_ALL / relations.max(1)).clamp(BYTES_MIN, BYTES_MAX);
    let (mut headers, mut facts) = (Vec::new(), Vec::new());
    for relation in 0..relations {
        control.check()?;
        let reader = input.read(relation, BYTES_MIN)?;
        headers.push(reader.header().to_vec());
        facts.push(reader.facts().clone());
    }
    let limits = Limits::for_columns(headers.iter().map(Vec::len).sum());
    let sets = shared_sets(&headers);
    let mut unique = vec![[false; 2]; sets.len()];
    let mut plans = Vec::new();
    for relation in 0..relations {
        let sample = sample(input, relation, bytes, limits, control)?;
        plans.push(sample.plan());
        for (set, unique) in sets.iter().zip(&mut unique) {
            for ((of, columns), unique) in set.relations.iter().zip(&set.columns).zip(unique) {
                if *of == relation {
                    *unique = sample.is_unique_where_filled(columns);
                }
            }
        }
    }
    let links = choose_links(&sets, &unique, &mut plans);
    Ok(Survey { headers, facts, plans, links, limits })
}

fn sample(input: &Input, relation: usize, bytes: usize, limits: Limits, control: &Control) -> Result<Sample> {
    let mut reader = input.read(relation, bytes)?;
    let mut sample = Sample::default();
    let Some(block) = reader.next_block(bytes)? else { return Ok(sample.without_rows(reader.header().len())) };
    let mut kernel = ColumnKernel::new(limits);
    let hint = ColumnState::new(limits).hint();
    let mut scratch = CellScratch::default();
    for column in block.table()?.columns {
        control.check()?;
        kernel.observe(&column, &hint, &mut scratch);
        sample.push(&mut scratch);
    }
    Ok(sample)
}
