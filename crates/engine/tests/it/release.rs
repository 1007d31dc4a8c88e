//! What a release must be, each demand with the message that says so.

use bordereau_engine::release::Release;
use bordereau_engine::release::table::{field_rows, markdown};
use bordereau_engine::stages::score::outputs::copied_fields;

use crate::fixture::{problems_with, release_with, small_folder};

const QUERY: &str = "SELECT p.record, p.amount, p.kind, p.renewal, coalesce(i.n, 0) AS item_count";

#[test]
fn the_small_release_is_fine() {
    assert_eq!(problems_with(&[]), Vec::<String>::new());
    let release = release_with(&[]);
    assert_eq!(copied_fields(&release), [0, 1, 5]);
    assert_eq!(release.models[0].sentences, ["Bin 1: -10% to 0%", "The worse half"]);
    assert_eq!(release.sha256.len(), 64);
    assert_ne!(release.sha256, release_with(&[("solution.toml", "A small", "Another small")]).sha256);
}

#[track_caller]
fn says(edits: &[(&str, &str, &str)], expected: &str) {
    let problems = problems_with(edits);
    assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected:?} is not in {problems:#?}");
}

#[test]
fn a_manifest_that_is_wrong_is_told_with_its_place() {
    for (from, to, expected) in [
        ("title = \"A small", "titel = \"A small", "solution.toml: line 3, column 1: unknown field `titel`"),
        ("solution = \"small\"", "solution = \"Small\"", "solution.toml: line 1, column 12: a solution name must be"),
        ("active_from = \"2020", "active_from = \"2020-", "solution.toml: line 4, column 15:"),
        ("record = \"policy\"", "record = \"term\"", "solution.toml: record: the dictionary has no relation term"),
        ("[relations.item]", "[relations.unit]", "solution.toml: relations.unit: the dictionary has no such relation"),
        ("\"policy.kind\"", "\"policy.color\"", "findings.warnings[0]: policy.color is not relation.field"),
        ("[\"holder\"]", "[\"owner\"]", "outputs.pass_through[0]: policy has no field owner"),
        (
            "[submissions.scoring]\ntitle = \"Score policies\"",
            "[submissions]",
            "submissions: there must be at least one",
        ),
        ("relation = \"policy\"", "relation = \"term\"", "rules[0].relation: the dictionary has no relation term"),
        ("[\"amount\", \"renewal\"]", "[\"sum\"]", "rules[0].fields: policy has no field sum"),
        ("[\"amount\", \"renewal\"]", "[]", "rules[0].fields: there must be at least one"),
        ("NOT renewal OR amount > 0", "amount", "rules[0].holds: must be true or false, it is Float64"),
        ("NOT renewal OR amount > 0", "sum > 0", "rules[0].holds: Schema error: No field named sum"),
        ("NOT renewal OR amount > 0", "amount >", "rules[0].holds: SQL error"),
        ("NOT renewal OR amount > 0", "random() > amount", "rules[0].holds: the function random gives another answer"),
        ("NOT renewal OR amount > 0", "effective < now()", "rules[0].holds: the function now gives another answer"),
        ("NOT renewal OR amount > 0", "amount IN (SELECT 1)", "rules[0].holds: a rule is about one row"),
        ("sentence = \"amount must be above 0 for a renewal\"", "sentence = \" \"", "rules[0].sentence: is empty"),
        ("name = \"price\"", "name = \"risk\"", "models[1]: the output column risk_bin is there twice"),
        ("\"price_prediction\"", "\"Holder\"", "models[1]: the output column Holder is there twice"),
        ("models/price.pmml", "models/cost.pmml", "models[1].file: the release has no file models/cost.pmml"),
        ("format = \"pmml\"", "format = \"sas\"", "solution.toml: line 54, column 10: unknown variant `sas`"),
        ("bin = 2", "bin = 3", "models[0].bins[1].bin: bins are numbered from 1"),
        ("below = 0.5", "below = nan", "models[0].bins[0].below: must be a number above that of the bin before"),
        ("below = 0.5\n", "", "models[0].bins[0].below: only the last bin has no upper end"),
        ("bin = 2\n", "bin = 2\nbelow = 0.7\n", "models[0].bins[1].below: the last bin has no upper end"),
        ("upper_bound = 1000", "upper_bound = -1", "models[1].bins[0].lower_bound: the lower bound must not be above"),
        ("Bin {bin}", "Bin {number}", "models[0].bins[0].interpretation: knows only {bin}"),
        (
            "interpretation = \"{lower_bound} to {upper_bound}\"\n",
            "",
            "bins[0].interpretation: neither the bin nor the",
        ),
        ("[explanations.kind]", "[explanations.kinds]", "explanations.kinds: is not a column of features.sql"),
        ("[explanations.kind]", "[explanations.kinds]", "explanations: the input kind of models[1] has no text"),
        ("description = \"Kind of business\"", "description = \"\"", "the input kind of models[1] has no text"),
    ] {
        says(&[("solution.toml", from, to)], expected);
    }
    let twice = "[[rules]]\nid = \"renewal-amount\"\nrelation = \"item\"\nfields = [\"item\"]\nholds = \"true\"\nsentence = \"x\"\n\n[outputs]";
    says(&[("solution.toml", "[outputs]", twice)], "rules[1].id: renewal-amount is there twice");
}

#[test]
fn a_row_has_one_key_and_one_parent() {
    says(
        &[("solution.toml", "\"policy.kind\"", "\"policy.effective\"")],
        "findings.warnings[0]: policy.effective is part of a primary key, without which a row is not known",
    );
    let edits = [
        ("datapackage.json", "[\"number\", \"effective\"], \"reference\"", "[\"number\"], \"reference\""),
        (
            "datapackage.json",
            "\"policy\", \"fields\": [\"number\", \"effective\"]",
            "\"policy\", \"fields\": [\"number\"]",
        ),
    ];
    let expected =
        "/resources/1/schema/foreignKeys/0: number of policy may repeat, so a row of item may have several parents";
    says(&edits, expected);
}

#[test]
fn bins_must_ascend() {
    let more = "below = 0.5\nlower_bound = -0.1\nupper_bound = 0\n\n[[models.bins]]\nbin = 2\nbelow = 0.4\nlower_bound = 0\nupper_bound = 0\n";
    let edits = [
        ("solution.toml", "below = 0.5\nlower_bound = -0.1\nupper_bound = 0\n", more),
        ("solution.toml", "bin = 2\nlower", "bin = 3\nlower"),
    ];
    says(&edits, "models[0].bins[1].below: must be a number above that of the bin before");
}

#[test]
fn a_feature_query_is_one_select_that_keeps_records_apart() {
    let from = "FROM policy p LEFT JOIN items i ON i.record = p.record";
    for (was, to, expected) in [
        (QUERY, "SELEC p.record", "features.sql: line 2, column 1: SQL error"),
        (QUERY, "SELECT p.record, p.sum", "features.sql: line 2, column"),
        ("FROM policy p", "FROM polices p", "features.sql: line 3, column 6: Error during planning: table"),
        ("FROM policy p", "FROM 'policy.csv' p", "Error during planning: table"),
        ("FROM policy p", "FROM read_csv('policy.csv') p", "table function 'read_csv' not found"),
        ("FROM policy p", "FROM read_parquet('/etc/passwd') p", "table function 'read_parquet' not found"),
        (QUERY, "SELECT p.amount", "the result has no column record"),
        (QUERY, "SELECT p.record + 0 AS record", "must be the record of a relation, unchanged"),
        (QUERY, "SELECT p.record, p.amount, p.amount AS \"Amount\"", "the feature Amount is there twice"),
        (QUERY, "SELECT p.record, i.record", "the result has two columns record"),
        (
            QUERY,
            "SELECT p.record, p.effective",
            "the feature effective is Date32: it must be a number, a boolean or a text",
        ),
        (QUERY, "SELECT p.record, now() AS t", "the function now gives another answer at another time"),
        (QUERY, "SELECT p.record, current_date AS t", "gives another answer at another time"),
        (QUERY, "SELECT p.record, random() AS t", "the function random gives another answer"),
        (QUERY, "SELECT p.record, uuid() AS t", "the function uuid gives another answer"),
        (QUERY, "SELECT p.record, (SELECT avg(amount) FROM policy) AS t", "is no join on record"),
        (QUERY, "SELECT p.record, sum(p.amount) OVER () AS t", "a window has no PARTITION BY record"),
        (
            QUERY,
            "SELECT p.record, sum(p.amount) OVER (PARTITION BY p.kind) AS t",
            "a window has no PARTITION BY record",
        ),
        (from, "FROM policy p LEFT JOIN items i ON true", "a join of two relations is not on record"),
        (from, "FROM policy p LEFT JOIN items i ON i.record = p.record LIMIT 5", "LIMIT keeps some records"),
        (from, "FROM policy p FULL JOIN items i ON i.record = p.record", "a FULL JOIN is not needed"),
        (
            "count(*) AS n FROM item GROUP BY record",
            "1 AS n FROM (SELECT max(record) AS record FROM item)",
            "not grouped by record",
        ),
        (from, "FROM policy p LEFT JOIN items i ON i.record = p.record; SELECT 1", "features.sql"),
        (
            from,
            "FROM policy p LEFT JOIN items i ON i.record = p.record WHERE p.kind NOT IN (SELECT number FROM item x WHERE x.record = p.record)",
            "a NOT IN over values that may be null",
        ),
    ] {
        says(&[("features.sql", was, to)], expected);
    }
}

#[test]
fn a_feature_does_not_hang_on_how_rows_happen_to_lie() {
    let counted = "count(*) AS n FROM item GROUP BY record";
    for (aggregate, expected) in [
        ("first_value(item)", "first_value takes rows in an order, so it needs an ORDER BY"),
        ("last_value(item)", "last_value takes rows in an order"),
        ("nth_value(item, 2)", "nth_value takes rows in an order"),
        ("cardinality(array_agg(item))", "array_agg takes rows in an order"),
        ("length(string_agg(number, ','))", "string_agg takes rows in an order"),
        ("any_value(item)", "the aggregate any_value gives an answer that hangs on"),
        ("approx_median(item)", "the aggregate approx_median gives"),
        ("approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY item)", "the aggregate approx_percentile_cont gives"),
        ("sum(DISTINCT item / 3.0) + count(DISTINCT number)", "sum(DISTINCT ...) adds in no particular order"),
        ("avg(DISTINCT item)", "avg(DISTINCT ...) adds in no particular order"),
    ] {
        let query = format!("{aggregate} AS n FROM item GROUP BY record");
        says(&[("features.sql", counted, &query)], expected);
    }
    for (window, expected) in [
        ("row_number() OVER (PARTITION BY record)", "row_number takes rows in an order, so it needs an ORDER BY"),
        ("lag(item) OVER (PARTITION BY record)", "lag takes rows in an order"),
        ("first_value(item) OVER (PARTITION BY record)", "first_value takes rows in an order"),
        (
            "sum(item) OVER (PARTITION BY record ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
            "sum takes rows in an order, so it needs an ORDER BY",
        ),
    ] {
        let query = format!("max(w) AS n FROM (SELECT record, {window} AS w FROM item) GROUP BY record");
        says(&[("features.sql", counted, &query)], expected);
    }
    let first = "n FROM (SELECT DISTINCT ON (record) record, item AS n FROM item)";
    says(&[("features.sql", counted, first)], "DISTINCT ON is not allowed; use row_number()");
    let call = "p.renewal, bordereau_score('x', 1, p.amount) AS s,";
    says(&[("features.sql", "p.renewal,", call)], "the function bordereau_score is for bordereau's own plans");
    let rule = ("solution.toml", "NOT renewal OR amount > 0", "bordereau_score('x', 1, amount) IS NULL");
    says(&[rule], "rules[0].holds: the function bordereau_score is for");
    for counted_so in [
        "first_value(item ORDER BY item) AS n FROM item GROUP BY record",
        "length(string_agg(number, ',' ORDER BY number)) AS n FROM item GROUP BY record",
        "count(*) AS n FROM (SELECT DISTINCT record, item FROM item) GROUP BY record",
        "max(w) AS n FROM (SELECT record, sum(item) OVER (PARTITION BY record) AS w FROM item) GROUP BY record",
        "max(w) AS n FROM (SELECT record, lag(item) OVER (PARTITION BY record ORDER BY item) AS w FROM item) GROUP BY record",
        "count(DISTINCT item) + median(item) + var_samp(item) + max(DISTINCT item) AS n FROM item GROUP BY record",
        "percentile_cont(0.5) WITHIN GROUP (ORDER BY item) AS n FROM item GROUP BY record",
    ] {
        assert_eq!(problems_with(&[("features.sql", counted, counted_so)]), Vec::<String>::new(), "{counted_so}");
    }
}

#[test]
fn nothing_but_a_select_is_taken() {
    let whole = std::fs::read_to_string(small_folder().join("features.sql")).unwrap();
    for statement in [
        "CREATE TABLE t AS SELECT * FROM policy",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "CREATE VIEW v AS SELECT * FROM policy",
        "DROP TABLE policy",
        "INSERT INTO policy SELECT * FROM policy",
        "DELETE FROM policy",
        "UPDATE policy SET amount = 0",
        "COPY policy TO '/tmp/policy.csv'",
        "SET datafusion.execution.batch_size = 1",
        "EXPLAIN SELECT record FROM policy",
        "SHOW TABLES",
        "DESCRIBE policy",
        "PREPARE p AS SELECT record FROM policy",
        "SELECT record FROM policy; DROP TABLE policy",
        "SELECT record INTO t FROM policy",
        "",
    ] {
        let problems = problems_with(&[("features.sql", &whole, statement)]);
        assert!(problems.iter().any(|problem| problem.starts_with("features.sql: ")), "{statement}: {problems:?}");
    }
}

#[test]
fn queries_over_one_record_are_taken() {
    for query in [
        "SELECT p.record, p.amount, p.kind, p.renewal, (SELECT count(*) FROM item i WHERE i.record = p.record) AS item_count FROM policy p",
        "SELECT record, amount, kind, renewal, rank() OVER (PARTITION BY record ORDER BY amount) AS item_count FROM policy",
        "SELECT record, max(amount) AS amount, max(kind) AS kind, true AS renewal, 1 AS item_count FROM policy GROUP BY record",
        "SELECT p.record, p.amount, k.column1 AS kind, p.renewal, 0 AS item_count FROM policy p JOIN (VALUES ('shop')) k ON k.column1 = p.kind",
    ] {
        let whole = std::fs::read_to_string(small_folder().join("features.sql")).unwrap();
        assert_eq!(problems_with(&[("features.sql", &whole, query)]), Vec::<String>::new(), "{query}");
    }
}

#[test]
fn models_must_fit_the_features() {
    for (edit, expected) in [
        (("features.sql", "p.amount, ", ""), "models/risk.lgb.txt: the input amount is not a column of features.sql"),
        (("features.sql", "p.renewal", "p.kind AS renewal2, 'x' AS renewal"), "the input renewal must be a number"),
        (("features.sql", "p.kind", "p.amount AS kind"), "models/price.pmml: the input kind must be a text"),
        (("models/risk.lgb.txt", "num_leaves=2", "num_leaves=x"), "models/risk.lgb.txt: LightGBM model, line"),
        (("models/price.pmml", "</RegressionModel>", ""), "models/price.pmml: PMML model, line"),
        (("models/price.pmml", "<RegressionModel ", "<TreeModel "), "models/price.pmml: PMML model, line"),
    ] {
        says(&[edit], expected);
    }
}

#[test]
fn key_fields_leave_the_names_of_result_columns_alone() {
    let edits = [
        ("datapackage.json", "\"name\": \"number\"", "\"name\": \"row\""),
        ("datapackage.json", "[\"number\", ", "[\"row\", "),
    ];
    says(&edits, "datapackage.json: the key field row has the name of a column of the results");
}

#[test]
fn missing_and_unreadable_files_are_named() {
    let folder = crate::fixture::edited(&[]);
    std::fs::remove_file(folder.path().join("features.sql")).unwrap();
    std::fs::write(folder.path().join("datapackage.json"), b"\xff\xfe{").unwrap();
    let problems = Release::from_folder(folder.path()).unwrap_err();
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(problems[0].starts_with("datapackage.json: "), "{problems:?}");
    assert_eq!(problems[1], "features.sql: is missing");
    let gone = Release::from_folder(&folder.path().join("none")).unwrap_err();
    assert!(gone[0].message.starts_with("cannot be read"));
}

#[test]
fn the_dictionary_is_shown_as_a_table() {
    let release = release_with(&[]);
    let rows = field_rows(&release);
    assert_eq!(rows.len(), 9);
    let amount = &rows[2];
    assert_eq!((amount.relation.as_str(), amount.field.as_str()), ("policy", "amount"));
    assert_eq!((amount.kind.as_str(), amount.constraints.as_str()), ("number", "from 0 to 1000"));
    assert_eq!((rows[0].key.as_str(), rows[0].required), ("primary key", true));
    assert_eq!(rows[0].constraints, "matches P[0-9]{1,9}");
    assert_eq!(rows[3].constraints, "one of shop, farm, boat; a fault is a warning");
    assert_eq!(rows[6].key, "primary key, refers to policy.number");
    assert_eq!(rows[8].constraints, "at least 1");
    let page = markdown(&release);
    assert!(page.contains("A record is a row of `policy`.") && page.contains("## policy"), "{page}");
    assert!(page.contains("The file is required.") && page.contains("| risk |"), "{page}");
    assert!(
        page.contains("| number | string | yes | primary key | matches P[0-9]{1,9} | Number of the policy. |"),
        "{page}"
    );
    assert!(page.contains("Holder \\| of the policy"), "{page}");
}
