//! Epochs of topics: one that has no ring has an epoch as well, which is found again without being
//! kept, until a position is lost that may have been the topic's.

use std::hash::BuildHasher;

use crate::position::{Epoch, Position};
use crate::topic::{HashKey, Topic};

/// The epochs of topics without a ring.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    seed: HashKey,
    /// How many positions were lost, of topics in each of some groups; none while it is empty. A
    /// group has all its topics in new epochs when one of them is lost.
    lost: Vec<u32>,
}

impl Epochs {
    /// Where a topic without a ring stands.
    pub(super) fn start_of(&self, topic: &Topic) -> Position {
        let lost = self.lost.get(group_of(topic)).copied().unwrap_or_default();
        let epoch = Epoch::new(self.seed.hash_one((topic.hash(), lost)));
        Position { epoch, offset: 0 }
    }

    /// Notes that a topic's position is lost.
    pub(super) fn note_lost(&mut self, topic: &Topic) {
        self.lost.resize(GROUPS, 0);
        let lost = &mut self.lost[group_of(topic)];
        *lost = lost.wrapping_add(1);
    }

    /// Notes that the positions of all topics are lost.
    pub(super) fn note_all_lost(&mut self) {
        self.lost.resize(GROUPS, 0);
        for lost in &mut self.lost {
            *lost = lost.wrapping_add(1);
        }
    }
}

/// 16 KiB. The fewer, the more often has a reader of a topic that was never written to read it
/// again, although it missed nothing.
const GROUPS: usize = 4_096;

fn group_of(topic: &Topic) -> usize {
    (topic.hash() >> 32) as usize % GROUPS
}
