//! One connection: hyper's while a request is read and answered, and nobody's while a long poll waits.
//!
//! hyper keeps about 24 KiB of buffers for a request that is being answered. Ten thousand who wait need none of them.
//! So a connection is given to hyper when there are bytes to read, and a handler whose answer may take minutes leaves
//! it in the connection's [`Lot`]. Then the stream is taken back, the answer is waited for beside it, written in one
//! piece and without a buffer, and the next request begins anew. What the peer sends meanwhile is kept (a piece at
//! most) and read later; when it goes, the wait is dropped.
//!
//! Only what is plain to answer may be parked ([`Lot::of`]): a GET of HTTP/1.1 without a body, on a connection that
//! stays. All else waits within hyper. Memory: a few hundred bytes for a connection that waits, besides its answer,
//! and for one that was not used yet.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING, UPGRADE};
use axum::http::request::Parts;
use axum::http::{Method, Request, Version};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::watch;

use crate::listen::Peer;

/// The longest head of a request, and about the most a connection holds of what it has read and not yet passed on.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// What is read at once while hyper has no part in it.
const PIECE_BYTES: usize = 2 << 10;

/// Where a handler leaves an answer that may take minutes; travels in the extensions of each request.
#[derive(Clone, Default)]
pub(crate) struct Lot(Arc<Place>);

#[derive(Default)]
struct Place {
    later: Mutex<Option<Later>>,
    /// The peer has not yet taken all of an earlier answer.
    unwritten: AtomicBool,
}

/// An answer that is still to come.
pub(crate) type Later = Pin<Box<dyn Future<Output = Written> + Send>>;

/// A whole answer, head and body, as it goes over the wire.
pub(crate) struct Written {
    pub(crate) bytes: Bytes,
    /// It says that the connection ends with it.
    pub(crate) is_last: bool,
}

impl Lot {
    /// Where the answer of this request may be left; none when it has to be given right away.
    pub(crate) fn of(head: &Parts) -> Option<Self> {
        let headers = &head.headers;
        let stays = |value: &axum::http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"keep-alive");
        let plain = head.version == Version::HTTP_11
            && head.method == Method::GET
            && headers.get_all(CONNECTION).iter().all(stays)
            && ![CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE, EXPECT].iter().any(|name| headers.contains_key(name));
        head.extensions.get::<Self>().filter(|_| plain).cloned()
    }

    /// Leaves the answer. The handler that waits for this to end is dropped instead.
    pub(crate) async fn park(self, later: Later) -> Infallible {
        *self.0.later.lock().unwrap_or_else(PoisonError::into_inner) = Some(later);
        drop(self);
        std::future::pending().await
    }

    /// The answer that was left, once nothing of an earlier one is still to be written.
    fn take(&self) -> Option<Later> {
        if self.0.unwritten.load(Ordering::Relaxed) {
            return None;
        }
        self.0.later.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What all connections of a listener have in common.
#[derive(Clone)]
pub(crate) struct Terms {
    router: TowerToHyperService<Router>,
    head: Duration,
    /// Becomes true when no further request is to be begun.
    stopped: watch::Receiver<bool>,
}

impl Terms {
    pub(crate) fn new(router: Router, head: Duration, stopped: watch::Receiver<bool>) -> Self {
        Self { router: TowerToHyperService::new(router), head, stopped }
    }

    /// Waits until no further request is to be begun.
    pub(crate) async fn stopped(&mut self) {
        // When the sender has gone, so has the listener.
        let _ = self.stopped.wait_for(|stopped| *stopped).await;
    }

    /// How long a client may take for the head of a request.
    pub(crate) fn head(&self) -> Duration {
        self.head
    }
}

/// Answers requests until the connection ends.
pub(crate) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, peer: Peer, mut terms: Terms) {
    let mut read = Bytes::new();
    loop {
        if read.is_empty() {
            let first = tokio::time::timeout(terms.head, poll_fn(|context| poll_piece(&mut stream, context)));
            tokio::select! {
                first = first => match first {
                    Ok(Ok(piece)) if !piece.is_empty() => read = piece,
                    _ => break,
                },
                () = terms.stopped() => break,
            }
        }
        // Boxed, because it is large and not there while the connection waits.
        let Some(parked) = Box::pin(by_hyper(stream, read, peer, &mut terms)).await else { return };
        let written;
        (stream, read, written) = match parked.waited().await {
            Some(waited) => waited,
            None => return,
        };
        let sent = async {
            stream.write_all(&written.bytes).await?;
            stream.flush().await
        };
        if sent.await.is_err() || written.is_last || *terms.stopped.borrow() {
            break;
        }
    }
    let _ = stream.shutdown().await;
}

/// A connection whose answer is still to come.
struct Parked<S> {
    stream: S,
    /// What was read of the next request.
    read: Bytes,
    later: Later,
}

impl<S: AsyncRead + Unpin> Parked<S> {
    /// Waits for the answer; none when the peer has gone.
    async fn waited(self) -> Option<(S, Bytes, Written)> {
        let Self { mut stream, mut read, mut later } = self;
        let written = poll_fn(|context| {
            if let Poll::Ready(written) = later.as_mut().poll(context) {
                return Poll::Ready(Some(written));
            }
            // Once the next request has begun, its sender has not gone.
            if read.is_empty() {
                match ready!(poll_piece(&mut stream, context)) {
                    Ok(piece) if !piece.is_empty() => read = piece,
                    _ => return Poll::Ready(None),
                }
            }
            Poll::Pending
        });
        let written = written.await?;
        Some((stream, read, written))
    }
}

/// Answers requests until one is parked; none when the connection ended first.
async fn by_hyper<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    read: Bytes,
    peer: Peer,
    terms: &mut Terms,
) -> Option<Parked<S>> {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(terms.head);
    builder.max_header_size(HEAD_BYTES_MAX).max_buf_size(HEAD_BYTES_MAX);
    let lot = Lot::default();
    let (router, offered) = (terms.router.clone(), lot.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(offered.clone());
        router.call(request)
    });
    let stream = Resumed { read, stream, lot: lot.clone() };
    let mut connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut stopping = false;
    let later = loop {
        let next = poll_fn(|context| match Pin::new(&mut connection).poll(context) {
            Poll::Ready(ended) => Poll::Ready(Err(ended)),
            Poll::Pending => lot.take().map_or(Poll::Pending, |later| Poll::Ready(Ok(later))),
        });
        tokio::select! {
            next = next => break next,
            () = terms.stopped(), if !stopping => {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    match later {
        Ok(later) => {
            let parts = connection.into_parts();
            // Copied, for it would keep hyper's buffer.
            let read = Bytes::copy_from_slice(&parts.read_buf);
            Some(Parked { stream: parts.io.into_inner().stream, read, later })
        }
        Err(ended) => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
            None
        }
    }
}

/// Reads what there is, up to a piece; nothing at the end of the stream.
fn poll_piece<S: AsyncRead + Unpin>(stream: &mut S, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
    let mut piece = [MaybeUninit::<u8>::uninit(); PIECE_BYTES];
    let mut into = ReadBuf::uninit(&mut piece);
    ready!(Pin::new(stream).poll_read(context, &mut into))?;
    Poll::Ready(Ok(Bytes::copy_from_slice(into.filled())))
}

/// A stream of which something was read already.
struct Resumed<S> {
    read: Bytes,
    stream: S,
    lot: Lot,
}

impl<S> Resumed<S> {
    fn noted<T>(&self, written: Poll<T>) -> Poll<T> {
        self.lot.0.unwritten.store(written.is_pending(), Ordering::Relaxed);
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Resumed<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, into);
        }
        let length = self.read.len().min(into.remaining());
        into.put_slice(&self.read.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Resumed<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.noted(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
