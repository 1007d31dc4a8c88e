//! Alerts on one column, from its finished profile and the little that the profile does not say.

use super::words::{counted, of, percent};
use super::{Alerts, Code};
use crate::document::{Alert, ColumnProfile, DateStatistics, DateUnit, DecimalStyle, LogicalType, NumberStatistics};
use bordereau_base::figure::grouped;

/// Percent of the rows without a value that is worth saying, and that is most.
const NULLS_PERCENT_MIN: u64 = 5;
const NULLS_PERCENT_MOST: u64 = 50;
/// Percent of the values that one value makes up for a column to be nearly constant.
const NEARLY_CONSTANT_PERCENT: u64 = 99;
/// Share of the greatest entropy below which a category is imbalanced.
const IMBALANCE_SHARE: f64 = 0.5;
/// Distinct values beyond which a text that repeats itself has too many.
const CARDINALITY_MAX: u64 = 1_000;
const SKEWNESS_MAX: f64 = 20.0;
const OUTLIERS_PERCENT: u64 = 1;
const ZEROS_PERCENT: u64 = 10;
/// Numbers, degrees of freedom and statistic for a distribution to count as uniform.
const UNIFORM_COUNT_MIN: u64 = 1_000;
const UNIFORM_FREEDOM_MIN: usize = 10;
const UNIFORM_STATISTIC_MAX: f64 = 1.5;
/// Units of the shortest run without dates that is worth saying.
const GAP_UNITS_MIN: i64 = 3;
/// Characters, values and percent of them for a greatest length to look like a cut.
const CUT_LENGTH_MIN: u64 = 20;
const CUT_COUNT_MIN: u64 = 10;
/// Above this, not every whole number is a 64-bit float.
const WHOLE_FLOAT_MAX: f64 = 9_007_199_254_740_992.0;

/// How it is known which of day and month comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateOrder {
    /// No date has two readings.
    #[default]
    NotNeeded,
    /// Other values of the column say so.
    Evidence,
    /// Other values of the column say both: how many are a day with the month first only, and with the day first only.
    Contradictory(u64, u64),
    /// Nothing says so; the month is taken to come first.
    Assumed,
}

/// What the profile of a column does not say and its alerts need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Basis {
    /// How day and month were told apart.
    pub date_order: DateOrder,
    /// Values certainly with a decimal point, and with a decimal comma.
    pub decimal_points: u64,
    /// Likewise.
    pub decimal_commas: u64,
    /// Whether it is known what a comma such as that of 1,234 is.
    pub comma_is_known: bool,
    /// Values that are exactly as long as the longest, at least.
    pub at_length_max: u64,
}

/// The alerts of a column.
pub fn column(profile: &ColumnProfile, basis: &Basis) -> Vec<Alert> {
    let mut alerts = Alerts::default();
    let values = profile.rows.saturating_sub(profile.nulls.total);
    nulls(profile, &mut alerts);
    if values > 0 {
        typing(profile, basis, values, &mut alerts);
        number_styles(profile, basis, &mut alerts);
        repetition(profile, values, &mut alerts);
        if let Some(numbers) = &profile.numbers {
            self::numbers(profile, numbers, &mut alerts);
        }
        if let Some(dates) = &profile.dates {
            self::dates(profile, dates, &mut alerts);
        }
        texts(profile, basis, values, &mut alerts);
        if let Some(personal) = &profile.personal_data {
            alerts.raise(Code::PersonalDataFound, format!("likely personal data: {}", personal.reason));
        }
    }
    alerts.sorted()
}

fn nulls(profile: &ColumnProfile, alerts: &mut Alerts) {
    let (rows, nulls) = (profile.rows, profile.nulls.total);
    if rows == 0 {
        return;
    }
    let said = || format!("{} have no value", of(nulls, rows, "rows"));
    if nulls == rows {
        alerts.raise(Code::AllNull, format!("none of {} has a value", counted(rows, "row", "rows")));
    } else if nulls * 100 > rows * NULLS_PERCENT_MOST {
        alerts.raise(Code::MostlyNull, said());
    } else if nulls * 100 > rows * NULLS_PERCENT_MIN {
        alerts.raise(Code::SomeNulls, said());
    }
    let spelled: u64 = profile.nulls.spellings.iter().map(|spelling| spelling.count).sum();
    alerts.raise_if(spelled > 0, Code::NullSpellings, || {
        format!("{} spell no value in words or signs, such as NA", counted(spelled, "row", "rows"))
    });
    let hinted: u64 = profile.nulls.sentinel_hints.iter().map(|hint| hint.count).sum();
    alerts.raise_if(hinted > 0, Code::SentinelValues, || {
        format!("{} of -1 or only nines may stand for no value", counted(hinted, "value", "values"))
    });
}

fn typing(profile: &ColumnProfile, basis: &Basis, values: u64, alerts: &mut Alerts) {
    let typing = &profile.typing;
    let misfits = values - ((typing.share * values as f64).round() as u64).min(values);
    let is_text = matches!(typing.logical, LogicalType::Text | LogicalType::Category);
    alerts.raise_if(typing.share < 1.0 && !is_text, Code::MixedTypes, || {
        format!("{} do not fit the type {}", of(misfits.max(1), values, "values"), typing.logical.as_str())
    });
    let votes = &typing.votes;
    let other = (votes.integer + votes.decimal).max(votes.date + votes.datetime);
    alerts.raise_if(is_text && other * 20 > values, Code::MixedTypes, || {
        format!("{} are numbers or dates, the others are texts", of(other, values, "values"))
    });
    alerts.raise_if(typing.zero_padded > 0, Code::ZeroPadded, || {
        format!("{} have leading zeros", of(typing.zero_padded, values, "values"))
    });
    let long = typing.code_reason.as_deref() == Some("long_digits")
        || profile.numbers.as_ref().is_some_and(|numbers| {
            typing.logical == LogicalType::Integer && numbers.max.max(-numbers.min) > WHOLE_FLOAT_MAX
        });
    alerts.raise_if(long, Code::LongDigits, || {
        format!("values have up to {} digits and are not exact as 64-bit floats", profile.strings.length_max)
    });
    let formats = typing.temporal_formats.len();
    let is_dated = matches!(typing.logical, LogicalType::Date | LogicalType::Datetime);
    alerts.raise_if(formats > 1 && is_dated, Code::MixedDateFormats, || {
        let named: Vec<String> = typing.temporal_formats.iter().map(|format| format.format.clone()).collect();
        format!("dates are written in {formats} formats: {}", super::words::listed(&named, 3))
    });
    let ambiguous = counted(typing.ambiguous_dates, "date", "dates");
    match basis.date_order {
        DateOrder::Contradictory(month_first, day_first) => alerts.raise(
            Code::ContradictoryDateOrders,
            format!(
                "{} valid with the month first only and {} with the day first only",
                counted(month_first, "date is", "dates are"),
                grouped(day_first)
            ),
        ),
        DateOrder::Assumed => alerts.raise(
            Code::AmbiguousDates,
            format!("{ambiguous} can be read with month or day first, and no value tells which; the month is taken to be first"),
        ),
        DateOrder::Evidence if typing.ambiguous_dates > 0 => alerts.raise(
            Code::DateOrderInferred,
            format!("{ambiguous} can be read with month or day first; other values of the column tell which"),
        ),
        _ => {}
    }
}

fn number_styles(profile: &ColumnProfile, basis: &Basis, alerts: &mut Alerts) {
    let Some(style) = &profile.typing.number_style else { return };
    let both = basis.decimal_points > 0 && basis.decimal_commas > 0;
    alerts.raise_if(both, Code::MixedNumberStyles, || {
        format!(
            "{} a decimal point and {} a decimal comma",
            counted(basis.decimal_points, "value has", "values have"),
            grouped(basis.decimal_commas)
        )
    });
    alerts.raise_if(style.decimal == DecimalStyle::Comma, Code::DecimalComma, || {
        "numbers are written with a decimal comma".to_owned()
    });
    alerts.raise_if(style.ambiguous_comma > 0 && !basis.comma_is_known, Code::AmbiguousNumbers, || {
        format!(
            "{} another number with a decimal comma; the comma is taken to group digits",
            counted(style.ambiguous_comma, "value is", "values are")
        )
    });
    let signs = style.currency_signs.len();
    alerts.raise_if(signs > 1, Code::MixedCurrencies, || format!("numbers carry {signs} different currency signs"));
    let parts = [
        (style.currency, "a currency sign"),
        (style.percent, "a percent sign"),
        (style.parentheses, "parentheses"),
        (style.grouped, "grouped digits"),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", counted(*count, "value has", "values have")))
        .collect();
    alerts.raise_if(!said.is_empty(), Code::NumberSigns, || said.join(", "));
}

fn repetition(profile: &ColumnProfile, values: u64, alerts: &mut Alerts) {
    let distinct = &profile.distinct;
    alerts.raise_if(profile.constant && values > 1, Code::Constant, || {
        format!("all {} values are the same", grouped(values))
    });
    let top = profile.frequent.values.first().filter(|_| !profile.frequent.masked).map_or(0, |top| top.count);
    let nearly = !profile.constant && u128::from(top) * 100 >= u128::from(values) * u128::from(NEARLY_CONSTANT_PERCENT);
    alerts.raise_if(nearly, Code::NearlyConstant, || format!("one value makes up {}", of(top, values, "values")));
    let is_category = matches!(profile.typing.logical, LogicalType::Category | LogicalType::Boolean);
    let most_bits = (distinct.value.max(1) as f64).log2();
    let uneven = is_category && distinct.value > 1 && profile.entropy.value < IMBALANCE_SHARE * most_bits;
    alerts.raise_if(uneven && !nearly, Code::Imbalance, || {
        format!(
            "{} values are unevenly spread: entropy {:.2} of at most {most_bits:.2} bits",
            grouped(distinct.value),
            profile.entropy.value
        )
    });
    let is_text = profile.typing.logical == LogicalType::Text;
    let many = is_text && distinct.value > CARDINALITY_MAX && distinct.value * 2 < values;
    alerts.raise_if(many, Code::HighCardinality, || {
        format!(
            "{} distinct values, each {:.1} times on average",
            grouped(distinct.value),
            values as f64 / distinct.value as f64
        )
    });
    let near =
        distinct.relative_error.is_some_and(|error| distinct.value as f64 >= values as f64 * (1.0 - 2.0 * error));
    let repeats = profile.frequent.values.iter().any(|value| value.count > 1);
    if values > 1 && distinct.exact && distinct.value == values {
        alerts.raise(Code::Unique, format!("all {} values are different", grouped(values)));
    } else if values > 1 && near && !repeats && !profile.frequent.masked {
        alerts.raise(Code::Unique, format!("about all {} values are different (estimated)", grouped(values)));
    }
}

fn numbers(profile: &ColumnProfile, numbers: &NumberStatistics, alerts: &mut Alerts) {
    alerts.raise_if(numbers.infinities > 0, Code::Infinite, || {
        counted(numbers.infinities, "value is infinite", "values are infinite")
    });
    let measured = matches!(profile.typing.logical, LogicalType::Integer | LogicalType::Number);
    if !measured {
        return;
    }
    let many = |part: u64, least: u64| u128::from(part) * 100 > u128::from(numbers.count) * u128::from(least);
    alerts.raise_if(many(numbers.zeros, ZEROS_PERCENT), Code::Zeros, || {
        format!("{} are zero", of(numbers.zeros, numbers.count, "numbers"))
    });
    let outside = &numbers.outside_fences;
    alerts.raise_if(many(outside.value, OUTLIERS_PERCENT), Code::Outliers, || {
        let about = if outside.exact { "" } else { "about " };
        format!("{about}{} lie outside of Tukey's fences", of(outside.value, numbers.count, "numbers"))
    });
    if let Some(skewness) = numbers.skewness.filter(|skewness| skewness.abs() > SKEWNESS_MAX) {
        alerts.raise(Code::Skewed, format!("the skewness is {skewness:.1}"));
    }
    alerts.raise_if(is_uniform(numbers), Code::Uniform, || "the numbers are evenly spread".to_owned());
}

/// Pearson's chi-squared test, loosely: the first and the last bin are only partly covered and are left out.
fn is_uniform(numbers: &NumberStatistics) -> bool {
    let counts: Vec<u64> = numbers.equal_width.bins.iter().map(|bin| bin.count).collect();
    let Some(inner) = counts.get(1..counts.len().saturating_sub(1)) else { return false };
    let total: u64 = inner.iter().sum();
    if inner.len() <= UNIFORM_FREEDOM_MIN || total < UNIFORM_COUNT_MIN {
        return false;
    }
    let expected = total as f64 / inner.len() as f64;
    let statistic: f64 = inner.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum();
    statistic / (inner.len() - 1) as f64 <= UNIFORM_STATISTIC_MAX
}

fn dates(profile: &ColumnProfile, dates: &DateStatistics, alerts: &mut Alerts) {
    alerts.raise_if(dates.invalid > 0, Code::InvalidDates, || {
        format!("{} the form of a date and none", counted(dates.invalid, "value has", "values have"))
    });
    alerts.raise_if(dates.future > 0, Code::FutureDates, || {
        format!("{} after {}", of(dates.future, dates.count, "dates lie"), dates.as_of)
    });
    let Some((from, to)) = &dates.longest_gap else { return };
    let (Some(first), Some(last)) = (unit_number(from, dates.unit), unit_number(to, dates.unit)) else { return };
    let length = last - first + 1;
    let bins = &dates.histogram.bins;
    let edge = |text: Option<&serde_json::Value>| unit_number(text?.as_str()?, dates.unit);
    let span = match (edge(bins.first().map(|bin| &bin.from)), edge(bins.last().map(|bin| &bin.to))) {
        (Some(start), Some(end)) => end - start,
        _ => return,
    };
    let few = dates.gaps.saturating_mul(2) <= span.unsigned_abs();
    let hidden = profile.frequent.masked;
    alerts.raise_if(length >= GAP_UNITS_MIN && few && !hidden, Code::DateGaps, || {
        let unit = match dates.unit {
            DateUnit::Day => "days",
            DateUnit::Month => "months",
            DateUnit::Year => "years",
        };
        format!("{} {unit} have no value, the longest run is {from} to {to}", grouped(dates.gaps))
    });
}

/// The number of a day, month or year that is written as ISO 8601 does.
fn unit_number(text: &str, unit: DateUnit) -> Option<i64> {
    let (year, rest) = text.split_once('-').unwrap_or((text, ""));
    let year: i64 = year.parse().ok()?;
    match unit {
        DateUnit::Year => Some(year),
        DateUnit::Month => Some(12 * year + rest.parse::<i64>().ok()? - 1),
        DateUnit::Day => {
            let (month, day) = rest.split_once('-')?;
            let days =
                bordereau_base::cell::calendar::days_from_date(year as i32, month.parse().ok()?, day.parse().ok()?);
            days.map(i64::from)
        }
    }
}

fn texts(profile: &ColumnProfile, basis: &Basis, values: u64, alerts: &mut Alerts) {
    let strings = &profile.strings;
    let said = |count: u64, what: &str| format!("{} {what}", of(count, values, "values have"));
    alerts.raise_if(strings.padded > 0, Code::LeadingTrailingBlanks, || said(strings.padded, "blanks before or after"));
    alerts.raise_if(strings.classes.control > 0, Code::ControlCharacters, || {
        said(strings.classes.control, "control characters")
    });
    alerts.raise_if(strings.classes.non_ascii > 0, Code::NonAscii, || {
        said(strings.classes.non_ascii, "characters beyond ASCII")
    });
    let read_as_text = !matches!(
        profile.typing.logical,
        LogicalType::Integer | LogicalType::Number | LogicalType::Date | LogicalType::Datetime
    );
    alerts.raise_if(strings.case_variants > 0 && read_as_text, Code::CaseVariants, || {
        let groups = counted(strings.case_variants, "group of values differs", "groups of values differ");
        format!("at least {groups} in upper and lower case only")
    });
    let cut = strings.length_max >= CUT_LENGTH_MIN
        && strings.length_min < strings.length_max
        && basis.at_length_max >= CUT_COUNT_MIN
        && basis.at_length_max * 100 >= values;
    alerts.raise_if(cut && read_as_text, Code::TruncatedLengths, || {
        format!(
            "{} of the values are exactly {} characters long, the greatest length: they may have been cut",
            percent(basis.at_length_max, values),
            strings.length_max
        )
    });
}
