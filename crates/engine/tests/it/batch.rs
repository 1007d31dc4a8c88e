//! Whole batches over the small release: what comes out, and that nothing but the upload and the settings decides it.

use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;

use bordereau_base::refusal::RefusalCode;
use bordereau_base::state::Stage;
use bordereau_engine::Error;
use bordereau_engine::batch::{BatchSpec, Options, ResultFormat, score_batch};
use bordereau_engine::progress::Progress;
use bordereau_engine::release::manifest::Explanations;

use crate::fixture::{Run, explaining, options, release_with, score};

const POLICIES: &str = "\
number,effective,amount,kind,renewal,holder
P1,2020-01-31,100,shop,N,Ann
P2,2/1/2020,900,boat,Y,
P3,2020-03-01,,farm,N,Cid
P4,2020-03-01,many,farm,N,Dee
P5,2020-03-01,0,farm,Y,Eve
P6,2020-03-01,50,barn,N,Fay
";
const ITEMS: &str = "\
number,effective,item
P2,2020-02-01,1
P1,1/31/2020,1
P1,1/31/2020,2
P9,2020-01-01,1
";

fn small_run(options: &Options) -> Run {
    score(&release_with(&[]), &[("policy.csv", POLICIES), ("item.csv", ITEMS)], options).unwrap()
}

#[test]
fn records_are_scored_explained_and_rejected() {
    let run = small_run(&options());
    assert_eq!(run.names, ["outputs.csv", "explanations.csv", "errors.csv", "README.txt", "summary.json"]);
    let rows = run.rows("outputs.csv");
    let header = "number,effective,holder,risk_prediction,risk_bin,risk_lower_bound,risk_upper_bound,risk_interpretation,\
                  price_prediction,price_bin,price_lower_bound,price_upper_bound,price_interpretation";
    assert_eq!(rows[0].join(","), header);
    let expected = [
        "P1,2020-01-31,Ann,0.35,1,-0.1,0,Bin 1: -10% to 0%,61,1,0,1000,\"$0 to $1,000\"",
        "P2,2/1/2020,,0.85,2,0,0.25,The worse half,460,1,0,1000,\"$0 to $1,000\"",
        // Without the amount the tree goes left, and the regression has nothing to say.
        "P3,2020-03-01,Cid,0.15000000000000002,1,-0.1,0,Bin 1: -10% to 0%,,,,,",
        // The kind is no member of the enumeration: a warning, and missing to the models.
        "P6,2020-03-01,Fay,0.15000000000000002,1,-0.1,0,Bin 1: -10% to 0%,35,1,0,1000,\"$0 to $1,000\"",
    ];
    assert_eq!(run.text("outputs.csv").lines().skip(1).collect::<Vec<_>>(), expected);
    let errors = run.text("errors.csv");
    for part in
        ["policy,5,P4,2020-03-01,amount,invalidInputValue,error,many,", "P5,2020-03-01,amount,dependency,error,0,"]
    {
        assert!(errors.contains(part), "{part} is not in {errors}");
    }
    assert!(errors.contains("item,5,P9,2020-01-01,"), "{errors}");
    let summary = &run.outcome.summary;
    assert_eq!((summary.records.read, summary.records.scored, summary.records.rejected), (6, 4, 2));
    assert_eq!(summary.models[0].bins, [3, 1]);
    assert_eq!((summary.models[1].bins.clone(), summary.models[1].without_prediction), (vec![3], 1));
    assert_eq!(summary.relations[1].rows.read, 4);
    assert_eq!(summary.relations[1].rows.rejected, 1);
    assert!(summary.release.demonstration && run.text("README.txt").contains("demonstration models"));
}

#[test]
fn explanations_have_texts_values_and_signed_importances() {
    let run = small_run(&options());
    let rows = run.rows("explanations.csv");
    assert_eq!(rows[0].join(","), "number,effective,model,rank,feature,description,value,contribution,importance");
    let of = |number: &str, model: &str| {
        let found = rows.iter().filter(|row| row[0] == number && row[2] == model);
        found.map(|row| row[3..].join(",")).collect::<Vec<_>>()
    };
    assert_eq!(
        of("P1", "price"),
        ["1,amount,A small amount,100,50,0.9803921568627451", "2,kind,Kind of business,shop,1,0.0196078431372549",]
    );
    // A kind without a coefficient moves nothing, so it is not listed.
    assert_eq!(of("P2", "price"), ["1,amount,A small amount,900,450,1"]);
    assert_eq!(of("P3", "price"), Vec::<String>::new());
    let worse = of("P2", "risk");
    assert!(worse[0].starts_with("1,amount,A large amount,900,0."), "{worse:?}");
    assert_eq!(worse.len(), 2, "at most two are asked for");
    let importance: f64 = worse[0].rsplit(',').next().unwrap().parse().unwrap();
    assert!((-1.0..0.0).contains(&importance));
    // A missing value is shown as such, and nothing is said of its size.
    assert!(of("P3", "risk").iter().any(|row| row.contains(",amount,Amount insured,,")), "{:?}", of("P3", "risk"));
}

#[test]
fn importances_sum_to_one_over_all_features() {
    let run = small_run(&explaining(Explanations::All));
    let rows = run.rows("explanations.csv");
    for (model, inputs) in [("risk", 3), ("price", 2)] {
        for number in ["P1", "P2", "P3", "P6"] {
            let found: Vec<_> = rows.iter().filter(|row| row[0] == number && row[2] == model).collect();
            if (number, model) == ("P3", "price") {
                assert!(found.is_empty());
                continue;
            }
            assert_eq!(found.len(), inputs);
            let importances = found.iter().map(|row| row.last().unwrap().parse::<f64>().unwrap());
            assert!((importances.map(f64::abs).sum::<f64>() - 1.0).abs() < 1e-12);
            let ranks: Vec<&str> = found.iter().map(|row| row[3]).collect();
            assert_eq!(ranks, ["1", "2", "3"][..inputs]);
        }
    }
}

#[test]
fn without_explanations_there_is_no_such_member() {
    let run = small_run(&explaining(Explanations::Top(0)));
    assert_eq!(run.names, ["outputs.csv", "errors.csv", "README.txt", "summary.json"]);
    assert!(run.text("README.txt").contains("There is no explanations.csv: no explanations were asked for."));
    assert_eq!(run.text("outputs.csv"), small_run(&options()).text("outputs.csv"));
}

#[test]
fn unknown_categories_are_counted_by_record() {
    let release = release_with(&[
        ("solution.toml", "[\"policy.kind\"]", "[]"),
        ("datapackage.json", "\"boat\"", "\"boat\", \"barn\""),
    ]);
    let run = score(&release, &[("policy.csv", POLICIES), ("item.csv", ITEMS)], &options()).unwrap();
    let unknown = &run.outcome.summary.models[1].unknown_categories;
    assert_eq!((unknown[0].input.as_str(), unknown[0].records), ("kind", 2));
    assert_eq!(run.outcome.summary.models[0].unknown_categories, []);
}

#[test]
fn a_relation_that_may_be_absent_has_no_rows() {
    let run = score(&release_with(&[]), &[("policy.csv", POLICIES)], &options()).unwrap();
    assert_eq!(run.outcome.summary.records.scored, 4);
    assert_eq!(run.outcome.summary.relations[1].file, None);
}

#[test]
fn a_query_must_give_each_record_one_row() {
    for (query, rows) in [
        (
            "SELECT p.record, p.amount, p.kind, p.renewal, 1 AS item_count FROM policy p JOIN item i ON i.record = p.record",
            2,
        ),
        ("SELECT record, amount, kind, renewal, 1 AS item_count FROM policy WHERE amount > 100", 0),
    ] {
        let whole = std::fs::read_to_string(crate::fixture::small_folder().join("features.sql")).unwrap();
        let release = release_with(&[("features.sql", &whole, query)]);
        let ended = score(&release, &[("policy.csv", POLICIES), ("item.csv", ITEMS)], &options()).err().unwrap();
        let expected = format!("features.sql gives {rows} rows for record 1 of the file; it must give one");
        assert!(matches!(&ended, Error::Release(message) if *message == expected), "{ended:?}");
    }
}

#[test]
fn an_upload_that_is_not_taken_is_refused() {
    let ended = score(&release_with(&[]), &[("item.csv", ITEMS)], &options()).err().unwrap();
    assert!(matches!(&ended, Error::Refused(refusal) if refusal.code == RefusalCode::MissingRelation), "{ended:?}");
}

#[test]
fn a_cancelled_batch_ends() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.csv"), POLICIES).unwrap();
    let spec = BatchSpec {
        release: release_with(&[]),
        submission: "scoring".parse().unwrap(),
        customer: None,
        batch_key: None,
        upload: vec![folder.path().join("policy.csv")],
    };
    let progress = Progress::default();
    let out = tempfile::tempfile().unwrap();
    score_batch(&spec, &options(), &progress, &out).unwrap();
    assert_eq!(progress.stage(), Stage::Pack);
    assert_eq!(progress.records_total.load(Ordering::Relaxed), 4);
    assert_eq!(progress.records_scored.load(Ordering::Relaxed), 4);
    let progress = Progress::default();
    progress.cancel();
    let ended = score_batch(&spec, &options(), &progress, &out);
    assert!(matches!(ended, Err(Error::Cancelled)));
}

/// More records than a range holds, some of them faulty, with items in another order than policies.
fn book(records: usize) -> (String, String) {
    let mut policies = "number,effective,amount,kind,renewal,holder\n".to_owned();
    let mut items = "number,effective,item\n".to_owned();
    for n in 0..records {
        let amount = if n % 97 == 0 { "none".to_owned() } else { format!("{}.5", n * 7919 % 999) };
        let kind = ["shop", "farm", "boat", "", "barn"][n % 5];
        let renewal = ["Y", "N"][n % 2];
        policies.push_str(&format!("P{n},2020-01-{:02},{amount},{kind},{renewal},\"Holder, {n}\"\n", n % 28 + 1));
        let other = (n * 31 + 7) % records;
        for item in 0..other % 3 {
            items.push_str(&format!("P{other},2020-01-{:02},{}\n", other % 28 + 1, item + 1));
        }
    }
    (policies, items)
}

#[test]
fn promise_4_threads_and_format_change_nothing_but_time() {
    let (policies, items) = book(17_000);
    let release = release_with(&[]);
    for format in [ResultFormat::Csv, ResultFormat::Parquet] {
        let run = |threads| {
            let options = Options { threads: NonZeroUsize::new(threads).unwrap(), format, ..options() };
            score(&release, &[("policy.csv", &policies), ("item.csv", &items)], &options).unwrap()
        };
        let one = run(1);
        let counts = one.outcome.summary.records;
        assert_eq!(counts.scored + counts.rejected, counts.read);
        assert_eq!((counts.read, counts.rejected), (17_000, 176));
        assert_eq!(one.outcome.summary.models[0].bins.iter().sum::<u64>(), counts.scored);
        for threads in [2, 4] {
            let many = run(threads);
            assert_eq!(many.names, one.names);
            assert_eq!(many.outcome.summary.digest, one.outcome.summary.digest);
            for name in one.names.iter().filter(|name| *name != "summary.json") {
                assert!(many.members[name] == one.members[name], "{name} differs with {threads} threads");
            }
        }
    }
}

#[test]
fn outputs_are_in_the_order_of_the_upload() {
    let (policies, items) = book(9_000);
    let run = score(&release_with(&[]), &[("policy.csv", &policies), ("item.csv", &items)], &options()).unwrap();
    let numbers = run.text("outputs.csv").lines().skip(1).map(|line| line[1..line.find(',').unwrap()].parse::<u32>());
    let numbers: Vec<u32> = numbers.collect::<Result<_, _>>().unwrap();
    assert!(numbers.is_sorted());
    assert_eq!(numbers.len() as u64, run.outcome.summary.records.scored);
}

#[test]
fn findings_quote_the_beginning_of_a_very_long_cell() {
    let (long, wide) = ("P".repeat(5_000), "\u{e4}".repeat(5_000));
    let policies = format!("number,effective,amount,kind,renewal,holder\n{long},2020-01-31,1,{wide},N,\n");
    let run = score(&release_with(&[]), &[("policy.csv", &policies), ("item.csv", ITEMS)], &options()).unwrap();
    let rows = run.rows("errors.csv");
    let found = rows.iter().find(|row| row[4] == "kind").unwrap();
    assert_eq!((found[2], found[7]), (&long[..1_024], &wide[..1_024]));
}

#[test]
fn a_value_that_a_query_cannot_compute_ends_the_batch_and_is_not_quoted() {
    for feature in ["CAST(p.kind AS BIGINT)", "1 / (CAST(p.amount AS BIGINT) - 100)"] {
        let release = release_with(&[("features.sql", "coalesce(i.n, 0)", feature)]);
        let ended = score(&release, &[("policy.csv", POLICIES), ("item.csv", ITEMS)], &options());
        let Err(error @ Error::DataFusion(_)) = ended else { panic!("{feature} ended otherwise") };
        assert_eq!(error.to_string(), "a query failed");
    }
}
