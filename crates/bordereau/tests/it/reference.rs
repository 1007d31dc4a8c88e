//! Real uploads with reference models, by command line and by HTTP. The data are not part of this project.
//!
//! `scripts/check/reference_predictions.py` goes further: it compares every prediction with LightGBM's own.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{Server, data_folder, project, reference_data, run, said};
use crate::results::{members, rows, summary};

/// A solution of `testdata/solutions`, its upload and its model among the reference data.
struct Case {
    solution: &'static str,
    upload: &'static str,
    model: &'static str,
    model_file: &'static str,
    prediction: &'static str,
    /// Records of the upload, and held-out rows of the model that are among them.
    records: u64,
    held_out: usize,
}

const CASES: [Case; 2] = [
    Case {
        solution: "pg16_fleet",
        upload: "pg16_fleet/pg16_fleet_upload.zip",
        model: "models/lgbm_binary_pg16_100",
        model_file: "claim.lgb.txt",
        prediction: "claim_prediction",
        records: 33_487,
        held_out: 411,
    },
    Case {
        solution: "msha_wc",
        upload: "msha_wc/msha_wc_upload.zip",
        model: "models/lgbm_poisson_msha_100",
        model_file: "injuries.lgb.txt",
        prediction: "injuries_prediction",
        records: 53_746,
        held_out: 1_000,
    },
];

/// A copy of the solution with its model in it.
fn release(case: &Case, folder: &Path) -> PathBuf {
    let from = project().join("testdata/solutions").join(case.solution).join("1.0.0");
    let to = folder.join("solutions").join(case.solution).join("1.0.0");
    fs::create_dir_all(to.join("models")).unwrap();
    for name in ["solution.toml", "datapackage.json", "features.sql"] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
    let model = reference_data().join(case.model).join("model.txt");
    fs::copy(&model, to.join("models").join(case.model_file))
        .unwrap_or_else(|error| panic!("{}: {error}", model.display()));
    to
}

fn check(case: &Case, zip: &[u8]) {
    let members = members(zip);
    let summary = summary(&members);
    let count = |name: &str| summary["records"][name].as_u64().unwrap();
    assert_eq!(count("read"), case.records);
    assert_eq!(count("scored") + count("rejected"), case.records);
    let outputs = rows(&members["outputs.csv"]);
    assert_eq!(outputs.len() as u64, count("scored"));
    let mut given: Vec<f64> = outputs.iter().map(|row| row[case.prediction].parse().unwrap()).collect();
    given.sort_by(f64::total_cmp);
    let expected = fs::read(reference_data().join(case.model).join("expected.csv")).unwrap();
    let close = |wanted: f64| {
        let at = given.partition_point(|value| *value < wanted * (1.0 - 1e-12));
        given.get(at).is_some_and(|value| *value <= wanted * (1.0 + 1e-12))
    };
    let held_out: Vec<f64> = rows(&expected).iter().map(|row| row["prediction"].parse().unwrap()).collect();
    let found = held_out.iter().filter(|wanted| close(**wanted)).count();
    let (solution, all) = (case.solution, held_out.len());
    println!("{solution}: {found} of {all} held-out predictions among those of {} records", count("scored"));
    assert!(found >= case.held_out, "{solution}: only {found} of the held-out predictions");
    assert!(rows(&members["explanations.csv"]).len() >= 4 * outputs.len());
}

#[test]
#[ignore = "needs the reference data"]
fn reference_uploads_score_the_same_by_command_line_and_by_http() {
    for case in &CASES {
        let folder = tempfile::tempdir().unwrap();
        let release = release(case, folder.path());
        let upload = reference_data().join(case.upload);
        let output = folder.path().join("results.zip");
        let arguments = [Path::new("score"), Path::new("--release-dir"), &release, &upload, Path::new("-o"), &output];
        let (code, _, errors) = said(&run(arguments));
        assert!([0, 1].contains(&code), "{code}: {errors}");
        let by_command = fs::read(&output).unwrap();
        check(case, &by_command);
        let by_http = over_http(case, folder.path(), fs::read(&upload).unwrap());
        let (mut by_command, mut by_http) = (members(&by_command), members(&by_http));
        // The summaries name customer and batch key.
        assert!(by_command.remove("summary.json").is_some() && by_http.remove("summary.json").is_some());
        assert!(by_command == by_http, "{}: the results differ", case.solution);
    }
}

fn over_http(case: &Case, folder: &Path, upload: Vec<u8>) -> Vec<u8> {
    let data = data_folder(folder);
    let solutions = folder.join("solutions");
    let server = Server::start(&data, &["--solutions", solutions.to_str().unwrap()]);
    let client = crate::client::Client::new(case.solution);
    let (status, key) = client.post(&server.url, upload, "").recv().unwrap().unwrap();
    assert_eq!(status, 200, "{key}");
    client.fetch(&server.url, &key)
}
