//! `bordereau profile`: everything worth knowing about every column, as tables, JSON, a page or a kept state.
//!
//! The pass itself is `bordereau-profile`'s; here its inputs are looked at, a line says how far it is ([`live`]), what
//! it found is held against solutions when that is asked, and given as tables ([`text`]) and files ([`outputs`]).
//! What is there already is put together ([`kept`]) and compared ([`compare`]).

mod columns;
mod compare;
pub mod draw;
pub mod grid;
mod kept;
mod live;
mod outputs;
pub mod screen;
mod text;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bordereau_engine::against::{Asked, against_all, against_upload};
use bordereau_engine::progress::Progress;
use bordereau_engine::stages::resources::Resources;
use bordereau_profile::datapackage;
use bordereau_profile::document::{Against, Profile};
use bordereau_profile::error::Error;
use bordereau_profile::input::Input;
use bordereau_profile::pass::{self, Control, Outcome};
use bordereau_profile::settings::Settings as Wishes;
use bordereau_profile::state_file::StateFile;

use crate::cli::{self, ProfileCommand, ProfileHow, ProfileOf, ProfileOut};
use crate::exit::{DONE, Failure, INTERRUPTED};
use crate::settings::{Layers, Settings};
use crate::terminal::{say, say_all};
use crate::{interrupt, logging, solution};
use live::Live;
use screen::Screen;

/// What stands for standard input and output.
const STANDARD: &str = "-";
/// Asks all solutions.
const ALL: &str = "all";

/// Runs the command.
///
/// # Errors
/// When the settings or the upload cannot be used, or a disk fails.
pub fn run(args: cli::Profile, layers: Layers) -> Result<u8, Failure> {
    match &args.command {
        Some(ProfileCommand::Merge(args)) => kept::merge(args, layers),
        Some(ProfileCommand::Compare(args)) => compare::run(args, layers),
        None => of_upload(&args.of, layers),
    }
}

fn of_upload(args: &ProfileOf, mut layers: Layers) -> Result<u8, Failure> {
    layers.set_flag_if("solutions", args.solutions.as_ref());
    let settings = settings(&args.how, layers)?;
    let files = args.out.files().chain(args.state.as_deref()).chain(args.datapackage.as_deref());
    outputs::look(&args.upload, &files.collect::<Vec<_>>())?;
    let asked = asked(&args.against, &args.upload, &settings)?;
    let stop = Stop::on_interrupt();
    let outcome = passed(&args.upload, &settings, &args.how, &stop)?;
    let against = held_against(&args.upload, asked, &settings, &stop)?;
    // A document of 10,000 columns is large: it is only had twice where the state is kept, which is not otherwise.
    let mut profile = match &args.state {
        Some(path) => {
            let profile = outcome.profile.clone();
            kept::keep(path, &StateFile::new(outcome))?;
            profile
        }
        None => outcome.profile,
    };
    profile.against = against;
    if let Some(path) = &args.datapackage {
        outputs::write(path, |out| {
            serde_json::to_writer_pretty(&mut *out, &datapackage::draft(&profile))?;
            out.write_all(b"\n")
        })?;
    }
    give(profile, &args.out)?;
    Ok(DONE)
}

/// The settings, with the flags of how profiles are made.
fn settings(how: &ProfileHow, mut layers: Layers) -> Result<Settings, Failure> {
    layers.set_flag_if("pii", how.pii.as_ref());
    layers.set_flag_if("threads", how.threads.as_ref());
    let settings = layers.resolve()?.settings()?;
    logging::start(&settings)?;
    Ok(settings)
}

/// What is asked of a profile.
fn wishes(settings: &Settings, how: &ProfileHow) -> Wishes {
    let today = || jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date();
    Wishes { pii: settings.pii, ..Wishes::new(how.as_of.unwrap_or_else(today)) }
}

/// What Ctrl-C stops.
struct Stop {
    control: Arc<Control>,
    progress: Arc<Progress>,
    /// Whether the uploads are open. Before, reading standard input may wait for ever, and there is nothing to tidy up.
    opened: Arc<AtomicBool>,
}

impl Stop {
    fn on_interrupt() -> Self {
        let updates = Live::updates();
        let stop = Self {
            control: Arc::new(Control::new(updates)),
            progress: Arc::new(Progress::default()),
            opened: Arc::new(AtomicBool::new(false)),
        };
        let (control, progress, opened) =
            (Arc::clone(&stop.control), Arc::clone(&stop.progress), Arc::clone(&stop.opened));
        interrupt::on_request(move || {
            control.cancel();
            progress.cancel();
            if !opened.load(Ordering::SeqCst) {
                std::process::exit(i32::from(INTERRUPTED));
            }
        });
        stop
    }
}

/// Profiles an upload.
fn passed(upload: &[PathBuf], settings: &Settings, how: &ProfileHow, stop: &Stop) -> Result<Outcome, Failure> {
    let live = Live::start("reading");
    stop.opened.store(false, Ordering::SeqCst);
    // An interrupt between two uploads; the first is the last that is listened to.
    if stop.control.is_cancelled() {
        return Err(Failure::Interrupted);
    }
    let input = Input::open(upload, &settings.limits).map_err(failure)?;
    stop.opened.store(true, Ordering::SeqCst);
    let wishes = wishes(settings, how);
    pass::profile(&input, &wishes, settings.threads, &stop.control, &mut |profile| live.show(&profile)).map_err(failure)
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Refused(refusal) => Failure::Refused(refusal),
        Error::Cancelled => Failure::Interrupted,
        other => Failure::internal(&other),
    }
}

/// What an upload is held against.
enum Held {
    /// Nothing.
    Nothing,
    /// What was named.
    Named(Vec<Asked>),
    /// Everything there is.
    All(Vec<Asked>),
}

fn asked(names: &[String], upload: &[PathBuf], settings: &Settings) -> Result<Held, Failure> {
    if names.is_empty() {
        return Ok(Held::Nothing);
    }
    if upload.iter().any(|path| path.as_os_str() == STANDARD) {
        return Err(Failure::Usage("--against reads the upload again, so that it cannot be standard input".to_owned()));
    }
    let (catalog, now) = (solution::catalog(settings)?, jiff::Timestamp::now());
    if names.iter().any(|name| name == ALL) {
        return Ok(Held::All(Asked::all(&catalog, now)));
    }
    let parse = |name: &String| {
        Asked::parse(name, &catalog, now).map_err(|error| Failure::Usage(format!("--against {name}: {error}")))
    };
    Ok(Held::Named(names.iter().map(parse).collect::<Result<_, _>>()?))
}

fn held_against(upload: &[PathBuf], held: Held, settings: &Settings, stop: &Stop) -> Result<Vec<Against>, Failure> {
    let (Held::Named(asked) | Held::All(asked)) = &held else { return Ok(Vec::new()) };
    let _live = Live::start("holding it against the solutions");
    let scratch = settings.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let resources = Resources::new(settings.threads, &scratch);
    let answers = match held {
        Held::All(_) => against_all(upload, &settings.limits, asked, &resources, &stop.progress),
        _ => against_upload(upload, &settings.limits, asked, &resources, &stop.progress),
    };
    Ok(answers?)
}

impl ProfileOut {
    /// The files that are to be written.
    fn files(&self) -> impl Iterator<Item = &Path> {
        self.json.as_deref().filter(|path| *path != Path::new(STANDARD)).into_iter().chain(self.html.as_deref())
    }
}

/// Gives a profile as it is asked for: files first, then tables or JSON on standard output.
fn give(mut profile: Profile, out: &ProfileOut) -> Result<(), Failure> {
    if out.reproducible {
        profile.timings = None;
    }
    pass::seal(&mut profile);
    if let Some(path) = &out.html {
        outputs::write(path, |file| bordereau_report::write_html(&profile, file))?;
    }
    give_json(&profile, out.json.as_deref())?;
    if out.json.as_deref() == Some(Path::new(STANDARD)) {
        return Ok(());
    }
    say(text::profile(&Screen::of_standard_output(), &profile))?;
    for path in out.files() {
        say(format_args!("Written: {}\n", path.display()))?;
    }
    Ok(())
}

/// Writes a document as JSON to a file or standard output, when that is asked.
fn give_json(document: &impl serde::Serialize, path: Option<&Path>) -> Result<(), Failure> {
    match path {
        None => Ok(()),
        Some(path) if path == Path::new(STANDARD) => say_all(|out| {
            serde_json::to_writer_pretty(&mut *out, document)?;
            out.write_all(b"\n")
        }),
        Some(path) => outputs::write(path, |out| {
            serde_json::to_writer_pretty(&mut *out, document)?;
            out.write_all(b"\n")
        }),
    }
}
