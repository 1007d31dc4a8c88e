//! What an administrator or the command line does with customers, users and tokens.
//!
//! Each change is recorded in the audit log by the transaction that makes it, and is in force in this process when it
//! returns. What may be removed: a user always (what it sent stays, its tokens go); a customer when it is disabled and
//! has neither users nor batches any more. Nobody can shut themselves out: an administrator's own account is changed by
//! others or by the command line, the password apart.

use bordereau_base::ids::CustomerName;
use jiff::Timestamp;

use crate::account::{Customer, Grant, Password, Role, Standing, User, UserName};
use crate::audit::{Actor, AuditRecord, AuditRequest, Deed, DeedName};
use crate::credentials;
use crate::error::{Error, Result};
use crate::jobs::Jobs;
use crate::operations::PAGE_MAX;
use crate::token::{Token, TokenInfo, TokenLabel, TokenPrefix};

/// The accounts of an open data folder, as one actor changes them.
pub struct Accounts<'a> {
    jobs: &'a Jobs,
    actor: Actor,
}

impl Jobs {
    /// The accounts, changed by `actor`, who is taken to have the right to.
    pub fn accounts(&self, actor: Actor) -> Accounts<'_> {
        Accounts { jobs: self, actor }
    }

    /// A page of the audit log, newest first; one more than [`PAGE_MAX`] at most.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audit(&self, request: &AuditRequest, limit: u32) -> Result<Vec<AuditRecord>> {
        self.inner.store.audit(request, limit.clamp(1, PAGE_MAX + 1)).await
    }
}

impl Accounts<'_> {
    /// Adds a customer.
    ///
    /// # Errors
    /// [`Error::Taken`] when it is there already.
    pub async fn add_customer(&self, name: &CustomerName) -> Result<()> {
        let deed = self.deed(DeedName::CustomerAdded).of(name);
        self.done(self.jobs.inner.store.add_customer(name, &deed, self.jobs.now()).await)
    }

    /// At most `limit` customers in order, from behind `after` on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_customers(&self, after: Option<&str>, limit: u32) -> Result<Vec<Customer>> {
        self.jobs.inner.store.customers(after, limit).await
    }

    /// The customer of that name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn customer(&self, name: &CustomerName) -> Result<Option<Customer>> {
        self.jobs.inner.store.customer(name).await
    }

    /// Lets the users of a customer in, or keeps all of them out. Batches that were accepted still run.
    ///
    /// # Errors
    /// [`Error::Absent`] without that customer; [`Error::Oneself`] for the actor's own when it would be disabled.
    pub async fn set_customer_standing(&self, name: &CustomerName, standing: Standing) -> Result<()> {
        let own = self.user(&self.actor.name).await?.is_some_and(|user| user.customer == *name);
        if own && standing.is_disabled() {
            return Err(Error::Oneself);
        }
        let deed = self.deed(DeedName::CustomerStanding).of(name).with(&standing.as_str());
        self.done(self.jobs.inner.store.set_customer_standing(name, standing, &deed, self.jobs.now()).await)
    }

    /// Removes a customer that is disabled and has neither users nor batches any more. Its name may be used again.
    ///
    /// # Errors
    /// [`Error::Absent`] without that customer, [`Error::InUse`] when something is left of it.
    pub async fn remove_customer(&self, name: &CustomerName) -> Result<()> {
        let deed = self.deed(DeedName::CustomerRemoved).of(name);
        self.done(self.jobs.inner.store.remove_customer(name, &deed, self.jobs.now()).await)
    }

    /// Adds a user of a customer with the given rights ([`Grant::ALL`] when nobody said otherwise).
    ///
    /// # Errors
    /// [`Error::Absent`] without that customer, [`Error::Taken`] when any customer has a user of that name.
    pub async fn add_user(&self, user: &User, password: Password) -> Result<()> {
        let hash = credentials::hash(password).await?;
        let rights = format!("{}: {}", user.role, listed(&user.grants));
        let deed = self.deed(DeedName::UserAdded).of(&user.customer).to(&user.name).with(&rights);
        self.done(self.jobs.inner.store.add_user(user, &hash, &deed, self.jobs.now()).await)
    }

    /// At most `limit` users of one customer or of all in order of their names, from behind `after` on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_users(
        &self,
        customer: Option<&CustomerName>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<User>> {
        self.jobs.inner.store.users(customer, after, limit).await
    }

    /// The user of that name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn user(&self, name: &str) -> Result<Option<User>> {
        match name.parse::<UserName>() {
            Ok(name) => self.jobs.inner.store.user(&name).await,
            Err(_) => Ok(None),
        }
    }

    /// Changes a user's password. Tokens stay.
    ///
    /// # Errors
    /// [`Error::Absent`] without that user.
    pub async fn set_password(&self, user: &UserName, password: Password) -> Result<()> {
        let hash = credentials::hash(password).await?;
        let customer = self.known(user).await?.customer;
        let deed = self.deed(DeedName::PasswordChanged).of(&customer).to(user);
        self.done(self.jobs.inner.store.set_password(user, &hash, &deed, self.jobs.now()).await)
    }

    /// Changes what a user is for.
    ///
    /// # Errors
    /// [`Error::Absent`] without that user; [`Error::Oneself`] for the actor's own role.
    pub async fn set_role(&self, user: &UserName, role: Role) -> Result<()> {
        let customer = self.another(user).await?.customer;
        let deed = self.deed(DeedName::RoleChanged).of(&customer).to(user).with(&role);
        self.done(self.jobs.inner.store.set_role(user, role, &deed, self.jobs.now()).await)
    }

    /// Lets a user in, or keeps it out, its tokens included.
    ///
    /// # Errors
    /// [`Error::Absent`] without that user; [`Error::Oneself`] for the actor's own.
    pub async fn set_user_standing(&self, user: &UserName, standing: Standing) -> Result<()> {
        let customer = self.another(user).await?.customer;
        let deed = self.deed(DeedName::UserStanding).of(&customer).to(user).with(&standing.as_str());
        self.done(self.jobs.inner.store.set_user_standing(user, standing, &deed, self.jobs.now()).await)
    }

    /// Removes a user with its tokens. What it sent stays. Its name may be used again.
    ///
    /// # Errors
    /// [`Error::Absent`] without that user; [`Error::Oneself`] for the actor's own.
    pub async fn remove_user(&self, user: &UserName) -> Result<()> {
        let customer = self.another(user).await?.customer;
        let deed = self.deed(DeedName::UserRemoved).of(&customer).to(user);
        self.done(self.jobs.inner.store.remove_user(user, &deed, self.jobs.now()).await)
    }

    /// Gives a user a right; one that the user has already is no error.
    ///
    /// # Errors
    /// [`Error::Absent`] without that user.
    pub async fn grant(&self, user: &UserName, grant: &Grant) -> Result<()> {
        let customer = self.known(user).await?.customer;
        let deed = self.deed(DeedName::GrantsChanged).of(&customer).to(user).with(&format!("+{grant}"));
        self.done(self.jobs.inner.store.grant(user, grant, &deed, self.jobs.now()).await)
    }

    /// Takes a right from a user.
    ///
    /// # Errors
    /// [`Error::Absent`] without that user, or when the user does not have exactly this grant.
    pub async fn revoke(&self, user: &UserName, grant: &Grant) -> Result<()> {
        let customer = self.known(user).await?.customer;
        let deed = self.deed(DeedName::GrantsChanged).of(&customer).to(user).with(&format!("-{grant}"));
        self.done(self.jobs.inner.store.revoke(user, grant, &deed, self.jobs.now()).await)
    }

    /// Gives a user these rights and no others.
    ///
    /// # Errors
    /// [`Error::Absent`] without that user.
    pub async fn set_grants(&self, user: &UserName, grants: &[Grant]) -> Result<()> {
        let customer = self.known(user).await?.customer;
        let deed = self.deed(DeedName::GrantsChanged).of(&customer).to(user).with(&listed(grants));
        self.done(self.jobs.inner.store.set_grants(user, grants, &deed, self.jobs.now()).await)
    }

    /// Makes a token for a user, who may do with it what it may do with its password. Nobody can see it again.
    ///
    /// # Errors
    /// [`Error::Absent`] without that user; [`Error::Invalid`] when it would end in the past.
    pub async fn add_token(&self, user: &UserName, label: &TokenLabel, expires: Option<Timestamp>) -> Result<Token> {
        let now = self.jobs.now();
        if expires.is_some_and(|expires| expires <= now) {
            let rule = "in the future";
            return Err(Error::Invalid(bordereau_base::ids::InvalidId { what: "the end of a token", rule }));
        }
        let (token, customer) = (Token::random(), self.known(user).await?.customer);
        let about = format!("{} {}", token.prefix(), label.as_str());
        let deed = self.deed(DeedName::TokenAdded).of(&customer).to(user).with(&about.trim_end());
        self.done(self.jobs.inner.store.add_token(user, &token, label, expires, &deed, now).await)?;
        Ok(token)
    }

    /// The tokens of a user, oldest first; also those that are worth nothing any more.
    ///
    /// # Errors
    /// [`Error::Absent`] without that user; when the store fails.
    pub async fn list_tokens(&self, user: &UserName) -> Result<Vec<TokenInfo>> {
        self.known(user).await?;
        self.jobs.inner.store.tokens(user).await
    }

    /// Revokes a token; one that was revoked before is no error.
    ///
    /// # Errors
    /// [`Error::Absent`] when the user has no such token.
    pub async fn revoke_token(&self, user: &UserName, prefix: &TokenPrefix) -> Result<()> {
        let customer = self.known(user).await?.customer;
        let deed = self.deed(DeedName::TokenRevoked).of(&customer).to(user).with(prefix);
        self.done(self.jobs.inner.store.revoke_token(user, prefix, &deed, self.jobs.now()).await)
    }

    fn deed(&self, name: DeedName) -> Deed<'_> {
        Deed::new(&self.actor, name)
    }

    async fn known(&self, user: &UserName) -> Result<User> {
        self.jobs.inner.store.user(user).await?.ok_or(Error::Absent("user"))
    }

    async fn another(&self, user: &UserName) -> Result<User> {
        if self.actor.name == user.as_str() { Err(Error::Oneself) } else { self.known(user).await }
    }

    /// Whatever came of it, nothing that was verified before is taken for granted.
    fn done<T>(&self, result: Result<T>) -> Result<T> {
        self.jobs.inner.credentials.forget();
        self.jobs.inner.access.changed();
        result
    }
}

fn listed(grants: &[Grant]) -> String {
    let grants: Vec<String> = grants.iter().map(Grant::to_string).collect();
    grants.join(", ")
}
