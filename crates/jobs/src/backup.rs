//! Back-up of a data folder while it is used, and restoring one.
//!
//! [`Jobs::backup`] first takes a snapshot of the store in one read (`VACUUM INTO`), then copies the objects. An object
//! is placed before a row names it and never changes, so everything the snapshot names was there when it was taken;
//! what is deleted before it is copied makes the back-up begin anew. Every object that a row names is compared with its
//! digest on the way. What running batches had leased is taken up again after restoring, as after a crash.
//!
//! Of uploads that come in pieces what the snapshot says to be there is copied, which nobody changes while an upload is
//! not whole. The name of the copy has its digest: `resumable/<id>.<SHA-256>`.
//!
//! [`restore`] compares every digest again, and gives the log a new epoch: what happened after the back-up is not in
//! it, so cursors of then are answered with a reset instead of being taken for places in a log that went another way.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bordereau_base::digest::hex;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::folder::{self, Folder};
use crate::jobs::Jobs;
use crate::store::{self, Named, Unfinished};

/// How often a back-up begins anew because what it names was deleted meanwhile.
const TRIES: usize = 10;
const STORE: &str = "bordereau.db";
const OBJECTS: &str = "objects";
/// Uploads that are not whole, in the data folder and in back-ups.
const RESUMABLE: &str = "resumable";
/// Where attempts write, each under its own number.
const RESULTS: &str = "results";

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Objects, such as uploads and results.
    pub objects: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

impl Jobs {
    /// Writes a back-up to `target`, a folder that is not there or empty. The server may run meanwhile.
    ///
    /// # Errors
    /// [`Error::Backup`] when `target` is not empty or an object is not what its digest says; when store or files fail.
    pub async fn backup(&self, target: &Path) -> Result<Copied> {
        let prepared = target.to_owned();
        tokio::task::spawn_blocking(move || prepare(&prepared)).await??;
        for _ in 0..TRIES {
            let snapshot = target.join(STORE);
            match std::fs::remove_file(&snapshot) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
            self.inner.store.snapshot(&snapshot).await?;
            let named = store::named_objects(&snapshot).await?;
            let unfinished = store::unfinished_uploads(&snapshot).await?;
            let (from, to) = (self.inner.folder.object(""), target.to_owned());
            let pieces = self.inner.folder.resumable();
            let copied = tokio::task::spawn_blocking(move || {
                let Some(begun) = back_up_unfinished(&pieces, &to.join(RESUMABLE), &unfinished)? else {
                    return Ok::<_, Error>(None);
                };
                Ok(copy_objects(&from, &to, &named)?.map(|copied| copied.and(begun)))
            });
            if let Some(copied) = copied.await?? {
                return Ok(copied);
            }
        }
        Err(Error::Backup("objects were deleted again and again while they were copied".to_owned()))
    }
}

/// Restores a back-up into `data`, a folder that is not there or empty.
///
/// # Errors
/// [`Error::Backup`] when `data` is not empty, or `backup` is none or not what its digests say; when files fail.
pub async fn restore(backup: &Path, data: &Path) -> Result<Copied> {
    let (from, to) = (backup.to_owned(), data.to_owned());
    if !from.join(STORE).is_file() {
        return Err(Error::Backup("there is no back-up in that folder".to_owned()));
    }
    let named = store::named_objects(&from.join(STORE)).await?;
    let unfinished = store::unfinished_uploads(&from.join(STORE)).await?;
    let copied = tokio::task::spawn_blocking(move || {
        prepare(&to)?;
        let copied = copy_objects(&from.join(OBJECTS), &to, &named)?;
        let copied = copied.ok_or_else(|| Error::Backup("an object is not in the back-up".to_owned()))?;
        let (begun, missing) = restore_unfinished(&from.join(RESUMABLE), &to.join(RESUMABLE), &unfinished)?;
        // The store comes last: without it the folder is none that a server would use.
        let (part, whole) = (to.join("restoring.db"), to.join(STORE));
        copy(&from.join(STORE), &part)?;
        Ok::<_, Error>((copied.and(begun), missing, part, whole))
    });
    let (copied, missing, part, whole) = copied.await??;
    store::renew(&part, &missing).await?;
    tokio::task::spawn_blocking(move || {
        File::open(&part)?.sync_all()?;
        folder::place(&part, &whole)
    })
    .await??;
    // Makes the rest of the folder.
    let data = data.to_owned();
    tokio::task::spawn_blocking(move || Folder::open(&data)).await??;
    Ok(copied)
}

impl Copied {
    fn and(self, other: Self) -> Self {
        Self { objects: self.objects + other.objects, bytes: self.bytes + other.bytes }
    }
}

/// Copies what is there of uploads that are not whole, in the place of what an earlier try copied. None: one of them is
/// gone, as one that became whole or was removed since the snapshot.
fn back_up_unfinished(from: &Path, to: &Path, unfinished: &[Unfinished]) -> Result<Option<Copied>> {
    folder::gone(std::fs::remove_dir_all(to))?;
    folder::make(to)?;
    let mut copied = Copied::default();
    for Unfinished { id, position } in unfinished {
        let part = to.join(id);
        let (sha256, bytes) = match copy_up_to(&from.join(id), &part, *position) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            done => done?,
        };
        if bytes < *position {
            return Err(Error::Backup(format!(
                "the unfinished upload {id} is shorter than what was acknowledged of it"
            )));
        }
        std::fs::rename(&part, to.join(format!("{id}.{sha256}")))?;
        copied = copied.and(Copied { objects: 1, bytes });
    }
    Ok(Some(copied))
}

/// Puts uploads back that are not whole. What was copied, and the uploads that the back-up has nothing of.
fn restore_unfinished(from: &Path, to: &Path, unfinished: &[Unfinished]) -> Result<(Copied, Vec<String>)> {
    let (mut names, mut copied, mut missing) = (Vec::new(), Copied::default(), Vec::new());
    list(from, Path::new(""), &mut names)?;
    let names: Vec<&str> = names.iter().filter_map(|name| name.to_str()).collect();
    folder::make(to)?;
    for Unfinished { id, position } in unfinished {
        let found = names.iter().find_map(|name| Some((*name, name.strip_prefix(id.as_str())?.strip_prefix('.')?)));
        let Some((name, stated)) = found else {
            missing.push(id.clone());
            continue;
        };
        let (sha256, bytes) = copy(&from.join(name), &to.join(id))?;
        if (sha256.as_str(), bytes) != (stated, *position) {
            return Err(Error::Backup(format!("{RESUMABLE}/{name} is not what its digest says")));
        }
        copied = copied.and(Copied { objects: 1, bytes });
    }
    folder::sync_names(to)?;
    Ok((copied, missing))
}

/// Makes the folder, which must not hold anything.
fn prepare(target: &Path) -> Result<()> {
    folder::make(target)?;
    if std::fs::read_dir(target)?.next().is_some() {
        return Err(Error::Backup("the folder to write to is not empty".to_owned()));
    }
    Ok(())
}

/// Copies the objects below `from` to `target/objects`, but for what attempts have made and no row names. None: one
/// that is named is not there.
fn copy_objects(from: &Path, target: &Path, named: &[Named]) -> Result<Option<Copied>> {
    let digests: HashMap<&str, &str> =
        named.iter().map(|named| (named.object.as_str(), named.sha256.as_str())).collect();
    let mut found = Vec::new();
    list(from, Path::new(""), &mut found)?;
    let objects = target.join(OBJECTS);
    let mut copied = Copied::default();
    for path in &found {
        let name = path.to_string_lossy();
        // What later attempts are making would lie in the way of the attempts after restoring.
        if path.starts_with(RESULTS) && !digests.contains_key(name.as_ref()) {
            continue;
        }
        let to = objects.join(path);
        let Some(to_folder) = to.parent() else { continue };
        folder::make(to_folder)?;
        let (sha256, bytes) = match copy(&from.join(path), &to) {
            // Deleted since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            done => done?,
        };
        if digests.get(name.as_ref()).is_some_and(|expected| !expected.is_empty() && **expected != sha256) {
            return Err(Error::Backup(format!("{name} is not what its digest says")));
        }
        copied = Copied { objects: copied.objects + 1, bytes: copied.bytes + bytes };
    }
    if named.iter().any(|named| !objects.join(&named.object).is_file()) {
        return Ok(None);
    }
    sync_folders(target)?;
    Ok(Some(copied))
}

/// All files below a folder, as paths from there.
fn list(root: &Path, below: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match std::fs::read_dir(root.join(below)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            list(root, &path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// Copies a file and makes it durable; its digest and length.
fn copy(from: &Path, to: &Path) -> io::Result<(String, u64)> {
    copy_up_to(from, to, u64::MAX)
}

/// Copies so many bytes of a file, or all when it has fewer, and makes them durable; their digest and number.
fn copy_up_to(from: &Path, to: &Path, bytes_max: u64) -> io::Result<(String, u64)> {
    let (mut source, mut bytes, mut hash) = (File::open(from)?.take(bytes_max), 0, Sha256::new());
    let _ = std::fs::remove_file(to);
    folder::make_file(to)?;
    let mut target = File::options().append(true).open(to)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            target.sync_all()?;
            return Ok((hex(&hash.finalize()), bytes));
        }
        hash.update(&buffer[..read]);
        target.write_all(&buffer[..read])?;
        bytes += read as u64;
    }
}

fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    folder::sync_names(folder)
}
