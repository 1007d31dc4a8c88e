//! The heat map of correlations.

use super::rounded;
use crate::escape::Text;

/// Side of a cell.
const CELL: usize = 26;
/// Cells up to which the coefficients are written inside.
const WRITTEN_MAX: usize = 16;
/// How much colour the strongest have: so much that a number is still read on it.
const OPACITY_MAX: f64 = 0.8;
/// Room for a name, in user units, and its most characters.
const NAME: usize = 170;
const NAME_CHARACTERS_MAX: usize = 24;

/// The lower triangle of a symmetric matrix of coefficients from -1 to 1: the stronger, the more colour; one colour for
/// positive, one for negative ones. `names` and `matrix` in the same order.
pub fn heat_map(names: &[&str], matrix: &[Vec<Option<f64>>]) -> String {
    let size = names.len();
    let (width, tall) = (NAME + size * CELL + 80, size * CELL + NAME);
    let mut svg = format!(
        "<svg class=\"heat\" viewBox=\"0 0 {width} {tall}\" width=\"{width}\" height=\"{tall}\" role=\"img\" \
         aria-label=\"Heat map of the correlations of {size} columns; the strongest are listed beside it.\">"
    );
    for (row, name) in names.iter().enumerate() {
        let middle = row * CELL + CELL / 2 + 4;
        put!(svg, "<text class=\"name\" x=\"{}\" y=\"{middle}\">{}</text>", NAME - 8, Text(&cut(name)));
        for (column, other) in names.iter().enumerate().take(row + 1) {
            let coefficient = matrix.get(row).and_then(|line| line.get(column)).copied().flatten();
            cell(&mut svg, (row, column), (name, other), coefficient, size);
        }
        let (x, y) = (NAME + row * CELL + CELL / 2, size * CELL + 12);
        let place = format!("x=\"{x}\" y=\"{y}\" transform=\"rotate(45 {x} {y})\"");
        put!(svg, "<text class=\"under\" {place}>{}</text>", Text(&cut(name)));
    }
    svg.push_str("</svg>");
    svg
}

fn cell(svg: &mut String, at: (usize, usize), names: (&str, &str), coefficient: Option<f64>, size: usize) {
    let (row, column) = at;
    let (x, y) = (NAME + column * CELL, row * CELL);
    let (class, strength, text) = match coefficient {
        _ if row == column => ("self", 1.0, "the column itself".to_owned()),
        Some(value) if value < 0.0 => ("minus", -value, format!("{value:.2}")),
        Some(value) => ("plus", value, format!("{value:.2}")),
        None => ("none", 1.0, "not defined".to_owned()),
    };
    let strength = rounded(strength.clamp(0.04, 1.0) * OPACITY_MAX);
    put!(
        svg,
        "<g><title>{} and {}: {text}</title><rect class=\"cell {class}\" x=\"{x}\" y=\"{y}\" width=\"{side}\" \
         height=\"{side}\" fill-opacity=\"{strength}\"/>",
        Text(names.0),
        Text(names.1),
        side = CELL - 2
    );
    if size <= WRITTEN_MAX && row != column && coefficient.is_some() {
        let short = text.replacen("0.", ".", 1).replacen('-', "−", 1);
        put!(svg, "<text class=\"value\" x=\"{}\" y=\"{}\">{short}</text>", x + CELL / 2 - 1, y + CELL / 2 + 3);
    }
    svg.push_str("</g>");
}

fn cut(name: &str) -> String {
    if name.chars().count() <= NAME_CHARACTERS_MAX {
        return name.to_owned();
    }
    name.chars().take(NAME_CHARACTERS_MAX - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_matrix_is_drawn_with_its_coefficients() {
        let svg = heat_map(&["a<", "b"], &[vec![Some(1.0), Some(-0.5)], vec![Some(-0.5), None]]);
        assert_eq!(svg.matches("<rect").count(), 3);
        assert!(svg.contains("<title>b and a&lt;: -0.50</title>") && svg.contains(">−.50<"), "{svg}");
    }
}
