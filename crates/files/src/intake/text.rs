//! From the bytes of a file to text: which encoding it has, and reading it as UTF-8.
//!
//! UTF-16 becomes UTF-8 while it is read, so that all that follows works on bytes that extend ASCII; a lone surrogate
//! becomes the byte [`LONE_SURROGATE`], which UTF-8 never holds, and is told by [`decode`]. UTF-8 and Windows-1252 pass
//! as they are and are decoded block by block on the workers. Cost: one validation of each block, a copy only where
//! bytes change.

use super::IntakeError;
use super::dialect::{Encoding, HowKnown};
use super::source::Source;
use super::views::SLACK;
use super::walk::{self, Syntax};
use bordereau_base::refusal::RefusalCode;
use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The first bytes of a file, on which everything assumed of it rests.
pub(crate) const WINDOW_BYTES: usize = 256 << 10;

/// Stands for a lone surrogate of UTF-16 until its row is decoded.
const LONE_SURROGATE: u8 = 0xff;

const CHUNK_BYTES: usize = 64 << 10;

/// Bytes of a text file, those of UTF-16 as UTF-8, without byte order mark.
#[derive(Debug)]
pub(crate) struct TextSource {
    source: Source,
    utf16: Option<Utf16>,
}

#[derive(Debug)]
struct Utf16 {
    decoder: Decoder,
    ended: bool,
}

/// How a file is opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) text: TextSource,
    /// The text of the first window.
    pub(crate) window: Vec<u8>,
    /// Whether the window is all there is.
    pub(crate) whole: bool,
    pub(crate) encoding: Encoding,
    pub(crate) known_by: HowKnown,
    pub(crate) byte_order_mark: bool,
}

impl TextSource {
    /// Reads the first window of `source` and finds out its encoding.
    pub(crate) fn open(mut source: Source) -> Result<Opened, IntakeError> {
        let (raw, whole) = read_window(&mut source)?;
        let Some(found) = find_encoding(&raw, whole) else {
            let message = format!("{} is not text in UTF-8, UTF-16 or Windows-1252", source.name());
            return Err(IntakeError::refused(RefusalCode::UnreadableText, message));
        };
        let decoder = match found.encoding {
            Encoding::Utf16Le => Some(UTF_16LE.new_decoder_without_bom_handling()),
            Encoding::Utf16Be => Some(UTF_16BE.new_decoder_without_bom_handling()),
            Encoding::Utf8 | Encoding::Windows1252 => None,
        };
        let mut utf16 = decoder.map(|decoder| Utf16 { decoder, ended: false });
        let mut window = raw;
        window.drain(..found.mark_bytes);
        if let Some(utf16) = &mut utf16 {
            let mut text = Vec::new();
            utf16.decode(&window, whole, &mut text);
            window = text;
        }
        Ok(Opened {
            text: Self { source, utf16 },
            window,
            whole,
            encoding: found.encoding,
            known_by: found.known_by,
            byte_order_mark: found.mark_bytes > 0,
        })
    }

    pub(crate) fn name(&self) -> &str {
        self.source.name()
    }

    /// Unpacked bytes read so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.source.bytes()
    }

    /// Appends up to about `room` bytes, at least one unless the file has ended; false when it has.
    pub(crate) fn append(&mut self, text: &mut Vec<u8>, room: usize) -> Result<bool, IntakeError> {
        let Some(utf16) = &mut self.utf16 else {
            let before = text.len();
            text.resize(before + room.max(1), 0);
            let read = self.source.read(&mut text[before..]);
            text.truncate(before + *read.as_ref().unwrap_or(&0));
            return Ok(read? > 0);
        };
        let before = text.len();
        let mut raw = [0; CHUNK_BYTES];
        while text.len() == before && !utf16.ended {
            let read = self.source.read(&mut raw)?;
            utf16.decode(&raw[..read], read == 0, text);
        }
        Ok(text.len() > before)
    }
}

impl Utf16 {
    fn decode(&mut self, mut raw: &[u8], last: bool, text: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        let mut filled = text.len();
        // Three bytes of UTF-8 for each unit of UTF-16, and what the decoder may hold back. Once: a file of nothing but
        // lone surrogates comes by here for each of them.
        text.resize(filled + raw.len() / 2 * 3 + 16, 0);
        loop {
            let (result, read, written) =
                self.decoder.decode_to_utf8_without_replacement(raw, &mut text[filled..], last);
            filled += written;
            raw = &raw[read..];
            match result {
                DecoderResult::Malformed(..) => {
                    if filled == text.len() {
                        text.push(0);
                    }
                    text[filled] = LONE_SURROGATE;
                    filled += 1;
                }
                DecoderResult::OutputFull => text.resize(filled + raw.len() / 2 * 3 + 16, 0),
                DecoderResult::InputEmpty => break,
            }
        }
        text.truncate(filled);
        self.ended = last;
    }
}

fn read_window(source: &mut Source) -> Result<(Vec<u8>, bool), IntakeError> {
    let mut window = vec![0; WINDOW_BYTES];
    let mut filled = 0;
    while filled < WINDOW_BYTES {
        let read = source.read(&mut window[filled..])?;
        if read == 0 {
            window.truncate(filled);
            return Ok((window, true));
        }
        filled += read;
    }
    Ok((window, false))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FoundEncoding {
    encoding: Encoding,
    known_by: HowKnown,
    mark_bytes: usize,
}

/// `None` for UTF-32, which is not read.
fn find_encoding(window: &[u8], whole: bool) -> Option<FoundEncoding> {
    let marked = |encoding, mark_bytes| Some(FoundEncoding { encoding, known_by: HowKnown::ByteOrderMark, mark_bytes });
    match window {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return None,
        [0xef, 0xbb, 0xbf, ..] => return marked(Encoding::Utf8, 3),
        [0xff, 0xfe, ..] => return marked(Encoding::Utf16Le, 2),
        [0xfe, 0xff, ..] => return marked(Encoding::Utf16Be, 2),
        _ => {}
    }
    let encoding = utf16_by_nuls(window).unwrap_or_else(|| match std::str::from_utf8(window) {
        Ok(_) => Encoding::Utf8,
        // A character that the window cuts in two is no fault.
        Err(error) if error.error_len().is_none() && !whole => Encoding::Utf8,
        Err(_) => Encoding::Windows1252,
    });
    Some(FoundEncoding { encoding, known_by: HowKnown::Detected, mark_bytes: 0 })
}

/// Mostly ASCII text in UTF-16 has a NUL in most pairs of bytes, nearly always at the same place of it.
fn utf16_by_nuls(window: &[u8]) -> Option<Encoding> {
    let pairs = window[..window.len().min(1024)].as_chunks::<2>().0;
    let first = pairs.iter().filter(|pair| pair[0] == 0).count();
    let second = pairs.iter().filter(|pair| pair[1] == 0).count();
    let one_sided = |most: usize, least: usize| most * 2 > pairs.len() && least * 8 <= most;
    match (one_sided(second, first), one_sided(first, second)) {
        (true, _) => Some(Encoding::Utf16Le),
        (_, true) => Some(Encoding::Utf16Be),
        _ => None,
    }
}

/// The text of whole rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// [`SLACK`] spaces follow the rows.
    pub(crate) text: String,
    /// Places of the rows, counted from 0 and blank ones included, that hold bytes that are not text.
    pub(crate) undecodable: Vec<u64>,
    /// Rows of a UTF-8 file that were read as Windows-1252.
    pub(crate) windows_1252_rows: u64,
}

/// Decodes whole rows. The outcome for a row depends on its bytes and the encoding alone.
pub(crate) fn decode(bytes: Vec<u8>, encoding: Encoding, syntax: Syntax) -> Decoded {
    let mut decoded = match decode_at_once(bytes, encoding) {
        Ok(text) => Decoded { text, ..Decoded::default() },
        Err(bytes) => decode_by_row(&bytes, encoding, syntax),
    };
    decoded.text.extend(std::iter::repeat_n(' ', SLACK));
    decoded
}

/// The usual case: every row is text. Gives the bytes back when some may not be.
fn decode_at_once(bytes: Vec<u8>, encoding: Encoding) -> Result<String, Vec<u8>> {
    if memchr::memchr(0, &bytes).is_some() {
        return Err(bytes);
    }
    match encoding {
        Encoding::Utf8 | Encoding::Utf16Le | Encoding::Utf16Be => {
            String::from_utf8(bytes).map_err(|error| error.into_bytes())
        }
        Encoding::Windows1252 if bytes.is_ascii() => String::from_utf8(bytes).map_err(|error| error.into_bytes()),
        Encoding::Windows1252 if bytes.iter().any(|&byte| is_undefined(byte)) => Err(bytes),
        Encoding::Windows1252 => {
            let mut text = String::with_capacity(bytes.len() / 8 * 9 + SLACK);
            push_windows_1252(&bytes, &mut text);
            Ok(text)
        }
    }
}

fn decode_by_row(bytes: &[u8], encoding: Encoding, syntax: Syntax) -> Decoded {
    let mut decoded = Decoded { text: String::with_capacity(bytes.len() + SLACK), ..Decoded::default() };
    for (place, row) in walk::rows(bytes, syntax).enumerate() {
        let mut readable = !row.contains(&0);
        match (encoding, std::str::from_utf8(row)) {
            (Encoding::Utf8 | Encoding::Utf16Le | Encoding::Utf16Be, Ok(row)) => decoded.text.push_str(row),
            (Encoding::Utf16Le | Encoding::Utf16Be, Err(_)) => {
                readable = false;
                decoded.text.push_str(&String::from_utf8_lossy(row));
            }
            (Encoding::Utf8, Err(_)) => {
                decoded.windows_1252_rows += 1;
                readable &= !row.iter().any(|&byte| is_undefined(byte));
                push_windows_1252(row, &mut decoded.text);
            }
            (Encoding::Windows1252, _) => {
                readable &= !row.iter().any(|&byte| is_undefined(byte));
                push_windows_1252(row, &mut decoded.text);
            }
        }
        if !readable {
            decoded.undecodable.push(place as u64);
        }
    }
    decoded
}

fn push_windows_1252(bytes: &[u8], text: &mut String) {
    let (decoded, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
    text.push_str(&decoded);
}

/// Whether Windows-1252 leaves a byte undefined.
fn is_undefined(byte: u8) -> bool {
    matches!(byte, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d)
}

/// The text of a header row, and whether it was read as Windows-1252 although the file is UTF-8.
pub(crate) fn decode_header(
    name: &str,
    row: &[u8],
    encoding: Encoding,
    syntax: Syntax,
) -> Result<(String, bool), IntakeError> {
    let mut decoded = decode(row.to_vec(), encoding, syntax);
    if !decoded.undecodable.is_empty() {
        let message = format!("the header of {name} holds bytes that are not text");
        return Err(IntakeError::refused(RefusalCode::UnreadableText, message));
    }
    decoded.text.truncate(decoded.text.len() - SLACK);
    Ok((decoded.text, decoded.windows_1252_rows > 0))
}
