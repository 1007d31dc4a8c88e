//! The OpenAPI 3.1 document, made from the handlers.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "bordereau",
        description = "Send a zip of delimited files; fetch validated, scored and explained rows. Answers other than \
                       successes are one line of text, or RFC 9457 when `Accept` names `application/problem+json`.",
    ),
    paths(
        crate::submit::submit_versioned,
        crate::results::results_versioned,
        crate::submit::submit,
        crate::results::results,
        crate::profile::send_versioned,
        crate::profile::profile_versioned,
        crate::profile::send,
        crate::profile::profile,
        crate::submit_profiled::post_versioned,
        crate::submit_profiled::get_versioned,
        crate::submit_profiled::post,
        crate::submit_profiled::get,
        crate::batches::list,
        crate::batches::show,
        crate::batches::cancel,
        crate::batches::delete,
        crate::errors::errors_versioned,
        crate::errors::errors,
        crate::errors::errors_of_key,
        crate::uploads::options,
        crate::uploads::create,
        crate::uploads::look,
        crate::uploads::resume,
        crate::uploads::terminate,
        crate::solutions::list,
        crate::solutions::show,
        crate::solutions::releases,
        crate::solutions::dictionary,
        crate::subscribe::longpoll,
        crate::subscribe::stream,
        crate::webhooks::list,
        crate::webhooks::add,
        crate::webhooks::show,
        crate::webhooks::change,
        crate::webhooks::remove,
        crate::webhooks::rotate,
        crate::webhooks::ping,
        crate::webhooks::deliveries,
        crate::routes::healthz,
    ),
    modifiers(&BasicCredentials),
)]
struct Api;

struct BasicCredentials;

impl Modify for BasicCredentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let basic = SecurityScheme::Http(Http::new(HttpAuthScheme::Basic));
        document.components.get_or_insert_default().add_security_scheme("basic", basic);
    }
}

/// The document as JSON, also served at `/api/2/openapi.json`.
pub fn openapi_json() -> String {
    Api::openapi().to_pretty_json().unwrap_or_default()
}
