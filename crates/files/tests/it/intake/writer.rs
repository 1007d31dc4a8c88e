//! A tiny writer of zips, good ones and bad ones.

use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write;

pub const STORED: u16 = 0;
pub const DEFLATED: u16 = 8;

/// One entry, with what its headers are to say. What is `None` is said as it is.
#[derive(Debug, Clone)]
pub struct Item {
    pub name: Vec<u8>,
    pub content: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    pub attributes: u32,
    /// Sizes and offset in extra fields.
    pub zip64: bool,
    /// Sizes and checksum behind the bytes.
    pub descriptor: bool,
    pub packed: Option<Vec<u8>>,
    pub crc: Option<u32>,
    pub unpacked_bytes: Option<u64>,
    pub packed_bytes: Option<u64>,
    pub offset: Option<u64>,
}

impl Item {
    pub fn stored(name: &str, content: &str) -> Self {
        Self {
            name: name.into(),
            content: content.into(),
            method: STORED,
            flags: 0,
            attributes: 0,
            zip64: false,
            descriptor: false,
            packed: None,
            crc: None,
            unpacked_bytes: None,
            packed_bytes: None,
            offset: None,
        }
    }

    pub fn deflated(name: &str, content: &str) -> Self {
        Self { method: DEFLATED, ..Self::stored(name, content) }
    }
}

pub fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A zip of `items`.
pub fn zip(items: &[Item]) -> Vec<u8> {
    zip_of_count(items, items.len() as u64)
}

/// A zip of `items` whose end says that there are `count` of them.
pub fn zip_of_count(items: &[Item], count: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for item in items {
        let offset = bytes.len() as u64;
        let packed = item.packed.clone().unwrap_or_else(|| match item.method {
            DEFLATED => deflate(&item.content),
            _ => item.content.clone(),
        });
        let sizes = Sizes {
            crc: item.crc.unwrap_or_else(|| crc32fast::hash(&item.content)),
            packed: item.packed_bytes.unwrap_or(packed.len() as u64),
            unpacked: item.unpacked_bytes.unwrap_or(item.content.len() as u64),
        };
        local(item, &sizes, &mut bytes);
        bytes.extend(&packed);
        if item.descriptor {
            bytes.extend(b"PK\x07\x08");
            sizes.write(item.zip64, &mut bytes);
        }
        central(item, &sizes, item.offset.unwrap_or(offset), &mut directory);
    }
    let start = bytes.len() as u64;
    bytes.extend(&directory);
    end(start, directory.len() as u64, count, items.iter().any(|item| item.zip64), &mut bytes);
    bytes
}

struct Sizes {
    crc: u32,
    packed: u64,
    unpacked: u64,
}

impl Sizes {
    fn write(&self, wide: bool, to: &mut Vec<u8>) {
        to.extend(self.crc.to_le_bytes());
        for size in [self.packed, self.unpacked] {
            if wide { to.extend(size.to_le_bytes()) } else { to.extend((size as u32).to_le_bytes()) }
        }
    }
}

fn flags(item: &Item) -> u16 {
    item.flags | if item.descriptor { 8 } else { 0 }
}

fn local(item: &Item, sizes: &Sizes, to: &mut Vec<u8>) {
    let shown = if item.descriptor { Sizes { crc: 0, packed: 0, unpacked: 0 } } else { Sizes { ..*sizes } };
    to.extend(b"PK\x03\x04");
    for number in [45, flags(item), item.method, 0, 0] {
        to.extend(number.to_le_bytes());
    }
    to.extend(shown.crc.to_le_bytes());
    let wide = item.zip64 && !item.descriptor;
    for size in [shown.packed, shown.unpacked] {
        to.extend(if wide { u32::MAX } else { size as u32 }.to_le_bytes());
    }
    to.extend((item.name.len() as u16).to_le_bytes());
    to.extend(if wide { 20u16 } else { 0 }.to_le_bytes());
    to.extend(&item.name);
    if wide {
        wide_field(&[shown.unpacked, shown.packed], to);
    }
}

fn central(item: &Item, sizes: &Sizes, offset: u64, to: &mut Vec<u8>) {
    to.extend(b"PK\x01\x02");
    for number in [3 << 8 | 45, 45, flags(item), item.method, 0, 0] {
        to.extend(number.to_le_bytes());
    }
    to.extend(sizes.crc.to_le_bytes());
    for size in [sizes.packed, sizes.unpacked] {
        to.extend(if item.zip64 { u32::MAX } else { size as u32 }.to_le_bytes());
    }
    to.extend((item.name.len() as u16).to_le_bytes());
    to.extend(if item.zip64 { 28u16 } else { 0 }.to_le_bytes());
    to.extend([0; 6]);
    to.extend(item.attributes.to_le_bytes());
    to.extend(if item.zip64 { u32::MAX } else { offset as u32 }.to_le_bytes());
    to.extend(&item.name);
    if item.zip64 {
        wide_field(&[sizes.unpacked, sizes.packed, offset], to);
    }
}

fn wide_field(numbers: &[u64], to: &mut Vec<u8>) {
    to.extend(1u16.to_le_bytes());
    to.extend((numbers.len() as u16 * 8).to_le_bytes());
    numbers.iter().for_each(|number| to.extend(number.to_le_bytes()));
}

fn end(start: u64, size: u64, count: u64, zip64: bool, to: &mut Vec<u8>) {
    if zip64 {
        let place = to.len() as u64;
        to.extend(b"PK\x06\x06");
        to.extend(44u64.to_le_bytes());
        to.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        [count, count, size, start].iter().for_each(|number| to.extend(number.to_le_bytes()));
        to.extend(b"PK\x06\x07\0\0\0\0");
        to.extend(place.to_le_bytes());
        to.extend(1u32.to_le_bytes());
    }
    to.extend(b"PK\x05\x06\0\0\0\0");
    [count, count].iter().for_each(|number| to.extend((*number as u16).to_le_bytes()));
    [size, start].iter().for_each(|number| to.extend((*number as u32).to_le_bytes()));
    to.extend([0, 0]);
}
