//! How long one event takes to all who wait for it: N long polls to a server on loopback, one event, the time until
//! each answer has been read whole.
//!
//! ```text
//! longpoll OURS|NCHAN ADDRESS WAITERS ROUNDS [MATCHING] [PID]...
//! ```
//! Against a bordereau server (user `ann`, password `correct horse`, the zip named by `LONGPOLL_ZIP`) the event is that
//! of an upload, from the first byte of the POST; its durable commit is in the time. Against nginx with nchan it is a
//! message that is published. With MATCHING below WAITERS only so many of them want the event. Prints a JSON object:
//! microseconds as medians over the rounds, and the resident KiB of the processes PID before anybody waited, while all
//! did, and the microseconds of CPU they took for the event. One thread; connections are kept and used again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a benchmark")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// `ann:correct horse`.
const BASIC: &str = "Authorization: Basic YW5uOmNvcnJlY3QgaG9yc2U=\r\n";
/// Polls that are being begun at the same time.
const BEGINNING: usize = 256;
const SETTLE: Duration = Duration::from_millis(1_500);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ours,
    Nchan,
}

impl Kind {
    /// What the client of that number asks. Those who want something else wait for a key of their own each, under which
    /// nobody sends a batch.
    fn poll(self, round: usize, number: usize, matches: bool) -> String {
        match (self, matches) {
            (Self::Ours, true) => format!(
                "GET /solutions/longpoll/subscribe?filter=state,accepted&timeout=300 HTTP/1.1\r\nHost: x\r\n{BASIC}\r\n"
            ),
            (Self::Ours, false) => format!(
                "GET /solutions/longpoll/subscribe?filter=state,accepted,batchKey,\
                 {number:08x}-0000-4000-8000-000000000000&timeout=300 HTTP/1.1\r\nHost: x\r\n{BASIC}\r\n"
            ),
            (Self::Nchan, true) => format!("GET /sub/job{round} HTTP/1.1\r\nHost: x\r\n\r\n"),
            (Self::Nchan, false) => format!("GET /sub/other{number} HTTP/1.1\r\nHost: x\r\n\r\n"),
        }
    }

    fn publish(self, round: usize) -> Vec<u8> {
        if self == Self::Nchan {
            let body = format!("{{\"round\":{round},\"pad\":\"{}\"}}", "x".repeat(220));
            let head = format!("POST /pub/job{round} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n", body.len());
            return format!("{head}Connection: close\r\n\r\n{body}").into_bytes();
        }
        let zip = std::fs::read(std::env::var_os("LONGPOLL_ZIP").expect("LONGPOLL_ZIP names a zip")).unwrap();
        let mut body = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b.zip\"\r\n\r\n".to_vec();
        body.extend_from_slice(&zip);
        body.extend_from_slice(b"\r\n--b--\r\n");
        let mut request = format!(
            "POST /api/2/batch/insureright/scoring HTTP/1.1\r\nHost: x\r\n{BASIC}Content-Type: multipart/form-data; \
             boundary=b\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(&body);
        request
    }
}

/// Reads one answer to its end.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) {
    buffer.clear();
    let mut piece = [0; 2_048];
    loop {
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "the server closed a connection: {}", String::from_utf8_lossy(buffer));
        buffer.extend_from_slice(&piece[..read]);
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = std::str::from_utf8(&buffer[..end]).unwrap();
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
            });
            if buffer.len() >= end + 4 + length.expect("an answer has a length") {
                return;
            }
        }
    }
}

async fn publish(address: &str, request: &[u8]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(request).await.unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.unwrap();
    let status = String::from_utf8_lossy(&said[..said.len().min(15)]).into_owned();
    assert!(status.starts_with("HTTP/1.1 20"), "{}", String::from_utf8_lossy(&said));
}

fn rss_kib(pids: &[String]) -> u64 {
    let of = |pid: &String| -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = text.lines().find(|line| line.starts_with("Rss:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    pids.iter().filter_map(of).sum()
}

/// Microseconds that all threads of the processes ran so far.
fn cpu_us(pids: &[String]) -> u64 {
    let of = |pid: &String| -> Option<u64> {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
        let ran = threads.filter_map(|thread| {
            let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        Some(ran.sum::<u64>() / 1_000)
    };
    pids.iter().filter_map(of).sum()
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

/// One round: the streams come back to be used again, and microseconds of those that matched, in order.
async fn round(
    kind: Kind,
    address: &str,
    number: usize,
    streams: Vec<TcpStream>,
    matching: usize,
    pids: &[String],
) -> (Vec<TcpStream>, Vec<u64>, u64, u64) {
    let (waiters, sent) = (streams.len(), Arc::new(AtomicUsize::new(0)));
    let (began, room) = (Arc::new(std::sync::OnceLock::<Instant>::new()), Arc::new(Semaphore::new(BEGINNING)));
    let mut polls = JoinSet::new();
    let mut idle = Vec::new();
    for (at, mut stream) in streams.into_iter().enumerate() {
        let request = kind.poll(number, at, at < matching);
        if at >= matching {
            // Those who want something else are asked once, in the first round, and wait on.
            if number == 0 {
                stream.write_all(request.as_bytes()).await.unwrap();
            }
            sent.fetch_add(1, Ordering::Relaxed);
            idle.push(stream);
            continue;
        }
        let (sent, began, room) = (Arc::clone(&sent), Arc::clone(&began), Arc::clone(&room));
        polls.spawn(async move {
            let place = room.acquire().await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            drop(place);
            sent.fetch_add(1, Ordering::Relaxed);
            let mut buffer = Vec::new();
            answer(&mut stream, &mut buffer).await;
            (stream, began.get().expect("no answer before the event").elapsed())
        });
    }
    while sent.load(Ordering::Relaxed) < waiters {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(SETTLE).await;
    let (parked, cpu) = (rss_kib(pids), cpu_us(pids));
    let request = kind.publish(number);
    began.set(Instant::now()).unwrap();
    let (address, mut times, mut back) = (address.to_owned(), Vec::new(), Vec::new());
    let publishing = tokio::spawn(async move { publish(&address, &request).await });
    while let Some(done) = polls.join_next().await {
        let (stream, took) = done.unwrap();
        times.push(u64::try_from(took.as_micros()).unwrap());
        back.push(stream);
    }
    publishing.await.unwrap();
    times.sort_unstable();
    back.extend(idle);
    (back, times, parked, cpu_us(pids) - cpu)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, address, waiters, rounds, more @ ..] = arguments.as_slice() else {
        panic!("longpoll OURS|NCHAN ADDRESS WAITERS ROUNDS [MATCHING] [PID]...");
    };
    let kind = if kind == "OURS" { Kind::Ours } else { Kind::Nchan };
    let (waiters, rounds): (usize, usize) = (waiters.parse().unwrap(), rounds.parse().unwrap());
    assert!(waiters <= 20_000 && (1..=50).contains(&rounds), "that many are too many");
    let matching = more.first().map_or(waiters, |text| text.parse().unwrap()).min(waiters);
    let pids = more.get(1..).unwrap_or_default();
    let before = rss_kib(pids);
    let mut streams = Vec::new();
    for _ in 0..waiters {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        streams.push(stream);
        if streams.len() % 100 == 0 {
            // A server with a short line of those that wait to be accepted would let some of them wait for a second.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let (mut p50, mut p99, mut all, mut cpu, mut first_parked) = (vec![], vec![], vec![], vec![], None);
    for number in 0..rounds {
        let (back, times, parked, took) = round(kind, address, number, streams, matching, pids).await;
        streams = back;
        first_parked.get_or_insert(parked);
        let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
        p50.push(at(50));
        p99.push(at(99));
        all.push(at(100));
        cpu.push(took);
    }
    println!(
        "{{\"waiters\":{waiters},\"matching\":{matching},\"p50_us\":{},\"p99_us\":{},\"all_us\":{},\"before_kib\":{before},\
         \"parked_kib\":{},\"event_cpu_us\":{}}}",
        median(p50),
        median(p99),
        median(all),
        first_parked.unwrap_or_default(),
        median(cpu)
    );
}
