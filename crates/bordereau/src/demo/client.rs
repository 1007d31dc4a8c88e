//! The demo as a customer's integrator: plain HTTP lines of the specification.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bordereau_base::ids::{BatchKey, CustomerName};
use bordereau_engine::progress::Progress;
use bordereau_jobs::Jobs;
use reqwest::multipart::{Form, Part};
use reqwest::{Response, StatusCode};
use tokio::io::AsyncWriteExt;

use crate::exit::Failure;
use crate::watch::Watch;

const ASK_EVERY: Duration = Duration::from_millis(50);

/// A client of one server with one user's credentials.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    user: String,
    password: String,
}

/// A batch whose progress is shown while its results are awaited.
pub struct Watched {
    /// The server's jobs.
    pub jobs: Jobs,
    /// Whose batch it is.
    pub customer: CustomerName,
    /// Its key.
    pub key: BatchKey,
    /// Counters for the watcher.
    pub progress: Arc<Progress>,
}

impl Client {
    /// A client of the server at `base`.
    pub fn new(base: &str, user: &str, password: &str) -> Self {
        let url = format!("{base}/solutions/batch/1/insureright/scoring");
        // Only the first one of a process is installed; all are the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { http: reqwest::Client::new(), base: url, user: user.to_owned(), password: password.to_owned() }
    }

    /// The request of [`Client::post`] as a curl line.
    pub fn curl_post(&self, zip: &Path) -> String {
        let (base, user, password) = (&self.base, &self.user, &self.password);
        format!("  curl --request POST --url {base} -u {user}:{password} --form 'file=@{}'", zip.display())
    }

    /// The request of [`Client::fetch`] as a curl line.
    pub fn curl_get(&self, key: &str) -> String {
        let (base, user, password) = (&self.base, &self.user, &self.password);
        format!("  curl --url {base}/{key} -u {user}:{password} --output results.zip")
    }

    /// Sends a zip; the batch key.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses it.
    pub async fn post(&self, zip: &Path) -> Result<String, Failure> {
        let file = tokio::fs::File::open(zip).await.map_err(|error| Failure::internal(&error))?;
        let bytes = file.metadata().await.map_err(|error| Failure::internal(&error))?.len();
        let part = Part::stream_with_length(file, bytes).file_name("book.zip");
        let request = self.http.post(&self.base).multipart(Form::new().part("file", part));
        let answer = self.send(request).await?;
        match answer.status() {
            StatusCode::OK => text(answer).await,
            status => Err(refused(status, &text(answer).await?)),
        }
    }

    /// Waits for the results and writes them to `path`, showing how far they are.
    ///
    /// # Errors
    /// When the batch failed, or the file cannot be written.
    pub async fn fetch(&self, key: &str, path: &Path, watched: &Watched) -> Result<(), Failure> {
        let watch = Watch::start(Arc::clone(&watched.progress));
        let answer = loop {
            let answer = self.send(self.http.get(format!("{}/{key}", self.base))).await?;
            match answer.status() {
                StatusCode::OK => break answer,
                StatusCode::NOT_FOUND => watched.look().await?,
                status => return Err(refused(status, &text(answer).await?)),
            }
            tokio::time::sleep(ASK_EVERY).await;
        };
        drop(watch);
        save(answer, path).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, Failure> {
        let request = request.basic_auth(&self.user, Some(&self.password));
        request.send().await.map_err(|error| Failure::internal(&error))
    }
}

impl Watched {
    async fn look(&self) -> Result<(), Failure> {
        let status = self.jobs.status(&self.customer, self.key).await?;
        if let Some(now) = status.and_then(|status| status.progress) {
            let progress = &self.progress;
            progress.enter(now.stage);
            for (counter, value) in [
                (&progress.bytes_total, now.bytes_total),
                (&progress.bytes_read, now.bytes_read),
                (&progress.rows_read, now.rows_read),
                (&progress.records_total, now.records_total),
                (&progress.records_scored, now.records_scored),
            ] {
                counter.store(value, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

async fn text(answer: Response) -> Result<String, Failure> {
    answer.text().await.map_err(|error| Failure::internal(&error))
}

fn refused(status: StatusCode, body: &str) -> Failure {
    Failure::Internal(format!("the server answered {status}: {body}"))
}

async fn save(mut answer: Response, path: &Path) -> Result<(), Failure> {
    let said = |error: std::io::Error| Failure::Internal(format!("{}: {error}", path.display()));
    let mut file = tokio::fs::File::create(path).await.map_err(said)?;
    while let Some(bytes) = answer.chunk().await.map_err(|error| Failure::internal(&error))? {
        file.write_all(&bytes).await.map_err(said)?;
    }
    file.flush().await.map_err(said)
}
