//! Customers, users and their rights.

use bordereau_base::ids::CustomerName;
use jiff::Timestamp;
use sqlx::{Sqlite, Transaction};

use super::{Store, is_taken, stored};
use crate::account::{Grant, User, UserName};
use crate::error::{Error, Result};

impl Store {
    pub(crate) async fn add_customer(&self, name: &CustomerName, now: Timestamp) -> Result<()> {
        let done = sqlx::query("INSERT INTO customers (name, created_ms) VALUES (?, ?)")
            .bind(name.as_str())
            .bind(now.as_millisecond())
            .execute(&self.pool)
            .await;
        match done {
            Err(error) if is_taken(&error) => Err(Error::Taken("customer")),
            other => other.map(drop).map_err(Error::from),
        }
    }

    pub(crate) async fn customers(&self) -> Result<Vec<CustomerName>> {
        let names: Vec<String> =
            sqlx::query_scalar("SELECT name FROM customers ORDER BY name").fetch_all(&self.pool).await?;
        names.iter().map(|name| stored(name, "customer name")).collect()
    }

    pub(crate) async fn add_user(&self, user: &User, password_hash: &str, now: Timestamp) -> Result<()> {
        let mut write = self.write().await?;
        let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM customers WHERE name = ?)")
            .bind(user.customer.as_str())
            .fetch_one(&mut *write)
            .await?;
        if !known {
            return Err(Error::Absent("customer"));
        }
        let done = sqlx::query("INSERT INTO users (name, customer, password_hash, created_ms) VALUES (?, ?, ?, ?)")
            .bind(user.name.as_str())
            .bind(user.customer.as_str())
            .bind(password_hash)
            .bind(now.as_millisecond())
            .execute(&mut *write)
            .await;
        match done {
            Err(error) if is_taken(&error) => return Err(Error::Taken("user")),
            other => other.map(drop)?,
        }
        for grant in &user.grants {
            insert_grant(&mut write, &user.name, grant).await?;
        }
        Ok(write.commit().await?)
    }

    pub(crate) async fn set_password(&self, user: &UserName, password_hash: &str) -> Result<()> {
        let done = sqlx::query("UPDATE users SET password_hash = ? WHERE name = ?")
            .bind(password_hash)
            .bind(user.as_str())
            .execute(&self.pool)
            .await?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Absent("user")) }
    }

    pub(crate) async fn grant(&self, user: &UserName, grant: &Grant) -> Result<()> {
        let mut write = self.write().await?;
        known_user(&mut write, user).await?;
        insert_grant(&mut write, user, grant).await?;
        Ok(write.commit().await?)
    }

    pub(crate) async fn revoke(&self, user: &UserName, grant: &Grant) -> Result<()> {
        let mut write = self.write().await?;
        known_user(&mut write, user).await?;
        let done = sqlx::query("DELETE FROM grants WHERE user = ? AND allows = ?")
            .bind(user.as_str())
            .bind(grant.to_string())
            .execute(&mut *write)
            .await?;
        if done.rows_affected() == 0 {
            return Err(Error::Absent("grant"));
        }
        Ok(write.commit().await?)
    }

    pub(crate) async fn users(&self) -> Result<Vec<User>> {
        let rows: Vec<(String, String, Option<String>)> = sqlx::query_as(
            "SELECT name, customer, allows FROM users LEFT JOIN grants ON user = name ORDER BY name, allows",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut users: Vec<User> = Vec::new();
        for (name, customer, right) in rows {
            let name: UserName = stored(&name, "user name")?;
            let grant = right.map(|right| stored::<Grant>(&right, "grant")).transpose()?;
            match users.last_mut() {
                Some(user) if user.name == name => user.grants.extend(grant),
                _ => users.push(User {
                    name,
                    customer: stored(&customer, "customer name")?,
                    grants: grant.into_iter().collect(),
                }),
            }
        }
        Ok(users)
    }

    /// A user with the hash of the password. One query whether there is such a user or not.
    pub(crate) async fn user_with_hash(&self, name: &str) -> Result<Option<(User, String)>> {
        let Ok(name) = name.parse::<UserName>() else {
            return Ok(None);
        };
        let rows: Vec<(String, String, Option<String>)> = sqlx::query_as(
            "SELECT customer, password_hash, allows FROM users LEFT JOIN grants ON user = name WHERE name = ?
             ORDER BY allows",
        )
        .bind(name.as_str())
        .fetch_all(&self.pool)
        .await?;
        let allowed = rows.iter().filter_map(|(_, _, allows)| allows.as_deref());
        let grants = allowed.map(|allows| stored(allows, "grant")).collect::<Result<_>>()?;
        let Some((customer, hash, _)) = rows.into_iter().next() else {
            return Ok(None);
        };
        Ok(Some((User { name, customer: stored(&customer, "customer name")?, grants }, hash)))
    }
}

async fn insert_grant(write: &mut Transaction<'static, Sqlite>, user: &UserName, grant: &Grant) -> Result<()> {
    sqlx::query("INSERT INTO grants (user, allows) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .bind(user.as_str())
        .bind(grant.to_string())
        .execute(&mut **write)
        .await?;
    Ok(())
}

async fn known_user(write: &mut Transaction<'static, Sqlite>, user: &UserName) -> Result<()> {
    let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users WHERE name = ?)")
        .bind(user.as_str())
        .fetch_one(&mut **write)
        .await?;
    if known { Ok(()) } else { Err(Error::Absent("user")) }
}
