//! Metrics in the OpenMetrics text format that Prometheus reads, and whether the process is ready.
//!
//! They are counts over all customers, so they are not on the listener that customers reach: [`serve_metrics`] answers
//! `/metrics`, `/healthz` and `/readyz` on a listener of its own, without credentials, for the operator's network.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bordereau_jobs::{Jobs, Reading};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::net::TcpListener;

use crate::ServerOptions;

const CONTENT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Upper bounds of the histogram of answering times, in seconds; long polls last up to minutes.
const SECONDS: [f64; 11] = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 35.0, 60.0, 180.0, 600.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    route: String,
    method: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Named {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Webhooks {
    state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Staged {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Become {
    what: &'static str,
}

/// What the server itself counts. Cheap to clone; a label is never more than a route of ours, a method we know and a
/// status, so there are few of them whatever clients send.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    answers: Family<Answer, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpMetrics {
    /// Nothing is counted yet.
    pub fn new() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        Self { answers: Family::default(), seconds: Family::new_with_constructor(histogram) }
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, route: &str, method: &axum::http::Method, status: u16, took: Duration) {
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let method = known.into_iter().find(|known| *known == method.as_str()).unwrap_or("other").to_owned();
        self.answers.get_or_create(&Answer { route: route.to_owned(), method, status }).inc();
        self.seconds.get_or_create(&Route { route: route.to_owned() }).observe(took.as_secs_f64());
    }
}

/// Answers `/metrics`, `/healthz` and `/readyz` until `shutdown` is there.
///
/// # Errors
/// When the listener fails.
pub async fn serve_metrics(
    listener: TcpListener,
    jobs: Jobs,
    http: HttpMetrics,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(crate::routes::healthz))
        .route("/readyz", get(readyz))
        .with_state(Arc::new((jobs, http)));
    crate::listen::answer_all(listener, router, &ServerOptions::default(), || (), shutdown).await
}

type Measured = State<Arc<(Jobs, HttpMetrics)>>;

async fn readyz(State(measured): Measured) -> Response {
    match measured.0.unready().await {
        None => "ready".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, why).into_response(),
    }
}

async fn metrics(State(measured): Measured) -> Response {
    match measured.0.measures().await {
        Ok(reading) => ([(CONTENT_TYPE, CONTENT)], text(&reading, &measured.1)).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The page that Prometheus reads.
fn text(reading: &Reading, http: &HttpMetrics) -> String {
    let mut registry = Registry::with_prefix("bordereau");
    registry.register("http_requests", "Requests answered", http.answers.clone());
    registry.register_with_unit("http_request", "Time to answer", Unit::Seconds, http.seconds.clone());
    gauges(reading, &mut registry);
    counters(reading, &mut registry);
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = encode(&mut page, &registry);
    page
}

fn gauges(reading: &Reading, registry: &mut Registry) {
    let batches = Family::<Named, Gauge>::default();
    for (state, count) in &reading.batches {
        batches.get_or_create(&Named { state: state.as_str() }).set(signed(*count));
    }
    let webhooks = Family::<Webhooks, Gauge>::default();
    for (state, count) in &reading.webhooks {
        webhooks.get_or_create(&Webhooks { state: state.clone() }).set(signed(*count));
    }
    registry.register("webhooks", "Webhooks of all customers by state", webhooks);
    registry.register("batches", "Batches of all customers by state", batches);
    let age = Gauge::<f64, std::sync::atomic::AtomicU64>::default();
    age.set(reading.queue_age_s);
    registry.register_with_unit("queue_age", "Age of the batch that waits longest", Unit::Seconds, age);
    for (name, help, value) in [
        ("batches_running", "Batches that run in this process", reading.running),
        ("subscriptions", "Open subscriptions", reading.subscriptions),
        ("disk_free_bytes", "Free bytes of the disk of the data folder", reading.free_bytes),
        ("uploads_receiving", "Uploads that are being received", reading.uploads),
    ] {
        let gauge = Gauge::<i64>::default();
        gauge.set(signed(value));
        registry.register(name, help, gauge);
    }
}

fn counters(reading: &Reading, registry: &mut Registry) {
    let checkpoints = Family::<Become, Counter>::default();
    for (what, count) in &reading.checkpoints {
        checkpoints.get_or_create(&Become { what }).inc_by(*count);
    }
    registry.register(
        "checkpoints",
        "Checkpoints of batches stopped by a shutdown, by what became of them",
        checkpoints,
    );
    for (name, help, value) in [
        ("attempts", "Attempts at batches that were begun", reading.attempts),
        ("damaged_files", "Stored files found to be other than their digest says", reading.damaged),
        ("attempt_faults", "Attempts that ended by a fault of ours", reading.faults),
        ("rows_read", "Rows read", reading.rows),
        ("bytes_read", "Unpacked bytes read", reading.bytes),
        ("batches_expired", "Batches whose upload and results were kept long enough", reading.expired),
        ("records_scored", "Records scored", reading.records),
        ("webhooks_delivered", "Messages to webhooks that were taken", reading.webhooks_delivered),
        ("webhooks_failed", "Attempts at webhooks that failed", reading.webhooks_failed),
        ("password_checks", "Passwords compared with a hash", reading.password_checks),
    ] {
        let counter = Counter::<u64>::default();
        counter.inc_by(value);
        registry.register(name, help, counter);
    }
    let stages = Family::<Staged, Counter<f64, std::sync::atomic::AtomicU64>>::default();
    for (stage, ms) in &reading.stage_ms {
        stages.get_or_create(&Staged { stage: stage.as_str() }).inc_by(*ms as f64 / 1_000.0);
    }
    registry.register_with_unit("stage", "Time that finished batches spent in a stage", Unit::Seconds, stages);
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
