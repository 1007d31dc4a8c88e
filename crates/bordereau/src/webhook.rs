//! `bordereau webhook`: what is sent where. It works on the data folder, also while a server runs.

use bordereau_base::ids::CustomerName;
use bordereau_jobs::{Actor, Answer, Delivery, Error, Jobs, Switch, Webhook, WebhookChange, WebhookId};

use crate::accounts::with_jobs;
use crate::cli;
use crate::exit::Failure;
use crate::settings::Layers;
use crate::table::{Align, Table};

/// Attempts that are shown.
const SHOWN: u32 = 20;

/// Runs a command about webhooks.
///
/// # Errors
/// When an address, a filter or a name is not taken, or the data folder cannot be used.
pub fn run(command: cli::Webhook, layers: Layers) -> Result<u8, Failure> {
    match command {
        cli::Webhook::Add { url, customer, filters, data } => with_jobs(layers, data, async move |jobs| {
            let (webhook, secret) =
                jobs.add_webhook_of(&Actor::command_line(), &customer.parse()?, &url, &filters).await?;
            Ok(format!("webhook {} added\nsecret {}\n", webhook.id, secret.reveal()))
        }),
        cli::Webhook::List { customer, data } => with_jobs(layers, data, async move |jobs| {
            let customer: Option<CustomerName> = customer.as_deref().map(str::parse).transpose()?;
            Ok(listed(&jobs.list_webhooks_of(customer.as_ref()).await?))
        }),
        cli::Webhook::Deliveries(of) => {
            with_jobs(layers, of.data, async move |jobs| Ok(deliveries(&jobs.deliveries_of(of.id, None, SHOWN).await?)))
        }
        cli::Webhook::Enable(of) => {
            with_jobs(layers, of.data, async move |jobs| switch(&jobs, of.id, Switch::On).await)
        }
        cli::Webhook::Pause(of) => {
            with_jobs(layers, of.data, async move |jobs| switch(&jobs, of.id, Switch::Off).await)
        }
        cli::Webhook::Rotate(of) => with_jobs(layers, of.data, async move |jobs| {
            let (_, secret) = jobs.rotate_webhook_of(&Actor::command_line(), of.id).await?;
            Ok(format!("secret {}\n", secret.reveal()))
        }),
        cli::Webhook::Remove(of) => with_jobs(layers, of.data, async move |jobs| {
            jobs.remove_webhook_of(&Actor::command_line(), of.id).await?;
            Ok(format!("webhook {} removed\n", of.id))
        }),
    }
}

async fn switch(jobs: &Jobs, id: WebhookId, switch: Switch) -> Result<String, Error> {
    let change = WebhookChange { switch: Some(switch), ..WebhookChange::default() };
    let webhook = jobs.change_webhook_of(&Actor::command_line(), id, &change).await?;
    Ok(format!("webhook {id} {}\n", webhook.state.as_str()))
}

fn listed(webhooks: &[Webhook]) -> String {
    let mut table =
        Table::new(["webhook", "customer", "url", "filters", "state", "failures"].map(|name| (name, Align::Left)));
    for webhook in webhooks {
        let state = match webhook.state.reason() {
            Some(reason) => format!("disabled: {reason}"),
            None => webhook.state.as_str().to_owned(),
        };
        table.row([
            webhook.id.to_string(),
            webhook.customer.to_string(),
            webhook.url.clone(),
            webhook.filters.join(" or "),
            state,
            webhook.failures.to_string(),
        ]);
    }
    table.text("")
}

fn deliveries(deliveries: &[Delivery]) -> String {
    let mut table = Table::new(["at", "event", "sequence", "attempt", "answer", "ms"].map(|name| (name, Align::Left)));
    for delivery in deliveries {
        let answer = match &delivery.answer {
            Answer::Status { status, .. } => status.to_string(),
            Answer::Fault(fault) => fault.clone(),
        };
        table.row([
            delivery.at.to_string(),
            delivery.name.clone(),
            delivery.sequence.map(|sequence| sequence.to_string()).unwrap_or_default(),
            delivery.attempt.to_string(),
            answer,
            delivery.took_ms.to_string(),
        ]);
    }
    table.text("")
}
