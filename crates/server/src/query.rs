//! Queries, and that of a submit request. A parameter that is not known or given twice is refused instead of being
//! without effect: a misspelt `batchKey` would leave a client waiting for a batch that has another key.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::Query;
use axum::http::Uri;
use bordereau_jobs::{BatchRequest, ResultFormat};

use crate::names::Named;
use crate::problem::Problem;

/// The request for a batch that path and query make.
pub(crate) fn batch_request(named: &Named, uri: &Uri) -> Result<BatchRequest, Problem> {
    let pairs = pairs(uri)?;
    let mut request = BatchRequest::new(named.solution.clone(), named.submission.clone());
    let mut seen = Vec::new();
    for (name, value) in &pairs {
        if wish(&mut request, name, value)? == Wish::Unknown {
            return Err(unknown("are batchKey, solutionVersion, format and explanations"));
        }
        if seen.contains(&name) {
            return Err(twice(name));
        }
        seen.push(name);
    }
    Ok(request)
}

/// Whether a name is that of something a client may wish of its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Taken,
    Unknown,
}

/// Takes one wish of a client into its request.
pub(crate) fn wish(request: &mut BatchRequest, name: &str, value: &str) -> Result<Wish, Problem> {
    match name {
        "batchKey" => request.key = Some(parsed("batchKey", value)?),
        "solutionVersion" => request.version = Some(parsed("solutionVersion", value)?),
        "format" => request.format = format(value)?,
        "explanations" => request.explanations = Some(parsed("explanations", value)?),
        _ => return Ok(Wish::Unknown),
    }
    Ok(Wish::Taken)
}

/// The names and values of a query, in its order.
pub(crate) fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let read = Query::try_from_uri(uri);
    read.map(|Query(pairs)| pairs).map_err(|_| Problem::Query("The query cannot be read.".to_owned()))
}

/// A parameter is none of those that `known` names, such as `are filter and since`. Its name is not repeated.
pub(crate) fn unknown(known: &str) -> Problem {
    Problem::Query(format!("A query parameter is not known. Known {known}."))
}

/// A parameter that may be there once is there again.
pub(crate) fn twice(name: &str) -> Problem {
    Problem::Query(format!("The query parameter {name} is there more than once."))
}

/// The cursor of a page before, which a list counts from 0 up as far as the store can.
pub(crate) fn position(name: &str, value: &str) -> Result<u64, Problem> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let position = value.parse().ok().filter(|position| digits && i64::try_from(*position).is_ok());
    let sentence = || format!("The query parameter {name} is not well-formed: must be the cursor of the page before.");
    position.ok_or_else(|| Problem::Query(sentence()))
}

/// The sentence of an id says what it must be; the value itself is not repeated.
pub(crate) fn parsed<T: FromStr<Err: Display>>(name: &str, value: &str) -> Result<T, Problem> {
    value.parse().map_err(|error| Problem::Query(format!("The query parameter {name} is not well-formed: {error}.")))
}

fn format(value: &str) -> Result<ResultFormat, Problem> {
    match value {
        "csv" => Ok(ResultFormat::Csv),
        "parquet" => Ok(ResultFormat::Parquet),
        _ => Err(Problem::Query("The query parameter format is not well-formed: must be csv or parquet.".to_owned())),
    }
}
