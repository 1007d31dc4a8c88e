//! A data folder with two customers, and a server on it.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bordereau_jobs::{Actor, Catalog, Grant, Jobs, JobsOptions, Password, Role, User};
use bordereau_server::{HttpMetrics, ServerOptions};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub const PASSWORD: &str = "opensesame";

pub struct World {
    pub folder: tempfile::TempDir,
    pub jobs: Jobs,
    pub address: SocketAddr,
    pub client: Client,
    pub metrics: HttpMetrics,
    stop: watch::Sender<()>,
    stopped: watch::Receiver<()>,
    serving: tokio::task::JoinHandle<()>,
}

/// Releases with the shipped dictionaries and without models, which would take long to load.
fn catalog() -> Arc<Catalog> {
    let folder = tempfile::tempdir().unwrap();
    let manage = folder.path().join("manage/1.0.0");
    std::fs::create_dir_all(&manage).unwrap();
    for (name, text) in [
        ("solution.toml", include_str!("../../../../solutions/manage/1.0.0/solution.toml")),
        ("datapackage.json", include_str!("../../../../solutions/manage/1.0.0/datapackage.json")),
    ] {
        std::fs::write(manage.join(name), text).unwrap();
    }
    for (solution, version, record, dictionary) in [
        ("insureright", "1.0.7", "insured", include_str!("../../../../solutions/insureright/1.0.7/datapackage.json")),
        ("ca", "1.0.0", "term", include_str!("../../../../solutions/ca/1.0.0/datapackage.json")),
    ] {
        let release = folder.path().join(solution).join(version);
        std::fs::create_dir_all(&release).unwrap();
        let manifest = format!(
            "solution = '{solution}'\nversion = '{version}'\ntitle = 'Without models'\nactive_from = '2020-01-01T00:00:00Z'\n\
             record = '{record}'\n[submissions.scoring]\ntitle = 'Scoring'\n"
        );
        std::fs::write(release.join("solution.toml"), manifest).unwrap();
        std::fs::write(release.join("datapackage.json"), dictionary).unwrap();
        let features = format!("SELECT record, 1 AS one FROM {record}");
        std::fs::write(release.join("features.sql"), features).unwrap();
    }
    let mut catalog = Catalog::default();
    catalog.add_folder(folder.path()).unwrap();
    Arc::new(catalog)
}

impl World {
    pub async fn start() -> Self {
        Self::start_with(|_| {}, ServerOptions::default()).await
    }

    /// A server without a runner: what is accepted stays pending until [`World::run`].
    pub async fn start_with(change: impl FnOnce(&mut JobsOptions), options: ServerOptions) -> Self {
        // Only the first one of a process is installed; all are the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let mut settings = JobsOptions::new(folder.path().join("data"), catalog());
        settings.threads = NonZeroUsize::MIN;
        settings.poll_ms = 2;
        change(&mut settings);
        let jobs = Jobs::open(settings).await.unwrap();
        for (name, customer, grant) in
            [("jane", "valen", "*/*"), ("clerk", "valen", "ca/*"), ("joe", "acme", "*/*"), ("nobody", "acme", "")]
        {
            let customer = customer.parse().unwrap();
            // Two users for each customer: the second time it is there already.
            let _ = jobs.accounts(Actor::program()).add_customer(&customer).await;
            let grants = grant.parse::<Grant>().into_iter().collect();
            let user = User::new(name.parse().unwrap(), customer, grants);
            jobs.accounts(Actor::program()).add_user(&user, Password::chosen(PASSWORD).unwrap()).await.unwrap();
        }
        let metrics = HttpMetrics::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(());
        let mut shutdown = stopped.clone();
        let served = bordereau_server::serve(listener, jobs.clone(), options, metrics.clone(), async move {
            let _ = shutdown.changed().await;
        });
        let serving = tokio::spawn(async move { served.await.unwrap() });
        Self { folder, jobs, address, client: Client::new(), metrics, stop, stopped, serving }
    }

    /// One more user, who may use everything that the role allows.
    pub async fn add_user(&self, name: &str, customer: &str, role: Role) {
        let user = User::new(name.parse().unwrap(), customer.parse().unwrap(), vec![Grant::ALL]);
        let password = Password::chosen(PASSWORD).unwrap();
        self.jobs.accounts(Actor::program()).add_user(&User { role, ..user }, password).await.unwrap();
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn get(&self, user: &str, path: &str) -> RequestBuilder {
        self.client.get(self.url(path)).basic_auth(user, Some(PASSWORD))
    }

    pub fn post(&self, user: &str, path: &str, upload: Vec<u8>) -> RequestBuilder {
        self.post_part(user, path, "file", upload)
    }

    pub fn post_part(&self, user: &str, path: &str, part: &'static str, upload: Vec<u8>) -> RequestBuilder {
        let form = Form::new().part(part, Part::bytes(upload).file_name("book.zip"));
        self.client.post(self.url(path)).basic_auth(user, Some(PASSWORD)).multipart(form)
    }

    /// Runs batches until the results of `path` are no longer pending; the last answer.
    pub async fn run(&self, user: &str, path: &str) -> Response {
        let (done, mut answer) = tokio::sync::oneshot::channel();
        let asking = async {
            loop {
                let response = self.get(user, path).send().await.unwrap();
                if response.status() != StatusCode::NOT_FOUND {
                    let _ = done.send(response);
                    return;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        self.jobs.run(asking).await.unwrap();
        answer.try_recv().unwrap()
    }

    /// Sends bytes as they are and reads the answer until the server closes the connection.
    pub async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may answer and close before it has read all.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// All files of a part of the data folder.
    pub fn files(&self, part: &str) -> usize {
        count(&self.folder.path().join("data").join(part))
    }

    /// The page that Prometheus reads.
    pub async fn measured(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = bordereau_server::serve_metrics(listener, self.jobs.clone(), self.metrics.clone(), async {
            let _ = stopped.await;
        });
        let asking = async {
            let (status, page) = said(self.client.get(url)).await;
            stop.send(()).unwrap();
            assert_eq!(status, 200, "{page}");
            page
        };
        let (served, page) = tokio::join!(serving, asking);
        served.unwrap();
        page
    }

    /// Begins the shutdown.
    pub fn stop(&self) {
        self.stop.send(()).unwrap();
    }

    /// Waits for the end of the server.
    pub async fn ended(self) {
        let Self { serving, folder, stopped, .. } = self;
        serving.await.unwrap();
        drop((folder, stopped));
    }
}

fn count(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 }).sum()
}

/// Status and text of an answer.
pub async fn said(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// Waits until a condition holds.
pub async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
