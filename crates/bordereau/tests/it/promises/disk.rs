//! Promises 1 and 3 on a disk that fails: what cannot be kept is refused in a sentence, what was acknowledged is
//! neither lost nor changed, and when the disk is well again everything goes on.
//!
//! Two ways. A small library is preloaded into the real server and makes its writes or syncs of the data folder fail
//! (`tests/faulty_disk.c`; it needs the C compiler that linking needs anyway, and no root). And a real file system of a
//! few megabytes runs full (`unshare` and `mount`, as root or in a user namespace of its own).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bordereau_base::ids::BatchKey;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::campaign::{Campaign, Job, Kind, book};
use crate::program::{Server, bordereau, command, data_folder};

const NO_ROOM: (u16, &str) = (507, "The server has no room left. Nothing was accepted. Try again later.");
const FAULT: (u16, &str) = (500, "500:Internal Server Error");
const ENOSPC: u8 = 28;
const EIO: u8 = 5;

/// A server, what its books must give, and the runtime to ask it from.
struct Asked {
    runtime: Runtime,
    campaign: Campaign,
    at: watch::Sender<String>,
    folder: tempfile::TempDir,
}

impl Asked {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let unharmed = Server::start(&data_folder(&folder.path().join("unharmed")), &[]);
        let (at, url) = watch::channel(unharmed.url.clone());
        let zips = vec![book(folder.path(), 300, 1)];
        let campaign = runtime.block_on(Campaign::learn(url, zips, Vec::new()));
        Self { runtime, campaign, at, folder }
    }

    fn post(&self, job: &Job) -> (u16, String) {
        self.runtime.block_on(self.campaign.post(job))
    }

    /// The results are not there, and nobody says that they will be.
    fn assert_unknown(&self, job: &Job) {
        let path = format!("/api/2/batches/{}", job.key);
        let status = self.runtime.block_on(self.campaign.ask(|http, url| http.get(format!("{url}{path}")))).status;
        assert_eq!(status, 404, "{job:?} was refused and is there");
    }
}

fn score() -> Job {
    Job { kind: Kind::Score, book: 0, key: BatchKey::random() }
}

/// The preloaded library, and how the test rules it.
struct FaultyDisk {
    library: PathBuf,
    control: File,
    path: PathBuf,
}

impl FaultyDisk {
    fn new(folder: &Path) -> Self {
        let (library, path) = (folder.join("faulty_disk.so"), folder.join("control"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faulty_disk.c");
        let built =
            Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl").status();
        assert!(built.expect("a C compiler, cc").success());
        std::fs::write(&path, [0; 64]).unwrap();
        let control = File::options().read(true).write(true).open(&path).unwrap();
        Self { library, control, path }
    }

    fn start(&self, data: &Path) -> Server {
        let mut command = bordereau();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        command.env("LD_PRELOAD", &self.library).env("FAULTY_DISK_FOLDER", data.canonicalize().unwrap());
        command.env("FAULTY_DISK_CONTROL", &self.path).env("BORDEREAU_LOG", "off");
        Server::of(command)
    }

    /// From now on writes and syncs fail with these errors, one in so many of them; zero is no error.
    fn fail(&self, write_error: u8, sync_error: u8, one_in: u8) {
        self.control.write_all_at(&[write_error, sync_error, one_in], 0).unwrap();
    }

    /// How many calls were made to fail.
    fn failed(&self) -> u32 {
        let mut count = [0; 4];
        self.control.read_exact_at(&mut count, 8).unwrap();
        u32::from_ne_bytes(count)
    }
}

#[test]
fn promise_1_3_a_disk_that_fails_is_told_in_a_sentence_and_nothing_is_kept() {
    let asked = Asked::new();
    let disk = FaultyDisk::new(asked.folder.path());
    let data = data_folder(asked.folder.path());
    let server = disk.start(&data);
    asked.at.send_replace(server.url.clone());
    for (write_error, sync_error, said) in
        [(ENOSPC, 0, NO_ROOM), (0, ENOSPC, NO_ROOM), (EIO, 0, FAULT), (0, EIO, FAULT), (EIO, EIO, FAULT)]
    {
        let (job, before) = (score(), disk.failed());
        disk.fail(write_error, sync_error, 1);
        let (status, sentence) = asked.post(&job);
        assert_eq!((status, sentence.as_str()), said, "write {write_error}, sync {sync_error}");
        assert!(disk.failed() > before, "nothing was made to fail");
        // What needs no writing goes on.
        asked.assert_unknown(&job);
        disk.fail(0, 0, 0);
        asked.assert_unknown(&job);
        assert_eq!(
            std::fs::read_dir(data.join("incoming"))
                .unwrap()
                .flatten()
                .flat_map(|owner| std::fs::read_dir(owner.path()).unwrap())
                .count(),
            0
        );
        asked.runtime.block_on(asked.campaign.carry_out(job));
    }
}

#[test]
fn promise_1_3_4_a_disk_that_fails_now_and_then_loses_and_changes_nothing() {
    let asked = Asked::new();
    let disk = FaultyDisk::new(asked.folder.path());
    let data = data_folder(asked.folder.path());
    let mut server = disk.start(&data);
    asked.at.send_replace(server.url.clone());
    let (seed, mut acknowledged, mut refused) = (20_261_125, Vec::new(), 0);
    let mut chance = StdRng::seed_from_u64(seed);
    for round in 0..12 {
        let error = if round % 2 == 0 { EIO } else { ENOSPC };
        let (writes, syncs) = if round % 3 == 0 { (0, error) } else { (error, error) };
        disk.fail(writes, syncs, chance.random_range(4..40));
        let job = Job { kind: if round % 4 == 3 { Kind::Profile } else { Kind::Score }, ..score() };
        for _ in 0..4 {
            match asked.post(&job) {
                (200, key) => {
                    assert_eq!(key, job.key.to_string());
                    acknowledged.push(job);
                    break;
                }
                (status @ (500 | 507), sentence) => {
                    assert!([NO_ROOM, FAULT].contains(&(status, sentence.as_str())), "{status} {sentence}");
                    refused += 1;
                }
                other => panic!("{other:?} in round {round} of seed {seed}"),
            }
        }
        // Some of the attempt comes to lie in the bad time, and then the time is over.
        std::thread::sleep(Duration::from_millis(chance.random_range(0..600)));
        disk.fail(0, 0, 0);
        if round % 5 == 4 {
            server.kill();
            server = disk.start(&data);
            asked.at.send_replace(server.url.clone());
        }
    }
    println!("{} acknowledged, {refused} refused, {} calls failed", acknowledged.len(), disk.failed());
    assert!(disk.failed() > 10 && refused > 0 && acknowledged.len() > 3);
    for job in &acknowledged {
        asked.runtime.block_on(asked.campaign.hold(job));
    }
}

/// A server whose data folder is a file system of its own, of `bytes`, with a file that takes up most of it.
struct SmallDisk {
    server: Server,
    /// The folder as it is seen from outside.
    data: PathBuf,
    bytes: u64,
}

impl SmallDisk {
    fn start(folder: &Path, bytes: u64) -> Self {
        let (template, data) = (data_folder(&folder.join("template")), folder.join("small"));
        std::fs::create_dir_all(&data).unwrap();
        let program = bordereau();
        let mut command = command("unshare");
        let root = String::from_utf8(Command::new("id").arg("-u").output().unwrap().stdout).unwrap().trim() == "0";
        command.arg(if root { "-m" } else { "-Urm" }).args(["sh", "-ec"]).arg(
            "mount -t tmpfs -o size=$1 tmpfs \"$2\"; cp -a \"$3/.\" \"$2\"; \
             exec \"$4\" serve --listen 127.0.0.1:0 --data \"$2\"",
        );
        command.args(["sh", &bytes.to_string()]).args([&data, &template]).arg(program.get_program());
        // The test is of what happens without a watermark.
        command.env("BORDEREAU_LOG", "off").env("BORDEREAU_DISK_FREE_BYTES_MIN", "0");
        let server = Server::of(command);
        let data = PathBuf::from(format!("/proc/{}/root{}", server.id(), data.display()));
        Self { server, data, bytes }
    }

    /// Leaves so many bytes free.
    fn fill_up_to(&self, free_bytes: u64) {
        let filler = self.data.join("filler");
        let _ = std::fs::remove_file(&filler);
        // Not df, which would look up the name of the file system outside of it.
        let output = Command::new("stat").args(["--file-system", "--format=%a %S"]).arg(&self.data).output().unwrap();
        let figures = String::from_utf8(output.stdout).unwrap();
        let free: u64 = figures.split_whitespace().map(|figure| figure.parse::<u64>().unwrap()).product();
        assert!((free_bytes..=self.bytes).contains(&free), "{free} bytes are free on a disk of {}", self.bytes);
        std::fs::write(filler, vec![1; (free - free_bytes) as usize]).unwrap();
    }

    fn make_room(&self) {
        std::fs::remove_file(self.data.join("filler")).unwrap();
    }
}

#[test]
fn promise_1_3_a_full_disk_refuses_waits_and_recovers() {
    let asked = Asked::new();
    let disk = SmallDisk::start(asked.folder.path(), 24 << 20);
    asked.at.send_replace(disk.server.url.clone());

    // No room for an upload: it is refused, and comes in when there is room.
    disk.fill_up_to(8 << 10);
    let first = score();
    let (status, sentence) = asked.post(&first);
    assert_eq!((status, sentence.as_str()), NO_ROOM);
    disk.make_room();
    asked.assert_unknown(&first);
    asked.runtime.block_on(asked.campaign.carry_out(first));

    // Room for the upload and not for its results: it is acknowledged, waits for room, and has its results then.
    disk.fill_up_to(200 << 10);
    let second = score();
    assert_eq!(asked.post(&second), (200, second.key.to_string()));
    let path = format!("/api/2/batches/{}", second.key);
    let tried = async {
        loop {
            let (status, body) = asked.campaign.ask(|http, url| http.get(format!("{url}{path}"))).await.text();
            let batch: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(status, 200);
            assert_ne!(batch["state"], "failed", "{batch}");
            if batch["attempt"].as_u64() > Some(1) || batch["states"].as_array().unwrap().len() > 2 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    asked.runtime.block_on(tried);
    disk.make_room();
    asked.runtime.block_on(asked.campaign.hold(&second));
}
