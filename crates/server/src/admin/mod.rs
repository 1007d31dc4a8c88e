//! `/api/2/admin`: what an administrator does with customers, users and tokens, and the audit log.
//!
//! The same functions of `bordereau-jobs` as the command line's. JSON in and out, and every problem is RFC 9457,
//! whatever the client accepts. Whoever is no administrator is told so before anything of path, query or body is
//! looked at. A body has no members that are not known: a misspelt one
//! would be without effect. Of batches nothing is to be seen here.

pub(crate) mod audit;
pub(crate) mod customers;
pub(crate) mod tokens;
pub(crate) mod users;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use bordereau_base::ids::{CustomerName, InvalidId};
use bordereau_jobs::{Accounts, Actor, Error, Standing};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;
use crate::query::{pairs, parsed, twice, unknown};
use crate::routes::Site;

const PAGE: u32 = 100;

/// The accounts as the administrator who asks may change them.
async fn accounts<'a>(site: &'a Site, headers: &HeaderMap) -> Result<Accounts<'a>, Problem> {
    let caller = crate::auth::administrator(&site.jobs, headers).await?;
    Ok(site.jobs.accounts(Actor::from(&caller)))
}

/// The body as what it must be.
async fn body<T: DeserializeOwned>(site: &Site, request: Request) -> Result<T, Problem> {
    let is_json = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    });
    if !is_json {
        return Err(Problem::Body("The body must be application/json.".to_owned()));
    }
    crate::json_body::read(request.into_body(), site.body_idle).await
}

/// A name in a path; what is not well-formed does not exist.
fn named<T: std::str::FromStr<Err = InvalidId>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::NotFound)
}

/// A value of the body as the type it must be.
fn valid<T: std::str::FromStr<Err = InvalidId>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: InvalidId| Error::Invalid(error).into())
}

fn valid_all<T: std::str::FromStr<Err = InvalidId>>(texts: &[String]) -> Result<Vec<T>, Problem> {
    texts.iter().map(|text| valid(text)).collect()
}

const fn standing(disabled: bool) -> Standing {
    if disabled { Standing::Disabled } else { Standing::Enabled }
}

/// Where a page begins, how long it is, and of which customer it is where the query may say so.
struct PageRequest {
    after: Option<String>,
    limit: u32,
    customer: Option<String>,
}

impl PageRequest {
    fn read(uri: &Uri, known: &str, may_name: &[&str]) -> Result<Self, Problem> {
        let mut page = Self { after: None, limit: PAGE, customer: None };
        let mut seen = Vec::new();
        for (name, value) in pairs(uri)? {
            match name.as_str() {
                "limit" => page.limit = crate::batches::page_limit(&value)?,
                "after" => page.after = Some(value),
                "customer" if may_name.contains(&"customer") => page.customer = Some(value),
                _ => return Err(unknown(known)),
            }
            if seen.contains(&name) {
                return Err(twice(&name));
            }
            seen.push(name);
        }
        Ok(page)
    }

    fn parsed_customer(&self) -> Result<Option<CustomerName>, Problem> {
        self.customer.as_deref().map(|name| parsed("customer", name)).transpose()
    }
}

/// One more than a page, and whether there is another page.
fn paged<T>(mut items: Vec<T>, limit: u32) -> (Vec<T>, bool) {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    (items, more)
}

fn answer<T: Serialize>(status: StatusCode, answer: Result<T, Problem>) -> Response {
    match answer {
        Ok(body) => {
            let mut response = Response::new(Body::from(serde_json::to_string(&body).unwrap_or_default()));
            *response.status_mut() = status;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(problem) => problem.into_problem_response(),
    }
}

fn gone(answer: Result<(), Problem>) -> Response {
    match answer {
        Ok(()) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Err(problem) => problem.into_problem_response(),
    }
}
