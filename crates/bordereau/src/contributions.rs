//! `bordereau contributions`: which files hold what customers contributed, at this moment.

use bordereau_base::figure::grouped;
use bordereau_base::ids::{CustomerName, SolutionName};
use bordereau_jobs::{ContributedFile, Tests};
use serde_json::json;

use crate::accounts::with_jobs;
use crate::cli::Contributions;
use crate::exit::Failure;
use crate::settings::Layers;
use crate::table::{Align, Table};

/// Runs the command.
///
/// # Errors
/// When a name is not well-formed or the data folder cannot be used.
pub fn run(args: Contributions, layers: Layers) -> Result<u8, Failure> {
    with_jobs(layers, args.data, async move |jobs| {
        let customer: Option<CustomerName> = args.customer.map(|name| name.parse()).transpose()?;
        let solution: Option<SolutionName> = args.solution.map(|name| name.parse()).transpose()?;
        let tests = if args.test { Tests::Only } else { Tests::Without };
        let files = jobs.contributed(customer.as_ref(), solution.as_ref(), tests).await?;
        Ok(if args.json { files.iter().map(line).collect() } else { table(&files).text("") })
    })
}

fn table(files: &[ContributedFile]) -> Table {
    let left = |name| (name, Align::Left);
    let columns = ["customer", "solution", "relation", "month"].map(left);
    let numbers = ["rows", "bytes"].map(|name| (name, Align::Right));
    let mut table = Table::new(columns.into_iter().chain(numbers).chain([left("file")]));
    for file in files {
        table.row([
            file.customer.to_string(),
            file.solution.to_string(),
            file.relation.clone(),
            file.month.clone(),
            grouped(file.rows),
            grouped(file.bytes),
            file.path.display().to_string(),
        ]);
    }
    table
}

fn line(file: &ContributedFile) -> String {
    let ContributedFile { customer, solution, test, relation, month, key, rows, bytes, sha256, path } = file;
    let line = json!({
        "customer": customer.as_str(), "solution": solution.as_str(), "test": test, "relation": relation, "month": month,
        "batchKey": key.to_string(), "rows": rows, "bytes": bytes, "sha256": sha256, "file": path,
    });
    format!("{line}\n")
}
