//! A step over a stream of inputs on several threads, its outputs taken in the order of the inputs.
//!
//! One thread makes the inputs, workers turn each into an output, and the calling thread takes the outputs as if one
//! thread had made them one after the other: what is taken never depends on the number of threads. The number of inputs
//! and outputs under way is fixed, so memory is bounded whatever the speed of each side. Threads that the system does
//! not start are done without, down to the calling thread alone. Knows nothing of what it carries.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::Builder;

/// A thread of a step panicked: a fault of ours. Holds the name of the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a worker thread of the {0} stage ended early")]
pub struct Panicked(pub &'static str);

/// Inputs under way for each worker, waiting ones included.
const UNDER_WAY: usize = 3;

/// Runs the step. `source` gives the inputs until it gives none; `worker` is called once on each worker thread and
/// gives the step, which may keep what it likes between two inputs; `sink` takes the outputs in order.
///
/// # Errors
/// The first error in the order of the inputs, whichever of the three it came from; [`Panicked`] with the name of
/// `stage` when one of them panicked.
pub fn run<I: Send, O: Send, E: From<Panicked> + Send, S: FnMut(I) -> Result<O, E>>(
    stage: &'static str,
    threads: NonZeroUsize,
    source: impl FnMut() -> Result<Option<I>, E> + Send,
    worker: impl Fn() -> S + Sync,
    sink: impl FnMut(O) -> Result<(), E>,
) -> Result<(), E> {
    run_on(Builder::new, stage, threads, source, worker, sink)
}

/// As [`run`], on threads that `thread` describes.
fn run_on<I: Send, O: Send, E: From<Panicked> + Send, S: FnMut(I) -> Result<O, E>>(
    mut thread: impl FnMut() -> Builder,
    stage: &'static str,
    threads: NonZeroUsize,
    mut source: impl FnMut() -> Result<Option<I>, E> + Send,
    worker: impl Fn() -> S + Sync,
    mut sink: impl FnMut(O) -> Result<(), E>,
) -> Result<(), E> {
    let under_way = threads.get() * UNDER_WAY;
    let (permit, permits) = sync_channel(under_way);
    for _ in 0..under_way {
        let _ = permit.send(());
    }
    let (input, inputs) = channel();
    let (output, outputs) = channel();
    let inputs = Mutex::new(inputs);
    let on_threads = std::thread::scope(|scope| {
        for started in 0..threads.get() {
            let (inputs, output, worker) = (&inputs, output.clone(), &worker);
            match thread().spawn_scoped(scope, move || work(stage, worker, inputs, &output)) {
                Ok(_) => {}
                // As many as there are. What was to run on the others is dropped, and its end of the channel with it.
                Err(_) if started > 0 => break,
                Err(_) => return None,
            }
        }
        let source = &mut source;
        let making = thread().spawn_scoped(scope, move || produce(stage, source, &permits, &input, &output));
        // Permits and outputs end with this call, so that the threads stop soon after an error.
        making.ok().map(|_| caught(stage, || collect(outputs, permit, &mut sink)))
    });
    on_threads.unwrap_or_else(|| alone(stage, source, worker, sink))
}

/// Runs the step on the calling thread.
fn alone<I, O, E: From<Panicked>, S: FnMut(I) -> Result<O, E>>(
    stage: &'static str,
    mut source: impl FnMut() -> Result<Option<I>, E>,
    worker: impl Fn() -> S,
    mut sink: impl FnMut(O) -> Result<(), E>,
) -> Result<(), E> {
    caught(stage, || {
        let mut step = worker();
        while let Some(input) = source()? {
            sink(step(input)?)?;
        }
        Ok(())
    })
}

/// Runs `step` for each of `0..count`, in no particular order.
///
/// # Errors
/// As [`run`].
pub fn each<E: From<Panicked> + Send>(
    stage: &'static str,
    threads: NonZeroUsize,
    count: usize,
    step: impl Fn(usize) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let mut next = 0..count;
    run(stage, threads, || Ok(next.next()), || &step, Ok)
}

type Numbered<T> = (u64, T);

fn produce<I, O, E: From<Panicked>>(
    stage: &'static str,
    mut source: impl FnMut() -> Result<Option<I>, E>,
    permits: &Receiver<()>,
    input: &Sender<Numbered<I>>,
    failed: &Sender<Numbered<Result<O, E>>>,
) {
    for number in 0.. {
        if permits.recv().is_err() {
            return;
        }
        match caught(stage, &mut source) {
            Ok(Some(item)) => {
                if input.send((number, item)).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                let _ = failed.send((number, Err(error)));
                return;
            }
        }
    }
}

fn work<I, O, E: From<Panicked>, S: FnMut(I) -> Result<O, E>>(
    stage: &'static str,
    worker: impl Fn() -> S,
    inputs: &Mutex<Receiver<Numbered<I>>>,
    output: &Sender<Numbered<Result<O, E>>>,
) {
    // A worker that could not be made still answers for the inputs that it takes.
    let mut step = caught::<S, E>(stage, || Ok(worker()));
    loop {
        let next = inputs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, item)) = next else { return };
        let done = match &mut step {
            Ok(step) => caught(stage, || step(item)),
            Err(_) => Err(Panicked(stage).into()),
        };
        if output.send((number, done)).is_err() {
            return;
        }
    }
}

/// A panic is a fault of ours; it must end the batch and nothing else, and nobody may wait for its output.
fn caught<T, E: From<Panicked>>(stage: &'static str, call: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(Panicked(stage).into()))
}

fn collect<O, E>(
    outputs: Receiver<Numbered<Result<O, E>>>,
    permit: SyncSender<()>,
    mut sink: impl FnMut(O) -> Result<(), E>,
) -> Result<(), E> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (number, output) in outputs {
        early.insert(number, output);
        while let Some(output) = early.remove(&next) {
            sink(output?)?;
            next += 1;
            let _ = permit.send(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Error {
        Input(u64),
        Cancelled,
        Worker(&'static str),
    }

    impl From<Panicked> for Error {
        fn from(Panicked(stage): Panicked) -> Self {
            Self::Worker(stage)
        }
    }

    fn threads(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    #[test]
    fn outputs_come_in_the_order_of_the_inputs() {
        for count in 1..5 {
            let mut inputs = 0..1_000u64;
            let mut taken = Vec::new();
            let step = || |n: u64| Ok((0..n % 7 * 100).fold(n, |n, _| std::hint::black_box(n)));
            let sink = |n| {
                taken.push(n);
                Ok::<_, Error>(())
            };
            run("test", threads(count), || Ok(inputs.next()), step, sink).unwrap();
            assert!(taken.iter().copied().eq(0..1_000));
        }
    }

    /// Threads of which the system starts the first `count` only: for the others it would need more memory than there
    /// is.
    fn starting(count: usize) -> impl FnMut() -> Builder {
        let mut left = count;
        move || match std::mem::take(&mut left) {
            0 => Builder::new().stack_size(1 << 62),
            some => {
                left = some - 1;
                Builder::new()
            }
        }
    }

    #[test]
    fn threads_that_cannot_be_started_are_done_without() {
        for count in 0..6 {
            let mut inputs = 0..100_u32;
            let mut taken = Vec::new();
            let sink = |n| {
                taken.push(n);
                Ok::<_, Error>(())
            };
            run_on(starting(count), "test", threads(4), || Ok(inputs.next()), || Ok, sink).unwrap();
            assert!(taken.iter().copied().eq(0..100), "{count}");
            let mut inputs = 0..100_u32;
            let step = || |n: u32| if n < 50 { Ok(n) } else { Err(Error::Input(n.into())) };
            let ended = run_on(starting(count), "test", threads(4), || Ok(inputs.next()), step, |_| Ok(()));
            assert_eq!(ended, Err(Error::Input(50)), "{count}");
            let mut inputs = 0..100_u32;
            let source = || if inputs.len() == 50 { panic!("on purpose") } else { Ok(inputs.next()) };
            let ended = run_on(starting(count), "test", threads(4), source, || Ok, |_| Ok(()));
            assert_eq!(ended, Err(Error::Worker("test")), "{count}");
        }
    }

    #[test]
    fn the_first_error_in_order_ends_the_run() {
        for count in 1..5 {
            let mut inputs = 0..;
            let mut taken = 0;
            let step = || |n: u64| if n < 50 { Ok(n) } else { Err(Error::Input(n)) };
            let sink = |_| {
                taken += 1;
                Ok(())
            };
            let ended = run("test", threads(count), || Ok(inputs.next()), step, sink);
            assert!(matches!(ended, Err(Error::Input(50))));
            assert_eq!(taken, 50);
        }
    }

    #[test]
    fn sources_and_sinks_end_the_run_too() {
        let mut inputs = 0..;
        let source = || match inputs.next() {
            Some(n) if n < 9 => Ok(Some(n)),
            _ => Err(Error::Cancelled),
        };
        assert!(matches!(run("test", threads(2), source, || Ok, |_: u64| Ok(())), Err(Error::Cancelled)));
        let mut endless = 0u64..;
        let ended = run("test", threads(2), || Ok(endless.next()), || Ok, |_| Err(Error::Cancelled));
        assert!(matches!(ended, Err(Error::Cancelled)));
    }

    #[test]
    fn a_panic_anywhere_is_an_error_of_the_stage() {
        let ended = each("test", threads(2), 10, |n| if n == 3 { panic!("on purpose") } else { Ok(()) });
        assert!(matches!(ended, Err(Error::Worker("test"))));
        for count in 1..4 {
            let mut inputs = 0..100;
            let source = || if inputs.len() == 50 { panic!("on purpose") } else { Ok(inputs.next()) };
            assert!(matches!(run("test", threads(count), source, || Ok, |_| Ok(())), Err(Error::Worker("test"))));
            let mut inputs = 0..100;
            let worker = || if count > 0 { panic!("on purpose") } else { Ok };
            let ended = run("test", threads(count), || Ok(inputs.next()), worker, |_| Ok(()));
            assert!(matches!(ended, Err(Error::Worker("test"))));
            let mut inputs = 0..100;
            let sink = |n| if n == 50 { panic!("on purpose") } else { Ok(()) };
            assert!(matches!(
                run("test", threads(count), || Ok(inputs.next()), || Ok, sink),
                Err(Error::Worker("test"))
            ));
        }
    }
}
