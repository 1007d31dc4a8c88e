//! `COUNT(DISTINCT text)` of many groups.
//!
//! DataFusion counts distinct texts with an accumulator for each group, which takes some 20 KB of memory whatever it
//! counts; here all groups share one set of texts and one of pairs of group and text. All other counts are
//! DataFusion's own. States are those of DataFusion (for each group the list of its texts), so that either may merge
//! what the other gave.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, StringViewArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{HashMap, HashSet, Result, exec_datafusion_err, exec_err};
use datafusion::functions_aggregate::count::Count;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF, SetMonotonicity, Signature,
    StatisticsArgs,
};
use datafusion::scalar::ScalarValue;

/// `count` with its own accumulator for distinct texts by group.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub struct CountOfTexts {
    count: Count,
}

fn is_ours(args: &AccumulatorArgs<'_>) -> bool {
    let one_text = |fields: &[FieldRef]| matches!(fields, [field] if *field.data_type() == DataType::Utf8View);
    args.is_distinct && one_text(args.expr_fields)
}

impl AggregateUDFImpl for CountOfTexts {
    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        if is_ours(&args) {
            return Ok(Box::new(DistinctTexts::default()));
        }
        self.count.create_groups_accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        is_ours(&args) || self.count.groups_accumulator_supported(args)
    }

    fn name(&self) -> &str {
        self.count.name()
    }

    fn signature(&self) -> &Signature {
        self.count.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.count.return_type(types)
    }

    fn is_nullable(&self) -> bool {
        self.count.is_nullable()
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.count.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.count.accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.count.create_sliding_accumulator(args)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.count.reverse_expr()
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.count.default_value(data_type)
    }

    fn value_from_stats(&self, args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.count.value_from_stats(args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.count.documentation()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.count.set_monotonicity(data_type)
    }
}

/// The distinct texts of all groups.
#[derive(Debug, Default)]
struct DistinctTexts {
    /// A number for each text.
    texts: HashMap<Box<str>, u32>,
    text_bytes: usize,
    /// Groups with the numbers of their texts.
    pairs: HashSet<(usize, u32)>,
    counts: Vec<i64>,
}

impl DistinctTexts {
    fn add(&mut self, group: usize, text: &str) -> Result<()> {
        let number = match self.texts.get(text) {
            Some(number) => *number,
            None => {
                let next = u32::try_from(self.texts.len());
                let next =
                    next.map_err(|_| exec_datafusion_err!("more than 4,294,967,296 distinct texts are counted"))?;
                self.text_bytes += text.len();
                self.texts.insert(text.into(), next);
                next
            }
        };
        if self.pairs.insert((group, number)) {
            self.counts[group] += 1;
        }
        Ok(())
    }

    fn grow(&mut self, groups: usize) {
        self.counts.resize(groups.max(self.counts.len()), 0);
    }

    /// The counts of the groups that are given out, whose memory is given back; those behind them move up.
    fn given_out(&mut self, emit: EmitTo) -> Vec<i64> {
        let EmitTo::First(groups) = emit else { return std::mem::take(self).counts };
        let left = self.pairs.drain().filter(|(group, _)| *group >= groups);
        self.pairs = left.map(|(group, text)| (group - groups, text)).collect();
        if self.pairs.is_empty() {
            (self.texts, self.text_bytes) = (HashMap::default(), 0);
        }
        emit.take_needed(&mut self.counts)
    }
}

impl GroupsAccumulator for DistinctTexts {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.grow(total_groups);
        let texts = one_column(values)?;
        let texts = texts.as_string_view_opt().ok_or_else(|| exec_datafusion_err!("texts are counted here"))?;
        let is_counted = |row: usize| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        for (row, group) in groups.iter().enumerate().filter(|(row, _)| texts.is_valid(*row) && is_counted(*row)) {
            self.add(*group, texts.value(row))?;
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.grow(total_groups);
        let lists = one_column(states)?;
        let lists = lists.as_list_opt::<i32>().ok_or_else(|| exec_datafusion_err!("the state is a list of texts"))?;
        for (row, group) in groups.iter().enumerate().filter(|(row, _)| lists.is_valid(*row)) {
            let texts = lists.value(row);
            let texts = texts.as_string_view_opt();
            let texts = texts.ok_or_else(|| exec_datafusion_err!("the state is a list of texts"))?;
            for text in texts.iter().flatten() {
                self.add(*group, text)?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        Ok(Arc::new(Int64Array::from(self.given_out(emit))))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = match emit {
            EmitTo::All => self.counts.len(),
            EmitTo::First(groups) => groups,
        };
        let mut pairs: Vec<(usize, u32)> = self.pairs.iter().copied().filter(|(group, _)| *group < groups).collect();
        pairs.sort_unstable();
        let mut by_number = vec![""; self.texts.len()];
        self.texts.iter().for_each(|(text, number)| by_number[*number as usize] = text);
        let texts = StringViewArray::from_iter_values(pairs.iter().map(|(_, number)| by_number[*number as usize]));
        let lengths = self.given_out(emit).into_iter().map(|count| count as usize);
        Ok(vec![lists(OffsetBuffer::from_lengths(lengths), texts)?])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = one_column(values)?.len();
        let mut each = Self::default();
        each.update_batch(values, &(0..rows).collect::<Vec<_>>(), filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        let texts = self.texts.capacity() * size_of::<(Box<str>, u32)>() + self.text_bytes;
        texts + self.pairs.capacity() * size_of::<(usize, u32)>() + self.counts.capacity() * size_of::<i64>()
    }
}

fn one_column(columns: &[ArrayRef]) -> Result<&ArrayRef> {
    let [column] = columns else { return exec_err!("distinct texts of one column are counted") };
    Ok(column)
}

fn lists(offsets: OffsetBuffer<i32>, texts: StringViewArray) -> Result<ArrayRef> {
    let item = Arc::new(Field::new_list_field(DataType::Utf8View, true));
    Ok(Arc::new(ListArray::try_new(item, offsets, Arc::new(texts), None)?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use arrow::array::{Int64Array, RecordBatch};
    use datafusion::datasource::MemTable;
    use datafusion::execution::SessionStateBuilder;
    use datafusion::logical_expr::AggregateUDF;
    use datafusion::prelude::{SessionConfig, SessionContext};
    use proptest::prelude::*;

    use super::*;
    use crate::session::session_state;

    type Row = (u8, Option<u8>, bool);

    fn batch(rows: &[Row]) -> RecordBatch {
        let text =
            |text: u8| format!("a text too long for a view of it: {text}")[if text < 5 { 30 } else { 0 }..].to_owned();
        let groups: ArrayRef = Arc::new(rows.iter().map(|row| Some(i64::from(row.0))).collect::<Int64Array>());
        let texts: ArrayRef = Arc::new(rows.iter().map(|row| row.1.map(text)).collect::<StringViewArray>());
        let wanted: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.2)).collect::<BooleanArray>());
        RecordBatch::try_from_iter_with_nullable([("g", groups, true), ("t", texts, true), ("w", wanted, true)])
            .unwrap()
    }

    /// What SQL gives with so many partitions, group by group.
    async fn counted(partitions: Vec<Vec<RecordBatch>>, ours: bool) -> Vec<(i64, i64, i64, i64)> {
        let state = SessionStateBuilder::new_from_existing(session_state().unwrap())
            .with_config(SessionConfig::new().with_target_partitions(partitions.len()).with_batch_size(7));
        let context = SessionContext::new_with_state(state.build());
        if !ours {
            context.register_udaf(AggregateUDF::from(Count::new()));
        }
        let table = MemTable::try_new(partitions[0][0].schema(), partitions).unwrap();
        context.register_table("rows", Arc::new(table)).unwrap();
        let query =
            "SELECT g, count(DISTINCT t), count(DISTINCT t) FILTER (WHERE w), count(t) FROM rows GROUP BY g ORDER BY g";
        let found = context.sql(query).await.unwrap().collect().await.unwrap();
        let number = |batch: &RecordBatch, column: usize, row| {
            batch.column(column).as_primitive::<arrow::datatypes::Int64Type>().value(row)
        };
        let rows = found.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
        rows.map(|(batch, row)| {
            (number(batch, 0, row), number(batch, 1, row), number(batch, 2, row), number(batch, 3, row))
        })
        .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn sql_gives_what_a_set_for_each_group_and_what_datafusion_gives(
            rows in prop::collection::vec((0..6_u8, prop::option::weighted(0.9, 0..12_u8), any::<bool>()), 1..120),
            partitions in 1..4_usize,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let parts = || -> Vec<Vec<RecordBatch>> {
                let size = rows.len().div_ceil(partitions);
                let mut parts: Vec<_> = rows.chunks(size).map(|part| part.chunks(11).map(batch).collect()).collect();
                parts.resize_with(partitions, || vec![batch(&[])]);
                parts
            };
            let groups: BTreeSet<u8> = rows.iter().map(|row| row.0).collect();
            let distinct = |group: u8, filtered: bool| {
                let of = rows.iter().filter(|row| row.0 == group && (row.2 || !filtered));
                of.filter_map(|row| row.1).collect::<BTreeSet<u8>>().len() as i64
            };
            let all = |group: u8| rows.iter().filter(|row| row.0 == group && row.1.is_some()).count() as i64;
            let expected: Vec<_> = groups
                .into_iter()
                .map(|group| (i64::from(group), distinct(group, false), distinct(group, true), all(group)))
                .collect();
            prop_assert_eq!(&runtime.block_on(counted(parts(), true)), &expected);
            prop_assert_eq!(&runtime.block_on(counted(parts(), false)), &expected);
        }

        #[test]
        fn groups_may_be_given_out_a_few_at_a_time(
            rows in prop::collection::vec((0..6_u8, prop::option::of(0..4_u8), any::<bool>()), 1..60),
            few in 0..6_usize,
        ) {
            let batch = batch(&rows);
            let groups: Vec<usize> = rows.iter().map(|row| usize::from(row.0)).collect();
            let filled = || {
                let mut texts = DistinctTexts::default();
                texts.update_batch(&[batch.column(1).clone()], &groups, Some(batch.column(2).as_boolean()), 6).unwrap();
                texts
            };
            let whole = filled().evaluate(EmitTo::All).unwrap();
            let (mut parted, mut stated) = (filled(), filled());
            let first = parted.evaluate(EmitTo::First(few)).unwrap();
            parted.update_batch(&[batch.column(1).slice(0, 0)], &[], None, 6 - few).unwrap();
            let second = parted.evaluate(EmitTo::All).unwrap();
            prop_assert_eq!(&arrow::compute::concat(&[&first, &second]).unwrap(), &whole);
            let mut merged = DistinctTexts::default();
            let state = stated.state(EmitTo::First(few)).unwrap();
            merged.merge_batch(&state, &(0..few).collect::<Vec<_>>(), 6).unwrap();
            merged.merge_batch(&stated.state(EmitTo::All).unwrap(), &(few..6).collect::<Vec<_>>(), 6).unwrap();
            prop_assert_eq!(&merged.evaluate(EmitTo::All).unwrap(), &whole);
            // What is given out takes no memory any more.
            prop_assert_eq!((stated.size(), merged.size()), (0, 0));
        }
    }
}
