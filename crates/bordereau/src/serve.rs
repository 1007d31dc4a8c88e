//! `bordereau serve`: the server and its runner in one process.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bordereau_jobs::{Jobs, JobsOptions, TraceAttempt};
use bordereau_server::{Certificates, HttpMetrics, ServerOptions, serve_metrics};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::cli::Serve;
use crate::exit::{DONE, Failure};
use crate::settings::{Layers, PlainHttp, Settings};
use crate::terminal::say;
use crate::traces::Traces;
use crate::{interrupt, logging, solution, traces};

/// Runs the command until Ctrl-C or SIGTERM.
///
/// # Errors
/// When the settings, the data folder or the address cannot be used.
pub fn run(args: &Serve, mut layers: Layers) -> Result<u8, Failure> {
    layers.set_flag_if("listen", args.listen.as_ref());
    layers.set_flag_if("data", args.data.as_ref());
    layers.set_flag_if("solutions", args.solutions.as_ref());
    let settings = layers.resolve()?.settings()?;
    logging::start(&settings)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::internal(&error))?;
    runtime.block_on(serve(&settings))?;
    Ok(DONE)
}

/// Files and connections a server may have open beside those of its clients.
const OTHER_FILES: u64 = 1_024;

/// Lets this process have a connection open for each client that may wait; where the system allows fewer, says so.
fn allow_connections(connections_max: usize) {
    let wanted = connections_max as u64 + OTHER_FILES;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(allowed) if allowed < wanted => {
            tracing::warn!(allowed, wanted, "the system lets this process have fewer files open than it may need");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "cannot ask for more open files"),
    }
}

async fn serve(settings: &Settings) -> Result<(), Failure> {
    allow_connections(ServerOptions::default().connections_max);
    let traces = traces::start()?;
    let jobs = open(settings, traces.as_ref().map(Traces::attempts)).await?;
    let listen = &settings.listen;
    let listener = bordereau_server::bind(listen).await;
    let listener = listener.map_err(|error| Failure::Usage(format!("cannot listen on {listen}: {error}")))?;
    let address = listener.local_addr().map_err(|error| Failure::internal(&error))?;
    let trusted_proxies = settings.trusted_proxies.clone();
    let options = ServerOptions { certificates: certificates(settings)?, trusted_proxies, ..ServerOptions::default() };
    refuse_plain(settings, &options, address)?;
    let scheme = if options.certificates.is_some() { "https" } else { "http" };
    // Whoever is told that the server listens may already ask it to read its files again.
    let renewing = renewed(options.certificates.clone())?;
    say(format_args!("listening on {scheme}://{address}\n"))?;
    let measured = match &settings.metrics_listen {
        Some(listen) => Some(metrics_listener(listen).await?),
        None => None,
    };
    let ended = tokio::select! {
        ended = until_with(jobs, listener, options, measured, interrupt::requested()) => ended,
        () = renewing => Ok(()),
    };
    if let Some(traces) = traces {
        traces.end().await;
    }
    ended
}

/// How often the files of the certificate are looked at.
const CERTIFICATE_LOOK: Duration = Duration::from_secs(10);

fn certificates(settings: &Settings) -> Result<Option<Certificates>, Failure> {
    let load = |(chain, key): &(PathBuf, PathBuf)| Certificates::load(chain, key);
    let loaded = settings.tls.as_ref().map(load).transpose();
    loaded.map_err(|error| Failure::Usage(format!("the certificate cannot be used: {error}")))
}

/// Passwords and books do not travel unencrypted where others can listen in, unless the operator says that they do not.
fn refuse_plain(settings: &Settings, options: &ServerOptions, address: SocketAddr) -> Result<(), Failure> {
    if options.certificates.is_some() || address.ip().is_loopback() || settings.plain_http == PlainHttp::Allowed {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{address} is not a loopback address, and passwords and books would travel unencrypted: set tls_certificate and \
         tls_key, or allow_plain_http=yes behind a proxy that speaks TLS"
    )))
}

/// Renews the certificate when its files change or on SIGHUP, which ends no server, with TLS or without. Never ends.
fn renewed(certificates: Option<Certificates>) -> Result<impl Future<Output = ()>, Failure> {
    let mut hang_ups = interrupt::hang_ups().map_err(|error| Failure::internal(&error))?;
    Ok(async move {
        let asked = async {
            while hang_ups.recv().await.is_some() {
                match certificates.as_ref().map(Certificates::reload) {
                    Some(Ok(())) => tracing::info!("the certificate was read again"),
                    Some(Err(error)) => {
                        tracing::warn!(%error, "the certificate cannot be read again; the old one stays")
                    }
                    None => tracing::info!("there is no certificate to read again"),
                }
            }
        };
        let followed = async {
            if let Some(certificates) = &certificates {
                certificates.follow(CERTIFICATE_LOOK).await;
            }
        };
        tokio::join!(followed, asked);
    })
}

async fn metrics_listener(listen: &str) -> Result<TcpListener, Failure> {
    let listener = bordereau_server::bind(listen).await;
    let listener = listener.map_err(|error| Failure::Usage(format!("cannot listen on {listen}: {error}")))?;
    let address = listener.local_addr().map_err(|error| Failure::internal(&error))?;
    say(format_args!("metrics on http://{address}/metrics\n"))?;
    Ok(listener)
}

/// Opens the data folder with the releases of the settings; attempts are told to `trace`.
///
/// # Errors
/// When a release or the folder cannot be used.
pub async fn open(settings: &Settings, trace: Option<TraceAttempt>) -> Result<Jobs, Failure> {
    let catalog = Arc::new(solution::catalog(settings)?);
    let webhooks = bordereau_server::webhook_options(&settings.webhook_networks).map_err(Failure::Internal)?;
    Ok(Jobs::open(JobsOptions {
        limits: settings.limits.clone(),
        threads: settings.threads,
        batches_at_once: settings.batches_at_once,
        lease_ms: settings.lease_ms,
        retention_days: settings.retention_days,
        scratch: settings.scratch.clone(),
        webhooks,
        pace: settings.pace,
        disk_free_bytes_min: settings.disk_free_bytes_min,
        memory_bytes_max: settings.memory_bytes_max,
        trace,
        ..JobsOptions::new(&settings.data, catalog)
    })
    .await?)
}

/// Serves and runs batches until `shutdown`: then no new request is taken, those under way are answered, and running
/// batches are given back, to be taken up at the next start. Metrics are served on `measured` when it is there.
///
/// # Errors
/// When the runner cannot begin, or the listener fails.
pub async fn until(
    jobs: Jobs,
    listener: TcpListener,
    measured: Option<TcpListener>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Failure> {
    until_with(jobs, listener, ServerOptions::default(), measured, shutdown).await
}

async fn until_with(
    jobs: Jobs,
    listener: TcpListener,
    options: ServerOptions,
    measured: Option<TcpListener>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let (stop, _) = watch::channel(false);
    let stopped = |mut receiver: watch::Receiver<bool>| async move {
        // The sender lives as long as this function; an error would mean the same.
        let _ = receiver.wait_for(|stop| *stop).await;
    };
    let runner = jobs.run(stopped(stop.subscribe()));
    let counted = HttpMetrics::new();
    let server = bordereau_server::serve(listener, jobs.clone(), options, counted.clone(), stopped(stop.subscribe()));
    let metrics = async {
        match measured {
            Some(listener) => serve_metrics(listener, jobs.clone(), counted, stopped(stop.subscribe())).await,
            None => Ok(()),
        }
    };
    let webhooks = jobs.deliver_webhooks(stopped(stop.subscribe()));
    let asked = async {
        shutdown.await;
        stop.send_replace(true);
    };
    // Whichever of runner and server ends first takes the others along: a server whose runner cannot begin would accept
    // batches that nobody runs.
    let ends = |result: Result<(), Failure>| {
        stop.send_replace(true);
        result
    };
    let runner = async { ends(runner.await.map_err(Failure::from)) };
    let server = async { ends(server.await.map_err(|error| Failure::internal(&error))) };
    let metrics = async { metrics.await.map_err(|error| Failure::internal(&error)) };
    let webhooks = async { webhooks.await.map_err(Failure::from) };
    let all = async { tokio::join!(runner, server, metrics, webhooks) };
    tokio::pin!(all, asked);
    let (ran, served, measured, delivered) = tokio::select! {
        ended = &mut all => ended,
        () = &mut asked => all.await,
    };
    ran.and(served).and(measured).and(delivered)
}
