//! The work of an attempt at profiling an upload.
//!
//! Each profile is written under the attempt's own path and made durable, then named by a transaction that holds the
//! attempt's fence. Preliminary ones that come faster than [`UPDATE_EVERY_MS`] are passed over.

use std::io;

use bordereau_base::state::Stage;
use bordereau_engine::progress::Progress;
use bordereau_engine::{Error as EngineError, Result as EngineResult};
use bordereau_profile::document::{Profile, ProfileState};
use serde_json::json;
use tokio::runtime::Handle;

use crate::artefact::{self, Artefact};
use crate::error::Error;
use crate::jobs::Jobs;
use crate::profile::ProfileSpec;
use crate::store::{Claim, Finished};

/// Each preliminary profile costs two syncs and a transaction, and wakes whoever waits.
const UPDATE_EVERY_MS: i64 = 1_000;

/// The full profile and its state, in place and durable.
pub(super) struct FinishedProfile {
    pub(super) profile: Finished,
    pub(super) state: Artefact,
}

/// Profiles the upload. Blocks, on a thread of `runtime` that may.
pub(super) fn profile(
    jobs: &Jobs,
    claim: &Claim,
    progress: &Progress,
    runtime: &Handle,
) -> EngineResult<FinishedProfile> {
    progress.enter(Stage::Profile);
    let (folder, settings) = (&jobs.inner.folder, &jobs.inner.options);
    let spec = ProfileSpec {
        upload: folder.object(&claim.upload_object),
        limits: settings.limits.clone(),
        threads: settings.threads,
        accepted: claim.accepted,
    };
    let mut taken = Taken { jobs, claim, runtime, preliminary: None, named_ms: i64::MIN, count: 0, full: None };
    let state = (settings.profile)(&spec, progress, &mut |profile| taken.take(profile))?;
    let profile = taken.full.ok_or_else(|| io::Error::other("no full profile was made"))?;
    let state = artefact::write(folder, &claim.fence, "profile.state", |out| out.write_all(&state))?;
    Ok(FinishedProfile { profile, state })
}

/// What becomes of the profiles.
struct Taken<'a> {
    jobs: &'a Jobs,
    claim: &'a Claim,
    runtime: &'a Handle,
    /// The preliminary one that this attempt named last.
    preliminary: Option<Artefact>,
    named_ms: i64,
    count: u64,
    full: Option<Finished>,
}

impl Taken<'_> {
    fn take(&mut self, profile: Profile) -> EngineResult<()> {
        match profile.state {
            ProfileState::Full => {
                if let Some(timings) = &profile.timings {
                    self.jobs.inner.measures.stage(Stage::Profile.as_str(), timings.elapsed_ms);
                }
                let Artefact { object, sha256, bytes } = self.write("profile.json", &profile)?;
                self.full = Some(Finished { object, sha256, bytes, summary: summary(&profile) });
                Ok(())
            }
            ProfileState::Preliminary => self.preliminary(&profile),
        }
    }

    fn preliminary(&mut self, profile: &Profile) -> EngineResult<()> {
        let now = self.jobs.now();
        if now.as_millisecond().saturating_sub(self.named_ms) < UPDATE_EVERY_MS {
            return Ok(());
        }
        self.count += 1;
        let written = self.write(&format!("preliminary-{}.json", self.count), profile)?;
        let named = self.runtime.block_on(self.jobs.inner.store.put_preliminary(self.claim, &written, now));
        match named {
            Ok(true) => {}
            // The batch went to another attempt.
            Ok(false) => return Err(EngineError::Cancelled),
            Err(Error::Full) => return Err(io::Error::from(io::ErrorKind::StorageFull).into()),
            Err(error) => return Err(io::Error::other(error).into()),
        }
        self.named_ms = now.as_millisecond();
        if let Some(before) = self.preliminary.replace(written) {
            // Left behind it is removed with the attempt's other files.
            let _ = std::fs::remove_file(self.jobs.inner.folder.object(&before.object));
        }
        Ok(())
    }

    fn write(&self, what: &str, profile: &Profile) -> io::Result<Artefact> {
        artefact::write(&self.jobs.inner.folder, &self.claim.fence, what, |out| {
            serde_json::to_writer_pretty(&mut *out, profile)?;
            out.write_all(b"\n")
        })
    }
}

/// What the status of a profiled upload says.
fn summary(profile: &Profile) -> String {
    let relations = profile
        .relations
        .iter()
        .map(|relation| json!({ "name": relation.name, "rows": relation.rows, "columns": relation.columns.len() }));
    let relations: Vec<_> = relations.collect();
    json!({ "format": profile.format, "relations": relations, "digest": profile.digest }).to_string()
}
