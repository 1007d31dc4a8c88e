//! Rows per second of a model file: `rates MODEL ROWS.f64 WIDTH WHAT ROWS_PER_CALL THREADS [OUT]`, where WHAT is score,
//! explain, top, or against:N (explain against the first N rows).
//!
//! `ROWS.f64` holds rows x WIDTH little-endian doubles, NaN where a value is missing; categories are their codes. Each
//! thread takes rows in turn, a call at a time. Prints seconds of loading, what it adds to the resident memory, the
//! median rows/s of five passes, and the best rows/s by processor time, which other programs disturb less. With OUT
//! the predictions or contributions of the first call are written there.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array};
use bordereau_model::{Features, Model};

const PASSES: usize = 5;

/// A pass takes at least about this long, whatever it repeats for that.
const PASS_SECONDS: f64 = 0.2;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, rows, width, what, call, threads, out @ ..] = arguments.as_slice() else {
        println!("rates MODEL ROWS.f64 WIDTH score|explain|top|against:N ROWS_PER_CALL THREADS [OUT]");
        return;
    };
    let [width, call, threads] = [width, call, threads].map(|number| number.parse::<usize>().unwrap());
    let bytes = std::fs::read(model).unwrap();
    let (memory, start) = (resident_mib(), Instant::now());
    let model = Model::open(&bytes).expect("the model is valid");
    let (load, memory) = (start.elapsed().as_secs_f64(), resident_mib() - memory);
    let rows: Vec<f64> =
        std::fs::read(rows).unwrap().as_chunks::<8>().0.iter().map(|x| f64::from_le_bytes(*x)).collect();
    let background = what.strip_prefix("against:").map(|count| count.parse::<usize>().unwrap());
    let model = match background {
        Some(count) => {
            let background = bind(&model, &rows[..count * width], width);
            model.with_background(&background).expect("it is explained so")
        }
        None => model,
    };
    let calls: Vec<Features> = rows.chunks(call * width).map(|rows| bind(&model, rows, width)).collect();
    let run = |features: &Features| match what.as_str() {
        "score" => model.score(features).prediction,
        "top" => model.explain_top(features, 5).expect("it explains").totals,
        _ => model.explain(features).expect("it explains").values,
    };
    if let [path] = out {
        let bytes: Vec<u8> = run(&calls[0]).into_iter().flat_map(f64::to_le_bytes).collect();
        std::fs::write(path, bytes).unwrap();
    }
    let repeats = (PASS_SECONDS / pass(&calls, threads, 1, run).0).ceil().clamp(1.0, 1e6) as usize;
    // So that no thread has one call more than another.
    let repeats = repeats.next_multiple_of(threads);
    let total = rows.len() / width * repeats;
    let passes: Vec<(f64, f64)> = (0..PASSES).map(|_| pass(&calls, threads, repeats, run)).collect();
    let mut rates: Vec<f64> = passes.iter().map(|(seconds, _)| total as f64 / seconds).collect();
    rates.sort_by(f64::total_cmp);
    let used = passes.iter().map(|(_, used)| *used).fold(f64::INFINITY, f64::min);
    println!(
        "{{\"load_s\": {load:.3}, \"load_mib\": {memory:.1}, \"trees\": {}, \"rows_s\": {:.0}, \"rows_cpu_s\": {:.0}}}",
        model.trees(),
        rates[PASSES / 2],
        total as f64 / used
    );
}

/// Seconds for all calls, some times over, and seconds of processor time.
fn pass(calls: &[Features], threads: usize, repeats: usize, run: impl Fn(&Features) -> Vec<f64> + Sync) -> (f64, f64) {
    let (next, start) = (AtomicUsize::new(0), Instant::now());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= calls.len() * repeats {
                break;
            }
            let features = &calls[at % calls.len()];
            std::hint::black_box(run(features));
        }
        seconds_used()
    };
    let used = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    (start.elapsed().as_secs_f64(), used)
}

/// Processor time of this thread, NaN where the system does not tell it.
fn seconds_used() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.as_deref().and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    nanoseconds.map_or(f64::NAN, |nanoseconds| nanoseconds / 1e9)
}

fn bind(model: &Model, rows: &[f64], width: usize) -> Features {
    let column = |at: usize| -> ArrayRef {
        Arc::new(rows.iter().skip(at).step_by(width).map(|x| Some(*x)).collect::<Float64Array>())
    };
    let columns: Vec<ArrayRef> = (0..model.inputs().len()).map(column).collect();
    model.bind(&columns).expect("the columns fit")
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}
