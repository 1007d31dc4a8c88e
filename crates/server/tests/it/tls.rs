//! TLS: answered encrypted, renewed without cutting anybody off, and no place to wait for ever.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bordereau_server::{Certificates, ServerOptions};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::world::World;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

/// A server whose certificate is the first one, in files that may be written over.
async fn started(folder: &Path) -> (World, Certificates) {
    place(folder, "one");
    let certificates = Certificates::load(folder.join("chain.pem"), folder.join("key.pem")).unwrap();
    let options =
        ServerOptions { certificates: Some(certificates.clone()), head_ms: 2_000, ..ServerOptions::default() };
    (World::start_with(|_| {}, options).await, certificates)
}

fn place(folder: &Path, name: &str) {
    std::fs::copy(file(&format!("{name}.pem")), folder.join("chain.pem")).unwrap();
    std::fs::copy(file(&format!("{name}.key.pem")), folder.join("key.pem")).unwrap();
}

/// A connection that trusts the certificate of that name and no other.
async fn connect(world: &World, trusted: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file(&format!("{trusted}.pem"))).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
    let stream = TcpStream::connect(world.address).await?;
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await
}

async fn healthy(stream: &mut TlsStream<TcpStream>) {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok") {
        let mut piece = [0; 1024];
        let read = tokio::time::timeout(Duration::from_secs(60), stream.read(&mut piece)).await.unwrap().unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..read]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_new_certificate_is_used_at_once_and_nobody_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let (world, certificates) = started(folder.path()).await;
    let mut old = connect(&world, "one").await.unwrap();
    healthy(&mut old).await;
    assert!(connect(&world, "two").await.is_err());
    place(folder.path(), "two");
    certificates.reload().unwrap();
    healthy(&mut connect(&world, "two").await.unwrap()).await;
    assert!(connect(&world, "one").await.is_err());
    healthy(&mut old).await;
}

#[tokio::test]
async fn changed_files_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (world, certificates) = started(folder.path()).await;
    let following = tokio::spawn(async move { certificates.follow(Duration::from_millis(5)).await });
    place(folder.path(), "two");
    while connect(&world, "two").await.is_err() {
        // A file system may note times too coarsely for the first copy to be seen as another.
        place(folder.path(), "two");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    following.abort();
}

#[tokio::test]
async fn who_speaks_no_tls_is_not_answered_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _) = started(folder.path()).await;
    let plain = world.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(!plain.contains("HTTP/1.1"), "{plain}");
    // A client that says nothing is given up after `head_ms`; this ends when the server closes.
    assert_eq!(world.raw(b"").await, "");
}
