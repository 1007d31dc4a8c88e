//! All that was counted of an upload, by relation and column.

use super::Control;
use super::survey::Survey;
use super::work::{Done, RelationLayout};
use crate::column::ColumnState;
use crate::error::{Error, Result};
use crate::input::{Facts, Input};
use crate::relation::{LinkPlan, Plan, RelationState};
use crate::settings::Limits;

/// All that is counted of an upload by now.
#[derive(Debug, Clone)]
pub struct State {
    /// Name of the upload.
    pub(crate) name: String,
    /// Bytes as uploaded.
    pub(crate) bytes: u64,
    /// What was left aside, one sentence each.
    pub(crate) notes: Vec<String>,
    /// What each column may hold.
    pub(crate) limits: Limits,
    /// In the order of the upload.
    pub(crate) relations: Vec<RelationRecord>,
    /// What is followed of two relations.
    pub(crate) links: Vec<LinkPlan>,
}

/// All that is counted of one relation.
#[derive(Debug, Clone)]
pub struct RelationRecord {
    /// Name of the relation.
    pub(crate) name: String,
    /// Name of its file.
    pub(crate) file: String,
    /// Names of its columns.
    pub(crate) header: Vec<String>,
    /// What was assumed of the file.
    pub(crate) facts: Facts,
    /// By column.
    pub(crate) columns: Vec<ColumnState>,
    /// What is known beside the columns.
    pub(crate) relation: RelationState,
    /// Unpacked bytes, once all were read.
    pub(crate) bytes_read: Option<u64>,
    /// How far it is read, and how far it goes, in one unit.
    pub(crate) position: u64,
    pub(crate) size: u64,
}

impl State {
    /// No rows yet.
    pub(crate) fn new(input: &Input, survey: &Survey) -> Self {
        let link_sets = survey.plans.iter().map(|plan| plan.links.len()).sum();
        let sources = input.sources().iter().zip(&survey.plans).zip(survey.headers.iter().zip(&survey.facts));
        let relations = sources.map(|((source, plan), (header, facts))| RelationRecord {
            name: source.relation.clone(),
            file: source.file.clone(),
            header: header.clone(),
            facts: facts.clone(),
            columns: header.iter().map(|_| ColumnState::new(survey.limits)).collect(),
            relation: RelationState::new(plan, header.len(), link_sets),
            bytes_read: None,
            position: 0,
            size: source.size(),
        });
        Self {
            name: input.name().to_owned(),
            bytes: input.bytes(),
            notes: input.notes().to_vec(),
            limits: survey.limits,
            relations: relations.collect(),
            links: survey.links.clone(),
        }
    }

    /// What workers need to know, by relation.
    pub(crate) fn layouts(&self, plans: &[Plan]) -> Vec<RelationLayout> {
        let layout = |(record, plan): (&RelationRecord, &Plan)| RelationLayout {
            relation: record.relation.layout(plan),
            hints: record.columns.iter().map(ColumnState::hint).collect(),
        };
        self.relations.iter().zip(plans).map(layout).collect()
    }

    /// Adds the next block.
    pub(crate) fn merge(&mut self, done: Done, control: &Control) -> Result<()> {
        match done {
            Done::Rows { relation, position, columns, part } => {
                let record = self.relations.get_mut(relation).ok_or(Error::Worker(super::STAGE))?;
                for (state, part) in record.columns.iter_mut().zip(columns) {
                    control.check()?;
                    state.merge_part(part);
                }
                record.relation.merge_part(*part);
                record.position = position;
            }
            Done::End { relation, bytes } => {
                let record = self.relations.get_mut(relation).ok_or(Error::Worker(super::STAGE))?;
                record.bytes_read = Some(bytes);
                record.position = record.size;
            }
        }
        Ok(())
    }

    /// Rows of all relations by now.
    pub(crate) fn rows(&self) -> u64 {
        self.relations.iter().map(|record| record.relation.rows).sum()
    }

    /// The share that was read, 0 to 1.
    pub(crate) fn share_read(&self) -> f64 {
        let size: u64 = self.relations.iter().map(|record| record.size).sum();
        let read: u64 = self.relations.iter().map(|record| record.position.min(record.size)).sum();
        read as f64 / size.max(1) as f64
    }

    /// Unpacked bytes of all relations: as they are read where all were, else as they claim or are known by now.
    pub(crate) fn unpacked_bytes(&self) -> u64 {
        let of = |record: &RelationRecord| record.bytes_read.unwrap_or(record.size.max(record.relation.bytes));
        self.relations.iter().map(of).sum()
    }
}
