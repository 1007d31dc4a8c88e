//! The summary and its digest, as anyone can work it out again from the zip.

use bordereau_engine::batch::{Options, ResultFormat};
use bordereau_engine::summary::Summary;
use sha2::{Digest, Sha256};

use crate::fixture::{Run, options, release_with, score};

const POLICIES: &str = "number,effective,amount,kind,renewal,holder\nP1,2020-01-31,100,shop,N,J\u{f6}rg \"J\"\n";

fn run(release_title: &str, options: &Options) -> Run {
    let release = release_with(&[("solution.toml", "A small release", release_title)]);
    score(&release, &[("policy.csv", POLICIES)], options).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The recipe of `docs/results.md`, in Rust.
fn digest_again(run: &Run) -> String {
    let mut lines = String::new();
    for name in &run.names {
        let content = if name == "summary.json" {
            let mut summary: serde_json::Value = serde_json::from_slice(&run.members[name]).unwrap();
            let object = summary.as_object_mut().unwrap();
            object.shift_remove("digest").unwrap();
            object.shift_remove("timings").unwrap();
            serde_json::to_vec(&summary).unwrap()
        } else {
            run.members[name].clone()
        };
        lines.push_str(&format!("{name} {}\n", hex(&content)));
    }
    hex(lines.as_bytes())
}

#[test]
fn promise_3_the_digest_can_be_worked_out_from_the_zip() {
    for format in [ResultFormat::Csv, ResultFormat::Parquet] {
        let run = run("R\u{e9}lease \\\"x\\\"", &Options { format, ..options() });
        let summary: Summary = serde_json::from_slice(&run.members["summary.json"]).unwrap();
        assert_eq!(digest_again(&run), summary.digest);
        assert_eq!(summary.digest, run.outcome.summary.digest);
        assert_eq!(run.names.last().unwrap(), "summary.json");
        assert_eq!(hex(&run.zip), run.outcome.zip_sha256);
        assert_eq!(run.zip.len() as u64, run.outcome.zip_bytes);
    }
}

#[test]
fn promise_3_the_digest_tells_results_apart() {
    let one = run("A", &options());
    assert_eq!(one.outcome.summary.digest, run("A", &options()).outcome.summary.digest);
    assert_ne!(one.outcome.summary.digest, run("B", &options()).outcome.summary.digest);
}

#[test]
fn the_summary_says_how_long_each_stage_took() {
    let run = run("A", &options());
    let stages: Vec<&str> = run.outcome.summary.timings.stages.iter().map(|stage| stage.stage.as_str()).collect();
    assert_eq!(stages, ["validate", "link", "score", "pack"]);
    let written: Summary = serde_json::from_slice(&run.members["summary.json"]).unwrap();
    assert_eq!(written.customer.unwrap().as_str(), "valen");
    assert_eq!(written.release.version.as_str(), "1.0.0");
    assert_eq!(written.models[0].sha256.len(), 64);
}

#[test]
fn parquet_has_the_same_columns_and_rows() {
    let csv = run("A", &options());
    let parquet = run("A", &Options { format: ResultFormat::Parquet, ..options() });
    assert_eq!(
        parquet.names,
        ["outputs.parquet", "explanations.parquet", "errors.parquet", "README.txt", "summary.json"]
    );
    let bytes = bytes::Bytes::from(parquet.members["outputs.parquet"].clone());
    let reader =
        parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
    let batches: Vec<_> = reader.collect::<Result<_, _>>().unwrap();
    let names: Vec<String> = batches[0].schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names.join(","), csv.text("outputs.csv").lines().next().unwrap());
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
}
