//! Tensors of the trace: shapes as usual, but every element is a [`Cell`]: a constant of the file, or the slot that
//! will hold it for a row.

use super::proto::{TensorMessage, utf8};
use super::{Refusal, Texts};

/// An element: known when the model is loaded, or computed for each row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    Is(f64),
    At(u32),
}

/// The type of a tensor's elements, which says how numbers are rounded to it. Every number is held as an `f64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Double,
    Whole {
        bits: u8,
        signed: bool,
    },
    Truth,
    /// Numbers of [`Texts`].
    Text,
}

/// int64.
pub(super) const LONG: Kind = Kind::Whole { bits: 64, signed: true };

/// Largest whole number that is exact here.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

impl Kind {
    /// By the number of ONNX's `TensorProto.DataType`.
    pub(super) fn of(data_type: i32) -> Result<Self, Refusal> {
        let whole = |bits, signed| Ok(Self::Whole { bits, signed });
        match data_type {
            1 => Ok(Self::Single),
            2 => whole(8, false),
            3 => whole(8, true),
            4 => whole(16, false),
            5 => whole(16, true),
            6 => whole(32, true),
            7 => whole(64, true),
            8 => Ok(Self::Text),
            9 => Ok(Self::Truth),
            11 => Ok(Self::Double),
            12 => whole(32, false),
            13 => whole(64, false),
            other => Err(Refusal::unsupported(format!("tensor element type {other}"))),
        }
    }

    pub(super) fn is_float(self) -> bool {
        matches!(self, Self::Single | Self::Double)
    }

    pub(super) fn is_whole(self) -> bool {
        matches!(self, Self::Whole { .. })
    }

    /// The number as this type holds it. Whole numbers are cut towards zero and wrap; one that is no number stays none.
    pub(super) fn fit(self, x: f64) -> f64 {
        match self {
            Self::Single => f64::from(x as f32),
            Self::Double | Self::Text => x,
            Self::Truth => f64::from(u8::from(x != 0.0)),
            Self::Whole { .. } if x.is_nan() => x,
            Self::Whole { bits: 64, .. } => x.trunc(),
            Self::Whole { bits, signed } => {
                let size = f64::from(2.0_f32.powi(i32::from(bits)));
                let wrapped = x.trunc().rem_euclid(size);
                if signed && wrapped >= size / 2.0 { wrapped - size } else { wrapped }
            }
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Single => 4,
            Self::Double => 8,
            Self::Whole { bits, .. } => usize::from(bits / 8),
            Self::Truth => 1,
            Self::Text => 0,
        }
    }

    fn of_bytes(self, bytes: &[u8]) -> f64 {
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        let whole = u64::from_le_bytes(wide);
        match self {
            Self::Single => f64::from(f32::from_bits(whole as u32)),
            Self::Double => f64::from_bits(whole),
            Self::Whole { bits, signed: true } => {
                let unused = 64 - u32::from(bits);
                (((whole << unused) as i64) >> unused) as f64
            }
            _ => whole as f64,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    pub kind: Kind,
    pub shape: Vec<usize>,
    /// Row-major.
    pub cells: Vec<Cell>,
}

impl Tensor {
    pub(super) fn new(kind: Kind, shape: Vec<usize>, cells: Vec<Cell>) -> Self {
        Self { kind, shape, cells }
    }

    pub(super) fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The last axis, 1 for a scalar.
    pub(super) fn width(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// Its elements, where all are known.
    pub(super) fn constants(&self) -> Option<Vec<f64>> {
        let known = |cell: &Cell| match cell {
            Cell::Is(x) => Some(*x),
            Cell::At(_) => None,
        };
        self.cells.iter().map(known).collect()
    }

    /// Its elements as sizes, axes or indices.
    pub(super) fn whole(&self, what: &str) -> Result<Vec<i64>, Refusal> {
        let numbers = self.constants();
        let numbers = numbers.ok_or_else(|| Refusal::unsupported(format!("{what} that is computed from a row")))?;
        if !self.kind.is_whole() {
            return Err(Refusal::invalid(format!("{what} is not of whole numbers")));
        }
        Ok(numbers.into_iter().map(|x| x as i64).collect())
    }

    /// A tensor of the file.
    pub(super) fn read(message: &TensorMessage, texts: &mut Texts) -> Result<Self, Refusal> {
        if message.location != 0 || !message.external.is_empty() {
            return Err(Refusal::unsupported("a tensor in another file"));
        }
        let kind = Kind::of(message.data_type)?;
        let numbers = numbers(message, kind, texts)?;
        let dims = message.dims.iter().map(|dim| usize::try_from(*dim).ok()).collect::<Option<Vec<usize>>>();
        let shape = dims.ok_or_else(|| Refusal::invalid("a tensor has a negative size"))?;
        if count(&shape) != Some(numbers.len()) {
            return Err(Refusal::invalid("a tensor's elements do not fit its shape"));
        }
        if kind.is_whole() && numbers.iter().any(|x| x.abs() > WHOLE_MAX) {
            return Err(Refusal::unsupported("a whole number beyond 2^53"));
        }
        Ok(Self { kind, shape, cells: numbers.into_iter().map(Cell::Is).collect() })
    }
}

fn numbers(message: &TensorMessage, kind: Kind, texts: &mut Texts) -> Result<Vec<f64>, Refusal> {
    if kind == Kind::Text {
        return message.texts.iter().map(|text| Ok(texts.number(&utf8(text)?))).collect();
    }
    if let Some(raw) = message.raw.as_ref().filter(|raw| !raw.is_empty()) {
        let size = kind.bytes();
        return match raw.len().is_multiple_of(size) {
            true => Ok(raw.chunks_exact(size).map(|bytes| kind.of_bytes(bytes)).collect()),
            false => Err(Refusal::invalid("a tensor's bytes do not fit its type")),
        };
    }
    Ok(match kind {
        Kind::Single => message.floats.iter().map(|x| f64::from(*x)).collect(),
        Kind::Double => message.doubles.clone(),
        Kind::Whole { bits: 64, signed: true } => message.longs.iter().map(|x| *x as f64).collect(),
        Kind::Whole { bits: 32 | 64, signed: false } => message.naturals.iter().map(|x| *x as f64).collect(),
        _ => message.ints.iter().map(|x| f64::from(*x)).collect(),
    })
}

/// Elements of a shape, where that is a number at all.
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size))
}

/// An axis counted from the front.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, Refusal> {
    let signed = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    let found = signed.and_then(|axis| usize::try_from(axis).ok()).filter(|axis| *axis < rank);
    found.ok_or_else(|| Refusal::invalid(format!("axis {axis} of {rank}")))
}

/// The shape that two broadcast to.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, Refusal> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], at: usize| (at + shape.len()).checked_sub(rank).map_or(1, |at| shape[at]);
    let sizes = (0..rank).map(|at| match (size(a, at), size(b, at)) {
        (a, b) if a == b => Ok(a),
        (1, b) => Ok(b),
        (a, 1) => Ok(a),
        (a, b) => Err(Refusal::invalid(format!("sizes {a} and {b} do not go together"))),
    });
    sizes.collect()
}

/// Distances between neighbours along each axis.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1_usize; shape.len()];
    for at in (1..shape.len()).rev() {
        // A shape without elements may have sizes whose product is no number.
        strides[at - 1] = strides[at].saturating_mul(shape[at]);
    }
    strides
}

/// Call `each` with the index of every element of a shape, in order.
pub(super) fn indices(shape: &[usize], mut each: impl FnMut(&[usize])) {
    let mut index = vec![0; shape.len()];
    for _ in 0..count(shape).unwrap_or(0) {
        each(&index);
        for at in (0..shape.len()).rev() {
            index[at] += 1;
            if index[at] < shape[at] {
                break;
            }
            index[at] = 0;
        }
    }
}

/// The element of a shape that an index of the shape it is broadcast to means.
pub(super) fn place(shape: &[usize], index: &[usize]) -> usize {
    let skipped = index.len() - shape.len();
    let pairs = shape.iter().zip(&index[skipped..]);
    pairs.fold(0, |place, (size, at)| place * size + if *size == 1 { 0 } else { *at })
}
