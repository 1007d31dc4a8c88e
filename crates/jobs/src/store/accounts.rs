//! Customers, users and their rights. Each change takes the next number of `access`, by which other processes notice
//! it, gives it to the users it concerns, and is recorded in the audit log, all in one transaction.

use bordereau_base::ids::CustomerName;
use jiff::Timestamp;
use sqlx::{FromRow, Sqlite, Transaction};

use super::audit::record;
use super::{Store, is_taken, moment, stored};
use crate::account::{Customer, Grant, Role, Standing, User, UserName, Verified};
use crate::audit::Deed;
use crate::error::{Error, Result};

/// A change of accounts under way. Dropped before [`Change::commit`] it changes nothing.
pub(super) struct Change<'a> {
    pub(super) write: Transaction<'static, Sqlite>,
    version: i64,
    deed: &'a Deed<'a>,
}

impl Change<'_> {
    pub(super) async fn commit(self) -> Result<()> {
        self.write.commit().await?;
        self.deed.tell();
        Ok(())
    }

    /// Whoever was verified as this user before is verified no longer. Fails when there is no such user.
    pub(super) async fn touch(&mut self, user: &UserName) -> Result<()> {
        let done = sqlx::query("UPDATE users SET version = ? WHERE name = ?")
            .bind(self.version)
            .bind(user.as_str())
            .execute(&mut *self.write)
            .await?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Absent("user")) }
    }

    async fn insert_grant(&mut self, user: &UserName, grant: &Grant) -> Result<()> {
        sqlx::query("INSERT INTO grants (user, allows) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(user.as_str())
            .bind(grant.to_string())
            .execute(&mut *self.write)
            .await?;
        Ok(())
    }

    async fn known_customer(&mut self, customer: &CustomerName) -> Result<()> {
        let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM customers WHERE name = ?)")
            .bind(customer.as_str())
            .fetch_one(&mut *self.write)
            .await?;
        if known { Ok(()) } else { Err(Error::Absent("customer")) }
    }
}

#[derive(FromRow)]
struct UserRow {
    name: String,
    customer: String,
    role: String,
    disabled: bool,
    allows: Option<String>,
}

/// A user with what its password is compared with, and whether it may get in when that is right.
pub(crate) struct Candidate {
    pub(crate) user: User,
    pub(crate) hash: String,
    pub(crate) verified: Verified,
    pub(crate) standing: Standing,
}

impl Store {
    pub(super) async fn change<'a>(&self, deed: &'a Deed<'a>, now: Timestamp) -> Result<Change<'a>> {
        let mut write = self.write().await?;
        let version = sqlx::query_scalar("UPDATE access SET version = version + 1 RETURNING version");
        let version = version.fetch_one(&mut *write).await?;
        record(&mut *write, deed, now).await?;
        Ok(Change { write, version, deed })
    }

    /// How many changes of accounts there were.
    pub(crate) async fn access_version(&self) -> Result<i64> {
        Ok(sqlx::query_scalar("SELECT version FROM access").fetch_one(&self.pool).await?)
    }

    pub(crate) async fn add_customer(&self, name: &CustomerName, deed: &Deed<'_>, now: Timestamp) -> Result<()> {
        let mut change = self.change(deed, now).await?;
        let done = sqlx::query("INSERT INTO customers (name, created_ms) VALUES (?, ?)")
            .bind(name.as_str())
            .bind(now.as_millisecond())
            .execute(&mut *change.write)
            .await;
        match done {
            Err(error) if is_taken(&error) => return Err(Error::Taken("customer")),
            other => other.map(drop)?,
        }
        change.commit().await
    }

    /// Customers in order, from behind `after` on.
    pub(crate) async fn customers(&self, after: Option<&str>, rows_max: u32) -> Result<Vec<Customer>> {
        let rows: Vec<(String, bool, i64)> = sqlx::query_as(
            "SELECT name, disabled, created_ms FROM customers WHERE ?1 IS NULL OR name > ?1 ORDER BY name LIMIT ?2",
        )
        .bind(after)
        .bind(rows_max)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(customer).collect()
    }

    pub(crate) async fn customer(&self, name: &CustomerName) -> Result<Option<Customer>> {
        let query = "SELECT name, disabled, created_ms FROM customers WHERE name = ?";
        let row: Option<(String, bool, i64)> =
            sqlx::query_as(query).bind(name.as_str()).fetch_optional(&self.pool).await?;
        row.map(customer).transpose()
    }

    pub(crate) async fn set_customer_standing(
        &self,
        customer: &CustomerName,
        standing: Standing,
        deed: &Deed<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let mut change = self.change(deed, now).await?;
        change.known_customer(customer).await?;
        sqlx::query("UPDATE customers SET disabled = ? WHERE name = ?")
            .bind(standing.is_disabled())
            .bind(customer.as_str())
            .execute(&mut *change.write)
            .await?;
        sqlx::query("UPDATE users SET version = ? WHERE customer = ?")
            .bind(change.version)
            .bind(customer.as_str())
            .execute(&mut *change.write)
            .await?;
        change.commit().await
    }

    /// Removes a customer that is disabled and has neither users nor batches; its tombstones and events go too.
    pub(crate) async fn remove_customer(&self, customer: &CustomerName, deed: &Deed<'_>, now: Timestamp) -> Result<()> {
        let mut change = self.change(deed, now).await?;
        change.known_customer(customer).await?;
        let in_use: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM customers WHERE name = ?1 AND NOT disabled)
                 OR EXISTS (SELECT 1 FROM users WHERE customer = ?1)
                 OR EXISTS (SELECT 1 FROM batches WHERE customer = ?1 AND state != 'deleted')",
        )
        .bind(customer.as_str())
        .fetch_one(&mut *change.write)
        .await?;
        if in_use {
            return Err(Error::InUse("customer"));
        }
        for query in [
            "DELETE FROM batches WHERE customer = ?",
            "DELETE FROM events WHERE customer = ?",
            "DELETE FROM customers WHERE name = ?",
        ] {
            let done = sqlx::query(query).bind(customer.as_str()).execute(&mut *change.write).await;
            match done {
                // Something else is still kept for it.
                Err(error) if is_referred_to(&error) => return Err(Error::InUse("customer")),
                other => other.map(drop)?,
            }
        }
        change.commit().await
    }

    pub(crate) async fn add_user(
        &self,
        user: &User,
        password_hash: &str,
        deed: &Deed<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let mut change = self.change(deed, now).await?;
        change.known_customer(&user.customer).await?;
        let done = sqlx::query(
            "INSERT INTO users (name, customer, password_hash, created_ms, role, disabled, version)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(user.name.as_str())
        .bind(user.customer.as_str())
        .bind(password_hash)
        .bind(now.as_millisecond())
        .bind(user.role.as_str())
        .bind(user.standing.is_disabled())
        .bind(change.version)
        .execute(&mut *change.write)
        .await;
        match done {
            Err(error) if is_taken(&error) => return Err(Error::Taken("user")),
            other => other.map(drop)?,
        }
        for grant in &user.grants {
            change.insert_grant(&user.name, grant).await?;
        }
        change.commit().await
    }

    pub(crate) async fn set_password(
        &self,
        user: &UserName,
        password_hash: &str,
        deed: &Deed<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let mut change = self.change(deed, now).await?;
        change.touch(user).await?;
        sqlx::query("UPDATE users SET password_hash = ? WHERE name = ?")
            .bind(password_hash)
            .bind(user.as_str())
            .execute(&mut *change.write)
            .await?;
        change.commit().await
    }

    pub(crate) async fn set_role(&self, user: &UserName, role: Role, deed: &Deed<'_>, now: Timestamp) -> Result<()> {
        let mut change = self.change(deed, now).await?;
        change.touch(user).await?;
        let query = sqlx::query("UPDATE users SET role = ? WHERE name = ?");
        query.bind(role.as_str()).bind(user.as_str()).execute(&mut *change.write).await?;
        change.commit().await
    }

    pub(crate) async fn set_user_standing(
        &self,
        user: &UserName,
        standing: Standing,
        deed: &Deed<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let mut change = self.change(deed, now).await?;
        change.touch(user).await?;
        let query = sqlx::query("UPDATE users SET disabled = ? WHERE name = ?");
        query.bind(standing.is_disabled()).bind(user.as_str()).execute(&mut *change.write).await?;
        change.commit().await
    }

    /// Removes a user with its tokens; what it sent stays.
    pub(crate) async fn remove_user(&self, user: &UserName, deed: &Deed<'_>, now: Timestamp) -> Result<()> {
        let mut change = self.change(deed, now).await?;
        change.touch(user).await?;
        for query in [
            "DELETE FROM tokens WHERE user = ?",
            "DELETE FROM grants WHERE user = ?",
            "DELETE FROM users WHERE name = ?",
        ] {
            sqlx::query(query).bind(user.as_str()).execute(&mut *change.write).await?;
        }
        change.commit().await
    }

    pub(crate) async fn grant(&self, user: &UserName, grant: &Grant, deed: &Deed<'_>, now: Timestamp) -> Result<()> {
        let mut change = self.change(deed, now).await?;
        change.touch(user).await?;
        change.insert_grant(user, grant).await?;
        change.commit().await
    }

    pub(crate) async fn revoke(&self, user: &UserName, grant: &Grant, deed: &Deed<'_>, now: Timestamp) -> Result<()> {
        let mut change = self.change(deed, now).await?;
        change.touch(user).await?;
        let done = sqlx::query("DELETE FROM grants WHERE user = ? AND allows = ?")
            .bind(user.as_str())
            .bind(grant.to_string())
            .execute(&mut *change.write)
            .await?;
        if done.rows_affected() == 0 {
            return Err(Error::Absent("grant"));
        }
        change.commit().await
    }

    /// Gives a user these grants and no others.
    pub(crate) async fn set_grants(
        &self,
        user: &UserName,
        grants: &[Grant],
        deed: &Deed<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let mut change = self.change(deed, now).await?;
        change.touch(user).await?;
        sqlx::query("DELETE FROM grants WHERE user = ?").bind(user.as_str()).execute(&mut *change.write).await?;
        for grant in grants {
            change.insert_grant(user, grant).await?;
        }
        change.commit().await
    }

    /// Users of all customers or of one in order, from behind `after` on.
    pub(crate) async fn users(
        &self,
        customer: Option<&CustomerName>,
        after: Option<&str>,
        rows_max: u32,
    ) -> Result<Vec<User>> {
        let rows: Vec<UserRow> = sqlx::query_as(
            "SELECT name, customer, role, disabled, allows
             FROM (SELECT * FROM users WHERE (?1 IS NULL OR customer = ?1) AND (?2 IS NULL OR name > ?2)
                   ORDER BY name LIMIT ?3)
             LEFT JOIN grants ON user = name ORDER BY name, allows",
        )
        .bind(customer.map(CustomerName::as_str))
        .bind(after)
        .bind(rows_max)
        .fetch_all(&self.pool)
        .await?;
        gathered(rows)
    }

    pub(crate) async fn user(&self, name: &UserName) -> Result<Option<User>> {
        let rows: Vec<UserRow> = sqlx::query_as(
            "SELECT name, customer, role, disabled, allows FROM users LEFT JOIN grants ON user = name WHERE name = ?
             ORDER BY allows",
        )
        .bind(name.as_str())
        .fetch_all(&self.pool)
        .await?;
        Ok(gathered(rows)?.pop())
    }

    /// A user with the hash of the password. What is no name of a user is looked for all the same.
    pub(crate) async fn candidate(&self, name: &str) -> Result<Option<Candidate>> {
        let found: Option<(String, String, String, bool, i64, bool)> = sqlx::query_as(
            "SELECT u.password_hash, u.customer, u.role, u.disabled, u.version, c.disabled
             FROM users u JOIN customers c ON c.name = u.customer WHERE u.name = ?",
        )
        .bind(name)
        .fetch_optional(&self.pool)
        .await?;
        let grants: Vec<String> = sqlx::query_scalar("SELECT allows FROM grants WHERE user = ? ORDER BY allows")
            .bind(name)
            .fetch_all(&self.pool)
            .await?;
        let Some((password_hash, customer, role, disabled, version, customer_disabled)) = found else {
            return Ok(None);
        };
        let grants = grants.iter().map(|allows| stored(allows, "grant")).collect::<Result<_>>()?;
        let user = User {
            name: stored(name, "user name")?,
            customer: stored(&customer, "customer name")?,
            role: stored(&role, "role")?,
            standing: Standing::stored(disabled),
            grants,
        };
        let standing = Standing::stored(disabled || customer_disabled);
        let verified = Verified { version, token: None, expires: None };
        Ok(Some(Candidate { user, hash: password_hash, verified, standing }))
    }

    /// The number of the last change of every user who may get in.
    pub(crate) async fn standing_users(&self) -> Result<Vec<(UserName, i64)>> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT u.name, u.version FROM users u JOIN customers c ON c.name = u.customer
             WHERE NOT u.disabled AND NOT c.disabled",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|(name, version)| Ok((stored(&name, "user name")?, version))).collect()
    }
}

fn customer((name, disabled, created_ms): (String, bool, i64)) -> Result<Customer> {
    Ok(Customer {
        name: stored(&name, "customer name")?,
        standing: Standing::stored(disabled),
        created: moment(created_ms)?,
    })
}

/// Users of rows in which each is there once for each grant, or once without one.
fn gathered(rows: Vec<UserRow>) -> Result<Vec<User>> {
    let mut users: Vec<User> = Vec::new();
    for row in rows {
        let name: UserName = stored(&row.name, "user name")?;
        let grant = row.allows.map(|allows| stored::<Grant>(&allows, "grant")).transpose()?;
        match users.last_mut() {
            Some(user) if user.name == name => user.grants.extend(grant),
            _ => users.push(User {
                name,
                customer: stored(&row.customer, "customer name")?,
                role: stored(&row.role, "role")?,
                standing: Standing::stored(row.disabled),
                grants: grant.into_iter().collect(),
            }),
        }
    }
    Ok(users)
}

fn is_referred_to(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation)
}
