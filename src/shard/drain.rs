//! Draining: the server goes, and its clients are told one after the other.

use std::time::Duration;

use crate::close_reason::CloseReason;
use crate::conn::http::Phase;
use crate::conn::{BLOCKED, CLOSING, CORKED, DEAD, Proto};
use crate::limits::{DRAIN_ALL_AT_ONCE, DRAIN_CLOSES_PER_SECOND, DRAIN_GRACE, DRAIN_WINDOW_MIN};
use crate::shard::inner::Inner;
use crate::time::Now;

/// A drain under way.
#[derive(Debug)]
pub(super) struct Drain {
    /// When the first connection may be closed.
    start: Now,
    /// Over how long the closes are spread, so that not all clients come back at once.
    window: Duration,
    total: usize,
    closed: usize,
    /// Where in the slab to look next.
    next: usize,
}

impl<D, A> Inner<D, A> {
    /// Begins to close every connection; returns at once.
    pub(super) fn begin_drain(&mut self) {
        if self.drain.is_some() {
            return;
        }
        let total = self.conns.len();
        let window = if total < DRAIN_ALL_AT_ONCE {
            Duration::ZERO
        } else {
            DRAIN_WINDOW_MIN.max(Duration::from_secs(
                (total / DRAIN_CLOSES_PER_SECOND) as u64,
            ))
        };
        let start = self.now.plus(DRAIN_GRACE);
        self.drain = Some(Drain {
            start,
            window,
            total,
            closed: 0,
            next: 0,
        });
    }

    /// Closes the connections whose turn it is and that have had everything; late, all others.
    pub(super) fn go_on_draining(&mut self) {
        let Some(mut drain) = self.drain.take() else {
            return;
        };
        let elapsed = self.now.since(drain.start);
        let late = drain.window + self.config.drain_timeout < elapsed;
        let due = if drain.start <= self.now {
            drain.due(elapsed)
        } else {
            0
        };
        let slots = self.conns.capacity();
        for _ in 0..slots {
            if due <= drain.closed {
                break;
            }
            let key = drain.next;
            drain.next = (drain.next + 1) % slots;
            let conn = self.conns.get(key);
            let waits = conn.is_some_and(|conn| !conn.is(CLOSING | DEAD));
            // Nothing was promised to it yet.
            let corked = conn.is_some_and(|conn| conn.is(CORKED));
            // It may take its answer for as long as it takes some of it.
            let takes_answer = conn.is_some_and(|conn| {
                let is_sending = conn.outbox_len() != 0 || conn.is(BLOCKED);
                !conn.is(DEAD) && matches!(conn.proto, Proto::Http(_)) && is_sending
            });
            let key = crate::id::key32(key);
            if late && (waits || takes_answer) {
                self.kill(key, CloseReason::Shutdown);
            } else if waits && !self.is_asked(key) && (corked || !self.has_tail(key)) {
                self.close(key, CloseReason::Shutdown);
                drain.closed += 1;
            }
        }
        self.drain = Some(drain);
    }

    /// Whether a request was accepted that is to be answered: its own deadlines end that, and the
    /// answer closes.
    fn is_asked(&mut self, key: u32) -> bool {
        let phase = self.http(key).map(|http| http.phase);
        matches!(phase, Some(Phase::Body | Phase::Handler))
    }

    /// When the drain goes on.
    pub(super) fn drain_deadline(&self) -> Option<Now> {
        self.drain
            .as_ref()
            .map(|drain| drain.start.max(self.now.plus(DRAIN_STEP)))
    }
}

impl Drain {
    /// How many connections should have been closed by now.
    fn due(&self, elapsed: Duration) -> usize {
        if self.window <= elapsed {
            return usize::MAX;
        }
        let share = elapsed.as_secs_f64() / self.window.as_secs_f64();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share between 0 and 1 of a count of connections"
        )]
        let due = (self.total as f64 * share) as usize;
        due
    }
}

/// How often a drain goes on.
const DRAIN_STEP: Duration = Duration::from_millis(50);
