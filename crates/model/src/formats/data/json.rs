//! JSON text (RFC 8259), with the NaN and infinities that Python and XGBoost write.

use std::borrow::Cow;

use super::{Broken, DEPTH_MAX, Data, Map, Value, twice};

/// Read a whole document.
pub(super) fn read(bytes: &[u8]) -> Result<Data<'_>, Broken> {
    let text = std::str::from_utf8(bytes).map_err(|error| Broken::new(error.valid_up_to(), "not UTF-8"))?;
    let mut reader = Reader { text, bytes, at: 0 };
    let data = reader.value(0)?;
    match reader.peek() {
        None => Ok(data),
        Some(_) => Err(reader.broken("something follows the end of the document")),
    }
}

/// The keys of the object that a text begins with, as far as it is well-formed. Escapes are left as they are.
pub(in crate::formats) fn top_keys(text: &[u8]) -> impl Iterator<Item = &str> {
    let (mut at, mut depth, mut is_key) = (0, 0_usize, false);
    std::iter::from_fn(move || {
        while let Some(byte) = text.get(at) {
            at += 1;
            match byte {
                b'{' | b'[' => (depth, is_key) = (depth + 1, *byte == b'{' && depth == 0),
                b'}' | b']' => depth = depth.checked_sub(1).filter(|depth| *depth > 0)?,
                b',' => is_key = depth == 1,
                b'"' => {
                    let start = at;
                    while *text.get(at)? != b'"' {
                        at += if text[at] == b'\\' { 2 } else { 1 };
                    }
                    at += 1;
                    if std::mem::replace(&mut is_key, false) {
                        return std::str::from_utf8(&text[start..at - 1]).ok();
                    }
                }
                _ => {}
            }
        }
        None
    })
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn broken(&self, message: impl Into<String>) -> Broken {
        Broken::new(self.at, message)
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Broken> {
        match self.peek() {
            Some(byte) if byte == wanted => {
                self.at += 1;
                Ok(())
            }
            _ => Err(self.broken(format!("no {:?} where JSON needs one", char::from(wanted)))),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Data<'a>, Broken> {
        if depth > DEPTH_MAX {
            return Err(self.broken(format!("nested deeper than {DEPTH_MAX}")));
        }
        let first = self.peek();
        let at = self.at;
        let value = match first {
            Some(b'{') => Value::Map(self.map(depth)?),
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            _ => self.word()?,
        };
        Ok(Data { at, value })
    }

    fn map(&mut self, depth: usize) -> Result<Map<'a>, Broken> {
        self.at += 1;
        let mut map = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(map);
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.broken("no key where JSON needs one"));
            }
            let key = self.string()?;
            self.expect(b':')?;
            map.push((key, self.value(depth + 1)?));
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => break self.expect(b'}')?,
            }
        }
        match twice(&map) {
            Some(data) => Err(Broken::new(data.at, "a key comes twice")),
            None => Ok(map),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value<'a>, Broken> {
        self.at += 1;
        let (mut numbers, mut list) = (Vec::new(), Vec::new());
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(list));
        }
        loop {
            match self.value(depth + 1)? {
                Data { value: Value::Number(number), .. } if list.is_empty() => numbers.push(number),
                data => {
                    let at = data.at;
                    list.extend(numbers.drain(..).map(|number| Data { at, value: Value::Number(number) }));
                    list.push(data);
                }
            }
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => break self.expect(b']')?,
            }
        }
        Ok(if list.is_empty() { Value::Numbers(numbers) } else { Value::List(list) })
    }

    /// A text; borrowed where it has no escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, Broken> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(_) => self.at += 1,
                None => return Err(Broken::new(start, "a text that does not end")),
            }
        }
        self.at += 1;
        if !escaped {
            return Ok(Cow::Borrowed(&self.text[start + 1..self.at - 1]));
        }
        let text: Result<String, _> = serde_json::from_str(&self.text[start..self.at]);
        text.map(Cow::Owned).map_err(|_| Broken::new(start, "a text with an escape that JSON does not know"))
    }

    fn word(&mut self) -> Result<Value<'a>, Broken> {
        let start = self.at;
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        while self.bytes.get(self.at).is_some_and(is_part) {
            self.at += 1;
        }
        match &self.text[start..self.at] {
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Flag(true)),
            "false" => Ok(Value::Flag(false)),
            word => match word.parse() {
                Ok(number) => Ok(Value::Number(number)),
                Err(_) => Err(Broken::new(start, "not a value of JSON")),
            },
        }
    }
}
