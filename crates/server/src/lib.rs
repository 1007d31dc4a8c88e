//! HTTP, and the only crate that knows it: statuses, headers, multipart, Basic credentials, wire types.
//!
//! [`serve`] answers requests on a listener by calling `bordereau-jobs`; it keeps nothing itself. The submit and
//! retrieve requests of both path families are the same handlers (`submit`, `results`); `subscribe` tells of events.
//! What a request is answered when it is not answered well is `problem::Problem`: one exhaustive table of status,
//! sentence and code. The order of questions is the same for all: path, method (405), credentials (401), names in the
//! path (404), rights (403), query and headers (400), and only then the body, so that nobody without the right to be
//! heard has a byte read.
//!
//! Invariants: an upload is never whole in memory (about 2 MiB each). No answer depends on another customer's batches.
//! A connection holds about 64 KiB besides, and next to nothing while it waits for an event. Logs hold method, route,
//! status and time; never a query, a header, a body or a cell.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod admin;
mod auth;
mod batches;
mod connection;
mod docs;
mod errors;
mod json_body;
mod listen;
mod metrics;
mod multipart;
mod names;
mod openapi;
mod problem;
mod profile;
mod proxies;
mod query;
mod reference;
mod results;
mod routes;
mod solutions;
mod stall;
mod submit;
mod submit_profiled;
mod subscribe;
mod tls;
mod uploads;
mod webhooks;

pub use listen::bind;
pub use listen::serve;
pub use metrics::{HttpMetrics, serve_metrics};
pub use openapi::openapi_json;
pub use reference::http_reference;
pub use tls::Certificates;
pub use webhooks::network::Network;
pub use webhooks::send::webhook_options;

/// How the server treats connections. [`Default`] has the defaults.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Connections at the same time; further ones wait to be accepted.
    pub connections_max: usize,
    /// How long a client may take for the head of a request, and may leave a connection unused.
    pub head_ms: u64,
    /// How long a client may send nothing, or next to nothing, of a body it has announced.
    pub body_idle_ms: u64,
    /// How long a client may take nothing of an answer.
    pub write_idle_ms: u64,
    /// How long requests under way are waited for at shutdown.
    pub drain_ms: u64,
    /// With which connections are encrypted; not at all when absent.
    pub certificates: Option<Certificates>,
    /// Proxies that are believed when they say whom they were asked by.
    pub trusted_proxies: Vec<Network>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        let (head_ms, body_idle_ms, write_idle_ms, drain_ms) = (30_000, 60_000, 60_000, 30_000);
        let (certificates, trusted_proxies) = (None, Vec::new());
        Self { connections_max: 12_000, head_ms, body_idle_ms, write_idle_ms, drain_ms, certificates, trusted_proxies }
    }
}
