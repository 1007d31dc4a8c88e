//! The pass: everything of an upload's profile from reading it once.
//!
//! [`profile`] first looks at the headers and the first rows of all relations and chooses what is followed (`survey`).
//! Then one thread reads and cuts blocks (`schedule`), workers take blocks apart and count their columns (`work`), and
//! the calling thread merges what they found in the order of the blocks ([`State`]) and now and then makes a profile of
//! it (`snapshot`).
//!
//! # Invariants
//! The full profile is the same bytes whatever the number of threads: blocks are cut by a schedule of bytes, never of
//! time, and everything is merged in their order. Only *when* a preliminary profile is made depends on time; it is cut
//! between two blocks. [`Control::cancel`] ends the pass within 200 ms, whatever it is doing.
//!
//! # Memory
//! A fixed number of blocks for each thread, the states of the columns
//! ([`Limits`](crate::settings::Limits)), and the keys that are followed ([`crate::relation`]).

mod schedule;
mod seal;
mod snapshot;
mod state;
mod survey;
mod work;

pub use seal::seal;
pub use state::{RelationRecord, State};

use crate::document::{Profile, ProfileState, Timings};
use crate::error::{Error, Result};
use crate::input::Input;
use crate::settings::Settings;
use bordereau_base::ordered;
use schedule::Schedule;
use snapshot::{Moment, Pace};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;
use std::time::{Duration, Instant};
use work::{Done, Worker};

/// The name of the steps in errors.
const STAGE: &str = "profile";

/// How often profiles of the rows seen so far are wanted after the preliminary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Updates {
    /// Never.
    None,
    /// Never, and nobody looks at the preliminary one either: it is made of all rows, whatever their number.
    Full,
    /// At most as often as this, and never so often that making them takes more than a fifth of the time.
    Every(Duration),
}

impl Default for Updates {
    fn default() -> Self {
        Self::Every(Duration::from_secs(1))
    }
}

/// What others may ask of a pass while it runs. Shared with the thread that runs it.
#[derive(Debug, Default)]
pub struct Control {
    cancelled: AtomicBool,
    updates: Updates,
}

impl Control {
    /// A pass that gives so many updates.
    pub fn new(updates: Updates) -> Self {
        Self { cancelled: AtomicBool::new(false), updates }
    }

    /// Ends the pass with [`Error::Cancelled`].
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether [`Control::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }
}

/// What a whole pass leaves behind.
#[derive(Debug)]
pub struct Outcome {
    /// The full profile; it went to the sink too.
    pub profile: Profile,
    /// All that was counted, to be kept and merged.
    pub state: State,
}

/// Profiles an upload. `sink` gets a preliminary profile after the first 100,000 rows or half a second, whichever comes
/// first (of all rows when there are fewer), then updates as `control` says, then the full one.
///
/// # Errors
/// [`Error::Refused`] when the upload as a whole cannot be read, [`Error::Cancelled`] after [`Control::cancel`],
/// [`Error::Io`] when the disk fails. What went to the sink before stays true of the rows it was made of.
pub fn profile(
    input: &Input,
    settings: &Settings,
    threads: NonZeroUsize,
    control: &Control,
    sink: &mut dyn FnMut(Profile),
) -> Result<Outcome> {
    let ended = AtomicBool::new(false);
    let given_up = || control.is_cancelled() || ended.load(Ordering::Relaxed);
    std::thread::scope(|scope| {
        let hashing = Builder::new().spawn_scoped(scope, || input.hash_rest(&given_up));
        let run = Run { input, settings, threads, control, started: Instant::now() };
        let passed = run.pass(sink);
        if passed.is_err() {
            ended.store(true, Ordering::Relaxed);
        }
        let hashed = match hashing {
            Ok(hashing) => hashing.join().unwrap_or(Err(Error::Worker(STAGE))),
            // The system starts no more threads.
            Err(_) => input.hash_rest(&given_up),
        };
        let state = passed?;
        hashed?;
        run.end(state, sink)
    })
}

/// The full profile of a state that was kept. `sha256` is the digest of what was uploaded, where it is one upload.
///
/// # Errors
/// [`Error::Cancelled`] after [`Control::cancel`].
pub(crate) fn of_state(
    state: &mut State,
    settings: &Settings,
    sha256: Option<[u8; 32]>,
    threads: NonZeroUsize,
    control: &Control,
) -> Result<Profile> {
    let moment = Moment { state: ProfileState::Full, share_read: 1.0, sha256 };
    snapshot::profile(state, settings, &moment, threads, control)
}

/// One call of [`profile`].
struct Run<'a> {
    input: &'a Input,
    settings: &'a Settings,
    threads: NonZeroUsize,
    control: &'a Control,
    started: Instant,
}

impl Run<'_> {
    /// Reads all rows.
    fn pass(&self, sink: &mut dyn FnMut(Profile)) -> Result<(State, Pace)> {
        let survey = survey::survey(self.input, self.control)?;
        let mut state = State::new(self.input, &survey);
        let layouts = state.layouts(&survey.plans);
        let mut pace = Pace::new(self.started, self.control.updates);
        let mut schedule = Schedule::new(self.input)?;
        let source = || {
            self.control.check()?;
            schedule.next()
        };
        let worker = || {
            let mut worker = Worker::new(&layouts, state_limits(&survey), self.control);
            move |item| worker.take(item)
        };
        ordered::run(STAGE, self.threads, source, worker, |done: Done| {
            self.control.check()?;
            state.merge(done, self.control)?;
            if pace.is_due(state.rows()) {
                let moment = Moment { state: ProfileState::Preliminary, share_read: state.share_read(), sha256: None };
                let begun = Instant::now();
                let profile = self.snapshot(&mut state, &moment)?;
                pace.made(begun);
                sink(profile);
            }
            Ok(())
        })?;
        Ok((state, pace))
    }

    /// Makes the full profile, and before it the preliminary one if it was not made yet.
    fn end(&self, (mut state, pace): (State, Pace), sink: &mut dyn FnMut(Profile)) -> Result<Outcome> {
        self.control.check()?;
        let moment = Moment { state: ProfileState::Full, share_read: 1.0, sha256: self.input.sha256() };
        let profile = self.snapshot(&mut state, &moment)?;
        if pace.is_first() {
            let mut preliminary = profile.clone();
            preliminary.state = ProfileState::Preliminary;
            preliminary.upload.sha256 = None;
            seal(&mut preliminary);
            sink(preliminary);
        }
        sink(profile.clone());
        Ok(Outcome { profile, state })
    }

    fn snapshot(&self, state: &mut State, moment: &Moment) -> Result<Profile> {
        let mut profile = snapshot::profile(state, self.settings, moment, self.threads, self.control)?;
        let elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        profile.timings = Some(Timings { elapsed_ms, threads: self.threads.get() });
        Ok(profile)
    }
}

fn state_limits(survey: &survey::Survey) -> crate::settings::Limits {
    survey.limits
}
