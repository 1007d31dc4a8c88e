//! The query of the score stage: `features.sql` with the models on top of it, planned once per batch and run once for
//! each range of records.
//!
//! The plan gives one row for each record, in the order of records: `record`, the features that some model reads
//! (numbers and booleans as DOUBLE, texts as views) and one `bordereau_score` column for each model. Relations are
//! tables whose rows come with the task: each run carries its own rows in the extensions of its task context, and the
//! plan's operators are made anew (`reset_plan_states`), so that runs on several threads share nothing. Planning takes
//! some milliseconds, a run's own overhead is a fraction of one.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::{Column, ScalarValue, TableReference};
use datafusion::execution::TaskContext;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ScalarUDF, cast, lit};
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, collect};
use datafusion::prelude::SessionContext;
use futures::executor::block_on;
use tokio::runtime::Runtime;

use crate::error::{Error, Result};
use crate::functions::{Asked, Score, ScoreColumn, register_model};
use crate::release::Release;
use crate::release::features_plan::RECORD_COLUMN;
use crate::release::layout::table_schema;
use crate::session::session_state;
use crate::stages::score::slices::{Tables, slices};

/// The rows of one run: for each relation its batches, with the columns that the feature query reads.
#[derive(Debug)]
struct Rows(Tables);

/// A relation as a table whose rows come with the task.
#[derive(Debug)]
struct Relation {
    index: usize,
    /// All fields of the relation, so that a query may name any of them.
    schema: SchemaRef,
    /// For each field its place in the rows, nothing where the query does not read it after all.
    places: Vec<Option<usize>>,
}

impl Relation {
    fn of(release: &Release, index: usize) -> Self {
        let relation = &release.dictionary.relations[index];
        let read = &release.layout.relations[index].read;
        let mut places: Vec<Option<usize>> =
            (0..relation.fields.len()).map(|field| read.iter().position(|at| *at == field)).collect();
        places.push(Some(read.len()));
        let schema = table_schema(&release.dictionary, index, 0..relation.fields.len());
        Self { index, schema, places }
    }

    fn widened(&self, batch: &RecordBatch) -> datafusion::common::Result<RecordBatch> {
        let column = |(place, field): (&Option<usize>, &Arc<arrow::datatypes::Field>)| match place {
            Some(at) => Arc::clone(batch.column(*at)),
            None => new_null_array(field.data_type(), batch.num_rows()),
        };
        let columns = self.places.iter().zip(self.schema.fields()).map(column).collect();
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

impl PartitionStream for Relation {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, task: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = task.session_config().get_extension::<Rows>();
        let batches = rows.as_ref().and_then(|rows| rows.0.get(self.index)).map_or(&[][..], Vec::as_slice);
        let widened: Vec<_> = batches.iter().map(|batch| self.widened(batch)).collect();
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), futures::stream::iter(widened)))
    }
}

/// What the models gave for the records of a slice.
#[derive(Debug)]
pub struct ScoredRows {
    /// For each feature of [`ScorePlan::features`] its column: `Float64` or `Utf8View`, null where missing.
    pub features: Vec<ArrayRef>,
    /// For each model its scores.
    pub scores: Vec<ScoreColumn>,
}

/// The planned query.
#[derive(Debug)]
pub struct ScorePlan {
    state: SessionState,
    plan: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
    /// The features that some model reads (indices into [`Release::features`]), ascending.
    pub features: Vec<usize>,
    slice_records: usize,
}

impl ScorePlan {
    /// Plans the query of a release; `asked` is for each model, `slice_records` are put through it at a time.
    ///
    /// # Errors
    /// When the query cannot be planned, which the checks of a release keep from happening.
    pub fn new(release: &Release, asked: &[Asked], slice_records: usize) -> Result<Self> {
        let context = SessionContext::new_with_state(session_state()?);
        for (index, relation) in release.dictionary.relations.iter().enumerate() {
            let stream = Relation::of(release, index);
            let table = StreamingTable::try_new(Arc::clone(&stream.schema), vec![Arc::new(stream)])?;
            context.register_table(relation.sql_name(), Arc::new(table))?;
        }
        for model in &release.models {
            register_model(&model.key, &model.model);
        }
        let features = features_read(release);
        let state = context.state();
        let query = block_on(state.create_logical_plan(&release.features_sql))?;
        let query = with_scores(query, release, &features, asked)?;
        let plan = block_on(state.create_physical_plan(&query))?;
        let schema = plan.schema();
        Ok(Self { state, plan, schema, features, slice_records })
    }

    /// Runs the query over the rows of one range, slice by slice; `records` are its records, ascending, their numbers
    /// in the first column. `take` gets the records of each slice and what the models gave for them. Must be called
    /// inside `runtime`'s own thread; spawns nothing elsewhere.
    ///
    /// # Errors
    /// [`Error::Release`] when the query gives a record no row, or more than one; others as they say.
    pub fn run(
        &self,
        runtime: &Runtime,
        tables: Tables,
        records: &RecordBatch,
        mut take: impl FnMut(&RecordBatch, ScoredRows) -> Result<()>,
    ) -> Result<()> {
        let numbers = records.column(0).as_primitive_opt::<Int64Type>().ok_or(Error::Worker("link"))?;
        for (at, tables) in slices(tables, numbers, self.slice_records)?.into_iter().enumerate() {
            let from = at * self.slice_records;
            let records = records.slice(from, self.slice_records.min(records.num_rows() - from));
            let rows = concat_batches(&self.schema, &self.query(runtime, tables)?)?;
            one_row_each(records.column(0).as_primitive(), rows.column(0).as_primitive::<Int64Type>())?;
            let (features, scores) = rows.columns()[1..].split_at(self.features.len());
            let scores = scores.iter().map(ScoreColumn::from_array).collect::<Result<_, _>>()?;
            take(&records, ScoredRows { features: features.to_vec(), scores })?;
        }
        Ok(())
    }

    fn query(&self, runtime: &Runtime, tables: Tables) -> Result<Vec<RecordBatch>> {
        let config = self.state.config().clone().with_extension(Arc::new(Rows(tables)));
        let task = Arc::new(TaskContext::from(&self.state).with_session_config(config));
        let plan = reset_plan_states(Arc::clone(&self.plan))?;
        Ok(runtime.block_on(collect(plan, task))?)
    }
}

/// The features that some model reads, ascending.
pub fn features_read(release: &Release) -> Vec<usize> {
    let mut features: Vec<usize> = release.models.iter().flat_map(|model| model.inputs.iter().copied()).collect();
    features.sort_unstable();
    features.dedup();
    features
}

/// The feature query, typed and ordered, with a column of scores for each model.
fn with_scores(query: LogicalPlan, release: &Release, features: &[usize], asked: &[Asked]) -> Result<LogicalPlan> {
    let names = columns_by_name(&query);
    let record = named(&names, RECORD_COLUMN)?;
    let mut typed = vec![cast(record, DataType::Int64).alias(RECORD_COLUMN)];
    for (at, &feature) in features.iter().enumerate() {
        let field = release.features.field(feature);
        let wanted = if field.data_type().is_string() { DataType::Utf8View } else { DataType::Float64 };
        typed.push(cast(named(&names, field.name())?, wanted).alias(feature_name(at)));
    }
    let column = |name: &str| Expr::Column(Column::new_unqualified(name));
    let mut scored: Vec<Expr> = vec![column(RECORD_COLUMN)];
    scored.extend((0..features.len()).map(|at| column(&feature_name(at))));
    let score = Arc::new(ScalarUDF::from(Score::new()));
    for (at, (model, asked)) in release.models.iter().zip(asked).enumerate() {
        let text = |text: String| lit(ScalarValue::Utf8(Some(text)));
        let mut args = vec![text(model.key.clone()), text(asked.to_json()?), column(RECORD_COLUMN)];
        let place = |input: &usize| features.binary_search(input).unwrap_or(usize::MAX);
        args.extend(model.inputs.iter().map(|input| column(&feature_name(place(input)))));
        scored.push(score.call(args).alias(format!("score_{at}")));
    }
    let builder = LogicalPlanBuilder::from(query).project(typed)?;
    Ok(builder.sort([column(RECORD_COLUMN).sort(true, false)])?.project(scored)?.build()?)
}

fn feature_name(at: usize) -> String {
    format!("feature_{at}")
}

fn columns_by_name(plan: &LogicalPlan) -> Vec<(String, Expr)> {
    let column = |(qualifier, field): (Option<&TableReference>, &Arc<arrow::datatypes::Field>)| {
        (field.name().clone(), Expr::Column(Column::new(qualifier.cloned(), field.name())))
    };
    plan.schema().iter().map(column).collect()
}

fn named(names: &[(String, Expr)], name: &str) -> Result<Expr> {
    let found = names.iter().find(|(known, _)| known == name).map(|(_, expr)| expr.clone());
    found.ok_or_else(|| Error::Release(format!("features.sql gives no column {name}")))
}

/// Checks that the query gave exactly the records asked for, once each; both lists ascend.
fn one_row_each(wanted: &Int64Array, given: &Int64Array) -> Result<()> {
    if wanted.values() == given.values() && given.null_count() == 0 {
        return Ok(());
    }
    let (wanted, mut given) = (wanted.values().iter(), given.values().iter().peekable());
    for record in wanted {
        while given.next_if(|at| *at < record).is_some() {}
        let mut rows = 0;
        while given.next_if_eq(&record).is_some() {
            rows += 1;
        }
        if rows != 1 {
            // Row numbers may have gaps where the file has blank lines, so the record is named by its place.
            let message =
                format!("features.sql gives {rows} rows for record {} of the file; it must give one", record + 1);
            return Err(Error::Release(message));
        }
    }
    Err(Error::Release("features.sql gives a row without a record".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::manifest::ExplainedRows;

    #[test]
    fn features_are_computed_once_and_plans_hold_no_state() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/small");
        let release = Release::from_folder(&folder).unwrap();
        let asked = |_| Asked { output: 0, top: 3, rows: ExplainedRows::All, fields: Vec::new() };
        let asked: Vec<Asked> = (0..release.models.len()).map(asked).collect();
        let plan = ScorePlan::new(&release, &asked, 1_024).unwrap();
        let text = datafusion::physical_plan::displayable(plan.plan.as_ref()).indent(false).to_string();
        let (top, below) = text.split_once('\n').unwrap();
        assert_eq!(top.matches("bordereau_score(").count(), release.models.len(), "{text}");
        assert!(!top.contains("CAST") && !below.contains("bordereau_score"), "{text}");
        assert!(below.trim_start().starts_with("SortExec") && !text.contains("DynamicFilter"), "{text}");
    }

    #[test]
    fn each_record_needs_one_row() {
        let check = |given: Vec<Option<i64>>| {
            let wanted = Int64Array::from(vec![3, 5, 9]);
            one_row_each(&wanted, &Int64Array::from(given)).map_err(|error| error.to_string())
        };
        let all = [3, 5, 9].map(Some);
        assert_eq!(check(all.to_vec()), Ok(()));
        let several = "features.sql gives 2 rows for record 6 of the file; it must give one";
        assert_eq!(check(vec![Some(3), Some(5), Some(5), Some(9)]), Err(several.to_owned()));
        let none = "features.sql gives 0 rows for record 10 of the file; it must give one";
        assert_eq!(check(vec![Some(3), Some(5)]), Err(none.to_owned()));
        assert_eq!(
            check(vec![]),
            Err("features.sql gives 0 rows for record 4 of the file; it must give one".to_owned())
        );
        let other = "features.sql gives a row without a record";
        assert_eq!(check([all.to_vec(), vec![Some(12)]].concat()), Err(other.to_owned()));
        assert_eq!(check([all.to_vec(), vec![None]].concat()), Err(other.to_owned()));
    }
}
