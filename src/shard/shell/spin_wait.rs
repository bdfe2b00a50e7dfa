//! Polling for mail a moment longer before sleeping, when an answer is due at once.
//!
//! A message over a topic whose home is another shard wakes that shard, and comes back from it. A
//! shard that sleeps meanwhile is woken a second time, which takes some 20 us. A shard that has
//! just sent mail to a home therefore polls for as long as that usually takes. It may spend only a
//! small share of its time on that, so an idle server stays idle.

use std::hint;
use std::time::{Duration, Instant};

use crate::limits::{SPIN_WAIT_CREDIT_MAX, SPIN_WAIT_MAX, SPIN_WAIT_SHARE};
use crate::mesh::Doorbell;

/// How much time for polling a shard has left.
#[derive(Debug)]
pub(crate) struct SpinWait {
    /// Whether the home can run meanwhile: there is a core for each shard.
    is_worthwhile: bool,
    credit: Duration,
    /// When the credit was reckoned last.
    reckoned: Duration,
}

impl SpinWait {
    pub(crate) fn new(is_worthwhile: bool) -> Self {
        Self {
            is_worthwhile,
            credit: Duration::ZERO,
            reckoned: Duration::ZERO,
        }
    }

    /// Looks out for a ring; `true` if there was one. The time counts from `start`.
    pub(crate) fn look(&mut self, doorbell: &Doorbell, start: Instant) -> bool {
        if !self.is_worthwhile {
            return false;
        }
        let begun = start.elapsed();
        let earned = begun.saturating_sub(self.reckoned) / SPIN_WAIT_SHARE;
        self.credit = (self.credit + earned).min(SPIN_WAIT_CREDIT_MAX);
        let until = begun + self.credit.min(SPIN_WAIT_MAX);
        let (mut now, mut is_rung) = (begun, false);
        while now < until && !is_rung {
            for _ in 0..LOOKS_PER_CLOCK {
                hint::spin_loop();
                is_rung |= doorbell.is_rung();
            }
            now = start.elapsed();
        }
        self.credit = self.credit.saturating_sub(now - begun);
        self.reckoned = now;
        is_rung
    }
}

/// Looks between two readings of the clock: well below a microsecond.
const LOOKS_PER_CLOCK: usize = 8;
