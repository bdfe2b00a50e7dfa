//! Which connections leave and come back, and when: all at once, or some in every second.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::check::message::mix;
use crate::client::Place;
use crate::client::control::load;
use crate::client::outbox::{Leave, Outbox};
use crate::clock::{SECOND, nanos};

/// Shared by the threads of a crew and their leader. By default, no connection ever leaves.
#[derive(Debug, Default)]
pub(crate) struct Churn {
    /// Connections of the whole crew that leave in a second and come back, once it has begun.
    pub(crate) per_second: f64,
    /// How they leave; without it half of them are cut and half close.
    pub(crate) how: Option<Leave>,
    /// Seconds over which those that left together come back, each at a random time.
    pub(crate) jitter_s: f64,
    /// When the leaving in every second began; zero while there is none.
    pub(crate) since_ns: AtomicU64,
    /// How often all were to leave, and to come back.
    pub(crate) leavings: AtomicU32,
    pub(crate) returns: AtomicU32,
    /// Connections that are live and not about to leave.
    pub(crate) here: AtomicU64,
    /// Threads that know that the leaving in every second is over.
    pub(crate) quiet: AtomicU64,
}

/// The connections of one thread that leave and come back.
pub(super) struct Leaver {
    place: Place,
    here: Vec<bool>,
    /// How many of them are, and how many were when it was last told.
    present: u64,
    told: u64,
    leavings: u32,
    returns: u32,
    /// Connections that have left one by one.
    gone: u64,
    since_ns: u64,
}

impl Leaver {
    pub(super) fn new(conns: usize, place: Place) -> Self {
        Self {
            place,
            here: vec![false; conns],
            present: 0,
            told: 0,
            leavings: 0,
            returns: 0,
            gone: 0,
            since_ns: 0,
        }
    }

    pub(super) fn is_here(&mut self, index: usize) {
        self.present += u64::from(!self.here[index]);
        self.here[index] = true;
    }

    /// A connection is live no more, or about to leave.
    pub(super) fn is_gone(&mut self, index: usize) {
        self.present -= u64::from(self.here[index]);
        self.here[index] = false;
    }

    /// A connection has left as it wished. One that left alone comes back at once.
    pub(super) fn has_left(&mut self, index: usize, churn: &Churn, now: u64, out: &mut Outbox) {
        self.is_gone(index);
        if churn.per_second > 0.0 {
            out.come_back(index, now);
        }
    }

    /// Lets those leave and return whose time has come; returns when the next is to leave.
    pub(super) fn turn(&mut self, churn: &Churn, now: u64, out: &mut Outbox) -> Option<u64> {
        let leavings = churn.leavings.load(Ordering::Acquire);
        if leavings != self.leavings {
            self.leavings = leavings;
            let how = churn.how.unwrap_or(Leave::Cut);
            (0..self.here.len()).for_each(|index| out.leave(index, how));
        }
        let returns = churn.returns.load(Ordering::Acquire);
        if returns != self.returns {
            self.returns = returns;
            for index in 0..self.here.len() {
                let seed = u64::from(returns) << 40 | self.place.number(index) as u64;
                let share = mix(seed) as f64 / u64::MAX as f64;
                out.come_back(index, now + nanos(share * churn.jitter_s));
            }
        }
        let since = load(&churn.since_ns);
        let is_over = since == 0 && self.since_ns != 0;
        if since != self.since_ns {
            (self.since_ns, self.gone) = (since, 0);
        }
        let next = self.leave_one_by_one(churn, now, out);
        if self.present != self.told {
            let more = self.present.wrapping_sub(self.told);
            churn.here.fetch_add(more, Ordering::AcqRel);
            self.told = self.present;
        }
        if is_over {
            churn.quiet.fetch_add(1, Ordering::AcqRel);
        }
        next
    }

    fn leave_one_by_one(&mut self, churn: &Churn, now: u64, out: &mut Outbox) -> Option<u64> {
        if self.since_ns == 0 || self.here.is_empty() {
            return None;
        }
        let Place { thread, threads } = self.place;
        let every_ns = SECOND as f64 * threads as f64 / churn.per_second;
        loop {
            // Threads take turns.
            let turn = self.gone as f64 + thread as f64 / threads as f64;
            let due = self.since_ns + nanos(turn * every_ns / SECOND as f64);
            if due > now {
                return Some(due);
            }
            // In an order that is no order, each in its turn.
            let index = usize::try_from(mix(self.gone)).unwrap_or(0) % self.here.len();
            let how = match churn.how {
                None if self.gone.is_multiple_of(2) => Leave::Close,
                how => how.unwrap_or(Leave::Cut),
            };
            self.gone += 1;
            if self.here[index] {
                self.is_gone(index);
                out.leave(index, how);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::outbox::Wish;

    fn wishes(leaver: &mut Leaver, churn: &Churn, now: u64) -> Vec<Wish> {
        let mut out = Outbox::default();
        leaver.turn(churn, now, &mut out);
        std::iter::from_fn(|| out.take_wish()).collect()
    }

    #[test]
    fn all_leave_once_and_return_once_when_they_are_told() {
        let churn = Churn {
            how: Some(Leave::Close),
            jitter_s: 2.0,
            ..Churn::default()
        };
        let mut leaver = Leaver::new(3, Place::of(0, 1));
        assert_eq!(wishes(&mut leaver, &churn, 5), []);
        churn.leavings.store(1, Ordering::Release);
        let all = [0, 1, 2].map(|index| Wish::Leave(index, Leave::Close));
        assert_eq!(wishes(&mut leaver, &churn, 5), all);
        assert_eq!(wishes(&mut leaver, &churn, 6), []);
        churn.returns.store(1, Ordering::Release);
        let returning = wishes(&mut leaver, &churn, SECOND);
        assert_eq!(returning.len(), 3);
        let is_due = |wish| matches!(wish, Wish::Return(_, SECOND..=3_000_000_000));
        assert!(returning.into_iter().all(is_due));
    }

    #[test]
    fn as_many_leave_in_a_second_as_asked_for() {
        let churn = Churn {
            per_second: 10.0,
            ..Churn::default()
        };
        churn.since_ns.store(SECOND, Ordering::Release);
        let left = [0, 1].map(|thread| {
            let mut leaver = Leaver::new(1000, Place::of(thread, 2));
            (0..1000).for_each(|index| leaver.is_here(index));
            wishes(&mut leaver, &churn, 4 * SECOND - 1).len()
        });
        assert_eq!(left.iter().sum::<usize>(), 30);
    }
}
