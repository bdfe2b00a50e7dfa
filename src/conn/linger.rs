//! What a connection keeps after its last word, until its client has it.

use crate::limits::{
    LINGER_BYTES_PER_STEP, LINGER_MOMENT, LINGER_SILENCE, LINGER_STEP, LINGER_TIME,
};
use crate::time::{Now, Stamp};

/// What a connection keeps after its last word. Its [`Conn::heard`](crate::conn::Conn) is when
/// its client last sent something, or its host confirmed something.
#[derive(Debug)]
pub struct Linger {
    /// When the last word was sent.
    since: Stamp,
    /// When the step began that is now.
    step: Stamp,
    /// Bytes discarded in it.
    bytes: usize,
    /// Bytes that the client's host had not confirmed when the socket was asked last.
    unsent: usize,
}

impl Linger {
    /// The last word is out.
    pub(crate) fn new(now: Stamp) -> Self {
        Self {
            since: now,
            step: now,
            bytes: 0,
            unsent: usize::MAX,
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
    pub(crate) fn note_unsent(&mut self, unsent: usize) -> bool {
        let before = std::mem::replace(&mut self.unsent, unsent);
        unsent < before && before != usize::MAX
    }

    /// Whether the client has had time enough: all was confirmed and it said nothing for a
    /// moment, or nothing was confirmed and nothing said for a while, or it takes too long.
    pub(crate) fn is_over(&self, now: Now, heard: Stamp) -> bool {
        let patience = if self.unsent == 0 {
            LINGER_MOMENT
        } else {
            LINGER_SILENCE
        };
        let silent = heard.max(self.since).moment().plus(patience);
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
        linger.note_unsent(0);
        assert!(!linger.is_over(START.plus(LINGER_MOMENT - Duration::from_millis(1)), heard));
        assert!(linger.is_over(START.plus(LINGER_MOMENT), heard));
        // What it still says counts anew.
        let heard = START.plus(LINGER_MOMENT).stamp();
        assert!(!linger.is_over(START.plus(LINGER_MOMENT), heard));
    }

    #[test]
    fn a_client_that_takes_bytes_has_longer_but_not_for_ever() {
        let mut linger = Linger::new(START.stamp());
        assert!(!linger.note_unsent(1000), "nothing was known before");
        assert!(linger.note_unsent(999));
        assert!(!linger.note_unsent(999));
        assert!(!linger.is_over(START.plus(LINGER_MOMENT), START.stamp()));
        assert!(linger.is_over(START.plus(LINGER_SILENCE), START.stamp()));
        let late = START.plus(LINGER_TIME);
        assert!(linger.is_over(late, late.stamp()));
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
