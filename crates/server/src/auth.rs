//! Credentials to a caller: Basic (RFC 7617) and Bearer (RFC 6750).
//!
//! Where a request comes from is known to whoever surrounds it ([`asked_from`]) and needed here, several calls below;
//! it travels as a value of the task, so that no handler needs to pass it on.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bordereau_jobs::{Action, Caller, Jobs, Password, Token};

use crate::problem::Problem;

tokio::task_local! {
    static FROM: Option<IpAddr>;
}

/// Runs a request that comes from that address.
pub(crate) async fn asked_from<F: Future>(address: Option<IpAddr>, answering: F) -> F::Output {
    FROM.scope(address, answering).await
}

/// The caller whose credentials the request carries. Nothing of the body is read.
pub(crate) async fn caller(jobs: &Jobs, headers: &HeaderMap) -> Result<Caller, Problem> {
    let from = FROM.try_with(|from| *from).unwrap_or_default();
    let caller = match credentials(headers).ok_or(Problem::Unauthorized)? {
        Credentials::Basic(name, password) => jobs.verify(&name, &password, from).await?,
        Credentials::Bearer(token) => jobs.verify_token(&token, from).await?,
    };
    let caller = caller.ok_or(Problem::Unauthorized)?;
    jobs.admit(&caller)?;
    Ok(caller)
}

/// The caller, when it may administer the installation.
pub(crate) async fn administrator(jobs: &Jobs, headers: &HeaderMap) -> Result<Caller, Problem> {
    let caller = caller(jobs, headers).await?;
    if caller.may_ever(Action::Administer) { Ok(caller) } else { Err(Problem::Forbidden) }
}

#[derive(Debug, PartialEq)]
enum Credentials {
    Basic(String, Password),
    Bearer(Token),
}

/// None when the header is absent, there twice, or not well-formed.
fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, value) = value.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Credentials::Bearer(value.trim().parse().ok()?));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(value.trim()).ok()?).ok()?;
    let (name, password) = pair.split_once(':')?;
    Some(Credentials::Basic(name.to_owned(), Password::given(password)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn credentials_are_read_or_there_are_none() {
        let basic = |name: &str, password: &str| Some(Credentials::Basic(name.to_owned(), Password::given(password)));
        let token = format!("bdr_0123456789ab_{}", "0f".repeat(32));
        let bearer = Some(Credentials::Bearer(token.parse().unwrap()));
        for (value, expected) in [
            ("Basic amFuZTpvcGVuOnNlc2FtZQ==", basic("jane", "open:sesame")),
            ("basic  amFuZTpvcGVuOnNlc2FtZQ==", basic("jane", "open:sesame")),
            ("Basic OnNlY3JldA==", basic("", "secret")),
            ("Basic amFuZQ==", None),
            ("Basic !!!", None),
            ("Basic /w==", None),
            ("Bearer amFuZTpvcGVuOnNlc2FtZQ==", None),
            ("Basic", None),
            ("", None),
            (&format!("Bearer {token}"), bearer),
            (&format!("Basic {token}"), None),
            (&format!("Bearer {token}0"), None),
            ("Bearer ", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            assert_eq!(credentials(&headers), expected, "{value:?}");
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            assert!(credentials(&headers).is_none(), "{value:?} twice");
        }
    }
}
