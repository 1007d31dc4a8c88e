//! The commands about customers, users, tokens and the audit log as clap sees them.

use bordereau_jobs::Role;
use clap::{Args, Subcommand};

use super::Data;

/// One customer of a data folder.
#[derive(Debug, Args)]
pub struct CustomerOf {
    /// The customer.
    pub name: String,
    /// Where.
    #[command(flatten)]
    pub data: Data,
}

/// One user of a data folder.
#[derive(Debug, Args)]
pub struct UserOf {
    /// The user.
    pub name: String,
    /// Where.
    #[command(flatten)]
    pub data: Data,
}

/// Commands about customers.
#[derive(Debug, Subcommand)]
pub enum Customer {
    /// Add a customer.
    #[command(after_help = "\
Example:
  bordereau customer add valen --data /var/lib/bordereau")]
    Add {
        /// Its name: a-z, 0-9, '_', '-' and '.'.
        name: String,
        /// Where.
        #[command(flatten)]
        data: Data,
    },
    /// Say how long uploads and results of a customer are kept after a batch has ended.
    #[command(after_help = "\
Example:
  bordereau customer retention valen 90 --data /var/lib/bordereau")]
    Retention {
        /// Its name.
        name: String,
        /// Days, `forever`, or `as-set`: as the setting retention_days says.
        keep: String,
        /// Where.
        #[command(flatten)]
        data: Data,
    },
    /// Give a customer a share of the runner: with 2 it is served twice as often as one with 1, while both have batches
    /// waiting.
    #[command(after_help = "\
Example:
  bordereau customer weight valen 2 --data /var/lib/bordereau")]
    Weight {
        /// The customer.
        name: String,
        /// 1 to 1000; 1 unless set.
        weight: u32,
        /// Where.
        #[command(flatten)]
        data: Data,
    },
    /// List customers.
    List {
        /// Where.
        #[command(flatten)]
        data: Data,
    },
    /// Let the users of a customer in again.
    Enable(CustomerOf),
    /// Keep the users of a customer out; what was accepted still runs.
    Disable(CustomerOf),
    /// Remove a customer that is disabled and has neither users nor batches any more.
    Remove(CustomerOf),
}

/// Commands about users.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a user. Without --grant the user may use all solutions of the customer.
    #[command(after_help = "\
Example:
  printf %s \"$PASSWORD\" | bordereau user add ann --customer valen --password-stdin --data /var/lib/bordereau")]
    Add {
        /// The user's name, unique in the data folder.
        name: String,
        /// The customer the user belongs to.
        #[arg(long)]
        customer: String,
        /// Read the password from standard input, one line.
        #[arg(long, required = true)]
        password_stdin: bool,
        /// What the user is for: integrator, analyst, testUser or administrator.
        #[arg(long, default_value = "integrator")]
        role: Role,
        /// What the user may use: SOLUTION/SUBMISSION, with * for any; may be repeated.
        #[arg(long = "grant", value_name = "SOLUTION/SUBMISSION")]
        grants: Vec<String>,
        /// Where.
        #[command(flatten)]
        data: Data,
    },
    /// Change a user's password.
    #[command(after_help = "\
Example:
  printf %s \"$PASSWORD\" | bordereau user passwd ann --password-stdin --data /var/lib/bordereau")]
    Passwd {
        /// The user.
        name: String,
        /// Read the password from standard input, one line.
        #[arg(long, required = true)]
        password_stdin: bool,
        /// Where.
        #[command(flatten)]
        data: Data,
    },
    /// List users with what they may use.
    #[command(after_help = "\
Example:
  bordereau user list --customer valen --data /var/lib/bordereau")]
    List {
        /// Only those of this customer.
        #[arg(long)]
        customer: Option<String>,
        /// Where.
        #[command(flatten)]
        data: Data,
    },
    /// Let a user use more.
    #[command(after_help = "\
Example:
  bordereau user grant ann 'insureright/*' ca/scoring --data /var/lib/bordereau")]
    Grant {
        /// The user.
        name: String,
        /// SOLUTION/SUBMISSION, with * for any.
        #[arg(required = true, value_name = "SOLUTION/SUBMISSION")]
        grants: Vec<String>,
        /// Where.
        #[command(flatten)]
        data: Data,
    },
    /// Take rights from a user, each as `user list` shows it.
    #[command(after_help = "\
Example:
  bordereau user revoke ann '*/*' --data /var/lib/bordereau")]
    Revoke {
        /// The user.
        name: String,
        /// SOLUTION/SUBMISSION, with * for any.
        #[arg(required = true, value_name = "SOLUTION/SUBMISSION")]
        grants: Vec<String>,
        /// Where.
        #[command(flatten)]
        data: Data,
    },
    /// Change what a user is for.
    #[command(after_help = "\
Example:
  bordereau user role ann analyst --data /var/lib/bordereau")]
    Role {
        /// The user.
        name: String,
        /// integrator, analyst, testUser or administrator.
        role: Role,
        /// Where.
        #[command(flatten)]
        data: Data,
    },
    /// Let a user in again.
    Enable(UserOf),
    /// Keep a user out, tokens included.
    Disable(UserOf),
    /// Remove a user and its tokens; what it sent stays.
    Remove(UserOf),
}

/// Commands about API tokens.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token and print it; it is not shown again.
    #[command(after_help = "\
Example:
  bordereau token add ann --label 'nightly upload' --days 90 --data /var/lib/bordereau")]
    Add {
        /// The user whose rights it has.
        user: String,
        /// What it is for.
        #[arg(long, default_value = "")]
        label: String,
        /// How long it lasts; for ever when absent.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: Option<u32>,
        /// Where.
        #[command(flatten)]
        data: Data,
    },
    /// List a user's tokens, without their secrets.
    List(UserOf),
    /// Revoke a token.
    #[command(after_help = "\
Example:
  bordereau token revoke ann 3f9c0d51a2b4 --data /var/lib/bordereau")]
    Revoke {
        /// The user.
        user: String,
        /// The prefix of the token, as `token list` shows it.
        prefix: String,
        /// Where.
        #[command(flatten)]
        data: Data,
    },
}

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub struct Audit {
    /// Only what concerns this customer.
    #[arg(long)]
    pub customer: Option<String>,
    /// Only what this user did.
    #[arg(long)]
    pub actor: Option<String>,
    /// Only records older than this one.
    #[arg(long, value_name = "ID")]
    pub before: Option<u64>,
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub limit: u32,
    /// Where.
    #[command(flatten)]
    pub data: Data,
}
