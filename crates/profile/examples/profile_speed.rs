//! How fast columns are read: tokenises a CSV file, runs the kernel on one thread and prints nanoseconds a cell.
//!
//! Linux tells how long the thread had a core, so that a busy machine matters little; elsewhere it is the clock.
//!
//! `cargo run --release -p bordereau-profile --example profile_speed -- FILE [ROUNDS]`
#![allow(clippy::print_stdout)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bordereau_base::limits::IntakeLimits;
use bordereau_files::intake::{Projection, Upload};
use bordereau_profile::column::{CellScratch, ColumnKernel, ColumnState};
use bordereau_profile::settings::Limits;

const BLOCK_BYTES: usize = 4 << 20;

/// The time this thread has had so far.
fn now(started: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|told| told.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| started.elapsed(), Duration::from_nanos)
}

struct Timed {
    name: String,
    state: ColumnState,
    observe: Duration,
    merge: Duration,
}

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = PathBuf::from(args.next().ok_or("which file?")?);
    let rounds: usize = args.next().map_or(Ok(1), |rounds| rounds.parse())?;
    for _ in 0..rounds {
        run(&path)?;
    }
    Ok(())
}

fn run(path: &PathBuf) -> Result<(), Box<dyn std::error::Error>> {
    let started = Instant::now();
    let upload = Upload::open(std::slice::from_ref(path), &IntakeLimits::default())?;
    let mut rows = upload.read_in_blocks(0, BLOCK_BYTES)?;
    let names = rows.header().to_vec();
    let limits = Limits::for_columns(names.len());
    let projection = Projection::all(names.len());
    let mut kernel = ColumnKernel::new(limits);
    let mut scratch = CellScratch::default();
    let fresh = |name| Timed { name, state: ColumnState::new(limits), observe: Duration::ZERO, merge: Duration::ZERO };
    let mut columns: Vec<Timed> = names.into_iter().map(fresh).collect();
    let (mut tokenize, mut count) = (Duration::ZERO, 0);
    while let Some(block) = rows.next_block()? {
        let before = now(started);
        let raw = block.tokenize(&projection)?;
        tokenize += now(started) - before;
        count += raw.len();
        for (column, values) in columns.iter_mut().zip(&raw.columns) {
            let before = now(started);
            let part = kernel.observe(values, &column.state.hint(), &mut scratch);
            let between = now(started);
            column.state.merge_part(part);
            column.observe += between - before;
            column.merge += now(started) - between;
        }
    }
    let elapsed = started.elapsed();
    let per_cell = |time: Duration, cells: usize| time.as_secs_f64() * 1e9 / cells.max(1) as f64;
    println!("{:20} {:>8} {:>8}", "ns a cell", "observe", "merge");
    for column in columns.iter().take(40) {
        println!("{:20} {:8.1} {:8.1}", column.name, per_cell(column.observe, count), per_cell(column.merge, count));
    }
    let observe = columns.iter().map(|column| column.observe).sum();
    let merge = columns.iter().map(|column| column.merge).sum();
    let cells = count * columns.len();
    println!("{:20} {:8.1} {:8.1}", "all", per_cell(observe, cells), per_cell(merge, cells));
    println!("{:20} {:8.1}", "tokenise", per_cell(tokenize, cells));
    println!("{cells} cells in {elapsed:.2?}");
    Ok(())
}
