//! API tokens.

use jiff::Timestamp;
use sqlx::FromRow;

use super::accounts::Candidate;
use super::{Store, is_taken, moment, stored};
use crate::account::{UserName, Verified};
use crate::audit::Deed;
use crate::error::{Error, Result};
use crate::token::{Token, TokenInfo, TokenLabel, TokenPrefix};

#[derive(FromRow)]
struct TokenRow {
    prefix: String,
    user: String,
    label: String,
    created_ms: i64,
    expires_ms: Option<i64>,
    last_used_ms: Option<i64>,
    revoked_ms: Option<i64>,
}

impl TryFrom<TokenRow> for TokenInfo {
    type Error = Error;

    fn try_from(row: TokenRow) -> Result<Self> {
        Ok(Self {
            prefix: stored(&row.prefix, "prefix of a token")?,
            user: stored(&row.user, "user name")?,
            label: stored(&row.label, "label of a token")?,
            created: moment(row.created_ms)?,
            expires: row.expires_ms.map(moment).transpose()?,
            last_used: row.last_used_ms.map(moment).transpose()?,
            revoked: row.revoked_ms.map(moment).transpose()?,
        })
    }
}

impl Store {
    pub(crate) async fn add_token(
        &self,
        user: &UserName,
        token: &Token,
        label: &TokenLabel,
        expires: Option<Timestamp>,
        deed: &Deed<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let mut change = self.change(deed, now).await?;
        let query = "INSERT INTO tokens (prefix, user, secret_sha256, label, created_ms, expires_ms)
                     SELECT ?, name, ?, ?, ?, ? FROM users WHERE name = ?";
        let done = sqlx::query(query)
            .bind(token.prefix().as_str())
            .bind(token.sha256())
            .bind(label.as_str())
            .bind(now.as_millisecond())
            .bind(expires.map(Timestamp::as_millisecond))
            .bind(user.as_str())
            .execute(&mut *change.write)
            .await;
        match done {
            Err(error) if is_taken(&error) => Err(Error::Taken("token")),
            Ok(done) if done.rows_affected() == 0 => Err(Error::Absent("user")),
            other => {
                other?;
                change.commit().await
            }
        }
    }

    /// Tokens of a user, oldest first.
    pub(crate) async fn tokens(&self, user: &UserName) -> Result<Vec<TokenInfo>> {
        let rows: Vec<TokenRow> = sqlx::query_as(
            "SELECT prefix, user, label, created_ms, expires_ms, last_used_ms, revoked_ms FROM tokens WHERE user = ?
             ORDER BY created_ms, prefix",
        )
        .bind(user.as_str())
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(TokenInfo::try_from).collect()
    }

    /// The user of a token that is not revoked, with the digest of its secret where the hash of the password would be.
    pub(crate) async fn token_candidate(&self, token: &Token) -> Result<Option<Candidate>> {
        let found: Option<(String, String, Option<i64>)> = sqlx::query_as(
            "SELECT user, secret_sha256, expires_ms FROM tokens WHERE prefix = ? AND revoked_ms IS NULL",
        )
        .bind(token.prefix().as_str())
        .fetch_optional(&self.pool)
        .await?;
        let Some((user, secret_sha256, expires_ms)) = found else { return Ok(None) };
        let Some(candidate) = self.candidate(&user).await? else { return Ok(None) };
        let (token, expires) = (Some(token.prefix().clone()), expires_ms.map(moment).transpose()?);
        let verified = Verified { token, expires, ..candidate.verified };
        Ok(Some(Candidate { hash: secret_sha256, verified, ..candidate }))
    }

    /// Remembers that a token was used. Not a change of accounts.
    pub(crate) async fn token_used(&self, prefix: &TokenPrefix, now: Timestamp) -> Result<()> {
        let query = sqlx::query("UPDATE tokens SET last_used_ms = ? WHERE prefix = ?");
        query.bind(now.as_millisecond()).bind(prefix.as_str()).execute(&self.pool).await?;
        Ok(())
    }

    /// Revokes a token of a user; one that was revoked before is no error.
    pub(crate) async fn revoke_token(
        &self,
        user: &UserName,
        prefix: &TokenPrefix,
        deed: &Deed<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let mut change = self.change(deed, now).await?;
        let query = "UPDATE tokens SET revoked_ms = coalesce(revoked_ms, ?) WHERE prefix = ? AND user = ?";
        let done = sqlx::query(query)
            .bind(now.as_millisecond())
            .bind(prefix.as_str())
            .bind(user.as_str())
            .execute(&mut *change.write)
            .await?;
        if done.rows_affected() == 0 {
            return Err(Error::Absent("token"));
        }
        change.commit().await
    }

    /// All tokens that are revoked.
    pub(crate) async fn revoked_tokens(&self) -> Result<Vec<TokenPrefix>> {
        let prefixes: Vec<String> =
            sqlx::query_scalar("SELECT prefix FROM tokens WHERE revoked_ms IS NOT NULL").fetch_all(&self.pool).await?;
        prefixes.iter().map(|prefix| stored(prefix, "prefix of a token")).collect()
    }
}
