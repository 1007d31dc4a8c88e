//! The guide's own curl lines, run with the real curl: the options are the guide's, with the dash of `-u` and the
//! closing quotation mark it lost in print, the host this server's, and a file where the guide prints an object.

use std::path::Path;
use std::process::{Command, Output};

use crate::world::World;
use crate::zips::sample;

async fn curl(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("curl");
    command.current_dir(folder).args(["--silent", "--show-error", "--write-out", "\n%{http_code}"]).args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    let output = output.expect("curl is installed; scripts/test does so");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Body and status.
fn read(output: &Output) -> (String, String) {
    let text = String::from_utf8_lossy(&output.stdout);
    let (body, status) = text.rsplit_once('\n').unwrap();
    (body.to_owned(), status.to_owned())
}

#[tokio::test]
async fn the_guides_lines_submit_and_fetch_a_batch() {
    let world = World::start().await;
    let folder = world.folder.path();
    std::fs::write(folder.join("book.zip"), sample()).unwrap();
    let url = world.url("/solutions/batch/version/insureright/scoring");
    let header = "content-type: multipart/form-data";
    let line =
        ["--request", "POST", "--url", &url, "-u", "jane:opensesame", "--header", header, "--form", "file=@book.zip"];
    let (key, status) = read(&curl(folder, &line).await);
    assert_eq!((status.as_str(), key.len()), ("200", 36), "{key}");
    let fetch = format!("{url}/{key}");
    let (body, status) = read(&curl(folder, &["--url", &fetch, "-u", "jane:opensesame"]).await);
    assert_eq!((body.as_str(), status.as_str()), ("404:Not Found", "404"));
    world.run("jane", &format!("/solutions/batch/version/insureright/scoring/{key}")).await;
    let save = ["--url", &fetch, "-u", "jane:opensesame", "--output", "results.zip"];
    assert_eq!(read(&curl(folder, &save).await).1, "200");
    assert!(std::fs::read(folder.join("results.zip")).unwrap().starts_with(b"PK"));
}

#[tokio::test]
async fn the_guides_line_with_a_key_and_the_other_part_name() {
    let world = World::start().await;
    let folder = world.folder.path();
    std::fs::write(folder.join("book.zip"), sample()).unwrap();
    let key = "fdb46259-6eb0-4f6d-860d-a7886b05b138";
    let url = world.url(&format!("/solutions/batch/1/insureright/scoring?batchKey={key}"));
    let line = ["--request", "POST", "--url", &url, "-u", "jane:opensesame", "--form", "batch-file=@book.zip"];
    assert_eq!(read(&curl(folder, &line).await), (key.to_owned(), "200".to_owned()));
    let line = ["--request", "POST", "--url", &url, "-u", "jane:wrong", "--form", "batch-file=@book.zip"];
    assert_eq!(read(&curl(folder, &line).await), ("401:Unauthorized".to_owned(), "401".to_owned()));
}

/// A long poll before the upload is sent to be profiled, its profile, and its submission by GET.
#[tokio::test]
async fn the_guides_lines_profile_and_submit_an_upload() {
    let world = World::start().await;
    let folder = world.folder.path();
    std::fs::write(folder.join("book.zip"), sample()).unwrap();
    let (key, user) = ("ac5b3d51-50f8-40d1-e378-18f8db2fabc9", "jane:opensesame");
    let wait =
        world.url(&format!("/solutions/longpoll/subscribe?filter=name,preliminaryProfile,batchKey,{key}&timeout=300"));
    let wait = ["--request", "GET", "--url", &wait, "-u", user];
    let send = async {
        let url = world.url(&format!("/solutions/batch/5/profile?batchKey={key}"));
        let header = "content-type: multipart/form-data";
        let line =
            ["--request", "POST", "--url", &url, "-u", user, "--header", header, "--form", "batch-file=@book.zip"];
        assert_eq!(read(&curl(folder, &line).await), (key.to_owned(), "200".to_owned()));
        let submit = world.url(&format!("/solutions/batch/version/insureright/scoring/{key}/submit"));
        for _ in 0..2 {
            let line = ["--request", "GET", "--url", &submit, "-u", user];
            assert_eq!(read(&curl(folder, &line).await), (key.to_owned(), "200".to_owned()));
        }
        crate::submit_profiled::run_both(&world, key).await;
    };
    let (heard, ()) = tokio::join!(curl(folder, &wait), send);
    let (body, status) = read(&heard);
    assert!(status == "200" && body.contains("preliminaryProfile") && body.contains(key), "{body}");
    let profile = world.url(&format!("/solutions/batch/version/unstructured/{key}/profile"));
    let (body, status) = read(&curl(folder, &["--url", &profile, "-u", user]).await);
    assert!(status == "200" && body.contains("insured"), "{body}");
    let fetch = world.url(&format!("/solutions/batch/version/insureright/scoring/{key}"));
    assert_eq!(read(&curl(folder, &["--url", &fetch, "-u", user, "--output", "results.zip"]).await).1, "200");
    assert!(std::fs::read(folder.join("results.zip")).unwrap().starts_with(b"PK"));
}

/// Large enough that curl asks before it sends (`Expect: 100-continue`).
#[tokio::test]
async fn curl_gets_its_refusal_for_a_large_upload_too() {
    let world = World::start().await;
    let folder = world.folder.path();
    std::fs::write(folder.join("book.zip"), vec![7; 5 << 20]).unwrap();
    for (user, path, body, status) in [
        ("jane:wrong", "insureright", "401:Unauthorized", "401"),
        ("clerk:opensesame", "insureright", "403:Forbidden", "403"),
        ("jane:opensesame", "insureright", "error opening zipfile zipfile could not be opened", "400"),
    ] {
        let url = world.url(&format!("/solutions/batch/5/{path}/scoring"));
        // And a client that sends at once, whatever the answer.
        for expect in ["Expect: 100-continue", "Expect:"] {
            let line = ["--request", "POST", "--url", &url, "-u", user, "--header", expect, "--form", "file=@book.zip"];
            assert_eq!(read(&curl(folder, &line).await), (body.to_owned(), status.to_owned()), "{expect}");
        }
    }
}
