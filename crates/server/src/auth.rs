//! Basic credentials (RFC 7617) to a caller.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bordereau_jobs::{Caller, Jobs, Password};

use crate::problem::Problem;

/// The caller whose credentials the request carries. Nothing of the body is read.
pub(crate) async fn caller(jobs: &Jobs, headers: &HeaderMap) -> Result<Caller, Problem> {
    let (name, password) = credentials(headers).ok_or(Problem::Unauthorized)?;
    jobs.verify(&name, &password).await?.ok_or(Problem::Unauthorized)
}

/// User name and password; none when the header is absent, there twice, or not well-formed.
fn credentials(headers: &HeaderMap) -> Option<(String, Password)> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(token.trim()).ok()?).ok()?;
    let (name, password) = pair.split_once(':')?;
    Some((name.to_owned(), Password::given(password)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn credentials_are_read_or_there_are_none() {
        for (value, name) in [
            ("Basic amFuZTpvcGVuOnNlc2FtZQ==", Some("jane")),
            ("basic  amFuZTpvcGVuOnNlc2FtZQ==", Some("jane")),
            ("Basic OnNlY3JldA==", Some("")),
            ("Basic amFuZQ==", None),
            ("Basic !!!", None),
            ("Basic /w==", None),
            ("Bearer amFuZTpvcGVuOnNlc2FtZQ==", None),
            ("Basic", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_static(value));
            let found = credentials(&headers);
            assert_eq!(found.as_ref().map(|(name, _)| name.as_str()), name, "{value:?}");
            if name == Some("jane") {
                assert_eq!(found.map(|(_, password)| password), Some(Password::given("open:sesame")));
            }
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            assert!(credentials(&headers).is_none(), "{value:?} twice");
        }
    }
}
