//! The most frequent values: all of them while they fit, then counters with bounds.
//!
//! **Exact** while there are at most `values_max` distinct values with at most `bytes_max` bytes: then also the rarest
//! values, the entropy and everything else that counts of values give is exact, and the state is order-independent.
//!
//! **Afterwards** it is a summary of Misra and Gries (1982, "Finding repeated elements"), merged as in Agarwal,
//! Cormode, Huang, Phillips, Wei, Yi (2012, "Mergeable summaries"). Kept values have a count of occurrences surely seen
//! and an error: the true count is between `count` and `count + error`. A value that is not kept has occurred at most
//! [`Frequent::absent_count_max`] times. When too many are kept, the `counters` ones with the greatest upper bounds
//! stay, and the greatest upper bound of the others becomes the bound of the absent. That is the summary of Misra and
//! Gries: its counter is `count + error` less the bound of the absent. So that bound is at most `n / (counters + 1)`,
//! plus the errors of the blocks, for `n` values; keeping count and error apart only tells more of each value. In this
//! form it depends on the order of merging, so blocks are merged in their order.
//!
//! A block comes as [`BlockCounts`], all of its values or only those that can matter: a block of unique values then has
//! none, and merges for free.
//!
//! **Cost.** About 20 ns a merged value at 65,536 values. **Memory.** 45 bytes a value and the bytes of values of more
//! than 12; values are cut at 200 bytes, and told apart by hash and length beyond.

use std::cmp::Reverse;

use crate::codec::{Codec, Error, Reader, Writer};
use crate::values::{Held, KEPT_BYTES_MAX, Table, order_of};

/// Values of a block that are looked for at a time.
const BATCH: usize = 32;

/// Bounds of a table of frequent values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Distinct values up to which counts are exact.
    pub values_max: u32,
    /// Bytes of distinct values of more than 12 bytes up to which counts are exact, each counted as 200 at most.
    pub bytes_max: u32,
    /// Values that are kept when there are more.
    pub counters: u32,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { values_max: 65_536, bytes_max: 4 << 20, counters: 1_024 }
    }
}

/// Values with counts, exact or with bounds.
#[derive(Debug, Clone)]
pub struct Frequent {
    capacity: Capacity,
    table: Table,
    /// None while exact.
    bounds: Option<Bounds>,
}

/// What is not known of the counts.
#[derive(Debug, Clone, Default)]
struct Bounds {
    /// How often a value that is not kept may have occurred.
    absent: u64,
    /// What is added to every entry of `errors`: blocks that left values out raise them all at once.
    raised: u64,
    /// By position in the table; may wrap below zero, the sum with `raised` does not.
    errors: Vec<u64>,
}

/// A value and how often it occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frequency<'a> {
    /// The hash it was added with.
    pub hash: u64,
    /// Its bytes, cut at 200.
    pub bytes: &'a [u8],
    /// The length of the whole value, bytes.
    pub length: u32,
    /// Occurrences surely seen.
    pub count: u64,
    /// How many more there may have been; 0 while exact.
    pub error: u64,
}

impl Frequency<'_> {
    /// Whether only the first bytes of the value are kept.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.length as usize > self.bytes.len()
    }
}

impl Default for Frequent {
    fn default() -> Self {
        Self::new(Capacity::default())
    }
}

impl Frequent {
    /// An empty table. At least one counter, and no fewer values than counters.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        let counters = capacity.counters.max(1);
        let capacity = Capacity { counters, values_max: capacity.values_max.max(counters), ..capacity };
        Self { capacity, table: Table::default(), bounds: None }
    }

    /// The bounds it was made with.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Adds the values of a block: hash, bytes and count of distinct values. A value that is not among them occurs at
    /// most `block_error` times in the block; with 0 the values are all there are. Hashes are of
    /// [`crate::hash::hash_bytes`]. Blocks are merged in their order.
    pub fn merge_block<'v>(&mut self, values: impl IntoIterator<Item = (u64, &'v [u8], u64)>, block_error: u64) {
        self.raise(block_error);
        let mut values = values.into_iter();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            batch.extend(values.by_ref().take(BATCH));
            if batch.is_empty() {
                break;
            }
            std::hint::black_box(self.table.look_ahead(batch.iter().map(|(hash, ..)| *hash)));
            for (hash, bytes, count) in batch.drain(..) {
                let known = self.table.len();
                let position = self.table.add(hash, bytes, count);
                self.settle(position, position == known, 0, block_error);
            }
        }
        self.shrink();
    }

    /// Adds the values of a block.
    pub fn merge_counts(&mut self, block: &BlockCounts) {
        self.merge_held(block.table.iter().map(|held| (held, 0)), block.error);
    }

    /// Adds the values of another table, of the part of a file or the file that comes next.
    ///
    /// # Errors
    /// [`Error::Parameters`] for other bounds; nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if self.capacity != other.capacity {
            return Err(Error::Parameters("capacity of frequent values"));
        }
        let values = other.table.iter().enumerate().map(|(position, held)| (held, other.error_at(position)));
        self.merge_held(values, other.absent_count_max());
        Ok(())
    }

    fn merge_held<'v>(&mut self, values: impl Iterator<Item = (Held<'v>, u64)>, absent: u64) {
        self.raise(absent);
        for (held, error) in values {
            let known = self.table.len();
            let position = self.table.add_cut(held.hash, held.bytes, held.length, held.count);
            self.settle(position, position == known, error, absent);
        }
        self.shrink();
    }

    /// Lets every value have occurred `more` times without being seen.
    fn raise(&mut self, more: u64) {
        if more > 0 {
            let bounds = self.bounds_or_new();
            bounds.absent = bounds.absent.saturating_add(more);
            bounds.raised = bounds.raised.wrapping_add(more);
        }
    }

    fn bounds_or_new(&mut self) -> &mut Bounds {
        let values = self.table.len();
        self.bounds.get_or_insert_with(|| Bounds { errors: vec![0; values], ..Bounds::default() })
    }

    /// Gives the value at a position, whose count has just been raised, its error: of `error` in what is merged instead
    /// of the `raised` of a value that is not in it.
    fn settle(&mut self, position: usize, new: bool, error: u64, raised: u64) {
        let Some(bounds) = &mut self.bounds else { return };
        if new {
            let before = bounds.absent.wrapping_sub(raised);
            bounds.errors.push(before.wrapping_add(error).wrapping_sub(bounds.raised));
        } else if let Some(held) = bounds.errors.get_mut(position) {
            *held = held.wrapping_add(error).wrapping_sub(raised);
        }
    }

    /// Keeps the values with the greatest upper bounds when there are too many.
    fn shrink(&mut self) {
        let values_max = match self.bounds {
            None => self.capacity.values_max as usize,
            // Some room above the counters, so that most blocks need no choice.
            Some(_) => (self.capacity.counters as usize * 4).min(self.capacity.values_max as usize),
        };
        let bytes_max = self.capacity.bytes_max as usize;
        if self.table.len() <= values_max && self.table.arena_bytes() <= bytes_max {
            return;
        }
        let counters = self.capacity.counters as usize;
        let mut ranked: Vec<(Reverse<u64>, usize)> =
            (0..self.table.len()).map(|position| (Reverse(self.upper_at(position)), position)).collect();
        let held = |entry: &(Reverse<u64>, usize)| self.table.get(entry.1);
        let order = |left: &(Reverse<u64>, usize), right: &(Reverse<u64>, usize)| {
            left.0.cmp(&right.0).then_with(|| order_of(&held(left)).cmp(&order_of(&held(right))))
        };
        let mut dropped = 0;
        if counters < ranked.len() {
            let (_, (Reverse(upper), _), _) = ranked.select_nth_unstable_by(counters, order);
            dropped = *upper;
            ranked.truncate(counters);
        }
        let positions: Vec<usize> = ranked.into_iter().map(|(_, position)| position).collect();
        let errors = positions.iter().map(|position| self.error_at(*position)).collect();
        let absent = self.absent_count_max().max(dropped);
        self.table = self.table.chosen(&positions);
        self.bounds = Some(Bounds { absent, raised: 0, errors });
    }

    fn error_at(&self, position: usize) -> u64 {
        let Some(bounds) = &self.bounds else { return 0 };
        bounds.errors.get(position).map_or(0, |error| error.wrapping_add(bounds.raised))
    }

    fn upper_at(&self, position: usize) -> u64 {
        self.table.get(position).count.saturating_add(self.error_at(position))
    }

    fn at(&self, position: usize) -> Frequency<'_> {
        let Held { hash, bytes, length, count } = self.table.get(position);
        Frequency { hash, bytes, length, count, error: self.error_at(position) }
    }

    /// Whether all distinct values are kept, with their exact counts.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.bounds.is_none()
    }

    /// How often a value that is not kept may have occurred; 0 while exact.
    #[must_use]
    pub fn absent_count_max(&self) -> u64 {
        self.bounds.as_ref().map_or(0, |bounds| bounds.absent)
    }

    /// How many values are kept: all distinct ones while exact.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether no value is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    /// All distinct values with their counts, in no order to rely on; None when not exact.
    #[must_use]
    pub fn exact_counts(&self) -> Option<impl ExactSizeIterator<Item = Frequency<'_>>> {
        self.is_exact().then(|| self.values())
    }

    /// The values kept, in no order to rely on.
    pub fn values(&self) -> impl ExactSizeIterator<Item = Frequency<'_>> {
        (0..self.table.len()).map(|position| self.at(position))
    }

    /// The `n` values with the greatest counts, greatest first, ties by bytes.
    #[must_use]
    pub fn top(&self, n: usize) -> Vec<Frequency<'_>> {
        first(self.values().collect(), n, |left, right| {
            right.count.cmp(&left.count).then_with(|| tie(left).cmp(&tie(right)))
        })
    }

    /// The `n` values with the smallest counts, smallest first, ties by bytes; None when not exact.
    #[must_use]
    pub fn rarest(&self, n: usize) -> Option<Vec<Frequency<'_>>> {
        let values = self.exact_counts()?.collect();
        Some(first(values, n, |left, right| left.count.cmp(&right.count).then_with(|| tie(left).cmp(&tie(right)))))
    }

    /// The bytes it holds.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let errors = self.bounds.as_ref().map_or(0, |bounds| bounds.errors.capacity() * size_of::<u64>());
        self.table.memory_bytes() + errors
    }
}

fn tie<'a>(value: &Frequency<'a>) -> (&'a [u8], u32, u64) {
    (value.bytes, value.length, value.hash)
}

/// The first `n` in an order, sorting no more than those.
fn first<T>(mut items: Vec<T>, n: usize, mut order: impl FnMut(&T, &T) -> std::cmp::Ordering) -> Vec<T> {
    if n == 0 {
        return Vec::new();
    }
    if n < items.len() {
        items.select_nth_unstable_by(n - 1, &mut order);
        items.truncate(n);
    }
    items.sort_unstable_by(order);
    items
}

impl PartialEq for Frequent {
    fn eq(&self, other: &Self) -> bool {
        self.encode() == other.encode()
    }
}

impl Eq for Frequent {}

/// The counts of one block of a file: all, or only those that can matter.
#[derive(Debug, Clone, Default)]
pub struct BlockCounts {
    table: Table,
    error: u64,
}

impl BlockCounts {
    /// All distinct values of a block: hash, bytes, count. Values given twice are added up.
    #[must_use]
    pub fn all<'v>(values: impl IntoIterator<Item = (u64, &'v [u8], u64)>) -> Self {
        let mut table = Table::default();
        for (hash, bytes, count) in values {
            table.add(hash, bytes, count);
        }
        Self { table, error: 0 }
    }

    /// Those values of a block whose counts are above that of the `k + 1`st, which becomes the error; at most `k`. The
    /// values given must be distinct and all there are in the block. All of them if there are no more than `k`; none at
    /// all of a block of unique values.
    #[must_use]
    pub fn top<'v, I>(values: I, k: usize) -> Self
    where
        I: IntoIterator<Item = (u64, &'v [u8], u64)>,
        I::IntoIter: Clone,
    {
        let values = values.into_iter();
        let mut counts: Vec<u64> = values.clone().map(|(_, _, count)| count).collect();
        if counts.len() <= k {
            return Self::all(values);
        }
        let (_, error, _) = counts.select_nth_unstable_by(k, |left, right| right.cmp(left));
        let error = *error;
        Self { error, ..Self::all(values.filter(|(_, _, count)| *count > error)) }
    }

    /// How often a value that is not kept may occur in the block.
    #[must_use]
    pub fn error(&self) -> u64 {
        self.error
    }

    /// How many values are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether no value is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    /// The values kept, in the order they were given.
    pub fn values(&self) -> impl ExactSizeIterator<Item = Frequency<'_>> {
        self.table.iter().map(|Held { hash, bytes, length, count }| Frequency { hash, bytes, length, count, error: 0 })
    }
}

impl Codec for Frequent {
    const KIND: u8 = 5;
    const VERSION: u8 = 1;

    fn write(&self, writer: &mut Writer) {
        let Capacity { values_max, bytes_max, counters } = self.capacity;
        [values_max, bytes_max, counters].into_iter().for_each(|bound| writer.u32(bound));
        writer.u8(u8::from(!self.is_exact()));
        if !self.is_exact() {
            writer.uint(self.absent_count_max());
        }
        writer.length(self.table.len());
        for position in self.table.positions_by_hash() {
            write_held(writer, &self.table.get(position));
            if !self.is_exact() {
                writer.uint(self.error_at(position));
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let capacity = Capacity { values_max: reader.u32()?, bytes_max: reader.u32()?, counters: reader.u32()? };
        let mut frequent = Self::new(capacity);
        if frequent.capacity != capacity {
            return Err(Error::Parameters("capacity of frequent values"));
        }
        frequent.bounds = match reader.u8()? {
            0 => None,
            1 => Some(Bounds { absent: reader.uint()?, ..Bounds::default() }),
            _ => return Err(Error::Invalid("a mark is neither 0 nor 1")),
        };
        let values = read_table(reader, |reader, table| {
            if let Some(bounds) = &mut frequent.bounds {
                bounds.errors.push(reader.uint()?);
            }
            let fits =
                table.len() <= capacity.values_max as usize && table.arena_bytes() <= capacity.bytes_max as usize;
            let within = table.len() <= capacity.counters as usize || fits;
            if within { Ok(()) } else { Err(Error::Invalid("more values than fit")) }
        })?;
        frequent.table = values;
        Ok(frequent)
    }
}

/// Writes one value with its count.
pub(crate) fn write_held(writer: &mut Writer, held: &Held<'_>) {
    writer.u64(held.hash);
    writer.uint(u64::from(held.length));
    writer.raw(held.bytes);
    writer.uint(held.count);
}

/// Reads values in strictly ascending order, calling `each` after every one.
pub(crate) fn read_table(
    reader: &mut Reader<'_>,
    mut each: impl FnMut(&mut Reader<'_>, &Table) -> Result<(), Error>,
) -> Result<Table, Error> {
    let mut table = Table::default();
    for position in 0..reader.length(10)? {
        let hash = reader.u64()?;
        let length = u32::try_from(reader.uint()?).map_err(|_| Error::Length)?;
        let bytes = reader.raw((length as usize).min(KEPT_BYTES_MAX))?;
        let count = reader.uint()?;
        let held = Held { hash, bytes, length, count };
        let ascending = position == 0 || order_of(&table.get(position - 1)) < order_of(&held);
        if !ascending || count == 0 {
            return Err(Error::Invalid("values out of order"));
        }
        table.add_cut(hash, bytes, length, count);
        each(reader, &table)?;
    }
    Ok(table)
}
