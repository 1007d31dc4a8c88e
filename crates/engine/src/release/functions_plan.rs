//! Which functions a release's SQL may call.
//!
//! The same upload must give the same bytes, and a record the same scores whatever its neighbours are. So no function
//! may read the clock or chance, and none may give an answer that hangs on how rows happen to be ordered or cut into
//! batches. [`refuse_functions`] walks a plan as it was written, before the optimizer folds `now()` into a constant or
//! rewrites an aggregate. Aggregates are let through by name, so that one that a later DataFusion adds is refused until
//! someone has looked at it. What is left to the author are ties: an ORDER BY must settle the order by itself.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionDefinition};
use datafusion::logical_expr::{AggregateUDF, Distinct, Expr, LogicalPlan, Volatility};

use crate::functions::SCORE;

/// Aggregates whose answer is that of their set of rows. Sums of fractions add in the order of the rows, which is that
/// of the file.
const OF_A_SET: [&str; 30] = [
    "approx_distinct",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "grouping",
    "max",
    "median",
    "min",
    "percentile_cont",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "sum",
    "var",
    "var_pop",
];

/// Of those, the ones that may take DISTINCT: the others would add fractions in the order of a hash table.
const OF_DISTINCT_VALUES: [&str; 9] =
    ["bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "count", "max", "median", "min"];

/// Aggregates whose answer is that of their rows in an order.
const OF_A_LIST: [&str; 5] = ["array_agg", "first_value", "last_value", "nth_value", "string_agg"];

/// Window functions that say the same of a row however rows are ordered, or nothing without an ORDER BY.
const OF_A_RANK: [&str; 4] = ["cume_dist", "dense_rank", "percent_rank", "rank"];

/// Refuses a plan, as written, that calls a function that reads the clock or chance or whose answer hangs on how rows
/// happen to lie.
///
/// # Errors
/// A sentence that names the function.
pub fn refuse_functions(plan: &LogicalPlan) -> Result<(), String> {
    let mut found = None;
    let walked = plan.apply_with_subqueries(|node| {
        found = found.take().or_else(|| distinct_on(node));
        node.apply_expressions(|expr| {
            expr.apply(|inner| {
                found = found.take().or_else(|| fault(inner));
                Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })
        })
    });
    walked.map_err(|error| error.to_string())?;
    found.map_or(Ok(()), Err)
}

fn fault(expr: &Expr) -> Option<String> {
    match expr {
        Expr::ScalarFunction(call) if call.func.name() == SCORE => {
            Some(format!("the function {SCORE} is for bordereau's own plans; features come before scores"))
        }
        Expr::ScalarFunction(call) => unstable(call.func.name(), call.func.signature().volatility),
        Expr::HigherOrderFunction(call) => unstable(call.func.name(), call.func.signature().volatility),
        Expr::AggregateFunction(call) => {
            aggregate(&call.func, call.params.distinct, Order::of(call.params.order_by.len()))
        }
        Expr::WindowFunction(call) => window(call),
        Expr::ScalarVariable(..) | Expr::Placeholder(_) => unstable("of a variable", Volatility::Volatile),
        _ => None,
    }
}

fn unstable(name: &str, volatility: Volatility) -> Option<String> {
    let message = "gives another answer at another time; the same upload must always give the same results";
    (volatility != Volatility::Immutable).then(|| format!("the function {name} {message}"))
}

/// Whether a call says in which order it takes its rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Said,
    Unsaid,
}

impl Order {
    fn of(columns: usize) -> Self {
        if columns == 0 { Self::Unsaid } else { Self::Said }
    }
}

fn aggregate(function: &AggregateUDF, distinct: bool, order: Order) -> Option<String> {
    let name = function.name();
    if OF_A_LIST.contains(&name) {
        return (order == Order::Unsaid).then(|| no_order(name));
    }
    if !OF_A_SET.contains(&name) {
        let message = "gives an answer that hangs on how rows happen to lie; use an exact one, such as median or max";
        return Some(format!("the aggregate {name} {message}"));
    }
    let message = "adds in no particular order; make the values distinct in a query of their own";
    (distinct && !OF_DISTINCT_VALUES.contains(&name)).then(|| format!("{name}(DISTINCT ...) {message}"))
}

fn window(call: &WindowFunction) -> Option<String> {
    let (order, frame) = (Order::of(call.params.order_by.len()), &call.params.window_frame);
    let whole = frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded();
    match &call.fun {
        WindowFunctionDefinition::AggregateUDF(function) if order == Order::Unsaid && !whole => {
            Some(no_order(function.name()))
        }
        WindowFunctionDefinition::AggregateUDF(function) => aggregate(function, call.params.distinct, order),
        WindowFunctionDefinition::WindowUDF(function) => {
            let name = function.name();
            unstable(name, function.signature().volatility)
                .or_else(|| (order == Order::Unsaid && !OF_A_RANK.contains(&name)).then(|| no_order(name)))
        }
    }
}

fn no_order(name: &str) -> String {
    format!("{name} takes rows in an order, so it needs an ORDER BY that leaves no ties")
}

/// DISTINCT ON keeps a row of each group; the optimizer makes aggregates of it in which records are not seen any more.
fn distinct_on(node: &LogicalPlan) -> Option<String> {
    let message = "DISTINCT ON is not allowed; use row_number() OVER (PARTITION BY record ORDER BY ...) instead";
    matches!(node, LogicalPlan::Distinct(Distinct::On(_))).then(|| message.to_owned())
}
