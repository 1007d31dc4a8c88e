//! Releases inside the program and in folders.

use bordereau_engine::batch::ResultFormat;
use bordereau_engine::catalog::Catalog;
use bordereau_engine::dry_run::dry_run;
use bordereau_engine::release::Release;

use crate::fixture::{edited, options, release_with, score};

fn embedded() -> Catalog {
    Catalog::embedded().unwrap_or_else(|broken| panic!("{broken:#?}"))
}

#[test]
fn the_releases_inside_the_program_can_be_used() {
    let catalog = embedded();
    let names: Vec<&str> = catalog.solutions().map(|name| name.as_str()).collect();
    assert_eq!(names, ["ca", "gl", "insureright", "manage", "wc", "wc_claims"]);
    for name in catalog.solutions() {
        for release in catalog.releases(name) {
            let says = release.manifest.demonstration || release.models.is_empty();
            assert!(says, "{name} must say that its models are demonstration models");
        }
    }
    let insureright = "insureright".parse().unwrap();
    let versions: Vec<&str> = catalog.releases(&insureright).map(|release| release.manifest.version.as_str()).collect();
    assert_eq!(versions, ["1.0.7", "1.1.0"]);
    let active = |at: &str| catalog.active(&insureright, at.parse().unwrap()).map(|r| r.manifest.version.as_str());
    assert_eq!(active("2026-01-01T00:00:00Z"), Some("1.0.7"));
    assert_eq!(active("2035-01-01T00:00:00Z"), Some("1.1.0"));
    assert_eq!(active("1990-01-01T00:00:00Z"), None);
    assert!(catalog.release(&insureright, &"1.1.0".parse().unwrap()).is_some());
    assert!(catalog.release(&insureright, &"9".parse().unwrap()).is_none());
}

#[test]
fn every_release_inside_the_program_passes_its_dry_run() {
    let catalog = embedded();
    for name in catalog.solutions() {
        for release in catalog.releases(name) {
            let run = dry_run(release, 60, 7, &options()).unwrap();
            assert_eq!(run.problems, [], "{name} {}", release.manifest.version);
            let counts = run.summary.unwrap().records;
            assert!(counts.read >= 50 && counts.accepted() * 10 >= counts.read * 9, "{name}: {counts:?}");
        }
    }
}

#[test]
fn a_folder_of_releases_is_added_or_told_what_is_wrong() {
    let place = |release: &tempfile::TempDir, root: &std::path::Path, at: &str| {
        let to = root.join(at);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::rename(release.path(), &to).unwrap();
    };
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("README.md"), "beside").unwrap();
    place(&edited(&[]), root.path(), "small/1.0.0");
    let mut catalog = Catalog::default();
    catalog.add_folder(root.path()).unwrap();
    assert_eq!(catalog.releases(&"small".parse().unwrap()).count(), 1);
    place(&edited(&[]), root.path(), "tiny/1.0");
    place(&edited(&[("features.sql", "p.amount", "p.sum")]), root.path(), "small/1.0.1");
    let mut catalog = Catalog::default();
    let broken = catalog.add_folder(root.path()).unwrap_err();
    assert_eq!(broken.iter().map(|one| one.place.as_str()).collect::<Vec<_>>(), ["small/1.0.1", "tiny/1.0"]);
    let said: Vec<String> = broken[1].problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "solution.toml: solution: is small, but the release lies in a folder named tiny",
            "solution.toml: version: is 1.0.0, but the release lies in a folder named 1.0",
        ]
    );
    assert_eq!(catalog.solutions().count(), 0);
    assert!(catalog.add_folder(&root.path().join("none")).is_err());
}

#[test]
fn a_release_in_a_folder_takes_the_place_of_one_before() {
    let mut catalog = Catalog::default();
    let release = |title: &str| Release::from_folder(edited(&[("solution.toml", "A small", title)]).path()).unwrap();
    catalog.add(release("First"));
    catalog.add(release("Second"));
    let releases: Vec<_> = catalog.releases(&"small".parse().unwrap()).collect();
    assert_eq!(releases.len(), 1);
    assert_eq!(releases[0].manifest.title, "Second release for tests");
}

#[test]
fn a_dry_run_is_the_same_each_time_and_finds_what_cannot_be_scored() {
    let release = release_with(&[]);
    let digest = |seed| dry_run(&release, 100, seed, &options()).unwrap().summary.unwrap().digest;
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
    // Amounts are missing now and then, and the regression needs them.
    let problems = dry_run(&release, 100, 1, &options()).unwrap().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].to_string().starts_with("models/price.pmml: gives no prediction for "), "{problems:?}");
    let required = ("datapackage.json", "{\"minimum\": 0,", "{\"required\": true, \"minimum\": 0,");
    let passes = dry_run(&release_with(&[required]), 100, 1, &options()).unwrap();
    assert_eq!(passes.problems, []);
    let rule = ("solution.toml", "NOT renewal OR amount > 0", "amount > 5000");
    let problems = dry_run(&release_with(&[required, rule]), 100, 1, &options()).unwrap().problems;
    assert!(problems[0].message.starts_with("no generated record could be scored, of 100: 100 x dependency of amount"));
    let query = ("features.sql", "LEFT JOIN items", "JOIN items");
    let childless = ("solution.toml", "required = false", "required = false\nchildren = \"any\"");
    let rows = ("features.sql", "count(*) AS n FROM item GROUP BY record", "item AS n FROM item");
    let problems = dry_run(&release_with(&[required, query, childless, rows]), 50, 1, &options()).unwrap().problems;
    assert!(problems[0].to_string().starts_with("features.sql: features.sql gives "), "{problems:?}");
}

#[test]
fn the_guides_sample_is_scored() {
    let insured = "original_policy_term_number|term_effective_date|experience_mod_factor_initial|new_renew_flag|insured_name|policy_address|policy_city_name|policy_state_code|policy_zip_code|available_history_1|available_history_2|available_history_3|non_zero_claim_count_1|non_zero_claim_count_2|non_zero_claim_count_3|underwriter\n1234Test|7/7/2017|1|N|Test Submit|1234 Anystreet, Anytown, CO|Anytown|CO|80309|Y|N|Y|0||3|Test Person\n";
    let class = "original_policy_term_number|term_effective_date|state_code|class_code|payroll_amount_initial\n1234Test|7/7/2017|CO|4771|12345\n1234Test|7/7/2017|CO|8810|349\n";
    let catalog = embedded();
    for version in ["1.0.7", "1.1.0"] {
        let release = catalog.release(&"insureright".parse().unwrap(), &version.parse().unwrap()).unwrap();
        for format in [ResultFormat::Csv, ResultFormat::Parquet] {
            let options = bordereau_engine::batch::Options { format, ..options() };
            let run = score(release, &[("insured.psv", insured), ("class.psv", class)], &options).unwrap();
            assert_eq!(run.outcome.summary.records.scored, 1);
            assert_eq!(run.outcome.summary.models.len(), 3);
            for model in &run.outcome.summary.models {
                assert_eq!(model.bins.len(), 10);
                assert_eq!(model.bins.iter().sum::<u64>(), 1);
            }
            if format == ResultFormat::Csv {
                let explained = run.text("explanations.csv").lines().count() - 1;
                assert!((3..=15).contains(&explained), "{explained}");
            }
        }
    }
}
