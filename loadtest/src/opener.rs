//! Which connection to open next: a window of attempts under way, and bounded retries.
//!
//! The window keeps the server's accept queue from running over, listen(2): a client that opens
//! everything at once measures the retransmission of SYNs.

use std::collections::{HashMap, VecDeque};

use crate::clock::{MILLISECOND, SECOND};

/// The attempts of one thread.
#[derive(Debug, Default)]
pub(crate) struct Opener {
    /// First connection that was never tried.
    next: usize,
    under_way: usize,
    /// Attempts in the order they began; those that ended are skipped when found.
    deadlines: VecDeque<Attempt>,
    retries: VecDeque<(usize, u64)>,
    /// Tries of those that failed before.
    failed: HashMap<usize, u8>,
}

#[derive(Debug)]
struct Attempt {
    conn: usize,
    number: u8,
    deadline: u64,
}

/// Attempts under way per thread.
const WINDOW: usize = 256;
/// Tries of one connection.
const TRIES_MAX: u8 = 3;
/// A try that takes longer is given up.
const TRY_NS: u64 = 10 * SECOND;
/// A failed connection rests this long before it is tried again.
const RETRY_AFTER_NS: u64 = 100 * MILLISECOND;

impl Opener {
    /// The next connection to try, one of the first `up_to`.
    pub(crate) fn start(&mut self, up_to: usize, now: u64) -> Option<usize> {
        if self.under_way >= WINDOW {
            return None;
        }
        let conn = match self.retries.front() {
            Some((_, at)) if *at <= now => self.retries.pop_front()?.0,
            _ if self.next < up_to => {
                self.next += 1;
                self.next - 1
            }
            _ => return None,
        };
        self.under_way += 1;
        let number = self.tries(conn);
        self.deadlines.push_back(Attempt {
            conn,
            number,
            deadline: now + TRY_NS,
        });
        Some(conn)
    }

    /// A connection became live.
    pub(crate) fn succeeded(&mut self) {
        self.under_way -= 1;
    }

    /// A try failed; says whether there will be another.
    pub(crate) fn failed(&mut self, conn: usize, now: u64) -> bool {
        self.under_way -= 1;
        let tries = self.failed.entry(conn).or_default();
        *tries += 1;
        let again = *tries < TRIES_MAX;
        if again {
            self.retries.push_back((conn, now + RETRY_AFTER_NS));
        }
        again
    }

    /// A connection whose try has taken too long, among those that `is_under_way`.
    pub(crate) fn overdue(
        &mut self,
        now: u64,
        is_under_way: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        while let Some(attempt) = self.deadlines.front() {
            let stale = attempt.number != self.tries(attempt.conn) || !is_under_way(attempt.conn);
            if !stale && attempt.deadline > now {
                return None;
            }
            let conn = attempt.conn;
            self.deadlines.pop_front();
            if !stale {
                return Some(conn);
            }
        }
        None
    }

    /// Whether time alone may bring something to do.
    pub(crate) fn is_busy(&self) -> bool {
        self.under_way > 0 || !self.retries.is_empty()
    }

    fn tries(&self, conn: usize) -> u8 {
        self.failed.get(&conn).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_window_is_under_way() {
        let mut opener = Opener::default();
        let started = (0..1000).filter_map(|_| opener.start(1000, 0)).count();
        assert_eq!(started, WINDOW);
        opener.succeeded();
        assert_eq!(opener.start(1000, 0), Some(WINDOW));
        assert_eq!(opener.start(1000, 0), None);
    }

    #[test]
    fn a_failed_connection_is_tried_again_later_and_not_for_ever() {
        let mut opener = Opener::default();
        let mut now = 0;
        for tries in 1..=TRIES_MAX {
            assert_eq!(opener.start(1, now), Some(0));
            assert_eq!(opener.failed(0, now), tries < TRIES_MAX);
            assert_eq!(opener.start(1, now), None, "not at once");
            now += RETRY_AFTER_NS;
        }
        assert_eq!(opener.start(1, now), None);
        assert!(!opener.is_busy());
    }

    #[test]
    fn a_try_that_takes_too_long_is_overdue_once() {
        let mut opener = Opener::default();
        opener.start(2, 0);
        opener.start(2, 0);
        assert_eq!(opener.overdue(TRY_NS - 1, |_| true), None);
        assert_eq!(opener.overdue(TRY_NS, |conn| conn == 1), Some(1));
        assert_eq!(opener.overdue(TRY_NS, |_| true), None);
    }
}
