//! `bordereau demo`: the whole way of a book, for somebody who sees it for the first time.
//!
//! A synthetic book is made and zipped, a server is started on a free port with a data folder of its own, a customer
//! and a user are made, and the book goes in and the results come out by the same HTTP lines a customer's integrator
//! would use. What came out is shown: tables, three explained records, and where everything lies.

mod archive;
mod book;
mod client;
mod explained;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bordereau_base::ids::{BatchKey, CustomerName};
use bordereau_engine::summary::Summary;
use bordereau_jobs::{Actor, Grant, Jobs, Password, User};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::cli::Demo;
use crate::exit::{DONE, Failure};
use crate::settings::{Layers, Settings};
use crate::terminal::say;
use crate::{interrupt, logging, report, serve};
use book::Book;
use bordereau_base::figure::grouped;
use client::Client;

const CUSTOMER: &str = "demo";
const USER: &str = "demo";
/// `summary.json` is far smaller; a cap all the same.
const SUMMARY_BYTES_MAX: u64 = 16 << 20;

/// Runs the command.
///
/// # Errors
/// When a folder cannot be written, the port cannot be had, or the server does not do what it should.
pub fn run(args: &Demo, mut layers: Layers) -> Result<u8, Failure> {
    let folder = folder(args)?;
    layers.set_flag("data", folder.join("data").display().to_string());
    layers.set_flag("listen", "127.0.0.1:0");
    let settings = layers.resolve()?.settings()?;
    let zip = folder.join("book.zip");
    pack(args, &zip)?;
    if args.book_only {
        return Ok(DONE);
    }
    logging::start(&Settings { log: "warn".to_owned(), ..settings.clone() })?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::internal(&error))?;
    runtime.block_on(tour(args, &settings, &folder, &zip))?;
    Ok(DONE)
}

fn folder(args: &Demo) -> Result<PathBuf, Failure> {
    let said = |error: std::io::Error| Failure::Internal(format!("a folder for the demo cannot be made: {error}"));
    match &args.dir {
        Some(folder) if folder.join("data").exists() => {
            Err(Failure::Usage(format!("{} already holds a demo; name a fresh folder", folder.display())))
        }
        Some(folder) => std::fs::create_dir_all(folder).map(|()| folder.clone()).map_err(said),
        None => tempfile::Builder::new().prefix("bordereau-demo-").tempdir().map(tempfile::TempDir::keep).map_err(said),
    }
}

fn pack(args: &Demo, zip: &Path) -> Result<(), Failure> {
    let began = Instant::now();
    let book = Book { insureds: args.insureds, seed: args.seed };
    archive::pack(book, zip).map_err(|error| Failure::Internal(format!("{}: {error}", zip.display())))?;
    let bytes = std::fs::metadata(zip).map_or(0, |metadata| metadata.len());
    say(format_args!(
        "A synthetic book of workers' compensation, with the defects that such files have:\n  {} insureds with their \
         classes, {} bytes zipped, made in {} ms\n  {}\n\n",
        grouped(args.insureds.into()),
        grouped(bytes),
        began.elapsed().as_millis(),
        zip.display()
    ))
}

/// Server, customer, user; the book in; the results out; what is in them.
async fn tour(args: &Demo, settings: &Settings, folder: &Path, zip: &Path) -> Result<(), Failure> {
    let jobs = serve::open(settings, None).await?;
    let password = format!("demo-{:08x}", rand::random::<u32>());
    accounts(&jobs, &password).await?;
    let listener = TcpListener::bind(&settings.listen).await.map_err(|error| Failure::internal(&error))?;
    let address = listener.local_addr().map_err(|error| Failure::internal(&error))?;
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve::until(jobs.clone(), listener, None, async {
        // Stopped by the sender or by its end: both mean stop.
        let _ = stopped.await;
    }));
    let client = Client::new(&format!("http://{address}"), USER, &password);
    say(format_args!(
        "A server at http://{address} with customer {CUSTOMER}, user {USER}, password {password}.\n\nSending the book. The \
         same by hand:\n{}\n\n",
        client.curl_post(zip)
    ))?;
    let key = client.post(zip).await?;
    say(format_args!(
        "The answer is the batch key: {key}\nFetching the results until they are ready. The same by hand:\n{}\n\n",
        client.curl_get(&key)
    ))?;
    let results = folder.join("results.zip");
    client.fetch(&key, &results, &watched(&jobs, &key)?).await?;
    show(&results)?;
    say(format_args!(
        "\nWhere everything lies:\n  book     {}\n  results  {}\n  server   {}\n",
        zip.display(),
        results.display(),
        settings.data.display()
    ))?;
    if args.keep {
        say(format_args!("\nThe server keeps running at http://{address}; Ctrl-C stops it.\n"))?;
        interrupt::requested().await;
    }
    drop(stop);
    server.await.map_err(|error| Failure::internal(&error))?
}

async fn accounts(jobs: &Jobs, password: &str) -> Result<(), Failure> {
    let customer: CustomerName = CUSTOMER.parse().map_err(bordereau_jobs::Error::from)?;
    jobs.accounts(Actor::program()).add_customer(&customer).await?;
    let name = USER.parse().map_err(bordereau_jobs::Error::from)?;
    let password = Password::chosen(password).map_err(bordereau_jobs::Error::from)?;
    jobs.accounts(Actor::program()).add_user(&User::new(name, customer, vec![Grant::ALL]), password).await?;
    Ok(())
}

/// Where to look for the progress of the batch: the demo and its server are one process.
fn watched(jobs: &Jobs, key: &str) -> Result<client::Watched, Failure> {
    let key: BatchKey = key.parse().map_err(bordereau_jobs::Error::from)?;
    let customer = CUSTOMER.parse().map_err(bordereau_jobs::Error::from)?;
    Ok(client::Watched { jobs: jobs.clone(), customer, key, progress: Arc::default() })
}

fn show(results: &Path) -> Result<(), Failure> {
    let said = |error: &dyn std::fmt::Display| Failure::Internal(format!("{}: {error}", results.display()));
    let bytes = archive::member(results, "summary.json", SUMMARY_BYTES_MAX).map_err(|error| said(&error))?;
    let bytes = bytes.ok_or_else(|| said(&"there is no summary.json in it"))?;
    let summary: Summary = serde_json::from_slice(&bytes).map_err(|error| said(&error))?;
    say(report::text(&summary))?;
    say(explained::text(results, &summary).map_err(|error| said(&error))?)
}
