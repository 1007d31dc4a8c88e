//! TLS: certificate and key from PEM files, renewed without a restart.
//!
//! [`Certificates`] hold what new connections are answered with. [`Certificates::reload`] reads both files again;
//! when they cannot be used, the old ones stay. [`Certificates::follow`] does so whenever the files have changed.
//! Connections that are open keep what they began with, so nobody is cut off. TLS 1.2 and 1.3 by rustls with ring;
//! HTTP/1.1 only.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// The certificate of a server. Cheap to clone; clones are renewed together.
#[derive(Debug, Clone)]
pub struct Certificates {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    chain: PathBuf,
    key: PathBuf,
    config: RwLock<Arc<ServerConfig>>,
}

impl Certificates {
    /// Reads the certificate, with those it is signed by behind it, and its private key.
    ///
    /// # Errors
    /// When a file cannot be read, holds no PEM of its kind, or the key is not that of the certificate.
    pub fn load(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> io::Result<Self> {
        let (chain, key) = (chain.into(), key.into());
        let config = RwLock::new(Arc::new(config(&chain, &key)?));
        Ok(Self { shared: Arc::new(Shared { chain, key, config }) })
    }

    /// Reads both files again. New connections get what they hold.
    ///
    /// # Errors
    /// As [`Certificates::load`]; then nothing has changed.
    pub fn reload(&self) -> io::Result<()> {
        let config = Arc::new(config(&self.shared.chain, &self.shared.key)?);
        *self.shared.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Looks at the files every `look`, and reads them again when they have changed. Never ends.
    pub async fn follow(&self, look: Duration) {
        let mut seen = self.seen();
        loop {
            tokio::time::sleep(look).await;
            let found = self.seen();
            if found == seen {
                continue;
            }
            match self.reload() {
                Ok(()) => tracing::info!("the certificate was renewed"),
                // Perhaps only one of both is there yet: it is tried again when the other one changes.
                Err(error) => tracing::warn!(%error, "the certificate cannot be renewed; the old one stays"),
            }
            seen = found;
        }
    }

    /// What to begin a connection with.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let config = self.shared.config.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&config))
    }

    /// By what a change of the files is noticed.
    fn seen(&self) -> [Option<(SystemTime, u64)>; 2] {
        let of = |metadata: Metadata| metadata.modified().ok().map(|at| (at, metadata.len()));
        [&self.shared.chain, &self.shared.key].map(|path| std::fs::metadata(path).ok().and_then(of))
    }
}

fn config(chain: &Path, key: &Path) -> io::Result<ServerConfig> {
    let wrong = |path: &Path, why: String| io::Error::other(format!("{}: {why}", path.display()));
    let certificates = CertificateDer::pem_file_iter(chain).map_err(|error| wrong(chain, error.to_string()))?;
    let certificates: Result<Vec<_>, _> = certificates.collect();
    let certificates = certificates.map_err(|error| wrong(chain, error.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong(chain, "there is no certificate in it".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| wrong(chain, error.to_string()))?.with_no_client_auth();
    let mut config = builder.with_single_cert(certificates, private).map_err(|error| wrong(key, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
    }

    #[test]
    fn what_cannot_be_used_is_refused_and_changes_nothing() {
        assert!(Certificates::load(file("one.pem"), file("one.key.pem")).is_ok());
        for (chain, key) in [
            ("one.pem", "two.key.pem"),
            ("one.key.pem", "one.key.pem"),
            ("one.pem", "one.pem"),
            ("none.pem", "none.pem"),
        ] {
            let error = Certificates::load(file(chain), file(key)).unwrap_err().to_string();
            assert!(error.contains(".pem: "), "{error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
        std::fs::copy(file("one.pem"), &chain).unwrap();
        std::fs::copy(file("one.key.pem"), &key).unwrap();
        let certificates = Certificates::load(&chain, &key).unwrap();
        let before = Arc::clone(&certificates.shared.config.read().unwrap());
        std::fs::copy(file("two.pem"), &chain).unwrap();
        assert!(certificates.reload().is_err());
        assert!(Arc::ptr_eq(&before, &certificates.shared.config.read().unwrap()));
        std::fs::copy(file("two.key.pem"), &key).unwrap();
        certificates.reload().unwrap();
        assert!(!Arc::ptr_eq(&before, &certificates.shared.config.read().unwrap()));
    }
}
