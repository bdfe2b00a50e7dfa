//! What a connection keeps after its last word, until its client has it.

use crate::limits::{
    LINGER_BYTES_PER_STEP, LINGER_MOMENT, LINGER_SILENCE, LINGER_STEP, LINGER_TIME,
};
use crate::time::{Now, Stamp};

/// What a connection keeps after its last word. Its [`Conn`](crate::shard::core::conn::Conn)'s
/// `heard` is when its client last sent something, or its host confirmed something.
#[derive(Debug)]
pub(crate) struct Linger {
    /// When the last word was sent.
    since: Stamp,
    /// When the step began that is now.
    step: Stamp,
    /// Bytes discarded in it.
    bytes: usize,
    /// Bytes that the client's host had not confirmed when the socket was asked last.
    unsent: usize,
    /// When that was less than before.
    confirmed: Stamp,
}

impl Linger {
    /// The last word is out.
    pub(crate) fn new(now: Stamp) -> Self {
        Self {
            since: now,
            step: now,
            bytes: 0,
            unsent: usize::MAX,
            confirmed: now,
        }
    }

    /// When the next step begins: the socket is to be asked what its client has.
    pub(crate) fn next_step(&self) -> Now {
        self.step.moment().plus(LINGER_STEP)
    }

    /// A step begins.
    pub(crate) fn begin_step(&mut self, now: Stamp) {
        self.step = now;
        self.bytes = 0;
    }

    /// Counts bytes that were discarded; `true` if nothing more is to be read in this step.
    pub(crate) fn discard(&mut self, len: usize) -> bool {
        self.bytes = self.bytes.saturating_add(len);
        LINGER_BYTES_PER_STEP <= self.bytes
    }

    /// Notes how much the client's host has not confirmed; `true` if that is less than before.
    pub(crate) fn note_unsent(&mut self, unsent: usize, now: Stamp) -> bool {
        let before = std::mem::replace(&mut self.unsent, unsent);
        let is_less = unsent < before && before != usize::MAX;
        if is_less {
            self.confirmed = now;
        }
        is_less
    }

    /// Whether the client has had time enough: all was confirmed and it said nothing for a
    /// moment, or nothing was confirmed and nothing said for a while, or it takes too long. A
    /// server that drains does not wait for clients that have all and send on.
    pub(crate) fn is_over(&self, now: Now, heard: Stamp, drains: bool) -> bool {
        let heard = heard.max(self.since).moment();
        let silent = if self.unsent != 0 {
            heard.plus(LINGER_SILENCE)
        } else if drains {
            self.confirmed.moment().plus(LINGER_MOMENT)
        } else {
            heard.plus(LINGER_MOMENT)
        };
        silent <= now || self.since.moment().plus(LINGER_TIME) <= now
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: Now = Now::from_millis(640_000);

    #[test]
    fn a_client_that_has_all_and_is_silent_has_a_moment() {
        let mut linger = Linger::new(START.stamp());
        let heard = START.stamp();
        linger.note_unsent(0, heard);
        let now = START.plus(LINGER_MOMENT);
        let before = START.plus(LINGER_MOMENT - Duration::from_millis(1));
        assert!(!linger.is_over(before, heard, false));
        assert!(linger.is_over(now, heard, false));
        // What it still says counts anew.
        assert!(!linger.is_over(now, now.stamp(), false));
    }

    #[test]
    fn in_a_drain_what_a_client_says_that_has_all_counts_for_nothing() {
        let mut linger = Linger::new(START.stamp());
        linger.note_unsent(1, START.stamp());
        let late = START.plus(2 * LINGER_MOMENT);
        assert!(!linger.is_over(late, late.stamp(), true));
        assert!(linger.note_unsent(0, late.stamp()));
        assert!(!linger.is_over(late, late.stamp(), true), "it reads");
        let now = late.plus(LINGER_MOMENT);
        assert!(linger.is_over(now, now.stamp(), true));
    }

    #[test]
    fn a_client_that_takes_bytes_has_longer_but_not_for_ever() {
        let mut linger = Linger::new(START.stamp());
        assert!(
            !linger.note_unsent(1000, START.stamp()),
            "nothing was known before"
        );
        assert!(linger.note_unsent(999, START.stamp()));
        assert!(!linger.note_unsent(999, START.stamp()));
        assert!(!linger.is_over(START.plus(LINGER_MOMENT), START.stamp(), false));
        assert!(linger.is_over(START.plus(LINGER_SILENCE), START.stamp(), false));
        let late = START.plus(LINGER_TIME);
        assert!(linger.is_over(late, late.stamp(), false));
    }

    #[test]
    fn a_step_has_its_share_of_bytes() {
        let mut linger = Linger::new(START.stamp());
        assert!(!linger.discard(LINGER_BYTES_PER_STEP - 1));
        assert!(linger.discard(1));
        linger.begin_step(linger.next_step().stamp());
        assert!(!linger.discard(1));
    }
}
