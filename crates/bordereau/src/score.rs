//! `bordereau score`: a book in, a results zip out, without a server; the same code path as a server's batches.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bordereau_engine::batch::{BatchSpec, Options, Outcome, score_batch};
use bordereau_engine::progress::Progress;
use bordereau_engine::release::Release;

use crate::cli::Score;
use crate::complete::{Unfinished, folder_of};
use crate::exit::{DONE, Failure};
use crate::settings::{Layers, Settings};
use crate::terminal::say;
use crate::watch::Watch;
use crate::{interrupt, logging, report, solution};
use bordereau_base::figure::grouped;

/// Runs the command.
///
/// # Errors
/// When the settings, the release or the upload cannot be used, or a disk fails.
pub fn run(args: &Score, mut layers: Layers) -> Result<u8, Failure> {
    layers.set_flag_if("explanations", args.explanations.as_ref());
    layers.set_flag_if("format", args.format.as_ref());
    layers.set_flag_if("threads", args.threads.as_ref());
    layers.set_flag_if("solutions", args.solutions.as_ref());
    let settings = layers.resolve()?.settings()?;
    logging::start(&settings)?;
    let spec = spec(args, &settings)?;
    look(&args.upload, &args.output)?;
    let outcome = write(&spec, &options(&settings), &args.output)?;
    if args.json {
        let summary = serde_json::to_string_pretty(&outcome.summary).map_err(|error| Failure::internal(&error))?;
        say(format_args!("{summary}\n"))?;
    } else {
        let (text, bytes) = (report::text(&outcome.summary), grouped(outcome.zip_bytes));
        say(format_args!("{text}Results: {} ({bytes} bytes)\n", args.output.display()))?;
    }
    let rejected = outcome.summary.records.rejected > 0;
    Ok(if rejected { settings.rejected_exit_code } else { DONE })
}

fn spec(args: &Score, settings: &Settings) -> Result<BatchSpec, Failure> {
    let release = release(args, settings)?;
    if !release.manifest.submissions.contains_key(&args.submission) {
        let known: Vec<&str> = release.manifest.submissions.keys().map(|name| name.as_str()).collect();
        let solution = &release.manifest.solution;
        let message = format!("{solution} has no submission {}; it has {}", args.submission, known.join(", "));
        return Err(Failure::Usage(message));
    }
    Ok(BatchSpec {
        release,
        submission: args.submission.clone(),
        customer: None,
        batch_key: None,
        upload: args.upload.clone(),
    })
}

fn release(args: &Score, settings: &Settings) -> Result<Arc<Release>, Failure> {
    match (&args.release_dir, &args.solution) {
        (Some(folder), _) => solution::load(folder).map(Arc::new),
        (None, Some(name)) => {
            let catalog = solution::catalog(settings)?;
            solution::find(&catalog, name, args.release.as_ref()).cloned()
        }
        (None, None) => Err(Failure::Usage("--solution or --release-dir is needed".to_owned())),
    }
}

/// How the settings say a batch is to be run.
pub fn options(settings: &Settings) -> Options {
    Options {
        limits: settings.limits.clone(),
        threads: settings.threads,
        explanations: settings.explanations,
        format: settings.format,
        scratch: settings.scratch.clone().unwrap_or_else(std::env::temp_dir),
        contribution: None,
        checkpoint: None,
    }
}

/// Refuses what cannot be meant: an upload that is not there, results that would take its place, and results in the
/// very folder that is sent, where this run and the next would find them among the data.
fn look(upload: &[PathBuf], output: &Path) -> Result<(), Failure> {
    let [output, folder] = [output, folder_of(output)].map(|path| std::fs::canonicalize(path).ok());
    for path in upload {
        let sent = std::fs::canonicalize(path);
        let sent = Some(sent.map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?);
        let fault = if sent == output {
            "the results would take its place"
        } else if sent == folder {
            "the results would lie in the folder that is sent"
        } else {
            continue;
        };
        return Err(Failure::Usage(format!("{}: {fault}; name another --output", path.display())));
    }
    Ok(())
}

/// Scores into a file beside `output`, and gives it that name when it is complete and on disk.
fn write(spec: &BatchSpec, options: &Options, output: &Path) -> Result<Outcome, Failure> {
    let unfinished = Unfinished::begin(output)?;
    let progress = Arc::new(Progress::default());
    let cancelled = Arc::clone(&progress);
    interrupt::on_request(move || cancelled.cancel());
    let watch = Watch::start(Arc::clone(&progress));
    let outcome = score_batch(spec, options, &progress, unfinished.file());
    drop(watch);
    let outcome = outcome?;
    unfinished.finish()?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bordereau_engine::catalog::Catalog;

    #[test]
    fn an_empty_catalogue_names_no_release() {
        let name = "insureright".parse().unwrap();
        let failure = solution::find(&Catalog::default(), &name, None).unwrap_err();
        assert_eq!(failure.to_string(), "there is no solution insureright; `bordereau solution list` shows them");
    }
}
