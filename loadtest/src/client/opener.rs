//! Which connection to open next: a window of attempts under way, and bounded retries.
//!
//! The window keeps the server's accept queue from running over, listen(2): a client that opens
//! everything at once measures the retransmission of SYNs.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use crate::clock::{MILLISECOND, SECOND};

pub(crate) struct Opener {
    habits: Habits,
    /// First connection that was never tried.
    next: usize,
    /// When the attempts under way began.
    under_way: HashMap<usize, u64>,
    /// Attempts in the order they began; those that ended are skipped when found.
    attempts: VecDeque<(usize, u64)>,
    /// Those that are to be tried again, and when, the earliest first.
    again: BinaryHeap<Reverse<(u64, usize)>>,
    /// Tries of those that failed since they were last live.
    failed: HashMap<usize, u16>,
}

/// How insistently connections are opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    pub(crate) window: usize,
    /// Tries of one connection until it is given up.
    pub(crate) tries_max: u16,
}

/// Attempts under way per thread, where nothing else is asked for.
pub(crate) const WINDOW: usize = 256;

impl Default for Habits {
    fn default() -> Self {
        Self {
            window: WINDOW,
            tries_max: 3,
        }
    }
}

/// A try that takes longer is given up.
const TRY_NS: u64 = 10 * SECOND;
/// A failed connection rests this long before it is tried again.
const RETRY_AFTER_NS: u64 = 100 * MILLISECOND;

impl Opener {
    pub(crate) fn new(habits: Habits) -> Self {
        Self {
            habits,
            next: 0,
            under_way: HashMap::new(),
            attempts: VecDeque::new(),
            again: BinaryHeap::new(),
            failed: HashMap::new(),
        }
    }

    /// The next connection to try, one of the first `up_to`.
    pub(crate) fn start(&mut self, up_to: usize, now: u64) -> Option<usize> {
        if self.under_way.len() >= self.habits.window {
            return None;
        }
        let conn = match self.again.peek() {
            Some(Reverse((at, _))) if *at <= now => self.again.pop()?.0.1,
            _ if self.next < up_to => {
                self.next += 1;
                self.next - 1
            }
            _ => return None,
        };
        self.under_way.insert(conn, now);
        self.attempts.push_back((conn, now));
        Some(conn)
    }

    /// A connection became live; returns how long that took.
    pub(crate) fn succeeded(&mut self, conn: usize, now: u64) -> u64 {
        if !self.failed.is_empty() {
            self.failed.remove(&conn);
        }
        let began = self.under_way.remove(&conn).unwrap_or(now);
        now.saturating_sub(began)
    }

    /// A try failed; says whether there will be another.
    pub(crate) fn failed(&mut self, conn: usize, now: u64) -> bool {
        self.under_way.remove(&conn);
        let tries = self.failed.entry(conn).or_default();
        *tries += 1;
        let again = *tries < self.habits.tries_max;
        if again {
            self.open_again(conn, now + RETRY_AFTER_NS);
        }
        again
    }

    /// A connection that is over is to be opened again at this time.
    pub(crate) fn open_again(&mut self, conn: usize, at: u64) {
        self.again.push(Reverse((at, conn)));
    }

    /// A connection whose try has taken too long.
    pub(crate) fn overdue(&mut self, now: u64) -> Option<usize> {
        while let Some((conn, began)) = self.attempts.front().copied() {
            let is_under_way = self.under_way.get(&conn) == Some(&began);
            if is_under_way && now < began + TRY_NS {
                return None;
            }
            self.attempts.pop_front();
            if is_under_way {
                return Some(conn);
            }
        }
        None
    }

    /// Whether connections are being opened or about to be.
    pub(crate) fn is_busy(&self) -> bool {
        !self.under_way.is_empty() || !self.again.is_empty()
    }

    /// When the next connection is to be opened again, if the window has space for it.
    pub(crate) fn next_at(&self) -> Option<u64> {
        let has_space = self.under_way.len() < self.habits.window;
        let next = self.again.peek().filter(|_| has_space);
        next.map(|Reverse((at, _))| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opener() -> Opener {
        Opener::new(Habits::default())
    }

    #[test]
    fn no_more_than_the_window_is_under_way() {
        let mut opener = opener();
        let started = (0..1000).filter_map(|_| opener.start(1000, 0)).count();
        assert_eq!(started, WINDOW);
        assert_eq!(opener.succeeded(7, 30), 30, "since it began");
        assert_eq!(opener.start(1000, 0), Some(WINDOW));
        assert_eq!(opener.start(1000, 0), None);
    }

    #[test]
    fn a_failed_connection_is_tried_again_later_and_not_for_ever() {
        let (mut opener, mut now) = (opener(), 0);
        for has_another in [true, true, false] {
            assert_eq!(opener.start(1, now), Some(0));
            assert_eq!(opener.failed(0, now), has_another);
            assert_eq!(opener.start(1, now), None, "not at once");
            now += RETRY_AFTER_NS;
        }
        assert_eq!(opener.start(1, now), None);
        assert!(!opener.is_busy());
    }

    #[test]
    fn a_connection_that_was_live_again_has_all_its_tries_again() {
        let mut opener = opener();
        for now in [0, 2 * RETRY_AFTER_NS] {
            assert_eq!(opener.start(1, now), Some(0));
            assert!(opener.failed(0, now));
        }
        assert_eq!(opener.start(1, SECOND), Some(0));
        opener.succeeded(0, SECOND);
        opener.open_again(0, SECOND);
        assert_eq!(opener.start(1, SECOND), Some(0));
        assert!(opener.failed(0, SECOND));
    }

    #[test]
    fn a_try_that_takes_too_long_is_overdue_once() {
        let mut opener = opener();
        assert_eq!([opener.start(2, 0), opener.start(2, 0)], [Some(0), Some(1)]);
        opener.succeeded(0, 1);
        let overdue = [TRY_NS - 1, TRY_NS, TRY_NS].map(|now| opener.overdue(now));
        assert_eq!(overdue, [None, Some(1), None]);
    }

    #[test]
    fn connections_come_back_in_the_order_of_their_times() {
        let mut opener = opener();
        opener.open_again(4, 20);
        opener.open_again(5, 10);
        assert_eq!(opener.next_at(), Some(10));
        let started = [9, 20, 20, 20].map(|now| opener.start(0, now));
        assert_eq!(started, [None, Some(5), Some(4), None]);
    }
}
