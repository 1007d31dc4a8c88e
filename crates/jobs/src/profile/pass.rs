//! The pass of `bordereau-profile` as the work of an attempt: its profiles to the sink, how far it is to the counters,
//! and a cancelled attempt to a cancelled pass.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;
use std::time::Duration;

use bordereau_engine::progress::Progress;
use bordereau_engine::{Error as EngineError, Result as EngineResult};
use bordereau_profile::document::Profile;
use bordereau_profile::error::Error as ProfileError;
use bordereau_profile::input::Input;
use bordereau_profile::pass::{self, Control, Updates};
use bordereau_profile::settings::Settings;
use bordereau_profile::state_file::StateFile;
use jiff::tz::Offset;

use super::{ProfileSink, ProfileSpec};

/// How often it is asked whether the attempt was cancelled.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What the upload is called in its profile: how the client called it is not kept.
const UPLOAD_NAME: &str = "upload.zip";

/// Profiles an upload, as [`ProfileUpload`](super::ProfileUpload) says.
///
/// # Errors
/// [`EngineError::Refused`] for an upload that cannot be read as rows, [`EngineError::Cancelled`], failures of our own
/// disk, and those of `sink`.
pub(crate) fn profile_upload(
    spec: &ProfileSpec,
    progress: &Progress,
    sink: &mut ProfileSink<'_>,
) -> EngineResult<Vec<u8>> {
    let input = Input::open(std::slice::from_ref(&spec.upload), &spec.limits).map_err(engine_error)?;
    let input = input.with_name(UPLOAD_NAME);
    let settings = Settings::new(Offset::UTC.to_datetime(spec.accepted).date());
    let control = Control::new(Updates::default());
    let mut refused = None;
    let mut take = |profile: Profile| {
        count(&profile, progress);
        if refused.is_none()
            && let Err(error) = sink(profile)
        {
            refused = Some(error);
            control.cancel();
        }
    };
    let ended =
        cancelled_with(progress, &control, || pass::profile(&input, &settings, spec.threads, &control, &mut take));
    match (refused, ended) {
        (Some(error), _) => Err(error),
        (None, Ok(outcome)) => Ok(StateFile::new(outcome).encode()),
        (None, Err(error)) => Err(engine_error(error)),
    }
}

/// Runs `work`; cancels `control` soon after `progress` was cancelled, unless the system starts no thread to look.
fn cancelled_with<T>(progress: &Progress, control: &Control, work: impl FnOnce() -> T) -> T {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let look = Builder::new().spawn_scoped(scope, || {
            while !ended.load(Ordering::Acquire) {
                if progress.check().is_err() {
                    return control.cancel();
                }
                std::thread::park_timeout(LOOK_EVERY);
            }
        });
        let done = work();
        ended.store(true, Ordering::Release);
        if let Ok(look) = look {
            look.thread().unpark();
        }
        done
    })
}

fn count(profile: &Profile, progress: &Progress) {
    let bytes = profile.upload.unpacked_bytes;
    progress.bytes_total.store(bytes, Ordering::Relaxed);
    progress.bytes_read.store((bytes as f64 * profile.share_read) as u64, Ordering::Relaxed);
    progress.rows_read.store(profile.relations.iter().map(|relation| relation.rows).sum(), Ordering::Relaxed);
}

fn engine_error(error: ProfileError) -> EngineError {
    match error {
        ProfileError::Refused(refusal) => EngineError::Refused(refusal),
        ProfileError::Cancelled => EngineError::Cancelled,
        ProfileError::Io(error) => EngineError::Io(error),
        ProfileError::Worker(stage) => EngineError::Worker(stage),
    }
}
