//! States as bytes: an envelope that says what they are, and the primitives they are written with.
//!
//! An encoded sketch is `kind (1 byte) · version (1 byte) · seed (8 bytes) · parameters and state`. Integers are little
//! endian or, where small ones are usual, LEB128 ([`Writer::uint`]). The same state has the same bytes, and decoding
//! then encoding gives the bytes back: what would decode to the same state from other bytes (an overlong integer, an
//! unsorted list) is refused.
//!
//! **Hostile bytes** give an [`Error`], never a panic, and never an allocation of more than a small multiple of the
//! bytes given: a length is compared with what is left before anything is reserved ([`Reader::length`]).
//!
//! Other crates write their own states with the same [`Writer`] and [`Reader`], and sketches inside them by
//! [`Writer::sketch`] and [`Reader::sketch`]. Kinds below 64 are of this crate.

use crate::hash::SEED;

/// Why bytes were not taken as a state, or two states not merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes are of another kind of state.
    #[error("state of kind {found}, expected kind {expected}")]
    Kind {
        /// The kind asked for.
        expected: u8,
        /// The kind the bytes name.
        found: u8,
    },
    /// The bytes are of a version that this program does not read.
    #[error("state of version {found}, expected version {expected}")]
    Version {
        /// The version this program writes.
        expected: u8,
        /// The version the bytes name.
        found: u8,
    },
    /// The state was made with another hash.
    #[error("state made with another hash seed")]
    Seed,
    /// A parameter out of its range, or two states of different parameters.
    #[error("state with other parameters: {0}")]
    Parameters(&'static str),
    /// The bytes end inside the state.
    #[error("state is cut short")]
    Truncated,
    /// Bytes are left after the state.
    #[error("bytes after the state")]
    Trailing,
    /// A length beyond what can be there.
    #[error("state names an impossible length")]
    Length,
    /// Values that no state of this kind has.
    #[error("state is not consistent: {0}")]
    Invalid(&'static str),
}

/// A state with versioned bytes.
pub trait Codec: Sized {
    /// The kind in the envelope. Below 64: of this crate.
    const KIND: u8;
    /// The version in the envelope, raised with every change of the layout.
    const VERSION: u8;

    /// Writes parameters and state, without the envelope. Equal states write equal bytes.
    fn write(&self, writer: &mut Writer);

    /// Reads what [`Codec::write`] wrote.
    ///
    /// # Errors
    /// For bytes that `write` cannot have written.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Error>;

    /// The state with its envelope.
    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.sketch(self);
        writer.into_bytes()
    }

    /// The state of [`Codec::encode`].
    ///
    /// # Errors
    /// For another kind, version, seed or parameters out of range, and for bytes cut short, too long or inconsistent.
    fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        let state = reader.sketch()?;
        reader.end()?;
        Ok(state)
    }
}

/// Appends values to bytes.
#[derive(Debug, Default, Clone)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Two bytes, little endian.
    pub fn u16(&mut self, value: u16) {
        self.raw(&value.to_le_bytes());
    }

    /// Four bytes, little endian.
    pub fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    /// Eight bytes, little endian: for hashes.
    pub fn u64(&mut self, value: u64) {
        self.raw(&value.to_le_bytes());
    }

    /// Eight bytes, little endian, two's complement.
    pub fn i64(&mut self, value: i64) {
        self.raw(&value.to_le_bytes());
    }

    /// Sixteen bytes, little endian, two's complement.
    pub fn i128(&mut self, value: i128) {
        self.raw(&value.to_le_bytes());
    }

    /// The bits of a float, so that every one, NaN and -0 too, comes back as it was.
    pub fn f64(&mut self, value: f64) {
        self.u64(value.to_bits());
    }

    /// LEB128: for counts and lengths.
    pub fn uint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// A length, read by [`Reader::length`].
    pub fn length(&mut self, length: usize) {
        self.uint(length as u64);
    }

    /// A length and that many bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.raw(bytes);
    }

    /// A length and the bytes of a text.
    pub fn str(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Bytes alone; the reader must know how many.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A state with its envelope.
    pub fn sketch<S: Codec>(&mut self, sketch: &S) {
        self.u8(S::KIND);
        self.u8(S::VERSION);
        self.u64(SEED);
        sketch.write(self);
    }

    /// A mark, and the state if there is one.
    pub fn optional_sketch<S: Codec>(&mut self, sketch: Option<&S>) {
        self.u8(u8::from(sketch.is_some()));
        if let Some(sketch) = sketch {
            self.sketch(sketch);
        }
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Takes values from bytes in the order they were written.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of all of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Refuses bytes that are left over.
    ///
    /// # Errors
    /// [`Error::Trailing`].
    pub fn end(&self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::Trailing) }
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`], as of all the readers below.
    pub fn raw(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`Error::Truncated`].
    pub fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    /// Two bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`].
    pub fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`].
    pub fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`].
    pub fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    /// Eight bytes, two's complement.
    ///
    /// # Errors
    /// [`Error::Truncated`].
    pub fn i64(&mut self) -> Result<i64, Error> {
        self.array().map(i64::from_le_bytes)
    }

    /// Sixteen bytes, two's complement.
    ///
    /// # Errors
    /// [`Error::Truncated`].
    pub fn i128(&mut self) -> Result<i128, Error> {
        self.array().map(i128::from_le_bytes)
    }

    /// The bits of a float, any float.
    ///
    /// # Errors
    /// [`Error::Truncated`].
    pub fn f64(&mut self) -> Result<f64, Error> {
        self.u64().map(f64::from_bits)
    }

    /// A float that is neither infinite nor NaN.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Invalid`].
    pub fn finite(&mut self) -> Result<f64, Error> {
        let value = self.f64()?;
        if value.is_finite() { Ok(value) } else { Err(Error::Invalid("a number is not finite")) }
    }

    /// LEB128 in its shortest form.
    ///
    /// # Errors
    /// [`Error::Truncated`]; [`Error::Invalid`] for more than 64 bits or a longer form than needed.
    pub fn uint(&mut self) -> Result<u64, Error> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                let shortest = shift == 0 || byte != 0;
                return if shortest { Ok(value) } else { Err(Error::Invalid("an integer is overlong")) };
            }
        }
        Err(Error::Invalid("an integer has more than 64 bits"))
    }

    /// A number of items that take at least `item_bytes_min` bytes each, so that no more is reserved than can be there.
    ///
    /// # Errors
    /// [`Error::Length`] if they cannot be in the bytes left; [`Error::Truncated`], [`Error::Invalid`].
    pub fn length(&mut self, item_bytes_min: usize) -> Result<usize, Error> {
        let length = usize::try_from(self.uint()?).map_err(|_| Error::Length)?;
        let bytes = length.checked_mul(item_bytes_min.max(1)).ok_or(Error::Length)?;
        if bytes <= self.rest.len() { Ok(length) } else { Err(Error::Length) }
    }

    /// A length and that many bytes.
    ///
    /// # Errors
    /// As of [`Reader::length`].
    pub fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let length = self.length(1)?;
        self.raw(length)
    }

    /// A length and that many bytes of UTF-8.
    ///
    /// # Errors
    /// As of [`Reader::length`]; [`Error::Invalid`] for other bytes than UTF-8.
    pub fn str(&mut self) -> Result<&'a str, Error> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Error::Invalid("a text is not UTF-8"))
    }

    /// A state with its envelope.
    ///
    /// # Errors
    /// As of [`Codec::decode`], except [`Error::Trailing`].
    pub fn sketch<S: Codec>(&mut self) -> Result<S, Error> {
        let found = self.u8()?;
        if found != S::KIND {
            return Err(Error::Kind { expected: S::KIND, found });
        }
        let found = self.u8()?;
        if found != S::VERSION {
            return Err(Error::Version { expected: S::VERSION, found });
        }
        if self.u64()? != SEED {
            return Err(Error::Seed);
        }
        S::read(self)
    }

    /// What [`Writer::optional_sketch`] wrote.
    ///
    /// # Errors
    /// As of [`Reader::sketch`]; [`Error::Invalid`] for a mark that is neither 0 nor 1.
    pub fn optional_sketch<S: Codec>(&mut self) -> Result<Option<S>, Error> {
        match self.u8()? {
            0 => Ok(None),
            1 => self.sketch().map(Some),
            _ => Err(Error::Invalid("a mark is neither 0 nor 1")),
        }
    }
}
