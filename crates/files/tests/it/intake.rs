//! Intake, from files on disk to columns.

mod hostile;
mod laws;
mod messages;
mod reference;
mod rows;
mod writer;
mod zips;

use bordereau_base::limits::IntakeLimits;
use bordereau_files::intake::{IntakeError, Projection, Rows, Upload};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder with one file in it.
struct OneFile {
    _folder: TempDir,
    path: PathBuf,
}

impl OneFile {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        Self { _folder: folder, path }
    }

    fn upload(&self) -> Result<Upload, IntakeError> {
        self.upload_within(&IntakeLimits::default())
    }

    fn upload_within(&self, limits: &IntakeLimits) -> Result<Upload, IntakeError> {
        Upload::open(std::slice::from_ref(&self.path), limits)
    }
}

/// A row as its number in the file and its values; `None` for a value that the row lacks.
type Row = (u64, Vec<Option<String>>);

/// All that was read of one entry.
#[derive(Debug, PartialEq)]
struct Table {
    header: Vec<String>,
    rows: Vec<Row>,
    /// Row number, values found, values expected.
    ragged: Vec<(u64, usize, usize)>,
    undecodable: Vec<u64>,
    windows_1252_rows: u64,
}

fn read_all(mut rows: Rows) -> Result<Table, IntakeError> {
    let header = rows.header().to_vec();
    let projection = Projection::all(header.len());
    let mut table = Table { header, rows: vec![], ragged: vec![], undecodable: vec![], windows_1252_rows: 0 };
    while let Some(block) = rows.next_block()? {
        let raw = block.tokenize(&projection)?;
        for (place, &number) in raw.row_numbers.values().iter().enumerate() {
            let cell = |column: &arrow::array::StringViewArray| column.iter().nth(place).flatten().map(str::to_owned);
            table.rows.push((number, raw.columns.iter().map(cell).collect()));
        }
        table.ragged.extend(raw.ragged.iter().map(|row| (row.row, row.found, row.expected)));
        table.undecodable.extend(&raw.undecodable);
        table.windows_1252_rows += raw.windows_1252_rows;
    }
    Ok(table)
}

/// The table of the only file of an upload.
fn read_file(name: &str, bytes: &[u8]) -> Result<Table, IntakeError> {
    read_all(OneFile::new(name, bytes).upload()?.read(0)?)
}

/// Rows numbered from 2 on without gaps, none lacking a value.
fn numbered(rows: &[&[&str]]) -> Vec<Row> {
    let values = |row: &&[&str]| row.iter().map(|value| Some((*value).to_owned())).collect();
    rows.iter().enumerate().map(|(place, row)| (place as u64 + 2, values(row))).collect()
}

fn samples(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/samples").join(folder)
}
