//! Connections: accepting, limits in number and time, and an end without cutting off who is being answered.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bordereau_jobs::Jobs;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
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
                Ok((stream, _)) => {
                    let times = (options.head_ms, options.write_idle_ms);
                    let answering = answer(stream, router.clone(), times, stopped.clone());
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

/// Serves one connection to its end.
async fn answer(
    stream: TcpStream,
    router: Router,
    (head_ms, write_idle_ms): (u64, u64),
    mut stopped: watch::Receiver<()>,
) {
    // Answers are small or streamed in large pieces; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(Duration::from_millis(head_ms));
    builder.max_header_size(HEAD_BYTES_MAX).max_buf_size(HEAD_BYTES_MAX);
    let connection = builder.serve_connection(
        TokioIo::new(Patient::new(stream, Duration::from_millis(write_idle_ms))),
        TowerToHyperService::new(router),
    );
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
