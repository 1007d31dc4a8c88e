//! The baseline of a Cox regression: the hazard that has cumulated up to a row's time, in the row's stratum.

use super::fields::Fields;
use super::xml::Element;
use crate::Error;
use crate::graph::Step;
use crate::linear::{Expression, Function, Interval};

/// Attributes of a model of this kind. A prediction needs the end of the time alone.
pub(super) const ATTRIBUTES: &[&str] =
    &["endTimeVariable", "startTimeVariable", "subjectIDVariable", "statusVariable", "baselineStrataVariable"];

/// Children of a model of this kind. Which events count was asked in training.
pub(super) const PARTS: [&str; 2] = ["EventValues", "BaseCumHazardTables"];

/// Most strata: for a row each is looked up.
const STRATA_MAX: usize = 64;

/// The slot of the baseline's cumulative hazard. It is missing beyond the last time that the table is for, and in a
/// stratum that the document does not have.
pub(super) fn baseline(model: &Element, fields: &mut Fields) -> Result<usize, Error> {
    let time = fields.number(model.need("endTimeVariable")?, model)?;
    let tables = model.child("BaseCumHazardTables")?.ok_or_else(|| model.invalid("BaseCumHazardTables is missing"))?;
    let hazard = match model.get("baselineStrataVariable") {
        None => {
            tables.only(&["maxTime"], &["BaselineCell"])?;
            hazard(tables, time)?
        }
        Some(name) => {
            tables.only(&[], &["BaselineStratum"])?;
            let field = fields.find(name, model)?;
            let strata: Vec<&Element> = tables.parts().collect();
            if strata.len() > STRATA_MAX {
                return Err(tables.unsupported(format!("more than {STRATA_MAX} strata")));
            }
            let mut all = Expression::Constant(f64::NAN);
            for stratum in strata.into_iter().rev() {
                stratum.only(&["value", "label", "maxTime"], &["BaselineCell"])?;
                let symbol = fields.literal(field, stratum.need("value")?, stratum)?;
                let arguments = vec![Expression::Is { field: field.at, symbol }, hazard(stratum, time)?, all];
                all = Expression::Apply { function: Function::If, arguments, missing: None };
            }
            all
        }
    };
    let slot = fields.slots(1);
    fields.steps.push(Step::Derive(slot, hazard));
    Ok(slot)
}

/// The hazard of the last time of the table that is not above the row's; 0 before the first.
fn hazard(table: &Element, time: usize) -> Result<Expression, Error> {
    let most = table.parse_number(table.need("maxTime")?, "maxTime")?;
    let mut bins: Vec<(Interval, f64)> = Vec::new();
    let (mut from, mut reached) = (f64::NEG_INFINITY, 0.0);
    for cell in table.all("BaselineCell") {
        cell.only(&["time", "cumHazard"], &[])?;
        let at = cell.parse_number(cell.need("time")?, "time")?;
        let cumulated = cell.parse_number(cell.need("cumHazard")?, "cumHazard")?;
        if at <= from || at > most {
            return Err(cell.invalid("time is not above the one before, or above maxTime"));
        }
        bins.push((Interval { low: from, high: at, low_open: false, high_open: true }, reached));
        (from, reached) = (at, cumulated);
    }
    bins.push((Interval { low: from, high: most, low_open: false, high_open: false }, reached));
    Ok(Expression::Bins { field: time, bins, default: f64::NAN, missing: f64::NAN })
}
