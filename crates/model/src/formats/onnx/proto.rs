//! The parts of ONNX's protocol buffers that are read, and nothing else.
//!
//! Messages inside messages stay bytes until they are asked for: an empty message costs two bytes of a file and here no
//! more than a slice, so the memory is a small multiple of the file whatever it claims. The buffer is shared, not
//! copied. Field numbers are those of `onnx.proto` (they never change within the format).

use prost::Message;
use prost::bytes::Bytes;

use super::Refusal;

/// Read a message; an error says which one is broken.
pub(super) fn decode<M: Message + Default>(bytes: &Bytes, what: &str) -> Result<M, Refusal> {
    M::decode(bytes.clone()).map_err(|_| Refusal::invalid(format!("{what} cannot be read as its message")))
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ModelMessage {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(string, tag = "2")]
    pub producer: String,
    #[prost(string, tag = "3")]
    pub producer_version: String,
    #[prost(bytes = "bytes", repeated, tag = "8")]
    pub opsets: Vec<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "7")]
    pub graph: Option<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "14")]
    pub properties: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "25")]
    pub functions: Vec<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct OpsetMessage {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PropertyMessage {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GraphMessage {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub nodes: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub initializers: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "11")]
    pub inputs: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "12")]
    pub outputs: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "15")]
    pub sparse_initializers: Vec<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct NodeMessage {
    #[prost(string, repeated, tag = "1")]
    pub inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub outputs: Vec<String>,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub operator: String,
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub attributes: Vec<Bytes>,
    #[prost(string, tag = "7")]
    pub domain: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AttributeMessage {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(float, optional, tag = "2")]
    pub float: Option<f32>,
    #[prost(int64, optional, tag = "3")]
    pub int: Option<i64>,
    #[prost(bytes = "bytes", optional, tag = "4")]
    pub text: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "5")]
    pub tensor: Option<Bytes>,
    #[prost(float, repeated, tag = "7")]
    pub floats: Vec<f32>,
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    #[prost(bytes = "bytes", repeated, tag = "9")]
    pub texts: Vec<Bytes>,
    #[prost(string, tag = "21")]
    pub reference: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TensorMessage {
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub floats: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    pub ints: Vec<i32>,
    #[prost(bytes = "bytes", repeated, tag = "6")]
    pub texts: Vec<Bytes>,
    #[prost(int64, repeated, tag = "7")]
    pub longs: Vec<i64>,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(bytes = "bytes", optional, tag = "9")]
    pub raw: Option<Bytes>,
    #[prost(double, repeated, tag = "10")]
    pub doubles: Vec<f64>,
    #[prost(uint64, repeated, tag = "11")]
    pub naturals: Vec<u64>,
    #[prost(bytes = "bytes", repeated, tag = "13")]
    pub external: Vec<Bytes>,
    #[prost(int32, tag = "14")]
    pub location: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ValueMessage {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub kind: Option<TypeMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TypeMessage {
    #[prost(message, optional, tag = "1")]
    pub tensor: Option<TensorTypeMessage>,
    #[prost(bytes = "bytes", optional, tag = "4")]
    pub sequence: Option<Bytes>,
    #[prost(message, optional, tag = "5")]
    pub map: Option<MapTypeMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TensorTypeMessage {
    #[prost(int32, tag = "1")]
    pub element: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<ShapeMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MapTypeMessage {
    #[prost(int32, tag = "1")]
    pub key: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ShapeMessage {
    #[prost(message, repeated, tag = "1")]
    pub dims: Vec<DimMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DimMessage {
    #[prost(int64, optional, tag = "1")]
    pub size: Option<i64>,
}

/// One attribute.
#[derive(Debug, Clone)]
pub(super) struct Attribute(AttributeMessage);

/// A node with its attributes read.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub name: String,
    pub operator: String,
    /// Empty for ai.onnx.
    pub domain: String,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    attributes: Vec<Attribute>,
}

impl Node {
    pub(super) fn read(bytes: &Bytes) -> Result<Self, Refusal> {
        let node: NodeMessage = decode(bytes, "a node")?;
        let attributes = node.attributes.iter().map(|bytes| Ok(Attribute(decode(bytes, "an attribute")?)));
        Ok(Self {
            attributes: attributes.collect::<Result<_, Refusal>>()?,
            domain: if node.domain == "ai.onnx" { String::new() } else { node.domain },
            name: node.name,
            operator: node.operator,
            inputs: node.inputs,
            outputs: node.outputs,
        })
    }

    /// How messages call it.
    pub(super) fn title(&self) -> String {
        let name = self.name.chars().take(60).collect::<String>();
        let domain = if self.domain.is_empty() { "ai.onnx" } else { &self.domain };
        format!("node {name:?} ({domain:.30}.{:.40})", self.operator)
    }

    fn find(&self, name: &str) -> Result<Option<&AttributeMessage>, Refusal> {
        let found = self.attributes.iter().map(|attribute| &attribute.0).find(|attribute| attribute.name == name);
        match found {
            Some(attribute) if !attribute.reference.is_empty() => {
                Err(Refusal::unsupported(format!("attribute {name} of a function")))
            }
            other => Ok(other),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|attribute| attribute.0.name == name)
    }

    pub(super) fn int(&self, name: &str, default: i64) -> Result<i64, Refusal> {
        Ok(self.find(name)?.map_or(default, |attribute| attribute.int.unwrap_or_default()))
    }

    pub(super) fn float(&self, name: &str, default: f32) -> Result<f32, Refusal> {
        Ok(self.find(name)?.map_or(default, |attribute| attribute.float.unwrap_or_default()))
    }

    pub(super) fn ints(&self, name: &str) -> Result<&[i64], Refusal> {
        Ok(self.find(name)?.map_or(&[], |attribute| &attribute.ints))
    }

    /// Numbers of single precision.
    pub(super) fn floats(&self, name: &str) -> Result<Vec<f64>, Refusal> {
        Ok(self.find(name)?.map_or(Vec::new(), |attribute| attribute.floats.iter().map(|x| f64::from(*x)).collect()))
    }

    pub(super) fn text(&self, name: &str, default: &str) -> Result<String, Refusal> {
        match self.find(name)? {
            None => Ok(default.to_owned()),
            Some(attribute) => utf8(attribute.text.as_deref().unwrap_or_default()),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Refusal> {
        self.find(name)?.map_or(Ok(Vec::new()), |attribute| attribute.texts.iter().map(|text| utf8(text)).collect())
    }

    pub(super) fn tensor(&self, name: &str) -> Result<Option<TensorMessage>, Refusal> {
        let bytes = self.find(name)?.and_then(|attribute| attribute.tensor.as_ref());
        bytes.map(|bytes| decode(bytes, name)).transpose()
    }
}

pub(super) fn utf8(bytes: &[u8]) -> Result<String, Refusal> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Refusal::invalid("a text is not UTF-8"))
}
