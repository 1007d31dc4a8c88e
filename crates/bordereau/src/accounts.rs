//! `bordereau customer` and `bordereau user`: who may use a server. They work on its data folder, also while it runs.

use std::future::Future;
use std::io::BufRead;
use std::sync::Arc;

use bordereau_base::ids::CustomerName;
use bordereau_engine::catalog::Catalog;
use bordereau_jobs::{Error, Grant, Jobs, JobsOptions, Password, Retention, User, UserName};

use crate::cli;
use crate::exit::{DONE, Failure};
use crate::settings::Layers;
use crate::table::{Align, Table};
use crate::terminal::say;

/// Runs a command about customers.
///
/// # Errors
/// When a name is not well-formed or taken, or the data folder cannot be used.
pub fn customer(command: cli::Customer, layers: Layers) -> Result<u8, Failure> {
    match command {
        cli::Customer::Add { name, data } => with_jobs(layers, data, async move |jobs| {
            jobs.add_customer(&name.parse()?).await?;
            Ok(format!("customer {name} added\n"))
        }),
        cli::Customer::Retention { name, keep, data } => {
            let keep: Retention = keep.parse().map_err(|message| Failure::Usage(format!("{keep:?} {message}")))?;
            with_jobs(layers, data, async move |jobs| {
                jobs.set_retention(&name.parse()?, keep).await?;
                Ok(String::new())
            })
        }
        cli::Customer::List { data } => with_jobs(layers, data, async |jobs| {
            let name = |(name, keep): &(CustomerName, Retention)| match keep {
                Retention::AsSet => format!("{name}\n"),
                Retention::Forever => format!("{name}  kept for ever\n"),
                Retention::Days(days) => format!("{name}  kept for {days} days\n"),
            };
            Ok(jobs.retention().await?.iter().map(name).collect())
        }),
    }
}

/// Runs a command about users.
///
/// # Errors
/// As [`customer`]; also when the password cannot be read.
pub fn user(command: cli::User, layers: Layers) -> Result<u8, Failure> {
    match command {
        cli::User::Add { name, customer, password_stdin: _, grants, data } => {
            let password = password()?;
            with_jobs(layers, data, async move |jobs| {
                let grants = if grants.is_empty() { vec![Grant::ALL] } else { parsed(&grants)? };
                let user = User { name: name.parse()?, customer: customer.parse()?, grants };
                jobs.add_user(&user, Password::chosen(password)?).await?;
                Ok(format!("user {name} of {customer} added\n"))
            })
        }
        cli::User::Passwd { name, password_stdin: _, data } => {
            let password = password()?;
            with_jobs(layers, data, async move |jobs| {
                jobs.set_password(&name.parse()?, Password::chosen(password)?).await?;
                Ok(format!("password of {name} changed\n"))
            })
        }
        cli::User::List { customer, data } => with_jobs(layers, data, async move |jobs| {
            let users = jobs.list_users().await?;
            let wanted = |user: &&User| customer.as_ref().is_none_or(|customer| user.customer.as_str() == customer);
            Ok(listed(users.iter().filter(wanted)).text(""))
        }),
        cli::User::Grant { name, grants, data } => with_jobs(layers, data, async move |jobs| {
            let user: UserName = name.parse()?;
            for grant in parsed(&grants)? {
                jobs.grant(&user, &grant).await?;
            }
            Ok(String::new())
        }),
        cli::User::Revoke { name, grants, data } => with_jobs(layers, data, async move |jobs| {
            let user: UserName = name.parse()?;
            for grant in parsed(&grants)? {
                jobs.revoke(&user, &grant).await?;
            }
            Ok(String::new())
        }),
    }
}

fn listed<'a>(users: impl Iterator<Item = &'a User>) -> Table {
    let mut table = Table::new(["user", "customer", "may use"].map(|name| (name, Align::Left)));
    for user in users {
        let grants: Vec<String> = user.grants.iter().map(Grant::to_string).collect();
        table.row([user.name.to_string(), user.customer.to_string(), grants.join(", ")]);
    }
    table
}

fn parsed(grants: &[String]) -> Result<Vec<Grant>, Error> {
    grants.iter().map(|grant| Ok(grant.parse()?)).collect()
}

/// One line of standard input, without its end.
fn password() -> Result<String, Failure> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Failure::Usage(format!("the password cannot be read from standard input: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Opens the data folder of the settings, runs `work` on it and says what it gives.
///
/// # Errors
/// Those of `work`; when the data folder cannot be used.
pub fn with_jobs<F: Future<Output = Result<String, Error>>>(
    mut layers: Layers,
    data: cli::Data,
    work: impl FnOnce(Jobs) -> F,
) -> Result<u8, Failure> {
    layers.set_flag_if("data", data.data);
    let settings = layers.resolve()?.settings()?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::internal(&error))?;
    let text = runtime.block_on(async {
        // Accounts have nothing to do with releases.
        let webhooks = bordereau_server::webhook_options(&settings.webhook_networks).map_err(Failure::Internal)?;
        let options = JobsOptions { webhooks, ..JobsOptions::new(settings.data, Arc::new(Catalog::default())) };
        work(Jobs::open(options).await?).await.map_err(Failure::from)
    })?;
    say(text)?;
    Ok(DONE)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(_) | Error::Taken(_) | Error::Absent(_) | Error::Webhook(_) | Error::Unknown => {
                Self::Usage(error.to_string())
            }
            Error::Refused(refusal) => Self::Refused(refusal),
            other => Self::internal(&other),
        }
    }
}
