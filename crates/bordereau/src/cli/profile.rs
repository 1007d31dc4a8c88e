//! Arguments of `profile` and its commands.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;

/// Arguments of `profile`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Profile {
    /// What to do with profiles that are there already.
    #[command(subcommand)]
    pub command: Option<ProfileCommand>,
    /// Profiling an upload.
    #[command(flatten)]
    pub of: ProfileOf,
}

/// Arguments of profiling an upload.
#[derive(Debug, Args)]
pub struct ProfileOf {
    /// One zip, or one folder, or files (delimited, also as .gz or .zst, or Parquet), or - for standard input.
    #[arg(required = true, value_name = "UPLOAD")]
    pub upload: Vec<PathBuf>,
    /// Hold the upload against a solution: SOLUTION/SUBMISSION, SOLUTION@VERSION/SUBMISSION, or all; may be repeated.
    #[arg(long, value_name = "SOLUTION/SUBMISSION")]
    pub against: Vec<String>,
    /// Folder of further solution releases.
    #[arg(long, value_name = "DIR")]
    pub solutions: Option<String>,
    /// Keep all that was counted in this file, for `profile merge` and `profile compare`.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Write a draft of a data dictionary (datapackage.json).
    #[arg(long, value_name = "FILE")]
    pub datapackage: Option<PathBuf>,
    /// How the profile is given.
    #[command(flatten)]
    pub out: ProfileOut,
    /// How it is made.
    #[command(flatten)]
    pub how: ProfileHow,
}

/// How a profile is made.
#[derive(Debug, Args)]
pub struct ProfileHow {
    /// Values of likely personal data: mask, show or drop.
    #[arg(long, value_name = "MODE")]
    pub pii: Option<String>,
    /// Worker threads; the profile does not depend on them.
    #[arg(long, value_name = "N")]
    pub threads: Option<String>,
    /// The day after which a date lies in the future; today (UTC) when absent.
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<Date>,
}

/// How a profile is given.
#[derive(Debug, Args)]
pub struct ProfileOut {
    /// Print the profile as JSON instead of tables, or write it to a file (--json=FILE).
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub json: Option<PathBuf>,
    /// Write the profile as one self-contained page.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Leave out how long it took, so that two runs give the same bytes.
    #[arg(long)]
    pub reproducible: bool,
}

/// Commands about profiles that are there already.
#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// The profile of several uploads together, from what was kept of each (profile --state).
    #[command(after_help = "\
Example:
  bordereau profile merge january.state february.state -o both.state --html both.html")]
    Merge(ProfileMerge),
    /// What moved between two uploads: each a file, zip or folder, a kept state, or the JSON of a profile.
    #[command(after_help = "\
Examples:
  bordereau profile compare 2022.zip 2023.zip
  bordereau profile compare --fail-on amber last.state new.csv

Exit codes:
  0   nothing that --fail-on names
  1   at least one column as bad as --fail-on names")]
    Compare(ProfileCompare),
}

/// Arguments of `profile merge`.
#[derive(Debug, Args)]
pub struct ProfileMerge {
    /// What `profile --state` kept.
    #[arg(required = true, num_args = 2.., value_name = "STATE")]
    pub states: Vec<PathBuf>,
    /// Keep what they are together in this file.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How the profile is given.
    #[command(flatten)]
    pub out: ProfileOut,
    /// How it is made.
    #[command(flatten)]
    pub how: ProfileHow,
}

/// Arguments of `profile compare`.
#[derive(Debug, Args)]
pub struct ProfileCompare {
    /// The upload to compare with.
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The upload to compare.
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// The light at which the exit code is 1.
    #[arg(long, value_enum, value_name = "LIGHT", default_value_t = FailOn::Red)]
    pub fail_on: FailOn,
    /// Print the comparison as JSON instead of tables, or write it to a file (--json=FILE).
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub json: Option<PathBuf>,
    /// Write the comparison as one self-contained page.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// How uploads are profiled.
    #[command(flatten)]
    pub how: ProfileHow,
}

/// What makes `profile compare` fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Amber or red.
    Amber,
    /// Red.
    Red,
    /// Nothing.
    Never,
}
