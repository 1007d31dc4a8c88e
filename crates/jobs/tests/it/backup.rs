//! A back-up made while the folder is used holds everything that was acknowledged before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bordereau_jobs::{BatchResults, Error, Jobs, JobsOptions, restore};

use crate::world::{World, fetch, request, results_of, run_until_final, submit};

#[tokio::test]
async fn what_was_acknowledged_before_a_backup_under_load_is_in_it() {
    let world = World::new();
    let (jobs, jane, joe) = world.open_with_customers().await;
    let mut before = Vec::new();
    for at in 0..20 {
        let upload = format!("zip {at}");
        before.push((submit(&jobs, &jane, request(), upload.as_bytes()).await.unwrap().key(), upload));
    }
    let finished: Vec<_> = before[..5].iter().map(|(key, _)| *key).collect();
    run_until_final(&jobs, jane.customer(), &finished).await;

    // Load: batches run, others come, and some are deleted.
    let done = Arc::new(AtomicBool::new(false));
    let (running, ended) = (jobs.clone(), Arc::clone(&done));
    let runner = tokio::spawn(async move {
        let ended = async {
            while !ended.load(Ordering::SeqCst) {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        running.run(ended).await.unwrap();
    });
    let (sending, ended) = (jobs.clone(), Arc::clone(&done));
    let sender = tokio::spawn(async move {
        let mut at = 0;
        while !ended.load(Ordering::SeqCst) && at < 60 {
            let key = submit(&sending, &joe, request(), format!("other {at}").as_bytes()).await.unwrap().key();
            if at % 3 == 0 {
                let _ = sending.cancel(&joe, key).await;
                let _ = sending.delete(&joe, key).await;
            }
            at += 1;
        }
    });
    let target = world.folder.path().join("backup");
    let copied = jobs.backup(&target).await.unwrap();
    assert!(copied.objects >= 25, "{copied:?}");
    done.store(true, Ordering::SeqCst);
    runner.await.unwrap();
    sender.await.unwrap();
    let cursor = jobs.subscribe(&jane, Vec::new(), None).await.unwrap().cursor().to_string();
    drop(jobs);

    let data = world.folder.path().join("restored");
    assert!(matches!(restore(&target, &world.data()).await, Err(Error::Backup(_))), "what is there is kept");
    assert_eq!(restore(&target, &data).await.unwrap().objects, copied.objects);
    let jobs = Jobs::open(JobsOptions { data, ..world.options() }).await.unwrap();
    let keys: Vec<_> = before.iter().map(|(key, _)| *key).collect();
    run_until_final(&jobs, jane.customer(), &keys).await;
    for (key, upload) in &before {
        assert_eq!(fetch(&jobs, &jane, *key).await.unwrap(), results_of(upload.as_bytes(), "1.0.0"));
    }
    // A cursor of what happened after the back-up, or of before, is none of this log.
    assert!(jobs.subscribe(&jane, Vec::new(), Some(&cursor)).await.unwrap().was_reset());
}

#[tokio::test]
async fn what_was_changed_in_a_backup_is_not_restored() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    run_until_final(&jobs, jane.customer(), &[key]).await;
    let asked = request();
    assert!(matches!(
        jobs.results(&jane, &asked.solution, &asked.submission, key).await.unwrap(),
        BatchResults::Ready(_)
    ));
    let target = world.folder.path().join("backup");
    jobs.backup(&target).await.unwrap();
    assert!(matches!(jobs.backup(&target).await, Err(Error::Backup(_))), "not over another one");
    let uploads = target.join("objects/uploads");
    let owner = std::fs::read_dir(uploads).unwrap().next().unwrap().unwrap().path();
    let upload = std::fs::read_dir(owner).unwrap().next().unwrap().unwrap().path();
    std::fs::write(upload, b"b zip").unwrap();
    let Err(Error::Backup(sentence)) = restore(&target, &world.folder.path().join("restored")).await else {
        panic!("a damaged back-up was restored");
    };
    assert!(sentence.ends_with("is not what its digest says"), "{sentence}");
    let nothing = world.folder.path().join("nothing");
    assert!(matches!(restore(&nothing, &world.folder.path().join("restored 2")).await, Err(Error::Backup(_))));
}
