//! Timing: how long messages are on their way from their place in the order to the sockets of a
//! feed's subscribers.
//!
//! Passes are timed and not messages: one pass may carry several, and the oldest of them counts.

use crate::limits::PASSES_TIMED_PER_TURN;
use crate::time::Micros;
use crate::topic::fanout::Fanout;
use crate::topic::fanout::feed::Feed;

/// The moments of a feed's passes.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::topic::fanout) struct Timing {
    /// When the oldest message was ordered that the next pass has to send.
    next: Option<Micros>,
    /// The pass under way, if it has messages to send.
    pass: Option<PassTime>,
}

/// When a pass began, and how old its messages were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PassTime {
    /// When the oldest of its messages was ordered.
    pub(crate) ordered_at: Micros,
    /// When the turn began in which it sent the first.
    pub(crate) begun_at: Micros,
}

/// The passes that have ended in this turn.
#[derive(Debug, Default)]
pub(in crate::topic::fanout) struct Timings {
    /// When the turn began.
    turn: Micros,
    /// Passes with the same moments are one entry, with their number.
    ended: Vec<(PassTime, u64)>,
}

impl Timings {
    #[inline]
    fn note(&mut self, pass: PassTime) {
        if let Some((last, count)) = self.ended.last_mut()
            && *last == pass
        {
            *count += 1;
        } else if self.ended.len() < PASSES_TIMED_PER_TURN {
            self.ended.push((pass, 1));
        }
    }
}

impl Fanout {
    /// A turn begins at this moment.
    pub(crate) fn begin_turn(&mut self, at: Micros) {
        self.timings.turn = at;
    }

    /// The moment at which the turn began.
    pub(crate) fn turn(&self) -> Micros {
        self.timings.turn
    }

    /// The passes that have ended since the last call, and how many had the same times.
    pub(crate) fn take_passes(&mut self) -> impl Iterator<Item = (PassTime, u64)> {
        self.timings.ended.drain(..)
    }
}

impl Feed {
    /// A message that was ordered at this moment is in the log.
    #[inline]
    pub(in crate::topic::fanout) fn note_ordered(&mut self, at: Micros) {
        self.timing.next.get_or_insert(at);
    }

    /// A pass begins.
    #[inline]
    pub(in crate::topic::fanout) fn time_pass(&mut self, begun_at: Micros) {
        let next = self.timing.next.take();
        self.timing.pass = next.map(|ordered_at| PassTime {
            ordered_at,
            begun_at,
        });
    }

    /// The pass has visited all members.
    #[inline]
    pub(in crate::topic::fanout) fn end_timing(&mut self, timings: &mut Timings) {
        if let Some(pass) = self.timing.pass.take() {
            timings.note(pass);
        }
    }
}
