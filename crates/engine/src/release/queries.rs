//! The SQL of a release, planned against its relations: the rules between fields and `features.sql`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use bordereau_base::dictionary::Dictionary;
use bordereau_base::finding::Severity;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DataFusionError, ToDFSchema};
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::prelude::SessionContext;
use futures::executor::block_on;

use super::Problem;
use super::features_plan::{RECORD_COLUMN, is_query, refuse_mixed_records};
use super::functions_plan::refuse_functions;
use super::layout::{Layout, table_schema};
use super::manifest::{Manifest, RuleSpec};

/// A rule between the fields of a row, planned over the typed columns of its relation (all fields, in order).
#[derive(Debug, Clone)]
pub struct Rule {
    /// Index of the relation.
    pub relation: usize,
    /// Index of the field that a finding names.
    pub field: usize,
    /// Gives false where the rule is broken.
    pub holds: Arc<dyn PhysicalExpr>,
    /// Whether a broken rule keeps the record from being scored.
    pub severity: Severity,
    /// The finding's sentence.
    pub sentence: String,
    /// The rule's id.
    pub id: String,
}

/// Plans all rules.
pub fn rules(
    state: &SessionState,
    manifest: &Manifest,
    dictionary: &Dictionary,
    problems: &mut Vec<Problem>,
) -> Vec<Rule> {
    let mut ids = BTreeSet::new();
    let mut planned = Vec::new();
    for (at, spec) in manifest.rules.iter().enumerate() {
        if !ids.insert(&spec.id) {
            problems.push(Problem::new(
                "solution.toml",
                format!("rules[{at}].id"),
                format!("{} is there twice", spec.id),
            ));
        }
        match rule(state, spec, dictionary) {
            Ok(rule) => planned.push(rule),
            Err((key, message)) => {
                problems.push(Problem::new("solution.toml", format!("rules[{at}].{key}"), message));
            }
        }
    }
    planned
}

fn rule(state: &SessionState, spec: &RuleSpec, dictionary: &Dictionary) -> Result<Rule, (&'static str, String)> {
    let relation = dictionary
        .relation_index(&spec.relation)
        .ok_or_else(|| ("relation", format!("the dictionary has no relation {}", spec.relation)))?;
    let index = |name: &String| {
        let field = dictionary.relations[relation].field_index(name);
        field.ok_or_else(|| ("fields", format!("{} has no field {name}", spec.relation)))
    };
    if spec.sentence.trim().is_empty() {
        return Err(("sentence", "is empty".to_owned()));
    }
    let fields = spec.fields.iter().map(index).collect::<Result<Vec<_>, _>>()?;
    let field = *fields.first().ok_or_else(|| ("fields", "there must be at least one".to_owned()))?;
    let holds = rule_expression(state, &spec.holds, dictionary, relation).map_err(|message| ("holds", message))?;
    let (severity, sentence, id) = (spec.severity, spec.sentence.clone(), spec.id.clone());
    Ok(Rule { relation, field, holds, severity, sentence, id })
}

fn rule_expression(
    state: &SessionState,
    sql: &str,
    dictionary: &Dictionary,
    relation: usize,
) -> Result<Arc<dyn PhysicalExpr>, String> {
    let schema = row_schema(dictionary, relation).to_dfschema().map_err(|error| first_line(&error))?;
    let expr = state.create_logical_expr(sql, &schema).map_err(|error| first_line(&error))?;
    let plan = LogicalPlan::EmptyRelation(datafusion::logical_expr::EmptyRelation {
        produce_one_row: false,
        schema: Arc::new(schema.clone()),
    });
    let filter = datafusion::logical_expr::LogicalPlanBuilder::from(plan).project(vec![expr.clone()]);
    refuse_functions(&filter.and_then(|p| p.build()).map_err(|error| first_line(&error))?)?;
    refuse_subqueries(&expr)?;
    let physical = state.create_physical_expr(expr, &schema).map_err(|error| first_line(&error))?;
    match physical.data_type(schema.as_arrow()).map_err(|error| first_line(&error))? {
        DataType::Boolean => Ok(physical),
        other => Err(format!("must be true or false, it is {other}")),
    }
}

fn refuse_subqueries(expr: &Expr) -> Result<(), String> {
    let found = expr.exists(|inner| Ok(is_query(inner)));
    if found.unwrap_or(true) { Err("a rule is about one row; it may not hold a query".to_owned()) } else { Ok(()) }
}

/// The columns a rule sees: all fields of a relation, typed.
pub fn row_schema(dictionary: &Dictionary, relation: usize) -> Schema {
    let all = table_schema(dictionary, relation, 0..dictionary.relations[relation].fields.len());
    let fields: Vec<_> = all.fields().iter().take(all.fields().len() - 1).cloned().collect();
    Schema::new(fields)
}

/// Plans `features.sql`, checks it, notes in the layout which columns it reads, and gives the feature columns.
pub fn features(
    state: &SessionState,
    sql: &str,
    dictionary: &Dictionary,
    layout: &mut Layout,
    problems: &mut Vec<Problem>,
) -> Option<SchemaRef> {
    match plan_features(state, sql, dictionary) {
        Ok((schema, read)) => {
            for (relation, read) in layout.relations.iter_mut().zip(read) {
                relation.read = read.into_iter().collect();
            }
            Some(schema)
        }
        Err(fault) => {
            problems.push(Problem::new("features.sql", fault.place, fault.message));
            None
        }
    }
}

/// What is wrong with the query, and where, as far as that is known.
struct Fault {
    place: String,
    message: String,
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self { place: String::new(), message }
    }
}

impl From<&str> for Fault {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

impl From<DataFusionError> for Fault {
    fn from(error: DataFusionError) -> Self {
        let message = first_line(&error);
        let start = error.diagnostic().and_then(|diagnostic| diagnostic.span).map(|span| span.start);
        let place = start.map(|start| format!("line {}, column {}", start.line, start.column));
        Self { place: place.unwrap_or_else(|| place_in(&message)), message }
    }
}

/// The parser's messages end in `at Line: 3, Column: 7` where they know the place.
fn place_in(message: &str) -> String {
    let place = message.rfind("Line: ").map(|at| &message[at..]);
    let clean =
        |text: &str| text.trim_end_matches([')', '.', '"']).replace("Line: ", "line ").replace("Column: ", "column ");
    place.map(clean).filter(|text| text.len() < 40).unwrap_or_default()
}

fn plan_features(
    state: &SessionState,
    sql: &str,
    dictionary: &Dictionary,
) -> Result<(SchemaRef, Vec<BTreeSet<usize>>), Fault> {
    let context = SessionContext::new_with_state(state.clone());
    for (at, relation) in dictionary.relations.iter().enumerate() {
        let schema = table_schema(dictionary, at, 0..relation.fields.len());
        let table = Arc::new(EmptyTable::new(schema));
        context.register_table(relation.sql_name(), table)?;
    }
    let state = context.state();
    let plan = block_on(state.create_logical_plan(sql))?;
    for (relation, _) in dictionary.relations.iter().zip(0..) {
        context.deregister_table(relation.sql_name())?;
    }
    let only_select = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    only_select.verify_plan(&plan).map_err(|_| "must be one SELECT")?;
    if matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_)) {
        return Err("must be one SELECT".into());
    }
    refuse_functions(&plan)?;
    let optimized = state.optimize(&plan)?;
    refuse_mixed_records(&optimized)?;
    Ok((feature_schema(plan.schema())?, columns_read(&optimized, dictionary)?))
}

fn feature_schema(schema: &DFSchema) -> Result<SchemaRef, String> {
    if schema.fields().iter().filter(|field| field.name() == RECORD_COLUMN).count() > 1 {
        return Err("the result has two columns record; name the one that is meant".to_owned());
    }
    let mut fields = Vec::new();
    let mut names = BTreeMap::new();
    for field in schema.fields().iter().filter(|field| field.name() != RECORD_COLUMN) {
        if names.insert(field.name().to_lowercase(), ()).is_some() {
            return Err(format!("the feature {} is there twice", field.name()));
        }
        if !(field.data_type().is_numeric() || field.data_type().is_string() || field.data_type() == &DataType::Boolean)
        {
            let message = "must be a number, a boolean or a text; cast or take apart what else it is";
            return Err(format!("the feature {} is {}: it {message}", field.name(), field.data_type()));
        }
        fields.push(Arc::clone(field));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// For each relation the fields that the scans of the plan read.
fn columns_read(plan: &LogicalPlan, dictionary: &Dictionary) -> Result<Vec<BTreeSet<usize>>, String> {
    let mut read = vec![BTreeSet::new(); dictionary.relations.len()];
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(at) = dictionary.relation_index(scan.table_name.table())
        {
            let fields = scan.projected_schema.fields().iter();
            read[at].extend(fields.filter_map(|field| dictionary.relations[at].field_index(field.name())));
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map_err(|error| first_line(&error))?;
    Ok(read)
}

/// The first line of DataFusion's message, without its chain and backtrace.
pub fn first_line(error: &datafusion::error::DataFusionError) -> String {
    let text = error.strip_backtrace();
    text.lines().next().unwrap_or_default().to_owned()
}
