//! The rules between the fields of a row, over the typed columns of a block.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use bordereau_base::dictionary::Dictionary;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};

use crate::error::Result;
use crate::release::Rule;
use crate::release::layout::table_schema;

/// The rules of one relation, planned over the fields that they read.
#[derive(Debug, Clone)]
pub struct RelationRules {
    rules: Vec<RelationRule>,
    fields: Vec<usize>,
    schema: SchemaRef,
}

#[derive(Debug, Clone)]
struct RelationRule {
    index: u32,
    holds: Arc<dyn PhysicalExpr>,
    fields: Vec<usize>,
}

/// What a rule says of a row for which it does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is broken.
    Broken,
    /// It cannot be computed, such as a division by zero.
    Failed,
}

impl RelationRules {
    /// The rules of `relation` among all rules of a release.
    ///
    /// # Errors
    /// When a rule was not planned over the relation's fields.
    pub fn new(dictionary: &Dictionary, relation: usize, rules: &[Rule]) -> Result<Self> {
        let of_relation = || (0u32..).zip(rules).filter(|(_, rule)| rule.relation == relation);
        let read = |rule: &Rule| collect_columns(&rule.holds).into_iter().map(|column| column.index());
        let fields: BTreeSet<usize> = of_relation().flat_map(|(_, rule)| read(rule)).collect();
        let fields: Vec<usize> = fields.into_iter().collect();
        let table = table_schema(dictionary, relation, fields.iter().copied());
        let columns: Vec<_> = table.fields().iter().take(fields.len()).cloned().collect();
        let schema = Arc::new(Schema::new(columns));
        let rules = of_relation()
            .map(|(index, rule)| {
                let holds = reassign_expr_columns(Arc::clone(&rule.holds), &schema)?;
                let fields: BTreeSet<usize> = read(rule).collect();
                Ok(RelationRule { index, holds, fields: fields.into_iter().collect() })
            })
            .collect::<Result<_>>()?;
        Ok(Self { rules, fields, schema })
    }

    /// The fields that the rules read, ascending.
    pub fn fields(&self) -> &[usize] {
        &self.fields
    }

    /// Calls `take` with the index of a rule, the row and the verdict wherever a rule does not hold. `columns` are
    /// those of [`RelationRules::fields`]. A row is not judged by a rule for which `is_judged` is false, given the row
    /// and the fields that the rule reads.
    ///
    /// # Errors
    /// When the columns are not of the right types.
    pub fn judge(
        &self,
        columns: Vec<ArrayRef>,
        rows: usize,
        is_judged: impl Fn(u32, &[usize]) -> bool,
        mut take: impl FnMut(u32, u32, Verdict),
    ) -> Result<()> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        for rule in &self.rules {
            rule.judge(&batch, 0, &mut |at, verdict| {
                if is_judged(at, &rule.fields) {
                    take(rule.index, at, verdict);
                }
            });
        }
        Ok(())
    }
}

impl RelationRule {
    /// Judges the rows of `batch`, the first of which is `first`. When the rule cannot be computed for all rows
    /// together, it is computed for each half, down to the rows that are at fault.
    fn judge(&self, batch: &RecordBatch, first: u32, take: &mut impl FnMut(u32, Verdict)) {
        let rows = batch.num_rows();
        match self.computed(batch) {
            Some(holds) => {
                let broken = |at: &usize| holds.is_valid(*at) && !holds.value(*at);
                if holds.has_false() {
                    (0..rows).filter(broken).for_each(|at| take(first + at as u32, Verdict::Broken));
                }
            }
            None if rows > 1 => {
                let half = rows / 2;
                self.judge(&batch.slice(0, half), first, take);
                self.judge(&batch.slice(half, rows - half), first + half as u32, take);
            }
            None if rows == 1 => take(first, Verdict::Failed),
            None => {}
        }
    }

    fn computed(&self, batch: &RecordBatch) -> Option<BooleanArray> {
        let value = self.holds.evaluate(batch).ok()?.into_array(batch.num_rows()).ok()?;
        value.as_boolean_opt().cloned()
    }
}
