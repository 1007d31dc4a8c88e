//! The data folder on disk and the order of writes that makes a file durable.
//!
//! ```text
//! bordereau.db (+ -wal, -shm)           the store
//! store.lock                            held while the store is opened and migrated
//! owners/<owner>.lock                   one a living process, see [`crate::owner`]
//! incoming/<owner>/<upload>             uploads on their way in
//! resumable/<id>                        uploads that come in pieces, see [`crate::resumable`]
//! objects/uploads/<owner>/<upload>.zip  accepted uploads
//! objects/results/<batch>/<attempt>.zip results, each attempt under its own path
//! objects/results/<batch>/<attempt>.checkpoint  see [`crate::runner`]
//! objects/contributions/                contributed rows, see [`crate::contribution`]
//! objects/contribution-keys/            the keys of their records
//! scratch/                              unnamed files of running batches
//! ```
//! `objects` is an [`object_store`] by its paths: results are read through it. Writing does not go through it, because
//! its local folder does not sync: a file becomes durable here by syncing the file, putting it in place, and syncing
//! each folder that got a new name. Blocking functions; callers bring the blocking thread.

use std::fs::{DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};

use object_store::local::LocalFileSystem;

/// The paths of a data folder, and its objects. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    root: PathBuf,
    /// The objects, by paths such as `uploads/...`.
    pub(crate) objects: std::sync::Arc<LocalFileSystem>,
}

impl Folder {
    /// Makes the folder and its parts, readable by nobody else, and syncs them.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        make(root)?;
        for part in ["owners", "incoming", "resumable", "objects", "scratch"] {
            make(&root.join(part))?;
        }
        for part in ["uploads", "results", "contributions", "contribution-keys"] {
            make(&root.join("objects").join(part))?;
        }
        for synced in [root.join("objects"), root.to_owned()] {
            sync_folder(&synced)?;
        }
        let objects = LocalFileSystem::new_with_prefix(root.join("objects")).map_err(io::Error::other)?;
        Ok(Self { root: root.canonicalize()?, objects: std::sync::Arc::new(objects) })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.root.join("bordereau.db")
    }

    pub(crate) fn store_lock(&self) -> PathBuf {
        self.root.join("store.lock")
    }

    pub(crate) fn owners(&self) -> PathBuf {
        self.root.join("owners")
    }

    pub(crate) fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    pub(crate) fn resumable(&self) -> PathBuf {
        self.root.join("resumable")
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    /// Makes a file durable as an object too, by a second name for it where the disk can do that.
    pub(crate) fn place_copy(&self, from: &Path, object: &str) -> io::Result<()> {
        File::open(from)?.sync_all()?;
        let to = self.object(object);
        let folder = to.parent().ok_or(io::ErrorKind::InvalidInput)?;
        make(folder)?;
        if std::fs::hard_link(from, &to).is_err() {
            std::fs::copy(from, &to)?;
            File::open(&to)?.sync_all()?;
        }
        let objects = self.root.join("objects");
        folder.ancestors().take_while(|folder| folder.starts_with(&objects)).try_for_each(sync_folder)
    }

    /// Where an object lies on disk.
    pub(crate) fn object(&self, path: &str) -> PathBuf {
        self.root.join("objects").join(path)
    }
}

/// Makes a folder that only this user may read; one that is there is left as it is.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes an empty file that only this user may read, wherever it lies; one that is there is left as it is.
pub(crate) fn make_file(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Whether an error says that there is no room on the disk, or none for this program.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Moves a file, synced before, to `to` and makes that durable. The folder of `to` is made when it is not there.
pub(crate) fn place(from: &Path, to: &Path) -> io::Result<()> {
    let folder = to.parent().ok_or(io::ErrorKind::InvalidInput)?;
    make(folder)?;
    std::fs::rename(from, to)?;
    sync_names(folder)
}

/// Makes the names in a folder, and the folder's own name, durable.
pub(crate) fn sync_names(folder: &Path) -> io::Result<()> {
    sync_folder(folder)?;
    folder.parent().map_or(Ok(()), sync_folder)
}

/// What is not there need not be removed.
pub(crate) fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder cannot be opened as a file, and its names are durable with the file.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
