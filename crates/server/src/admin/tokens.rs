//! API tokens.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bordereau_jobs::{TokenInfo, UserName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{accounts, answer, body, gone, named, valid};
use crate::names::{PathParts, part};
use crate::openapi::parameters;
use crate::problem::Problem;
use crate::routes::Site;

/// The tokens of a user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokensBody {
    /// Oldest first; also those that are worth nothing any more.
    tokens: Vec<TokenBody>,
}

/// A token as a list shows it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenBody {
    /// Its name, the part after `bdr_`.
    prefix: String,
    /// What it is for.
    label: String,
    /// When it was made, RFC 3339.
    created: String,
    /// From when on it is worth nothing; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expires: Option<String>,
    /// About when it was last used, to a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_used: Option<String>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revoked: Option<String>,
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTokenBody {
    /// What it is for, at most 100 characters.
    #[serde(default)]
    label: String,
    /// From when on it is worth nothing, RFC 3339; never when absent.
    expires: Option<String>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeTokenBody {
    /// Its name.
    prefix: String,
    /// All of it. Nobody can see it again.
    token: String,
}

impl From<TokenInfo> for TokenBody {
    fn from(info: TokenInfo) -> Self {
        Self {
            prefix: info.prefix.to_string(),
            label: info.label.as_str().to_owned(),
            created: info.created.to_string(),
            expires: info.expires.as_ref().map(Timestamp::to_string),
            last_used: info.last_used.as_ref().map(Timestamp::to_string),
            revoked: info.revoked.as_ref().map(Timestamp::to_string),
        }
    }
}

/// List a user's tokens.
///
/// Without their secrets, which nobody can see.
#[utoipa::path(
    get,
    operation_id = "list_tokens",
    path = "/api/2/admin/users/{user}/tokens",
    tag = "administration",
    params(parameters::OneUser),
    responses(
        (status = 200, description = "The tokens.", body = TokensBody),
        (status = 403, description = "The user is no administrator."),
        (status = 404, description = "There is no such customer, user or token."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn list(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    let headers = request.headers();
    let listed = async {
        let accounts = accounts(&site, headers).await?;
        let tokens = accounts.list_tokens(&named(&part(&parts, "user")?)?).await?;
        Ok(TokensBody { tokens: tokens.into_iter().map(TokenBody::from).collect() })
    };
    answer(StatusCode::OK, listed.await)
}

/// Make a token.
///
/// Sent as `Authorization: Bearer TOKEN` it does what its user may do.
#[utoipa::path(
    post,
    operation_id = "add_token",
    path = "/api/2/admin/users/{user}/tokens",
    tag = "administration",
    params(parameters::OneUser),
    request_body = NewTokenBody,
    responses(
        (status = 201, description = "The token, for this once.", body = MadeTokenBody),
        (status = 400, description = "A query or body that is not what it must be."),
        (status = 403, description = "The user is no administrator."),
        (status = 404, description = "There is no such customer, user or token."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn add(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    let made = async {
        let accounts = accounts(&site, request.headers()).await?;
        let user: UserName = named(&part(&parts, "user")?)?;
        let new: NewTokenBody = body(&site, request).await?;
        let moment = |text: &String| text.parse::<Timestamp>();
        let expires = new.expires.as_ref().map(moment).transpose();
        let expires = expires.map_err(|_| Problem::Body("expires must be a moment of RFC 3339.".to_owned()))?;
        let token = accounts.add_token(&user, &valid(&new.label)?, expires).await?;
        Ok(MadeTokenBody { prefix: token.prefix().to_string(), token: token.reveal() })
    };
    answer(StatusCode::CREATED, made.await)
}

/// Revoke a token.
///
/// In force at once. It stays in the list.
#[utoipa::path(
    delete,
    operation_id = "revoke_token",
    path = "/api/2/admin/users/{user}/tokens/{prefix}",
    tag = "administration",
    params(parameters::OneUser, parameters::OneToken),
    responses(
        (status = 204, description = "It is worth nothing any more."),
        (status = 403, description = "The user is no administrator."),
        (status = 404, description = "There is no such customer, user or token."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn revoke(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    let headers = request.headers();
    let revoked = async {
        let accounts = accounts(&site, headers).await?;
        let (user, prefix) = (part(&parts, "user")?, part(&parts, "prefix")?);
        Ok(accounts.revoke_token(&named(&user)?, &named(&prefix)?).await?)
    };
    gone(revoked.await)
}
