//! Reading results zips as a user's tools would.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive};
use simd_csv::{ByteRecord, Reader};

/// The members of a zip by name; panics unless each has the checksum it states.
pub fn members(zip: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let archive = ZipArchive::from_slice(zip).unwrap();
    let mut entries = archive.entries();
    let mut members = BTreeMap::new();
    while let Some(entry) = entries.next_entry().unwrap() {
        let name = String::from_utf8(entry.file_path().as_ref().to_vec()).unwrap();
        let found = archive.get_entry(entry.wayfinder()).unwrap();
        let mut bytes = Vec::new();
        match entry.compression_method() {
            CompressionMethod::STORE => found.verifying_reader(found.data()).read_to_end(&mut bytes).unwrap(),
            _ => found.verifying_reader(DeflateDecoder::new(found.data())).read_to_end(&mut bytes).unwrap(),
        };
        assert!(members.insert(name, bytes).is_none());
    }
    members
}

/// The members, with `timings` taken out of `summary.json`: all that must be the same for the same upload.
pub fn comparable(zip: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut members = members(zip);
    let mut summary = summary(&members);
    assert!(summary.as_object_mut().unwrap().remove("timings").is_some());
    members.insert("summary.json".to_owned(), serde_json::to_vec(&summary).unwrap());
    members
}

pub fn summary(members: &BTreeMap<String, Vec<u8>>) -> serde_json::Value {
    serde_json::from_slice(&members["summary.json"]).unwrap()
}

/// The rows of a CSV member as cells by column name.
pub fn rows(member: &[u8]) -> Vec<BTreeMap<String, String>> {
    let mut reader = Reader::from_reader(member);
    let cell = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let names: Vec<String> = reader.byte_headers().unwrap().iter().map(cell).collect();
    let (mut rows, mut row) = (Vec::new(), ByteRecord::new());
    while reader.read_byte_record(&mut row).unwrap() {
        rows.push(names.iter().cloned().zip(row.iter().map(cell)).collect());
    }
    rows
}
