//! What workers do: from a block to its parts.

use super::Control;
use super::schedule::Item;
use crate::column::{CellScratch, ColumnKernel, ColumnPart, Hint};
use crate::error::Result;
use crate::input::Table;
use crate::relation::{Collector, Layout, RelationPart};
use crate::settings::Limits;

/// What workers need to know of a relation.
#[derive(Debug)]
pub(crate) struct RelationLayout {
    pub(crate) relation: Layout,
    /// By column.
    pub(crate) hints: Vec<Hint>,
}

/// What was made of an item.
#[derive(Debug)]
pub(crate) enum Done {
    Rows {
        relation: usize,
        position: u64,
        /// In the order of the header.
        columns: Vec<ColumnPart>,
        part: Box<RelationPart>,
    },
    End {
        relation: usize,
        bytes: u64,
    },
}

/// One worker thread.
#[derive(Debug)]
pub(crate) struct Worker<'a> {
    layouts: &'a [RelationLayout],
    kernel: ColumnKernel,
    scratch: CellScratch,
    control: &'a Control,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(layouts: &'a [RelationLayout], limits: Limits, control: &'a Control) -> Self {
        Self { layouts, kernel: ColumnKernel::new(limits), scratch: CellScratch::default(), control }
    }

    /// Makes parts of a block.
    pub(crate) fn take(&mut self, item: Item) -> Result<Done> {
        match item {
            Item::End { relation, bytes } => Ok(Done::End { relation, bytes }),
            Item::Rows { relation, block, position } => {
                self.control.check()?;
                let bytes = block.bytes();
                let table = block.table()?;
                let (columns, mut part) = self.count(relation, table)?;
                part.bytes = bytes;
                Ok(Done::Rows { relation, position, columns, part: Box::new(part) })
            }
        }
    }

    fn count(&mut self, relation: usize, table: Table) -> Result<(Vec<ColumnPart>, RelationPart)> {
        let Table { columns, rows, ragged, undecodable, windows_1252_rows } = table;
        // One layout for each relation of the schedule.
        let Some(layout) = self.layouts.get(relation) else { return Err(crate::error::Error::Worker(super::STAGE)) };
        let mut collector = Collector::new(&layout.relation, rows);
        let mut parts = Vec::with_capacity(columns.len());
        for (place, (values, hint)) in columns.into_iter().zip(&layout.hints).enumerate() {
            self.control.check()?;
            parts.push(self.kernel.observe(&values, hint, &mut self.scratch));
            collector.column(place, &self.scratch);
        }
        let mut part = collector.finish();
        part.ragged = ragged;
        part.undecodable_rows = undecodable;
        part.windows_1252_rows = windows_1252_rows;
        Ok((parts, part))
    }
}
