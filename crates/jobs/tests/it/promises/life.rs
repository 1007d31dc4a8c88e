//! A data folder through the lives of the processes that use it, and what each step of them does.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bordereau_base::ids::{BatchKey, CustomerName};
use bordereau_base::state::BatchState;
use bordereau_jobs::{
    Accepted, Actor, BatchRequest, Caller, Cancelling, Error, Event, EventName, Grant, Jobs, JobsOptions, Password,
    ProfileUpload, ScoreBatch, User,
};
use bordereau_profile::document::ProfileState;
use tokio::runtime::Runtime;

use crate::profiles::document;
use crate::world::{self, World, keyed, results_of, submit};

/// One of the two that may stand under a key, by the name of its submission.
pub type Place = (usize, &'static str);
pub const PLACES: [&str; 2] = ["scoring", "profile"];

/// What happens in a history.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// An upload is sent under a key, to be scored or to be profiled.
    Send {
        key: usize,
        bytes: usize,
        submission: &'static str,
    },
    /// The same, and the process ends while it is being received.
    SendAndCrash {
        key: usize,
        bytes: usize,
        submission: &'static str,
        after_us: u64,
    },
    /// What was profiled is submitted.
    Submit {
        key: usize,
    },
    /// The runner works for a while and is shut down.
    Run {
        ms: u64,
    },
    /// The runner works for a while, and the process ends in the middle of whatever it does.
    RunAndCrash {
        after_us: u64,
    },
    /// The next attempts fail by a fault of ours.
    Fault {
        attempts: u32,
    },
    Cancel {
        key: usize,
    },
    Delete {
        key: usize,
    },
    /// Time goes by, leases and waits with it.
    Wait {
        ms: i64,
    },
}

/// A process with the data folder open.
struct Process {
    runtime: Runtime,
    jobs: Jobs,
}

/// The data folder, the process that has it open now, and what must hold whatever happens next.
pub struct Life {
    pub world: World,
    keys: Vec<BatchKey>,
    jane: Caller,
    process: Option<Process>,
    /// Held by every process for as long as any part of it is there.
    alive: Arc<()>,
    faults: Arc<AtomicU32>,
    /// The bytes that were sent first under a key, of all that may have arrived.
    sent: BTreeMap<usize, BTreeSet<usize>>,
    /// Keys whose batch is of the profile's file.
    submitted: BTreeSet<usize>,
    /// What was acknowledged.
    acknowledged: BTreeSet<Place>,
    /// What was told that it is being cancelled.
    doomed: BTreeSet<Place>,
    /// The events as they were when last looked at.
    log: Vec<Event>,
}

impl Life {
    pub fn begin(keys: usize) -> Self {
        let (name, customer) = ("jane".parse().unwrap(), "valen".parse::<CustomerName>().unwrap());
        let user = User::new(name, customer.clone(), vec![Grant::ALL]);
        let mut life = Self {
            world: World::new(),
            keys: (0..keys).map(|_| BatchKey::random()).collect(),
            jane: Caller::new(user.clone()),
            process: None,
            alive: Arc::default(),
            faults: Arc::default(),
            sent: BTreeMap::new(),
            submitted: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            doomed: BTreeSet::new(),
            log: Vec::new(),
        };
        let Process { runtime, jobs } = life.process();
        runtime.block_on(async {
            jobs.accounts(Actor::program()).add_customer(&customer).await.unwrap();
            jobs.accounts(Actor::program()).add_user(&user, Password::chosen("opensesame").unwrap()).await.unwrap();
        });
        life
    }

    fn options(&self) -> JobsOptions {
        let (alive, faults) = (Arc::clone(&self.alive), Arc::clone(&self.faults));
        let score: ScoreBatch = Arc::new(move |spec, options, progress, out| {
            let _alive = &alive;
            std::thread::sleep(Duration::from_micros(500));
            match faults.try_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
                Ok(_) => Err(io::Error::other("a fault of ours").into()),
                Err(_) => world::score(spec, options, progress, out),
            }
        });
        let profile: ProfileUpload = Arc::new(|spec, progress, sink| {
            // No preliminary one: naming it waits on a runtime that a crash takes away, which no real process outlives.
            std::thread::sleep(Duration::from_micros(500));
            progress.check()?;
            sink(document(ProfileState::Full, &std::fs::read_to_string(&spec.upload)?))?;
            Ok(b"the state".to_vec())
        });
        JobsOptions { score, profile, ..self.world.options() }
    }

    /// The process that lives now, or a new one.
    fn process(&mut self) -> &Process {
        let options = self.options();
        self.process.get_or_insert_with(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let jobs = runtime.block_on(Jobs::open(options)).unwrap();
            Process { runtime, jobs }
        })
    }

    /// Ends the process where it stands: nothing that it had begun goes on.
    pub fn crash(&mut self) {
        let Some(Process { runtime, jobs }) = self.process.take() else { return };
        runtime.shutdown_background();
        drop(jobs);
        // A thread may be at its last system call.
        while Arc::strong_count(&self.alive) > 1 {
            std::thread::yield_now();
        }
    }

    pub fn step(&mut self, step: Step) {
        match step {
            Step::Send { key, bytes, submission } => self.send(key, bytes, submission),
            Step::SendAndCrash { key, bytes, submission, after_us } => {
                let (upload, request, jane) = (upload(bytes), self.request(key, submission), self.jane.clone());
                let Process { runtime, jobs } = self.process();
                let sending = submit(jobs, &jane, request, &upload);
                let ended =
                    runtime.block_on(async { tokio::time::timeout(Duration::from_micros(after_us), sending).await });
                if matches!(ended, Ok(Ok(_))) {
                    self.acknowledged.insert((key, submission));
                }
                if !matches!(ended, Ok(Err(_))) {
                    self.sent.entry(key).or_default().insert(bytes);
                }
                self.crash();
            }
            Step::Submit { key } => self.submit(key),
            Step::Run { ms } => {
                let Process { runtime, jobs } = self.process();
                runtime.block_on(async { jobs.run(tokio::time::sleep(Duration::from_millis(ms))).await.unwrap() });
            }
            Step::RunAndCrash { after_us } => {
                let Process { runtime, jobs } = self.process();
                let running = jobs.run(std::future::pending());
                let after = Duration::from_micros(after_us);
                assert!(runtime.block_on(async { tokio::time::timeout(after, running).await }).is_err());
                self.crash();
            }
            Step::Fault { attempts } => self.faults.store(attempts, Ordering::SeqCst),
            Step::Cancel { key } => self.cancel(key),
            Step::Delete { key } => self.delete(key),
            Step::Wait { ms } => self.world.clock.advance_ms(ms),
        }
    }

    fn request(&self, key: usize, submission: &str) -> BatchRequest {
        match submission {
            "profile" => BatchRequest::profile(Some(self.keys[key])),
            _ => keyed(self.keys[key]),
        }
    }

    fn send(&mut self, key: usize, bytes: usize, submission: &'static str) {
        let (request, jane) = (self.request(key, submission), self.jane.clone());
        let before = self.states(key);
        let Process { runtime, jobs } = self.process();
        let answer = runtime.block_on(submit(jobs, &jane, request, &upload(bytes)));
        let others = self.sent.get(&key).is_some_and(|sent| !sent.contains(&bytes));
        let certain = self.sent.get(&key).is_none_or(|sent| sent.len() == 1);
        match answer {
            Ok(Accepted::New(_)) => {
                assert!(!before.contains_key(submission), "a second one under {key} for {submission}");
                assert!(before.is_empty() || !(certain && others), "a key with two uploads");
            }
            Ok(Accepted::Again(_)) => assert!(before.contains_key(submission) && !(certain && others)),
            Err(Error::Conflict) => {
                let deleted = before.values().any(|state| *state == BatchState::Deleted);
                assert!(deleted || others || !certain, "{submission} of the same bytes is refused under {key}");
                return;
            }
            Err(error) => panic!("{error}"),
        }
        self.acknowledged.insert((key, submission));
        // What a crash had left in doubt is certain now.
        self.sent.insert(key, BTreeSet::from([bytes]));
    }

    fn submit(&mut self, key: usize) {
        let (request, jane) = (keyed(self.keys[key]), self.jane.clone());
        let before = self.states(key);
        let Process { runtime, jobs } = self.process();
        match runtime.block_on(jobs.submit_profiled(&jane, &request)) {
            Ok(Accepted::New(_)) => {
                assert!(before.contains_key("profile") && !before.contains_key("scoring"));
                self.submitted.insert(key);
            }
            Ok(Accepted::Again(_)) => assert!(before.contains_key("scoring")),
            Err(Error::Conflict | Error::Unknown) => {
                let sound = |state: &BatchState| {
                    matches!(state, BatchState::Accepted | BatchState::Running | BatchState::Finished)
                };
                assert!(!before.get("profile").is_some_and(sound) || before.contains_key("scoring"));
                return;
            }
            Err(error) => panic!("{error}"),
        }
        self.acknowledged.insert((key, "scoring"));
    }

    fn cancel(&mut self, key: usize) {
        let (batch, jane) = (self.keys[key], self.jane.clone());
        let before = self.states(key);
        let Process { runtime, jobs } = self.process();
        match runtime.block_on(jobs.cancel(&jane, batch)) {
            Err(Error::Unknown) => assert!(before.is_empty()),
            Ok(Cancelling::Ended(state)) => {
                assert!(state.is_final() && before.values().all(|state| state.is_final()), "{before:?}");
            }
            Ok(Cancelling::Cancelled | Cancelling::Stopping) => {
                let unfinished = before.iter().filter(|(_, state)| !state.is_final());
                self.doomed.extend(unfinished.map(|(submission, _)| (key, *submission)));
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn delete(&mut self, key: usize) {
        let (batch, jane) = (self.keys[key], self.jane.clone());
        let before = self.states(key);
        let Process { runtime, jobs } = self.process();
        match runtime.block_on(jobs.delete(&jane, batch)) {
            Err(Error::Unknown) => assert!(before.is_empty()),
            Err(Error::NotEnded) => assert!(before.values().any(|state| !state.is_final())),
            Ok(()) => {
                let after = self.states(key);
                assert!(after.values().all(|state| *state == BatchState::Deleted), "{before:?} {after:?}");
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Where the log says that each under a key stands.
    pub fn states(&mut self, key: usize) -> BTreeMap<&'static str, BatchState> {
        self.look();
        let places = PLACES.iter().map(|submission| (*submission, self.path_of((key, submission))));
        places.filter_map(|(submission, path)| Some((submission, *path.last()?))).collect()
    }

    /// The states that one went through.
    pub fn path_of(&self, (key, submission): Place) -> Vec<BatchState> {
        let is_its = |event: &&Event| {
            (event.batch().unwrap().key, event.batch().unwrap().submission.as_str()) == (self.keys[key], submission)
                && event.name == EventName::ProfileUpdated
        };
        let mut path: Vec<BatchState> =
            self.log.iter().filter(is_its).map(|event| event.batch().unwrap().state).collect();
        // A newer preliminary profile is no other state.
        path.dedup_by(|next, state| next == state && *state == BatchState::Running);
        path
    }

    /// Reads the log: it has only grown since.
    fn look(&mut self) {
        let customer = self.jane.customer().clone();
        let Process { runtime, jobs } = self.process();
        let log = runtime.block_on(jobs.events(&customer, 0)).unwrap();
        assert!(log.starts_with(&self.log), "what was told is told no more");
        self.log = log;
    }

    /// What must hold after each step.
    pub fn hold(&mut self) {
        self.look();
        assert!(self.log.iter().map(|event| event.sequence).eq(1..=self.log.len() as u64), "holes in the log");
        for key in 0..self.keys.len() {
            for submission in PLACES {
                self.hold_one((key, submission));
            }
        }
    }

    fn hold_one(&mut self, place: Place) {
        let (key, submission) = place;
        let path = self.path_of(place);
        assert!(self.acknowledged.contains(&place) <= !path.is_empty(), "{place:?} was acknowledged and is lost");
        assert!(path.first().is_none_or(|state| *state == BatchState::Accepted), "{place:?}: {path:?}");
        assert!(path.windows(2).all(|pair| may_follow(pair[0], pair[1])), "{place:?}: {path:?}");
        let told = |name| {
            let its = |event: &&Event| {
                (event.batch().unwrap().key, event.batch().unwrap().submission.as_str(), event.name)
                    == (self.keys[key], submission, name)
            };
            self.log.iter().filter(its).count()
        };
        let came = |state| path.iter().filter(|seen| **seen == state).count();
        assert_eq!(told(EventName::BatchFinished), came(BatchState::Finished), "{place:?}: {path:?}");
        assert_eq!(told(EventName::BatchFailed), came(BatchState::Failed), "{place:?}: {path:?}");
        assert!(told(EventName::PreliminaryProfile) <= 1);
        if self.doomed.contains(&place) {
            assert_eq!(came(BatchState::Finished) + came(BatchState::Failed), 0, "{place:?} was cancelled: {path:?}");
        }
        if submission == "scoring" {
            self.hold_batch(key, path.last().copied());
        }
    }

    /// The row says what the log says, and there are results exactly when it is finished, of the bytes that were sent.
    fn hold_batch(&mut self, key: usize, state: Option<BatchState>) {
        let (batch, jane) = (self.keys[key], self.jane.clone());
        let Process { runtime, jobs } = self.process();
        let Some(state) = state else { return };
        let status = runtime.block_on(jobs.status(jane.customer(), batch)).unwrap().unwrap();
        assert_eq!(status.state, state, "the row and the log differ");
        if state != BatchState::Finished {
            return;
        }
        let results = runtime.block_on(world::fetch(jobs, &jane, batch)).unwrap();
        let possible: Vec<Vec<u8>> = self.sent[&key].iter().map(|bytes| results_of(&upload(*bytes), "1.0.0")).collect();
        assert!(possible.contains(&results), "results of another upload");
    }

    /// Brings everything to its end, and holds what must be left then.
    pub fn end(mut self) {
        self.faults.store(0, Ordering::SeqCst);
        let unfinished =
            |life: &mut Self| (0..life.keys.len()).any(|key| life.states(key).values().any(|state| !state.is_final()));
        // A run that is shut down early begins its batch anew, so on a busy machine each is given longer than the last.
        let mut ms = 5;
        while unfinished(&mut self) {
            assert!(ms < 60_000, "what is unfinished does not end: {:?}", self.log);
            self.step(Step::Wait { ms: 60_000 });
            self.step(Step::Run { ms });
            ms += ms / 4 + 1;
        }
        self.hold();
        // What the last process left is swept by the next one.
        self.crash();
        self.step(Step::Run { ms: 1 });
        let mut kept = 0;
        for key in 0..self.keys.len() {
            let there = self.states(key).values().filter(|state| **state != BatchState::Deleted).count();
            kept += there - usize::from(there > 0 && self.submitted.contains(&key));
        }
        assert_eq!(self.world.files("objects/uploads").len(), kept, "uploads that nothing names, or that are gone");
        assert!(self.world.files("incoming").is_empty());
        let finished = |place| self.path_of(place).last() == Some(&BatchState::Finished);
        let scored = (0..self.keys.len()).filter(|key| finished((*key, "scoring"))).count();
        let zips = self.world.files("objects/results").iter().filter(|name| name.ends_with(".zip")).count();
        assert_eq!(zips, scored, "results that nothing names, or that are gone");
    }
}

pub fn upload(bytes: usize) -> Vec<u8> {
    format!("the upload {bytes}").into_bytes()
}

/// The state machine of [`BatchState`].
fn may_follow(state: BatchState, next: BatchState) -> bool {
    use BatchState::{Accepted, Cancelled, Deleted, Failed, Finished, Running};
    match state {
        Accepted => matches!(next, Running | Cancelled),
        Running => matches!(next, Accepted | Finished | Failed | Cancelled),
        Finished | Failed | Cancelled => next == Deleted,
        Deleted => false,
    }
}
