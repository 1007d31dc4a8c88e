//! Profiles of what was counted by now, and when they are made.

use super::state::{RelationRecord, State};
use super::{Control, STAGE, Updates, seal};
use crate::document::{ColumnProfile, FORMAT, Profile, ProfileState, UploadFacts};
use crate::error::{Error, Result};
use crate::relation::{LINKED_RELATIONS_MAX, RelationName, links};
use crate::settings::Settings;
use crate::{alerts, finish};
use bordereau_base::digest::hex;
use bordereau_base::ordered;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

/// A preliminary profile is made after so many rows, or so much time.
const PRELIMINARY_ROWS: u64 = 100_000;
const PRELIMINARY_AFTER: Duration = Duration::from_millis(500);

/// Making updates may take one part in so many of the time.
const UPDATE_SHARE: u32 = 5;

/// When profiles are made.
#[derive(Debug)]
pub(crate) struct Pace {
    started: Instant,
    updates: Updates,
    /// When the next one may be made; none before the first.
    next: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(started: Instant, updates: Updates) -> Self {
        Self { started, updates, next: None }
    }

    /// Whether none was made yet.
    pub(crate) fn is_first(&self) -> bool {
        self.next.is_none()
    }

    /// Whether one is to be made now.
    pub(crate) fn is_due(&self, rows: u64) -> bool {
        match (self.next, self.updates) {
            (_, Updates::Full) => false,
            (None, _) => rows > 0 && (rows >= PRELIMINARY_ROWS || self.started.elapsed() >= PRELIMINARY_AFTER),
            (Some(_), Updates::None) => false,
            (Some(next), Updates::Every(_)) => Instant::now() >= next,
        }
    }

    /// One was made, begun at that moment.
    pub(crate) fn made(&mut self, begun: Instant) {
        let now = Instant::now();
        let least = (now - begun) * (UPDATE_SHARE - 1);
        let wait = match self.updates {
            Updates::None | Updates::Full => least,
            Updates::Every(wait) => wait.max(least),
        };
        self.next = Some(now + wait);
    }
}

/// What a profile says of itself.
#[derive(Debug)]
pub(crate) struct Moment {
    pub(crate) state: ProfileState,
    pub(crate) share_read: f64,
    pub(crate) sha256: Option<[u8; 32]>,
}

/// The profile of what was counted by now. Columns are finished on several threads.
pub(crate) fn profile(
    state: &mut State,
    settings: &Settings,
    moment: &Moment,
    threads: NonZeroUsize,
    control: &Control,
) -> Result<Profile> {
    let mut columns = finish_columns(&state.relations, settings, threads, control)?.into_iter();
    let names: Vec<String> = state.relations.iter().map(|record| record.name.clone()).collect();
    let headers: Vec<Vec<String>> = state.relations.iter().map(|record| record.header.clone()).collect();
    let mut degraded = state.limits.degraded();
    if state.relations.len() > LINKED_RELATIONS_MAX {
        degraded.push(format!("links were looked for between the first {LINKED_RELATIONS_MAX} relations only"));
    }
    let mut relations = Vec::with_capacity(state.relations.len());
    for record in &mut state.relations {
        control.check()?;
        let columns = columns.by_ref().take(record.header.len()).collect();
        let RelationRecord { name, file, facts, header, bytes_read, relation, .. } = record;
        degraded.extend(relation.degraded(name));
        let mut profile = relation.profile(&RelationName { name, file, facts, header }, *bytes_read, columns);
        profile.alerts = alerts::relation(&profile);
        relations.push(profile);
    }
    let links = {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut states: Vec<_> = state.relations.iter_mut().map(|record| &mut record.relation).collect();
        links(&mut states, &state.links, &names, &headers)
    };
    let upload = UploadFacts {
        name: state.name.clone(),
        bytes: state.bytes,
        unpacked_bytes: state.unpacked_bytes(),
        sha256: moment.sha256.map(|digest| hex(&digest)),
        entries: state.relations.iter().map(|record| record.file.clone()).collect(),
        notes: state.notes.clone(),
    };
    let mut profile = Profile {
        format: FORMAT.to_owned(),
        state: moment.state,
        share_read: moment.share_read,
        upload,
        relations,
        links,
        against: Vec::new(),
        alerts: Vec::new(),
        degraded,
        digest: String::new(),
        timings: None,
    };
    profile.alerts = alerts::upload(&profile);
    seal(&mut profile);
    Ok(profile)
}

/// All columns of all relations, in order.
fn finish_columns(
    relations: &[RelationRecord],
    settings: &Settings,
    threads: NonZeroUsize,
    control: &Control,
) -> Result<Vec<ColumnProfile>> {
    let all: Vec<(usize, usize)> = relations
        .iter()
        .enumerate()
        .flat_map(|(relation, record)| (0..record.columns.len()).map(move |column| (relation, column)))
        .collect();
    let mut finished = Vec::with_capacity(all.len());
    let mut next = all.into_iter();
    let step = || {
        |(relation, column): (usize, usize)| {
            control.check()?;
            let record = relations.get(relation).ok_or(Error::Worker(STAGE))?;
            let state = record.columns.get(column).ok_or(Error::Worker(STAGE))?;
            let name = record.header.get(column).map(String::as_str).unwrap_or_default();
            Ok(finish::column(name, column + 1, state, settings))
        }
    };
    let take = |column: ColumnProfile| {
        finished.push(column);
        Ok(())
    };
    let run: Result<()> = ordered::run(STAGE, threads, || Ok(next.next()), step, take);
    run.map(|()| finished)
}
