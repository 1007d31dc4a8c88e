//! The demo's two zips: the book on its way in, and a look into the results.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveWriter};

use super::book::Book;

/// Writes the book as a zip of two files.
///
/// # Errors
/// When the file cannot be written.
pub fn pack(book: Book, path: &Path) -> io::Result<()> {
    let mut archive = ZipArchiveWriter::new(BufWriter::new(File::create(path)?));
    entry(&mut archive, "insured.psv", |out| book.write_insureds(out))?;
    entry(&mut archive, "class.psv", |out| book.write_classes(out))?;
    archive.finish().map_err(io::Error::other)?.flush()
}

fn entry<W: Write>(
    archive: &mut ZipArchiveWriter<W>,
    name: &str,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let file = archive.new_file(name).compression_method(CompressionMethod::DEFLATE).start();
    let (mut entry, config) = file.map_err(io::Error::other)?;
    let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
    fill(&mut BufWriter::new(&mut writer) as &mut dyn Write)?;
    let (encoder, descriptor) = writer.finish().map_err(io::Error::other)?;
    encoder.finish()?;
    entry.finish(descriptor).map_err(io::Error::other)?;
    Ok(())
}

/// The first `bytes_max` bytes of one member of a zip; nothing when it has no such member.
///
/// # Errors
/// When the zip cannot be read.
pub fn member(path: &Path, name: &str, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(File::open(path)?, &mut buffer).map_err(io::Error::other)?;
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry().map_err(io::Error::other)? {
        if entry.file_path().as_ref() != name.as_bytes() {
            continue;
        }
        let method = entry.compression_method();
        let found = archive.get_entry(entry.wayfinder()).map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        match method {
            CompressionMethod::STORE => found.reader().take(bytes_max).read_to_end(&mut bytes)?,
            _ => DeflateDecoder::new(found.reader()).take(bytes_max).read_to_end(&mut bytes)?,
        };
        return Ok(Some(bytes));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_book_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.zip");
        let book = Book { insureds: 100, seed: 3 };
        pack(book, &path).unwrap();
        let mut expected = Vec::new();
        book.write_classes(&mut expected).unwrap();
        assert_eq!(member(&path, "class.psv", u64::MAX).unwrap(), Some(expected));
        assert_eq!(member(&path, "claim.psv", u64::MAX).unwrap(), None);
    }
}
