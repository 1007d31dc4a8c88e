//! Constraints on values that have an order.

use super::Violation;
use crate::dictionary::{Constraints, Literal, Value};

/// Bounds and members for values of one type. Something that cannot be compared, such as NaN, breaks every bound.
#[derive(Debug, Clone)]
pub(super) struct Bounds<T> {
    unbounded: bool,
    minimum: Option<T>,
    maximum: Option<T>,
    exclusive_minimum: Option<T>,
    exclusive_maximum: Option<T>,
    members: Option<Vec<T>>,
}

impl<T: Copy + PartialOrd> Bounds<T> {
    /// The bounds among `constraints`, each turned into the column's type by `pick`.
    pub(super) fn new(constraints: &Constraints, pick: impl Fn(&Value) -> Option<T>) -> Self {
        let one = |literal: &Option<Literal>| literal.as_ref().and_then(|literal| pick(&literal.value));
        let members = |list: &Vec<Literal>| list.iter().filter_map(|literal| pick(&literal.value)).collect::<Vec<_>>();
        let bounds = Self {
            unbounded: false,
            minimum: one(&constraints.minimum),
            maximum: one(&constraints.maximum),
            exclusive_minimum: one(&constraints.exclusive_minimum),
            exclusive_maximum: one(&constraints.exclusive_maximum),
            members: constraints.enumeration.as_ref().map(members),
        };
        Self { unbounded: bounds.has_none(), ..bounds }
    }

    fn has_none(&self) -> bool {
        let bound = self.minimum.or(self.maximum).or(self.exclusive_minimum).or(self.exclusive_maximum);
        bound.is_none() && self.members.is_none()
    }

    /// The value, when it keeps to all bounds.
    #[inline]
    pub(super) fn check(&self, value: T) -> Result<T, Violation> {
        if self.unbounded { Ok(value) } else { self.check_each(value) }
    }

    fn check_each(&self, value: T) -> Result<T, Violation> {
        if self.minimum.is_some_and(|bound| !matches_order(value >= bound)) {
            return Err(Violation::Minimum);
        }
        if self.maximum.is_some_and(|bound| !matches_order(value <= bound)) {
            return Err(Violation::Maximum);
        }
        if self.exclusive_minimum.is_some_and(|bound| !matches_order(value > bound)) {
            return Err(Violation::ExclusiveMinimum);
        }
        if self.exclusive_maximum.is_some_and(|bound| !matches_order(value < bound)) {
            return Err(Violation::ExclusiveMaximum);
        }
        match &self.members {
            Some(members) if !members.contains(&value) => Err(Violation::Enumeration),
            _ => Ok(value),
        }
    }
}

/// Keeps `!(a >= b)` from being rewritten as `a < b`: they differ for NaN.
#[inline]
fn matches_order(holds: bool) -> bool {
    holds
}
