//! Rows per second and core of the kernels, on a forest of 500 trees x 63 leaves over 30 features made from a seed.
//!
//! `cargo bench -p bordereau-model` runs it. With arguments, a LightGBM model file and a table of numbers without
//! header in the order of its features, it measures those instead.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array};
use bordereau_model::{Features, Format, Model};

const INPUTS: usize = 30;
const TREES: usize = 500;
const LEAVES: usize = 63;
const ROWS: usize = 8192;

fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let mut random = Random(20_161_201);
    let (text, rows) = match files.as_slice() {
        [model, table] => (std::fs::read_to_string(model).unwrap(), read_table(table)),
        _ => (forest(&mut random), (0..ROWS).map(|_| row(&mut random)).collect()),
    };
    let start = Instant::now();
    let model = Model::load(Format::LightGbm, text.as_bytes()).expect("the model is valid");
    println!("load: {} trees, {} leaves in {:.3} s", model.trees(), model.size(), start.elapsed().as_secs_f64());
    let column = |at: usize| -> ArrayRef { Arc::new(rows.iter().map(|row| Some(row[at])).collect::<Float64Array>()) };
    let columns: Vec<ArrayRef> = (0..model.inputs().len()).map(column).collect();
    let features = model.bind(&columns).expect("the columns fit");
    rate("score", &features, 10, || model.score(&features).raw[0]);
    rate("explain_top(5)", &features, 3, || model.explain_top(&features, 5).expect("it explains").totals[0]);
}

/// Print the median of some runs.
fn rate(name: &str, features: &Features, runs: usize, mut run: impl FnMut() -> f64) {
    let mut seconds: Vec<f64> = (0..runs)
        .map(|_| {
            let start = seconds_used();
            std::hint::black_box(run());
            seconds_used() - start
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let (median, rows) = (seconds[runs / 2], features.rows() as f64);
    println!("{name}: {:.0} rows/s (best {:.0}) in blocks of {rows}", rows / median, rows / seconds[0]);
}

/// Processor time of this thread where the system tells it, so that a busy machine does not blur the rates.
fn seconds_used() -> f64 {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.as_deref().and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| START.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn read_table(path: &str) -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split(',').map(|cell| cell.parse().unwrap_or(f64::NAN)).collect()).collect()
}

/// A small generator (splitmix64), so that every run sees the same forest.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// Rounded to thousandths; one feature in four is sometimes missing.
fn row(random: &mut Random) -> Vec<f64> {
    let cell = |at: usize, random: &mut Random| match at.is_multiple_of(4) && random.unit() < 0.1 {
        true => f64::NAN,
        false => (random.unit() * 1000.0).round() / 1000.0,
    };
    (0..INPUTS).map(|at| cell(at, random)).collect()
}

/// A LightGBM text file. Trees grow leaf by leaf, the largest of a few first, which gives the depths of trained ones.
fn forest(random: &mut Random) -> String {
    let mut text = String::from("tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n");
    writeln!(text, "max_feature_idx={}\nobjective=regression", INPUTS - 1).unwrap();
    let names: Vec<String> = (0..INPUTS).map(|at| format!("f{at}")).collect();
    writeln!(text, "feature_names={}\n", names.join(" ")).unwrap();
    for tree in 0..TREES {
        writeln!(text, "Tree={tree}").unwrap();
        grow(random, &mut text);
    }
    text.push_str("end of trees\n");
    text
}

fn grow(random: &mut Random, text: &mut String) {
    // A leaf: its rows, and the split and side it hangs from.
    let mut leaves: Vec<(u64, Option<(usize, usize)>)> = vec![(300_000, None)];
    let (mut features, mut thresholds, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
    let mut children: Vec<[i64; 2]> = Vec::new();
    while leaves.len() < LEAVES {
        let pick = (0..8).map(|_| random.below(leaves.len())).max_by_key(|at| leaves[*at].0).unwrap();
        let (rows, above) = leaves[pick];
        let split = children.len();
        if let Some((parent, side)) = above {
            children[parent][side] = split as i64;
        }
        features.push(random.below(INPUTS).min(random.below(INPUTS)));
        let share = (1 + random.below(254)) as f64 / 255.0;
        thresholds.push(share);
        kinds.push(if random.below(2) == 0 { 8 } else { 10 });
        children.push([-1 - pick as i64, -1 - leaves.len() as i64]);
        let left = ((rows as f64 * share) as u64).clamp(1, (rows - 1).max(1));
        leaves[pick] = (left, Some((split, 0)));
        leaves.push((rows.saturating_sub(left).max(1), Some((split, 1))));
    }
    let join = |numbers: Vec<String>| numbers.join(" ");
    writeln!(text, "num_leaves={LEAVES}\nnum_cat=0").unwrap();
    writeln!(text, "split_feature={}", join(features.iter().map(usize::to_string).collect())).unwrap();
    writeln!(text, "threshold={}", join(thresholds.iter().map(f64::to_string).collect())).unwrap();
    writeln!(text, "decision_type={}", join(kinds.iter().map(i32::to_string).collect())).unwrap();
    for (side, name) in ["left_child", "right_child"].iter().enumerate() {
        writeln!(text, "{name}={}", join(children.iter().map(|child| child[side].to_string()).collect())).unwrap();
    }
    writeln!(text, "leaf_value={}", join(leaves.iter().map(|_| (random.unit() - 0.5).to_string()).collect())).unwrap();
    writeln!(text, "leaf_count={}\n", join(leaves.iter().map(|leaf| leaf.0.to_string()).collect())).unwrap();
}
