//! Files that a command writes: complete, or not at all.

use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::exit::Failure;

/// Mode of an ordinary file, of which the user's mask takes what it takes; temporary files are for their owner alone.
const ORDINARY: u32 = 0o666;

/// A file that is being written beside its place. Dropped before [`Unfinished::finish`] it vanishes, and an older file
/// of its name is left alone.
pub struct Unfinished {
    file: NamedTempFile,
    path: PathBuf,
}

impl Unfinished {
    /// Begins the file that will be at `path`.
    ///
    /// # Errors
    /// When its folder cannot be written.
    pub fn begin(path: &Path) -> Result<Self, Failure> {
        let file = tempfile::Builder::new()
            .prefix(".bordereau-")
            .suffix(".part")
            .permissions(Permissions::from_mode(ORDINARY))
            .tempfile_in(folder_of(path))
            .map_err(|error| cannot(path, &error))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// What is written to.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Gives the file its name, once it is on disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<(), Failure> {
        let synced = self.file.flush().and_then(|()| self.file.as_file().sync_all());
        synced.map_err(|error| cannot(&self.path, &error))?;
        self.file.persist(&self.path).map_err(|error| cannot(&self.path, &error.error))?;
        Ok(())
    }
}

/// Why a file is not written.
pub fn cannot(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Internal(format!("{} cannot be written: {error}", path.display()))
}

/// The folder in which a file lies.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
