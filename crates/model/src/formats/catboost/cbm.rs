//! The `cbm` file: four bytes, the length of the core, the core as a FlatBuffer, then parts that only models with
//! statistics of categories, texts or embeddings have.
//!
//! [`Flat`] reads the buffer by hand and never beyond it: offsets are followed by checked arithmetic, a vector's length
//! is held against the bytes that are left, and what is read in all against the size of the file. A field of
//! the trees that is not known is refused.

use super::{Ask, Category, Leaves, MAGIC, Next, Number, Plan, Source, Training, check_outputs, invalid, unsupported};
use std::sync::Arc;

use crate::Error;
use crate::Format;
use crate::formats::data::Document;

/// Fields of the core.
const VERSION: usize = 0;
const TREES: usize = 1;
const INFO: usize = 2;
const PARTS: usize = 3;

/// Fields of the trees, by their number in CatBoost's schema.
const DIMENSION: usize = 0;
const SPLITS: usize = 1;
const SIZES: usize = 2;
const CATEGORIES: usize = 4;
const NUMBERS: usize = 5;
const ONE_HOT: usize = 6;
const STATISTICS: usize = 7;
const LEAF_VALUES: usize = 8;
const LEAF_WEIGHTS: usize = 9;
const STEPS: usize = 10;
const NODE_LEAVES: usize = 11;
const TEXTS: usize = 12;
const ESTIMATED: usize = 13;
const SCALE: usize = 14;
const BIAS: usize = 15;
const BIASES: usize = 16;
const REPACKED: usize = 17;
const EMBEDDINGS: usize = 18;

pub(super) fn read(bytes: &[u8]) -> Result<Source, Error> {
    let short = || invalid("the file ends early");
    let size = bytes.get(MAGIC.len()..8).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes);
    let size = size.ok_or_else(short)? as usize;
    let flat = Flat(bytes.get(8..).and_then(|rest| rest.get(..size)).ok_or_else(short)?);
    let core = flat.table(0).ok_or_else(|| broken("the core"))?;
    let version = core.text(VERSION).ok_or_else(|| broken("FormatVersion"))?;
    if version != "FlabuffersModel_v1" {
        return Err(unsupported(format!("FormatVersion {version:.40?}")));
    }
    if core.length(PARTS).unwrap_or(0) > 0 {
        return Err(unsupported("a model with statistics of categories (CTR), texts or embeddings: ModelPartIds"));
    }
    let trees = core.table(TREES).ok_or_else(|| broken("the trees"))?;
    let kinds = [
        (STATISTICS, "statistics of categories (CTR; train with one_hot_max_size above the number of categories)"),
        (TEXTS, "text features"),
        (ESTIMATED, "estimated features"),
        (EMBEDDINGS, "embedding features"),
    ];
    if let Some((_, what)) = kinds.iter().find(|(field, _)| trees.length(*field).unwrap_or(0) > 0) {
        return Err(unsupported(format!("a model with {what}")));
    }
    if trees.fields() > REPACKED + 2 {
        return Err(unsupported("a field of the trees that newer versions have"));
    }
    let dimension = trees.int(DIMENSION).unwrap_or(0);
    let outputs = usize::try_from(dimension).map_err(|_| broken("ApproxDimension"))?;
    // Before anything is counted by it.
    check_outputs(outputs, 1)?;
    let (numbers, mut asks) = numbers(&trees)?;
    let categories = categories(&trees, &mut asks)?;
    let bias = match trees.doubles(BIASES) {
        Some(biases) if biases.len() == outputs => biases,
        Some(biases) if !biases.is_empty() => return Err(broken("the biases")),
        _ => vec![trees.double(BIAS).unwrap_or(0.0); outputs],
    };
    let scale = trees.double(SCALE).unwrap_or(1.0);
    let (trees, training) = (plans(&trees, &asks, outputs)?, training(&core)?);
    let known = Arc::default();
    Ok(Source { numbers, categories, known, trees, outputs, scale, bias, training })
}

fn broken(what: &str) -> Error {
    invalid(format!("{what}: not as the format has it"))
}

/// Numeric features, and what their borders ask, in the order that splits number them by.
fn numbers(trees: &Table<'_>) -> Result<(Vec<Number>, Vec<Ask>), Error> {
    let (mut numbers, mut asks, mut name_bytes) = (Vec::new(), Vec::new(), 0);
    for (at, table) in trees.tables(NUMBERS).ok_or_else(|| broken("FloatFeatures"))?.into_iter().enumerate() {
        let place = usize::try_from(table.int(2).unwrap_or(-1)).map_err(|_| broken("FloatFeatures"))?;
        let name = table.text(4).unwrap_or_default().to_owned();
        let missing_right = match table.byte(5).unwrap_or(0) {
            0 | 1 => false,
            2 => true,
            _ => return Err(broken("NanValueTreatment")),
        };
        asks.extend(table.floats(3).unwrap_or_default().into_iter().map(|border| Ask::Above(at, border)));
        name_bytes += name.len();
        trees.within(name_bytes + 4 * asks.len())?;
        numbers.push(Number { place, name, missing_right });
    }
    Ok((numbers, asks))
}

fn categories(trees: &Table<'_>, asks: &mut Vec<Ask>) -> Result<Vec<Category>, Error> {
    let (mut categories, mut bytes): (Vec<Category>, usize) = (Vec::new(), 0);
    for table in trees.tables(CATEGORIES).unwrap_or_default() {
        let place = usize::try_from(table.int(1).unwrap_or(-1)).map_err(|_| broken("CatFeatures"))?;
        let name = table.text(2).unwrap_or_default();
        bytes += name.len();
        trees.within(bytes)?;
        categories.push(Category { place, name: name.to_owned(), values: Vec::new() });
    }
    for table in trees.tables(ONE_HOT).unwrap_or_default() {
        let at = usize::try_from(table.int(0).unwrap_or(-1)).map_err(|_| broken("OneHotFeatures"))?;
        let category = categories.get_mut(at).ok_or_else(|| broken("OneHotFeatures"))?;
        let texts = table.texts(2).unwrap_or_default();
        for (value, hash) in table.ints(1).unwrap_or_default().into_iter().enumerate() {
            bytes += 4 + texts.get(value).map_or(0, |text| text.len());
            trees.within(bytes)?;
            asks.push(Ask::Is(at, hash as u32));
            category.values.push((hash as u32, texts.get(value).map(|text| (*text).to_owned())));
        }
    }
    Ok(categories)
}

fn plans(trees: &Table<'_>, asks: &[Ask], outputs: usize) -> Result<Vec<Plan>, Error> {
    let splits = trees.ints(SPLITS).unwrap_or_default();
    // A leaf among the nodes of a tree that is not symmetric has a number here too, which need not be a split.
    let ask = |split: &i32| usize::try_from(*split).ok().and_then(|split| asks.get(split)).copied();
    let splits: Vec<Option<Ask>> = splits.iter().map(ask).collect();
    let values = trees.doubles(LEAF_VALUES).ok_or_else(|| broken("LeafValues"))?;
    let weights = trees.doubles(LEAF_WEIGHTS).unwrap_or_default();
    let mut rest = Rest { splits: &splits, values: &values, weights: &weights, outputs };
    let steps = trees.steps(STEPS).unwrap_or_default();
    let node_leaves = trees.ints(NODE_LEAVES).unwrap_or_default();
    let mut nodes = steps.iter().zip(&node_leaves);
    let mut plans = Vec::new();
    for (at, size) in trees.ints(SIZES).ok_or_else(|| broken("TreeSizes"))?.into_iter().enumerate() {
        let wrong = || broken(&format!("tree {at}"));
        let size = usize::try_from(size).map_err(|_| wrong())?;
        plans.push(match steps.is_empty() {
            true => rest.symmetric(size).ok_or_else(wrong)?,
            false => {
                let first = values.len() - rest.values.len();
                let nodes: Vec<_> = nodes.by_ref().take(size).collect();
                rest.nodes(size, &nodes, first).ok_or_else(wrong)?
            }
        });
    }
    match rest.splits.is_empty() && rest.values.is_empty() {
        true => Ok(plans),
        false => Err(broken("TreeSizes")),
    }
}

/// What the trees before have left of the common arrays.
struct Rest<'a> {
    splits: &'a [Option<Ask>],
    values: &'a [f64],
    weights: &'a [f64],
    outputs: usize,
}

impl<'a> Rest<'a> {
    fn leaves(&mut self, count: usize) -> Option<Leaves> {
        let (values, rest) = self.values.split_at_checked(count.checked_mul(self.outputs)?)?;
        self.values = rest;
        let weights = match self.weights {
            [] => &[],
            weights => {
                let (weights, rest) = weights.split_at_checked(count)?;
                self.weights = rest;
                weights
            }
        };
        Some(Leaves { values: values.to_vec(), weights: weights.to_vec() })
    }

    fn asks(&mut self, count: usize) -> Option<&'a [Option<Ask>]> {
        let (asks, rest) = self.splits.split_at_checked(count)?;
        self.splits = rest;
        Some(asks)
    }

    fn symmetric(&mut self, size: usize) -> Option<Plan> {
        let asks = self.asks(size)?.iter().copied().collect::<Option<Vec<Ask>>>()?;
        let leaves = self.leaves(1_usize.checked_shl(u32::try_from(size).ok()?)?)?;
        Some(Plan::Symmetric { asks, leaves })
    }

    /// Each node with the steps to its children, 0 where a side ends in the node's own leaf, and the place of that leaf
    /// among all values.
    fn nodes(&mut self, size: usize, steps: &[(&[u16; 2], &i32)], first: usize) -> Option<Plan> {
        let asks = self.asks(size)?;
        let outputs = self.outputs;
        let leaf = |node: usize| {
            let place = usize::try_from(*steps.get(node)?.1).ok()?.checked_sub(first)?;
            place.is_multiple_of(outputs).then_some(place / outputs)
        };
        // A node without children is a leaf, the others are numbered anew.
        let is_leaf = |node: usize| steps.get(node).is_some_and(|(step, _)| **step == [0, 0]);
        let (mut numbers, mut count) = (Vec::with_capacity(size), 0);
        for node in 0..size {
            numbers.push(count);
            count += usize::from(!is_leaf(node));
        }
        let (mut nodes, mut most) = (Vec::with_capacity(count), 0);
        let mut next = |node: usize, step: u16| {
            let child = node + usize::from(step);
            Some(match step == 0 || is_leaf(child) {
                true => {
                    let leaf = leaf(child)?;
                    most = most.max(leaf + 1);
                    Next::Leaf(leaf)
                }
                false => Next::Node(*numbers.get(child)?),
            })
        };
        for (node, ask) in asks.iter().enumerate().filter(|(node, _)| !is_leaf(*node)) {
            let step = steps.get(node)?.0;
            nodes.push(((*ask)?, [next(node, step[0])?, next(node, step[1])?]));
        }
        if nodes.is_empty() {
            most = 1;
        }
        Some(Plan::Nodes { nodes, leaves: self.leaves(most)? })
    }
}

/// How it was made, which the file keeps as texts, most of them JSON.
fn training(core: &Table<'_>) -> Result<Training, Error> {
    let entries = core.tables(INFO).unwrap_or_default();
    let text = |key: &str| entries.iter().find(|entry| entry.text(0) == Some(key)).and_then(|entry| entry.text(1));
    let params = text("params").ok_or_else(|| invalid("InfoMap: params is missing"))?;
    let classes = text("class_params").filter(|text| !text.is_empty()).unwrap_or("{}");
    let params = Document::read(Format::CatBoost, params.as_bytes())?;
    let classes = Document::read(Format::CatBoost, classes.as_bytes())?;
    Training::read(&params.root(), text("catboost_version_info").unwrap_or_default(), Some(&classes.root()))
}

/// A FlatBuffer.
#[derive(Debug, Clone, Copy)]
struct Flat<'a>(&'a [u8]);

impl<'a> Flat<'a> {
    fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    fn u16(self, at: usize) -> Option<usize> {
        self.array(at).map(|bytes| usize::from(u16::from_le_bytes(bytes)))
    }

    /// Where the offset at `at` leads.
    fn follow(self, at: usize) -> Option<usize> {
        at.checked_add(u32::from_le_bytes(self.array(at)?) as usize)
    }

    /// The table that the offset at `at` leads to.
    fn table(self, at: usize) -> Option<Table<'a>> {
        let at = self.follow(at)?;
        let back = i64::from(i32::from_le_bytes(self.array(at)?));
        let types = usize::try_from(i64::try_from(at).ok()? - back).ok()?;
        let size = self.u16(types)?.checked_sub(4)?;
        Some(Table { flat: self, at, types, fields: size / 2 })
    }
}

/// A table of a FlatBuffer. A field that is not there, or not within the buffer, gives nothing.
struct Table<'a> {
    flat: Flat<'a>,
    at: usize,
    types: usize,
    fields: usize,
}

impl<'a> Table<'a> {
    /// One more than the number of the last field.
    fn fields(&self) -> usize {
        (0..self.fields).rev().find(|field| self.field(*field).is_some()).map_or(0, |field| field + 1)
    }

    fn field(&self, field: usize) -> Option<usize> {
        if field >= self.fields {
            return None;
        }
        match self.flat.u16(self.types + 4 + 2 * field)? {
            0 => None,
            offset => self.at.checked_add(offset),
        }
    }

    /// Refuse what is read more than once from the same bytes: it would make a small file large.
    fn within(&self, bytes: usize) -> Result<(), Error> {
        match bytes <= self.flat.0.len() {
            true => Ok(()),
            false => Err(broken("features that share their parts")),
        }
    }

    fn int(&self, field: usize) -> Option<i32> {
        self.flat.array(self.field(field)?).map(i32::from_le_bytes)
    }

    fn byte(&self, field: usize) -> Option<u8> {
        self.flat.array(self.field(field)?).map(|[byte]: [u8; 1]| byte)
    }

    fn double(&self, field: usize) -> Option<f64> {
        self.flat.array(self.field(field)?).map(f64::from_le_bytes)
    }

    fn table(&self, field: usize) -> Option<Table<'a>> {
        self.flat.table(self.field(field)?)
    }

    /// Elements of a vector, and where the first one is.
    fn vector(&self, field: usize) -> Option<(usize, usize)> {
        let at = self.flat.follow(self.field(field)?)?;
        Some((u32::from_le_bytes(self.flat.array(at)?) as usize, at + 4))
    }

    fn length(&self, field: usize) -> Option<usize> {
        self.vector(field).map(|(count, _)| count)
    }

    /// The elements of a vector, `N` bytes each, all of them within the buffer.
    fn elements<const N: usize>(&self, field: usize) -> Option<impl Iterator<Item = [u8; N]> + use<'a, N>> {
        let (count, at) = self.vector(field)?;
        let bytes = self.flat.0.get(at..at.checked_add(count.checked_mul(N)?)?)?;
        Some(bytes.as_chunks::<N>().0.iter().copied())
    }

    fn ints(&self, field: usize) -> Option<Vec<i32>> {
        Some(self.elements(field)?.map(i32::from_le_bytes).collect())
    }

    fn floats(&self, field: usize) -> Option<Vec<f32>> {
        Some(self.elements(field)?.map(f32::from_le_bytes).collect())
    }

    fn doubles(&self, field: usize) -> Option<Vec<f64>> {
        Some(self.elements(field)?.map(f64::from_le_bytes).collect())
    }

    fn steps(&self, field: usize) -> Option<Vec<[u16; 2]>> {
        let step = |[a, b, c, d]: [u8; 4]| [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])];
        Some(self.elements(field)?.map(step).collect())
    }

    fn text(&self, field: usize) -> Option<&'a str> {
        self.text_at(self.field(field)?)
    }

    fn text_at(&self, at: usize) -> Option<&'a str> {
        let at = self.flat.follow(at)?;
        let length = u32::from_le_bytes(self.flat.array(at)?) as usize;
        std::str::from_utf8(self.flat.0.get(at + 4..(at + 4).checked_add(length)?)?).ok()
    }

    /// The places of the offsets in a vector.
    fn places(&self, field: usize) -> Option<impl Iterator<Item = usize> + use<>> {
        let (count, at) = self.vector(field)?;
        self.flat.0.get(at..at.checked_add(count.checked_mul(4)?)?)?;
        Some((0..count).map(move |element| at + 4 * element))
    }

    fn tables(&self, field: usize) -> Option<Vec<Table<'a>>> {
        self.places(field)?.map(|at| self.flat.table(at)).collect()
    }

    fn texts(&self, field: usize) -> Option<Vec<&'a str>> {
        self.places(field)?.map(|at| self.text_at(at)).collect()
    }
}
