//! Connections: accepting, limits in number and time, and an end without cutting off who is being answered.

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use bordereau_jobs::Jobs;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::ServerOptions;
use crate::metrics::HttpMetrics;
use crate::routes::{Site, router};
use crate::stall::Patient;

/// How long to wait after the system had no descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The longest head of a request, and about the most a connection holds of what it has read and not yet passed on.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// The address at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Clients that have connected and are not accepted yet. Ten thousand may come back at once after a restart; whom the
/// system has no place for waits a second and more.
const BACKLOG: u32 = 4_096;

/// Listens on an address and port, such as `127.0.0.1:8080` or a name.
///
/// # Errors
/// When there is no such address, or it cannot be had.
pub async fn bind(address: &str) -> io::Result<TcpListener> {
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for found in tokio::net::lookup_host(address).await? {
        match listen_on(found) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Else the port could not be had for a minute after a restart.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Answers requests on `listener` until `shutdown` is there. Then no connection and no upload is begun any more, and
/// requests under way have `drain_ms` to come to their end. Batches are run by [`Jobs::run`], not here.
///
/// # Errors
/// None today; accept errors are waited out.
pub async fn serve(
    listener: TcpListener,
    jobs: Jobs,
    options: ServerOptions,
    metrics: HttpMetrics,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let site = Site::new(jobs, &options, metrics);
    let router = router(site.clone());
    answer_all(listener, router, &options, || site.drain(), shutdown).await
}

/// Answers requests by `router` until `shutdown` is there; then calls `drain` and waits for those under way.
pub(crate) async fn answer_all(
    listener: TcpListener,
    router: Router,
    options: &ServerOptions,
    drain: impl FnOnce(),
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(options.connections_max));
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            (place, accepted) = accepted => match accepted {
                Ok((stream, from)) => {
                    let peer = Peer(from.ip().to_canonical());
                    let answering = begin(stream, peer, router.clone(), options.clone(), stopped.clone());
                    connections.spawn(async move {
                        let _place = place;
                        answering.await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    drain();
    // Every connection has its own receiver, so nobody needs to be listening here.
    let _ = stop.send(());
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_millis(options.drain_ms), drained).await.is_err() {
        tracing::warn!("requests under way were cut off");
    }
    Ok(())
}

/// Serves one connection to its end, in TLS where there are certificates. A client has as long for the handshake as for
/// the head of a request.
async fn begin(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    options: ServerOptions,
    mut stopped: watch::Receiver<()>,
) {
    // Answers are small or streamed in large pieces; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let stream = Patient::new(stream, Duration::from_millis(options.write_idle_ms));
    let Some(certificates) = &options.certificates else {
        return answer(stream, peer, router, options.head_ms, stopped).await;
    };
    let handshake = certificates.acceptor().accept(stream);
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(Duration::from_millis(options.head_ms), handshake) => shaken,
        _ = stopped.changed() => return,
    };
    match shaken {
        Ok(Ok(stream)) => answer(stream, peer, router, options.head_ms, stopped).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

/// Serves one connection to its end.
async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    router: Router,
    head_ms: u64,
    mut stopped: watch::Receiver<()>,
) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(Duration::from_millis(head_ms));
    builder.max_header_size(HEAD_BYTES_MAX).max_buf_size(HEAD_BYTES_MAX);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
