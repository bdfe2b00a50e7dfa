//! What a turn may do: work, in nominal nanoseconds, and each phase has a share of its own.
//!
//! Nothing here looks at a clock. Costs are those of `limits`, measured once; a host that is slower
//! has longer turns, and not other ones.

use crate::limits::{
    BYTES_PER_WORK, COMPRESSION_PER_SHARE, COMPRESSION_PER_TURN, READ_BYTES, READ_BYTES_MIN,
    WORK_PER_FIRST_PART, WORK_PER_PART, WORK_PER_SHARE,
};

/// What the work is done for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// Mail from the homes of topics.
    FromHome,
    /// Mail to the homes of topics on this shard.
    ToHome,
    /// Reading.
    Read,
    /// Reading what is left of clients that have gone, with all their subscriptions.
    Leaving,
    /// Requests whose body came in this turn.
    Bodies,
    /// Requests with bodies that waited.
    WaitingBodies,
    /// Credentials of clients that were not identified yet.
    Verification,
    /// TLS handshakes, and what comes with their last bytes.
    Handshake,
    /// Rooms: what is staged for them, and outputs that found no space.
    Rooms,
    /// Questions about clients of topics whose home is here.
    Questions,
    /// Commands for users whose home is here.
    Commands,
    /// What is to be done with connections of users.
    Orders,
    /// Compressed messages that waited.
    Inflate,
    /// Connections that are accepted.
    Accept,
    /// Connections that were paused.
    Resumed,
    /// Deadlines and ticks.
    Time,
    /// Connections that are written each by itself.
    Writes,
    /// Connections that end.
    Ends,
}

impl Share {
    /// The account that pays for compressing: a body's message that of the bytes it came with.
    fn of_compression(self) -> usize {
        let share = match self {
            Self::Bodies => Self::Read,
            Self::WaitingBodies | Self::Verification => Self::Resumed,
            share => share,
        };
        share as usize
    }

    /// Whether what finds no time now is not tried again.
    fn is_final(self) -> bool {
        matches!(self, Self::Time | Self::Ends)
    }
}

const SHARES: usize = Share::Ends as usize + 1;
/// Replies are compressed in whichever share they are made, by an account of their own.
const REPLIES: usize = SHARES;

/// What is left to do in a turn.
#[derive(Debug)]
pub(crate) struct Work {
    share: Share,
    /// By share. Less than nothing: the last piece was longer than what was left.
    left: [isize; SHARES],
    /// Of the connection that is read.
    part: isize,
    per_share: isize,
    per_part: isize,
    /// What compressing may still take: by share and replies, and of the turn.
    compression: [isize; SHARES + 1],
    compression_left: isize,
    compression_per_share: isize,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            share: Share::Read,
            left: [WORK_PER_SHARE; SHARES],
            part: isize::MAX,
            per_share: WORK_PER_SHARE,
            per_part: WORK_PER_PART,
            compression: [COMPRESSION_PER_SHARE; SHARES + 1],
            compression_left: COMPRESSION_PER_TURN,
            compression_per_share: COMPRESSION_PER_SHARE,
        }
    }
}

impl Work {
    /// A turn begins. A share that went over its own has so much less.
    pub(crate) fn begin_turn(&mut self) {
        for left in &mut self.left {
            *left = left.saturating_add(self.per_share).min(self.per_share);
        }
        let per_share = self.compression_per_share;
        for left in &mut self.compression {
            *left = left.saturating_add(per_share).min(per_share);
        }
        for share in [Share::Time, Share::Ends] {
            self.compression[share as usize] = per_share;
        }
        self.compression_left = COMPRESSION_PER_TURN;
        self.enter(Share::Read);
    }

    /// What follows is done by this share.
    pub(crate) fn enter(&mut self, share: Share) {
        self.share = share;
        self.part = isize::MAX;
    }

    /// What follows is done by this share in the midst of another, which is returned.
    pub(crate) fn swap(&mut self, share: Share) -> Share {
        std::mem::replace(&mut self.share, share)
    }

    /// What follows is done for one connection, which has its part of the share; if it is `alone`,
    /// all that is left.
    pub(crate) fn begin_part(&mut self, alone: bool) {
        self.part = if alone { isize::MAX } else { self.per_part };
    }

    /// The same for a connection that was idle, when as many others wait as well: the more there
    /// are, the shorter is the part, so that the last of them has its own soon.
    pub(crate) fn begin_first_part(&mut self, others: usize) {
        let others = isize::try_from(others).unwrap_or(isize::MAX);
        let equal = self.per_share / others.max(1);
        self.part = equal.max(WORK_PER_FIRST_PART).min(self.per_part);
    }

    /// How many bytes to read at once for the connection in hand: not many more than its part is
    /// for, of which half goes into taking them from the socket.
    pub(crate) fn read_len(&self) -> usize {
        if self.per_part <= self.part {
            return READ_BYTES;
        }
        let part = usize::try_from(self.part).unwrap_or_default();
        (part / 2 * BYTES_PER_WORK).clamp(READ_BYTES_MIN, READ_BYTES)
    }

    /// So much has been done.
    #[inline]
    pub(crate) fn charge(&mut self, cost: usize) {
        let cost = isize::try_from(cost).unwrap_or(isize::MAX);
        let left = &mut self.left[self.share as usize];
        *left = left.saturating_sub(cost);
        self.part = self.part.saturating_sub(cost);
    }

    /// The share of requests with bodies that goes with the share in hand.
    pub(crate) fn share_of_bodies(&self) -> Share {
        match self.share {
            Share::Resumed | Share::WaitingBodies => Share::WaitingBodies,
            _ => Share::Bodies,
        }
    }

    /// Whether what is done now is done by this share.
    pub(crate) fn is_in(&self, share: Share) -> bool {
        self.share == share
    }

    /// Whether a share is used up that is not the one in hand.
    pub(crate) fn is_used_up(&self, share: Share) -> bool {
        self.left[share as usize] <= 0
    }

    /// Whether the share is used up.
    #[inline]
    pub(crate) fn is_spent(&self) -> bool {
        self.left[self.share as usize] <= 0
    }

    /// Whether the share is used up, or the part that one connection has of it.
    #[inline]
    pub(crate) fn is_part_spent(&self) -> bool {
        self.part <= 0 || self.is_spent()
    }

    /// Whether a share that offers again what found no time has done twice as much as it may.
    pub(crate) fn is_overdrawn(&self) -> bool {
        !self.share.is_final() && self.left[self.share as usize] <= -self.per_share
    }

    /// Whether no more is left than is kept for connections that had their part.
    pub(crate) fn is_mostly_spent(&self) -> bool {
        self.left[self.share as usize] <= self.per_share / 4
    }

    /// Whether the share has time to compress a message.
    pub(crate) fn has_time_to_compress(&self) -> bool {
        let has_turn = 0 < self.compression_left || self.share.is_final();
        0 < self.compression[self.share.of_compression()] && has_turn
    }

    /// Whether there is time to compress a reply.
    pub(crate) fn has_time_for_reply(&self) -> bool {
        0 < self.compression[REPLIES] && 0 < self.compression_left
    }

    /// Compressing a message has taken this.
    pub(crate) fn charge_compression(&mut self, cost: usize) {
        self.charge_compression_to(self.share.of_compression(), cost);
    }

    /// Compressing a reply has taken this.
    pub(crate) fn charge_reply(&mut self, cost: usize) {
        self.charge_compression_to(REPLIES, cost);
    }

    fn charge_compression_to(&mut self, account: usize, cost: usize) {
        let cost = isize::try_from(cost).unwrap_or(isize::MAX);
        for left in [&mut self.compression[account], &mut self.compression_left] {
            *left = left.saturating_sub(cost);
        }
    }

    /// Has each share take no more than this in a turn to compress.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn limit_compression(&mut self, per_share: usize) {
        self.compression_per_share = isize::try_from(per_share).unwrap_or(isize::MAX);
        self.compression = [self.compression_per_share; SHARES + 1];
    }

    /// Has each share do no more than this in a turn, and each connection no more than its part.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn limit(&mut self, per_share: usize, per_part: usize) {
        self.per_share = isize::try_from(per_share).unwrap_or(isize::MAX);
        self.per_part = isize::try_from(per_part).unwrap_or(isize::MAX);
        self.left = [self.per_share; SHARES];
    }
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
