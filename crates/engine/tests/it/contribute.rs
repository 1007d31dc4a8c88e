//! Submissions that contribute data.

use std::fs::File;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use bordereau_engine::batch::Options;
use bordereau_engine::contribution::{Destination, rows, rows_path};
use bordereau_engine::release::Release;

use crate::fixture::{options, problems_with, release_with, score, small_folder};

const KIND: (&str, &str, &str) =
    ("solution.toml", "title = \"Score policies\"", "title = \"Keep policies\"\nkind = \"contribution\"");
const FILES: [(&str, &str); 2] = [
    (
        "policy.csv",
        "number,effective,amount,kind,renewal,holder\nP1,1/31/2020,5,shop,Y,Ann\nP2,2020-02-01,,,N,\nP3,2020-03-01,5000,farm,N,Cy\n",
    ),
    ("item.csv", "number,effective,item\nP3,2020-03-01,7\nP1,2020-01-31,2\n"),
];

#[test]
fn accepted_rows_are_written_with_all_their_fields() {
    let folder = tempfile::tempdir().unwrap();
    let accepted = "2026-11-25T08:00:00Z".parse().unwrap();
    let to = Destination { folder: folder.path().to_owned(), accepted };
    let run = score(&release_with(&[KIND]), &FILES, &Options { contribution: Some(to), ..options() }).unwrap();
    assert_eq!(run.names, ["errors.csv", "README.txt", "summary.json"]);
    let counts = run.outcome.summary.records;
    assert_eq!((counts.read, counts.scored, counts.contributed, counts.rejected), (3, 0, Some(2), 1));
    assert!(run.text("README.txt").contains("Read 3, accepted 2, rejected 1."));
    assert!(run.text("summary.json").contains("\"contributed\": 2"));
    let contribution = run.outcome.contribution.unwrap();
    assert_eq!(contribution.records, 2);
    assert_eq!(contribution.relations, [("policy".to_owned(), 2), ("item".to_owned(), 1)]);
    let rows: Vec<_> =
        rows::read(File::open(rows_path(folder.path(), "policy")).unwrap()).unwrap().map(Result::unwrap).collect();
    let schema = rows[0].schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(
        names,
        ["number", "effective", "amount", "kind", "renewal", "holder", "record", "batch_key", "accepted"]
    );
    assert_eq!(schema.field(1).data_type(), &DataType::Date32);
    assert_eq!(rows[0].column(5).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("Ann"), None]);
    assert_eq!(rows[0].column(6).as_primitive::<Int64Type>().values().to_vec(), [0, 1]);
}

#[test]
fn without_a_place_to_keep_them_nothing_is_written() {
    let run = score(&release_with(&[KIND]), &FILES, &options()).unwrap();
    assert_eq!(run.outcome.contribution, None);
    assert!(run.text("README.txt").contains("This was a trial: nothing is kept"));
}

#[test]
fn a_relation_must_have_a_name_for_a_file_and_no_column_of_ours() {
    let problems = problems_with(&[
        KIND,
        ("datapackage.json", "\"name\": \"holder\"", "\"name\": \"Batch key\""),
        ("solution.toml", "pass_through = [\"holder\"]", ""),
    ]);
    assert_eq!(
        problems,
        ["datapackage.json: /resources/0/schema/fields/5/name: Batch key is the name of a column that is added to \
          contributed rows"]
    );
    // What scores needs features, and what does not needs none.
    for (kind, count) in [("scoring", 1), ("contribution", 0)] {
        let folder = tempfile::tempdir().unwrap();
        let manifest = std::fs::read_to_string(small_folder().join("solution.toml")).unwrap();
        let manifest = manifest.split("[[models]]").next().unwrap();
        let manifest = manifest.replace("\"Score policies\"", &format!("'Keep'\nkind = '{kind}'"));
        std::fs::write(folder.path().join("solution.toml"), manifest).unwrap();
        std::fs::copy(small_folder().join("datapackage.json"), folder.path().join("datapackage.json")).unwrap();
        let problems = Release::from_folder(folder.path()).map_or_else(|problems| problems.len(), |_| 0);
        assert_eq!(problems, count, "{kind}");
    }
}
