//! The file in a multipart body, from a stream of bytes, piece by piece.
//!
//! The part named `file` or `batch-file` is given; other parts are read and left aside. The body is read to its end, so
//! that a second file is refused instead of being overlooked. Memory is bounded: the parser is given the body piece by
//! piece and no more than [`UNPARSED_BYTES_MAX`] without a sign that it got anywhere, which is what a part's headers or
//! the text before the first part would need. A sender that sends nothing for `body_idle`, or less than
//! [`PACE_BYTES_MIN`] in so much time of waiting for it, is given up: there are few places for uploads.
//!
//! Knows nothing of requests, receivers and answers: the fuzz target `multipart` takes this file alone.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use multer::{Constraints, Field, Multipart, SizeLimit};

const UNPARSED_BYTES_MAX: usize = 1 << 20;
/// What a client must send in each `body_idle` of our waiting.
const PACE_BYTES_MIN: usize = 16 << 10;
/// As RFC 2046 has it.
const BOUNDARY_CHARS_MAX: usize = 70;
const PART_NAMES: [&str; 2] = ["file", "batch-file"];

/// The boundary that a media type states for a multipart form.
pub(crate) fn boundary(media_type: &str) -> Option<String> {
    let boundary = multer::parse_boundary(media_type).ok()?;
    (1..=BOUNDARY_CHARS_MAX).contains(&boundary.len()).then_some(boundary)
}

/// Why a body gives no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartFault {
    /// It comes too slowly.
    TooSlow,
    /// It has more bytes than it may.
    TooLarge,
    /// It breaks off, or is not well-formed.
    Broken,
    /// No part of it is the file.
    None,
    /// More than one part of it is.
    Many,
}

/// The bytes of the one part that is the file.
pub(crate) struct FilePart {
    parts: Multipart<'static>,
    /// The part that is being read, and whether it is the file.
    part: Option<(Field<'static>, bool)>,
    found: bool,
    seen: Arc<Seen>,
    body_idle: Duration,
}

impl FilePart {
    /// The file in `body`, which may have `bytes_max` in all.
    pub(crate) fn of<S, E>(body: S, boundary: String, bytes_max: u64, body_idle: Duration) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        let seen = Arc::new(Seen::default());
        let pace = Pace { body_idle, waiting_since: None, waited: Duration::ZERO, bytes: 0 };
        let pieces = Pieces { body, seen: Arc::clone(&seen), pace, gave: false };
        let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(bytes_max));
        let parts = Multipart::with_constraints(pieces, boundary, constraints);
        Self { parts, part: None, found: false, seen, body_idle }
    }

    /// The next bytes of the file; none once the body is at its end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, PartFault> {
        loop {
            let Some((part, wanted)) = &mut self.part else {
                if !self.next_part().await? {
                    return if self.found { Ok(None) } else { Err(PartFault::None) };
                }
                continue;
            };
            let piece = in_time(self.body_idle, part.chunk()).await;
            self.seen.unparsed.store(0, Ordering::Relaxed);
            match piece?.map_err(|error| self.seen.fault(&error))? {
                Some(piece) if *wanted => return Ok(Some(piece)),
                Some(_) => {}
                None => self.part = None,
            }
        }
    }

    /// Goes on to the next part; false when there is none.
    async fn next_part(&mut self) -> Result<bool, PartFault> {
        let part = in_time(self.body_idle, self.parts.next_field()).await?.map_err(|error| self.seen.fault(&error))?;
        let Some(part) = part else { return Ok(false) };
        let wanted = part.name().is_some_and(|name| PART_NAMES.contains(&name));
        if wanted && self.found {
            return Err(PartFault::Many);
        }
        self.found |= wanted;
        self.part = Some((part, wanted));
        Ok(true)
    }
}

async fn in_time<T>(body_idle: Duration, work: impl Future<Output = T>) -> Result<T, PartFault> {
    tokio::time::timeout(body_idle, work).await.map_err(|_| PartFault::TooSlow)
}

/// What is known of the body on both sides of the parser.
#[derive(Debug, Default)]
struct Seen {
    /// Bytes that the parser was given without a sign that it got anywhere.
    unparsed: AtomicUsize,
    /// The body came too slowly.
    too_slow: AtomicBool,
}

impl Seen {
    fn fault(&self, error: &multer::Error) -> PartFault {
        match error {
            _ if self.too_slow.load(Ordering::Relaxed) => PartFault::TooSlow,
            multer::Error::StreamSizeExceeded { .. } => PartFault::TooLarge,
            _ => PartFault::Broken,
        }
    }
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
struct Pieces<S> {
    body: S,
    seen: Arc<Seen>,
    pace: Pace,
    gave: bool,
}

impl<S, E> Stream for Pieces<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Item = Result<Bytes, Box<dyn Error + Send + Sync>>;

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

impl Error for NothingFound {}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// What comes of a body that arrives in pieces of so many bytes.
    async fn read(body: &[u8], piece_bytes: usize, bytes_max: u64) -> Result<Vec<u8>, PartFault> {
        let pieces: Vec<_> = body.chunks(piece_bytes).map(|piece| Ok::<_, Infallible>(piece.to_vec().into())).collect();
        let minute = Duration::from_secs(60);
        let mut file = FilePart::of(futures::stream::iter(pieces), "cut".to_owned(), bytes_max, minute);
        let mut bytes = Vec::new();
        while let Some(piece) = file.next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    fn part(name: &str, content: &str) -> String {
        format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
    }

    #[tokio::test]
    async fn a_body_comes_out_the_same_however_it_arrives() {
        let (end, note) = ("--cut--\r\n", part("note", "left aside"));
        for (body, outcome) in [
            (format!("{note}{}{end}", part("file", "PK\r\n--cu t")), Ok(b"PK\r\n--cu t".to_vec())),
            (format!("before\r\n{}{note}{end}", part("batch-file", "")), Ok(Vec::new())),
            (format!("{}{}{end}", part("file", "1"), part("batch-file", "2")), Err(PartFault::Many)),
            (format!("{note}{end}"), Err(PartFault::None)),
            (part("file", "1"), Err(PartFault::Broken)),
            (String::new(), Err(PartFault::Broken)),
        ] {
            for piece_bytes in [1, 2, 3, 7, 1000] {
                assert_eq!(read(body.as_bytes(), piece_bytes, 1000).await, outcome, "{body:?} by {piece_bytes}");
            }
        }
    }

    #[tokio::test]
    async fn a_body_over_its_cap_is_given_up() {
        let body = format!("{}--cut--\r\n", part("file", &"x".repeat(1000)));
        assert_eq!(read(body.as_bytes(), 64, 500).await, Err(PartFault::TooLarge));
    }

    #[tokio::test]
    async fn what_never_becomes_a_part_is_given_up() {
        let body = vec![b'x'; UNPARSED_BYTES_MAX + 1];
        assert_eq!(read(&body, 64 << 10, 1 << 30).await, Err(PartFault::Broken));
    }

    #[test]
    fn a_boundary_has_one_to_seventy_characters() {
        let stated = |boundary: &str| format!("multipart/form-data; boundary=\"{boundary}\"");
        assert_eq!(boundary(&stated("cut")).as_deref(), Some("cut"));
        assert_eq!(boundary(&stated(&"x".repeat(70))), Some("x".repeat(70)));
        for media_type in [&stated(&"x".repeat(71)), &stated(""), "multipart/form-data", "text/plain; boundary=cut", ""]
        {
            assert_eq!(boundary(media_type), None, "{media_type}");
        }
    }
}
