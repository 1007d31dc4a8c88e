//! Sets of places: the place of a row is its number among the rows of its file, counted from 0.

/// Places of one page.
const PAGE_PLACES: u64 = 1 << 16;
const PAGE_WORDS: usize = (PAGE_PLACES / 64) as usize;

/// A set of places. Memory: one bit for each place of the pages of 65,536 places that hold any.
#[derive(Debug, Clone, Default)]
pub struct PlaceSet {
    pages: Vec<Option<Box<[u64; PAGE_WORDS]>>>,
}

impl PlaceSet {
    /// Adds a place.
    pub fn insert(&mut self, place: u64) {
        let page = (place / PAGE_PLACES) as usize;
        if self.pages.len() <= page {
            self.pages.resize_with(page + 1, || None);
        }
        let words = self.pages[page].get_or_insert_with(|| Box::new([0; PAGE_WORDS]));
        words[(place % PAGE_PLACES / 64) as usize] |= 1 << (place % 64);
    }

    /// Whether the place is in it.
    #[inline]
    pub fn contains(&self, place: u64) -> bool {
        match self.pages.get((place / PAGE_PLACES) as usize) {
            Some(Some(words)) => words[(place % PAGE_PLACES / 64) as usize] >> (place % 64) & 1 == 1,
            _ => false,
        }
    }

    /// Number of places.
    pub fn len(&self) -> u64 {
        let ones = |words: &[u64; PAGE_WORDS]| words.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        self.pages.iter().flatten().map(|words| ones(words)).sum()
    }

    /// Whether it holds no place.
    pub fn is_empty(&self) -> bool {
        self.pages.iter().all(Option::is_none)
    }

    /// The places, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        let pages = (0u64..).zip(&self.pages).filter_map(|(page, words)| Some((page, words.as_ref()?)));
        pages.flat_map(|(page, words)| {
            let words = (0u64..).zip(words.iter()).filter(|(_, word)| **word != 0);
            words.flat_map(move |(at, word)| {
                (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| page * PAGE_PLACES + at * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn holds_what_was_put_in(places in prop::collection::btree_set(0u64..300_000, 0..50)) {
            let mut set = PlaceSet::default();
            places.iter().rev().for_each(|place| set.insert(*place));
            prop_assert_eq!(set.iter().collect::<BTreeSet<_>>(), places.clone());
            prop_assert_eq!(set.len(), places.len() as u64);
            prop_assert_eq!(set.is_empty(), places.is_empty());
            prop_assert!(places.iter().all(|place| set.contains(*place)));
            prop_assert!(!set.contains(299_999) || places.contains(&299_999));
            prop_assert!(!set.contains(1 << 40));
        }
    }
}
