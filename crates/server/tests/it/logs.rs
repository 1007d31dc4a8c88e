use std::io::Write;
use std::sync::{Arc, Mutex};

use crate::world::{PASSWORD, World, said};
use crate::zips::{entry, sample, zip};

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

/// All requests of this test are answered on its own thread, so that nothing of them is missed.
#[tokio::test]
async fn no_credential_no_query_and_no_cell_is_logged() {
    let written = Written::default();
    let writer = written.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());
    let world = World::start().await;
    let path = "/api/2/batch/insureright/scoring";
    let (_, key) = said(world.post("jane", path, sample())).await;
    assert_eq!(world.run("jane", &format!("{path}/{key}")).await.status(), 200);
    said(world.post("jane", &format!("{path}?secret=query"), sample())).await;
    said(world.post("jane", path, zip(&[entry("secret name.xlsx", "secret cell")]))).await;
    said(world.client.get(world.url("/secret/path")).basic_auth("jane", Some("secret password"))).await;
    drop(guard);
    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("answered") && log.contains("/api/2/batch/{solution}/{submission}"), "{log}");
    for secret in [PASSWORD, "secret", "amFuZTp", "1234Test", "Test Person"] {
        assert!(!log.contains(secret), "{secret} is in\n{log}");
    }
}
