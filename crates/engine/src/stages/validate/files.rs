//! The files of an upload and the relations they are for.

use std::vec::IntoIter;

use arrow::array::{ArrayRef, AsArray, new_null_array};
use arrow::datatypes::DataType;
use bordereau_base::dictionary::Dictionary;
use bordereau_base::refusal::{Refusal, RefusalCode};
use bordereau_files::intake::{Assumptions, Block, Projection, RawRows, Rows, Upload};

use super::header::{MatchedHeader, listed, match_header, shown};
use crate::error::{Error, Result};
use crate::release::layout::Layout;

/// Where rows come from.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// The delimited files of an upload.
    Upload(&'a Upload),
    /// Rows made in memory.
    Rows(&'a [RowsFile]),
}

impl Input<'_> {
    /// Unpacked bytes, as the upload claims; zero for rows in memory.
    pub fn bytes_total(&self) -> u64 {
        match self {
            Self::Upload(upload) => upload.bytes_total(),
            Self::Rows(_) => 0,
        }
    }

    /// Name and relation as written of each file.
    pub(crate) fn stems(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Upload(upload) => upload.entries().iter().map(|entry| (&*entry.name, &*entry.stem)).collect(),
            Self::Rows(files) => files.iter().map(|file| (&*file.name, file.stem())).collect(),
        }
    }

    /// Unpacked bytes at least: as claimed, or what the packed bytes make likely, for those cannot lie.
    pub(super) fn bytes_likely(&self) -> u64 {
        const RATIO: u64 = 8;
        match self {
            Self::Upload(upload) => {
                let packed = upload.entries().iter().map(|entry| entry.packed_bytes).fold(0, u64::saturating_add);
                upload.bytes_total().max(packed.saturating_mul(RATIO))
            }
            Self::Rows(_) => 0,
        }
    }
}

/// A file made in memory, as intake would give it.
#[derive(Debug, Clone)]
pub struct RowsFile {
    /// Its name, such as `insured.csv`.
    pub name: String,
    /// The names in its header.
    pub header: Vec<String>,
    /// Its rows, with one column for each name of the header.
    pub blocks: Vec<RawRows>,
}

impl RowsFile {
    fn stem(&self) -> &str {
        self.name.rsplit_once('.').map_or(&self.name, |(stem, _)| stem)
    }
}

/// One relation's file, its header read.
#[derive(Debug)]
pub struct OpenFile {
    pub relation: usize,
    pub name: String,
    pub header: MatchedHeader,
    pub assumptions: Option<Assumptions>,
    pub blocks: Blocks,
}

/// The rows of a file, block by block.
#[derive(Debug)]
pub enum Blocks {
    Cut(Box<Rows>),
    Made(IntoIter<RawRows>),
}

impl Blocks {
    /// The next block, none after the last.
    pub fn next(&mut self) -> Result<Option<RawBlock>> {
        match self {
            Self::Made(blocks) => Ok(blocks.next().map(RawBlock::Made)),
            Self::Cut(rows) => Ok(rows.next_block()?.map(RawBlock::Cut)),
        }
    }

    /// Unpacked bytes read so far, the header included.
    pub fn bytes_read(&self) -> u64 {
        match self {
            Self::Made(_) => 0,
            Self::Cut(rows) => rows.bytes_read(),
        }
    }
}

/// A block that is not made into columns yet.
#[derive(Debug)]
pub enum RawBlock {
    Cut(Block),
    Made(RawRows),
}

impl RawBlock {
    /// The columns of the block in the order of the relation's fields.
    pub fn rows(self, columns: &[Option<usize>]) -> Result<RawRows> {
        match self {
            Self::Cut(block) => Ok(block.tokenize(&Projection::new(columns.to_vec()))?),
            Self::Made(rows) => {
                let absent: ArrayRef = new_null_array(&DataType::Utf8View, rows.len());
                let column =
                    |at: &Option<usize>| at.map_or(absent.as_string_view().clone(), |at| rows.columns[at].clone());
                Ok(RawRows { columns: columns.iter().map(column).collect(), ..rows })
            }
        }
    }
}

/// What an upload has for the relations of a dictionary, right or not.
#[derive(Debug)]
pub struct Found {
    /// The files whose header could be read, in the order of the dictionary.
    pub files: Vec<OpenFile>,
    /// The relations (indices) with a file whose header could not be read.
    pub unread: Vec<usize>,
    /// All that is wrong with names of files and columns.
    refusals: Vec<Refusal>,
}

impl Found {
    /// Why the upload is not taken: one refusal that says all that is wrong, its code that of the first; none when
    /// nothing is.
    pub fn refusal(&self) -> Option<Refusal> {
        let code = self.refusals.first()?.code;
        let messages: Vec<&str> = self.refusals.iter().map(|refusal| refusal.message.as_str()).collect();
        Some(Refusal::new(code, messages.join("; ")))
    }
}

/// Opens the file of each relation that has one, in the order of the dictionary, and holds its header against the
/// fields.
///
/// # Errors
/// [`Error::Io`] when our disk fails; what is wrong with the upload is in [`Found`].
pub fn look(input: Input<'_>, dictionary: &Dictionary, layout: &Layout) -> Result<Found> {
    let stems = input.stems();
    let relations: Vec<Option<usize>> = stems.iter().map(|(_, stem)| dictionary.relation_index(stem)).collect();
    let unknown = unknown_relations(dictionary, stems.iter().zip(&relations));
    let missing = missing_relations(dictionary, layout, &relations);
    let refusals = [unknown, missing].into_iter().flatten().collect();
    let mut found = Found { files: Vec::new(), unread: Vec::new(), refusals };
    for relation in 0..dictionary.relations.len() {
        let Some(entry) = relations.iter().position(|found| *found == Some(relation)) else { continue };
        match open_one(input, entry, relation, dictionary) {
            Ok((file, refusals)) => {
                found.files.push(file);
                found.refusals.extend(refusals);
            }
            Err(Error::Refused(refusal)) => {
                found.unread.push(relation);
                found.refusals.push(refusal);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn unknown_relations<'a>(
    dictionary: &Dictionary,
    files: impl Iterator<Item = (&'a (&'a str, &'a str), &'a Option<usize>)>,
) -> Option<Refusal> {
    let unknown: Vec<String> =
        files.filter(|(_, relation)| relation.is_none()).map(|((name, _), _)| shown(name, 1)).collect();
    let known: Vec<String> = dictionary.relations.iter().map(|relation| relation.name.clone()).collect();
    let are = if unknown.len() == 1 { "is for no relation" } else { "are for no relation" };
    let message = || format!("{} {are} of the solution, which has {}", listed(&unknown), listed(&known));
    (!unknown.is_empty()).then(|| Refusal::new(RefusalCode::UnknownRelation, message()))
}

fn missing_relations(dictionary: &Dictionary, layout: &Layout, found: &[Option<usize>]) -> Option<Refusal> {
    let missing: Vec<String> = (0..dictionary.relations.len())
        .filter(|relation| layout.relations[*relation].required && !found.contains(&Some(*relation)))
        .map(|relation| dictionary.relations[relation].name.clone())
        .collect();
    let what = if missing.len() == 1 { "file for the relation" } else { "files for the relations" };
    let message = || format!("the upload has no {what} {}", listed(&missing));
    (!missing.is_empty()).then(|| Refusal::new(RefusalCode::MissingRelation, message()))
}

/// Opens one file; the refusals are of its header.
fn open_one(
    input: Input<'_>,
    entry: usize,
    relation: usize,
    dictionary: &Dictionary,
) -> Result<(OpenFile, Vec<Refusal>)> {
    let matched = |name: &str, header: &[String]| match_header(&dictionary.relations[relation], name, header);
    match input {
        Input::Upload(upload) => {
            let rows = upload.read(entry)?;
            let name = upload.entries()[entry].name.clone();
            let (header, refusals) = matched(&name, rows.header());
            let assumptions = Some(rows.assumptions().clone());
            let blocks = Blocks::Cut(Box::new(rows));
            Ok((OpenFile { relation, name, header, assumptions, blocks }, refusals))
        }
        Input::Rows(files) => {
            let file = &files[entry];
            let (header, refusals) = matched(&file.name, &file.header);
            let blocks = Blocks::Made(file.blocks.clone().into_iter());
            Ok((OpenFile { relation, name: file.name.clone(), header, assumptions: None, blocks }, refusals))
        }
    }
}
