//! Promises 7 and 8: zips and files that nobody should send, to the real program under a limit on its memory. Each is
//! answered with its exact sentence, at once or by its batch, and a sound upload beside them has its results.

use std::time::{Duration, Instant};

use bordereau_base::ids::BatchKey;
use flate2::{Compress, Compression, FlushCompress};
use reqwest::multipart::{Form, Part};
use tokio::runtime::Runtime;

use super::zips::{Item, deflate, zip, zip_of_count};
use crate::client::http;
use crate::program::{PASSWORD, Server, USER, bordereau, command, data_folder};

/// What the server may map, by `ulimit -v`: with more than one of these uploads in memory it could not go on.
const ADDRESS_SPACE_KIB: u64 = 2_500_000;
/// And what it may ever have had in memory, in dev builds.
const PEAK_KIB: u64 = 400_000;
/// What has not come to its end by then never will.
const PATIENCE: Duration = Duration::from_secs(300);

const INSURED: &str = include_str!("../../../../../testdata/samples/insureright/insured.psv");
const CLASS: &str = include_str!("../../../../../testdata/samples/insureright/class.psv");
const FOLDERS: &str = "File contains subdirectories, provide zips with only files";
const NOT_A_ZIP: &str = "error opening zipfile zipfile could not be opened";
const PASSWORDS: &str = "error opening zipfile Password protected zipfile not supported";

/// What must become of an upload.
enum Fate {
    /// Refused at once, with this sentence.
    Refused(String),
    /// Accepted, and failed as a whole with this report, scored or profiled.
    Failed(String),
    /// Accepted, and its batch has results.
    Scored,
}

struct Case {
    what: &'static str,
    zip: Vec<u8>,
    fate: Fate,
}

fn class() -> Item {
    Item::deflated("class.psv", CLASS)
}

/// The sample with another file of insureds.
fn with(insured: Item) -> Vec<u8> {
    zip(&[insured, class()])
}

fn refused(what: &'static str, zip: Vec<u8>, sentence: &str) -> Case {
    Case { what, zip, fate: Fate::Refused(sentence.to_owned()) }
}

fn failed(what: &'static str, zip: Vec<u8>, sentence: &str) -> Case {
    Case { what, zip, fate: Fate::Failed(sentence.to_owned()) }
}

/// A file that unpacks to `header` and then 1 GiB without the end of a line, made without ever having that in memory:
/// one packed piece again and again, behind a flush that forgets what was before it.
fn gigabyte_line(name: &str, noise_bytes: usize) -> Item {
    const PIECE_BYTES: usize = 1 << 20;
    const PIECES: u64 = 1 << 10;
    let header = INSURED.lines().next().unwrap().to_owned() + "\n";
    let mut seed = 1u32;
    let noise = std::iter::repeat_with(move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + (seed >> 24) as u8 % 26
    });
    let mut piece: Vec<u8> = noise.take(noise_bytes).collect();
    piece.resize(PIECE_BYTES, b'a');
    let pack = |bytes: &[u8], flush| {
        let mut packed = Vec::with_capacity(bytes.len() + 1_024);
        Compress::new(Compression::default(), false).compress_vec(bytes, &mut packed, flush).unwrap();
        packed
    };
    let (mut packed, again) = (pack(header.as_bytes(), FlushCompress::Full), pack(&piece, FlushCompress::Full));
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(header.as_bytes());
    let mut of_piece = crc32fast::Hasher::new();
    of_piece.update(&piece);
    for _ in 0..PIECES {
        packed.extend(&again);
        checksum.combine(&of_piece);
    }
    packed.extend(pack(b"", FlushCompress::Finish));
    let unpacked_bytes = Some(header.len() as u64 + PIECES * PIECE_BYTES as u64);
    Item { packed: Some(packed), crc: Some(checksum.finalize()), unpacked_bytes, ..Item::deflated(name, "") }
}

fn archives() -> Vec<Case> {
    let insured = || Item::deflated("insured.psv", INSURED);
    let whole = with(insured());
    let named = |name: &str| with(Item::deflated(name, INSURED));
    let shared: Vec<Item> = (0..900)
        .map(|number| Item { offset: Some(0), ..Item::stored(&format!("f{number:03}.csv"), "a,b\n1,2\n") })
        .collect();
    let lying = Item { packed: Some(deflate(&vec![b'a'; 256 << 20])), ..Item::deflated("insured.psv", INSURED) };
    let wide = Item { zip64: true, ..insured() };
    vec![
        refused("no zip", b"hello, this is no zip".to_vec(), NOT_A_ZIP),
        refused(
            "half a zip",
            whole[..whole.len() / 2].to_vec(),
            "the zip is cut short: its directory, which comes last, is not all there",
        ),
        refused("a count of 2^62", zip_of_count(std::slice::from_ref(&wide), 1 << 62), NOT_A_ZIP),
        refused("a password", with(Item { flags: 1, ..insured() }), PASSWORDS),
        refused("a path upwards", named("../insured.psv"), FOLDERS),
        refused("a path from the root", named("/etc/insured.psv"), FOLDERS),
        refused("a path of Windows", named("C:\\data\\insured.psv"), FOLDERS),
        refused("a share of Windows", named("\\\\server\\insured.psv"), FOLDERS),
        refused("a link", with(Item { attributes: 0o120_777 << 16, ..insured() }), "insured.psv is a link, not a file"),
        refused(
            "a zip within",
            zip(&[insured(), class(), Item { content: whole.clone(), ..Item::deflated("inner.zip", "") }]),
            "inner.zip is not a csv, psv, tsv or txt file",
        ),
        refused(
            "one name twice",
            zip(&[insured(), class(), insured()]),
            "insured.psv and insured.psv are for the same relation",
        ),
        refused(
            "names that differ by case",
            zip(&[insured(), class(), Item::stored("INSURED.csv", "a\n")]),
            "insured.psv and INSURED.csv are for the same relation",
        ),
        refused(
            "one gigabyte in a megabyte",
            with(gigabyte_line("insured.psv", 0)),
            "insured.psv unpacks to more than 200 bytes for each byte it takes in the zip (unpack_ratio_max)",
        ),
        refused("900 files of the same bytes", zip(&shared), "f000.csv and f001.csv share bytes of the zip"),
        failed("a small claim", with(lying), "insured.psv is damaged: it unpacks to more bytes than the zip states"),
        failed(
            "a wrong checksum",
            with(Item { crc: Some(7), ..insured() }),
            "insured.psv is damaged: its bytes do not have the checksum that the zip states",
        ),
    ]
}

fn files() -> Vec<Case> {
    let (header, row) = INSURED.trim_end().split_once('\n').unwrap();
    let of = |content: &str| with(Item::deflated("insured.psv", content));
    let columns: Vec<String> = (0..100_000).map(|number| format!("column_{number}")).collect();
    let mixed =
        [header.as_bytes(), b"\n", row.as_bytes(), b"\n", &row.replace("Test Submit", "Caf\u{e9}").into_bytes(), b"\n"]
            .concat();
    let mixed = [&mixed[..], &row.replace("Test Submit", "#").into_bytes()].concat();
    let mixed: Vec<u8> = mixed.into_iter().map(|byte| if byte == b'#' { 0xe9 } else { byte }).collect();
    vec![
        failed(
            "a line of 1 GiB",
            with(gigabyte_line("insured.psv", 9_000)),
            "row 2 of insured.psv is longer than 16777216 bytes (line_bytes_max)",
        ),
        failed(
            "100,000 columns",
            of(&columns.join("|")),
            "the header of insured.psv names more than 10000 columns (columns_max)",
        ),
        failed(
            "a quote that stays open",
            of(&format!("{header}\n\"{row}\n{row}\n")),
            "a quote in row 2 of insured.psv is never closed",
        ),
        failed(
            "a header of NULs",
            of(&format!("\0{header}\n{row}\n")),
            "the header of insured.psv holds bytes that are not text",
        ),
        Case {
            what: "NULs in values",
            zip: of(&format!("{header}\n{}\n", row.replace("Anytown", "\0\0"))),
            fate: Fate::Scored,
        },
        Case {
            what: "several encodings",
            zip: with(Item { content: mixed, ..Item::deflated("insured.psv", "") }),
            fate: Fate::Scored,
        },
    ]
}

/// The server, asked by one client.
struct Asked {
    runtime: Runtime,
    http: reqwest::Client,
    url: String,
}

impl Asked {
    fn post(&self, path: &str, zip: Vec<u8>) -> (u16, String) {
        let key = BatchKey::random();
        let form = Form::new().part("file", Part::bytes(zip).file_name("book.zip"));
        let request = self.http.post(format!("{}/api/2/batch/{path}?batchKey={key}", self.url));
        self.said(request.multipart(form))
    }

    /// The answer once the batch has ended.
    fn end(&self, path: &str) -> (u16, String) {
        let began = Instant::now();
        loop {
            match self.said(self.http.get(format!("{}{path}", self.url))) {
                (404, _) if began.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(20)),
                answer => return answer,
            }
        }
    }

    fn said(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        self.runtime.block_on(async {
            let response = request.basic_auth(USER, Some(PASSWORD)).send().await.unwrap();
            let status = response.status().as_u16();
            (status, String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned())
        })
    }

    fn hold(&self, case: Case) {
        let Case { what, zip, fate } = case;
        for (path, profiled) in [("insureright/scoring", false), ("profile", true)] {
            let (status, said) = self.post(path, zip.clone());
            if let Fate::Refused(sentence) = &fate {
                assert_eq!((status, &said), (400, sentence), "{what}: {path}");
                continue;
            }
            assert_eq!(status, 200, "{what}: {path}: {said}");
            let asked = match profiled {
                true => format!("/api/2/batch/unstructured/{said}/profile"),
                false => format!("/api/2/batch/{path}/{said}"),
            };
            let (status, said) = self.end(&asked);
            match &fate {
                Fate::Failed(sentence) => assert_eq!((status, &said), (422, sentence), "{what}: {path}"),
                _ => assert_eq!(status, 200, "{what}: {path}: {said}"),
            }
        }
    }
}

/// The most memory that a process ever had, as the system counted it.
fn peak_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn promise_7_8_hostile_uploads_have_their_sentence_within_a_limit_on_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command("sh");
    command.args(["-ec", "ulimit -v $1; exec \"$2\" serve --listen 127.0.0.1:0 --data \"$3\"", "sh"]);
    command.arg(ADDRESS_SPACE_KIB.to_string()).arg(bordereau().get_program()).arg(data_folder(folder.path()));
    command.env("BORDEREAU_LOG", "error").env("BORDEREAU_THREADS", "2");
    let server = Server::of(command);
    let runtime = Runtime::new().unwrap();
    let asked = Asked { runtime, http: http(), url: server.url.clone() };
    let began_kib = peak_kib(server.id());
    for case in archives().into_iter().chain(files()) {
        asked.hold(case);
    }
    asked.hold(Case { what: "the sample", zip: with(Item::deflated("insured.psv", INSURED)), fate: Fate::Scored });
    let peak = peak_kib(server.id());
    println!("at the start {began_kib} KiB, at the most {peak} KiB");
    assert!(peak < PEAK_KIB, "{peak} KiB");
}
