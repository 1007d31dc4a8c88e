//! What a contributing submission leaves: the rows of its accepted records as Parquet, and the keys of the records.
//!
//! [`crate::batch::score_batch`] writes both into a folder of the caller's choice ([`Destination`]); who keeps them and
//! what they replace is the caller's. For that [`keys`] says which records two contributions have in common, in one
//! walk through two sorted files, and [`rows`] writes the rows of a contribution again without some records. Nothing
//! here knows customers or stores.
//!
//! A record is known by the hash of its typed key, so `7/7/2017` and `2017-07-07` are the same key, and within one
//! contribution by its number ([`rows::RECORD`]). Memory: a row group, a partition of keys, one bit a record.

pub mod keys;
pub mod rows;

use std::path::{Path, PathBuf};

use bordereau_base::dictionary::Dictionary;

/// Where a contribution is written to, and what its rows say of it.
#[derive(Debug, Clone)]
pub struct Destination {
    /// A folder that is there and empty.
    pub folder: PathBuf,
    /// When the upload was accepted.
    pub accepted: jiff::Timestamp,
}

/// What was written into the folder of a [`Destination`]; not synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    /// Records.
    pub records: u64,
    /// The relations in the order of the dictionary: canonical name and rows.
    pub relations: Vec<(String, u64)>,
}

/// Path of a relation's rows in the folder of a [`Destination`].
pub fn rows_path(folder: &Path, relation: &str) -> PathBuf {
    folder.join(format!("{relation}.parquet"))
}

/// Path of the keys in the folder of a [`Destination`].
pub fn keys_path(folder: &Path) -> PathBuf {
    // No relation can have this name: `/` is refused there, and the ending is another.
    folder.join("records.keys")
}

/// What keeps the relations of a dictionary from being kept as files of their names: place and sentence.
pub fn unkeepable(dictionary: &Dictionary) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    for (at, relation) in dictionary.relations.iter().enumerate() {
        let name = relation.sql_name();
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if !plain || name.is_empty() || name.len() > 64 {
            let message = "a relation that is contributed is named by 1 to 64 letters, digits, '_' and '-'".to_owned();
            faults.push((format!("/resources/{at}/name"), message));
        }
        for (index, field) in relation.fields.iter().enumerate() {
            if rows::ADDED.contains(&field.sql_name().as_str()) {
                let message = format!("{} is the name of a column that is added to contributed rows", field.name);
                faults.push((format!("/resources/{at}/schema/fields/{index}/name"), message));
            }
        }
    }
    faults
}
