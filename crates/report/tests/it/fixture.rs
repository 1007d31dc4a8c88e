//! A profile as rich as they come, made by hand: every part of the page has something to show.

use bordereau_profile::document::*;
use serde_json::json;

pub fn exact(value: u64) -> Count {
    Count { value, exact: true, relative_error: None }
}

fn about(value: u64) -> Count {
    Count { value, exact: false, relative_error: Some(0.008) }
}

fn estimate(value: f64) -> Estimate {
    Estimate { value, exact: true, relative_error: None }
}

fn value(text: &str, count: u64) -> ValueCount {
    ValueCount { value: text.to_owned(), count, count_error: 0 }
}

pub fn alert(code: &str, severity: Severity, message: &str) -> Alert {
    Alert { code: code.to_owned(), severity, message: message.to_owned() }
}

/// Bins of a bell, `skew` to the left.
fn bell(rows: u64, from: f64, to: f64, skew: f64) -> Histogram {
    let bins = 36;
    let weight = |at: usize| {
        let place = (at as f64 + 0.5) / bins as f64;
        (-((place - skew) / 0.16).powi(2) / 2.0).exp() + 0.04 * (1.0 - place)
    };
    let all: f64 = (0..bins).map(weight).sum();
    let step = (to - from) / bins as f64;
    let bound = |at: usize| json!(((from + step * at as f64) * 100.0).round() / 100.0);
    let bin = |at| Bin { from: bound(at), to: bound(at + 1), count: (weight(at) / all * rows as f64) as u64 };
    Histogram { bins: (0..bins).map(bin).collect(), exact: true }
}

fn lengths(of: &[(u64, u64)]) -> Histogram {
    let bin = |(length, count): &(u64, u64)| Bin { from: json!(length), to: json!(length + 1), count: *count };
    Histogram { bins: of.iter().map(bin).collect(), exact: true }
}

/// A text column; the others start from it.
pub fn text(name: &str, position: usize, rows: u64) -> ColumnProfile {
    ColumnProfile {
        name: name.to_owned(),
        position,
        typing: Typing {
            logical: LogicalType::Text,
            share: 1.0,
            votes: TypeVotes { string: rows, ..TypeVotes::default() },
            exceptions: Vec::new(),
            code_reason: None,
            number_style: None,
            temporal_formats: Vec::new(),
            ambiguous_dates: 0,
            boolean_spellings: Vec::new(),
            zero_padded: 0,
        },
        rows,
        nulls: Nulls::default(),
        distinct: about(rows * 9 / 10),
        uniqueness: 0.9,
        constant: false,
        sorted: Sortedness::Unsorted,
        entropy: Estimate { value: 17.342, exact: false, relative_error: Some(0.01) },
        numbers: None,
        dates: None,
        strings: StringStatistics {
            length_min: 4,
            length_mean: 17.218,
            length_max: 38,
            lengths: lengths(&[
                (4, 20),
                (5, 80),
                (6, 210),
                (7, 400),
                (8, 530),
                (9, 350),
                (10, 220),
                (11, 90),
                (12, 30),
            ]),
            min: Some("ABBOT LN 1".to_owned()),
            max: Some("ZION CT 99".to_owned()),
            classes: CharacterClasses { digits: rows, upper: rows, blanks: rows, non_ascii: 12, ..Default::default() },
            masks: vec![value("AAAA 9", rows / 2), value("AAAAA 99", rows / 3), value("Aaaa 9", rows / 12)],
            padded: 17,
            case_variants: 3,
        },
        frequent: Frequent {
            values: vec![
                ValueCount { value: "MAIN ST 1".to_owned(), count: 812, count_error: 40 },
                ValueCount { value: "OAK AVE 12".to_owned(), count: 377, count_error: 40 },
            ],
            exact: false,
            missed_at_most: Some(52),
            masked: false,
        },
        rarest: Vec::new(),
        personal_data: None,
        alerts: Vec::new(),
    }
}

pub fn number(name: &str, position: usize, rows: u64, range: (f64, f64)) -> ColumnProfile {
    let (min, max) = range;
    let at = |share: f64| min + (max - min) * share;
    let percentile = |(percent, share): (u8, f64)| Percentile {
        percent,
        value: at(share),
        exact: false,
        relative_error: Some(0.000_976_562_5),
    };
    let percentiles =
        [(1, 0.02), (5, 0.08), (10, 0.13), (25, 0.21), (50, 0.31), (75, 0.43), (90, 0.55), (95, 0.64), (99, 0.82)];
    let mut column = text(name, position, rows);
    let nulls = rows / 47;
    column.nulls = Nulls {
        total: nulls,
        empty: nulls / 2,
        blank: nulls / 10,
        spellings: vec![NullSpelling { text: "N/A".to_owned(), count: nulls - nulls / 2 - nulls / 10 }],
        sentinel_hints: vec![NullSpelling { text: "9999".to_owned(), count: 31 }],
        ..Nulls::default()
    };
    column.typing.logical = LogicalType::Number;
    column.typing.share = 0.9997;
    column.typing.votes =
        TypeVotes { integer: rows / 5, decimal: rows - nulls - rows / 5 - 300, string: 300, ..Default::default() };
    column.typing.exceptions = vec![value("n. v.", 200), value("see note", 100)];
    column.numbers = Some(NumberStatistics {
        count: rows - nulls,
        min,
        max,
        range: max - min,
        sum: at(0.34) * rows as f64,
        mean: at(0.34),
        standard_deviation: Some((max - min) * 0.17),
        skewness: Some(1.284),
        kurtosis: Some(3.71),
        zeros: rows / 90,
        negatives: if min < 0.0 { 44 } else { 0 },
        infinities: 0,
        percentiles: percentiles.map(percentile).to_vec(),
        interquartile_range: Estimate { value: at(0.43) - at(0.21), exact: false, relative_error: Some(0.002) },
        fences: (at(-0.12), at(0.76)),
        outside_fences: about(rows / 61),
        median_absolute_deviation: estimate(at(0.11)),
        equal_width: bell(rows - nulls, min, max, 0.31),
        equal_count: bell(rows - nulls, min, max, 0.5),
        decimals_max: 2,
    });
    column
}

fn date(name: &str, position: usize, rows: u64) -> ColumnProfile {
    let mut column = text(name, position, rows);
    column.typing.logical = LogicalType::Date;
    column.typing.temporal_formats = vec![
        TemporalFormat { format: "%m/%d/%Y".to_owned(), count: rows * 9 / 10 },
        TemporalFormat { format: "default".to_owned(), count: rows / 10 },
    ];
    column.typing.ambiguous_dates = rows / 3;
    let month = |at: usize| format!("{}-{:02}", 2019 + at / 12, at % 12 + 1);
    let bins = (0..60).map(|at| Bin {
        from: json!(month(at)),
        to: json!(month(at + 1)),
        count: if (31..34).contains(&at) { 0 } else { rows / 60 + (at as u64 * 7919) % (rows / 90 + 1) },
    });
    column.dates = Some(DateStatistics {
        count: rows,
        min: "2019-01-01".to_owned(),
        max: "2023-12-31".to_owned(),
        invalid: 14,
        future: 3,
        as_of: "2023-11-24".to_owned(),
        unit: DateUnit::Month,
        histogram: Histogram { bins: bins.collect(), exact: true },
        gaps: 3,
        longest_gap: Some(("2021-08".to_owned(), "2021-10".to_owned())),
    });
    column.alerts = vec![alert(
        "ambiguous_dates",
        Severity::Warning,
        "A third of the dates, such as those with a day up to 12, could be read with day and month swapped.",
    )];
    column
}

fn category(name: &str, position: usize, rows: u64, values: &[(&str, u64)]) -> ColumnProfile {
    let mut column = text(name, position, rows);
    column.typing.logical = LogicalType::Category;
    column.distinct = exact(values.len() as u64);
    column.uniqueness = values.len() as f64 / rows as f64;
    column.entropy = estimate(2.118);
    let values = values.iter().map(|(text, percent)| value(text, rows * percent / 100)).collect();
    column.frequent = Frequent { values, exact: true, missed_at_most: None, masked: false };
    column.rarest = vec![value("XX", 1), value("??", 2)];
    column.strings.lengths = lengths(&[(2, rows)]);
    column
}

fn policy(rows: u64) -> RelationProfile {
    let mut key = text("policy_number", 1, rows);
    key.typing.logical = LogicalType::Code;
    key.typing.code_reason = Some("zero_padded".to_owned());
    key.typing.zero_padded = rows / 4;
    key.distinct = exact(rows);
    key.uniqueness = 1.0;
    let mut mail = text("contact_email", 9, rows);
    mail.personal_data = Some(PersonalData {
        kind: PersonalDataKind::Email,
        share: 0.994,
        reason: "994 of 1,000 values have the shape of an e-mail address".to_owned(),
    });
    mail.frequent = Frequent {
        values: vec![value("aaaa@aaaaaaa.aaa", rows / 3), value("aaa.aaaaa@aaaa.aaa", rows / 5)],
        exact: true,
        missed_at_most: None,
        masked: true,
    };
    mail.alerts =
        vec![alert("personal_data", Severity::Info, "Values look like e-mail addresses; they are shown as masks.")];
    let mut empty = text("reserved_2", 10, rows);
    empty.typing.logical = LogicalType::Empty;
    empty.nulls = Nulls { total: rows, empty: rows, ..Nulls::default() };
    empty.distinct = exact(0);
    empty.uniqueness = 0.0;
    empty.entropy = estimate(0.0);
    empty.strings.lengths = lengths(&[]);
    empty.strings.masks.clear();
    empty.frequent.values.clear();
    empty.frequent.missed_at_most = None;
    empty.alerts = vec![alert("empty", Severity::Warning, "The column has no value at all.")];
    let mut premium = number("annual_premium", 5, rows, (-120.5, 98_412.75));
    premium.alerts = vec![
        alert(
            "mixed_types",
            Severity::Error,
            "300 values are no number, such as “n. v.”; a program that reads the column as numbers loses them.",
        ),
        alert("sentinel", Severity::Info, "31 values are 9999, which may stand for no value."),
    ];
    let columns = vec![
        key,
        date("effective_date", 2, rows),
        category(
            "state",
            3,
            rows,
            &[("CA", 31), ("TX", 22), ("NY", 14), ("FL", 9), ("CO", 8), ("WA", 6), ("OR", 4), ("AZ", 3)],
        ),
        category("new_renew_flag", 4, rows, &[("R", 71), ("N", 29)]),
        premium,
        number("payroll", 6, rows, (0.0, 4_200_000.0)),
        number("experience_mod", 7, rows, (0.41, 2.87)),
        text("street_address", 8, rows),
        mail,
        empty,
    ];
    let names = ["annual_premium", "payroll", "experience_mod", "claims_count", "years_in_business", "fleet_size"];
    let pearson = |row: usize, column: usize| match row.abs_diff(column) {
        0 => Some(1.0),
        5 => None,
        apart => Some(0.92 / apart as f64 * if (row + column).is_multiple_of(3) { -1.0 } else { 1.0 }),
    };
    RelationProfile {
        name: "policy".to_owned(),
        file: "policy.csv".to_owned(),
        bytes: 334_120_433,
        rows,
        encoding: Some("utf-8".to_owned()),
        delimiter: Some(",".to_owned()),
        assumed: vec![
            "The delimiter is a comma: every row of the first 64 KiB has the same number of them.".to_owned(),
        ],
        ragged_rows: 3,
        ragged_examples: vec![18, 40_233, 1_200_017],
        undecodable_rows: 0,
        duplicate_rows: DuplicateRows { count: about(1_204) },
        empty_columns: vec!["reserved_2".to_owned()],
        candidate_keys: vec![
            CandidateKey { columns: vec!["policy_number".to_owned()], exact: true },
            CandidateKey { columns: vec!["contact_email".to_owned(), "effective_date".to_owned()], exact: false },
        ],
        correlations: Some(Correlations {
            columns: names.map(str::to_owned).to_vec(),
            pearson: (0..6).map(|row| (0..6).map(|column| pearson(row, column)).collect()).collect(),
            left_out: Vec::new(),
        }),
        columns,
        alerts: vec![alert("duplicate_rows", Severity::Warning, "About 1,204 rows repeat an earlier row.")],
    }
}

fn claim(rows: u64) -> RelationProfile {
    RelationProfile {
        name: "claim".to_owned(),
        file: "claim.psv".to_owned(),
        bytes: 81_440_100,
        rows,
        delimiter: Some("|".to_owned()),
        ragged_rows: 0,
        ragged_examples: Vec::new(),
        empty_columns: Vec::new(),
        correlations: None,
        columns: vec![
            number("incurred", 1, rows, (0.0, 912_000.0)),
            date("loss_date", 2, rows),
            category("cause", 3, rows, &[("strain", 40), ("fall", 25), ("struck by", 20), ("other", 15)]),
        ],
        duplicate_rows: DuplicateRows { count: exact(0) },
        alerts: Vec::new(),
        ..policy(rows)
    }
}

fn against() -> Against {
    let column = |name: &str, status, expected: &str, values_rejected| AgainstColumn {
        relation: "insured".to_owned(),
        name: name.to_owned(),
        status,
        expected: expected.to_owned(),
        values_rejected,
    };
    Against {
        solution: "insureright".to_owned(),
        submission: "scoring".to_owned(),
        release: "1.0.7".to_owned(),
        fits: true,
        refusal: None,
        columns: vec![
            column("original_policy_term_number", AgainstStatus::Fits, "string, required, part of the key", 0),
            column("new_renew_flag", AgainstStatus::SomeRejected, "string, one of N, R", 1_201),
            column("insured_city", AgainstStatus::Absent, "string", 0),
            column("reserved_2", AgainstStatus::Unknown, "", 0),
        ],
        records_read: 300_000,
        records_accepted: 297_344,
        records_rejected: 2_656,
        warned_rows: Vec::new(),
        rejected_rows: vec![
            RejectedRows {
                code: "invalidInputValue".to_owned(),
                relation: "insured".to_owned(),
                field: "new_renew_flag".to_owned(),
                reason: "The value is none of N, R.".to_owned(),
                rows: 1_201,
            },
            RejectedRows {
                code: "foreignKey".to_owned(),
                relation: "class".to_owned(),
                field: String::new(),
                reason: "No row of insured has this key.".to_owned(),
                rows: 1_455,
            },
        ],
    }
}

/// Two relations of an upload with everything.
pub fn rich() -> Profile {
    let rows = 2_000_000;
    Profile {
        format: FORMAT.to_owned(),
        state: ProfileState::Full,
        share_read: 1.0,
        upload: UploadFacts {
            name: "book-2023.zip".to_owned(),
            bytes: 61_204_118,
            unpacked_bytes: 415_560_533,
            sha256: Some("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned()),
            entries: vec!["policy.csv".to_owned(), "claim.psv".to_owned()],
            notes: vec!["notes.docx is no delimited file and was ignored.".to_owned()],
        },
        relations: vec![policy(rows), claim(412_000)],
        links: vec![RelationLink {
            parent: "policy".to_owned(),
            child: "claim".to_owned(),
            columns: vec!["policy_number".to_owned()],
            child_columns: vec!["policy_no".to_owned()],
            parent_is_unique: true,
            orphans: exact(37),
            childless: about(1_702_551),
            children: Children {
                min: 0,
                mean: 0.206,
                max: 19,
                distribution: vec![(0, 1_702_551), (1, 219_000), (2, 61_000), (3, 12_000), (4, 5_449)],
                exact: true,
            },
        }],
        against: vec![against()],
        alerts: Vec::new(),
        degraded: Vec::new(),
        digest: "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c".to_owned(),
        timings: Some(Timings { elapsed_ms: 951, threads: 2 }),
    }
}

/// One relation with this many columns of all kinds.
pub fn wide(columns: usize) -> Profile {
    let mut profile = rich();
    let kinds = profile.relations[0].columns.clone();
    let mut relation = profile.relations.remove(0);
    relation.columns = (0..columns)
        .map(|at| {
            let mut column = kinds[at % kinds.len()].clone();
            column.name = format!("{}_{at}", column.name);
            column.position = at + 1;
            column
        })
        .collect();
    profile.relations = vec![relation];
    profile.links.clear();
    profile
}
