//! Scorecards: points of characteristics, added up, with reason codes.
//!
//! A characteristic gives the points of its first attribute whose predicate is true; a row none of whose attributes is
//! true has no score. Points belong to the input that the characteristic reads first. Reason codes are ranked by the
//! difference of a characteristic's points from its baseline; characteristics with the same code count together.

use crate::Features;
use crate::graph::{Predicate, Prepared};
use crate::linear::{Expression, Finish};

#[derive(Debug)]
pub(crate) struct Scorecard {
    pub prepared: Prepared,
    pub initial: f64,
    pub characteristics: Vec<Characteristic>,
    /// For each characteristic the input its points belong to; nothing makes them part of the base.
    pub owners: Vec<Option<usize>>,
    pub reasons: Option<Reasons>,
    pub finish: Finish,
}

/// How reason codes are ranked.
#[derive(Debug, Clone)]
pub(crate) struct Reasons {
    pub order: Order,
    /// All codes, in the order of the file.
    pub codes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Points above the baseline come first.
    PointsAbove,
    /// Points below the baseline come first.
    PointsBelow,
}

#[derive(Debug)]
pub(crate) struct Characteristic {
    pub baseline: f64,
    pub attributes: Vec<Attribute>,
}

#[derive(Debug)]
pub(crate) struct Attribute {
    pub predicate: Predicate,
    pub points: Expression,
    /// Place in [`Reasons::codes`]; 0 without reasons.
    pub code: usize,
}

impl Characteristic {
    /// The points of every row, where the first attribute is true of all and its points are a number.
    pub(crate) fn constant(&self) -> Option<f64> {
        match self.attributes.first() {
            Some(Attribute { predicate: Predicate::True, points: Expression::Constant(points), .. }) => Some(*points),
            _ => None,
        }
    }
}

impl Scorecard {
    /// The initial score, with the points of characteristics that read no input.
    pub(crate) fn base(&self) -> f64 {
        let unowned = self.characteristics.iter().zip(&self.owners).filter(|(_, owner)| owner.is_none());
        unowned.fold(self.initial, |sum, (characteristic, _)| sum + characteristic.constant().unwrap_or(0.0))
    }

    pub(crate) fn attributes(&self) -> usize {
        self.characteristics.iter().map(|characteristic| characteristic.attributes.len()).sum()
    }

    /// Call `each` with a row's number and, for each characteristic, its attribute and points; with nothing where the
    /// row has no score.
    fn rows(&self, features: &Features, mut each: impl FnMut(usize, Option<&[(usize, f64)]>)) {
        let mut found = Vec::new();
        self.prepared.rows(features, |at, fields| {
            let all = fields.is_some_and(|fields| points(&self.characteristics, fields, &mut found));
            each(at, all.then_some(&found));
        });
    }

    /// The sum of the points (one per row).
    pub(crate) fn score(&self, features: &Features, raw: &mut [f64]) {
        self.rows(features, |row, points| {
            raw[row] = points.map_or(f64::NAN, |points| points.iter().fold(self.initial, |sum, (_, more)| sum + more));
        });
    }

    /// Call `each` with the contributions (one per input) of one row after the other.
    pub(crate) fn explain(&self, features: &Features, mut each: impl FnMut(&[f64])) {
        let mut cells = vec![0.0; self.prepared.inputs.len()];
        self.rows(features, |_, points| {
            cells.fill(if points.is_some() { 0.0 } else { f64::NAN });
            for ((_, points), owner) in points.unwrap_or_default().iter().zip(&self.owners) {
                if let Some(input) = owner {
                    cells[*input] += points;
                }
            }
            each(&cells);
        });
    }

    /// For each row the codes, the most important first; none where the row has no score.
    pub(crate) fn reasons(&self, features: &Features) -> Option<Vec<Vec<u32>>> {
        let reasons = self.reasons.as_ref()?;
        let mut all = Vec::new();
        self.rows(features, |_, points| all.push(reasons.order(&self.characteristics, points.unwrap_or_default())));
        Some(all)
    }
}

/// For each characteristic of a row its attribute and points into `found`; false where one has none.
pub(crate) fn points(characteristics: &[Characteristic], fields: &[f64], found: &mut Vec<(usize, f64)>) -> bool {
    found.clear();
    for characteristic in characteristics {
        let mut attributes = characteristic.attributes.iter();
        let at = attributes.position(|attribute| attribute.predicate.test(fields) == Some(true));
        found.extend(at.map(|at| (at, characteristic.attributes[at].points.value(fields))));
    }
    found.len() == characteristics.len()
}

impl Reasons {
    /// The codes of a row's points, the most important first.
    pub(crate) fn order(&self, characteristics: &[Characteristic], points: &[(usize, f64)]) -> Vec<u32> {
        let mut differences: Vec<Option<f64>> = vec![None; self.codes.len()];
        let mut order = Vec::new();
        for ((attribute, points), characteristic) in points.iter().zip(characteristics) {
            let above = points - characteristic.baseline;
            let difference = if self.order == Order::PointsAbove { above } else { -above };
            let code = characteristic.attributes[*attribute].code;
            if differences[code].is_none() {
                order.push(code as u32);
            }
            differences[code] = Some(differences[code].unwrap_or(0.0) + difference);
        }
        let difference = |code: &u32| differences[*code as usize].unwrap_or(f64::NEG_INFINITY);
        // Equal ones stay in the order of the file.
        order.sort_by(|a, b| difference(b).total_cmp(&difference(a)));
        order
    }
}
