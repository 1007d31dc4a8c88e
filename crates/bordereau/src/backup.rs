//! `bordereau backup` and `bordereau restore`.

use bordereau_jobs::{Copied, restore as restored};

use crate::accounts::with_jobs;
use crate::cli::{Backup, Restore};
use crate::exit::{DONE, Failure};
use crate::settings::Layers;
use crate::terminal::say;

/// Runs `backup`.
///
/// # Errors
/// When the folder to write to is not empty, or anything cannot be read, written, or is not what its digest says.
pub fn backup(args: Backup, layers: Layers) -> Result<u8, Failure> {
    with_jobs(layers, args.data, async move |jobs| Ok(text("backed up", jobs.backup(&args.target).await?)))
}

/// Runs `restore`.
///
/// # Errors
/// As [`backup`].
pub fn restore(args: Restore, mut layers: Layers) -> Result<u8, Failure> {
    layers.set_flag_if("data", args.data.data);
    let settings = layers.resolve()?.settings()?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::internal(&error))?;
    say(text("restored", runtime.block_on(restored(&args.backup, &settings.data))?))?;
    Ok(DONE)
}

fn text(what: &str, copied: Copied) -> String {
    format!("{what}: the store and {} files, {} bytes\n", copied.objects, copied.bytes)
}
