//! Which records are explained: by their prediction, by their rank, by chance that is none; the same with any number of
//! threads, and the same numbers as where all are explained.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use bordereau_engine::batch::{Options, ResultFormat};
use bordereau_engine::release::Release;
use bordereau_engine::release::manifest::Explanations;

use crate::fixture::{Run, explaining, options, release_with, score};

/// So many records that there are several ranges.
const RECORDS: usize = 20_000;

/// Amounts of few sizes, so that many predictions are equal; some are missing, and have no price.
fn policies() -> String {
    let mut text = "number,effective,amount,kind,renewal,holder\n".to_owned();
    for at in 0..RECORDS {
        let amount = if at % 50 == 7 { String::new() } else { ((at * 7_919) % 97 * 10).to_string() };
        let kind = if at % 3 == 0 { "shop" } else { "farm" };
        text.push_str(&format!("P{at},2020-01-31,{amount},{kind},N,H{at}\n"));
    }
    text
}

fn release(risk: &str, price: &str) -> Arc<Release> {
    release_with(&[
        ("solution.toml", "name = \"risk\"", &format!("name = \"risk\"\n{risk}")),
        ("solution.toml", "name = \"price\"", &format!("name = \"price\"\n{price}")),
    ])
}

fn run(release: &Arc<Release>, options: &Options) -> Run {
    score(release, &[("policy.csv", &policies())], options).unwrap()
}

/// Numbers and predictions of the records of the model of a column.
fn predicted(run: &Run, column: &str) -> Vec<(String, Option<f64>)> {
    let rows = run.rows("outputs.csv");
    let at = rows[0].iter().position(|name| *name == column).unwrap();
    rows[1..].iter().map(|row| (row[0].to_owned(), row[at].parse().ok())).collect()
}

/// The records that a model's explanations are about.
fn explained(run: &Run, model: &str) -> BTreeSet<String> {
    let rows = run.rows("explanations.csv");
    rows.iter().skip(1).filter(|row| row[2] == model).map(|row| row[0].to_owned()).collect()
}

/// The rows of `run` are rows of `all`, in the same order, and `run` counts them.
fn is_part_of(run: &Run, all: &Run, counts: [(u64, u64); 2]) {
    let mut lines = all.text("explanations.csv").lines();
    for line in run.text("explanations.csv").lines() {
        assert!(lines.any(|other| other == line), "{line}");
    }
    let models = &run.outcome.summary.models;
    assert_eq!([0, 1].map(|at| (models[at].explained, models[at].not_explained)), counts);
    assert_eq!(run.text("outputs.csv"), all.text("outputs.csv"));
}

#[test]
fn records_are_explained_from_a_prediction_on_or_not_at_all() {
    let all = run(&release("", ""), &options());
    let mut prices: Vec<f64> = predicted(&all, "price_prediction").into_iter().filter_map(|(_, price)| price).collect();
    prices.sort_by(f64::total_cmp);
    let bound = prices[prices.len() / 2];
    let some = run(&release("explain = \"none\"", &format!("explain = {{ at_least = {bound} }}")), &options());
    let prices = predicted(&all, "price_prediction");
    let wanted: BTreeSet<String> = prices
        .iter()
        .filter(|(_, price)| price.is_some_and(|price| price >= bound))
        .map(|(at, _)| at.clone())
        .collect();
    let priced = prices.iter().filter(|(_, price)| price.is_some()).count();
    assert!(!wanted.is_empty() && wanted.len() < priced);
    assert_eq!(explained(&some, "price"), wanted);
    assert!(explained(&some, "risk").is_empty());
    let count = wanted.len() as u64;
    is_part_of(&some, &all, [(0, RECORDS as u64), (count, priced as u64 - count)]);
    let readme = some.text("README.txt");
    assert!(readme.contains("Of the model risk no record is explained; the others have no rows there."), "{readme}");
    assert!(readme.contains("Of the model price the records are explained whose prediction is at least"));
}

#[test]
fn promise_4_the_highest_share_is_exact_with_any_number_of_threads() {
    let all = run(&release("", ""), &explaining(Explanations::All));
    let release = release("explain = { sample = 0.02 }", "explain = { highest = 0.1 }");
    let some = run(&release, &explaining(Explanations::All));
    let mut prices: Vec<_> =
        predicted(&all, "price_prediction").into_iter().filter_map(|(at, price)| Some((at, price?))).collect();
    let priced = prices.len();
    prices.sort_by(|a, b| b.1.total_cmp(&a.1));
    prices.truncate(priced.div_ceil(10));
    let wanted: BTreeSet<String> = prices.iter().map(|(at, _)| at.clone()).collect();
    assert_eq!(explained(&some, "price"), wanted);
    let sampled = explained(&some, "risk").len() as u64;
    assert!((300..500).contains(&sampled), "{sampled}");
    let count = wanted.len() as u64;
    is_part_of(&some, &all, [(sampled, RECORDS as u64 - sampled), (count, priced as u64 - count)]);
    for threads in [2, 5] {
        let threads = NonZeroUsize::new(threads).unwrap();
        let again = run(&release, &Options { threads, ..explaining(Explanations::All) });
        assert_eq!(again.text("explanations.csv"), some.text("explanations.csv"));
        assert_eq!(again.outcome.summary.digest, some.outcome.summary.digest);
    }
    let parquet = run(&release, &Options { format: ResultFormat::Parquet, ..explaining(Explanations::All) });
    let counts = |run: &Run| run.outcome.summary.models.iter().map(|model| model.explained).collect::<Vec<_>>();
    assert_eq!(counts(&parquet), counts(&some));
}

#[test]
fn where_no_explanations_are_asked_for_a_share_asks_for_none() {
    let none = run(&release("", "explain = { lowest = 0.5 }"), &explaining(Explanations::Top(0)));
    assert!(!none.names.contains(&"explanations.csv".to_owned()));
    assert_eq!(none.outcome.summary.models[1].explained, 0);
}
