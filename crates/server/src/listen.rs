//! Connections: accepting, limits in number and time, and an end without cutting off who is being answered. What
//! becomes of one that was accepted is [`crate::connection`]'s.

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bordereau_jobs::Jobs;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::ServerOptions;
use crate::connection::{Terms, answer};
use crate::metrics::HttpMetrics;
use crate::routes::{Site, router};
use crate::stall::Patient;
use crate::tls::Certificates;

/// How long to wait after the system had no descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
    let (stop, stopped) = watch::channel(false);
    let terms = Terms::new(router, Duration::from_millis(options.head_ms), stopped);
    let write_idle = Duration::from_millis(options.write_idle_ms);
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
                    // Answers are small or streamed in large pieces; waiting to fill a packet only delays them.
                    let _ = stream.set_nodelay(true);
                    let (stream, terms) = (Patient::new(stream, write_idle), terms.clone());
                    if let Some(certificates) = options.certificates.clone() {
                        connections.spawn(async move {
                            let _place = place;
                            encrypted(stream, certificates, peer, terms).await;
                        });
                    } else {
                        connections.spawn(async move {
                            let _place = place;
                            answer(stream, peer, terms).await;
                        });
                    }
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
    let _ = stop.send(true);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_millis(options.drain_ms), drained).await.is_err() {
        tracing::warn!("requests under way were cut off");
    }
    Ok(())
}

/// Answers on one connection in TLS. A client has as long for the handshake as for the head of a request.
async fn encrypted(stream: Patient<TcpStream>, certificates: Certificates, peer: Peer, mut terms: Terms) {
    let handshake = tokio::time::timeout(terms.head(), certificates.acceptor().accept(stream));
    let shaken = tokio::select! {
        shaken = handshake => shaken,
        () = terms.stopped() => return,
    };
    match shaken {
        Ok(Ok(stream)) => answer(stream, peer, terms).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}
