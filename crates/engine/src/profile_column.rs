//! Profiling a column as an SQL aggregate, so that one plan serves embedded and on a cluster.
//!
//! `bordereau_profile_column(value)` takes text (`Utf8View`) and gives the state of the column as bytes
//! ([`decode_column`]), from which `bordereau-profile` makes a column of a profile. Each batch of values is a block.
//! States of partitions are merged in the order they come in, which a plan does not fix: sortedness, the first examples
//! and what is estimated by order may differ from one run to the next, all within their stated bounds; the rest is
//! the same. `docs/decisions/004-profile-crate.md` says what that means. Knows nothing of columns beside each other.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use bordereau_profile::column::{CellScratch, ColumnKernel, ColumnState};
use bordereau_profile::settings::Limits;
use bordereau_profile::state_file::{decode_column, encode_column};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;

/// Name of the function in SQL.
pub const PROFILE_COLUMN: &str = "bordereau_profile_column";

/// What a column is taken to hold in memory at most, for the budget of the session.
const STATE_BYTES: usize = 8 << 20;

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ProfileColumn {
    signature: Signature,
}

impl Default for ProfileColumn {
    fn default() -> Self {
        Self { signature: Signature::exact(vec![DataType::Utf8View], Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for ProfileColumn {
    fn name(&self) -> &str {
        PROFILE_COLUMN
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![Field::new(format_state_name(args.name, "state"), DataType::Binary, true).into()])
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Profiled::new()))
    }
}

/// A column on its way.
#[derive(Debug)]
struct Profiled {
    kernel: ColumnKernel,
    state: ColumnState,
    scratch: CellScratch,
}

impl Profiled {
    fn new() -> Self {
        // The limits are the same in every process, for states of others cannot be merged.
        let limits = Limits::for_columns(1);
        Self { kernel: ColumnKernel::new(limits), state: ColumnState::new(limits), scratch: CellScratch::default() }
    }
}

impl Accumulator for Profiled {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values] = values else { return exec_err!("{PROFILE_COLUMN} takes one column") };
        let values = values.as_string_view_opt();
        let values = values.ok_or_else(|| exec_datafusion_err!("{PROFILE_COLUMN} takes text"))?;
        let part = self.kernel.observe(values, &self.state.hint(), &mut self.scratch);
        self.state.merge_part(part);
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [states] = states else { return exec_err!("{PROFILE_COLUMN} has one state") };
        let states = states.as_binary_opt::<i32>();
        let states = states.ok_or_else(|| exec_datafusion_err!("the state of {PROFILE_COLUMN} is binary"))?;
        for state in (0..states.len()).filter(|row| states.is_valid(*row)).map(|row| states.value(row)) {
            let state = decode_column(state).map_err(|error| exec_datafusion_err!("{error}"))?;
            self.state.merge(&state).map_err(|error| exec_datafusion_err!("{error}"))?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Binary(Some(encode_column(&self.state))))
    }

    fn size(&self) -> usize {
        STATE_BYTES
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BinaryArray, RecordBatch, StringViewArray};
    use datafusion::datasource::MemTable;
    use datafusion::execution::SessionStateBuilder;
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;
    use crate::session::session_state;

    fn column(from: u32, to: u32) -> ArrayRef {
        let value = |n: u32| match n % 5 {
            0 => None,
            1 => Some(format!("{}", n % 97)),
            2 => Some(format!("2024-01-{:02}", n % 28 + 1)),
            _ => Some(format!("text {}", n % 13)),
        };
        Arc::new(StringViewArray::from_iter((from..to).map(value)))
    }

    fn bytes(accumulator: &mut Profiled) -> Vec<u8> {
        match accumulator.evaluate().unwrap() {
            ScalarValue::Binary(Some(bytes)) => bytes,
            other => panic!("not bytes: {other:?}"),
        }
    }

    #[test]
    fn partitions_in_order_give_the_state_of_their_blocks() {
        let (mut whole, mut merged) = (Profiled::new(), Profiled::new());
        for (from, to) in [(0, 2_500), (2_500, 2_600), (2_600, 6_000)] {
            whole.update_batch(&[column(from, to)]).unwrap();
            let mut part = Profiled::new();
            part.update_batch(&[column(from, to)]).unwrap();
            let state: ArrayRef = Arc::new(BinaryArray::from_vec(vec![&bytes(&mut part)]));
            merged.merge_batch(&[state]).unwrap();
        }
        assert!(bytes(&mut merged) == bytes(&mut whole), "while the column is exact");
        assert!(merged.merge_batch(&[Arc::new(BinaryArray::from_vec(vec![b"BDPCOL"]))]).is_err());
    }

    #[tokio::test]
    async fn a_plan_over_partitions_finds_the_function_and_merges() {
        let batch = RecordBatch::try_from_iter([("value", column(0, 3_000))]).unwrap();
        let table = MemTable::try_new(batch.schema(), vec![vec![batch.clone()]; 3]).unwrap();
        let state = SessionStateBuilder::new_from_existing(session_state().unwrap())
            .with_config(SessionConfig::new().with_target_partitions(3))
            .build();
        let context = SessionContext::new_with_state(state);
        context.register_table("t", Arc::new(table)).unwrap();
        let query = format!("SELECT {PROFILE_COLUMN}(value) FROM t");
        let found = context.sql(&query).await.unwrap().collect().await.unwrap();
        // The partitions are alike, so that their order says nothing.
        let mut direct = Profiled::new();
        (0..3).for_each(|_| direct.update_batch(&[batch.column(0).clone()]).unwrap());
        assert!(found[0].column(0).as_binary::<i32>().value(0) == bytes(&mut direct));
    }
}
