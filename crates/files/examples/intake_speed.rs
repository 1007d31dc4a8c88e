//! How fast intake is: bytes of delimited text to Arrow columns, on one thread, by stage.
//!
//! `cargo run --release -p bordereau-files --example intake_speed [MEGABYTES [BLOCK_KIBIBYTES]]` makes tables
//! from a fixed seed in a temporary folder and prints megabytes (10^6 bytes of unpacked text) per second, the best of
//! several runs: cutting blocks, tokenising them, and both one after the other; for comparison the bare reader of
//! `simd-csv`, which makes no columns. What is measured depends much on how the allocator reuses memory. The files
//! lie in the page cache. Linux tells how long this thread had a core, which is what is measured there, so that a
//! busy machine matters little; elsewhere it is the clock. No reference data is used.

use bordereau_base::limits::IntakeLimits;
use bordereau_files::intake::{Block, Delimiter, IntakeError, Projection, Upload};
use simd_csv::ZeroCopyReaderBuilder;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

const RUNS: usize = 5;

/// A small generator of numbers, the same everywhere (SplitMix64).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Insureds as the guides have them: names, an address with commas in quotes, codes and counts.
fn insureds(bytes: usize) -> String {
    let mut seeded = Seeded(1);
    let mut text =
        String::from("policy,effective,mod,flag,name,address,city,state,zip,h1,h2,h3,c1,c2,c3,underwriter\n");
    while text.len() < bytes {
        let number = seeded.below(10_000_000);
        let year = 2010 + seeded.below(10);
        let street = seeded.below(9_999);
        let zip = 10_000 + seeded.below(80_000);
        let _ = writeln!(
            text,
            "WC{number:09},{}/{}/{year},0.{:02},N,Insured {number} Inc,\"{street} Main Street, Anytown, CO\",Anytown,CO,\
             {zip},Y,N,Y,{},,{},Underwriter {}",
            1 + seeded.below(12),
            1 + seeded.below(28),
            70 + seeded.below(30),
            seeded.below(5),
            seeded.below(9),
            seeded.below(40),
        );
    }
    text
}

/// Classes: short values without quotes, the worst case for a cost per value.
fn classes(bytes: usize) -> String {
    let mut seeded = Seeded(2);
    let mut text = String::from("policy|effective|state|class|payroll\n");
    while text.len() < bytes {
        let number = seeded.below(10_000_000);
        let year = 2010 + seeded.below(10);
        let (code, payroll) = (seeded.below(9_999), seeded.below(1_000_000));
        let _ = writeln!(text, "WC{number:09}|7/7/{year}|CO|{code:04}|{payroll}");
    }
    text
}

/// Every value in quotes, some with doubled ones, some with Windows line ends inside.
fn notes(bytes: usize) -> String {
    let mut seeded = Seeded(3);
    let mut text = String::from("\"claim\",\"date\",\"note\",\"amount\"\r\n");
    while text.len() < bytes {
        let number = seeded.below(10_000_000);
        let note = match seeded.below(4) {
            0 => "fell from \"\"the\"\" ladder\r\nwas seen at once",
            1 => "burn, left hand",
            _ => "no further treatment needed, modified duty accepted",
        };
        let _ = write!(text, "\"{number:011}\",\"2016-02-01\",\"{note}\",\"{}\"\r\n", seeded.below(100_000));
    }
    text
}

/// Seconds this thread has had a core, or the clock where the system does not tell.
fn seconds(started: Instant) -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|told| told.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| started.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn best_seconds(mut run: impl FnMut() -> Result<f64, IntakeError>) -> Result<f64, IntakeError> {
    (0..RUNS).try_fold(f64::INFINITY, |best, _| Ok(best.min(run()?)))
}

fn blocks(upload: &Upload, block_bytes: usize) -> Result<(usize, Vec<Block>), IntakeError> {
    let mut rows = upload.read_in_blocks(0, block_bytes)?;
    let columns = rows.header().len();
    let mut blocks = Vec::new();
    while let Some(block) = rows.next_block()? {
        blocks.push(block);
    }
    Ok((columns, blocks))
}

fn bare_reader(path: &Path, delimiter: Delimiter) -> Result<(), IntakeError> {
    let mut reader = ZeroCopyReaderBuilder::with_capacity(1 << 20)
        .delimiter(delimiter.byte())
        .flexible(true)
        .from_reader(fs::File::open(path)?);
    while let Some(record) = reader.read_byte_record().map_err(io::Error::other)? {
        black_box(record.len());
    }
    Ok(())
}

fn measure(path: &Path, label: &str, block_bytes: usize) -> Result<(), Box<dyn Error>> {
    let upload = Upload::open(&[path.to_owned()], &IntakeLimits::default())?;
    let clock = Instant::now();
    let timed = |run: &mut dyn FnMut() -> Result<(), IntakeError>| {
        let started = seconds(clock);
        run()?;
        Ok(seconds(clock) - started)
    };
    let cut = best_seconds(|| {
        timed(&mut || {
            let mut rows = upload.read_in_blocks(0, block_bytes)?;
            while let Some(block) = rows.next_block()? {
                black_box(block);
            }
            Ok(())
        })
    })?;
    let tokenise = best_seconds(|| {
        let (columns, blocks) = blocks(&upload, block_bytes)?;
        let projection = Projection::all(columns);
        let mut blocks = blocks.into_iter();
        timed(&mut || blocks.try_for_each(|block| block.tokenize(&projection).map(|rows| drop(black_box(rows)))))
    })?;
    let both = best_seconds(|| {
        timed(&mut || {
            let mut rows = upload.read_in_blocks(0, block_bytes)?;
            let projection = Projection::all(rows.header().len());
            while let Some(block) = rows.next_block()? {
                black_box(block.tokenize(&projection)?);
            }
            Ok(())
        })
    })?;
    let bytes = upload.bytes_total();
    let bare = best_seconds(|| timed(&mut || bare_reader(path, upload.read(0)?.assumptions().delimiter)))?;
    let speed = |seconds: f64| bytes as f64 / 1e6 / seconds;
    let [cut, tokenise, both, bare] = [cut, tokenise, both, bare].map(speed);
    let figures = format!("cut {cut:>6.0}   tokenise {tokenise:>6.0}   both {both:>6.0}   simd-csv {bare:>6.0}   MB/s");
    writeln!(io::stdout(), "{label:<24} {figures}")?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let megabytes: usize = arguments.next().map_or(Ok(100), |argument| argument.parse())?;
    let block_bytes = 1024 * arguments.next().map_or(Ok(1024), |argument| argument.parse::<usize>())?;
    let folder = tempfile::tempdir()?;
    for (name, make) in [("insured.csv", insureds as fn(usize) -> String), ("class.psv", classes), ("note.csv", notes)]
    {
        let text = make(megabytes * 1_000_000);
        let path = folder.path().join(name);
        fs::write(&path, &text)?;
        measure(&path, name, block_bytes)?;
    }
    let accented = insureds(megabytes * 1_000_000).replace("Anytown", "Montréal");
    let path = folder.path().join("insured_1252.csv");
    fs::write(&path, encoding_rs::WINDOWS_1252.encode(&accented).0)?;
    measure(&path, "insured, Windows-1252", block_bytes)?;
    let path = folder.path().join("insured_utf16.csv");
    fs::write(&path, accented.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())?;
    measure(&path, "insured, UTF-16", block_bytes)?;
    Ok(())
}
