//! `bordereau profile`: tables, files, merging, comparing, exit codes, Ctrl-C.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use bordereau_profile::document::{FORMAT, Profile, ProfileState};
use flate2::write::GzEncoder;

use crate::program::{bordereau, run, said};

const AS_OF: [&str; 2] = ["--as-of", "2024-06-30"];

/// A book of policies: a key, a state, a premium with holes, a date, a flag.
fn policies(rows: u32) -> String {
    let mut text = String::from("policy_number,state,premium,effective_date,renewal\n");
    for row in 0..rows {
        let state = ["CA", "CA", "CA", "TX", "TX", "NY"][row as usize % 6];
        let premium = if row % 10 == 3 { String::new() } else { format!("{}.50", 100 + row * 7 % 900) };
        let date = format!("{}-{:02}-15", 2020 + row % 4, row % 12 + 1);
        text.push_str(&format!("P{row:05},{state},{premium},{date},{}\n", if row % 3 == 0 { "N" } else { "Y" }));
    }
    text
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path
}

/// Runs `profile` for a terminal of that width with a UTF-8 locale.
fn profile(width: u16, arguments: &[&str]) -> Output {
    let mut command = bordereau();
    command.env("COLUMNS", width.to_string()).env("LC_ALL", "C.UTF-8").arg("profile");
    command.args(arguments).args(AS_OF).output().unwrap()
}

fn parsed(json: &str) -> Profile {
    serde_json::from_str(json).unwrap()
}

#[test]
fn json_is_the_published_format_and_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "policy.csv", policies(500));
    let file = file.to_str().unwrap();
    let mut texts = Vec::new();
    for threads in ["1", "4"] {
        let output = profile(80, &[file, "--json", "--reproducible", "--threads", threads]);
        let (code, text, errors) = said(&output);
        assert_eq!((code, errors.as_str()), (0, ""));
        texts.push(text);
    }
    assert!(texts[0] == texts[1], "the number of threads changes the profile");
    let profile = parsed(&texts[0]);
    assert_eq!((profile.format.as_str(), profile.state, profile.timings), (FORMAT, ProfileState::Full, None));
    let relation = &profile.relations[0];
    assert_eq!((relation.name.as_str(), relation.rows, relation.columns.len()), ("policy", 500, 5));
    assert_eq!((relation.columns[2].name.as_str(), relation.columns[2].nulls.total), ("premium", 50));
    assert_eq!(relation.columns[1].distinct.value, 3);
}

#[test]
fn tables_fit_the_width_and_lose_the_least_telling_columns_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "policy.csv", policies(600));
    let mut titles = Vec::new();
    for width in [160, 100, 60] {
        let (code, text, errors) = said(&profile(width, &[file.to_str().unwrap(), "--reproducible"]));
        assert_eq!((code, errors.as_str()), (0, ""));
        for line in text.lines() {
            assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
            assert_eq!(line, line.trim_end());
        }
        assert!(!text.contains('\x1b'), "no colours where there is no terminal");
        titles.push(text.lines().find(|line| line.contains("missing")).unwrap().to_owned());
    }
    let has = |title: &str| titles.iter().map(|line| line.contains(title)).collect::<Vec<_>>();
    assert_eq!(has("picture"), [true, true, false]);
    assert_eq!(has("column"), [true; 3]);
    assert_eq!(has("values"), [true; 3]);
}

#[test]
fn a_locale_without_unicode_gets_ascii() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "policy.csv", policies(60));
    let mut command = bordereau();
    let (code, text, _) = said(&command.env("LC_ALL", "C").arg("profile").arg(&file).output().unwrap());
    assert_eq!(code, 0);
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn a_page_needs_no_network_and_files_are_written_beside_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "policy.csv", policies(300));
    let [page, json, package] = ["page.html", "profile.json", "datapackage.json"].map(|name| folder.path().join(name));
    let arguments = [
        file.to_str().unwrap(),
        "--html",
        page.to_str().unwrap(),
        &format!("--json={}", json.display()),
        "--datapackage",
        package.to_str().unwrap(),
    ];
    let (code, text, errors) = said(&profile(100, &arguments));
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(text.contains("policy_number") && text.contains("page.html"), "{text}");
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("Content-Security-Policy") && page.contains("<h2 id=\"r1-h\" class=\"v\">policy</h2>"));
    for part in ["http:", "https:", "src=", "url(", "@import"] {
        assert!(!page.contains(part), "{part}");
    }
    assert_eq!(parsed(&fs::read_to_string(json).unwrap()).relations[0].rows, 300);
    let package: serde_json::Value = serde_json::from_slice(&fs::read(package).unwrap()).unwrap();
    assert_eq!(package["resources"][0]["schema"]["fields"].as_array().unwrap().len(), 5);
}

#[test]
fn standard_input_packed_files_and_folders_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let content = policies(200);
    let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(content.as_bytes()).unwrap();
    let packed = write(folder.path(), "policy.csv.gz", packed.finish().unwrap());
    let (code, text, errors) = said(&profile(80, &[packed.to_str().unwrap(), "--json"]));
    assert_eq!((code, errors.as_str()), (0, ""));
    assert_eq!((&*parsed(&text).relations[0].name, parsed(&text).relations[0].rows), ("policy", 200));

    let mut child =
        bordereau().args(["profile", "-", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(content.as_bytes()).unwrap();
    let (code, text, _) = said(&child.wait_with_output().unwrap());
    assert_eq!(code, 0);
    assert_eq!((parsed(&text).upload.name.as_str(), parsed(&text).relations[0].rows), ("-", 200));

    let book = folder.path().join("book");
    fs::create_dir(&book).unwrap();
    write(&book, "insured.csv", "policy_number,name\n1,a\n2,b\n");
    write(&book, "class.psv", "policy_number|class\n1|x\n1|y\n2|z\n");
    let (code, text, _) = said(&profile(80, &[book.to_str().unwrap(), "--json"]));
    assert_eq!(code, 0);
    assert_eq!(parsed(&text).relations.len(), 2);
}

#[test]
fn an_upload_is_held_against_a_solution() {
    let sample = crate::program::project().join("testdata/samples/insureright");
    let sample = sample.to_str().unwrap();
    let (code, text, errors) = said(&profile(100, &[sample, "--against", "insureright/scoring"]));
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(text.contains("Against insureright/scoring 1.0.7: fits"), "{text}");
    assert!(text.contains("1 of 1 records would be scored, 0 rejected (0 %)"), "{text}");
    let (code, text, _) = said(&profile(100, &[sample, "--against", "all", "--json"]));
    assert_eq!(code, 0);
    assert!(parsed(&text).against.len() >= 3);
}

#[test]
fn exit_codes_tell_refusals_from_misuse() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "policy.csv", policies(10));
    let broken = write(folder.path(), "broken.zip", b"PK\x03\x04 and nothing more");
    let empty = write(folder.path(), "empty.csv", "");
    let (file, broken, empty) = (file.to_str().unwrap(), broken.to_str().unwrap(), empty.to_str().unwrap());
    for (arguments, code, part) in [
        (vec![broken], 2, "the upload was refused"),
        (vec![empty], 2, "the upload was refused"),
        (vec!["nosuch.csv"], 64, "nosuch.csv: No such file"),
        (vec![file, "--html", file], 64, "it would take the place of what is read"),
        (vec![file, "--pii", "hide"], 64, "setting pii (command line): must be mask, show or drop"),
        (vec![file, "--against", "nosuch/scoring"], 64, "there is no solution nosuch"),
        (vec!["-", "--against", "insureright/scoring"], 64, "cannot be standard input"),
        (vec![file, "--html", "/nonexistent/p.html"], 3, "/nonexistent/p.html cannot be written"),
        (vec![], 64, "UPLOAD"),
    ] {
        let (given, _, errors) = said(&profile(80, &arguments));
        assert_eq!(given, code, "{arguments:?}: {errors}");
        assert!(errors.contains(part), "{arguments:?}: {errors}");
    }
}

#[test]
fn states_are_kept_and_merged() {
    let folder = tempfile::tempdir().unwrap();
    let content = policies(400);
    let (header, rows) = content.split_once('\n').unwrap();
    let half = rows.match_indices('\n').nth(199).unwrap().0 + 1;
    let mut states = Vec::new();
    for (name, rows) in [("one", &rows[..half]), ("two", &rows[half..])] {
        let part = folder.path().join(name);
        fs::create_dir(&part).unwrap();
        let file = write(&part, "policy.csv", format!("{header}\n{rows}"));
        let state = folder.path().join(name).with_extension("state");
        let arguments = [file.to_str().unwrap(), "--state", state.to_str().unwrap()];
        assert_eq!(said(&profile(80, &arguments)).0, 0);
        states.push(state.to_str().unwrap().to_owned());
    }
    let both = folder.path().join("both.state");
    let merge = ["merge", &states[0], &states[1], "-o", both.to_str().unwrap(), "--json"];
    let (code, text, errors) = said(&profile(80, &merge));
    assert_eq!((code, errors.as_str()), (0, ""));
    let merged = parsed(&text);
    let whole = write(folder.path(), "policy.csv", &content);
    let whole = parsed(&said(&profile(80, &[whole.to_str().unwrap(), "--json"])).1);
    assert_eq!(merged.relations[0].rows, 400);
    assert_eq!(merged.relations[0].columns[1].frequent, whole.relations[0].columns[1].frequent);
    let (code, _, _) = said(&profile(80, &["merge", both.to_str().unwrap(), &states[0]]));
    assert_eq!(code, 0, "what was merged is a state too");

    let mut bytes = fs::read(&both).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = write(folder.path(), "damaged.state", bytes);
    let (code, _, errors) = said(&profile(80, &["merge", &states[0], damaged.to_str().unwrap()]));
    assert_eq!(code, 2);
    assert!(errors.contains("damaged.state: profile state was changed or cut short"), "{errors}");
}

#[test]
fn drift_is_told_by_lights_and_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let old = write(folder.path(), "old.csv", policies(900));
    let new = write(folder.path(), "new.csv", policies(900).replace(",CA,", ",OR,"));
    let (old, new) = (old.to_str().unwrap(), new.to_str().unwrap());
    let (code, text, errors) = said(&profile(110, &["compare", old, old]));
    assert_eq!((code, errors.as_str()), (0, ""), "{text}");
    assert!(text.starts_with("● green"), "{text}");
    let (code, text, _) = said(&profile(110, &["compare", old, new]));
    assert_eq!(code, 1, "{text}");
    let row = text.lines().find(|line| line.contains("● red") && line.contains("state"));
    assert!(row.is_some(), "{text}");
    let page = folder.path().join("drift.html");
    let quietly = ["compare", old, new, "--fail-on", "never", "--html", page.to_str().unwrap()];
    assert_eq!(said(&profile(110, &quietly)).0, 0);
    assert!(fs::read_to_string(page).unwrap().contains("old.csv → new.csv"));

    let [json, state] = ["old.json", "old.state"].map(|name| folder.path().join(name));
    let (json, state) = (json.to_str().unwrap(), state.to_str().unwrap());
    assert_eq!(said(&profile(110, &[old, &format!("--json={json}"), "--state", state])).0, 0);
    for kept in [json, state] {
        assert_eq!(said(&profile(110, &["compare", kept, old])).0, 0, "{kept}");
        let (code, text, _) = said(&profile(110, &["compare", kept, new, "--json"]));
        assert_eq!(code, 1, "{kept}");
        let comparison: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&comparison["format"], &comparison["light"]), (&"bordereau-comparison/1".into(), &"red".into()));
    }
    let other = write(folder.path(), "other.json", "{\"format\": \"something\"}");
    let (code, _, errors) = said(&profile(110, &["compare", other.to_str().unwrap(), new]));
    assert_eq!(code, 64);
    assert!(errors.contains("is JSON, but no profile"), "{errors}");
}

/// Whether a process has a handler for SIGINT.
fn catches_interrupts(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 0b10 != 0
}

#[test]
fn an_interrupt_ends_it_without_leaving_anything() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let mut child = bordereau()
        .args(["profile", "-", "--html"])
        .arg(&page)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(policies(100).as_bytes()).unwrap();
    while !catches_interrupts(child.id()) {
        std::thread::yield_now();
    }
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130), "though its input has not ended");
    drop(input);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_thousand_columns_and_odd_names_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let header: Vec<String> = (0..1_000).map(|at| format!("column\u{1b}[31m_{at}")).collect();
    let row: Vec<String> = (0..1_000).map(|at| (at * 7 % 13).to_string()).collect();
    let content = format!("{}\n{}\n{}\n", header.join(","), row.join(","), row.join(","));
    let file = write(folder.path(), "wide.csv", content);
    let (code, text, _) = said(&run([Path::new("profile"), &file]));
    assert_eq!(code, 0);
    assert!(!text.contains('\x1b'), "a terminal must not obey a name");
    let is_column = |line: &&str| {
        let mut words = line.split_whitespace();
        words.next().is_some_and(|word| word.parse::<usize>().is_ok())
            && words.next().is_some_and(|w| w.starts_with("col"))
    };
    assert_eq!(text.lines().filter(is_column).count(), 1_000);
}
