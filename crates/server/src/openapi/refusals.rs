//! What operations have in common in what they refuse, written into each of them here and nowhere else.
//!
//! An operation that needs credentials takes a name and password or a token, and may be answered 401 and 429. A refusal
//! has one line of text or an RFC 9457 problem for its body, where administration has problems only and an answer to
//! `HEAD` none.

use std::collections::BTreeMap;

use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema};
use utoipa::{Modify, PartialSchema};

/// Of what kind the refusals of an operation are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bodies {
    TextOrProblem,
    Problem,
    None,
}

/// Writes credentials and refusals into the document.
pub(super) struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("basic", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)));
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        for (path, item) in &mut document.paths.paths {
            let others = if path.starts_with("/api/2/admin/") { Bodies::Problem } else { Bodies::TextOrProblem };
            let methods = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
            for operation in methods.into_iter().flatten() {
                complete(operation, others);
            }
            if let Some(operation) = &mut item.head {
                complete(operation, Bodies::None);
            }
        }
    }
}

fn complete(operation: &mut Operation, bodies: Bodies) {
    let responses = &mut operation.responses.responses;
    if let Some(ways) = &mut operation.security {
        ways.push(SecurityRequirement::new("bearer", Vec::<String>::new()));
        // Where all refusals are one entry, these are among them.
        if !responses.contains_key("4XX") {
            refused(responses, "401", "Credentials are missing or wrong.");
            refused(responses, "429", "Too many requests or failed logins; see `Retry-After`.");
        }
    }
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
        {
            response.content.extend(contents(bodies));
        }
    }
}

fn refused(responses: &mut BTreeMap<String, RefOr<Response>>, status: &str, description: &str) {
    let response = || RefOr::T(ResponseBuilder::new().description(description).build());
    responses.entry(status.to_owned()).or_insert_with(response);
}

fn contents(bodies: Bodies) -> Vec<(String, RefOr<Content>)> {
    let of = |kind: &str, schema: RefOr<Schema>| {
        (kind.to_owned(), RefOr::T(ContentBuilder::new().schema(Some(schema)).build()))
    };
    let text = || of("text/plain", String::schema());
    let problem = || of("application/problem+json", Ref::from_schema_name("ProblemBody").into());
    match bodies {
        Bodies::TextOrProblem => vec![text(), problem()],
        Bodies::Problem => vec![problem()],
        Bodies::None => Vec::new(),
    }
}
