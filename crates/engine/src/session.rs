//! The one place that builds a DataFusion session, so that the functions known embedded, on a scheduler, on an
//! executor and on a client can never differ.

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::prelude::SessionConfig;

use crate::distinct_count::CountOfTexts;
use crate::error::Result;
use crate::functions::Score;
use crate::profile_column::ProfileColumn;

/// Memory one session may take for sorts and aggregates before it spills or refuses, in bytes.
const SESSION_MEMORY_BYTES: usize = 512 << 20;

/// Rows of a batch inside a plan.
const BATCH_ROWS: usize = 8_192;

/// Builds the state every session of bordereau starts from: one partition (ranges of records are what runs in
/// parallel), names in lower case unless quoted, no table functions, no catalog of its own settings, and our functions.
///
/// # Errors
/// When the runtime cannot be built, which only a lack of memory or of a temporary folder causes.
pub fn session_state() -> Result<SessionState> {
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_batch_size(BATCH_ROWS)
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(true);
    let options = config.options_mut();
    // So that what is wrong with a query can be said with its line.
    options.sql_parser.collect_spans = true;
    // A plan is run once for each range of records, by several threads at once; such filters are state inside a plan.
    options.optimizer.enable_dynamic_filter_pushdown = false;
    let mut state =
        SessionStateBuilder::new().with_config(config).with_runtime_env(runtime()?).with_default_features().build();
    for name in table_function_names(&state) {
        state.deregister_udtf(&name)?;
    }
    for function in functions() {
        datafusion::execution::FunctionRegistry::register_udf(&mut state, function)?;
    }
    for function in aggregates() {
        datafusion::execution::FunctionRegistry::register_udaf(&mut state, function)?;
    }
    Ok(state)
}

/// The scalar functions bordereau adds to SQL.
pub fn functions() -> Vec<Arc<ScalarUDF>> {
    vec![Arc::new(ScalarUDF::from(Score::new()))]
}

/// The aggregate functions bordereau adds to SQL, and `count`, which takes the place of DataFusion's.
pub fn aggregates() -> Vec<Arc<AggregateUDF>> {
    let of_texts = AggregateUDF::from(CountOfTexts::default());
    vec![Arc::new(AggregateUDF::from(ProfileColumn::default())), Arc::new(of_texts)]
}

fn runtime() -> Result<Arc<RuntimeEnv>> {
    Ok(RuntimeEnvBuilder::new().with_memory_limit(SESSION_MEMORY_BYTES, 1.0).build_arc()?)
}

fn table_function_names(state: &SessionState) -> Vec<String> {
    state.table_functions().keys().cloned().collect()
}
