//! The document as a tree of elements that know their line.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::{invalid, unsupported};
use crate::Error;

/// Deepest nesting accepted; it bounds recursion here, in expressions and when they are evaluated.
const DEPTH_MAX: usize = 256;

/// Most attributes of an element: each is compared with those before it.
const ATTRIBUTES_MAX: usize = 64;

#[derive(Debug, Default, Clone)]
pub(super) struct Element {
    /// Without a namespace prefix.
    pub name: String,
    attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    pub text: String,
    pub line: usize,
}

impl Element {
    /// The root of a document.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            invalid(1 + count_lines(&bytes[..error.valid_up_to()]), "not UTF-8, the only encoding that is read")
        })?;
        let mut reader = Reader::from_str(text);
        let (mut line, mut counted) = (1, 0);
        let mut open = vec![Self::default()];
        loop {
            let event = reader.read_event();
            let at = usize::try_from(reader.buffer_position()).unwrap_or(counted).clamp(counted, bytes.len());
            let event = event.map_err(|error| invalid(line, format!("not well-formed: {error}")))?;
            match event {
                Event::Start(start) => {
                    if open.len() > DEPTH_MAX {
                        return Err(unsupported(line, format!("nesting deeper than {DEPTH_MAX}")));
                    }
                    open.push(Self::start(&start, line)?);
                }
                Event::Empty(start) => attach(&mut open, Self::start(&start, line)?),
                Event::End(_) => {
                    if let Some(element) = open.pop() {
                        attach(&mut open, element);
                    }
                }
                Event::Text(text) => append(&mut open, &text.xml10_content()),
                Event::CData(text) => append(&mut open, &text.xml10_content()),
                Event::GeneralRef(name) => {
                    let entity = format!("&{};", &*name);
                    let text = quick_xml::escape::unescape(&entity)
                        .map_err(|_| unsupported(line, "an entity that XML does not define"))?;
                    append(&mut open, &text);
                }
                Event::DocType(_) => return Err(unsupported(line, "a document type declaration")),
                Event::Eof => break,
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            }
            line += count_lines(&bytes[counted..at]);
            counted = at;
        }
        match (open.pop(), open.is_empty()) {
            (Some(mut document), true) if document.children.len() == 1 => Ok(document.children.remove(0)),
            _ => Err(invalid(line, "the document ends early or has not exactly one root")),
        }
    }

    fn start(start: &BytesStart<'_>, line: usize) -> Result<Self, Error> {
        let name = start.local_name().as_ref().to_owned();
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| invalid(line, format!("{name}: {error}")))?;
            if attributes.len() == ATTRIBUTES_MAX {
                return Err(unsupported(line, format!("{name}: more than {ATTRIBUTES_MAX} attributes")));
            }
            let key: &str = attribute.key.as_ref();
            if key == "xmlns" || key.starts_with("xmlns:") || key.starts_with("xsi:") {
                continue;
            }
            let key = key.to_owned();
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            attributes.push((key, value.map_err(|error| invalid(line, format!("{name}: {error}")))?.into_owned()));
        }
        Ok(Self { name, attributes, line, ..Self::default() })
    }

    pub(super) fn invalid(&self, message: impl std::fmt::Display) -> Error {
        invalid(self.line, format!("{}: {message}", self.name))
    }

    pub(super) fn unsupported(&self, message: impl std::fmt::Display) -> Error {
        unsupported(self.line, format!("{}: {message}", self.name))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn need(&self, name: &str) -> Result<&str, Error> {
        self.get(name).ok_or_else(|| self.invalid(format!("attribute {name} is missing")))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Error> {
        self.get(name).map(|text| self.parse_number(text, name)).transpose()
    }

    pub(super) fn parse_number(&self, text: &str, name: &str) -> Result<f64, Error> {
        match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(self.invalid(format!("{name} is not a finite number"))),
        }
    }

    /// One of a list of spellings, or the default.
    pub(super) fn one_of<'a>(&'a self, name: &str, known: &[&str], default: &'a str) -> Result<&'a str, Error> {
        let value = self.get(name).unwrap_or(default);
        match known.contains(&value) {
            true => Ok(value),
            false => Err(self.unsupported(format!("{name}={value:.40?}"))),
        }
    }

    /// Refuse attributes and children that are not known. `Extension` may be anywhere and means nothing.
    pub(super) fn only(&self, attributes: &[&str], children: &[&str]) -> Result<(), Error> {
        if let Some((name, _)) = self.attributes.iter().find(|(name, _)| !attributes.contains(&name.as_str())) {
            return Err(self.unsupported(format!("attribute {name:.40}")));
        }
        match self.children.iter().find(|child| child.name != "Extension" && !children.contains(&child.name.as_str())) {
            Some(child) => Err(child.unsupported(format!("inside {}", self.name))),
            None => Ok(()),
        }
    }

    /// The child of that name, if there is one.
    pub(super) fn child(&self, name: &str) -> Result<Option<&Self>, Error> {
        let mut found = self.children.iter().filter(|child| child.name == name);
        let first = found.next();
        match found.next() {
            Some(second) => Err(second.invalid(format!("comes twice in {}", self.name))),
            None => Ok(first),
        }
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The children that are not extensions.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(|child| child.name != "Extension")
    }
}

fn attach(open: &mut [Element], element: Element) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(element);
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn count_lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}
