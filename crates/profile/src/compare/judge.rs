//! The thresholds, and the sentence for each that is passed. `docs/profile-compare.md` states them all.

use super::bins::number;
use super::column::{more_than, percent};
use super::known::Known;
use super::measure::{Pair, shares_differ};
use super::result::{BinKind, BinShares, CategoryChange, DateChange, Distribution, Light, Moved, NumberChange};
use crate::alerts::words::counted;
use crate::document::{LogicalType, ValueCount};
use bordereau_base::figure::grouped;

/// From where on a figure is amber, and red.
#[derive(Debug, Clone, Copy)]
struct Threshold {
    amber: f64,
    red: f64,
}

const PSI: Threshold = Threshold { amber: 0.1, red: 0.25 };
const JS: Threshold = Threshold { amber: 0.1, red: 0.2 };
const KS: Threshold = Threshold { amber: 0.1, red: 0.2 };
/// Change of the share of nulls.
const NULLS: Threshold = Threshold { amber: 0.05, red: 0.2 };
/// Share of the rows that are outside the old range, of a new category, in a vanished category, or have a new mask.
const UNSEEN: Threshold = Threshold { amber: 0.01, red: 0.1 };
/// New and vanished categories are judged up to this many categories of the old side.
const JUDGED_CATEGORIES_MAX: u64 = 1000;

impl Threshold {
    fn light(self, value: f64) -> Light {
        match value {
            value if value >= self.red => Light::Red,
            value if value >= self.amber => Light::Amber,
            _ => Light::Green,
        }
    }
}

/// Collects what moved beyond a threshold.
pub(super) struct Judge<'a> {
    old: &'a Known<'a>,
    new: &'a Known<'a>,
    findings: Vec<Moved>,
}

impl<'a> Judge<'a> {
    pub fn new(old: &'a Known<'a>, new: &'a Known<'a>) -> Self {
        Self { old, new, findings: Vec::new() }
    }

    fn add(&mut self, code: &str, light: Light, message: impl FnOnce() -> String) {
        if light > Light::Green {
            self.findings.push(Moved { code: code.to_owned(), light, message: capitalised(&message()) });
        }
    }

    fn rows(&self) -> (f64, f64) {
        (self.old.column.rows as f64, self.new.column.rows as f64)
    }

    /// The type is another. A wider or narrower type of the same nature is amber; from or to a column without values
    /// is left to the nulls.
    pub fn types(&mut self) {
        let (old, new) = (self.old.column.typing.logical, self.new.column.typing.logical);
        let light = type_light(old, new);
        self.add("type", light, || format!("the type was {} and is {}", name(old), name(new)));
    }

    /// The share of nulls. Whether it differs by more than chance is returned.
    pub fn nulls(&mut self, shares: Pair) -> bool {
        let (old, new) = self.rows();
        if old == 0.0 || new == 0.0 {
            return false;
        }
        let significant = shares_differ(shares, old, new);
        let light = if significant { NULLS.light((shares.new - shares.old).abs()) } else { Light::Green };
        self.add("nulls", light, || {
            format!("nulls went from {} to {} of the rows", percent(shares.old), percent(shares.new))
        });
        significant
    }

    /// Stability index and Jensen-Shannon distance, unless chance alone would do.
    pub fn distribution(&mut self, distribution: &Distribution) {
        if distribution.psi <= distribution.psi_by_chance {
            return;
        }
        let over = match distribution.over {
            BinKind::Deciles => "deciles",
            BinKind::Categories => "categories",
            BinKind::Masks => "masks",
        };
        let moved = || most_moved(distribution).map(shown_bin).unwrap_or_default();
        self.add("psi", PSI.light(distribution.psi), || {
            format!("the stability index over {over} is {}{}", figure(distribution.psi), moved())
        });
        self.add("js", JS.light(distribution.js), || {
            format!("the Jensen-Shannon distance over {over} is {}{}", figure(distribution.js), moved())
        });
    }

    /// Kolmogorov-Smirnov distance, and numbers outside the old range.
    pub fn numbers(&mut self, numbers: &NumberChange) {
        let light = if numbers.ks > numbers.ks_by_chance { KS.light(numbers.ks) } else { Light::Green };
        self.add("ks", light, || {
            let (was, is) = (spoken(numbers.median_old), spoken(numbers.median_new));
            format!("the Kolmogorov-Smirnov distance is {}: the median went from {was} to {is}", figure(numbers.ks))
        });
        let (old, new) = (self.old.column.numbers.as_ref(), self.new.column.numbers.as_ref());
        let (Some(old), Some(new)) = (old, new) else { return };
        let outside = numbers.below_old_min + numbers.above_old_max;
        let share = outside as f64 / (new.count as f64).max(1.0);
        // A sample of n values has the least or the greatest one of a second sample of m inside it often enough; that
        // many lie outside is chance only for small ones.
        let by_chance = 1.0 / (old.count as f64 + 1.0);
        let light = if more_than(by_chance, share, old.count as f64, new.count as f64) {
            UNSEEN.light(share)
        } else {
            Light::Green
        };
        let far = new.max - old.max > old.range.max(f64::MIN_POSITIVE)
            || old.min - new.min > old.range.max(f64::MIN_POSITIVE);
        let light = if far && old.count >= FAR_COUNT_MIN { light.max(Light::Amber) } else { light };
        self.add("range", light, || {
            let about = if numbers.outside_exact { "" } else { "about " };
            let (low, high) = (spoken(old.min), spoken(old.max));
            let (least, most) = (spoken(new.min), spoken(new.max));
            let outside = counted(outside, "number is", "numbers are");
            format!("{about}{outside} outside {low} to {high}: the new ones go from {least} to {most}")
        });
    }

    /// New formats of dates.
    pub fn dates(&mut self, dates: &DateChange) {
        let light = if dates.new_formats.is_empty() { Light::Green } else { Light::Amber };
        self.add("date_formats", light, || {
            let shown: Vec<String> = dates
                .new_formats
                .iter()
                .map(|format| format!("{} ({})", format.value, grouped(format.count)))
                .collect();
            format!("dates come in a format that was not there before: {}", shown.join(", "))
        });
    }

    /// Categories that appeared and vanished, where there are few and all are known.
    pub fn categories(&mut self, change: &CategoryChange) {
        let distinct = self.old.column.distinct.value;
        let Some(known) = self.old.categories.as_ref().filter(|known| known.is_complete()) else { return };
        if distinct > JUDGED_CATEGORIES_MAX || change.masked {
            return;
        }
        let (old, new) = self.rows();
        // Good and Turing: the share of the rows with values not seen yet is about that of the values seen once.
        let singles = known.listed.iter().filter(|value| value.count == 1).count() as f64;
        let appeared = change.appeared_rows as f64 / new.max(1.0);
        if more_than(singles / old.max(1.0), appeared, old, new) {
            self.add("new_categories", UNSEEN.light(appeared), || {
                let what = listing(&change.appeared, change.appeared_values);
                format!("{} of the rows have values that were not there before: {what}", percent(appeared))
            });
        }
        let vanished = change.vanished_rows as f64 / old.max(1.0);
        if change.complete && more_than(0.0, vanished, new, old) {
            self.add("vanished_categories", UNSEEN.light(vanished), || {
                let what = listing(&change.vanished, change.vanished_values);
                format!("values of {} of the old rows are gone: {what}", percent(vanished))
            });
        }
    }

    /// Masks of codes that were not there before.
    pub fn masks(&mut self, masks: &[ValueCount]) {
        if self.old.column.typing.logical != LogicalType::Code {
            return;
        }
        let (old, new) = (self.old.values() as f64, self.new.values() as f64);
        let rows: u64 = masks.iter().map(|mask| mask.count).sum();
        let share = rows as f64 / new.max(1.0);
        if old > 0.0 && more_than(0.0, share, old, new) {
            self.add("new_masks", UNSEEN.light(share), || {
                let what = listing(masks, masks.len() as u64);
                format!("{} of the values have a shape that was not there before: {what}", percent(share))
            });
        }
    }

    /// All findings, and the sentence on what moved most.
    pub fn finish(
        mut self,
        distribution: Option<&Distribution>,
        numbers: Option<&NumberChange>,
    ) -> (Vec<Moved>, String) {
        worst_first(&mut self.findings);
        if let Some(first) = self.findings.first() {
            let sentence = first.message.clone();
            return (self.findings, sentence);
        }
        let mut figures = Vec::new();
        figures.extend(distribution.map(|distribution| format!("stability index {}", figure(distribution.psi))));
        figures.extend(numbers.map(|numbers| format!("Kolmogorov-Smirnov distance {}", figure(numbers.ks))));
        let sentence = if figures.is_empty() {
            "Nothing moved beyond a threshold.".to_owned()
        } else {
            format!("Nothing moved beyond a threshold: {}.", figures.join(", "))
        };
        (self.findings, sentence)
    }
}

/// With fewer old values than this their range says little.
const FAR_COUNT_MIN: u64 = 30;

/// Red before amber; within a light in the order in which they were found.
pub(super) fn worst_first(findings: &mut [Moved]) {
    findings.sort_by_key(|moved| std::cmp::Reverse(moved.light));
}

fn type_light(old: LogicalType, new: LogicalType) -> Light {
    use LogicalType::{Boolean, Category, Code, Empty, Integer, Number, Text};
    match (old, new) {
        (old, new) if old == new => Light::Green,
        (Empty, _) | (_, Empty) => Light::Green,
        (Integer, Number) | (Number, Integer) => Light::Amber,
        (Boolean | Category | Code | Text, Boolean | Category | Code | Text) => Light::Amber,
        _ => Light::Red,
    }
}

/// As the documents have it.
fn name(kind: LogicalType) -> String {
    serde_json::to_value(kind).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The bin whose share changed most.
fn most_moved(distribution: &Distribution) -> Option<&BinShares> {
    let change = |bin: &BinShares| (bin.new - bin.old).abs();
    distribution.bins.iter().max_by(|one, other| change(one).total_cmp(&change(other)))
}

fn shown_bin(bin: &BinShares) -> String {
    format!(": {} went from {} to {}", bin.bin, percent(bin.old), percent(bin.new))
}

/// A measure for people.
fn figure(value: f64) -> String {
    format!("{value:.3}")
}

/// The first few values with their counts.
fn listing(values: &[ValueCount], all: u64) -> String {
    let shown: Vec<String> =
        values.iter().take(3).map(|value| format!("{} ({})", value.value, grouped(value.count))).collect();
    let more = all.saturating_sub(shown.len() as u64);
    if more == 0 { shown.join(", ") } else { format!("{} and {} more", shown.join(", "), grouped(more)) }
}

/// A number in a sentence: digits before the point in groups.
fn spoken(value: f64) -> String {
    let text = number(value);
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(end);
    whole.parse().map_or_else(|_| text.clone(), |whole| format!("{sign}{}{rest}", grouped(whole)))
}

/// How many of the columns are red and amber, as a sentence.
pub(super) fn lights(red: usize, amber: usize, columns: usize) -> String {
    let are = if red == 1 { "is" } else { "are" };
    let columns = counted(columns as u64, "column", "columns");
    format!("Of {columns}, {} {are} red and {} amber.", grouped(red as u64), grouped(amber as u64))
}

/// A message as a sentence.
pub(super) fn capitalised(message: &str) -> String {
    let mut chars = message.chars();
    chars.next().map(|first| format!("{}{}.", first.to_uppercase(), chars.as_str())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_in_sentences() {
        assert_eq!(spoken(1_234_567.0), "1,234,567");
        assert_eq!(spoken(-9_876.5), "-9,876.5");
        assert_eq!(spoken(0.25), "0.25");
        assert_eq!(spoken(1.5e20), "1.5e20");
        assert_eq!(lights(1, 0, 1), "Of 1 column, 1 is red and 0 amber.");
        assert_eq!(lights(0, 2, 1_200), "Of 1,200 columns, 0 are red and 2 amber.");
        assert_eq!(capitalised("nulls went up"), "Nulls went up.");
    }
}
