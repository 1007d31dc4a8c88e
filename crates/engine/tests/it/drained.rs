//! Batches that are stopped while they score and gone on with from their checkpoint: the results have the same bytes as
//! if nothing had happened, nothing is computed twice, and a checkpoint that does not fit costs time only.

use std::fs::File;
use std::io::{Read, Seek};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bordereau_engine::Error;
use bordereau_engine::batch::{BatchSpec, Options, Outcome, ResultFormat, score_batch};
use bordereau_engine::checkpoint::{Checkpoint, Told};
use bordereau_engine::progress::Progress;
use bordereau_engine::release::Release;
use bordereau_engine::release::manifest::Explanations;

use crate::fixture::{options, release_with};

const RECORDS: usize = 20_000;
/// What lies before a member's name in a zip.
const LOCAL_HEADER_BYTES: usize = 30;

/// A folder with a book, and one for checkpoints and results.
struct Desk {
    folder: tempfile::TempDir,
    release: Arc<Release>,
}

/// Results without the times in them: all bytes of the zip but the last member's, and that one's digest.
#[derive(Debug, PartialEq)]
struct Results {
    members: Vec<u8>,
    digest: String,
}

/// A run that came to its end or was stopped.
struct Run {
    ended: Result<Outcome, Error>,
    told: Vec<Told>,
    progress: Arc<Progress>,
    results: Vec<u8>,
}

impl Run {
    fn results(&self) -> Results {
        let outcome = self.ended.as_ref().unwrap();
        // The summary is the last member and stored; all before it stays the same.
        let name = self.results.windows(12).position(|bytes| bytes == b"summary.json").unwrap();
        Results { members: self.results[..name - LOCAL_HEADER_BYTES].to_vec(), digest: outcome.summary.digest.clone() }
    }

    /// Records that this run has scored itself.
    fn scored(&self) -> u64 {
        self.progress.records_scored_here()
    }

    fn saved(&self) -> Option<(usize, u64)> {
        self.told.iter().find_map(|told| match told {
            Told::Saved { ranges, records, .. } => Some((*ranges, *records)),
            _ => None,
        })
    }

    fn resumed(&self) -> Option<(usize, u64)> {
        self.told.iter().find_map(|told| match told {
            Told::Resumed { ranges, records } => Some((*ranges, *records)),
            _ => None,
        })
    }

    fn unusable(&self) -> Option<&str> {
        self.told.iter().find_map(|told| match told {
            Told::Unusable(why) => Some(why.as_str()),
            _ => None,
        })
    }
}

impl Desk {
    fn new(edits: &[(&str, &str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut text = "number,effective,amount,kind,renewal,holder\n".to_owned();
        for at in 0..RECORDS {
            let amount = if at % 50 == 7 { String::new() } else { ((at * 7_919) % 97 * 10).to_string() };
            let kind = ["shop", "farm", "barn"][at % 3];
            let number = if at % 1_001 == 1_000 { "" } else { "P" };
            text.push_str(&format!("{number}{at},2020-01-31,{amount},{kind},N,\"H, {at}\"\n"));
        }
        std::fs::create_dir(folder.path().join("upload")).unwrap();
        std::fs::write(folder.path().join("upload/policy.csv"), text).unwrap();
        Self { folder, release: release_with(edits) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the batch and stops it, once `stop` says so.
    fn run(
        &self,
        options: &Options,
        from: Option<&Path>,
        to: &Path,
        stop: impl Fn(&Told) -> bool + Send + Sync + 'static,
    ) -> Run {
        let (progress, told) = (Arc::new(Progress::default()), Arc::new(Mutex::new(Vec::new())));
        let (stopped, list) = (Arc::clone(&progress), Arc::clone(&told));
        let tell = Arc::new(move |told: Told| {
            if stop(&told) {
                stopped.drain();
            }
            list.lock().unwrap().push(told);
        });
        let checkpoint = Checkpoint {
            of: "this upload".to_owned(),
            from: from.map(Path::to_owned),
            to: to.to_owned(),
            time_max: Duration::from_secs(3_600),
            tell,
        };
        let options = Options { checkpoint: Some(checkpoint), ..options.clone() };
        let spec = BatchSpec {
            release: Arc::clone(&self.release),
            submission: "scoring".parse().unwrap(),
            customer: None,
            batch_key: None,
            upload: vec![self.path("upload")],
        };
        let mut out = tempfile::tempfile().unwrap();
        let ended = score_batch(&spec, &options, &progress, &out);
        let told = std::mem::take(&mut *told.lock().unwrap());
        Run { ended, told, progress, results: bytes(&mut out) }
    }

    fn whole(&self, options: &Options) -> Run {
        let run = self.run(options, None, &self.path("none"), |_| false);
        assert!(!self.path("none").exists());
        run
    }
}

fn bytes(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

/// Stops at the end of each range in turn, each run going on from the one before, until nothing is left to do.
fn stop_at_every_range(desk: &Desk, options: &Options) {
    let whole = desk.whole(options);
    let ranges = whole.told.iter().filter(|told| matches!(told, Told::Scored { .. })).count();
    assert!(ranges >= 3, "{ranges}");
    let later = whole.told.iter().filter(|told| matches!(told, Told::Explained { .. })).count();
    let (mut from, mut saved, mut scored) = (None, None, 0);
    for at in 0..ranges + later {
        let to = desk.path(&format!("{at}.checkpoint"));
        let stop = |told: &Told| matches!(told, Told::Scored { .. } | Told::Explained { .. });
        let run = desk.run(options, from.as_deref(), &to, stop);
        assert!(matches!(run.ended, Err(Error::Cancelled)), "{at}");
        assert_eq!(run.resumed(), saved);
        assert_eq!(run.saved().map(|(ranges, _)| ranges), Some(ranges.min(at + 1)));
        assert_eq!(run.unusable(), None);
        saved = run.saved();
        scored += run.scored();
        from = Some(to);
    }
    let last = desk.run(options, from.as_deref(), &desk.path("last"), |_| false);
    assert_eq!((last.resumed(), last.scored()), (saved, 0));
    assert_eq!(scored, whole.scored(), "each record once");
    assert!(last.results() == whole.results());
    assert_eq!(last.ended.unwrap().summary.models, whole.ended.unwrap().summary.models);
    assert!(!desk.path("last").exists());
}

#[test]
fn promise_4_a_batch_that_is_stopped_at_every_range_has_the_same_results() {
    let desk = Desk::new(&[]);
    for format in [ResultFormat::Csv, ResultFormat::Parquet] {
        for (explanations, threads) in [(Explanations::Top(0), 3), (Explanations::Top(1), 1), (Explanations::All, 3)] {
            let threads = NonZeroUsize::new(threads).unwrap();
            stop_at_every_range(&desk, &Options { format, threads, explanations: Some(explanations), ..options() });
        }
    }
}

#[test]
fn promise_4_a_batch_that_explains_by_rank_is_gone_on_with_where_it_was() {
    let by_rank = |name: &str, how: &str| format!("name = \"{name}\"\nexplain = {how}");
    let desk = Desk::new(&[
        ("solution.toml", "name = \"risk\"", &by_rank("risk", "{ lowest = 0.3 }")),
        ("solution.toml", "name = \"price\"", &by_rank("price", "{ highest = 0.1 }")),
    ]);
    for (format, threads) in [(ResultFormat::Csv, 1), (ResultFormat::Csv, 3), (ResultFormat::Parquet, 3)] {
        let threads = NonZeroUsize::new(threads).unwrap();
        stop_at_every_range(&desk, &Options { format, threads, ..options() });
    }
}

#[test]
fn a_customers_cancel_saves_nothing() {
    let desk = Desk::new(&[]);
    let to = desk.path("1.checkpoint");
    let progress = Arc::new(Progress::default());
    progress.drain();
    assert!(progress.is_draining());
    progress.cancel();
    progress.drain();
    assert!(!progress.is_draining() && progress.check().is_err());
    // Nothing is scored before the end of the first range.
    let run = desk.run(&options(), None, &to, |_| true);
    assert_eq!(run.saved().map(|(ranges, _)| ranges), Some(1));
    let again =
        desk.run(&options(), Some(&to), &desk.path("2.checkpoint"), |told| matches!(told, Told::Resumed { .. }));
    assert!(matches!(again.ended, Err(Error::Cancelled)));
    assert_eq!((again.scored(), again.saved()), (0, None));
    assert!(to.exists() && !desk.path("2.checkpoint").exists(), "the first is as good");
}

#[test]
fn promise_4_a_checkpoint_that_does_not_fit_is_left_aside_and_all_starts_over() {
    let desk = Desk::new(&[]);
    let to = desk.path("1.checkpoint");
    let expected = desk.whole(&options()).results();
    desk.run(&options(), None, &to, |told| *told == Told::Scored { ranges: 2 });
    let sound = std::fs::read(&to).unwrap();
    let starts_over = |options: &Options, why: &str| {
        let run = desk.run(options, Some(&to), &desk.path("2.checkpoint"), |_| false);
        assert_eq!((run.unusable(), run.resumed()), (Some(why), None));
        run.results()
    };
    for cut in [0, 24, sound.len() / 2, sound.len() - 1] {
        std::fs::write(&to, &sound[..cut]).unwrap();
        let why = if cut < 64 { "it is no checkpoint of this format" } else { "it is damaged" };
        assert!(starts_over(&options(), why) == expected, "{cut} bytes");
    }
    for flipped in [0, 30, sound.len() / 2, sound.len() - 1] {
        let mut damaged = sound.clone();
        damaged[flipped] ^= 4;
        std::fs::write(&to, damaged).unwrap();
        let why = if flipped == 0 { "it is no checkpoint of this format" } else { "it is damaged" };
        assert!(starts_over(&options(), why) == expected, "byte {flipped}");
    }
    std::fs::remove_file(&to).unwrap();
    assert!(starts_over(&options(), "reading failed: entity not found") == expected);
    std::fs::write(&to, &sound).unwrap();
    // Asked for in another way, of another release, of another upload.
    let other = "it is of another upload, release or request";
    for options in [
        Options { format: ResultFormat::Parquet, ..options() },
        Options { explanations: Some(Explanations::All), ..options() },
    ] {
        let whole = desk.whole(&options).results();
        assert!(starts_over(&options, other) == whole);
    }
    let renamed = Desk::new(&[("solution.toml", "A small release", "Another release")]);
    let run = renamed.run(&options(), Some(&to), &desk.path("2.checkpoint"), |_| false);
    assert_eq!(run.unusable(), Some(other));
    std::fs::write(
        desk.path("upload/policy.csv"),
        "number,effective,amount,kind,renewal,holder\nP1,2020-01-31,1,shop,N,\n",
    )
    .unwrap();
    let run = desk.run(&options(), Some(&to), &desk.path("2.checkpoint"), |_| false);
    assert_eq!((run.unusable(), run.scored()), (Some(other), 1));
}

#[test]
fn what_cannot_be_saved_ends_the_batch_all_the_same() {
    let desk = Desk::new(&[]);
    let run = desk.run(&options(), None, &desk.path("no folder/1.checkpoint"), |_| true);
    assert!(matches!(run.ended, Err(Error::Cancelled)));
    assert!(matches!(run.told.last(), Some(Told::NotSaved(why)) if why == "entity not found"), "{:?}", run.told.last());
}
