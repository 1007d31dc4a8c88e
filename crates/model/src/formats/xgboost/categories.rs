//! Columns of categories: their values in the order of their codes, since version 3.1.
//!
//! Older files name no categories; such columns hold the codes, as XGBoost itself expects them.
//!
//! Up to version 3.3 XGBoost counts letters of pandas categories where it means bytes, so that texts beyond ASCII are
//! cut at wrong places, and nothing in the file tells where. Such files are refused: a wrong category would be silent.

use crate::features::{Binding, Codes};
use crate::formats::data::Part;
use crate::{Error, Input, InputKind};

/// Give the columns that have categories their codes. XGBoost refuses a row with an unknown category; here it is
/// missing, and counted.
pub(super) fn bind(
    cats: &Part<'_>,
    version: &str,
    inputs: &mut [Input],
    bindings: &mut [Binding],
) -> Result<(), Error> {
    let columns = cats.need("enc")?;
    let columns = columns.items()?;
    if columns.len() != inputs.len() && columns.len() != 0 {
        return Err(cats.invalid(format!("categories of {} columns for {} features", columns.len(), inputs.len())));
    }
    for ((column, input), binding) in columns.zip(inputs).zip(bindings) {
        let values = match column.get("offsets") {
            Some(offsets) => texts(&offsets, &column.need("values")?, version)?,
            None => numbers(&column)?,
        };
        if !values.is_empty() {
            *binding = Binding::Category(Codes::new(&values, f64::NAN));
            input.kind = InputKind::Category { values };
        }
    }
    Ok(())
}

/// Texts one after the other, and where each begins and ends.
fn texts(offsets: &Part<'_>, values: &Part<'_>, version: &str) -> Result<Vec<String>, Error> {
    let wrong = || offsets.invalid("does not fit the texts of the categories");
    let (bounds, bytes) = (offsets.numbers()?, values.numbers()?);
    // Bytes are signed.
    let byte =
        |number: &f64| ((-128.0..256.0).contains(number) && number.fract() == 0.0).then_some(*number as i64 as u8);
    let bytes: Option<Vec<u8>> = bytes.iter().map(byte).collect();
    let bytes = bytes.ok_or_else(|| values.invalid("an entry is not a byte"))?;
    if !bytes.is_ascii() && counts_letters(version) {
        let message = format!("categories beyond ASCII, which version {version} writes wrongly (3.4 does not),");
        return Err(values.unsupported(message));
    }
    let bounds: Option<Vec<usize>> = bounds.iter().map(|bound| crate::formats::data::whole(*bound)).collect();
    let bounds = bounds.ok_or_else(wrong)?;
    let text = |pair: &[usize]| {
        let text = bytes.get(pair[0]..pair[1]).ok_or_else(wrong)?;
        String::from_utf8(text.to_vec()).map_err(|_| values.invalid("a category is not UTF-8"))
    };
    // Each byte belongs to one text, so bounds cannot make a small file large.
    match bounds.windows(2).all(|pair| pair[0] <= pair[1]) {
        true => bounds.windows(2).map(text).collect(),
        false => Err(wrong()),
    }
}

/// Whether a version of XGBoost writes the lengths of texts in letters.
fn counts_letters(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) < (Some(3), Some(4))
}

fn numbers(column: &Part<'_>) -> Result<Vec<String>, Error> {
    column.need("type")?.whole()?;
    Ok(column.need("values")?.numbers()?.iter().map(f64::to_string).collect())
}
