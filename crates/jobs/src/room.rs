//! Room on disk and in memory: when uploads are refused and batches wait.
//!
//! Below `disk_free_bytes_min` no upload is taken, so that what was accepted finds room for its results; below half of
//! that no batch is taken up either. (What becomes of an attempt that finds the disk full all the same is
//! `runner::attempt`'s.) While the process holds more memory than
//! `memory_bytes_max`, no batch is begun beside one that runs.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::jobs::Jobs;

/// Free bytes of the file system that a path lies on, for this user; the system's answer, or a test's.
pub type FreeBytes = Arc<dyn Fn(&Path) -> io::Result<u64> + Send + Sync>;

/// What the system says.
pub(crate) fn free_bytes(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Resident bytes of this process; none where the system does not tell.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib.saturating_mul(1_024))
}

/// Whether an error, or one below it, is that of a full disk.
pub(crate) fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(found) = cause {
        let kind = found.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) {
            return true;
        }
        // An error of the system that holds another does not give it as its source.
        let inner = found.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is_some_and(|inner| is_full(inner)) {
            return true;
        }
        cause = found.source();
    }
    false
}

impl Jobs {
    /// Free bytes where the data folder lies.
    pub(crate) async fn free_bytes(&self) -> Result<u64> {
        let (free, root) = (Arc::clone(&self.inner.options.free_bytes), self.inner.folder.root().to_owned());
        Ok(tokio::task::spawn_blocking(move || free(&root)).await??)
    }

    /// Whether there is room for a further upload.
    ///
    /// # Errors
    /// [`Error::Full`] when there is not.
    pub(crate) async fn has_room(&self) -> Result<()> {
        let wanted = self.inner.options.disk_free_bytes_min;
        if wanted > 0 && self.free_bytes().await? < wanted { Err(Error::Full) } else { Ok(()) }
    }

    /// Whether a batch may be taken up beside `running` ones.
    pub(crate) async fn may_take_up(&self, running: usize) -> bool {
        let options = &self.inner.options;
        let memory_max = options.memory_bytes_max;
        if running > 0 && memory_max > 0 && resident_bytes().is_some_and(|resident| resident > memory_max) {
            return false;
        }
        let wanted = options.disk_free_bytes_min / 2;
        wanted == 0 || self.free_bytes().await.is_ok_and(|free| free >= wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_found_below_other_errors() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let wrapped = io::Error::other(full());
        for (error, expected) in [
            (bordereau_engine::Error::Io(full()), true),
            (bordereau_engine::Error::Io(wrapped), true),
            (bordereau_engine::Error::Io(io::Error::from(io::ErrorKind::QuotaExceeded)), true),
            (bordereau_engine::Error::Io(io::Error::other("disk")), false),
            (bordereau_engine::Error::Worker("score"), false),
        ] {
            assert_eq!(is_full(&error), expected, "{error}");
        }
    }

    #[test]
    fn the_system_tells_of_disk_and_memory() {
        assert!(free_bytes(Path::new("/")).unwrap() > 0);
        assert!(resident_bytes().is_none_or(|resident| resident > 1 << 20));
    }
}
