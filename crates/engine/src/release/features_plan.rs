//! What `features.sql` may be: one SELECT over the relations in which records stay apart.
//!
//! A score must depend on its own record alone, and the same upload must give the same bytes however its records are
//! split over threads and machines. Both hold when no step of the plan mixes rows of different records, and when no
//! function reads the clock or chance. This module walks the logical plan and refuses every step for which it cannot
//! see that: joins that are not on `record`, aggregates not grouped by it, windows not partitioned by it, limits, and
//! functions whose answer hangs on more than their rows (`functions_plan` tells which). It knows plans, not
//! rows; its cost is that of planning.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType};
use datafusion::logical_expr::{Aggregate, Distinct, Expr, Join, LogicalPlan, TableScan, Window};

/// Name of the column that tells records apart, in every relation and in the result.
pub const RECORD_COLUMN: &str = "record";

/// What the rows of a plan node are, as far as records go.
enum Rows {
    /// The same rows whatever the upload, such as a VALUES list.
    Constant,
    /// Each row comes from one record only; these output columns (by position) hold its number.
    OfOneRecord(BTreeSet<usize>),
}

/// Refuses a plan (optimized, so that subqueries have become joins) unless its result has a column `record` and each
/// row of each step comes from rows of one record.
///
/// # Errors
/// A sentence that names the step.
pub fn refuse_mixed_records(plan: &LogicalPlan) -> Result<(), String> {
    refuse_left_queries(plan)?;
    match rows_of(plan)? {
        Rows::Constant => Err("the query reads no relation".to_owned()),
        Rows::OfOneRecord(columns) => match position(plan.schema(), RECORD_COLUMN) {
            Some(at) if columns.contains(&at) => Ok(()),
            Some(_) => Err("the column record of the result must be the record of a relation, unchanged".to_owned()),
            None => Err("the result has no column record".to_owned()),
        },
    }
}

/// Refuses queries inside expressions that the optimizer did not turn into joins: they are about all records at once.
fn refuse_left_queries(plan: &LogicalPlan) -> Result<(), String> {
    let mut found = false;
    let walked = plan.apply(|node| {
        node.apply_expressions(|expr| {
            found |= expr.exists(|inner| Ok(is_query(inner)))?;
            Ok(TreeNodeRecursion::Continue)
        })
    });
    walked.map_err(|error| error.to_string())?;
    if found {
        return Err("a query inside an expression is no join on record; join the relation on record instead".to_owned());
    }
    Ok(())
}

/// Whether an expression holds a query of its own.
pub fn is_query(expr: &Expr) -> bool {
    matches!(expr, Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) | Expr::SetComparison(_))
}

fn position(schema: &DFSchema, name: &str) -> Option<usize> {
    schema.fields().iter().position(|field| field.name() == name)
}

fn rows_of(plan: &LogicalPlan) -> Result<Rows, String> {
    match plan {
        LogicalPlan::TableScan(scan) => Ok(scanned(scan)),
        LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => Ok(Rows::Constant),
        LogicalPlan::Projection(step) => kept(rows_of(&step.input)?, &step.expr, step.input.schema()),
        LogicalPlan::Filter(step) => rows_of(&step.input),
        LogicalPlan::SubqueryAlias(step) => rows_of(&step.input),
        LogicalPlan::Repartition(step) => rows_of(&step.input),
        LogicalPlan::Sort(step) if step.fetch.is_none() => rows_of(&step.input),
        LogicalPlan::Aggregate(step) => grouped(step),
        LogicalPlan::Window(step) => windowed(step),
        LogicalPlan::Join(step) => joined(step),
        LogicalPlan::Union(step) => {
            let inputs = step.inputs.iter().map(|input| rows_of(input)).collect::<Result<Vec<_>, _>>()?;
            united(inputs)
        }
        LogicalPlan::Distinct(Distinct::All(input)) => distinct(input),
        LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
            Err("LIMIT keeps some records and drops others; use a window over PARTITION BY record".to_owned())
        }
        other => Err(format!("the step {} is not allowed", other.display())),
    }
}

fn scanned(scan: &TableScan) -> Rows {
    let at = position(&scan.projected_schema, RECORD_COLUMN);
    Rows::OfOneRecord(at.into_iter().collect())
}

/// Positions of the outputs that are a record column of the input, bare, aliased, or one of several by `coalesce`.
fn kept(input: Rows, outputs: &[Expr], schema: &DFSchema) -> Result<Rows, String> {
    Ok(match input {
        Rows::Constant => Rows::Constant,
        Rows::OfOneRecord(columns) => {
            let of_record = |expr: &Expr| is_record(expr, &columns, schema);
            Rows::OfOneRecord(
                outputs.iter().enumerate().filter(|(_, expr)| of_record(expr)).map(|(at, _)| at).collect(),
            )
        }
    })
}

fn is_record(expr: &Expr, columns: &BTreeSet<usize>, schema: &DFSchema) -> bool {
    match expr {
        Expr::Alias(alias) => is_record(&alias.expr, columns, schema),
        Expr::Column(column) => index_of(schema, column).is_some_and(|at| columns.contains(&at)),
        Expr::ScalarFunction(call) if call.func.name() == "coalesce" => {
            call.args.iter().all(|arg| is_record(arg, columns, schema))
        }
        _ => false,
    }
}

fn index_of(schema: &DFSchema, column: &Column) -> Option<usize> {
    schema.maybe_index_of_column(column)
}

fn grouped(step: &Aggregate) -> Result<Rows, String> {
    match rows_of(&step.input)? {
        Rows::Constant => Ok(Rows::Constant),
        rows => match kept(rows, &step.group_expr, step.input.schema())? {
            Rows::OfOneRecord(columns) if columns.is_empty() => {
                Err("an aggregate is not grouped by record, so it would mix records".to_owned())
            }
            rows => Ok(rows),
        },
    }
}

fn windowed(step: &Window) -> Result<Rows, String> {
    let input = rows_of(&step.input)?;
    if let Rows::OfOneRecord(columns) = &input {
        for expr in &step.window_expr {
            let window = match expr {
                Expr::WindowFunction(window) => window,
                Expr::Alias(alias) => match alias.expr.as_ref() {
                    Expr::WindowFunction(window) => window,
                    _ => return Err("a window could not be understood".to_owned()),
                },
                _ => return Err("a window could not be understood".to_owned()),
            };
            let schema = step.input.schema();
            if !window.params.partition_by.iter().any(|by| is_record(by, columns, schema)) {
                return Err("a window has no PARTITION BY record, so it would mix records".to_owned());
            }
        }
    }
    Ok(input)
}

fn joined(step: &Join) -> Result<Rows, String> {
    if step.join_type == JoinType::Full {
        return Err("a FULL JOIN is not needed: start from the record relation and LEFT JOIN the others".to_owned());
    }
    if step.null_aware {
        let message = "a NOT IN over values that may be null looks at all records at once; use NOT EXISTS instead";
        return Err(message.to_owned());
    }
    let width = step.left.schema().fields().len();
    match (rows_of(&step.left)?, rows_of(&step.right)?) {
        (Rows::Constant, Rows::Constant) => Ok(Rows::Constant),
        (Rows::OfOneRecord(left), Rows::Constant) => Ok(sides(step.join_type, left, BTreeSet::new(), width)),
        (Rows::Constant, Rows::OfOneRecord(right)) => Ok(sides(step.join_type, BTreeSet::new(), right, width)),
        (Rows::OfOneRecord(left), Rows::OfOneRecord(right)) => {
            let on_record = step
                .on
                .iter()
                .any(|(l, r)| is_record(l, &left, step.left.schema()) && is_record(r, &right, step.right.schema()));
            if on_record {
                Ok(sides(step.join_type, left, right, width))
            } else {
                Err("a join of two relations is not on record, so it would mix records".to_owned())
            }
        }
    }
}

/// Record columns after a join of the left columns (`width` of them) with the right ones. A side that may be filled
/// up with nulls loses its own.
fn sides(join_type: JoinType, left: BTreeSet<usize>, right: BTreeSet<usize>, width: usize) -> Rows {
    let shifted = right.iter().map(|at| at + width);
    Rows::OfOneRecord(match join_type {
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => left,
        JoinType::Right => shifted.collect(),
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => right,
        JoinType::Inner | JoinType::Full => left.into_iter().chain(shifted).collect(),
    })
}

fn united(inputs: Vec<Rows>) -> Result<Rows, String> {
    let mut common: Option<BTreeSet<usize>> = None;
    for input in inputs {
        match (input, &mut common) {
            (Rows::Constant, _) => return Err("a UNION adds rows that belong to no record".to_owned()),
            (Rows::OfOneRecord(columns), None) => common = Some(columns),
            (Rows::OfOneRecord(columns), Some(common)) => common.retain(|at| columns.contains(at)),
        }
    }
    Ok(common.map_or(Rows::Constant, Rows::OfOneRecord))
}

fn distinct(input: &LogicalPlan) -> Result<Rows, String> {
    match rows_of(input)? {
        Rows::OfOneRecord(columns) if columns.is_empty() => Err("DISTINCT without record would mix records".to_owned()),
        rows => Ok(rows),
    }
}
