//! The multipart body of an upload, streamed part by part to a receiver.
//!
//! The part named `file` or `batch-file` goes to the receiver; other parts are read and left aside. The body is read to
//! its end, so that a second zip is refused instead of being overlooked. Memory is bounded: the parser is given the
//! body piece by piece and no more than [`UNPARSED_BYTES_MAX`] without a sign that it got anywhere, which is what a
//! part's headers or the text before the first part would need. A client that sends nothing for `body_idle` is cut off.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bordereau_jobs::UploadReceiver;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use multer::{Constraints, Field, Multipart, SizeLimit};

use crate::problem::Problem;

const UNPARSED_BYTES_MAX: usize = 1 << 20;
/// What a body may have beyond the upload's own cap: boundaries, headers, parts left aside.
pub(crate) const BESIDES_BYTES_MAX: u64 = 1 << 20;
/// As RFC 2046 has it.
const BOUNDARY_CHARS_MAX: usize = 70;
const PART_NAMES: [&str; 2] = ["file", "batch-file"];

/// The boundary that `Content-Type` states for a multipart form.
pub(crate) fn boundary(headers: &HeaderMap) -> Result<String, Problem> {
    let stated = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).ok_or(Problem::NotMultipart)?;
    let boundary = multer::parse_boundary(stated).map_err(|_| Problem::NotMultipart)?;
    let sound = (1..=BOUNDARY_CHARS_MAX).contains(&boundary.len());
    if sound { Ok(boundary) } else { Err(Problem::NotMultipart) }
}

/// Reads the body to its end and gives the zip to the receiver.
pub(crate) async fn receive(
    body: Body,
    boundary: String,
    receiver: &mut UploadReceiver,
    upload_bytes_max: u64,
    body_idle: Duration,
) -> Result<(), Problem> {
    let unparsed = Arc::new(AtomicUsize::new(0));
    let pieces = Pieces { body: body.into_data_stream(), unparsed: Arc::clone(&unparsed), gave: false };
    let whole_max = upload_bytes_max.saturating_add(BESIDES_BYTES_MAX);
    let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(whole_max));
    let mut parts = Multipart::with_constraints(pieces, boundary, constraints);
    let mut found = false;
    let problem = |error| problem(error, upload_bytes_max);
    while let Some(mut part) = in_time(body_idle, parts.next_field()).await?.map_err(problem)? {
        let wanted = part.name().is_some_and(|name| PART_NAMES.contains(&name));
        if wanted && found {
            return Err(Problem::ManyFileParts);
        }
        found |= wanted;
        while let Some(piece) = next_piece(&mut part, &unparsed, body_idle).await?.map_err(problem)? {
            if wanted {
                receiver.write(piece).await?;
            }
        }
    }
    if found { Ok(()) } else { Err(Problem::NoFilePart) }
}

async fn next_piece(
    part: &mut Field<'_>,
    unparsed: &AtomicUsize,
    body_idle: Duration,
) -> Result<multer::Result<Option<Bytes>>, Problem> {
    let piece = in_time(body_idle, part.chunk()).await;
    unparsed.store(0, Ordering::Relaxed);
    piece
}

async fn in_time<T>(body_idle: Duration, work: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(body_idle, work).await.map_err(|_| Problem::TooSlow)
}

fn problem(error: multer::Error, upload_bytes_max: u64) -> Problem {
    match error {
        multer::Error::StreamSizeExceeded { .. } => Problem::TooLarge { upload_bytes_max },
        _ => Problem::BrokenMultipart,
    }
}

/// A body for the parser, which would take in all that is ready at one go: one piece for each time it asks.
struct Pieces {
    body: BodyDataStream,
    unparsed: Arc<AtomicUsize>,
    gave: bool,
}

impl Stream for Pieces {
    type Item = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.gave) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = std::task::ready!(self.body.poll_next_unpin(context));
        let Some(Ok(piece)) = piece else {
            return Poll::Ready(piece.map(|piece| piece.map_err(Into::into)));
        };
        let unparsed = self.unparsed.fetch_add(piece.len(), Ordering::Relaxed) + piece.len();
        if unparsed > UNPARSED_BYTES_MAX {
            return Poll::Ready(Some(Err(Box::new(NothingFound))));
        }
        self.gave = true;
        Poll::Ready(Some(Ok(piece)))
    }
}

/// The parser was given much and found no part in it.
#[derive(Debug)]
struct NothingFound;

impl fmt::Display for NothingFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no part within the bytes that are held")
    }
}

impl std::error::Error for NothingFound {}
