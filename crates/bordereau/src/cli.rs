//! The command line as clap sees it. What each command does is in the module of its name.

mod accounts;
mod model;
mod profile;
mod webhook;

use std::path::PathBuf;

use bordereau_base::ids::{ReleaseVersion, SolutionName, SubmissionName};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use accounts::{Audit, Customer, CustomerOf, Token, User, UserOf};
pub use model::{Model, ModelCheck, ModelExplain, ModelInspect};
pub use profile::{FailOn, Profile, ProfileCommand, ProfileCompare, ProfileHow, ProfileMerge, ProfileOf, ProfileOut};
pub use webhook::Webhook;

const EXIT_CODES: &str = "\
Exit codes of `score`:
  0   all records were scored
  1   some records were rejected (set rejected_exit_code = 0 to make that 0)
  2   the upload as a whole was refused
  3   something went wrong on our side
  64  the command line or the settings cannot be understood
  130 interrupted";

/// Validates, scores and explains whole books of insurance business.
#[derive(Debug, Parser)]
#[command(name = "bordereau", version, about, after_help = EXIT_CODES, arg_required_else_help = true, max_term_width = 110)]
pub struct Cli {
    /// Settings file (TOML). Without it: the file BORDEREAU_CONFIG names, or bordereau.toml in this folder if there is
    /// one.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any setting of `bordereau config show`; may be repeated.
    #[arg(long = "set", global = true, value_name = "NAME=VALUE", value_parser = assignment)]
    pub assignments: Vec<(String, String)>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Score a book without a server: a zip, a folder or single files in, a results zip out.
    #[command(after_help = "\
Examples:
  bordereau score --solution insureright book.zip -o results.zip
  bordereau score --solution insureright --release 1.1.0 --explanations 0 insured.csv class.csv -o results.zip
  bordereau score --release-dir my/solution/1.0.0 --format parquet folder/ -o results.zip")]
    Score(Score),
    /// Everything worth knowing about every column of a file, zip or folder, in one pass.
    #[command(after_help = "\
Examples:
  bordereau profile book.zip
  bordereau profile book.zip --html report.html --json=profile.json
  bordereau profile insured.csv class.csv --against insureright/scoring
  zcat policy.csv.gz | bordereau profile -
  bordereau profile book.zip --state book.state --datapackage datapackage.json

Exit codes:
  0   the profile is complete
  2   the upload as a whole was refused
  3   something went wrong on our side
  64  the command line or the settings cannot be understood
  130 interrupted")]
    Profile(Box<Profile>),
    /// Run the server.
    #[command(after_help = "\
Example:
  bordereau serve --listen 127.0.0.1:8080 --data /var/lib/bordereau")]
    Serve(Serve),
    /// Make a book of workers' compensation, start a server, score the book through it and show what came out.
    #[command(after_help = "\
Examples:
  bordereau demo
  bordereau demo --insureds 200000 --dir /tmp/book --keep")]
    Demo(Demo),
    /// Customers of a server's data folder.
    #[command(subcommand)]
    Customer(Customer),
    /// Files with what customers contributed, as they are at this moment.
    #[command(after_help = "\
Example:
  bordereau contributions --customer valen --solution manage --data /var/lib/bordereau")]
    Contributions(Contributions),
    /// Users of a customer.
    #[command(subcommand)]
    User(User),
    /// API tokens of a user.
    #[command(subcommand)]
    Token(Token),
    /// Who did what, newest first.
    #[command(after_help = "\
Example:
  bordereau audit --customer valen --limit 50 --data /var/lib/bordereau")]
    Audit(Audit),
    /// Webhooks of customers: addresses that events are sent to.
    #[command(subcommand)]
    Webhook(Webhook),
    /// Write a back-up of a data folder, also while a server runs on it.
    #[command(after_help = "\
Example:
  bordereau backup /backups/2026-11-25 --data /var/lib/bordereau")]
    Backup(Backup),
    /// Make a data folder of a back-up, every digest compared.
    #[command(after_help = "\
Example:
  bordereau restore /backups/2026-11-25 --data /var/lib/bordereau")]
    Restore(Restore),
    /// Solution releases: list, show, check.
    #[command(subcommand)]
    Solution(Solution),
    /// Model files: what is in one, whether it scores as where it was made, why it scores a row as it does.
    #[command(subcommand)]
    Model(Model),
    /// Settings: show each with its origin.
    #[command(subcommand)]
    Config(Config),
    /// Print a completion script for a shell.
    #[command(after_help = "\
Example:
  bordereau completions bash > /etc/bash_completion.d/bordereau")]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Arguments of `score`.
#[derive(Debug, Args)]
pub struct Score {
    /// One zip, or one folder, or the delimited files themselves.
    #[arg(required = true, value_name = "UPLOAD")]
    pub upload: Vec<PathBuf>,
    /// The solution to score with.
    #[arg(long, value_name = "NAME", required_unless_present = "release_dir", conflicts_with = "release_dir")]
    pub solution: Option<SolutionName>,
    /// The version of the release; the active one when absent.
    #[arg(long, value_name = "VERSION", requires = "solution")]
    pub release: Option<ReleaseVersion>,
    /// A release folder to score with, instead of --solution.
    #[arg(long, value_name = "DIR")]
    pub release_dir: Option<PathBuf>,
    /// What is asked of the solution.
    #[arg(long, value_name = "NAME", default_value = "scoring")]
    pub submission: SubmissionName,
    /// The results zip to write; takes the place of an older one only when it is complete.
    #[arg(short, long, value_name = "FILE", default_value = "results.zip")]
    pub output: PathBuf,
    /// Features that explain a prediction: a number, 0 for none, or all.
    #[arg(long, value_name = "N")]
    pub explanations: Option<String>,
    /// Format of the rows in the results: csv or parquet.
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Worker threads.
    #[arg(long, value_name = "N")]
    pub threads: Option<String>,
    /// Folder of further solution releases.
    #[arg(long, value_name = "DIR")]
    pub solutions: Option<String>,
    /// Print the summary as JSON instead of tables.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Folder of the store, the uploads and the results.
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Folder of further solution releases.
    #[arg(long, value_name = "DIR")]
    pub solutions: Option<String>,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Insureds of the book.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub insureds: u32,
    /// Seed of the book; the same seed gives the same book.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Folder for the book, the server's data and the results; a fresh one in the temporary folder when absent.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Leave the server running until Ctrl-C.
    #[arg(long)]
    pub keep: bool,
    /// Only write the book, then stop.
    #[arg(long)]
    pub book_only: bool,
}

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// The folder to write to; not there yet, or empty.
    #[arg(value_name = "DIR")]
    pub target: PathBuf,
    /// What is backed up.
    #[command(flatten)]
    pub data: Data,
}

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// The folder of the back-up.
    #[arg(value_name = "DIR")]
    pub backup: PathBuf,
    /// The data folder to make; not there yet, or empty.
    #[command(flatten)]
    pub data: Data,
}

/// The data folder that account commands work on.
#[derive(Debug, Args)]
pub struct Data {
    /// Folder of the server's store.
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
}

/// Lists contributed files.
#[derive(Debug, Args)]
pub struct Contributions {
    /// Only those of this customer.
    #[arg(long, value_name = "NAME")]
    pub customer: Option<String>,
    /// Only those to this solution.
    #[arg(long, value_name = "NAME")]
    pub solution: Option<String>,
    /// What test users contributed instead of what others did.
    #[arg(long)]
    pub test: bool,
    /// One JSON object a line instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub data: Data,
}

/// Commands about solutions.
#[derive(Debug, Subcommand)]
pub enum Solution {
    /// List solutions and their releases.
    #[command(after_help = "\
Example:
  bordereau solution list --solutions my/solutions")]
    List {
        /// Folder of further solution releases.
        #[arg(long, value_name = "DIR")]
        solutions: Option<String>,
    },
    /// Show a release: its dictionary, rules and models.
    #[command(after_help = "\
Examples:
  bordereau solution show insureright
  bordereau solution show insureright --release 1.1.0 --markdown > insureright.md")]
    Show {
        /// The solution.
        solution: SolutionName,
        /// The version; the active one when absent.
        #[arg(long, value_name = "VERSION")]
        release: Option<ReleaseVersion>,
        /// As Markdown.
        #[arg(long)]
        markdown: bool,
        /// Folder of further solution releases.
        #[arg(long, value_name = "DIR")]
        solutions: Option<String>,
    },
    /// Check a release folder completely, down to a dry run on generated rows.
    #[command(after_help = "\
Example:
  bordereau solution check solutions/insureright/1.0.7")]
    Check {
        /// The folder, such as solutions/insureright/1.0.7; may be repeated.
        #[arg(required = true, value_name = "DIR")]
        folders: Vec<PathBuf>,
    },
}

/// Commands about settings.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print each setting with its value and origin.
    #[command(after_help = "\
Example:
  bordereau --config bordereau.toml --set threads=4 config show")]
    Show,
    /// Print a reference page that is generated from the program.
    Reference {
        /// Which page.
        #[arg(value_enum, default_value_t = Page::Settings)]
        page: Page,
    },
}

/// A generated page of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Page {
    /// All settings, in Markdown.
    Settings,
    /// All requests, in Markdown.
    Http,
    /// All requests, as OpenAPI 3.1.
    Openapi,
    /// A settings file with every setting, its meaning and its default.
    Example,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
