use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use reqwest::multipart::{Form, Part};

use crate::world::{PASSWORD, World, said};
use crate::zips::{encrypted, entry, sample, zip};

const KEY: &str = "ac5b3d51-50f8-40d1-e378-18f8db2fabc9";
const PATH: &str = "/solutions/batch/5/insureright/scoring";

fn is_key(text: &str) -> bool {
    text.len() == 36 && text.parse::<bordereau_base::ids::BatchKey>().is_ok()
}

#[tokio::test]
async fn both_path_families_take_a_batch_and_answer_its_key() {
    let world = World::start().await;
    for path in [
        PATH,
        "/solutions/batch/1/insureright/scoring",
        "/solutions/batch/version/insureright/scoring",
        "/solutions/batch/987654321/insureright/scoring?solutionVersion=1.0.7",
        "/api/2/batch/insureright/scoring",
        "/api/2/batch/insureright/scoring?format=parquet&explanations=all",
        "/api/2/batch/insureright/scoring?format=csv&explanations=0",
    ] {
        for part in ["file", "batch-file"] {
            let response = world.post_part("jane", path, part, sample()).send().await.unwrap();
            assert_eq!(response.status(), 200, "{path} {part}");
            assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
            let key = response.text().await.unwrap();
            assert!(is_key(&key), "{path} {part}: {key}");
        }
    }
}

#[tokio::test]
async fn promise_2_the_client_may_choose_the_key_and_repeat_the_request() {
    let world = World::start().await;
    let path = format!("{PATH}?batchKey={}", KEY.to_uppercase());
    for _ in 0..2 {
        assert_eq!(said(world.post("jane", &path, sample())).await, (200, KEY.to_owned()));
    }
    let other = zip(&[entry("insured.csv", "a\n1\n")]);
    let conflict = (409, "The batch key was already used for another upload or request.".to_owned());
    assert_eq!(said(world.post("jane", &path, other.clone())).await, conflict);
    assert_eq!(said(world.post("jane", &format!("{path}&format=parquet"), sample())).await, conflict);
    assert_eq!(
        said(world.post("joe", &path, other)).await,
        (200, KEY.to_owned()),
        "another customer is free to use it"
    );
}

/// What is refused with 400, and the sentences of the guides.
#[tokio::test]
async fn promise_8_each_bad_zip_has_its_sentence() {
    let world = World::start().await;
    for (upload, sentence) in [
        (zip(&[encrypted("insured.csv")]), "error opening zipfile Password protected zipfile not supported"),
        (b"no zip at all".to_vec(), "error opening zipfile zipfile could not be opened"),
        (Vec::new(), "error opening zipfile zipfile could not be opened"),
        (zip(&[entry("book/insured.csv", "a\n")]), "File contains subdirectories, provide zips with only files"),
    ] {
        let (status, text) = said(world.post("jane", PATH, upload)).await;
        assert_eq!((status, text.as_str()), (400, sentence));
    }
    let (status, text) = said(world.post("jane", PATH, zip(&[entry("insured.xlsx", "a\n")]))).await;
    assert!(status == 400 && text.contains("insured.xlsx"), "{text}");
    assert_eq!(world.files("objects"), 0);
    assert_eq!(world.files("incoming"), 0);
}

#[tokio::test]
async fn a_body_without_the_part_is_refused_in_a_sentence() {
    let world = World::start().await;
    let form = |name: &'static str| Form::new().part(name, Part::bytes(sample()));
    let not_multipart = "The body is not multipart/form-data. Send the zip in a part named file or batch-file.";
    let no_part = "The body has no part named file or batch-file. Send the zip in a part of one of these names.";
    let two = "The body has more than one part named file or batch-file. Send one zip in one part.";
    let bare = || world.client.post(world.url(PATH)).basic_auth("jane", Some(PASSWORD));
    let part = "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n";
    let broken = |end: &str| {
        let body = [part.as_bytes(), &sample(), end.as_bytes()].concat();
        bare().header(CONTENT_TYPE, "multipart/form-data; boundary=x").body(body)
    };
    let not_whole = "The multipart body breaks off or is not well-formed.";
    for (request, sentence) in [
        (bare().body(sample()), not_multipart),
        (bare().header(CONTENT_TYPE, "application/zip").body(sample()), not_multipart),
        (bare().header(CONTENT_TYPE, "multipart/form-data").body(sample()), not_multipart),
        (bare().header(CONTENT_TYPE, format!("multipart/form-data; boundary={}", "x".repeat(71))), not_multipart),
        (bare().multipart(form("File")), no_part),
        (bare().multipart(form("other").text("note", "hello")), no_part),
        (bare().multipart(form("file").part("batch-file", Part::bytes(sample()))), two),
        (broken(""), not_whole),
        (broken("\r\n--x"), not_whole),
        (broken("\r\n--x-"), not_whole),
        (broken("\r\n--x\r\n"), not_whole),
        (broken(&format!("\r\n{}", &part[..part.len() - 2])), not_whole),
    ] {
        assert_eq!(said(request).await, (400, sentence.to_owned()));
    }
    assert_eq!((world.files("objects"), world.files("incoming")), (0, 0));
    assert_eq!(said(broken("\r\n--x--")).await.0, 200, "whole, with nothing after the last boundary");
    let around = Form::new().text("before", "x".repeat(3 << 20)).part("file", Part::bytes(sample())).text("after", "x");
    assert_eq!(said(bare().multipart(around)).await.0, 200);
}

#[tokio::test]
async fn a_query_that_would_be_without_effect_is_refused() {
    let world = World::start().await;
    for (query, sentence) in [
        (
            "batchKey=ac5b3d51",
            "The query parameter batchKey is not well-formed: a batch key must be a GUID, such as \
             ac5b3d51-50f8-40d1-e378-18f8db2fabc9.",
        ),
        (
            "solutionVersion=new",
            "The query parameter solutionVersion is not well-formed: a release version must be one to four numbers, such as \
             1.0.7.",
        ),
        ("format=xml", "The query parameter format is not well-formed: must be csv or parquet."),
        (
            "explanations=-1",
            "The query parameter explanations is not well-formed: must be a number from 0 to 65535 or \"all\".",
        ),
        (
            "batchkey=ac5b3d51-50f8-40d1-e378-18f8db2fabc9",
            "A query parameter is not known. Known are batchKey, solutionVersion, format and explanations.",
        ),
        ("format=csv&format=csv", "The query parameter format is there more than once."),
    ] {
        let path = format!("{PATH}?{query}");
        assert_eq!(said(world.post("jane", &path, sample())).await, (400, sentence.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let world = World::start().await;
    for path in [
        "/solutions/batch/0/insureright/scoring",
        "/solutions/batch/v5/insureright/scoring",
        "/solutions/batch/5/nothing/scoring",
        "/solutions/batch/5/insureright/nothing",
        "/solutions/batch/5/InsureRight/scoring",
        "/solutions/batch/5/..%2Fx/scoring",
        "/solutions/batch/5/insureright/scoring?solutionVersion=99.0",
        "/api/2/batch/insureright/%ff",
        "/api/3/batch/insureright/scoring",
        "/",
    ] {
        assert_eq!(said(world.post("jane", path, sample())).await, (404, "404:Not Found".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn another_method_is_answered_with_those_allowed() {
    let world = World::start().await;
    let key = format!("{PATH}/{KEY}");
    for (method, path, allow) in [
        ("GET", PATH, "POST"),
        ("DELETE", PATH, "POST"),
        ("GET", "/api/2/batch/insureright/scoring", "POST"),
        ("POST", key.as_str(), "GET,HEAD"),
        ("PUT", "/healthz", "GET,HEAD"),
    ] {
        let request = world.client.request(method.parse().unwrap(), world.url(path));
        let response = request.send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["allow"]),
            (405, &allow.parse().unwrap()),
            "{path}"
        );
        assert_eq!(response.text().await.unwrap(), "405:Method Not Allowed");
    }
}

/// The same refusals as RFC 9457, for who asks for it.
#[tokio::test]
async fn problems_are_told_in_json_when_asked_for() {
    let world = World::start().await;
    let key = format!("{PATH}?batchKey={KEY}");
    assert_eq!(said(world.post("jane", &key, sample())).await.0, 200);
    for (request, status, code, title) in [
        (world.client.post(world.url(PATH)), 401, "unauthorized", "Unauthorized"),
        (world.post("clerk", PATH, sample()), 403, "forbidden", "Forbidden"),
        (world.post("jane", "/api/2/batch/nothing/scoring", sample()), 404, "notFound", "Not Found"),
        (world.get("jane", PATH), 405, "methodNotAllowed", "Method Not Allowed"),
        (world.post("jane", PATH, b"x".to_vec()), 400, "notAZip", "Bad Request"),
        (world.post("jane", PATH, zip(&[encrypted("a.csv")])), 400, "passwordProtected", "Bad Request"),
        (world.post_part("jane", PATH, "zip", sample()), 400, "noFilePart", "Bad Request"),
        (world.post("jane", &format!("{PATH}?x=1"), sample()), 400, "badQuery", "Bad Request"),
        (world.post("jane", &format!("{key}&format=parquet"), sample()), 409, "batchKeyConflict", "Conflict"),
    ] {
        let response = request.header(ACCEPT, "application/problem+json").send().await.unwrap();
        assert_eq!(response.status(), status, "{code}");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert!(response.headers().get(RETRY_AFTER).is_none());
        let body: serde_json::Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(body["type"], format!("urn:bordereau:problem:{code}"));
        assert_eq!((&body["title"], &body["status"]), (&title.into(), &status.into()), "{body}");
        assert_eq!(body["code"], code);
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()) && body.get("batch").is_none());
    }
}
