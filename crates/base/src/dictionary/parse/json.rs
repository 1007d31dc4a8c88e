//! Places in a JSON document, and what is wrong there.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::dictionary::Problem;

/// Bytes to JSON. A byte order mark is passed over; a property that comes twice is refused, because all but one of
/// its values would be lost.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let Unrepeated(value) = serde_json::from_slice(bytes)
        .map_err(|e| Problem { place: String::new(), message: format!("is not JSON: {e}") })?;
    Ok(value)
}

/// JSON whose objects name no property twice.
struct Unrepeated(Value);

impl<'de> Deserialize<'de> for Unrepeated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UnrepeatedVisitor).map(Self)
    }
}

struct UnrepeatedVisitor;

impl<'de> Visitor<'de> for UnrepeatedVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unrepeated(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let Unrepeated(value) = entries.next_value()?;
            if object.contains_key(&key) {
                return Err(de::Error::custom(format!("the property `{key}` comes twice in one object")));
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// A value of the document and where it is.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    place: String,
    value: &'a Value,
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { place: String::new(), value }
    }

    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    fn child(&self, step: &str, value: &'a Value) -> Self {
        let step = step.replace('~', "~0").replace('/', "~1");
        Self { place: format!("{}/{step}", self.place), value }
    }

    /// The property of that name, when this is an object that has it.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        self.value.get(key).map(|value| self.child(key, value))
    }

    /// The property of that name, which an object must have; what is no object has been reported before.
    pub(super) fn need(&self, key: &str, problems: &mut Problems) -> Option<Self> {
        let property = self.get(key);
        if property.is_none() && self.object(problems).is_some() {
            problems.add(self, format!("must have the property `{key}`"));
        }
        property
    }

    /// The properties, when this is an object, as it must be.
    pub(super) fn object(&self, problems: &mut Problems) -> Option<Vec<(&'a str, Self)>> {
        let Value::Object(object) = self.value else {
            problems.add(self, "must be an object");
            return None;
        };
        Some(object.iter().map(|(key, value)| (key.as_str(), self.child(key, value))).collect())
    }

    /// The members, when this is a list, as it must be.
    pub(super) fn list(&self, problems: &mut Problems) -> Vec<Self> {
        let Value::Array(list) = self.value else {
            problems.add(self, "must be a list");
            return Vec::new();
        };
        list.iter().enumerate().map(|(at, value)| self.child(&at.to_string(), value)).collect()
    }

    /// The members of a list that must have some.
    pub(super) fn filled_list(&self, problems: &mut Problems) -> Vec<Self> {
        if self.value.as_array().is_some_and(Vec::is_empty) {
            problems.add(self, "must not be empty");
        }
        self.list(problems)
    }

    /// The text, as this must be.
    pub(super) fn text(&self, problems: &mut Problems) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            problems.add(self, "must be text");
        }
        text
    }

    /// The text of a property, when there is such a property.
    pub(super) fn text_at(&self, key: &str, problems: &mut Problems) -> Option<String> {
        self.get(key)?.text(problems).map(str::to_owned)
    }

    /// Whether the property is there and true.
    pub(super) fn flag_at(&self, key: &str, default: bool, problems: &mut Problems) -> bool {
        let Some(node) = self.get(key) else { return default };
        node.value.as_bool().unwrap_or_else(|| {
            problems.add(&node, "must be true or false");
            default
        })
    }
}

/// All that is wrong with a descriptor.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    /// A sentence without its subject, which is the place. What was said before of the same place is not repeated.
    pub(super) fn add(&mut self, node: &Node<'_>, message: impl Into<String>) {
        let problem = Problem { place: node.place.clone(), message: message.into() };
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    /// The problems in the order in which their places come in the document.
    pub(super) fn in_order_of(mut self, root: &Value) -> Vec<Problem> {
        self.0.sort_by_cached_key(|problem| position(root, &problem.place));
        self.0
    }
}

/// At each step of a JSON pointer, how many members of the object or list come before.
fn position(root: &Value, place: &str) -> Vec<usize> {
    let mut at = Some(root);
    let steps = place.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    let index = |step: String| {
        let (index, next) = match at {
            Some(Value::Object(object)) => (object.keys().position(|key| *key == step), object.get(&step)),
            Some(Value::Array(list)) => {
                let index = step.parse().ok();
                (index, index.and_then(|index: usize| list.get(index)))
            }
            _ => (None, None),
        };
        at = next;
        index.unwrap_or(usize::MAX)
    };
    steps.map(index).collect()
}
