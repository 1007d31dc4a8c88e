//! Whether values come in an order, part by part.

/// What is known of the order of a run of values. Merging is by concatenation: associative, not commutative.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order<T> {
    /// The first and the last value; `None` when there is none.
    pub(crate) ends: Option<(T, T)>,
    /// Each value is at least the one before.
    pub(crate) ascending: bool,
    /// Each value is at most the one before.
    pub(crate) descending: bool,
}

impl<T> Default for Order<T> {
    fn default() -> Self {
        Self { ends: None, ascending: true, descending: true }
    }
}

impl<T: PartialOrd + Clone> Order<T> {
    /// Adds the next value.
    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        match &mut self.ends {
            None => self.ends = Some((value.clone(), value)),
            Some((_, last)) => {
                self.ascending &= *last <= value;
                self.descending &= *last >= value;
                *last = value;
            }
        }
    }

    /// Adds the next values.
    pub(crate) fn extend(&mut self, values: impl DoubleEndedIterator<Item = T>) {
        let mut values = values;
        while let Some(value) = values.next() {
            self.push(value);
            if self.ascending || self.descending {
                continue;
            }
            // Nothing but the last one matters any more.
            if let (Some(last), Some((_, end))) = (values.next_back(), &mut self.ends) {
                *end = last;
            }
            return;
        }
    }

    /// Adds the values that come after these.
    pub(crate) fn append(&mut self, next: &Self) {
        let Some((first, last)) = &next.ends else { return };
        match &mut self.ends {
            None => *self = next.clone(),
            Some((_, before)) => {
                self.ascending &= next.ascending && *before <= *first;
                self.descending &= next.descending && *before >= *first;
                *before = last.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(values: &[u8]) -> Order<u8> {
        let mut order = Order::default();
        values.iter().for_each(|&value| order.push(value));
        order
    }

    proptest! {
        #[test]
        fn appending_is_as_pushing_all(
            a in prop::collection::vec(0_u8..3, 0..4), b in prop::collection::vec(0_u8..3, 0..4)
        ) {
            let whole = [a.clone(), b.clone()].concat();
            let mut extended = order(&a);
            extended.extend(b.iter().copied());
            prop_assert_eq!(&extended, &order(&whole));
            let mut appended = order(&a);
            appended.append(&order(&b));
            prop_assert_eq!(&appended, &order(&whole));
            prop_assert_eq!(appended.ascending, whole.is_sorted());
            prop_assert_eq!(appended.descending, whole.is_sorted_by(|x, y| x >= y));
        }
    }
}
