//! `bordereau score`, `solution`, `customer`, `user`, `config`: exit codes and what is said.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::program::{bordereau, data_folder, project, run, run_with_input, said};
use crate::results::{comparable, members, rows, summary};

fn samples(solution: &str) -> PathBuf {
    project().join("testdata/samples").join(solution)
}

fn score(solution: &str, upload: &[&Path], output: &Path, more: &[&str]) -> (i32, String, String) {
    let mut arguments = vec!["score", "--solution", solution, "-o", output.to_str().unwrap()];
    arguments.extend(more);
    arguments.extend(upload.iter().map(|path| path.to_str().unwrap()));
    said(&run(arguments))
}

#[test]
fn the_guides_samples_are_scored_by_the_shipped_solutions() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("results.zip");
    for (solution, prediction) in
        [("insureright", "loss_ratio_relativity_prediction"), ("ca", "_prediction"), ("wc_claims", "_prediction")]
    {
        let (code, text, errors) = score(solution, &[&samples(solution)], &output, &[]);
        assert_eq!(code, 0, "{solution}: {text}\n{errors}");
        let members = members(&fs::read(&output).unwrap());
        let outputs = rows(&members["outputs.csv"]);
        assert_eq!(outputs.len(), 1, "{solution}");
        let given = outputs[0].iter().find(|(name, _)| name.ends_with(prediction)).unwrap();
        assert!(given.1.parse::<f64>().unwrap().is_finite());
        assert_eq!(summary(&members)["records"]["scored"], 1);
        assert!(text.contains("Demonstration models"), "{text}");
    }
}

#[test]
fn promise_4_a_folder_and_its_files_and_any_number_of_threads_give_the_same_results() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("results.zip");
    let sample = samples("insureright");
    let (insured, class) = (sample.join("insured.psv"), sample.join("class.psv"));
    let mut results = Vec::new();
    for (upload, threads) in [(vec![sample.as_path()], "1"), (vec![insured.as_path(), class.as_path()], "4")] {
        assert_eq!(score("insureright", &upload, &output, &["--threads", threads]).0, 0);
        let mut members = comparable(&fs::read(&output).unwrap());
        results.push(members.remove("outputs.csv").unwrap());
    }
    assert_eq!(results[0], results[1]);
}

#[test]
fn exit_codes_tell_rejected_records_from_refused_uploads_misuse_and_faults_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("results.zip");
    let upload = folder.path().join("book");
    fs::create_dir(&upload).unwrap();
    let sample = |name: &str| fs::read_to_string(samples("insureright").join(name)).unwrap();
    fs::write(upload.join("insured.psv"), sample("insured.psv").replace("|N|Test Submit", "|X|Test Submit")).unwrap();
    fs::write(upload.join("class.psv"), sample("class.psv")).unwrap();
    let (code, text, _) = score("insureright", &[&upload], &output, &[]);
    assert_eq!(code, 1, "{text}");
    let errors = rows(&members(&fs::read(&output).unwrap())["errors.csv"]);
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0]["field"].as_str(), errors[0]["value"].as_str()), ("new_renew_flag", "X"));
    assert_eq!(score("insureright", &[&upload], &output, &["--set", "rejected_exit_code=0"]).0, 0);

    fs::remove_file(upload.join("class.psv")).unwrap();
    let before = fs::read(&output).unwrap();
    let (code, _, errors) = score("insureright", &[&upload], &output, &[]);
    assert_eq!(code, 2);
    assert!(errors.contains("class"), "{errors}");
    assert!(fs::read(&output).unwrap() == before, "a refused upload leaves older results alone");

    let sample = samples("insureright");
    let (sample, results) = (sample.to_str().unwrap(), output.to_str().unwrap());
    for (arguments, code, part) in [
        (vec!["score", "x.zip"], 64, "--solution"),
        (vec!["score", "--solution", "nosuch", "x.zip"], 64, "there is no solution nosuch"),
        (vec!["score", "--solution", "insureright", "--release", "9.9", "x.zip"], 64, "insureright has no release 9.9"),
        (vec!["score", "--solution", "insureright", "--submission", "magic", "x.zip"], 64, "has no submission magic"),
        (
            vec!["score", "--solution", "insureright", "--threads", "none", "x.zip"],
            64,
            "setting threads (command line)",
        ),
        (vec!["score", "--solution", "insureright", "nosuch/x.zip"], 64, "nosuch/x.zip: No such file"),
        (
            vec!["score", "--solution", "insureright", "--set", "scratch=/nonexistent/s", sample, "-o", results],
            3,
            "a scratch file cannot be made in /nonexistent/s: No such file",
        ),
        (
            vec!["score", "--solution", "insureright", sample, "-o", "/nonexistent/r.zip"],
            3,
            "/nonexistent/r.zip cannot be written",
        ),
        (vec!["--set", "x", "config", "show"], 64, "must be NAME=VALUE"),
        (vec!["--config", "/nonexistent/b.toml", "config", "show"], 64, "/nonexistent/b.toml"),
    ] {
        let (given, _, errors) = said(&run(&arguments));
        assert_eq!(given, code, "{arguments:?}: {errors}");
        assert!(errors.contains(part), "{arguments:?}: {errors}");
    }
}

#[test]
fn results_do_not_mix_with_what_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["insured.psv", "class.psv"] {
        fs::copy(samples("insureright").join(name), folder.path().join(name)).unwrap();
    }
    let (insured, class) = (folder.path().join("insured.psv"), folder.path().join("class.psv"));
    let inside = folder.path().join("results.zip");
    let (code, _, errors) = score("insureright", &[folder.path()], &inside, &[]);
    assert_eq!(code, 64);
    assert!(errors.contains("the results would lie in the folder that is sent"), "{errors}");
    let (code, _, errors) = score("insureright", &[&insured, &class], &class, &[]);
    assert_eq!(code, 64);
    assert!(errors.contains("class.psv: the results would take its place"), "{errors}");
    assert_eq!(fs::read(&class).unwrap(), fs::read(samples("insureright").join("class.psv")).unwrap());
    assert_eq!(score("insureright", &[&insured, &class], &inside, &[]).0, 0, "beside single files they may lie");
}

#[test]
fn results_are_as_private_as_the_users_mask_says() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("results.zip");
    for (mask, mode) in [("077", 0o600), ("022", 0o644)] {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &format!("umask {mask} && exec \"$@\""), "sh", env!("CARGO_BIN_EXE_bordereau")]);
        command.args(["score", "--solution", "insureright", "-o"]).arg(&output).arg(samples("insureright"));
        let (code, _, errors) = said(&command.output().unwrap());
        assert_eq!(code, 0, "{errors}");
        assert_eq!(fs::metadata(&output).unwrap().permissions().mode() & 0o777, mode, "mask {mask}");
    }
}

#[test]
fn output_that_nobody_reads_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let (output, sample) = (folder.path().join("results.zip"), samples("insureright"));
    let (output, sample) = (output.to_str().unwrap(), sample.to_str().unwrap());
    for arguments in [
        vec!["solution", "list"],
        vec!["config", "show"],
        vec!["completions", "bash"],
        vec!["score", "--solution", "insureright", sample, "-o", output],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let result = bordereau().args(&arguments).stdout(writer).output().unwrap();
        let (code, _, errors) = said(&result);
        assert_eq!(code, 0, "{arguments:?}: {errors}");
        assert!(!errors.contains("panicked"), "{arguments:?}: {errors}");
    }
    assert!(fs::exists(output).unwrap());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = bordereau().args(["solution", "show", "nosuch"]).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(64));
}

#[test]
fn solutions_are_listed_shown_and_checked() {
    let (code, list, _) = said(&run(["solution", "list"]));
    assert_eq!(code, 0);
    let line = |start: &str| list.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    assert!(line("insureright  1.0.7").contains("active"), "{list}");
    assert!(line("insureright  1.1.0").contains("future"), "{list}");
    assert!(line("ca ").contains("demonstration") && line("wc_claims").contains("demonstration"));
    let (code, page, _) = said(&run(["solution", "show", "insureright", "--markdown"]));
    assert_eq!(code, 0);
    let key = "| class_code | string | yes | primary key |";
    assert!(page.starts_with("# insureright 1.0.7") && page.contains(key), "{page}");
    assert!(page.contains("Each row of its parent needs at least one row here."), "{page}");
    let (code, text, _) = said(&run(["solution", "show", "insureright"]));
    assert_eq!(code, 0);
    let words = |start: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(start)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(
        words("original_policy_term_number ").starts_with("original_policy_term_number string yes primary key"),
        "{text}"
    );
    assert!(text.contains("primary key, refers to insured."), "{text}");
    let folder = project().join("solutions/insureright/1.0.7");
    let (code, text, errors) = said(&run([Path::new("solution"), Path::new("check"), &folder]));
    assert_eq!(code, 0, "{text}{errors}");
    assert!(text.contains("good; a dry run scored"), "{text}");
    let empty = tempfile::tempdir().unwrap();
    let (code, text, _) = said(&run([Path::new("solution"), Path::new("check"), empty.path()]));
    assert_eq!(code, 2);
    assert!(text.contains("3 problems found") && text.contains("solution.toml: is missing"), "{text}");
}

#[test]
fn users_are_added_listed_granted_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let data = data_folder(folder.path());
    let data = data.to_str().unwrap();
    let list = || said(&run(["user", "list", "--data", data])).1;
    assert!(list().contains("ann   valen     integrator  */*"), "{}", list());
    let add =
        ["user", "add", "bob", "--customer", "valen", "--password-stdin", "--data", data, "--grant", "ca/scoring"];
    run_with_input(&add, "a long password\n");
    assert_eq!(said(&run(["user", "grant", "bob", "insureright/*", "--data", data])).0, 0);
    assert_eq!(said(&run(["user", "revoke", "bob", "ca/scoring", "--data", data])).0, 0);
    assert!(list().contains("bob   valen     integrator  insureright/*"), "{}", list());
    run_with_input(&["user", "passwd", "bob", "--password-stdin", "--data", data], "another password\n");
    for (arguments, part) in [
        (vec!["customer", "add", "valen", "--data", data], "there is a customer of that name already"),
        (vec!["customer", "add", "No Good", "--data", data], "a customer name must be"),
        (vec!["user", "grant", "nobody", "*/*", "--data", data], "there is no user of that name"),
        (vec!["user", "grant", "bob", "all", "--data", data], "a grant must be solution/submission"),
    ] {
        let (code, _, errors) = said(&run(&arguments));
        assert_eq!(code, 64, "{arguments:?}");
        assert!(errors.contains(part), "{errors}");
    }
}

#[test]
fn settings_are_shown_with_their_origin_and_help_has_examples() {
    let (code, text, _) = said(&run(["--set", "threads=3", "config", "show"]));
    assert_eq!(code, 0);
    let threads = text.lines().find(|line| line.starts_with("threads ")).unwrap();
    assert_eq!(threads.split_whitespace().collect::<Vec<_>>(), ["threads", "3", "command", "line"], "{text}");
    for command in [
        "score",
        "profile",
        "profile merge",
        "profile compare",
        "serve",
        "demo",
        "customer add",
        "customer weight",
        "webhook add",
        "webhook list",
        "backup",
        "restore",
        "user add",
        "user passwd",
        "user list",
        "user grant",
        "user revoke",
        "solution list",
        "solution show",
        "solution check",
        "config show",
        "completions",
    ] {
        let arguments = command.split(' ').chain(["--help"]);
        let (code, text, _) = said(&run(arguments));
        assert_eq!(code, 0);
        assert!(text.contains("Example"), "{command}: {text}");
    }
    let (code, script, _) = said(&run(["completions", "bash"]));
    assert_eq!(code, 0);
    assert!(script.contains("complete -F _bordereau"));
}
