//! What a turn may do: work, in nominal nanoseconds, and each phase has a share of its own.
//!
//! Nothing here looks at a clock. Costs are those of `limits`, measured once; a host that is slower
//! has longer turns, and not other ones.

use crate::limits::{WORK_PER_PART, WORK_PER_SHARE};

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// Mail from the homes of topics.
    FromHome,
    /// Mail to the homes of topics on this shard.
    ToHome,
    /// Reading.
    Read,
    /// TLS handshakes, and what comes with their last bytes.
    Handshake,
    /// Rooms whose outputs found no room.
    Rooms,
    /// Connections that were paused.
    Resumed,
    /// Deadlines and ticks.
    Time,
    /// Connections that end.
    Ends,
}

const SHARES: usize = Share::Ends as usize + 1;

/// What is left to do in a turn.
#[derive(Debug)]
pub(super) struct Work {
    share: Share,
    /// By share. Less than nothing: the last piece was longer than what was left.
    left: [isize; SHARES],
    /// Of the connection that is read.
    part: isize,
    per_share: isize,
    per_part: isize,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            share: Share::Read,
            left: [WORK_PER_SHARE; SHARES],
            part: isize::MAX,
            per_share: WORK_PER_SHARE,
            per_part: WORK_PER_PART,
        }
    }
}

impl Work {
    /// A turn begins. A share that went over its own has so much less.
    pub(super) fn begin_turn(&mut self) {
        for left in &mut self.left {
            *left = left.saturating_add(self.per_share).min(self.per_share);
        }
        self.part = isize::MAX;
    }

    /// What follows is done by this share.
    pub(super) fn enter(&mut self, share: Share) {
        self.share = share;
        self.part = isize::MAX;
    }

    /// What follows is done for one connection, which has its part of the share; if it is `alone`,
    /// all that is left.
    pub(super) fn begin_part(&mut self, alone: bool) {
        self.part = if alone { isize::MAX } else { self.per_part };
    }

    /// So much has been done.
    #[inline]
    pub(super) fn charge(&mut self, cost: usize) {
        let cost = isize::try_from(cost).unwrap_or(isize::MAX);
        let left = &mut self.left[self.share as usize];
        *left = left.saturating_sub(cost);
        self.part = self.part.saturating_sub(cost);
    }

    /// Whether the share is used up.
    #[inline]
    pub(super) fn is_spent(&self) -> bool {
        self.left[self.share as usize] <= 0
    }

    /// Whether the share is used up, or the part that one connection has of it.
    #[inline]
    pub(super) fn is_part_spent(&self) -> bool {
        self.part <= 0 || self.is_spent()
    }

    /// Whether a share that offers again what found no time has done twice as much as it may.
    pub(super) fn is_overdrawn(&self) -> bool {
        let is_final = matches!(self.share, Share::Time | Share::Ends);
        !is_final && self.left[self.share as usize] <= -self.per_share
    }

    /// Whether no more is left than is kept for those who had their part.
    pub(super) fn is_mostly_spent(&self) -> bool {
        self.left[self.share as usize] <= self.per_share / 4
    }

    /// Has each share do no more than this in a turn, and each connection no more than its part.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn limit(&mut self, per_share: usize, per_part: usize) {
        self.per_share = isize::try_from(per_share).unwrap_or(isize::MAX);
        self.per_part = isize::try_from(per_part).unwrap_or(isize::MAX);
        self.left = [self.per_share; SHARES];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work() -> Work {
        let mut work = Work::default();
        work.limit(100, 30);
        work
    }

    #[test]
    fn what_one_share_does_is_not_taken_from_another() {
        let mut work = work();
        work.enter(Share::FromHome);
        work.charge(100);
        assert!(work.is_spent());
        work.enter(Share::ToHome);
        assert!(!work.is_spent());
        work.enter(Share::FromHome);
        assert!(work.is_spent());
    }

    #[test]
    fn a_long_piece_is_paid_for_in_the_turns_that_follow() {
        let mut work = work();
        work.charge(250);
        let spent: Vec<bool> = (0..3)
            .map(|_| {
                work.begin_turn();
                work.is_spent()
            })
            .collect();
        assert_eq!(spent, [true, false, false]);
        work.charge(51);
        work.begin_turn();
        work.charge(99);
        assert!(!work.is_spent(), "and what was not used is not kept");
    }

    #[test]
    fn one_connection_has_its_part_and_all_of_it_if_it_is_alone() {
        let mut work = work();
        work.begin_part(false);
        work.charge(30);
        assert!(work.is_part_spent());
        work.begin_part(true);
        assert!(!work.is_part_spent());
        work.charge(69);
        assert!(!work.is_part_spent());
        work.charge(1);
        assert!(work.is_part_spent());
    }
}
