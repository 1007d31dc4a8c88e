use std::io::Write;
use std::sync::{Arc, Mutex};

use bordereau_engine::Error as EngineError;
use bordereau_jobs::{Jobs, JobsOptions, Password, ScoreBatch};

use crate::world::{World, add_user, request, submit};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Errors that quote a cell, a password that was tried: none of it is logged at any level.
#[tokio::test]
async fn no_cell_and_no_password_is_logged() {
    let written = Written::default();
    let writer = written.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let world = World::new();
    let score: ScoreBatch = Arc::new(|_, _, _, _| {
        let quoting = arrow::error::ArrowError::CastError("cannot cast 'Secret Cell' to a number".to_owned());
        Err(EngineError::Arrow(quoting))
    });
    let jobs = Jobs::open(JobsOptions { score, ..world.options() }).await.unwrap();
    let jane = add_user(&jobs, "jane", "valen").await;
    jobs.verify("jane", &Password::given("Secret Password"), None).await.unwrap();
    let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    let put_off = async {
        while jobs.events(jane.customer(), 2).await.unwrap().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    jobs.run(put_off).await.unwrap();
    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("an attempt failed by a fault of ours") && log.contains(&key.to_string()), "{log}");
    assert!(!log.contains("Secret") && !log.contains("argon2id"), "{log}");
}
