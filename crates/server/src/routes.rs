//! Which path is answered by which handler, and what surrounds every answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, head, patch, post};
use bordereau_jobs::Jobs;
use futures::FutureExt;
use tokio::sync::watch;

use crate::admin::{audit, customers, tokens, users};
use crate::listen::Peer;
use crate::metrics::HttpMetrics;
use crate::openapi::openapi_json;
use crate::problem::{Problem, accept_only};
use crate::results::{results, results_versioned};
use crate::submit::{submit, submit_versioned};
use crate::subscribe::{LastAnswer, longpoll, stream};
use crate::{
    Network, ServerOptions, batches, docs, errors, profile, proxies, solutions, submit_profiled, uploads, webhooks,
};

/// What handlers share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) jobs: Jobs,
    pub(crate) body_idle: Duration,
    /// What was answered last to who waited for an event.
    pub(crate) last_answer: Arc<LastAnswer>,
    trusted_proxies: Arc<[Network]>,
    metrics: HttpMetrics,
    draining: watch::Sender<bool>,
}

impl Site {
    pub(crate) fn new(jobs: Jobs, options: &ServerOptions, metrics: HttpMetrics) -> Self {
        let body_idle = Duration::from_millis(options.body_idle_ms);
        let trusted_proxies = options.trusted_proxies.as_slice().into();
        let last_answer = Arc::default();
        Self { jobs, body_idle, last_answer, trusted_proxies, metrics, draining: watch::Sender::new(false) }
    }

    /// From now on no upload is begun and nobody waits for an event any more.
    pub(crate) fn drain(&self) {
        self.draining.send_replace(true);
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Logs and counts an answer.
    pub(crate) fn answered(&self, route: &str, method: &Method, status: StatusCode, begun: Instant) {
        let (status, took) = (status.as_u16(), begun.elapsed());
        self.metrics.answered(route, method, status, took);
        let ms = took.as_millis();
        tracing::info!(%method, route, status, ms, "answered");
    }

    /// Waits until the server is being shut down.
    pub(crate) async fn stopped(&self) {
        // The sender is ours, so it cannot have gone.
        let _ = self.draining.subscribe().wait_for(|draining| *draining).await;
    }
}

/// All paths.
pub(crate) fn router(site: Site) -> Router {
    Router::new()
        .route("/solutions/batch/{version}/profile", post(profile::send_versioned))
        .route("/solutions/batch/{version}/unstructured/{key}/profile", get(profile::profile_versioned))
        .route("/api/2/batch/profile", post(profile::send))
        .route("/api/2/batch/unstructured/{key}/profile", get(profile::profile))
        .route("/solutions/batch/{version}/{solution}/{submission}", post(submit_versioned))
        .route("/solutions/batch/{version}/{solution}/{submission}/{key}", get(results_versioned))
        .route("/api/2/batch/{solution}/{submission}", post(submit))
        .route("/api/2/batch/{solution}/{submission}/{key}", get(results))
        .route(
            "/solutions/batch/{version}/{solution}/{submission}/{key}/submit",
            post(submit_profiled::post_versioned).get(submit_profiled::get_versioned).head(submit_profiled::head),
        )
        .route(
            "/api/2/batch/{solution}/{submission}/{key}/submit",
            post(submit_profiled::post).get(submit_profiled::get).head(submit_profiled::head),
        )
        .route("/solutions/batch/{version}/{solution}/{submission}/{key}/errors", get(errors::errors_versioned))
        .route("/api/2/batch/{solution}/{submission}/{key}/errors", get(errors::errors))
        .route("/api/2/batches", get(batches::list))
        .route("/api/2/batches/{key}", get(batches::show).delete(batches::delete))
        .route("/api/2/batches/{key}/cancel", post(batches::cancel))
        .route("/api/2/batches/{key}/errors", get(errors::errors_of_key))
        .route("/api/2/solutions", get(solutions::list))
        .route("/api/2/solutions/{solution}", get(solutions::show))
        .route("/api/2/solutions/{solution}/releases", get(solutions::releases))
        .route("/api/2/solutions/{solution}/dictionary", get(solutions::dictionary))
        .route("/api/2/uploads", post(uploads::create).options(uploads::options))
        .route("/api/2/uploads/{id}", head(uploads::look).patch(uploads::resume).delete(uploads::terminate))
        .route("/solutions/longpoll/subscribe", get(longpoll))
        .route("/api/2/events", get(stream))
        .route("/api/2/webhooks", get(webhooks::list).post(webhooks::add))
        .route("/api/2/webhooks/{id}", get(webhooks::show).patch(webhooks::change).delete(webhooks::remove))
        .route("/api/2/webhooks/{id}/rotate", post(webhooks::rotate))
        .route("/api/2/webhooks/{id}/ping", post(webhooks::ping))
        .route("/api/2/webhooks/{id}/deliveries", get(webhooks::deliveries))
        .route("/api/2/admin/customers", get(customers::list).post(customers::add))
        .route("/api/2/admin/customers/{customer}", patch(customers::change).delete(customers::remove))
        .route("/api/2/admin/users", get(users::list).post(users::add))
        .route("/api/2/admin/users/{user}", get(users::show).patch(users::change).delete(users::remove))
        .route("/api/2/admin/users/{user}/tokens", get(tokens::list).post(tokens::add))
        .route("/api/2/admin/users/{user}/tokens/{prefix}", delete(tokens::revoke))
        .route("/api/2/admin/audit", get(audit::read))
        .route("/api/2/openapi.json", get(openapi))
        .route("/api/2/docs", get(docs::page))
        .route("/api/2/docs/{asset}", get(docs::asset))
        .route("/healthz", get(healthz))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(site.clone(), surround))
        .with_state(site)
}

/// Whether the process answers. No credentials are needed.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "service",
    responses((status = 200, description = "The process answers.", body = String, content_type = "text/plain")),
)]
pub(crate) async fn healthz() -> &'static str {
    "ok"
}

async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], openapi_json()).into_response()
}

async fn not_found(headers: HeaderMap) -> Response {
    Problem::NotFound.into_response(&headers)
}

async fn method_not_allowed(headers: HeaderMap) -> Response {
    Problem::MethodNotAllowed.into_response(&headers)
}

/// Logs and counts each request, and keeps a panic of a handler from ending its connection without an answer. For a
/// long poll that waits [`longpoll`] does the same itself: this here is dropped with hyper's part of its connection.
async fn surround(State(site): State<Site>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let headers = accept_only(request.headers());
    let peer = request.extensions().get::<Peer>().map(|Peer(address)| *address);
    let from = peer.map(|peer| proxies::client(peer, request.headers(), &site.trusted_proxies));
    let answering = crate::auth::asked_from(from, next.run(request));
    let response = AssertUnwindSafe(answering).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a handler panicked");
        Problem::Internal.into_response(&headers)
    });
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    site.answered(route, &method, response.status(), begun);
    response
}
