//! Traces of batches by OTLP: one trace an attempt, from when its batch was accepted, with a span for the wait and for
//! each stage.
//!
//! Off unless the environment names an endpoint (`OTEL_EXPORTER_OTLP_ENDPOINT` or
//! `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`); that, headers, timeout, resource, sampler and `OTEL_SDK_DISABLED` are as
//! OpenTelemetry says. Spans are made of the moments an attempt gives when it has ended ([`AttemptTrace`]), so that
//! the work itself knows nothing of traces. They wait in a queue of bounded length for a task that sends them; what
//! finds it full is left out and counted in the log. No cell's value is in a span.

use std::time::{Duration, SystemTime};

use bordereau_jobs::{AttemptTrace, TraceAttempt};
use jiff::Timestamp;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status, TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter as _, SpanProcessor};
use tokio::sync::mpsc;

use crate::exit::Failure;

/// Spans that wait to be sent.
const QUEUE_MAX: usize = 4_096;
/// Spans in one request.
const BATCH_MAX: usize = 512;
/// How long the last ones are waited for at shutdown.
const LAST: Duration = Duration::from_secs(5);

/// Traces that are being sent.
pub struct Traces {
    provider: SdkTracerProvider,
    sending: tokio::task::JoinHandle<()>,
}

/// Whether the environment asks for traces.
fn is_wanted() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let disabled = std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    !disabled && (is_set("OTEL_EXPORTER_OTLP_ENDPOINT") || is_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
}

/// Starts to send traces when the environment asks for it. To be called within the runtime.
///
/// # Errors
/// When what the environment says cannot be used.
pub fn start() -> Result<Option<Traces>, Failure> {
    if !is_wanted() {
        return Ok(None);
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let wrong = |error: &dyn std::fmt::Display| Failure::Usage(format!("traces cannot be sent: {error}"));
    let client = reqwest::Client::builder().build().map_err(|error| wrong(&error))?;
    let exporter = SpanExporter::builder().with_http().with_http_client(client);
    let exporter = exporter.with_protocol(opentelemetry_otlp::Protocol::HttpBinary).build();
    let mut exporter = exporter.map_err(|error| wrong(&error))?;
    let named = std::env::var_os("OTEL_SERVICE_NAME").is_some();
    let resource = Resource::builder();
    let resource = if named { resource } else { resource.with_service_name("bordereau") };
    let resource = resource.with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))).build();
    exporter.set_resource(&resource);
    let (sender, receiver) = mpsc::channel(QUEUE_MAX);
    let provider = SdkTracerProvider::builder().with_resource(resource).with_span_processor(Queue { sender }).build();
    tracing::info!("traces of batches are sent by OTLP");
    Ok(Some(Traces { provider, sending: tokio::spawn(send(exporter, receiver)) }))
}

/// Puts spans in line.
#[derive(Debug)]
struct Queue {
    sender: mpsc::Sender<SpanData>,
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut opentelemetry_sdk::trace::Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.sender.try_send(span).is_err() {
            tracing::warn!("a span of a trace was left out: too many wait to be sent");
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

async fn send(exporter: SpanExporter, mut receiver: mpsc::Receiver<SpanData>) {
    let mut spans = Vec::new();
    while receiver.recv_many(&mut spans, BATCH_MAX).await > 0 {
        if let Err(error) = exporter.export(std::mem::take(&mut spans)).await {
            tracing::warn!(%error, "traces could not be sent");
        }
    }
}

impl Traces {
    /// What is to be told of attempts.
    pub fn attempts(&self) -> TraceAttempt {
        let tracer = self.provider.tracer("bordereau");
        std::sync::Arc::new(move |attempt| record(&tracer, &attempt))
    }

    /// Sends what is in line, and ends.
    pub async fn end(self) {
        let Self { provider, sending } = self;
        // The queue ends with the provider.
        drop(provider);
        if tokio::time::timeout(LAST, sending).await.is_err() {
            tracing::warn!("the last traces were not sent");
        }
    }
}

fn moment(at: Timestamp) -> SystemTime {
    // Nothing here happened before 1970.
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.as_millisecond()).unwrap_or_default())
}

/// Makes the spans of an attempt.
fn record(tracer: &SdkTracer, attempt: &AttemptTrace) {
    let mut root = SpanBuilder::from_name("batch")
        .with_kind(SpanKind::Consumer)
        .with_start_time(moment(attempt.accepted))
        .with_attributes(attributes(attempt))
        .start_with_context(tracer, &Context::new());
    if !matches!(attempt.outcome, "finished" | "cancelled") {
        root.set_status(Status::error(attempt.outcome));
    }
    let context = Context::new().with_span(root);
    let child = |name: &'static str, from, until| {
        let mut span = SpanBuilder::from_name(name).with_start_time(moment(from)).start_with_context(tracer, &context);
        span.end_with_timestamp(moment(until));
    };
    child("wait", attempt.accepted, attempt.began);
    let ends = attempt.stages.iter().skip(1).map(|(_, at)| *at).chain([attempt.ended]);
    for ((stage, from), until) in attempt.stages.iter().zip(ends) {
        child(stage.as_str(), *from, until);
    }
    context.span().end_with_timestamp(moment(attempt.ended));
}

fn attributes(attempt: &AttemptTrace) -> Vec<KeyValue> {
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    vec![
        KeyValue::new("bordereau.customer", attempt.customer.to_string()),
        KeyValue::new("bordereau.batch_key", attempt.key.to_string()),
        KeyValue::new("bordereau.solution", attempt.solution.to_string()),
        KeyValue::new("bordereau.submission", attempt.submission.to_string()),
        KeyValue::new("bordereau.release", attempt.release.to_string()),
        KeyValue::new("bordereau.attempt", count(attempt.attempt)),
        KeyValue::new("bordereau.outcome", attempt.outcome),
        KeyValue::new("bordereau.rows", count(attempt.rows)),
        KeyValue::new("bordereau.bytes", count(attempt.bytes)),
        KeyValue::new("bordereau.records", count(attempt.records)),
    ]
}
