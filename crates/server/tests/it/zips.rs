//! Zips made by hand: stored entries, and the flaws that are refused.

pub struct ZipEntry {
    name: &'static str,
    content: Vec<u8>,
    flags: u16,
}

pub fn entry(name: &'static str, content: &str) -> ZipEntry {
    ZipEntry { name, content: content.as_bytes().to_vec(), flags: 0 }
}

pub fn encrypted(name: &'static str) -> ZipEntry {
    ZipEntry { name, content: vec![7; 40], flags: 1 }
}

pub fn zip(entries: &[ZipEntry]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = out.len() as u32;
        let mut fields = Vec::new();
        fields.extend(20u16.to_le_bytes());
        fields.extend(entry.flags.to_le_bytes());
        fields.extend([0; 6]);
        fields.extend(crc32(&entry.content).to_le_bytes());
        fields.extend((entry.content.len() as u32).to_le_bytes());
        fields.extend((entry.content.len() as u32).to_le_bytes());
        fields.extend((entry.name.len() as u16).to_le_bytes());
        fields.extend([0; 2]);
        out.extend(b"PK\x03\x04");
        out.extend(&fields);
        out.extend(entry.name.as_bytes());
        out.extend(&entry.content);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(entry.name.as_bytes());
    }
    let (start, count) = (out.len() as u32, (entries.len() as u16).to_le_bytes());
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    };
    !bytes.iter().fold(u32::MAX, step)
}

/// The guide's own sample of workers' compensation.
pub fn sample() -> Vec<u8> {
    let insured = include_str!("../../../../testdata/samples/insureright/insured.psv");
    let class = include_str!("../../../../testdata/samples/insureright/class.psv");
    zip(&[entry("insured.psv", insured), entry("class.psv", class)])
}

/// Taken at the door, refused by the batch: a required relation has no file.
pub fn without_class() -> Vec<u8> {
    let insured = include_str!("../../../../testdata/samples/insureright/insured.psv");
    zip(&[entry("insured.psv", insured)])
}
