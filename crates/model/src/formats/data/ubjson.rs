//! UBJSON, draft 12, as XGBoost writes it: typed and counted containers, no high-precision numbers.

use std::borrow::Cow;

use super::{Broken, DEPTH_MAX, Data, Map, Value, twice};

/// Read a whole document.
pub(super) fn read(bytes: &[u8]) -> Result<Data<'_>, Broken> {
    let mut reader = Reader { bytes, at: 0 };
    let marker = reader.byte()?;
    let data = reader.value(marker, 0)?;
    match reader.at == bytes.len() {
        true => Ok(data),
        false => Err(reader.broken("something follows the end of the document")),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What stands before the elements of a container.
struct Head {
    /// The type of all elements.
    marker: Option<u8>,
    count: Option<usize>,
}

impl<'a> Reader<'a> {
    fn broken(&self, message: impl Into<String>) -> Broken {
        Broken::new(self.at, message)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Broken> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.broken("the document ends early"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// The next byte that is not padding.
    fn byte(&mut self) -> Result<u8, Broken> {
        loop {
            let [byte] = self.array()?;
            if byte != b'N' {
                return Ok(byte);
            }
        }
    }

    fn number(&mut self, marker: u8) -> Result<Option<f64>, Broken> {
        Ok(Some(match marker {
            b'i' => f64::from(i8::from_be_bytes(self.array()?)),
            b'U' => f64::from(u8::from_be_bytes(self.array()?)),
            b'I' => f64::from(i16::from_be_bytes(self.array()?)),
            b'l' => f64::from(i32::from_be_bytes(self.array()?)),
            b'L' => i64::from_be_bytes(self.array()?) as f64,
            b'd' => f64::from(f32::from_be_bytes(self.array()?)),
            b'D' => f64::from_be_bytes(self.array()?),
            _ => return Ok(None),
        }))
    }

    /// A length; at most as many as there are bytes left.
    fn length(&mut self) -> Result<usize, Broken> {
        let marker = self.byte()?;
        let length = match marker {
            b'i' | b'U' | b'I' | b'l' | b'L' => self.number(marker)?.and_then(super::whole),
            _ => None,
        };
        let left = self.bytes.len() - self.at;
        length.filter(|length| *length <= left).ok_or_else(|| self.broken("a length that is none or too large"))
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Broken> {
        let length = self.length()?;
        let at = self.at;
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| Broken::new(at, "not UTF-8"))?;
        Ok(Cow::Borrowed(text))
    }

    fn value(&mut self, marker: u8, depth: usize) -> Result<Data<'a>, Broken> {
        if depth > DEPTH_MAX {
            return Err(self.broken(format!("nested deeper than {DEPTH_MAX}")));
        }
        let at = self.at;
        let value = match marker {
            b'Z' => Value::Null,
            b'T' => Value::Flag(true),
            b'F' => Value::Flag(false),
            b'C' => Value::Text(Cow::Owned(char::from(self.array::<1>()?[0]).to_string())),
            b'S' => Value::Text(self.string()?),
            b'[' => self.list(depth)?,
            b'{' => Value::Map(self.map(depth)?),
            _ => match self.number(marker)? {
                Some(number) => Value::Number(number),
                None => return Err(self.broken(format!("the type {marker:#04x} is not known"))),
            },
        };
        Ok(Data { at, value })
    }

    fn head(&mut self) -> Result<Head, Broken> {
        let marker = match self.bytes.get(self.at) {
            Some(b'$') => {
                self.at += 1;
                Some(self.byte()?)
            }
            _ => None,
        };
        // Elements without bytes of their own would make a small file large.
        if let Some(marker @ (b'Z' | b'T' | b'F' | b'N')) = marker {
            return Err(self.broken(format!("a container of the type {:?}", char::from(marker))));
        }
        let count = match self.bytes.get(self.at) {
            Some(b'#') => {
                self.at += 1;
                Some(self.length()?)
            }
            _ if marker.is_some() => return Err(self.broken("a type without a count")),
            _ => None,
        };
        Ok(Head { marker, count })
    }

    /// Whether a container without a count ends here.
    fn ends(&mut self, end: u8) -> Result<bool, Broken> {
        let before = self.at;
        let ends = self.byte()? == end;
        if !ends {
            self.at = before;
        }
        Ok(ends)
    }

    fn list(&mut self, depth: usize) -> Result<Value<'a>, Broken> {
        let head = self.head()?;
        if let (Some(marker @ (b'i' | b'U' | b'I' | b'l' | b'L' | b'd' | b'D')), Some(count)) =
            (head.marker, head.count)
        {
            // A count is at most the bytes that are left, so this allocates eight times the file at most.
            let mut numbers = Vec::with_capacity(count);
            for _ in 0..count {
                numbers.extend(self.number(marker)?);
            }
            return Ok(Value::Numbers(numbers));
        }
        let (mut numbers, mut list) = (Vec::new(), Vec::new());
        let mut read = 0;
        while head.count.map_or_else(|| self.ends(b']').map(|ends| !ends), |count| Ok(read < count))? {
            read += 1;
            let marker = head.marker.map_or_else(|| self.byte(), Ok)?;
            match self.value(marker, depth + 1)? {
                Data { value: Value::Number(number), .. } if list.is_empty() => numbers.push(number),
                data => {
                    let at = data.at;
                    list.extend(numbers.drain(..).map(|number| Data { at, value: Value::Number(number) }));
                    list.push(data);
                }
            }
        }
        Ok(if numbers.is_empty() { Value::List(list) } else { Value::Numbers(numbers) })
    }

    fn map(&mut self, depth: usize) -> Result<Map<'a>, Broken> {
        let head = self.head()?;
        let mut map = Vec::new();
        while head.count.map_or_else(|| self.ends(b'}').map(|ends| !ends), |count| Ok(map.len() < count))? {
            let key = self.string()?;
            let marker = head.marker.map_or_else(|| self.byte(), Ok)?;
            map.push((key, self.value(marker, depth + 1)?));
        }
        match twice(&map) {
            Some(data) => Err(Broken::new(data.at, "a key comes twice")),
            None => Ok(map),
        }
    }
}
