//! Uploads that come in pieces.

use std::path::Path;
use std::process::{Command, Stdio};

use bordereau_base::ids::BatchKey;
use bordereau_jobs::{
    Accepted, Caller, Checksum, Error, Grant, Jobs, JobsOptions, Resumable, UploadId, UploadTaken, User, restore,
};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::crashes::{DATA, jane, options};
use crate::world::{World, fetch, keyed, request, results_of, run_until_final, submit};

const BOOK: &[u8] = b"a zip that comes in pieces";

async fn made(jobs: &Jobs, caller: &Caller, key: BatchKey) -> Resumable {
    jobs.create_upload(caller, &keyed(key), BOOK.len() as u64, "filename eA==".to_owned()).await.unwrap()
}

async fn piece(jobs: &Jobs, caller: &Caller, id: UploadId, from: usize, to: usize) -> Result<UploadTaken, Error> {
    let mut piece = jobs.resume_upload(caller, id, from as u64, None).await?;
    piece.write(&Bytes::copy_from_slice(&BOOK[from..to])).await?;
    piece.end().await
}

#[tokio::test]
async fn pieces_end_in_the_batch_that_the_whole_would_have_been() {
    let world = World::new();
    let (jobs, jane, joe) = world.open_with_customers().await;
    let key = BatchKey::random();
    let upload = made(&jobs, &jane, key).await;
    assert_eq!((upload.key, upload.position, upload.bytes), (key, 0, BOOK.len() as u64));
    assert_eq!(piece(&jobs, &jane, upload.id, 0, 10).await.unwrap().upload.position, 10);
    // Another process goes on.
    let other = world.open().await;
    let there = other.resumable(&jane, upload.id).await.unwrap();
    assert_eq!((there.position, there.metadata.as_str()), (10, "filename eA=="));
    assert!(matches!(piece(&other, &jane, upload.id, 9, 12).await, Err(Error::Position)));
    assert!(matches!(piece(&other, &joe, upload.id, 10, 12).await, Err(Error::Unknown)));
    assert!(matches!(other.resumable(&joe, upload.id).await, Err(Error::Unknown)));
    let grants = vec!["ca/*".parse::<Grant>().unwrap()];
    let clerk = Caller::new(User::new("clerk".parse().unwrap(), jane.customer().clone(), grants));
    assert!(matches!(other.resumable(&clerk, upload.id).await, Err(Error::Forbidden)));
    let taken = piece(&other, &jane, upload.id, 10, BOOK.len()).await.unwrap();
    assert_eq!(taken.accepted, Some(Accepted::New(key)));
    assert_eq!(submit(&jobs, &jane, keyed(key), BOOK).await.unwrap(), Accepted::Again(key), "the same bytes at once");
    // The answer was lost: it is there, and an empty piece has the same answer.
    assert_eq!(jobs.resumable(&jane, upload.id).await.unwrap().position, BOOK.len() as u64);
    let again = piece(&jobs, &jane, upload.id, BOOK.len(), BOOK.len()).await.unwrap();
    assert_eq!(again.accepted, Some(Accepted::Again(key)));
    run_until_final(&jobs, jane.customer(), &[key]).await;
    assert_eq!(fetch(&jobs, &jane, key).await.unwrap(), results_of(BOOK, "1.0.0"));
    assert!(world.files("resumable").is_empty());
}

#[tokio::test]
async fn what_is_there_of_an_upload_is_in_a_backup_and_goes_on_after_restoring() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let keys = [(); 3].map(|()| BatchKey::random());
    let [begun, other, empty] =
        [made(&jobs, &jane, keys[0]).await, made(&jobs, &jane, keys[1]).await, made(&jobs, &jane, keys[2]).await];
    piece(&jobs, &jane, begun.id, 0, 10).await.unwrap();
    piece(&jobs, &jane, other.id, 0, 4).await.unwrap();
    // Bytes that nobody acknowledged.
    let mut file =
        std::fs::OpenOptions::new().append(true).open(world.data().join("resumable").join(begun.id.to_string()));
    std::io::Write::write_all(file.as_mut().unwrap(), b"noise").unwrap();
    let target = world.folder.path().join("backup");
    assert_eq!(jobs.backup(&target).await.unwrap().objects, 2);
    // What comes later is lost with the machine.
    piece(&jobs, &jane, begun.id, 10, 20).await.unwrap();
    let copies = std::fs::read_dir(target.join("resumable")).unwrap().map(|entry| entry.unwrap().path());
    let copies: Vec<_> = copies.collect();
    let other_copy = copies.iter().find(|path| path.to_str().unwrap().contains(&other.id.to_string())).unwrap();
    let sound = std::fs::read(other_copy).unwrap();
    std::fs::write(other_copy, b"A zi").unwrap();
    let Err(Error::Backup(sentence)) = restore(&target, &world.folder.path().join("damaged")).await else {
        panic!("a damaged back-up was restored");
    };
    assert!(sentence.ends_with("is not what its digest says"), "{sentence}");
    // As in a back-up of a program that left them out.
    std::fs::remove_file(other_copy).unwrap();
    let data = world.folder.path().join("restored");
    assert_eq!((restore(&target, &data).await.unwrap().objects, sound.len()), (1, 4));
    let jobs = Jobs::open(JobsOptions { data, ..world.options() }).await.unwrap();
    for (upload, position) in [(&begun, 10), (&other, 0), (&empty, 0)] {
        assert_eq!(jobs.resumable(&jane, upload.id).await.unwrap().position, position);
        let taken = piece(&jobs, &jane, upload.id, position as usize, BOOK.len()).await.unwrap();
        assert_eq!(taken.accepted, Some(Accepted::New(upload.key)));
    }
    run_until_final(&jobs, jane.customer(), &keys).await;
    for key in keys {
        assert_eq!(fetch(&jobs, &jane, key).await.unwrap(), results_of(BOOK, "1.0.0"));
    }
}

/// Else zeros would stand where the bytes were.
#[tokio::test]
async fn promise_1_an_upload_that_the_disk_has_less_of_than_was_acknowledged_is_not_gone_on_with() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let upload = made(&jobs, &jane, BatchKey::random()).await;
    piece(&jobs, &jane, upload.id, 0, 10).await.unwrap();
    std::fs::write(world.data().join("resumable").join(upload.id.to_string()), &BOOK[..9]).unwrap();
    assert!(matches!(piece(&jobs, &jane, upload.id, 10, BOOK.len()).await, Err(Error::Damaged(_))));
    assert_eq!(jobs.measures().await.unwrap().damaged, 1);
    assert!(matches!(jobs.resumable(&jane, upload.id).await, Err(Error::Unknown)), "it is to be begun anew");
}

#[tokio::test]
async fn a_piece_with_a_checksum_counts_as_a_whole_or_not_at_all() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let upload = made(&jobs, &jane, BatchKey::random()).await;
    let sha1 = |bytes: &[u8]| Checksum::named("sha1", sha1::Sha1::digest(bytes).to_vec()).unwrap();
    let sha256 = |bytes: &[u8]| Checksum::named("sha256", Sha256::digest(bytes).to_vec()).unwrap();
    for (checksum, to) in [(sha1(b"other"), 0), (sha256(b"other"), 0), (sha1(&BOOK[..5]), 5)] {
        let mut piece = jobs.resume_upload(&jane, upload.id, 0, Some(checksum)).await.unwrap();
        piece.write(&Bytes::from_static(&BOOK[..5])).await.unwrap();
        let ended = piece.end().await;
        assert_eq!(matches!(ended, Err(Error::Checksum)), to == 0);
        assert_eq!(jobs.resumable(&jane, upload.id).await.unwrap().position, to);
    }
    let mut broken = jobs.resume_upload(&jane, upload.id, 5, Some(sha256(&BOOK[5..9]))).await.unwrap();
    broken.write(&Bytes::from_static(&BOOK[5..8])).await.unwrap();
    drop(broken);
    assert_eq!(jobs.resumable(&jane, upload.id).await.unwrap().position, 5);
    let mut piece = jobs.resume_upload(&jane, upload.id, 5, Some(sha256(&BOOK[5..]))).await.unwrap();
    piece.write(&Bytes::from_static(&BOOK[5..])).await.unwrap();
    assert!(matches!(piece.end().await.unwrap().accepted, Some(Accepted::New(_))));
    assert!(Checksum::named("md5", Vec::new()).is_none());
}

#[tokio::test]
async fn what_came_before_a_line_broke_is_kept_and_one_piece_is_taken_at_a_time() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let upload = made(&jobs, &jane, BatchKey::random()).await;
    let mut broken = jobs.resume_upload(&jane, upload.id, 0, None).await.unwrap();
    broken.write(&Bytes::from_static(&BOOK[..7])).await.unwrap();
    let second = world.open().await;
    assert!(matches!(piece(&second, &jane, upload.id, 0, 3).await, Err(Error::Locked)));
    assert!(matches!(second.terminate_upload(&jane, upload.id).await, Err(Error::Locked)));
    drop(broken);
    while jobs.resumable(&jane, upload.id).await.unwrap().position == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let mut long = loop {
        match jobs.resume_upload(&jane, upload.id, 7, None).await {
            Err(Error::Locked) => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
            other => break other.unwrap(),
        }
    };
    let beyond = Bytes::from(vec![0; BOOK.len()]);
    assert!(matches!(long.write(&beyond).await, Err(Error::TooLarge { .. })));
    drop(long);
    jobs.terminate_upload(&jane, upload.id).await.unwrap();
    assert!(matches!(jobs.resumable(&jane, upload.id).await, Err(Error::Unknown)));
    assert!(world.files("resumable").is_empty());
}

/// As when the process ends after the last bytes were written and before the batch is there.
#[tokio::test]
async fn the_last_byte_counts_once_the_batch_is_there() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let (key, whole) = (BatchKey::random(), BOOK.len());
    let upload = made(&jobs, &jane, key).await;
    let mut broken = jobs.resume_upload(&jane, upload.id, 0, None).await.unwrap();
    broken.write(&Bytes::from_static(BOOK)).await.unwrap();
    drop(broken);
    while jobs.resumable(&jane, upload.id).await.unwrap().position == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    drop(jobs);
    let jobs = world.open().await;
    assert_eq!(jobs.resumable(&jane, upload.id).await.unwrap().position, whole as u64 - 1);
    let taken = piece(&jobs, &jane, upload.id, whole - 1, whole).await.unwrap();
    assert_eq!((taken.accepted, taken.upload.position), (Some(Accepted::New(key)), whole as u64));
}

#[tokio::test]
async fn what_is_refused_is_gone_and_limits_are_those_of_a_post() {
    let world = World::new();
    let limits = bordereau_base::limits::IntakeLimits { upload_bytes_max: 30, ..Default::default() };
    let jobs = Jobs::open(JobsOptions { limits, ..world.options() }).await.unwrap();
    let jane = crate::world::add_user(&jobs, "jane", "valen").await;
    let large = jobs.create_upload(&jane, &request(), 31, String::new()).await;
    assert!(matches!(large, Err(Error::TooLarge { upload_bytes_max: 30 })));
    let mut unknown = request();
    unknown.solution = "nothing".parse().unwrap();
    assert!(matches!(jobs.create_upload(&jane, &unknown, 3, String::new()).await, Err(Error::Unknown)));
    let key = BatchKey::random();
    submit(&jobs, &jane, keyed(key), b"other bytes").await.unwrap();
    let upload = made(&jobs, &jane, key).await;
    assert!(matches!(piece(&jobs, &jane, upload.id, 0, BOOK.len()).await, Err(Error::Conflict)));
    assert!(matches!(jobs.resumable(&jane, upload.id).await, Err(Error::Unknown)));
    assert!(world.files("resumable").is_empty());
}

#[tokio::test]
async fn what_has_expired_is_removed_and_what_nothing_names_too() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let (old, young) = (made(&jobs, &jane, BatchKey::random()).await, made(&jobs, &jane, BatchKey::random()).await);
    piece(&jobs, &jane, old.id, 0, 5).await.unwrap();
    world.clock.advance_ms(86_000_000);
    piece(&jobs, &jane, young.id, 0, 5).await.unwrap();
    world.clock.advance_ms(1_000_000);
    let orphan = world.data().join("resumable/0123456789abcdef0123456789abcdef");
    std::fs::write(&orphan, b"left").unwrap();
    assert!(matches!(jobs.resumable(&jane, old.id).await, Err(Error::Unknown)));
    jobs.run(async {}).await.unwrap();
    assert_eq!(world.files("resumable"), [young.id.to_string()]);
    assert_eq!(jobs.resumable(&jane, young.id).await.unwrap().position, 5);
}

/// Sends pieces of the upload that the environment names, until it is killed.
#[tokio::test]
#[ignore = "started by other tests as a process of its own"]
async fn child() {
    let data = std::env::var_os(DATA).expect("the test that starts this one names the data folder");
    let id: UploadId = std::env::var("BORDEREAU_TEST_UPLOAD").unwrap().parse().unwrap();
    let jobs = Jobs::open(options(Path::new(&data))).await.unwrap();
    let mut position = jobs.resumable(&jane(), id).await.unwrap().position as usize;
    let long = long();
    while position < long.len() {
        let to = (position + 1_000).min(long.len());
        let mut piece = jobs.resume_upload(&jane(), id, position as u64, None).await.unwrap();
        piece.write(&Bytes::copy_from_slice(&long[position..to])).await.unwrap();
        position = piece.end().await.unwrap().upload.position as usize;
        println!("answered {position}");
    }
}

fn long() -> Vec<u8> {
    let numbers = (0..900_000_u32).flat_map(|at| (at % 251).to_string().into_bytes());
    b"zip ".iter().copied().chain(numbers).collect()
}

#[tokio::test]
async fn whatever_was_answered_before_a_kill_is_there_and_the_rest_can_be_sent() {
    use std::io::BufRead;

    let world = World::new();
    let jobs = Jobs::open(options(&world.data())).await.unwrap();
    let jane = crate::world::add_user(&jobs, "jane", "valen").await;
    let key = BatchKey::random();
    let upload = jobs.create_upload(&jane, &keyed(key), long().len() as u64, String::new()).await.unwrap();
    for kill in 0..5_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "resumable::child", "--ignored", "--nocapture", "--test-threads=1"])
            .env(DATA, world.data())
            .env("BORDEREAU_TEST_UPLOAD", upload.id.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut answered = lines.filter_map(|line| line.split_once("answered ")?.1.trim().parse::<u64>().ok());
        answered.nth(kill).expect("the child answers");
        child.kill().unwrap();
        child.wait().unwrap();
        let last = answered.last().unwrap_or_default();
        let position = jobs.resumable(&jane, upload.id).await.unwrap().position;
        assert!(position >= last, "{position} of {last} that were answered");
    }
    let position = jobs.resumable(&jane, upload.id).await.unwrap().position;
    let mut piece = jobs.resume_upload(&jane, upload.id, position, None).await.unwrap();
    piece.write(&Bytes::copy_from_slice(&long()[position as usize..])).await.unwrap();
    assert_eq!(piece.end().await.unwrap().accepted, Some(Accepted::New(key)));
    run_until_final(&jobs, jane.customer(), &[key]).await;
    assert_eq!(fetch(&jobs, &jane, key).await.unwrap(), results_of(&long(), "1.0.0"));
}
