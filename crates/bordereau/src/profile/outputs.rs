//! The files that `profile` writes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::complete::{Unfinished, cannot};
use crate::exit::Failure;

/// Writes a file beside its place and gives it its name when it is complete and on disk.
///
/// # Errors
/// When it cannot be written; an older file of that name is left alone then.
pub fn write(path: &Path, content: impl FnOnce(&mut BufWriter<&File>) -> std::io::Result<()>) -> Result<(), Failure> {
    let unfinished = Unfinished::begin(path)?;
    let mut out = BufWriter::with_capacity(1 << 18, unfinished.file());
    content(&mut out).and_then(|()| out.flush()).map_err(|error| cannot(path, &error))?;
    drop(out);
    unfinished.finish()
}

/// Refuses what cannot be meant: an upload that is not there, and outputs that would take the place of an upload or of
/// each other.
///
/// # Errors
/// A sentence that names the file.
pub fn look(uploads: &[PathBuf], outputs: &[&Path]) -> Result<(), Failure> {
    let said = |path: &Path, fault: &str| Failure::Usage(format!("{}: {fault}", path.display()));
    let mut sent = Vec::new();
    for path in uploads.iter().filter(|path| path.as_os_str() != "-") {
        sent.push(std::fs::canonicalize(path).map_err(|error| said(path, &error.to_string()))?);
    }
    for (at, output) in outputs.iter().enumerate() {
        let place = std::fs::canonicalize(output).ok();
        if place.as_ref().is_some_and(|place| sent.contains(place)) {
            return Err(said(output, "it would take the place of what is read; name another file"));
        }
        if outputs.iter().take(at).any(|other| other == output) {
            return Err(said(output, "two outputs have this name"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_fails_leaves_the_older_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        write(&path, |out| out.write_all(b"one")).unwrap();
        write(&path, |_| Err(std::io::Error::other("no"))).unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn outputs_do_not_take_the_place_of_uploads() {
        let folder = tempfile::tempdir().unwrap();
        let upload = folder.path().join("a.csv");
        std::fs::write(&upload, "a\n1\n").unwrap();
        let uploads = [upload.clone()];
        look(&uploads, &[]).unwrap();
        assert!(look(&uploads, &[&upload]).is_err());
        let page = folder.path().join("x.html");
        assert!(look(&uploads, &[&page, &page]).is_err());
        assert!(look(&[folder.path().join("none.csv")], &[]).is_err());
    }
}
