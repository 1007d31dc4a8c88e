//! TLS of the program: certificates that are read again on SIGHUP, and no unencrypted listening where others can hear.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::program::{Server, bordereau, data_folder, project, run, said};

/// Both certificates and keys are made as long as this, so that one takes the other's place without a visible change.
const FILE_BYTES: usize = 4_096;

fn file(name: &str) -> PathBuf {
    project().join("crates/server/tests/tls").join(name)
}

/// Puts a certificate and its key where the server looks.
fn place(folder: &Path, name: &str) {
    put(folder, "chain.pem", std::fs::read(file(&format!("{name}.pem"))).unwrap());
    put(folder, "key.pem", std::fs::read(file(&format!("{name}.key.pem"))).unwrap());
}

/// Puts a file that is as long and as old as the one before it, so that whoever only looks at it sees no change.
fn put(folder: &Path, name: &str, mut content: Vec<u8>) {
    content.resize(FILE_BYTES, b'\n');
    let new = folder.join("new.pem");
    std::fs::write(&new, content).unwrap();
    let written = std::fs::File::options().write(true).open(&new).unwrap();
    written.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
    std::fs::rename(new, folder.join(name)).unwrap();
}

fn with_tls(data: &Path, folder: &Path, listen: &str) -> Command {
    let setting = |name: &str, file: &str| format!("{name}={}", folder.join(file).to_str().unwrap());
    let mut command = bordereau();
    command.args(["serve", "--listen", listen, "--data"]).arg(data);
    command.args(["--set", &setting("tls_certificate", "chain.pem"), "--set", &setting("tls_key", "key.pem")]);
    command
}

/// Whether the server answers a client that trusts the certificate of that name and no other.
fn answers(server: &Server, trusted: &str) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file(&format!("{trusted}.pem"))).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config.with_no_client_auth()), name).unwrap();
    let port = server.url.rsplit(':').next().unwrap();
    let stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    asked.is_ok() && stream.read_to_end(&mut answer).is_ok() && answer.starts_with(b"HTTP/1.1 200 OK")
}

#[test]
fn a_certificate_is_read_again_on_sighup() {
    let folder = tempfile::tempdir().unwrap();
    let data = data_folder(folder.path());
    place(folder.path(), "one");
    let server = Server::of(with_tls(&data, folder.path(), "127.0.0.1:0"));
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    assert!(answers(&server, "one") && !answers(&server, "two"));
    let hang_up = || {
        assert!(Command::new("kill").args(["-HUP", &server.id().to_string()]).status().unwrap().success());
    };
    // What cannot be used changes nothing.
    put(folder.path(), "key.pem", b"nonsense".to_vec());
    hang_up();
    assert!(answers(&server, "one"));
    place(folder.path(), "two");
    hang_up();
    let began = Instant::now();
    while !answers(&server, "two") {
        assert!(began.elapsed() < Duration::from_secs(120), "the new certificate is not used");
    }
    assert!(!answers(&server, "one"));
}

#[test]
fn without_a_certificate_sighup_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(&data_folder(folder.path()), &[]);
    for signal in ["-HUP", "-HUP", "-TERM"] {
        assert!(Command::new("kill").args([signal, &server.id().to_string()]).status().unwrap().success());
    }
    // A hang-up would have ended it without a code.
    assert_eq!(server.wait(), 0);
}

#[test]
fn where_others_can_hear_there_is_tls_or_the_operator_says_that_something_else_speaks_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = data_folder(folder.path());
    let path = data.to_str().unwrap();
    let (code, out, error) = said(&run(["serve", "--listen", "0.0.0.0:0", "--data", path]));
    assert_eq!((code, out.as_str()), (64, ""));
    let sentence = " is not a loopback address, and passwords and books would travel unencrypted: set tls_certificate and \
                    tls_key, or allow_plain_http=yes behind a proxy that speaks TLS\n";
    assert!(error.contains("0.0.0.0:") && error.ends_with(sentence), "{error}");

    let mut command = bordereau();
    command.args(["serve", "--listen", "0.0.0.0:0", "--set", "allow_plain_http=yes", "--data", path]);
    let server = Server::of(command);
    assert!(server.url.starts_with("http://0.0.0.0:"), "{}", server.url);
    drop(server);

    place(folder.path(), "one");
    let server = Server::of(with_tls(&data, folder.path(), "0.0.0.0:0"));
    assert!(server.url.starts_with("https://0.0.0.0:") && answers(&server, "one"), "{}", server.url);
}

#[test]
fn a_certificate_that_cannot_be_used_keeps_the_server_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let data = data_folder(folder.path());
    place(folder.path(), "one");
    std::fs::copy(file("two.key.pem"), folder.path().join("key.pem")).unwrap();
    let (code, out, error) = said(&with_tls(&data, folder.path(), "127.0.0.1:0").output().unwrap());
    assert_eq!((code, out.as_str()), (64, ""));
    assert!(error.contains("the certificate cannot be used: ") && error.contains("key.pem"), "{error}");
    let mut alone = bordereau();
    alone.args(["serve", "--listen", "127.0.0.1:0", "--set", "tls_key=key.pem", "--data"]).arg(&data);
    let (code, _, error) = said(&alone.output().unwrap());
    assert_eq!(code, 64);
    assert!(error.contains("setting tls_certificate (default): must be set together with tls_key"), "{error}");
}
