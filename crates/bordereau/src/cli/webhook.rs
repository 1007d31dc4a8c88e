//! The commands about webhooks as clap sees them.

use bordereau_jobs::WebhookId;
use clap::{Args, Subcommand};

use super::Data;

/// One webhook of a data folder.
#[derive(Debug, Args)]
pub struct WebhookOf {
    /// Its id, as `webhook list` shows it.
    pub id: WebhookId,
    /// Where.
    #[command(flatten)]
    pub data: Data,
}

/// Commands about webhooks.
#[derive(Debug, Subcommand)]
pub enum Webhook {
    /// Add a webhook and print its id and its secret, which is not shown again.
    #[command(after_help = "\
Example:
  bordereau webhook add https://hooks.example/bordereau --customer valen --filter name,batchFinished \\
      --data /var/lib/bordereau")]
    Add {
        /// Where events are sent.
        url: String,
        /// The customer whose events are sent.
        #[arg(long)]
        customer: String,
        /// Which events, as of subscriptions; may be repeated: then any may match. All when absent.
        #[arg(long = "filter", value_name = "NAME,VALUE,...")]
        filters: Vec<String>,
        /// Where.
        #[command(flatten)]
        data: Data,
    },
    /// List webhooks with their states.
    #[command(after_help = "\
Example:
  bordereau webhook list --customer valen --data /var/lib/bordereau")]
    List {
        /// Only those of this customer.
        #[arg(long)]
        customer: Option<String>,
        /// Where.
        #[command(flatten)]
        data: Data,
    },
    /// Show the last attempts at a webhook.
    Deliveries(WebhookOf),
    /// Send events to a webhook again, from where it stopped.
    Enable(WebhookOf),
    /// Send none for now.
    Pause(WebhookOf),
    /// Print a new secret; the one before is signed with too for a day.
    Rotate(WebhookOf),
    /// Remove a webhook.
    Remove(WebhookOf),
}
