//! Prints the cost of each sketch, nanoseconds for each value added: `cargo run --release --example sketches [NAME]`.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

use bordereau_sketch::distinct::Distinct;
use bordereau_sketch::frequent::{BlockCounts, Capacity, Frequent};
use bordereau_sketch::hash::{combine, hash_bytes};
use bordereau_sketch::keys::{JoinStatistics, KeyCounts};
use bordereau_sketch::moments::Moments;
use bordereau_sketch::quantiles::LogHistogram;
use bordereau_sketch::sample::BottomSample;
use bordereau_sketch::sum::ExactSum;

const VALUES: usize = 2_000_000;
const ROUNDS: usize = 10;

/// The mean of a few rounds, since processor time is told in steps of some milliseconds.
fn measure<T>(name: &str, values: usize, mut run: impl FnMut() -> T) {
    if std::env::args().nth(1).is_some_and(|wanted| !name.contains(&wanted)) {
        return;
    }
    black_box(run());
    let start = seconds();
    (0..ROUNDS).for_each(|_| drop(black_box(run())));
    println!("{name:<52} {:>8.2} ns", (seconds() - start) * 1e9 / (values * ROUNDS) as f64);
}

/// The processor time of this thread where the system tells it (Linux), so that neighbours disturb less; else the
/// clock.
fn seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = told.and_then(|told| told.split(' ').next().and_then(|spent| spent.parse::<f64>().ok()));
    spent.map_or_else(|| START.elapsed().as_secs_f64(), |spent_ns| spent_ns / 1e9)
}

fn main() {
    let hashes: Vec<u64> = (0..VALUES as u64).map(|value| hash_bytes(&value.to_le_bytes())).collect();
    let numbers: Vec<f64> = hashes.iter().map(|hash| (hash % 1_000_000) as f64 / 100.0 + 1.0).collect();
    let texts: Vec<String> = hashes.iter().map(|hash| format!("{:08}", hash % 100_000_000)).collect();
    hashing(&hashes, &texts);
    counting(&hashes, &numbers);
    values(&hashes, &texts);
    keys(&hashes);
}

fn hashing(hashes: &[u64], texts: &[String]) {
    measure("hash_bytes, 8 bytes", VALUES, || {
        texts.iter().fold(0_u64, |sum, text| sum.wrapping_add(hash_bytes(text.as_bytes())))
    });
    let mut rows = vec![0_u64; 65_536];
    measure("combine, column by column", VALUES, || {
        for cells in hashes.chunks(65_536) {
            rows.iter_mut().zip(cells).for_each(|(row, cell)| *row = combine(*row, *cell));
        }
        rows[0]
    });
}

fn counting(hashes: &[u64], numbers: &[f64]) {
    measure("Distinct, all different, array", VALUES, || {
        let mut distinct = Distinct::dense(14);
        distinct.add_hashes(hashes);
        distinct
    });
    measure("Distinct, blocks of 4,096 merged", VALUES, || {
        let mut distinct = Distinct::default();
        for block in hashes.chunks(4_096) {
            let mut part = Distinct::default();
            part.add_hashes(block);
            black_box(distinct.merge(&part)).ok();
        }
        distinct
    });
    measure("LogHistogram, 14 octaves", VALUES, || {
        let mut histogram = LogHistogram::default();
        histogram.add_all(numbers);
        histogram
    });
    measure("Moments::of, blocks of 65,536", VALUES, || {
        let mut moments = Moments::default();
        numbers.chunks(65_536).for_each(|block| moments.merge(&Moments::of(block)));
        moments
    });
    measure("ExactSum, decimals", VALUES, || {
        let mut sum = ExactSum::default();
        hashes.iter().for_each(|hash| sum.add_decimal((hash >> 40) as i64, 2, 1));
        sum
    });
    measure("ExactSum, floats", VALUES, || {
        let mut sum = ExactSum::default();
        sum.add_all(numbers);
        sum
    });
    let sum = {
        let mut sum = ExactSum::default();
        sum.add_all(numbers);
        sum
    };
    measure("ExactSum::to_f64, each", 1, || sum.to_f64());
}

fn values(hashes: &[u64], texts: &[String]) {
    for distinct in [1_000, 16_384, 65_536] {
        // Each block has the values in an order of its own, as many times as make the number of values.
        let per_block = distinct.min(20_000);
        let blocks: Vec<BlockCounts> = (0..VALUES / per_block)
            .map(|block| {
                let value = |index: usize| (hashes[block * per_block + index] % distinct as u64) as usize;
                BlockCounts::all((0..per_block).map(value).map(|at| (hashes[at], texts[at].as_bytes(), 1)))
            })
            .collect();
        let merged = blocks.iter().map(BlockCounts::len).sum();
        measure(&format!("Frequent::merge_counts, {distinct} distinct"), merged, || {
            let mut frequent = Frequent::default();
            blocks.iter().for_each(|block| frequent.merge_counts(block));
            frequent
        });
    }
    let all = || hashes.iter().zip(texts).map(|(hash, text)| (*hash, text.as_bytes(), 1));
    measure("Frequent::merge_block, all different", VALUES, || {
        let mut frequent = Frequent::new(Capacity::default());
        for block in 0..100 {
            frequent.merge_block(all().skip(block * 20_000).take(20_000), 0);
        }
        frequent
    });
    measure("BlockCounts::top(1,024), all different", VALUES, || {
        (0..100).map(|block| BlockCounts::top(all().skip(block * 20_000).take(20_000), 1_024).error()).sum::<u64>()
    });
    measure("BottomSample(1,024), all different", VALUES, || {
        let mut sample = BottomSample::new(1_024);
        all().for_each(|(hash, bytes, count)| sample.add(hash, bytes, count));
        sample
    });
}

fn keys(hashes: &[u64]) {
    let settle = |hashes: &[u64], limit| {
        let mut keys = KeyCounts::new(limit);
        hashes.chunks(32_768).for_each(|block| keys.add(block));
        keys.into_settled()
    };
    let few: Vec<u64> = hashes.iter().map(|hash| hashes[(hash % 200_000) as usize]).collect();
    let one = vec![hashes[0]; VALUES];
    measure("KeyCounts, all different, exact", VALUES, || settle(hashes, 4_000_000));
    measure("KeyCounts, all different, sampled at 100,000", VALUES, || settle(hashes, 100_000));
    measure("KeyCounts, 200,000 different", VALUES, || settle(&few, 4_000_000));
    measure("KeyCounts, one key", VALUES, || settle(&one, 4_000_000));
    let (parents, children) = (settle(hashes, 4_000_000), settle(&few, 4_000_000));
    measure("JoinStatistics::of, a parent", VALUES, || JoinStatistics::of(&parents, &children));
}
