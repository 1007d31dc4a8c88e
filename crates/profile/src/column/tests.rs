//! The kernel against a model that keeps every value.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::StringViewArray;
use bordereau_base::cell::trim_blanks;
use bordereau_sketch::hash::{NULL_HASH, hash_bytes};
use proptest::prelude::*;

use super::kernel::Way;
use super::read::{NumberReading, Reading, Stamp, read};
use super::shape::Shape;
use super::*;
use crate::settings::Limits;

type Column = Vec<Option<String>>;

fn array(values: &[Option<String>]) -> StringViewArray {
    values.iter().map(|value| value.as_deref()).collect()
}

/// The state of a column that comes in blocks of these lengths, and what its rows were told.
fn observed(values: &[Option<String>], blocks: &[usize], way: Option<Way>) -> (ColumnState, Vec<u64>, Vec<f64>) {
    let limits = Limits::for_columns(1);
    let mut state = ColumnState::new(limits);
    let mut kernel = ColumnKernel::new(limits);
    let mut scratch = CellScratch::default();
    let (mut hashes, mut numbers) = (Vec::new(), Vec::new());
    let mut rest = values;
    let mut lengths = blocks.iter().copied().chain(std::iter::repeat(usize::MAX));
    while !rest.is_empty() {
        let (block, after) = rest.split_at(lengths.next().unwrap().clamp(1, rest.len()));
        let part = kernel.observe_by(&array(block), &state.hint(), &mut scratch, way);
        state.merge_part(part);
        hashes.extend(&scratch.hashes);
        numbers.extend(scratch.numbers.clone().unwrap_or_else(|| vec![f64::NAN; block.len()]));
        rest = after;
    }
    (state, hashes, numbers)
}

/// What is not null in a column, with what it reads as.
fn readings(values: &[Option<String>]) -> Vec<(&str, Reading)> {
    let filled = values.iter().flatten().map(String::as_str).filter(|value| !trim_blanks(value).is_empty());
    filled.map(|value| (value, read(trim_blanks(value)))).filter(|(_, reading)| *reading != Reading::Null).collect()
}

fn counted<K: Ord>(keys: impl IntoIterator<Item = K>) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    keys.into_iter().for_each(|key| *counts.entry(key).or_default() += 1);
    counts
}

fn check(values: &[Option<String>], blocks: &[usize], way: Option<Way>) {
    let (state, hashes, numbers) = observed(values, blocks, way);
    let readings = readings(values);
    check_tallies(&state, values, &readings);
    check_texts(&state, &readings);
    check_numbers(&state, &readings);
    check_dates(&state, &readings);
    check_values(&state, &readings);
    let expected: Vec<(u64, u64)> = values.iter().map(|value| row_of(value.as_deref())).collect();
    let told: Vec<(u64, u64)> = hashes.into_iter().zip(numbers.iter().map(|number| number.to_bits())).collect();
    assert_eq!(told, expected);
    assert_same(&state.clone(), &state);
}

/// All of two states, hints apart.
fn assert_same(one: &ColumnState, other: &ColumnState) {
    let counts =
        |state: &ColumnState| (state.tallies.clone(), state.texts.clone(), state.examples.clone(), state.forms.clone());
    let spelled = |state: &ColumnState| {
        [&state.null_spellings, &state.sentinels, &state.booleans, &state.currency_signs].map(Clone::clone)
    };
    let numbers = |state: &ColumnState| {
        [&state.numbers, &state.comma_numbers, &state.ambiguous_as_grouped, &state.ambiguous_as_comma].map(Clone::clone)
    };
    let orders = |state: &ColumnState| {
        let days = (state.month_first_order.clone(), state.day_first_order.clone());
        (state.number_order.clone(), state.comma_order.clone(), days, state.text_order.clone())
    };
    assert_eq!(counts(one), counts(other));
    assert_eq!(spelled(one), spelled(other));
    assert_eq!(numbers(one), numbers(other));
    assert_eq!(orders(one), orders(other));
    assert_eq!(one.dates, other.dates);
    assert_eq!(one.masks, other.masks);
    assert_eq!(one.distinct, other.distinct);
    assert_eq!(one.frequent, other.frequent);
    assert_eq!(one.sample, other.sample);
}

fn row_of(value: Option<&str>) -> (u64, u64) {
    let none = (NULL_HASH, f64::NAN.to_bits());
    let Some(value) = value.filter(|value| !trim_blanks(value).is_empty()) else { return none };
    match read(trim_blanks(value)) {
        Reading::Null => none,
        Reading::Number(number) => (hash_bytes(value.as_bytes()), number.value.to_bits()),
        _ => (hash_bytes(value.as_bytes()), f64::NAN.to_bits()),
    }
}

fn check_tallies(state: &ColumnState, values: &[Option<String>], readings: &[(&str, Reading)]) {
    let mut tallies = Tallies { rows: values.len() as u64, ..Tallies::default() };
    for value in values {
        match value.as_deref().map(|value| (value, trim_blanks(value))) {
            None => tallies.absent += 1,
            Some(("", _)) => tallies.empty += 1,
            Some((_, "")) => tallies.blank += 1,
            Some((_, trimmed)) => tallies.spelled += u64::from(read(trimmed) == Reading::Null),
        }
    }
    for (value, reading) in readings {
        let is_boolean = read::boolean(trim_blanks(value)).is_some();
        tallies.votes.boolean += u64::from(is_boolean);
        match reading {
            Reading::Number(number) => {
                tallies.add_number(&number.form, 1);
                tallies.votes.date += u64::from(number.compact.is_some());
            }
            Reading::Infinity { negative } => {
                tallies.votes.decimal += 1;
                tallies.infinities += u64::from(!negative);
                tallies.negative_infinities += u64::from(*negative);
            }
            Reading::Temporal(temporal) if temporal.form.clock == ClockForm::None => tallies.votes.date += 1,
            Reading::Temporal(_) => tallies.votes.datetime += 1,
            Reading::InvalidDate => {
                tallies.invalid_dates += 1;
                tallies.votes.string += 1;
            }
            Reading::Text => tallies.votes.string += 1,
            Reading::Boolean | Reading::Null => {}
        }
    }
    assert_eq!(state.tallies, tallies);
    let trimmed = || values.iter().flatten().map(|value| trim_blanks(value)).filter(|value| !value.is_empty());
    let nulls = trimmed().filter(|value| read(value) == Reading::Null);
    assert_eq!(spelled(&state.null_spellings), counted(nulls));
    assert_eq!(spelled(&state.booleans), counted(trimmed().filter(|value| read::boolean(value).is_some())));
    let sentinels = trimmed().filter(|value| matches!(read(value), Reading::Number(number) if number.sentinel));
    assert_eq!(spelled(&state.sentinels), counted(sentinels));
}

fn spelled(spellings: &Spellings) -> BTreeMap<&str, u64> {
    assert_eq!(spellings.other, 0);
    spellings.counts.iter().map(|(text, count)| (&**text, *count)).collect()
}

fn check_texts(state: &ColumnState, readings: &[(&str, Reading)]) {
    let mut texts = TextState::default();
    for (value, _) in readings {
        texts.add_shape(&Shape::of(value.as_bytes()), value.len() as u64, 1);
    }
    texts.min = readings.iter().map(|(value, _)| *value).min().map(CutText::new);
    texts.max = readings.iter().map(|(value, _)| *value).max().map(CutText::new);
    assert_eq!(state.texts, texts);
    let masks = readings.iter().filter_map(|(value, _)| Mask::of(value.as_bytes()));
    assert_eq!(state.masks.sorted(), counted(masks).into_iter().collect::<Vec<_>>());
    assert_eq!(state.masks.other, readings.iter().filter(|(value, _)| value.len() > 32).count() as u64);
    let order: Vec<&str> = readings.iter().map(|(value, _)| *value).collect();
    assert_eq!(state.text_order.ascending, order.is_sorted());
    assert_eq!(state.text_order.descending, order.is_sorted_by(|a, b| a >= b));
    let ends = state.text_order.ends.as_ref().map(|(first, last)| (&**first, &**last));
    assert_eq!(ends, order.first().map(|first| (first.as_bytes(), order[order.len() - 1].as_bytes())));
}

fn check_numbers(state: &ColumnState, readings: &[(&str, Reading)]) {
    let numbers = || {
        readings.iter().filter_map(|(_, reading)| match reading {
            Reading::Number(number) => Some(number),
            _ => None,
        })
    };
    let limits = state.limits;
    let mut expected: [NumberState; 4] = std::array::from_fn(|_| NumberState::new(limits.buckets_max));
    for number in numbers() {
        let ambiguous = number.form.ambiguous_comma;
        let at = if ambiguous { 2 } else { usize::from(number.form.decimal_comma) };
        add_number(&mut expected[at], number.value, number.mantissa, number.form.decimals);
        if ambiguous {
            add_number(&mut expected[3], number.with_decimal_comma(), number.mantissa, 3);
        }
    }
    let found = [&state.numbers, &state.comma_numbers, &state.ambiguous_as_grouped, &state.ambiguous_as_comma];
    for (found, expected) in found.into_iter().zip(expected) {
        let none = NumberState::new(limits.buckets_max);
        let found = found.as_deref().unwrap_or(&none);
        let (mean, expected_mean) = (found.moments.mean(), expected.sum.mean());
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (found.max.abs().max(found.min.abs()));
        assert!(mean.zip(expected_mean).is_none_or(|(a, b)| close(a, b)), "{mean:?} {expected_mean:?}");
        assert_eq!(found.moments.count(), expected.count);
        let found = NumberState { moments: expected.moments, ..found.clone() };
        assert_eq!(found, expected);
    }
    let grouped: Vec<f64> = numbers().map(|number| number.value).collect();
    let ambiguous = |number: &NumberReading| number.form.ambiguous_comma;
    let comma = |number| if ambiguous(number) { number.with_decimal_comma() } else { number.value };
    let with_comma: Vec<f64> = numbers().map(comma).collect();
    for (found, order) in [(&state.number_order, grouped), (&state.comma_order, with_comma)] {
        assert_eq!(found.ascending, order.is_sorted());
        assert_eq!(found.descending, order.is_sorted_by(|a, b| a >= b));
        assert_eq!(found.ends, order.first().map(|first| (*first, order[order.len() - 1])));
    }
}

fn add_number(state: &mut NumberState, value: f64, mantissa: Option<i64>, decimals: u32) {
    state.count += 1;
    state.min = state.min.min(value) + 0.0;
    state.max = state.max.max(value) + 0.0;
    state.zeros += u64::from(value == 0.0);
    state.negative_zeros += u64::from(value == 0.0 && value.is_sign_negative());
    state.negatives += u64::from(value < 0.0);
    state.decimals_max = state.decimals_max.max(decimals);
    match mantissa {
        Some(mantissa) => state.sum.add_decimal(mantissa, decimals as u8, 1),
        None => state.sum.add(value, 1),
    }
    state.histogram.add(value, 1);
}

fn check_dates(state: &ColumnState, readings: &[(&str, Reading)]) {
    let mut expected = DateReadings::default();
    let (mut month_first, mut day_first, mut forms) = (Vec::new(), Vec::new(), Vec::new());
    for (_, reading) in readings {
        match reading {
            Reading::Temporal(reading) => {
                expected.add(reading, 1, state.limits);
                forms.push(reading.form);
                month_first.extend(reading.month_first.map(Stamp::micros));
                day_first.extend(reading.day_first.map(Stamp::micros));
            }
            Reading::Number(number) => {
                if let Some(day) = number.compact {
                    forms.push(TemporalForm::day(DayForm::Compact));
                    expected.compact.add(day, false, 1, state.limits.months_max);
                }
            }
            _ => {}
        }
    }
    assert_eq!(state.dates.as_deref().cloned().unwrap_or_default(), expected);
    assert_eq!(state.forms, counted(forms));
    for (order, values) in [(&state.month_first_order, month_first), (&state.day_first_order, day_first)] {
        assert_eq!((order.ascending, order.descending), (values.is_sorted(), values.is_sorted_by(|a, b| a >= b)));
        assert_eq!(order.ends, values.first().map(|first| (*first, values[values.len() - 1])));
    }
}

fn check_values(state: &ColumnState, readings: &[(&str, Reading)]) {
    let expected = counted(readings.iter().map(|(value, _)| value.as_bytes()));
    if let Some(exact) = state.frequent.exact_counts() {
        let kept = |bytes: &'_ [u8]| bytes[..bytes.len().min(200)].to_vec();
        let mut found: Vec<_> = exact.map(|value| (value.bytes.to_vec(), value.count)).collect();
        found.sort();
        let mut expected: Vec<_> = expected.iter().map(|(value, count)| (kept(value), *count)).collect();
        expected.sort();
        assert_eq!(found, expected);
    }
    for value in state.frequent.values() {
        let Some(count) = expected.get(value.bytes) else { continue };
        assert!(value.count <= *count && *count <= value.count + value.error);
    }
    let held: BTreeSet<&[u8]> = state.frequent.values().map(|value| value.bytes).collect();
    for (value, count) in expected.iter().filter(|(value, _)| value.len() <= 200 && !held.contains(*value)) {
        assert!(*count <= state.frequent.absent_count_max(), "{value:?}");
    }
    let mut by_hash: Vec<_> = expected.iter().map(|(value, count)| (hash_bytes(value), *count)).collect();
    by_hash.sort();
    by_hash.truncate(state.limits.sample_values);
    assert_eq!(state.sample.values().map(|value| (value.hash, value.count)).collect::<Vec<_>>(), by_hash);
    let mut distinct = bordereau_sketch::distinct::Distinct::new(state.limits.distinct_precision);
    expected.keys().for_each(|value| distinct.add_hash(hash_bytes(value)));
    assert_eq!(state.distinct, distinct);
    check_examples(state, readings);
}

fn check_examples(state: &ColumnState, readings: &[(&str, Reading)]) {
    for kind in Kind::ALL {
        let is = |reading: &Reading| match reading {
            Reading::Number(number) if number.form.integer => kind == Kind::Integer,
            Reading::Number(_) | Reading::Infinity { .. } => kind == Kind::Decimal,
            Reading::Temporal(reading) if reading.form.clock == ClockForm::None => kind == Kind::Date,
            Reading::Temporal(_) => kind == Kind::Datetime,
            Reading::Boolean => kind == Kind::Boolean,
            _ => kind == Kind::String,
        };
        let mut expected: Vec<CutText> = Vec::new();
        for (value, _) in readings.iter().filter(|(_, reading)| is(reading)) {
            let text = CutText::new(value);
            if expected.len() < 5 && !expected.contains(&text) {
                expected.push(text);
            }
        }
        let found: Vec<_> = state.examples[kind as usize].iter().map(|example| example.text.clone()).collect();
        assert_eq!(found, expected, "{kind:?}");
    }
}

/// All sorts of values, few or many of them, of one sort or mixed.
fn columns() -> impl Strategy<Value = Column> {
    let value = prop_oneof![
        Just(None),
        "[ ]{0,2}|NA|n/a|NULL|-|nan".prop_map(Some),
        "-?[0-9]{1,4}|0{1,2}[0-9]{2}|-?9{1,5}|[-+]?0{0,2}[19]".prop_map(Some),
        "[-+]?[0-9]{0,9}\\.[0-9]{1,8}|-0|-0\\.0|1e30[0-9]|[0-9]{16,20}".prop_map(Some),
        "[0-9]{1,3},[0-9]{1,3}|\\$[0-9]{2}|[0-9]{1,3},[0-9]{3},[0-9]{3}\\.5|[0-9]%|\\([0-9]\\)|-?inf".prop_map(Some),
        "[01]?[0-9]/[0-3]?[0-9]/20[0-2][0-9]|20[0-2][0-9]-[01][0-9]-[0-3][0-9]|20[0-2][0-9]0[0-9][0-3][0-9]"
            .prop_map(Some),
        "20[0-2]1-0[1-9]-1[0-9][T ]1[0-9]:[0-5][0-9](:[0-5][0-9])?Z?|[0-3]-(Jan|Foo)-2021".prop_map(Some),
        "[YyNn]|true|False|[01]".prop_map(Some),
        "[A-C]{1,2}[0-9]{2}|[a-z]{1,3} ?|[ a-zé]{10,20}|\\PC{0,40}|x{30,36}|[a-b]{180,230}".prop_map(Some),
    ];
    let pool = prop::collection::vec(value, 1..40);
    (pool, prop::collection::vec(any::<prop::sample::Index>(), 0..120), 0..3_u8).prop_map(|(pool, picks, shape)| {
        let mut column: Column = picks.iter().map(|pick| pick.get(&pool).clone()).collect();
        match shape {
            0 => column.sort(),
            1 => column.sort_by(|a, b| b.cmp(a)),
            _ => {}
        }
        column
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn both_ways_give_what_the_model_gives(
        values in columns(), blocks in prop::collection::vec(1_usize..60, 0..5)
    ) {
        for way in [Some(Way::Counted), Some(Way::Direct), None] {
            check(&values, &blocks, way);
        }
    }

    #[test]
    fn merged_states_are_as_both_files_together(a in columns(), b in columns()) {
        let whole = [a.clone(), b.clone()].concat();
        let (mut merged, ..) = observed(&a, &[], None);
        let (second, ..) = observed(&b, &[], None);
        merged.merge(&second).unwrap();
        let readings = readings(&whole);
        check_tallies(&merged, &whole, &readings);
        check_texts(&merged, &readings);
        check_numbers(&merged, &readings);
        check_dates(&merged, &readings);
        check_values(&merged, &readings);
    }
}

fn made(rows: usize, value: impl Fn(usize) -> String) -> Column {
    (0..rows).map(|row| Some(value(row))).collect()
}

fn scrambled(row: usize) -> u64 {
    (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

#[test]
fn long_blocks_choose_their_way_and_are_right() {
    for values in [
        made(30_000, |row| scrambled(row).to_string()),
        made(30_000, |row| format!("{}.{:02}", scrambled(row) % 5_000_000, row % 100)),
        made(30_000, |row| if row % 3 == 0 { "0.0".to_owned() } else { scrambled(row).to_string() }),
        made(30_000, |row| format!("{:02}/{:02}/20{:02}", row % 12 + 1, row % 31 + 1, scrambled(row) % 30)),
        made(30_000, |row| format!("name of a long kind {}", scrambled(row) % 900)),
        made(90_000, |row| format!("WC20{:02}-{:07}-{:02}", row % 9, scrambled(row) % 10_000_000, row % 4)),
        made(30_000, |row| row.to_string()),
    ] {
        check(&values, &[20_000], None);
        check(&values, &[7, 1_500, 20_000], None);
    }
}

#[test]
fn hints_change_the_work_but_not_the_outcome() {
    let values = made(200_000, |row| if row % 50 == 0 { "often".to_owned() } else { scrambled(row).to_string() });
    let limits = Limits::for_columns(1);
    let mut kernel = ColumnKernel::new(limits);
    let (mut told, mut untold) = (ColumnState::new(limits), ColumnState::new(limits));
    for block in values.chunks(25_000) {
        let block = array(block);
        let part = kernel.observe(&block, &told.hint(), &mut CellScratch::default());
        told.merge_part(part);
        untold.merge_part(kernel.observe(&block, &Hint::default(), &mut CellScratch::default()));
    }
    assert!(!told.frequent.is_exact());
    assert_same(&told, &untold);
    assert_eq!(told.frequent.top(1)[0].bytes, b"often");
}

#[test]
fn states_of_other_limits_are_not_merged() {
    let mut one = ColumnState::new(Limits::for_columns(1));
    assert!(one.merge(&ColumnState::new(Limits::for_columns(5_000))).is_err());
}
