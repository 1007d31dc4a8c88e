//! The multipart body of an upload, streamed part by part to a receiver.
//!
//! The part named `file` or `batch-file` goes to the receiver; other parts are read and left aside. The body is read to
//! its end, so that a second zip is refused instead of being overlooked. Memory is bounded: the parser is given the
//! body piece by piece and no more than [`UNPARSED_BYTES_MAX`] without a sign that it got anywhere, which is what a
//! part's headers or the text before the first part would need. A client that sends nothing for `body_idle`, or less
//! than [`PACE_BYTES_MIN`] in so much time of waiting for it, is cut off: there are few places for uploads.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bordereau_jobs::UploadReceiver;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use multer::{Constraints, Field, Multipart, SizeLimit};

use crate::problem::Problem;

const UNPARSED_BYTES_MAX: usize = 1 << 20;
/// What a client must send in each `body_idle` of our waiting.
const PACE_BYTES_MIN: usize = 16 << 10;
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
    let seen = Arc::new(Seen::default());
    let pace = Pace { body_idle, waiting_since: None, waited: Duration::ZERO, bytes: 0 };
    let pieces = Pieces { body: body.into_data_stream(), seen: Arc::clone(&seen), pace, gave: false };
    let whole_max = upload_bytes_max.saturating_add(BESIDES_BYTES_MAX);
    let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(whole_max));
    let mut parts = Multipart::with_constraints(pieces, boundary, constraints);
    let mut found = false;
    let problem = |error| problem(error, &seen, upload_bytes_max);
    while let Some(mut part) = in_time(body_idle, parts.next_field()).await?.map_err(problem)? {
        let wanted = part.name().is_some_and(|name| PART_NAMES.contains(&name));
        if wanted && found {
            return Err(Problem::ManyFileParts);
        }
        found |= wanted;
        while let Some(piece) = next_piece(&mut part, &seen, body_idle).await?.map_err(problem)? {
            if wanted {
                receiver.write(piece).await?;
            }
        }
    }
    if found { Ok(()) } else { Err(Problem::NoFilePart) }
}

async fn next_piece(
    part: &mut Field<'_>,
    seen: &Seen,
    body_idle: Duration,
) -> Result<multer::Result<Option<Bytes>>, Problem> {
    let piece = in_time(body_idle, part.chunk()).await;
    seen.unparsed.store(0, Ordering::Relaxed);
    piece
}

async fn in_time<T>(body_idle: Duration, work: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(body_idle, work).await.map_err(|_| Problem::TooSlow)
}

fn problem(error: multer::Error, seen: &Seen, upload_bytes_max: u64) -> Problem {
    match error {
        _ if seen.too_slow.load(Ordering::Relaxed) => Problem::TooSlow,
        multer::Error::StreamSizeExceeded { .. } => Problem::TooLarge { upload_bytes_max },
        _ => Problem::BrokenMultipart,
    }
}

/// What is known of the body on both sides of the parser.
#[derive(Debug, Default)]
struct Seen {
    /// Bytes that the parser was given without a sign that it got anywhere.
    unparsed: AtomicUsize,
    /// The body came too slowly.
    too_slow: AtomicBool,
}

/// How fast a body comes, in the time that we wait for it.
struct Pace {
    body_idle: Duration,
    waiting_since: Option<Instant>,
    waited: Duration,
    bytes: usize,
}

impl Pace {
    fn wait(&mut self) {
        self.waiting_since.get_or_insert_with(Instant::now);
    }

    /// Counts a piece. False: too little came in too long.
    fn keeps_up(&mut self, bytes: usize) -> bool {
        self.waited += self.waiting_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.bytes += bytes;
        if self.waited < self.body_idle {
            return true;
        }
        let keeps_up = self.bytes >= PACE_BYTES_MIN;
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        keeps_up
    }
}

/// A body for the parser, which would take in all that is ready at one go: one piece for each time it asks.
struct Pieces {
    body: BodyDataStream,
    seen: Arc<Seen>,
    pace: Pace,
    gave: bool,
}

impl Stream for Pieces {
    type Item = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.gave) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Poll::Ready(piece) = self.body.poll_next_unpin(context) else {
            self.pace.wait();
            return Poll::Pending;
        };
        let Some(Ok(piece)) = piece else {
            return Poll::Ready(piece.map(|piece| piece.map_err(Into::into)));
        };
        if !self.pace.keeps_up(piece.len()) {
            self.seen.too_slow.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(Box::new(NothingFound))));
        }
        let unparsed = self.seen.unparsed.fetch_add(piece.len(), Ordering::Relaxed) + piece.len();
        if unparsed > UNPARSED_BYTES_MAX {
            return Poll::Ready(Some(Err(Box::new(NothingFound))));
        }
        self.gave = true;
        Poll::Ready(Some(Ok(piece)))
    }
}

/// The parser was given much and found no part in it, or little in too long a time.
#[derive(Debug)]
struct NothingFound;

impl fmt::Display for NothingFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing within the bytes that are held, or the time that is given")
    }
}

impl std::error::Error for NothingFound {}
