//! The OpenAPI 3.1 document, made from the handlers.

use std::collections::BTreeMap;

use utoipa::openapi::RefOr;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
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
        crate::admin::customers::list,
        crate::admin::customers::add,
        crate::admin::customers::change,
        crate::admin::customers::remove,
        crate::admin::users::list,
        crate::admin::users::add,
        crate::admin::users::show,
        crate::admin::users::change,
        crate::admin::users::remove,
        crate::admin::tokens::list,
        crate::admin::tokens::add,
        crate::admin::tokens::revoke,
        crate::admin::audit::read,
        crate::routes::healthz,
    ),
    modifiers(&Credentials),
)]
struct Api;

/// Whoever may come with a name and password may come with a token.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("basic", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)));
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        for item in document.paths.paths.values_mut() {
            let methods =
                [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete, &mut item.head];
            for operation in methods.into_iter().flatten() {
                if let Some(ways) = &mut operation.security {
                    ways.push(SecurityRequirement::new("bearer", Vec::<String>::new()));
                    too_often(&mut operation.responses.responses);
                }
            }
        }
    }
}

/// Whoever may be answered 401 may also be answered 429: after too many wrong credentials, or too many requests.
fn too_often(responses: &mut BTreeMap<String, RefOr<utoipa::openapi::Response>>) {
    let Some(RefOr::T(unauthorized)) = responses.get("401") else { return };
    let description = "Too many requests or failed logins; see `Retry-After`.".to_owned();
    let mut response = unauthorized.clone();
    response.description = description;
    responses.entry("429".to_owned()).or_insert(RefOr::T(response));
}

/// The document as JSON, also served at `/api/2/openapi.json`.
pub fn openapi_json() -> String {
    Api::openapi().to_pretty_json().unwrap_or_default()
}
