//! `bordereau customer`, `user`, `token` and `audit`: who may use a server, and who did what. They work on its
//! data folder, also while it runs.

use std::future::Future;
use std::io::BufRead;
use std::sync::Arc;
use std::time::Duration;

use bordereau_engine::catalog::Catalog;
use bordereau_jobs::{
    Accounts, Actor, AuditRecord, AuditRequest, Customer, Error, Grant, Jobs, JobsOptions, Password, Retention,
    Standing, TokenInfo, User, UserName,
};
use jiff::Timestamp;

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
            by_command(&jobs).add_customer(&name.parse()?).await?;
            Ok(format!("customer {name} added\n"))
        }),
        cli::Customer::Retention { name, keep, data } => {
            let keep: Retention = keep.parse().map_err(|message| Failure::Usage(format!("{keep:?} {message}")))?;
            with_jobs(layers, data, async move |jobs| {
                jobs.set_retention(&Actor::command_line(), &name.parse()?, keep).await?;
                Ok(String::new())
            })
        }
        cli::Customer::Weight { name, weight, data } => with_jobs(layers, data, async move |jobs| {
            jobs.set_weight(&Actor::command_line(), &name.parse()?, weight).await?;
            Ok(format!("customer {name} has weight {weight}\n"))
        }),
        cli::Customer::List { data } => with_jobs(layers, data, async |jobs| {
            let kept = jobs.retention().await?;
            let customers = by_command(&jobs).list_customers(None, u32::MAX).await?;
            let line = |customer: &Customer| {
                let keep = kept.iter().find(|(name, _)| *name == customer.name).map(|(_, keep)| *keep);
                let keep = match keep {
                    None | Some(Retention::AsSet) => String::new(),
                    Some(Retention::Forever) => "  kept for ever".to_owned(),
                    Some(Retention::Days(days)) => format!("  kept for {days} days"),
                };
                format!("{}{}{keep}\n", customer.name, mark(customer.standing))
            };
            Ok(customers.iter().map(line).collect())
        }),
        cli::Customer::Enable(of) => customer_standing(of, layers, Standing::Enabled),
        cli::Customer::Disable(of) => customer_standing(of, layers, Standing::Disabled),
        cli::Customer::Remove(of) => with_jobs(layers, of.data, async move |jobs| {
            by_command(&jobs).remove_customer(&of.name.parse()?).await?;
            Ok(format!("customer {} removed\n", of.name))
        }),
    }
}

fn customer_standing(of: cli::CustomerOf, layers: Layers, standing: Standing) -> Result<u8, Failure> {
    with_jobs(layers, of.data, async move |jobs| {
        by_command(&jobs).set_customer_standing(&of.name.parse()?, standing).await?;
        Ok(format!("customer {} {}\n", of.name, standing.as_str()))
    })
}

/// Runs a command about users.
///
/// # Errors
/// As [`customer`]; also when the password cannot be read.
pub fn user(command: cli::User, layers: Layers) -> Result<u8, Failure> {
    match command {
        cli::User::Add { name, customer, password_stdin: _, role, grants, data } => {
            let password = password()?;
            with_jobs(layers, data, async move |jobs| {
                let grants = if grants.is_empty() { vec![Grant::ALL] } else { parsed(&grants)? };
                let user = User { role, ..User::new(name.parse()?, customer.parse()?, grants) };
                by_command(&jobs).add_user(&user, Password::chosen(password)?).await?;
                Ok(format!("user {name} of {customer} added\n"))
            })
        }
        cli::User::Passwd { name, password_stdin: _, data } => {
            let password = password()?;
            with_jobs(layers, data, async move |jobs| {
                by_command(&jobs).set_password(&name.parse()?, Password::chosen(password)?).await?;
                Ok(format!("password of {name} changed\n"))
            })
        }
        cli::User::List { customer, data } => with_jobs(layers, data, async move |jobs| {
            let customer = customer.as_deref().map(str::parse).transpose()?;
            Ok(listed(&by_command(&jobs).list_users(customer.as_ref(), None, u32::MAX).await?).text(""))
        }),
        cli::User::Grant { name, grants, data } => with_jobs(layers, data, async move |jobs| {
            let user: UserName = name.parse()?;
            for grant in parsed(&grants)? {
                by_command(&jobs).grant(&user, &grant).await?;
            }
            Ok(String::new())
        }),
        cli::User::Revoke { name, grants, data } => with_jobs(layers, data, async move |jobs| {
            let user: UserName = name.parse()?;
            for grant in parsed(&grants)? {
                by_command(&jobs).revoke(&user, &grant).await?;
            }
            Ok(String::new())
        }),
        cli::User::Role { name, role, data } => with_jobs(layers, data, async move |jobs| {
            by_command(&jobs).set_role(&name.parse()?, role).await?;
            Ok(format!("{name} is {role} now\n"))
        }),
        cli::User::Enable(of) => user_standing(of, layers, Standing::Enabled),
        cli::User::Disable(of) => user_standing(of, layers, Standing::Disabled),
        cli::User::Remove(of) => with_jobs(layers, of.data, async move |jobs| {
            by_command(&jobs).remove_user(&of.name.parse()?).await?;
            Ok(format!("user {} removed\n", of.name))
        }),
    }
}

fn user_standing(of: cli::UserOf, layers: Layers, standing: Standing) -> Result<u8, Failure> {
    with_jobs(layers, of.data, async move |jobs| {
        by_command(&jobs).set_user_standing(&of.name.parse()?, standing).await?;
        Ok(format!("user {} {}\n", of.name, standing.as_str()))
    })
}

/// Runs a command about tokens.
///
/// # Errors
/// As [`customer`].
pub fn token(command: cli::Token, layers: Layers) -> Result<u8, Failure> {
    match command {
        cli::Token::Add { user, label, days, data } => with_jobs(layers, data, async move |jobs| {
            let expires = days.map(|days| Timestamp::now() + Duration::from_secs(u64::from(days) * 86_400));
            let token = by_command(&jobs).add_token(&user.parse()?, &label.parse()?, expires).await?;
            Ok(format!("{}\n", token.reveal()))
        }),
        cli::Token::List(of) => with_jobs(layers, of.data, async move |jobs| {
            Ok(tokens(&by_command(&jobs).list_tokens(&of.name.parse()?).await?).text(""))
        }),
        cli::Token::Revoke { user, prefix, data } => with_jobs(layers, data, async move |jobs| {
            by_command(&jobs).revoke_token(&user.parse()?, &prefix.parse()?).await?;
            Ok(format!("token {prefix} revoked\n"))
        }),
    }
}

/// Shows the audit log.
///
/// # Errors
/// As [`customer`].
pub fn audit(args: cli::Audit, layers: Layers) -> Result<u8, Failure> {
    with_jobs(layers, args.data, async move |jobs| {
        let customer = args.customer.as_deref().map(str::parse).transpose()?;
        let request = AuditRequest { actor: args.actor, customer, before: args.before };
        Ok(audited(jobs.audit(&request, args.limit).await?).text(""))
    })
}

/// The accounts as whoever may run commands changes them.
fn by_command(jobs: &Jobs) -> Accounts<'_> {
    jobs.accounts(Actor::command_line())
}

fn mark(standing: Standing) -> &'static str {
    match standing {
        Standing::Enabled => "",
        Standing::Disabled => " (disabled)",
    }
}

fn listed(users: &[User]) -> Table {
    let mut table = Table::new(["user", "customer", "role", "may use"].map(|name| (name, Align::Left)));
    for user in users {
        let grants: Vec<String> = user.grants.iter().map(Grant::to_string).collect();
        let role = format!("{}{}", user.role, mark(user.standing));
        table.row([user.name.to_string(), user.customer.to_string(), role, grants.join(", ")]);
    }
    table
}

fn tokens(tokens: &[TokenInfo]) -> Table {
    let names = ["token", "label", "made", "ends", "last used", "revoked"];
    let mut table = Table::new(names.map(|name| (name, Align::Left)));
    let moment = |moment: &Option<Timestamp>| moment.as_ref().map(Timestamp::to_string).unwrap_or_default();
    for info in tokens {
        let TokenInfo { prefix, user: _, label, created, expires, last_used, revoked } = info;
        let ends = [expires, last_used, revoked].map(moment);
        let cells = [prefix.to_string(), label.as_str().to_owned(), created.to_string()];
        table.row(cells.into_iter().chain(ends));
    }
    table
}

fn audited(records: Vec<AuditRecord>) -> Table {
    let names = ["id", "at", "who", "via", "from", "did", "customer", "to", "detail"];
    let mut table = Table::new(names.map(|name| (name, Align::Left)));
    for record in records {
        let AuditRecord { id, at, actor, via, address, deed, customer, subject, detail } = record;
        let [address, customer, subject, detail] = [address, customer, subject, detail].map(Option::unwrap_or_default);
        table.row([id.to_string(), at.to_string(), actor, via, address, deed, customer, subject, detail]);
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
            Error::Invalid(_)
            | Error::Taken(_)
            | Error::Absent(_)
            | Error::InUse(_)
            | Error::Webhook(_)
            | Error::Backup(_)
            | Error::Unknown => Self::Usage(error.to_string()),
            Error::Refused(refusal) => Self::Refused(refusal),
            other => Self::internal(&other),
        }
    }
}
