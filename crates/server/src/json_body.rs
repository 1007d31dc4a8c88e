//! JSON bodies of requests: small, read as a whole, and refused with a sentence that repeats nothing of them.

use std::time::Duration;

use axum::body::Body;
use futures::StreamExt;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

const BODY_BYTES_MAX: usize = 64 << 10;

/// Reads a body. A client that sends nothing for `idle` is too slow.
pub(crate) async fn read<T: DeserializeOwned>(body: Body, idle: Duration) -> Result<T, Problem> {
    let mut pieces = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(piece) = tokio::time::timeout(idle, pieces.next()).await.map_err(|_| Problem::TooSlow)? {
        let piece = piece.map_err(|_| Problem::Body("The body breaks off.".to_owned()))?;
        if bytes.len() + piece.len() > BODY_BYTES_MAX {
            return Err(Problem::Body(format!("The body may have at most {BODY_BYTES_MAX} bytes.")));
        }
        bytes.extend_from_slice(&piece);
    }
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        // It would be taken for the members in their order.
        return Err(Problem::Body("The body is an array and not the JSON object that is expected.".to_owned()));
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Problem::Body(format!("The body is not the JSON object that is expected (line {line}, column {column})."))
    })
}
