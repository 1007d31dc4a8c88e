//! The masks of a block with their plans and counts.

use super::super::mask::Mask;
use super::super::plan::Plan;

/// A mask, how its values are read, and how many there are.
#[derive(Debug)]
pub(super) struct PlanEntry {
    pub(super) mask: Mask,
    pub(super) plan: Plan,
    /// Values, nulls apart.
    pub(super) count: u64,
    /// Of those, the ones that are no day though the plan is for days.
    pub(super) invalid: u64,
    /// The sum of the digits of its numbers, read without sign and point.
    pub(super) mantissas: u128,
}

const TAG: u64 = 0xffff_ffff_0000_0000;

/// A bounded number of masks, found by their hash; cleared for each block.
#[derive(Debug)]
pub(super) struct Plans {
    entries: Vec<PlanEntry>,
    /// The upper half of a hash above the place of its entry plus one, 0 for a free slot.
    slots: Vec<u64>,
    masks_max: usize,
}

impl Plans {
    pub(super) fn new(masks_max: usize) -> Self {
        Self { entries: Vec::new(), slots: vec![0; (masks_max * 4).next_power_of_two()], masks_max }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.slots.fill(0);
    }

    pub(super) fn entries(&self) -> &[PlanEntry] {
        &self.entries
    }

    /// The entry of a mask; nothing when there is none and no room for it.
    #[inline(always)]
    pub(super) fn entry(&mut self, mask: Mask) -> Option<&mut PlanEntry> {
        let last = self.slots.len() - 1;
        let hash = mask.mixed();
        let tag = hash & TAG;
        let mut at = hash as usize & last;
        loop {
            match *self.slots.get(at)? {
                0 => break,
                slot if slot & TAG == tag => {
                    let place = (slot & !TAG) as usize - 1;
                    if self.entries.get(place).is_some_and(|entry| entry.mask == mask) {
                        return self.entries.get_mut(place);
                    }
                }
                _ => {}
            }
            at = (at + 1) & last;
        }
        self.insert(at, tag, mask)
    }

    #[inline(never)]
    fn insert(&mut self, at: usize, tag: u64, mask: Mask) -> Option<&mut PlanEntry> {
        if self.entries.len() >= self.masks_max {
            return None;
        }
        self.entries.push(PlanEntry { plan: Plan::of(&mask), mask, count: 0, invalid: 0, mantissas: 0 });
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = tag | self.entries.len() as u64;
        }
        self.entries.last_mut()
    }
}
