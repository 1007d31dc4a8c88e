//! Who is alive: each process that takes uploads or runs batches holds a locked file, and the operating system lets go
//! of the lock when the process ends, however it ends. So what a dead process left can be taken up at once, without
//! waiting for a lease to expire.
//!
//! Invariant: a file `<owner>.lock` is locked before it gets that name, so an unlocked one belongs to nobody. A wrong
//! verdict would cost work done twice, never a wrong result: commits are fenced by owner and attempt.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// A living process. The lock goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Owner {
    id: String,
    file: PathBuf,
    _lock: File,
}

impl Owner {
    /// A new owner in the folder of owners.
    pub(crate) fn register(owners: &Path) -> io::Result<Self> {
        let id = Uuid::new_v4().simple().to_string();
        let unborn = owners.join(format!("{id}.new"));
        let file = owners.join(format!("{id}.lock"));
        let lock = File::create_new(&unborn)?;
        lock.lock()?;
        std::fs::rename(&unborn, &file)?;
        Ok(Self { id, file, _lock: lock })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Left behind it would be found unlocked and swept.
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Whether the owner's process has ended. Unknown owners have.
pub(crate) fn is_dead(owners: &Path, id: &str) -> io::Result<bool> {
    let file = match File::open(owners.join(format!("{id}.lock"))) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    // Opening anew makes a lock of its own, so this is right for an owner in this very process too.
    match file.try_lock_shared() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// All owners that have a file, dead ones included.
pub(crate) fn registered(owners: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(owners)? {
        let name = entry?.file_name();
        found.extend(name.to_str().and_then(|name| name.strip_suffix(".lock")).map(str::to_owned));
    }
    Ok(found)
}

/// Removes the file of a dead owner.
pub(crate) fn bury(owners: &Path, id: &str) -> io::Result<()> {
    match std::fs::remove_file(owners.join(format!("{id}.lock"))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_alive_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let owner = Owner::register(folder.path()).unwrap();
        let id = owner.id().to_owned();
        assert!(!is_dead(folder.path(), &id).unwrap());
        assert_eq!(registered(folder.path()).unwrap(), [id.as_str()]);
        drop(owner);
        assert!(is_dead(folder.path(), &id).unwrap());
        assert!(registered(folder.path()).unwrap().is_empty());
    }

    #[test]
    fn a_file_left_by_a_killed_process_is_dead_and_can_be_buried() {
        let folder = tempfile::tempdir().unwrap();
        File::create_new(folder.path().join("left.lock")).unwrap();
        assert!(is_dead(folder.path(), "left").unwrap());
        bury(folder.path(), "left").unwrap();
        bury(folder.path(), "left").unwrap();
        assert!(registered(folder.path()).unwrap().is_empty());
    }
}
