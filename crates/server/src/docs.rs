//! The OpenAPI document as a page to read and try requests on: Swagger UI, which is part of the program.
//!
//! Nothing is loaded from elsewhere, and the page may not do so: its content security policy allows this server alone.
//! The files of Swagger UI (Apache-2.0, `assets/swagger-ui`) are compressed in the program and sent as they are.

use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::HeaderMap;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

use crate::problem::Problem;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>bordereau: HTTP</title>\n\
                    <link rel=\"stylesheet\" href=\"docs/swagger-ui.css\">\n</head>\n<body>\n<div id=\"page\"></div>\n\
                    <script src=\"docs/swagger-ui-bundle.js\"></script>\n<script src=\"docs/start.js\"></script>\n\
                    </body>\n</html>\n";

const START: &str = "SwaggerUIBundle({ url: \"openapi.json\", dom_id: \"#page\", deepLinking: true, docExpansion: \"list\", \
                     filter: true, tryItOutEnabled: false, validatorUrl: null });\n";

const SCRIPT: &str = "text/javascript; charset=utf-8";
const BUNDLE: &[u8] = include_bytes!("../assets/swagger-ui/swagger-ui-bundle.js.gz");
const STYLE: &[u8] = include_bytes!("../assets/swagger-ui/swagger-ui.css.gz");

/// The page.
pub(crate) async fn page() -> Response {
    sent("text/html; charset=utf-8", PAGE.as_bytes())
}

/// A file of the page.
pub(crate) async fn asset(name: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Response {
    match name.as_ref().map(|Path(name)| name.as_str()) {
        Ok("start.js") => sent(SCRIPT, START.as_bytes()),
        Ok("swagger-ui-bundle.js") => compressed(SCRIPT, BUNDLE),
        Ok("swagger-ui.css") => compressed("text/css; charset=utf-8", STYLE),
        _ => Problem::NotFound.into_response(&headers),
    }
}

fn sent(kind: &'static str, content: &'static [u8]) -> Response {
    let mut response = Response::new(Body::from(content));
    let set = |response: &mut Response, name: HeaderName, value: &'static str| {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    };
    set(&mut response, CONTENT_TYPE, kind);
    set(&mut response, CONTENT_SECURITY_POLICY, POLICY);
    set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, CACHE_CONTROL, "no-cache");
    response
}

fn compressed(kind: &'static str, content: &'static [u8]) -> Response {
    let mut response = sent(kind, content);
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}
