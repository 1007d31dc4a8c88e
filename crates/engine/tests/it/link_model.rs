//! Validating and linking against a model that holds everything in maps: the same findings, the same accepted rows and
//! the same ranges, whatever the threads, block sizes and budgets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::util::display::array_value_to_string;
use bordereau_base::cell::CellRules;
use bordereau_base::dictionary::Value;
use bordereau_base::finding::FindingCode;
use bordereau_engine::release::Release;
use bordereau_engine::stages::link::Linked;
use bordereau_engine::stages::resources::Budget;
use proptest::prelude::*;

use crate::books::{NOT_TEXT, file, findings, fleet, linked_with};

/// The relations of the solution in its order, each with its file's header.
const HEADERS: [(&str, &str); 4] = [
    ("payment.csv", "damage_no|paid"),
    ("term.csv", "policy|extra|start|amount|low|high|note|code"),
    ("unit.csv", "start|vin|policy|used|partner"),
    ("damage.csv", "damage_no|vin|cost"),
];
const TERM: usize = 1;
/// Planned once for all cases.
static FLEET: LazyLock<Release> = LazyLock::new(fleet);

/// A finding without its sentence: relation, row, code, field, key, severity, value.
type Said = (usize, u64, FindingCode, Option<usize>, Vec<String>, &'static str, String);

/// One row as the model sees it.
struct Row {
    number: u64,
    texts: Vec<Option<String>>,
    values: Vec<Option<Value>>,
    at_fault: BTreeSet<usize>,
    ragged: bool,
    error: bool,
    record: Option<usize>,
}

struct Model<'a> {
    release: &'a Release,
    tables: Vec<Vec<Row>>,
    said: Vec<Said>,
}

impl<'a> Model<'a> {
    fn new(release: &'a Release, texts: &[String; 4]) -> Self {
        let mut model = Self { release, tables: Vec::new(), said: Vec::new() };
        for (relation, text) in texts.iter().enumerate() {
            model.tables.push(Vec::new());
            model.read(relation, text);
        }
        (0..4).for_each(|relation| model.judge(relation));
        (0..release.layout.key_sets.len()).for_each(|set| model.unique(set));
        (0..release.layout.references.len()).for_each(|reference| model.refer(reference));
        model.lead_to_records();
        // Sorting is stable, so findings that share all else stay in the order of the keys.
        model.said.sort_by_key(|said| (said.0, said.1, said.2, said.3));
        model
    }

    fn read(&mut self, relation: usize, text: &str) {
        let fields = &self.release.dictionary.relations[relation].fields;
        let header: Vec<&str> = HEADERS[relation].1.split('|').collect();
        for (number, line) in (1u64..).zip(text.split('\n')).skip(1).filter(|(_, line)| !line.trim().is_empty()) {
            let cells: Vec<&str> = line.split('|').collect();
            let cell =
                |name: &str| cells.get(header.iter().position(|known| *known == name)?).map(|cell| cell.to_string());
            let texts: Vec<Option<String>> = fields.iter().map(|field| cell(&field.sql_name())).collect();
            let ragged = cells.len() != header.len();
            let mut row =
                Row { number, values: vec![], at_fault: BTreeSet::new(), ragged, error: false, record: None, texts };
            let mut faults = Vec::new();
            for (field, text) in row.texts.iter().enumerate() {
                let read = text.as_deref().map_or(Ok(None), |text| CellRules::new(&fields[field]).read(text));
                row.values.push(read.clone().unwrap_or(None));
                if let Err(violation) = read {
                    row.at_fault.insert(field);
                    faults.push((violation.code(), field));
                }
            }
            self.tables[relation].push(row);
            let at = self.tables[relation].len() - 1;
            for (code, field) in faults {
                let warned = self.release.layout.relations[relation].warnings[field];
                self.say(relation, at, code, Some(field), !warned);
            }
            if ragged {
                self.say(relation, at, FindingCode::RaggedRow, None, true);
            }
            if cells.iter().any(|cell| cell.contains(NOT_TEXT)) {
                self.say(relation, at, FindingCode::Encoding, None, true);
            }
        }
    }

    fn say(&mut self, relation: usize, at: usize, code: FindingCode, field: Option<usize>, error: bool) {
        let row = &mut self.tables[relation][at];
        row.error |= error;
        let shown = |field: usize| row.texts[field].clone();
        let key = &self.release.layout.relations[relation].record_key;
        let key = key.iter().map(|field| field.and_then(shown).unwrap_or("-".into())).collect();
        let value = field.and_then(shown).filter(|text| !text.trim().is_empty()).unwrap_or("-".into());
        let severity = if error { "error" } else { "warning" };
        self.said.push((relation, row.number, code, field, key, severity, value));
    }

    /// The two rules of the solution.
    fn judge(&mut self, relation: usize) {
        if relation != TERM {
            return;
        }
        let (low, high) = (3, 4);
        for at in 0..self.tables[TERM].len() {
            let row = &self.tables[TERM][at];
            let whole = |field: usize| match row.values[field] {
                Some(Value::Integer(value)) => Some(value),
                _ => None,
            };
            let (low_at_fault, any_at_fault) =
                (row.at_fault.contains(&low), row.at_fault.contains(&low) || row.at_fault.contains(&high));
            let (low_value, high_value) = (whole(low), whole(high));
            if row.ragged {
                continue;
            }
            if !any_at_fault && low_value.zip(high_value).is_some_and(|(low, high)| low > high) {
                self.say(TERM, at, FindingCode::Dependency, Some(high), true);
            }
            if !low_at_fault && low_value.is_some_and(|low| low == 0 || 100 / low <= 1) {
                self.say(TERM, at, FindingCode::Dependency, Some(low), false);
            }
        }
    }

    /// The rows of a key by the key's values.
    fn by_key(&self, set: usize) -> BTreeMap<String, Vec<usize>> {
        let set = &self.release.layout.key_sets[set];
        let mut map = BTreeMap::<String, Vec<usize>>::new();
        for (at, row) in self.tables[set.relation].iter().enumerate() {
            if let Some(key) = key(row, &set.fields) {
                map.entry(key).or_default().push(at);
            }
        }
        map
    }

    fn warned(&self, set: usize) -> bool {
        let set = &self.release.layout.key_sets[set];
        set.fields.iter().all(|field| self.release.layout.relations[set.relation].warnings[*field])
    }

    fn unique(&mut self, index: usize) {
        let set = self.release.layout.key_sets[index].clone();
        if set.unique {
            let mut again: Vec<usize> =
                self.by_key(index).into_values().filter(|rows| rows.len() > 1).flatten().collect();
            again.sort();
            let error = !self.warned(index);
            again
                .into_iter()
                .for_each(|at| self.say(set.relation, at, FindingCode::UniqueKey, Some(set.fields[0]), error));
        }
    }

    fn refer(&mut self, index: usize) {
        let layout = &self.release.layout;
        let reference = layout.references[index].clone();
        let (child, parent) = (layout.key_sets[reference.child].clone(), layout.key_sets[reference.parent].clone());
        let (children, parents) = (self.by_key(reference.child), self.by_key(reference.parent));
        for (key, rows) in &children {
            if !parents.contains_key(key) {
                let error = reference.leads_to_record || !self.warned(reference.child);
                rows.iter().for_each(|at| {
                    self.say(child.relation, *at, FindingCode::ForeignKey, Some(child.fields[0]), error)
                });
            }
        }
        if reference.child_needed {
            for (_, rows) in parents.iter().filter(|(key, _)| !children.contains_key(*key)) {
                rows.iter().for_each(|at| {
                    self.say(parent.relation, *at, FindingCode::ForeignKey, Some(parent.fields[0]), true)
                });
            }
        }
        if reference.leads_to_record {
            for at in 0..self.tables[child.relation].len() {
                let row = &self.tables[child.relation][at];
                let explained = row.ragged || child.fields.iter().any(|field| row.at_fault.contains(field));
                if key(row, &child.fields).is_none() && !explained {
                    self.say(child.relation, at, FindingCode::ForeignKey, Some(child.fields[0]), true);
                }
            }
        }
    }

    fn lead_to_records(&mut self) {
        for at in 0..self.tables[TERM].len() {
            self.tables[TERM][at].record = Some(at);
        }
        for &relation in &self.release.layout.descent {
            let way = self.release.layout.way_up(relation).unwrap();
            let parents = self.by_key(way.parent);
            let fields = self.release.layout.key_sets[way.child].fields.clone();
            let parent = self.release.layout.key_sets[way.parent].relation;
            for at in 0..self.tables[relation].len() {
                let found = key(&self.tables[relation][at], &fields).and_then(|key| parents.get(&key));
                self.tables[relation][at].record = found.and_then(|rows| self.tables[parent][rows[0]].record);
            }
        }
    }

    fn accepted(&self) -> BTreeSet<usize> {
        let rejected: BTreeSet<usize> =
            self.tables.iter().flatten().filter(|row| row.error).filter_map(|row| row.record).collect();
        (0..self.tables[TERM].len()).filter(|record| !rejected.contains(record)).collect()
    }

    /// The record and all values that are read of each accepted row of a relation, in the order of the file.
    fn accepted_rows(&self, relation: usize) -> Vec<String> {
        let accepted = self.accepted();
        let rows =
            self.tables[relation].iter().filter(|row| row.record.is_some_and(|record| accepted.contains(&record)));
        let read = &self.release.layout.relations[relation].read;
        rows.map(|row| {
            let values = read.iter().map(|field| row.values[*field].as_ref().map_or("".into(), shown));
            values.chain([row.record.unwrap().to_string()]).collect::<Vec<_>>().join("|")
        })
        .collect()
    }
}

fn key(row: &Row, fields: &[usize]) -> Option<String> {
    let parts: Option<Vec<String>> =
        fields.iter().map(|field| row.values[*field].as_ref().map(|value| format!("{value:?}"))).collect();
    Some(parts?.join("/"))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => format!("{number:?}"),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(value) => value.to_string(),
        other => panic!("not read: {other:?}"),
    }
}

/// Findings as the model has them; the sentence is left out, but for the row number that a repeated key names.
fn said(linked: &Linked, release: &Release) -> Vec<Said> {
    let said = |line: String| {
        let parts: Vec<&str> = line.split(" | ").collect();
        let relation = release.dictionary.relation_index(parts[0]).unwrap();
        let field = release.dictionary.relations[relation].field_index(parts[4]);
        let code = *FindingCode::ALL.iter().find(|code| code.as_str() == parts[5]).unwrap();
        let severity = if parts[6] == "error" { "error" } else { "warning" };
        let key = parts[2..4].iter().map(|part| part.to_string()).collect();
        (relation, parts[1].parse().unwrap(), code, field, key, severity, parts[7].to_owned())
    };
    findings(linked).into_iter().map(said).collect()
}

fn rows_of(batch: &RecordBatch) -> Vec<String> {
    (0..batch.num_rows())
        .map(|row| {
            let cells = batch.columns().iter().map(|column| array_value_to_string(column, row).unwrap());
            cells.collect::<Vec<_>>().join("|")
        })
        .collect()
}

/// The rows of each relation in each range.
fn ranges(linked: &Linked) -> Vec<[Vec<String>; 5]> {
    (0..linked.ranges())
        .map(|range| {
            let range = linked.range(range).unwrap();
            let mut rows = [const { Vec::new() }; 5];
            range.tables.iter().enumerate().for_each(|(at, table)| rows[at] = table.iter().flat_map(rows_of).collect());
            rows[4] = rows_of(&range.records);
            rows
        })
        .collect()
}

fn cells(choices: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(choices).prop_map(str::to_owned)
}

fn line(columns: Vec<BoxedStrategy<String>>) -> impl Strategy<Value = String> {
    (columns, 0u32..100).prop_map(|(mut cells, defect)| {
        match defect {
            0..3 => drop(cells.pop()),
            3..5 => cells.push("more".into()),
            5..8 => cells[0].push(NOT_TEXT),
            8..10 => return " \t ".into(),
            _ => {}
        }
        cells.join("|")
    })
}

fn table(relation: usize, columns: Vec<BoxedStrategy<String>>, rows: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(line(columns), 0..rows)
        .prop_map(move |lines| format!("{}\n{}", HEADERS[relation].1, lines.join("\n")))
}

fn tables() -> impl Strategy<Value = [String; 4]> {
    const POLICY: &[&str] = &["A", "B", "C", "D", "E", "F", "G", " A", "a policy too long", ""];
    const START: &[&str] = &["1/1/2020", "1/1/2020", "2020-01-01", "2/1/2020", "2/1/2020", "x", ""];
    const NUMBER: &[&str] = &["1", "2.5", " 3", "1", "7", "-1", "", "z"];
    const WHOLE: &[&str] = &["1", "2", "", "60", "0", "q"];
    const TEXT: &[&str] = &["", "short", "of thirteen b", " of thirteen b ", "a text that is longer than allowed here"];
    const CODE: &[&str] = &["", "", "", "", "c1", "c2", "c3", "c4", "c5"];
    const VIN: &[&str] = &["U1", "U2", "U3", "U4", "U5", "U6", "U7", "U8", "U9 of a long name", ""];
    const DAMAGE: &[&str] = &["D1", "D2", "D3", "D4", "D5", "D6", "D7", ""];
    let of = |choices| cells(choices).boxed();
    let term = vec![of(POLICY), of(TEXT), of(START), of(NUMBER), of(WHOLE), of(WHOLE), of(TEXT), of(CODE)];
    let unit = vec![of(START), of(VIN), of(POLICY), of(&["Y", "N", "N", "", "?"]), of(VIN)];
    let damage = vec![of(DAMAGE), of(VIN), of(WHOLE)];
    let payment = vec![of(DAMAGE), of(NUMBER)];
    (table(0, payment, 12), table(1, term, 16), table(2, unit, 16), table(3, damage, 14))
        .prop_map(|(payment, term, unit, damage)| [payment, term, unit, damage])
}

/// Files with hardly a fault, so that whole families are accepted.
fn clean_tables() -> impl Strategy<Value = [String; 4]> {
    (1usize..30, prop::collection::vec((0usize..30, 0usize..40, 0usize..60), 0..60), any::<u64>()).prop_map(
        |(terms, links, order)| {
            let mut lines: [Vec<String>; 4] = Default::default();
            let count = links.len();
            lines[1].extend((0..terms).map(|n| format!("P{n}|e|1/1/2020|{n}.5|1|2|note {n} is kept here|")));
            for (n, (term, unit, damage)) in links.into_iter().enumerate() {
                lines[2].push(format!("1/1/2020|U{n}|P{}|Y|", term % (terms + 1)));
                lines[3].push(format!("D{n}|U{}|{n}", unit % count));
                lines[0].push(format!("D{}|{n}.25", damage % count));
            }
            lines[2].extend((0..terms).map(|n| format!("1/1/2020|V{n}|P{n}|N|")));
            let mut at = 0;
            lines.map(|mut lines| {
                at += 1;
                let len = lines.len().max(1);
                lines.rotate_left(order as usize % len);
                format!("{}\n{}\n", HEADERS[at - 1].1, lines.join("\n"))
            })
        },
    )
}

fn budgets() -> impl Strategy<Value = (Budget, usize, usize)> {
    let sizes = (0usize..4_000, 0u32..5, 0usize..6, 1u64..9, 0usize..5_000, 1u64..6, 1u64..60);
    (sizes, 1usize..5, 1usize..8).prop_map(|(sizes, threads, block_rows)| {
        let (gathered_bytes_max, bits, keys_max, page_rows, run_bytes, range_records_max, range_cells) = sizes;
        let key_partition_bits = Some(bits);
        let budget = Budget {
            gathered_bytes_max,
            key_partition_bits,
            keys_max,
            page_rows,
            run_bytes,
            range_records_max,
            range_cells,
        };
        (budget, threads, block_rows)
    })
}

fn check(release: &Release, sources: &[String; 4], budget: &Budget, threads: usize, block_rows: usize) {
    let files: Vec<_> = (0..4).rev().map(|at| file(HEADERS[at].0, &sources[at], block_rows)).collect();
    let linked = linked_with(release, &files, threads, budget.clone()).unwrap();
    let model = Model::new(release, sources);
    assert_eq!(said(&linked, release), model.said);
    let counted: u64 = linked.finding_counts.iter().map(|found| found.count).sum();
    assert_eq!(counted, model.said.len() as u64);

    let ranges = ranges(&linked);
    for relation in 0..4 {
        let rows: Vec<&String> = ranges.iter().flat_map(|range| &range[relation]).collect();
        let mut expected = model.accepted_rows(relation);
        let record = |row: &str| row.rsplit_once('|').map_or(0, |(_, record)| record.parse::<usize>().unwrap());
        if relation != TERM {
            // Ranges hold neighbouring records; within one the order is that of the file.
            let ends: Vec<usize> = ranges.iter().map(|range| record(range[TERM].last().unwrap())).collect();
            expected.sort_by_key(|row| ends.iter().position(|end| record(row) <= *end));
        }
        assert!(rows.iter().copied().eq(&expected), "{relation}: {rows:?} {expected:?}");
        let counts = linked.rows[relation];
        assert_eq!((counts.read, counts.scored), (model.tables[relation].len() as u64, expected.len() as u64));
        assert_eq!(counts.scored + counts.rejected, counts.read);
    }
    let kept: Vec<String> = ranges.iter().flat_map(|range| range[4].clone()).collect();
    let texts = &release.layout.relations[TERM].texts;
    let row = |record: usize| {
        let row = &model.tables[TERM][record];
        let texts = texts.iter().map(|field| row.texts[*field].clone().unwrap_or_default());
        std::iter::once(record.to_string()).chain(texts).collect::<Vec<_>>().join("|")
    };
    assert_eq!(kept, model.accepted().into_iter().map(row).collect::<Vec<_>>());
    assert!(ranges.iter().all(|range| (1..=budget.range_records_max as usize).contains(&range[TERM].len())));

    // One thread, one block a file and another budget cut the same ranges.
    let files: Vec<_> = (0..4).map(|at| file(HEADERS[at].0, &sources[at], 1_000)).collect();
    let cuts =
        Budget { range_records_max: budget.range_records_max, range_cells: budget.range_cells, ..Budget::default() };
    let again = linked_with(release, &files, 1, cuts).unwrap();
    assert_eq!(self::ranges(&again), ranges);
    assert_eq!(findings(&again), findings(&linked));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn promise_3_small_faulty_tables_come_out_as_the_model_says(
        (texts, (budget, threads, block_rows)) in (tables(), budgets()),
    ) {
        check(&FLEET, &texts, &budget, threads, block_rows);
    }

    #[test]
    fn promise_3_tables_in_any_order_come_out_as_the_model_says(
        (texts, (budget, threads, block_rows)) in (clean_tables(), budgets()),
    ) {
        check(&FLEET, &texts, &budget, threads, block_rows);
    }
}

/// The record of a row is its place among the rows of its file, not its row number.
#[test]
fn records_are_counted_without_blank_lines() {
    let texts = [
        format!("{}\n", HEADERS[0].1),
        format!("{}\n\n\nA|e|1/1/2020|1|||note|\n\nB|e|1/1/2020|1|||note|", HEADERS[1].1),
        format!("{}\n1/1/2020|U1|B|Y|\n\n1/1/2020|U2|A|Y|", HEADERS[2].1),
        format!("{}\n", HEADERS[3].1),
    ];
    let files: Vec<_> = (0..4).map(|at| file(HEADERS[at].0, &texts[at], 1)).collect();
    let linked = linked_with(&fleet(), &files, 2, Budget::default()).unwrap();
    let range = linked.range(0).unwrap();
    let records = |batch: &RecordBatch| batch.columns().last().unwrap().as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(records(&range.tables[1][0]), [0, 1]);
    assert_eq!(records(&range.tables[2][0]), [1, 0]);
}
