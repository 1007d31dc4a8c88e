//! A column: its picture, and everything that is known of it.

use bordereau_profile::document::{ColumnProfile, DateUnit, PersonalDataKind, Sortedness};

use super::facts::Facts;
use super::{Depth, alerts, column_id, hue, values};
use crate::brief::{by_frequency, by_value, filled};
use crate::chart::{self, Box5, Detail};
use crate::escape::Text;
use crate::number::{NONE, count, decimal, estimate, percent, share, with_error};
use bordereau_base::figure::grouped;

/// The card of a column; `open` is ` open` or nothing.
pub(crate) fn card(at: usize, column: &ColumnProfile, depth: Depth, open: &str) -> String {
    let mut html = format!(
        "<details class=\"col {}\"{open}><summary><span class=\"pos\">{}</span> <h4 class=\"v\">{}</h4> <span \
         class=\"chip\">{}</span>{} <span class=\"head\">{}</span> <span class=\"marks\">{}</span></summary>\
         <div class=\"body\" id=\"{}\">",
        hue(column.typing.logical),
        column.position,
        Text(&column.name),
        column.typing.logical.as_str(),
        personal_chip(column),
        Text(&headline(column)),
        alerts::marks(&column.alerts),
        column_id(at, column)
    );
    html.push_str(&alerts::list(&column.alerts));
    put!(html, "<div class=\"look\"><div class=\"pics\">{}</div>", pictures(column, depth.detail));
    put!(html, "<div class=\"figures\">{}{}{}</div></div>", basics(column), numbers(column), dates(column));
    if depth.whole {
        html.push_str(&values::part(column));
    }
    html.push_str("</div></details>\n");
    html
}

fn personal_chip(column: &ColumnProfile) -> String {
    column.personal_data.as_ref().map_or_else(String::new, |personal| {
        let masked = if column.frequent.masked { ", masked" } else { "" };
        format!(" <span class=\"chip personal\">likely {}{masked}</span>", personal_name(personal.kind))
    })
}

pub(crate) fn personal_name(kind: PersonalDataKind) -> &'static str {
    match kind {
        PersonalDataKind::Email => "e-mail addresses",
        PersonalDataKind::Phone => "telephone numbers",
        PersonalDataKind::Ssn => "social security numbers",
        PersonalDataKind::PaymentCard => "payment cards",
        PersonalDataKind::Vin => "vehicle numbers (VIN)",
        PersonalDataKind::Iban => "bank accounts (IBAN)",
        PersonalDataKind::PersonName => "names of people",
        PersonalDataKind::Address => "postal addresses",
        PersonalDataKind::BirthDate => "days of birth",
    }
}

fn headline(column: &ColumnProfile) -> String {
    let missing = match column.nulls.total {
        0 => "no value missing".to_owned(),
        nulls => format!("{} missing", share(nulls, column.rows)),
    };
    let distinct =
        if column.constant { "one value".to_owned() } else { format!("{} distinct", count(&column.distinct)) };
    if column.nulls.total == column.rows { "no value at all".to_owned() } else { format!("{missing} · {distinct}") }
}

fn pictures(column: &ColumnProfile, detail: Detail) -> String {
    let name = &column.name;
    match (&column.numbers, &column.dates) {
        (Some(numbers), _) if by_value(column) => {
            let histogram = &numbers.equal_width;
            let svg = chart::histogram(histogram, &format!("Histogram of {name}"), detail);
            let strip = box_of(numbers).map(|of| chart::box_strip(&of)).unwrap_or_default();
            let caption = if strip.is_empty() { "" } else { "Box: half of the values, tick: median, line: 90 %." };
            figure(&format!("{svg}{strip}"), histogram, caption)
        }
        (_, Some(dates)) if by_value(column) => {
            let svg = chart::histogram(&dates.histogram, &format!("{name} over time"), detail);
            let unit = match dates.unit {
                DateUnit::Day => "Values by day.",
                DateUnit::Month => "Values by month.",
                DateUnit::Year => "Values by year.",
            };
            figure(&svg, &dates.histogram, unit)
        }
        _ if by_frequency(column) => values::frequent(column),
        _ if column.strings.lengths.bins.len() == 1 => {
            "<p class=\"quiet\">All values have the same length.</p>".to_owned()
        }
        _ if column.strings.lengths.bins.is_empty() => "<p class=\"quiet\">No values to draw.</p>".to_owned(),
        _ => {
            let svg = chart::histogram(&column.strings.lengths, &format!("Lengths of {name}"), detail);
            figure(&svg, &column.strings.lengths, "Values by length in characters.")
        }
    }
}

fn box_of(numbers: &bordereau_profile::document::NumberStatistics) -> Option<Box5> {
    let at = |percent: u8| numbers.percentiles.iter().find(|p| p.percent == percent).map(|p| p.value);
    let bins = &numbers.equal_width.bins;
    let axis = (bins.first()?.from.as_f64()?, bins.last()?.to.as_f64()?);
    Some(Box5 { percentiles: [at(5)?, at(25)?, at(50)?, at(75)?, at(95)?], axis })
}

fn figure(svg: &str, histogram: &bordereau_profile::document::Histogram, caption: &str) -> String {
    let bounds = histogram.bins.first().zip(histogram.bins.last());
    let (from, to) = bounds.map_or_else(Default::default, |(a, b)| (chart::bound(&a.from), chart::bound(&b.to)));
    let most = histogram.bins.iter().map(|bin| bin.count).max().unwrap_or(0);
    let (top, about) = (grouped(most), if histogram.exact { "" } else { "≈ " });
    format!(
        "<figure><p class=\"top\">{about}{top}</p>{svg}<div class=\"axis\"><span>{}</span><span>{}</span></div>\
         <figcaption>{caption}</figcaption></figure>",
        Text(&from),
        Text(&to)
    )
}

fn basics(column: &ColumnProfile) -> String {
    let mut facts = Facts::default();
    let filled = filled(column);
    facts.add("Rows", grouped(column.rows));
    facts.add("Missing", format!("{} ({})", grouped(column.nulls.total), share(column.nulls.total, column.rows)));
    if filled > 0 {
        facts.add("Distinct", count(&column.distinct));
        facts.add("Unique", percent(column.uniqueness));
        facts.add("Type fits", percent(column.typing.share));
        facts.add("Entropy", bits(column));
        facts.add("Order", order(column.sorted));
    }
    facts.under("Values")
}

fn bits(column: &ColumnProfile) -> String {
    let entropy = &column.entropy;
    let number = decimal((entropy.value * 1_000.0).round() / 1_000.0);
    with_error(format!("{number} bits"), entropy.exact, entropy.relative_error)
}

fn order(sorted: Sortedness) -> &'static str {
    match sorted {
        Sortedness::Ascending => "ascending",
        Sortedness::Descending => "descending",
        Sortedness::Constant => "",
        Sortedness::Unsorted => "none",
    }
}

fn numbers(column: &ColumnProfile) -> String {
    // Codes that are digits are no quantities: their mean says nothing.
    let Some(numbers) = column.numbers.as_ref().filter(|_| by_value(column)) else { return String::new() };
    let middle = |percent: u8| {
        let found = numbers.percentiles.iter().find(|percentile| percentile.percent == percent);
        found.map_or_else(|| NONE.to_owned(), |p| with_error(decimal(p.value), p.exact, p.relative_error))
    };
    let mut place = Facts::default();
    if !column.frequent.masked {
        place.add("Minimum", decimal(numbers.min));
    }
    place.add("5 %", middle(5)).add("25 %", middle(25)).add("Median", middle(50));
    place.add("75 %", middle(75)).add("95 %", middle(95));
    if !column.frequent.masked {
        place.add("Maximum", decimal(numbers.max));
    }
    let mut shape = Facts::default();
    let or_none = |number: Option<f64>| number.map_or_else(String::new, decimal);
    shape.add("Mean", decimal(numbers.mean)).add("Standard deviation", or_none(numbers.standard_deviation));
    shape.add("Median deviation", estimate(&numbers.median_absolute_deviation)).add("Sum", decimal(numbers.sum));
    shape.add("Skewness", or_none(numbers.skewness)).add("Excess kurtosis", or_none(numbers.kurtosis));
    shape.counted("Zeros", numbers.zeros, numbers.count).counted("Negative", numbers.negatives, numbers.count);
    shape.counted("Infinite", numbers.infinities, column.rows);
    shape.add("Outside Tukey’s fences", count(&numbers.outside_fences));
    if numbers.decimals_max > 0 {
        shape.add("Decimals", format!("up to {}", numbers.decimals_max));
    }
    place.under("Where they lie") + &shape.under("Shape")
}

fn dates(column: &ColumnProfile) -> String {
    let Some(dates) = &column.dates else { return String::new() };
    let unit = match dates.unit {
        DateUnit::Day => "days",
        DateUnit::Month => "months",
        DateUnit::Year => "years",
    };
    let mut facts = Facts::default();
    facts.add("Earliest", &dates.min).add("Latest", &dates.max);
    facts.add(&format!("Empty {unit} between"), grouped(dates.gaps));
    if let Some((from, to)) = &dates.longest_gap {
        facts.add("Longest gap", format!("{from} to {to}"));
    }
    facts.counted("No such day", dates.invalid, column.rows);
    facts.counted(&format!("After {}", dates.as_of), dates.future, dates.count);
    facts.counted("Day and month could be swapped", column.typing.ambiguous_dates, dates.count);
    facts.under("When")
}
