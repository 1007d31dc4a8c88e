//! Where the files of a release come from: a folder, or the solutions inside the program.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use include_dir::Dir;

/// A release's files are read whole; more than this many bytes in one is refused.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// The bytes of a release's files by their path inside the release, with `/` between folders.
#[derive(Debug, Clone, Default)]
pub struct ReleaseFiles {
    files: BTreeMap<String, Vec<u8>>,
}

impl ReleaseFiles {
    /// Reads a release folder: its own files and those of its sub-folders; names starting with a dot are left out.
    ///
    /// # Errors
    /// When the folder or a file cannot be read, or a file is larger than 1 GiB.
    pub fn from_folder(folder: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        read_folder(folder, "", &mut files)?;
        Ok(Self { files })
    }

    /// The files of a folder that was compiled into the program.
    pub fn from_embedded(folder: &Dir<'_>) -> Self {
        let mut files = BTreeMap::new();
        let mut open = vec![folder];
        while let Some(dir) = open.pop() {
            for file in dir.files() {
                if let Ok(path) = file.path().strip_prefix(folder.path()) {
                    files.insert(path.to_string_lossy().into_owned(), file.contents().to_vec());
                }
            }
            open.extend(dir.dirs());
        }
        Self { files }
    }

    /// The bytes of one file.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// All files in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }
}

fn read_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        let metadata = std::fs::metadata(entry.path())?;
        if metadata.is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), files)?;
        } else if metadata.len() > FILE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{path} is larger than 1 GiB")));
        } else {
            files.insert(path, std::fs::read(entry.path())?);
        }
    }
    Ok(())
}
