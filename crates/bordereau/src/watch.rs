//! Shows how far a batch is: a bar on a terminal, plain lines elsewhere.
//!
//! A thread looks at the counters of [`Progress`] a few times a second and writes to standard error; the stages know
//! nothing of it.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bordereau_base::state::Stage;
use bordereau_engine::progress::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal::warn;
use bordereau_base::figure::grouped;

const BAR_EVERY: Duration = Duration::from_millis(100);
/// A line for each change of stage, and one in between after this long.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// A watcher; it stops when it is dropped.
#[derive(Debug)]
pub struct Watch {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Starts to watch.
    pub fn start(progress: Arc<Progress>) -> Self {
        let (done, stopped) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let mut screen = Screen::new();
            let every = screen.every();
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                screen.show(&Snapshot::of(&progress));
            }
            screen.clear();
        });
        Self { done: Some(done), thread: Some(thread) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.done = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the watcher must not hide the outcome of the batch.
            let _ = thread.join();
        }
    }
}

/// What the counters say at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Snapshot {
    stage: Stage,
    /// 0 to 1 within the stage; nothing when it cannot be said.
    share: Option<f64>,
    bytes_read: u64,
    rows_read: u64,
    records_scored: u64,
    records_total: u64,
}

impl Snapshot {
    fn of(progress: &Progress) -> Self {
        let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let (bytes_read, bytes_total) = (get(&progress.bytes_read), get(&progress.bytes_total));
        let (records_scored, records_total) = (get(&progress.records_scored), get(&progress.records_total));
        let stage = progress.stage();
        let share = |part: u64, whole: u64| (whole > 0).then(|| (part as f64 / whole as f64).min(1.0));
        let share = match stage {
            Stage::Validate | Stage::Profile => share(bytes_read, bytes_total),
            Stage::Score | Stage::Contribute => share(records_scored, records_total),
            Stage::Link | Stage::Pack => None,
        };
        Self { stage, share, bytes_read, rows_read: get(&progress.rows_read), records_scored, records_total }
    }

    fn sentence(&self) -> String {
        let mib = self.bytes_read >> 20;
        match self.stage {
            Stage::Validate => format!("validate: {mib} MiB, {} rows read", grouped(self.rows_read)),
            Stage::Profile => format!("profile: {mib} MiB, {} rows read", grouped(self.rows_read)),
            Stage::Link => format!("link: keys and references of {} rows", grouped(self.rows_read)),
            Stage::Score => {
                format!("score: {} of {} records", grouped(self.records_scored), grouped(self.records_total))
            }
            Stage::Contribute => {
                format!("contribute: {} of {} records", grouped(self.records_scored), grouped(self.records_total))
            }
            Stage::Pack => format!("pack: {} records", grouped(self.records_scored)),
        }
    }
}

enum Screen {
    Bar { bar: ProgressBar, stage: Option<(Stage, Instant)> },
    Lines { last: Option<(Stage, Instant)> },
}

impl Screen {
    fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines { last: None };
        }
        let bar = ProgressBar::new(1_000);
        let style = ProgressStyle::with_template("{bar:30} {percent:>3}% {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self::Bar { bar, stage: None }
    }

    fn every(&self) -> Duration {
        BAR_EVERY
    }

    fn show(&mut self, now: &Snapshot) {
        match self {
            Self::Lines { last } => {
                if last.is_none_or(|(stage, at)| stage != now.stage || at.elapsed() >= LINE_EVERY) {
                    *last = Some((now.stage, Instant::now()));
                    warn(now.sentence());
                }
            }
            Self::Bar { bar, stage } => {
                let (_, since) = *match stage {
                    Some(known) if known.0 == now.stage => known,
                    _ => stage.insert((now.stage, Instant::now())),
                };
                bar.set_position((now.share.unwrap_or(0.0) * 1_000.0) as u64);
                bar.set_message(match now.share.and_then(|share| time_left(since.elapsed(), share)) {
                    Some(left) => format!("{}, {left} left", now.sentence()),
                    None => now.sentence(),
                });
            }
        }
    }

    fn clear(&self) {
        if let Self::Bar { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}

/// Time the stage still takes, said once there is something to go by.
fn time_left(elapsed: Duration, share: f64) -> Option<String> {
    if share < 0.02 || elapsed < Duration::from_millis(500) {
        return None;
    }
    let seconds = (elapsed.as_secs_f64() * (1.0 - share) / share).ceil() as u64;
    Some(match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3_600, seconds / 60 % 60),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_said_in_the_unit_that_fits() {
        for (elapsed, share, expected) in
            [(10, 0.01, None), (10, 0.5, Some("10 s")), (100, 0.5, Some("1:40 min")), (4_000, 0.5, Some("1:06 h"))]
        {
            assert_eq!(time_left(Duration::from_secs(elapsed), share).as_deref(), expected);
        }
    }

    #[test]
    fn sentences_say_where_the_batch_is() {
        let progress = Progress::default();
        progress.bytes_total.store(10 << 20, Ordering::Relaxed);
        progress.bytes_read.store(5 << 20, Ordering::Relaxed);
        progress.rows_read.store(1_234, Ordering::Relaxed);
        let now = Snapshot::of(&progress);
        assert_eq!((now.share, now.sentence().as_str()), (Some(0.5), "validate: 5 MiB, 1,234 rows read"));
        progress.enter(Stage::Score);
        progress.records_total.store(4, Ordering::Relaxed);
        progress.records_scored.store(1, Ordering::Relaxed);
        let now = Snapshot::of(&progress);
        assert_eq!((now.share, now.sentence().as_str()), (Some(0.25), "score: 1 of 4 records"));
    }
}
