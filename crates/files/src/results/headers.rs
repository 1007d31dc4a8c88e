//! The records of a zip around its members (PKWARE's APPNOTE 6.3, sections 4.3.7 and 4.3.12 to 4.3.16), as bytes.
//!
//! All that could vary is fixed: the moment is the first a zip can hold (1980-01-01), the maker Unix with version 4.5,
//! the mode 0644, names UTF-8 (flag bit 11), no comments, no extra field but that of zip64, and that only where a size
//! or an offset does not fit 32 bits. Sizes and checksum stand in the local header, so there are no data descriptors.

/// What the records say about one member.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub name: String,
    pub method: Method,
    pub crc32: u32,
    pub packed_bytes: u64,
    pub bytes: u64,
    /// Where its local header begins in the zip.
    pub offset: u64,
}

/// Compression method as zips number it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Method {
    Stored = 0,
    Deflated = 8,
}

/// From here on a size or offset moves to the zip64 field.
const LIMIT_32: u64 = 0xffff_ffff;
const LIMIT_16: u64 = 0xffff;
const MADE_BY_UNIX_45: u16 = 0x032d;
const NEEDS_20: u16 = 20;
const NEEDS_45: u16 = 45;
const UTF_8_NAME: u16 = 1 << 11;
const MIDNIGHT: u16 = 0;
const FIRST_OF_JANUARY_1980: u16 = 0x21;
const REGULAR_FILE_0644: u32 = 0o100_644 << 16;
const ZIP64_FIELD: u16 = 1;

impl Record {
    /// The local header, which comes right before the packed bytes.
    pub(super) fn local_header(&self) -> Vec<u8> {
        // In a local header the field holds both sizes or is absent.
        let wide = self.bytes >= LIMIT_32 || self.packed_bytes >= LIMIT_32;
        let extra = if wide { zip64_field(&[self.bytes, self.packed_bytes]) } else { Vec::new() };
        let mut out = Bytes::new(0x0403_4b50);
        out.u16(if wide { NEEDS_45 } else { NEEDS_20 });
        self.shared(&mut out, if wide { LIMIT_32 } else { 0 });
        out.u16(short(self.name.len()));
        out.u16(short(extra.len()));
        out.0.extend_from_slice(self.name.as_bytes());
        out.0.extend_from_slice(&extra);
        out.0
    }

    /// The entry of the central directory.
    pub(super) fn central_header(&self) -> Vec<u8> {
        // Here the field holds just what does not fit, in this order.
        let values = [self.bytes, self.packed_bytes, self.offset];
        let wide: Vec<u64> = values.into_iter().filter(|&value| value >= LIMIT_32).collect();
        let extra = if wide.is_empty() { Vec::new() } else { zip64_field(&wide) };
        let mut out = Bytes::new(0x0201_4b50);
        out.u16(MADE_BY_UNIX_45);
        out.u16(if wide.is_empty() { NEEDS_20 } else { NEEDS_45 });
        self.shared(&mut out, 0);
        out.u16(short(self.name.len()));
        out.u16(short(extra.len()));
        out.u16(0); // comment
        out.u16(0); // disk
        out.u16(0); // internal attributes
        out.u32(REGULAR_FILE_0644);
        out.u32(narrow(self.offset));
        out.0.extend_from_slice(self.name.as_bytes());
        out.0.extend_from_slice(&extra);
        out.0
    }

    /// The fields that both headers have; sizes are at least `size_min`.
    fn shared(&self, out: &mut Bytes, size_min: u64) {
        out.u16(UTF_8_NAME);
        out.u16(self.method as u16);
        out.u16(MIDNIGHT);
        out.u16(FIRST_OF_JANUARY_1980);
        out.u32(self.crc32);
        out.u32(narrow(self.packed_bytes.max(size_min)));
        out.u32(narrow(self.bytes.max(size_min)));
    }
}

/// The records that close a zip whose central directory of `entries` lies at `offset` and takes `bytes`.
pub(super) fn end(entries: u64, offset: u64, bytes: u64) -> Vec<u8> {
    let mut out = Vec::new();
    if entries >= LIMIT_16 || offset >= LIMIT_32 || bytes >= LIMIT_32 {
        let mut wide = Bytes::new(0x0606_4b50);
        wide.u64(44); // bytes of this record after this field
        wide.u16(MADE_BY_UNIX_45);
        wide.u16(NEEDS_45);
        wide.u32(0); // disk
        wide.u32(0); // disk of the directory
        wide.u64(entries);
        wide.u64(entries);
        wide.u64(bytes);
        wide.u64(offset);
        out.append(&mut wide.0);
        let mut locator = Bytes::new(0x0706_4b50);
        locator.u32(0); // disk
        locator.u64(offset + bytes);
        locator.u32(1); // disks
        out.append(&mut locator.0);
    }
    let mut last = Bytes::new(0x0605_4b50);
    last.u16(0); // disk
    last.u16(0); // disk of the directory
    last.u16(entries.min(LIMIT_16) as u16);
    last.u16(entries.min(LIMIT_16) as u16);
    last.u32(narrow(bytes));
    last.u32(narrow(offset));
    last.u16(0); // comment
    out.append(&mut last.0);
    out
}

fn zip64_field(values: &[u64]) -> Vec<u8> {
    let mut out = Bytes(Vec::new());
    out.u16(ZIP64_FIELD);
    out.u16(short(8 * values.len()));
    values.iter().for_each(|&value| out.u64(value));
    out.0
}

/// The value, or the mark that says it stands in the zip64 field.
fn narrow(value: u64) -> u32 {
    value.min(LIMIT_32) as u32
}

/// Lengths here are bounded: a name by [`super::Member::create`], a field by its three values.
fn short(len: usize) -> u16 {
    len as u16
}

/// A record in the making; zips are little-endian.
struct Bytes(Vec<u8>);

impl Bytes {
    fn new(signature: u32) -> Self {
        Self(signature.to_le_bytes().to_vec())
    }

    fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;
    use std::os::unix::fs::FileExt;

    const GIB: u64 = 1 << 30;

    fn record(name: &str, bytes: u64, packed_bytes: u64, offset: u64) -> Record {
        Record { name: name.to_owned(), method: Method::Deflated, crc32: 7, packed_bytes, bytes, offset }
    }

    fn u16_at(bytes: &[u8], at: usize) -> u16 {
        u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
    }

    fn u32_at(bytes: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
    }

    fn u64s(bytes: &[u8]) -> Vec<u64> {
        bytes.chunks(8).map(|value| u64::from_le_bytes(value.try_into().unwrap())).collect()
    }

    #[test]
    fn local_headers_move_both_sizes_to_the_zip64_field_or_neither() {
        let limit = LIMIT_32;
        for (bytes, packed, wide) in
            [(5, 3, false), (limit - 1, limit - 1, false), (limit, 3, true), (5, limit, true), (9 * GIB, 8 * GIB, true)]
        {
            let header = record("a.csv", bytes, packed, 0).local_header();
            assert_eq!(u16_at(&header, 4), if wide { 45 } else { 20 });
            let (shown_packed, shown) = (u32_at(&header, 18), u32_at(&header, 22));
            if wide {
                assert_eq!((shown_packed, shown), (u32::MAX, u32::MAX));
                assert_eq!((u16_at(&header, 28), u16_at(&header, 35), u16_at(&header, 37)), (20, 1, 16));
                assert_eq!(u64s(&header[39..]), [bytes, packed]);
            } else {
                assert_eq!((u64::from(shown_packed), u64::from(shown)), (packed, bytes));
                assert_eq!((u16_at(&header, 28), header.len()), (0, 35));
            }
        }
    }

    #[test]
    fn central_headers_move_just_what_does_not_fit() {
        let limit = LIMIT_32;
        for (bytes, packed, offset, expected) in [
            (5, 3, 9, vec![]),
            (limit - 1, limit - 1, limit - 1, vec![]),
            (limit, 3, 9, vec![limit]),
            (limit + 1, limit, 9, vec![limit + 1, limit]),
            (5, 3, 6 * GIB, vec![6 * GIB]),
            (7 * GIB, 5 * GIB, 6 * GIB, vec![7 * GIB, 5 * GIB, 6 * GIB]),
        ] {
            let header = record("a.csv", bytes, packed, offset).central_header();
            let shown = [u32_at(&header, 24), u32_at(&header, 20), u32_at(&header, 42)];
            let mut wide = expected.iter();
            for (value, shown) in [bytes, packed, offset].into_iter().zip(shown) {
                let read = if shown == u32::MAX { *wide.next().unwrap() } else { u64::from(shown) };
                assert_eq!(read, value);
            }
            let field = &header[46 + 5..];
            assert_eq!(field.len(), usize::from(u16_at(&header, 30)));
            assert_eq!(u64s(field.get(4..).unwrap_or_default()), expected);
        }
    }

    #[test]
    fn the_end_is_zip64_just_when_something_does_not_fit() {
        assert_eq!(end(3, 100, 50).len(), 22);
        for (entries, offset, bytes) in [(LIMIT_16, 9, 9), (3, LIMIT_32, 9), (3, 9, LIMIT_32)] {
            let records = end(entries, offset, bytes);
            assert_eq!(records.len(), 56 + 20 + 22);
            assert_eq!(u64s(&records[24..56]), [entries, entries, bytes, offset]);
            assert_eq!(u64s(&records[64..72]), [offset + bytes]);
        }
    }

    /// A zip of which only the headers are real: its first member is a hole of 5 GiB in the file.
    #[test]
    fn a_zip_beyond_four_gibibytes_is_read_back() {
        let file = tempfile::tempfile().unwrap();
        let big = Record { method: Method::Stored, ..record("big.bin", 5 * GIB, 5 * GIB, 0) };
        let header = big.local_header();
        file.write_all_at(&header, 0).unwrap();
        let at = header.len() as u64 + big.packed_bytes;
        let small = Record { method: Method::Stored, ..record("small.txt", 5, 5, at) };
        let tail = [small.local_header(), b"hello".to_vec()].concat();
        let directory = [big.central_header(), small.central_header()].concat();
        let directory_at = at + tail.len() as u64;
        let end = end(2, directory_at, directory.len() as u64);
        file.write_all_at(&[tail, directory, end].concat(), at).unwrap();

        assert_eq!(read_back(file), [("big.bin".to_owned(), 5 * GIB), ("small.txt".to_owned(), 5)]);
    }

    /// Names and sizes of a zip; what is small must be `hello`.
    fn read_back(file: File) -> Vec<(String, u64)> {
        let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
        let archive = rawzip::ZipArchive::from_file(file, &mut buffer).unwrap();
        let mut found = Vec::new();
        let mut entries = archive.entries(&mut buffer);
        while let Some(entry) = entries.next_entry().unwrap() {
            let name = String::from_utf8(entry.file_path().as_ref().to_vec()).unwrap();
            let bytes = entry.uncompressed_size_hint();
            assert_eq!(entry.compressed_size_hint(), bytes);
            if bytes < 100 {
                let mut text = String::new();
                archive.get_entry(entry.wayfinder()).unwrap().reader().read_to_string(&mut text).unwrap();
                assert_eq!(text, "hello");
            }
            found.push((name, bytes));
        }
        found
    }
}
