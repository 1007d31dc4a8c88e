//! The OpenAPI 3.1 document, made from the handlers; [`parameters`] and [`refusals`] have what they share.

pub(crate) mod parameters;
mod refusals;

use utoipa::OpenApi;

use self::refusals::Refusals;
use crate::problem::ProblemBody;

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
    components(schemas(ProblemBody)),
    modifiers(&Refusals),
)]
struct Api;

/// The document as JSON, also served at `/api/2/openapi.json`.
pub fn openapi_json() -> String {
    Api::openapi().to_pretty_json().unwrap_or_default()
}
