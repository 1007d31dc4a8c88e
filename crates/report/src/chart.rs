//! Pictures as SVG: histograms, sparklines, shares, the box of percentiles and the heat map of correlations.
//!
//! A picture is one `<svg>` element without colours of its own: its shapes have classes (`bar`, `gap`, `box`, ...) and
//! [`STYLE`] gives them the colours of the page's light and dark theme, or of paper. Histograms have no text inside, so
//! that they stretch to any width; their axes are written beside them. Every picture that says something on its own has
//! `role="img"` and a sentence; those that repeat the number beside them are hidden from screen readers.

mod heat;

pub use heat::heat_map;

use bordereau_profile::document::{Bin, Histogram};

use crate::escape::Text;
use crate::number::{decimal, share};
use bordereau_base::figure::grouped;

/// The classes of the pictures, in terms of the custom properties `--bar`, `--soft`, `--gap`, `--ink`, `--line`,
/// `--plus` and `--minus`.
pub const STYLE: &str = include_str!("chart/chart.css");

/// Height in user units of all bars.
const HEIGHT: f64 = 100.0;
/// Height of the smallest bar that is not nothing, so that it is seen.
const HEIGHT_MIN: f64 = 2.0;
/// Bins up to which bars stand apart.
const APART_MAX: usize = 60;

/// The bound of a bin as text: a number in short, a date as it is.
pub fn bound(value: &serde_json::Value) -> String {
    match (value, value.as_f64()) {
        (_, Some(number)) => decimal(number),
        (serde_json::Value::String(text), None) => text.clone(),
        (other, None) => other.to_string(),
    }
}

/// How a bar of `count` stands beside one of `most`.
fn height(count: u64, most: u64) -> f64 {
    if count == 0 { 0.0 } else { (count as f64 / most.max(1) as f64 * HEIGHT).max(HEIGHT_MIN) }
}

/// A histogram without axes in the height of a line, as one path.
pub fn sparkline(counts: &[u64], label: &str) -> String {
    let most = counts.iter().copied().max().unwrap_or(0);
    let mut path = String::new();
    let wide = if counts.len() > APART_MAX { 10.0 } else { 8.5 };
    for (at, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let tall = height(*count, most);
        put!(path, "M{} {HEIGHT}v-{}h{wide}v{}z", at * 10, rounded(tall), rounded(tall));
    }
    let width = counts.len().max(1) * 10;
    format!(
        "<svg class=\"spark\" viewBox=\"0 0 {width} 100\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{}\"><path class=\"bar\" d=\"{path}\"/></svg>",
        Text(label)
    )
}

/// A number with at most two decimals, as SVG wants it.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// How much a histogram tells of each bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Each bar says its bounds and count when pointed at.
    Bars,
    /// One shape: a tenth of the size.
    Outline,
}

/// A histogram that fills the width it is given.
pub fn histogram(histogram: &Histogram, label: &str, detail: Detail) -> String {
    let counts: Vec<u64> = histogram.bins.iter().map(|bin| bin.count).collect();
    let sentence = sentence(&histogram.bins, label);
    if detail == Detail::Outline {
        return sparkline(&counts, &sentence).replacen("class=\"spark\"", "class=\"hist\"", 1);
    }
    let (most, all) = (counts.iter().copied().max().unwrap_or(0), counts.iter().sum());
    let mut svg = format!(
        "<svg class=\"hist\" viewBox=\"0 0 {} 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        counts.len().max(1) * 10,
        Text(&sentence)
    );
    let wide = if counts.len() > APART_MAX { "10" } else { "9" };
    for (at, bin) in histogram.bins.iter().enumerate() {
        let tall = rounded(height(bin.count, most));
        put!(
            svg,
            "<g><title>{}: {} ({})</title><rect class=\"hit\" x=\"{x}\" width=\"10\" height=\"100\"/>\
             <rect class=\"bar\" x=\"{x}\" y=\"{}\" width=\"{wide}\" height=\"{tall}\"/></g>",
            Text(&span(bin)),
            grouped(bin.count),
            Text(&share(bin.count, all)),
            HEIGHT - tall,
            x = at * 10
        );
    }
    svg.push_str("</svg>");
    svg
}

/// The bounds of a bin.
fn span(bin: &Bin) -> String {
    match (bound(&bin.from), bound(&bin.to)) {
        (from, to) if from == to => from,
        (from, to) => format!("{from} to {to}"),
    }
}

/// What a histogram shows, for those who do not see it.
fn sentence(bins: &[Bin], label: &str) -> String {
    let all: u64 = bins.iter().map(|bin| bin.count).sum();
    let fullest = bins.iter().reduce(|best, bin| if bin.count > best.count { bin } else { best });
    match (bins.first(), bins.last(), fullest) {
        (Some(first), Some(last), Some(fullest)) => format!(
            "{label}: {} bins from {} to {}; the fullest, {}, holds {}.",
            bins.len(),
            bound(&first.from),
            bound(&last.to),
            span(fullest),
            share(fullest.count, all)
        ),
        _ => format!("{label}: no values."),
    }
}

/// A bar that is filled to a share (0 to 1), the rest empty; for a number that stands beside it as text.
pub fn meter(share: f64, class: &str) -> String {
    let width = if share > 0.0 { (share * 100.0).clamp(0.7, 100.0) } else { 0.0 };
    format!(
        "<svg class=\"meter {class}\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"rail\" width=\"100\" height=\"10\"/><rect class=\"bar\" width=\"{}\" height=\"10\"/></svg>",
        rounded(width)
    )
}

/// Parts of a whole side by side: class and amount of each. For numbers that stand beside it as text.
pub fn parts(parts: &[(&str, u64)]) -> String {
    let all = parts.iter().map(|(_, amount)| amount).sum::<u64>().max(1) as f64;
    let mut svg = String::from(
        "<svg class=\"parts\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"rail\" width=\"1000\" height=\"10\"/>",
    );
    let mut from = 0.0;
    for (class, amount) in parts.iter().filter(|(_, amount)| *amount > 0) {
        let width = (*amount as f64 / all * 1000.0).max(4.0).min(1000.0 - from);
        put!(svg, "<rect class=\"{class}\" x=\"{}\" width=\"{}\" height=\"10\"/>", rounded(from), rounded(width));
        from += width;
    }
    svg.push_str("</svg>");
    svg
}

/// Where the middle of numbers lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Box5 {
    /// 5th, 25th, 50th, 75th and 95th percentile.
    pub percentiles: [f64; 5],
    /// Bounds of the axis: those of the histogram above.
    pub axis: (f64, f64),
}

/// The box of percentiles on the axis of the histogram above it: a line from the 5th to the 95th, a box from the 25th
/// to the 75th, a tick at the median. Nothing when the axis has no width.
pub fn box_strip(of: &Box5) -> String {
    let (low, high) = of.axis;
    let width = high - low;
    if !(width > 0.0 && width.is_finite()) {
        return String::new();
    }
    let place = |value: f64| rounded(((value - low) / width * 1000.0).clamp(0.0, 1000.0));
    let [p5, p25, p50, p75, p95] = of.percentiles.map(place);
    let names = of.percentiles.map(decimal);
    format!(
        "<svg class=\"boxes\" viewBox=\"0 0 1000 16\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{label}\">\
         <title>{label}</title><rect class=\"whisker\" x=\"{p5}\" y=\"7\" width=\"{}\" height=\"2\"/>\
         <rect class=\"box\" x=\"{p25}\" y=\"2\" width=\"{}\" height=\"12\"/>\
         <rect class=\"tick\" x=\"{}\" y=\"0\" width=\"4\" height=\"16\"/></svg>",
        rounded((p95 - p5).max(1.0)),
        rounded((p75 - p25).max(2.0)),
        rounded((p50 - 2.0).clamp(0.0, 996.0)),
        label = Text(&format!(
            "90 % of the values from {} to {}, half from {} to {}, median {}.",
            names[0], names[4], names[1], names[3], names[2]
        )),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample() -> Histogram {
        let bins = [(0, 10, 1), (10, 20, 8), (20, 30, 0)];
        let bins = bins.map(|(from, to, count)| Bin { from: json!(from), to: json!(to), count });
        Histogram { bins: bins.to_vec(), exact: true }
    }

    #[test]
    fn a_histogram_says_what_it_shows() {
        let svg = histogram(&sample(), "Histogram of <age>", Detail::Bars);
        assert!(svg.contains(
            "aria-label=\"Histogram of &lt;age&gt;: 3 bins from 0 to 30; the fullest, 10 to 20, holds 88.9 %.\""
        ));
        assert!(svg.contains("<title>0 to 10: 1 (11.1 %)</title>"), "{svg}");
        let outline = histogram(&sample(), "Histogram", Detail::Outline);
        assert!(outline.starts_with("<svg class=\"hist\"") && outline.contains("d=\"M0 100v-12.5h8.5v12.5z"));
        let none = histogram(&Histogram { bins: Vec::new(), exact: true }, "Histogram", Detail::Bars);
        assert!(none.contains("Histogram: no values."));
    }

    #[test]
    fn bars_stay_inside_and_small_ones_are_seen() {
        assert!(meter(1e-9, "nulls").contains("width=\"0.7\"") && meter(7.0, "nulls").contains("bar\" width=\"100\""));
        assert!(parts(&[("good", 999_999), ("bad", 1)]).contains("class=\"bad\""));
        assert!(box_strip(&Box5 { percentiles: [1.0; 5], axis: (1.0, 1.0) }).is_empty());
        let strip = box_strip(&Box5 { percentiles: [-1e308, 0.0, 1.0, 2.0, 1e308], axis: (0.0, 10.0) });
        assert!(strip.contains("x=\"98\"") && !strip.contains("NaN"), "{strip}");
    }
}
