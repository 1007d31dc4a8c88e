//! The state of an upload and of its relations as bytes.

use bordereau_sketch::codec::{Error, Reader, Writer};
use bordereau_sketch::keys::KeyCounts;

use super::column;
use super::parts::{ROWS_MAX, count, optional};
use crate::column::ColumnState;
use crate::input::Facts;
use crate::pass::{RelationRecord, State};
use crate::relation::{Followed, LinkKeys, LinkPlan, Pair, Pairs, RelationState, RowKeys};
use crate::settings::Limits;

/// The fewest bytes that a column and a key take.
const COLUMN_BYTES_MIN: usize = 90;
const KEY_BYTES_MIN: usize = 2;
/// Keys of all relations at most: each takes some memory even when it is empty.
const KEYS_MAX: usize = 16_384;
/// Columns that are correlated at most.
const NUMERIC_MAX: usize = 64;
/// Bytes of a file at most; sums over many stay within 64 bits.
const BYTES_MAX: u64 = 1 << 56;

pub(super) fn write_state(writer: &mut Writer, state: &State) {
    writer.str(&state.name);
    writer.uint(state.bytes);
    write_texts(writer, &state.notes);
    writer.length(state.relations.len());
    for record in &state.relations {
        write_record(writer, record);
    }
    writer.length(state.links.len());
    for link in &state.links {
        link.relations.iter().chain(&link.sets).for_each(|place| writer.uint(*place as u64));
    }
}

fn write_texts(writer: &mut Writer, texts: &[String]) {
    writer.length(texts.len());
    texts.iter().for_each(|text| writer.str(text));
}

fn write_optional_text(writer: &mut Writer, text: Option<&str>) {
    writer.u8(u8::from(text.is_some()));
    text.iter().for_each(|text| writer.str(text));
}

fn write_record(writer: &mut Writer, record: &RelationRecord) {
    writer.str(&record.name);
    writer.str(&record.file);
    write_optional_text(writer, record.facts.encoding.as_deref());
    write_optional_text(writer, record.facts.delimiter.as_deref());
    write_texts(writer, &record.facts.assumed);
    writer.u8(u8::from(record.bytes_read.is_some()));
    record.bytes_read.iter().for_each(|bytes| writer.uint(*bytes));
    writer.uint(record.position);
    writer.uint(record.size);
    writer.length(record.columns.len());
    for (name, state) in record.header.iter().zip(&record.columns) {
        writer.str(name);
        column::write(writer, state);
    }
    write_relation(writer, &record.relation);
}

fn write_relation(writer: &mut Writer, relation: &RelationState) {
    for number in [relation.rows, relation.bytes, relation.ragged_rows, relation.undecodable_rows] {
        writer.uint(number);
    }
    writer.uint(relation.windows_1252_rows);
    writer.length(relation.ragged_examples.len());
    relation.ragged_examples.iter().for_each(|row| writer.uint(*row));
    writer.sketch(relation.row_keys.clone().counts());
    for followed in [&relation.singles, &relation.composites] {
        writer.length(followed.len());
        for key in followed {
            write_places(writer, &key.columns);
            // Which form a key is kept in depends on its length alone.
            let counts = key.seen.clone().map(|seen| seen.into_counts(crate::relation::KEYS_MAX));
            writer.optional_sketch(counts.as_ref());
        }
    }
    writer.uint(relation.singles_left_out as u64);
    writer.length(relation.link_keys.len());
    for keys in &relation.link_keys {
        write_places(writer, &keys.columns);
        writer.sketch(&keys.counts);
    }
    write_places(writer, &relation.numeric);
    writer.length(relation.pairs.pairs.len());
    for pair in &relation.pairs.pairs {
        let Pair { rows, origin_x, origin_y, mean_x, mean_y, xx, yy, xy } = *pair;
        [rows, origin_x, origin_y, mean_x, mean_y, xx, yy, xy].into_iter().for_each(|sum| writer.f64(sum));
    }
}

fn write_places(writer: &mut Writer, places: &[usize]) {
    writer.length(places.len());
    places.iter().for_each(|place| writer.uint(*place as u64));
}

pub(super) fn read_state(reader: &mut Reader<'_>, limits: Limits) -> Result<State, Error> {
    let name = reader.str()?.to_owned();
    let bytes = count(reader, BYTES_MAX)?;
    let notes = read_texts(reader)?;
    let mut keys_left = KEYS_MAX;
    let mut relations = Vec::new();
    for _ in 0..reader.length(30)? {
        relations.push(read_record(reader, limits, &mut keys_left)?);
    }
    let mut links = Vec::new();
    for _ in 0..reader.length(4)? {
        let mut place = || reader.uint().map(|place| place as usize);
        let link = LinkPlan { relations: [place()?, place()?], sets: [place()?, place()?] };
        let known = |end: usize| {
            let record: Option<&RelationRecord> = link.relations.get(end).and_then(|at| relations.get(*at));
            record.zip(link.sets.get(end)).is_some_and(|(record, set)| *set < record.relation.link_keys.len())
        };
        if !(known(0) && known(1) && link.relations[0] != link.relations[1]) {
            return Err(Error::Invalid("a link of unknown relations"));
        }
        links.push(link);
    }
    Ok(State { name, bytes, notes, limits, relations, links })
}

fn read_texts(reader: &mut Reader<'_>) -> Result<Vec<String>, Error> {
    let mut texts = Vec::new();
    for _ in 0..reader.length(1)? {
        texts.push(reader.str()?.to_owned());
    }
    Ok(texts)
}

fn read_optional_text(reader: &mut Reader<'_>) -> Result<Option<String>, Error> {
    optional(reader, |reader| Ok(reader.str()?.to_owned()))
}

fn read_record(reader: &mut Reader<'_>, limits: Limits, keys_left: &mut usize) -> Result<RelationRecord, Error> {
    let (name, file) = (reader.str()?.to_owned(), reader.str()?.to_owned());
    let facts = Facts {
        encoding: read_optional_text(reader)?,
        delimiter: read_optional_text(reader)?,
        assumed: read_texts(reader)?,
    };
    let bytes_read = optional(reader, |reader| count(reader, BYTES_MAX))?;
    let (position, size) = (count(reader, BYTES_MAX)?, count(reader, BYTES_MAX)?);
    let (mut header, mut columns): (Vec<String>, Vec<ColumnState>) = (Vec::new(), Vec::new());
    for _ in 0..reader.length(COLUMN_BYTES_MIN)? {
        header.push(reader.str()?.to_owned());
        columns.push(column::read(reader, limits)?);
    }
    let relation = read_relation(reader, columns.len(), keys_left)?;
    if columns.iter().any(|column| column.tallies.rows != relation.rows) {
        return Err(Error::Invalid("columns of different lengths"));
    }
    Ok(RelationRecord { name, file, header, facts, columns, relation, bytes_read, position, size })
}

fn read_relation(reader: &mut Reader<'_>, columns: usize, keys_left: &mut usize) -> Result<RelationState, Error> {
    let rows = count(reader, ROWS_MAX)?;
    let bytes = count(reader, BYTES_MAX)?;
    let ragged_rows = count(reader, ROWS_MAX)?;
    let undecodable_rows = count(reader, ROWS_MAX)?;
    let windows_1252_rows = count(reader, ROWS_MAX)?;
    let mut ragged_examples = Vec::new();
    for _ in 0..reader.length(1)? {
        ragged_examples.push(reader.uint()?);
    }
    let mut row_counts = read_keys(reader, rows, keys_left)?;
    if row_counts.settled().rows() != rows {
        return Err(Error::Invalid("another number of rows than of their hashes"));
    }
    let mut followed = || -> Result<Vec<Followed>, Error> {
        let mut followed = Vec::new();
        for _ in 0..reader.length(KEY_BYTES_MIN)? {
            let places = read_places(reader, columns)?;
            let counts = optional(reader, |reader| read_keys(reader, rows, keys_left))?;
            followed.push(Followed::of_counts(places, counts));
        }
        Ok(followed)
    };
    let (singles, composites) = (followed()?, followed()?);
    let singles_left_out = count(reader, columns as u64)? as usize;
    let mut link_keys = Vec::new();
    for _ in 0..reader.length(KEY_BYTES_MIN)? {
        link_keys
            .push(LinkKeys { columns: read_places(reader, columns)?, counts: read_keys(reader, rows, keys_left)? });
    }
    let numeric = read_places(reader, columns)?;
    let pairs = read_pairs(reader, &numeric, rows)?;
    let row_keys = RowKeys::of_counts(row_counts);
    Ok(RelationState {
        columns,
        rows,
        bytes,
        ragged_rows,
        ragged_examples,
        undecodable_rows,
        windows_1252_rows,
        row_keys,
        singles,
        composites,
        singles_left_out,
        link_keys,
        numeric,
        pairs,
    })
}

/// Counts of keys of at most so many rows.
fn read_keys(reader: &mut Reader<'_>, rows: u64, keys_left: &mut usize) -> Result<KeyCounts, Error> {
    *keys_left = keys_left.checked_sub(1).ok_or(Error::Length)?;
    let mut counts: KeyCounts = reader.sketch()?;
    if counts.settled().rows() <= rows { Ok(counts) } else { Err(Error::Invalid("more keys than rows")) }
}

/// Places of columns, each once.
fn read_places(reader: &mut Reader<'_>, columns: usize) -> Result<Vec<usize>, Error> {
    let mut places = Vec::new();
    for _ in 0..reader.length(1)? {
        let place = usize::try_from(reader.uint()?).map_err(|_| Error::Length)?;
        if place >= columns || places.contains(&place) || places.len() > 4_096 {
            return Err(Error::Invalid("a place of no column"));
        }
        places.push(place);
    }
    Ok(places)
}

fn read_pairs(reader: &mut Reader<'_>, numeric: &[usize], rows: u64) -> Result<Pairs, Error> {
    let length = reader.length(64)?;
    let all = numeric.len() * numeric.len().saturating_sub(1) / 2;
    if numeric.len() > NUMERIC_MAX || (length != all && length != 0) {
        return Err(Error::Length);
    }
    let mut pairs = Vec::with_capacity(length);
    for _ in 0..length {
        let mut next = || reader.f64();
        let pair = Pair {
            rows: next()?,
            origin_x: next()?,
            origin_y: next()?,
            mean_x: next()?,
            mean_y: next()?,
            xx: next()?,
            yy: next()?,
            xy: next()?,
        };
        if !(0.0..=rows as f64).contains(&pair.rows) {
            return Err(Error::Invalid("a pair of more rows than there are"));
        }
        pairs.push(pair);
    }
    Ok(Pairs { pairs })
}
