//! Did all subscribers see the messages of all publishers in one and the same order?
//!
//! A check of each publisher's own order passes when a server lets publishers bypass its ordering;
//! this one does not. Subscribers of a thread are held against a common list as messages arrive,
//! lists of threads against each other at the end, and each subscriber has a running hash that
//! depends on the order.

use std::collections::HashMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    pub(crate) publisher: u32,
    /// Its number among those of its publisher.
    pub(crate) seq: u32,
}

/// The order seen by the subscribers of one thread.
pub(crate) struct Order {
    /// The k-th message, as the first subscriber that got so far saw it.
    common: Vec<Id>,
    /// Place in `common` by publisher and number.
    places: Vec<Vec<u32>>,
    /// How far into `common` each subscriber is.
    at: Vec<u32>,
    hashes: Vec<u64>,
    misordered: u64,
    first: Option<Misorder>,
}

/// A place where a subscriber left the common order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misorder {
    /// Number of the subscriber in its thread.
    pub(crate) subscriber: u32,
    /// Place in the common order, from 0.
    pub(crate) place: u32,
    pub(crate) expected: Id,
    pub(crate) got: Id,
}

/// Messages of the common order that are kept: 8 MB per thread. Beyond, the hashes alone tell.
const COMMON_MAX: usize = 1 << 20;
const NOWHERE: u32 = u32::MAX;

impl Order {
    pub(crate) fn new(subscribers: usize, publishers: usize) -> Self {
        Self {
            common: Vec::new(),
            places: vec![Vec::new(); publishers],
            at: vec![0; subscribers],
            hashes: vec![0; subscribers],
            misordered: 0,
            first: None,
        }
    }

    /// A subscriber got a message it had not got before.
    #[inline]
    pub(crate) fn see(&mut self, subscriber: u32, id: Id) {
        let index = subscriber as usize;
        self.hashes[index] = mix(self.hashes[index], id);
        let at = self.at[index];
        if self.common.get(at as usize) == Some(&id) {
            self.at[index] = at + 1;
        } else {
            self.at[index] = self.step(subscriber, at, id);
        }
    }

    /// Where a subscriber at `at` stands after a message that is not the one expected there.
    fn step(&mut self, subscriber: u32, at: u32, id: Id) -> u32 {
        let place = self.place(id);
        match self.common.get(at as usize) {
            None if place == NOWHERE => {
                self.append(id);
                at + 1
            }
            // It skipped some, which counts as lost if they never come and as misordered if so.
            Some(_) if place != NOWHERE && place > at => place + 1,
            expected => {
                let expected = expected
                    .or_else(|| self.common.last())
                    .copied()
                    .unwrap_or(id);
                self.misordered += 1;
                self.first.get_or_insert(Misorder {
                    subscriber,
                    place: at,
                    expected,
                    got: id,
                });
                at
            }
        }
    }

    fn place(&self, id: Id) -> u32 {
        let places = self.places.get(id.publisher as usize);
        places
            .and_then(|places| places.get(id.seq as usize))
            .copied()
            .unwrap_or(NOWHERE)
    }

    fn append(&mut self, id: Id) {
        let Ok(place) = u32::try_from(self.common.len()) else {
            return;
        };
        let seq = id.seq as usize;
        if self.common.len() >= COMMON_MAX || seq >= COMMON_MAX {
            return;
        }
        self.common.push(id);
        let places = &mut self.places[id.publisher as usize];
        if places.len() <= seq {
            places.resize(seq + 1, NOWHERE);
        }
        places[seq] = place;
    }
}

/// The orders of all threads, put side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Deliveries that came at another place than in the common order.
    pub(crate) misordered: u64,
    /// Subscribers whose whole sequence differs from that of most.
    pub(crate) subscribers_off: u64,
    /// One place where it happened, with the number of the thread.
    pub(crate) first: Option<(usize, Misorder)>,
}

/// Compares the threads with each other and all subscribers by their hashes.
pub(crate) fn compare(orders: Vec<Order>) -> Verdict {
    let mut verdict = Verdict::default();
    let mut sequences: HashMap<u64, u64> = HashMap::new();
    let mut reference: Option<Order> = None;
    for (thread, mut order) in orders.into_iter().enumerate() {
        verdict.misordered += order.misordered;
        if let Some(misorder) = order.first {
            verdict.first.get_or_insert((thread, misorder));
        }
        for hash in &order.hashes {
            *sequences.entry(*hash).or_default() += 1;
        }
        let Some(reference) = &mut reference else {
            order.misordered = 0;
            order.first = None;
            reference = Some(order);
            continue;
        };
        reference.at.push(0);
        reference.hashes.push(0);
        let subscriber = u32::try_from(reference.at.len() - 1).unwrap_or(NOWHERE);
        for id in order.common {
            reference.see(subscriber, id);
        }
        verdict.misordered += std::mem::take(&mut reference.misordered);
        if let Some(misorder) = reference.first.take() {
            verdict.first.get_or_insert((thread, misorder));
        }
    }
    let all: u64 = sequences.values().sum();
    verdict.subscribers_off = all - sequences.values().max().copied().unwrap_or(0);
    verdict
}

#[inline]
fn mix(hash: u64, id: Id) -> u64 {
    let id = u64::from(id.publisher) << 32 | u64::from(id.seq);
    (hash.rotate_left(5) ^ (id + 1)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: (u32, u32)) -> Id {
        Id {
            publisher: name.0,
            seq: name.1,
        }
    }

    /// One thread whose subscribers receive these, subscriber after subscriber.
    fn thread(sequences: &[&[(u32, u32)]]) -> Order {
        let mut order = Order::new(sequences.len(), 2);
        for (subscriber, sequence) in (0..).zip(sequences) {
            for name in *sequence {
                order.see(subscriber, id(*name));
            }
        }
        order
    }

    const A: &[(u32, u32)] = &[(0, 0), (1, 0), (0, 1), (1, 1)];
    /// Each publisher's own order is kept.
    const B: &[(u32, u32)] = &[(1, 0), (0, 0), (0, 1), (1, 1)];

    #[test]
    fn orders_that_differ_are_found_in_a_thread_and_between_threads() {
        for (threads, expected) in [
            (vec![thread(&[A, A]), thread(&[A])], (0, 0)),
            (vec![thread(&[B, B])], (0, 0)),
            (vec![thread(&[A, A, B])], (1, 1)),
            // Each thread is of one mind.
            (vec![thread(&[A, A]), thread(&[B])], (1, 1)),
            // Messages that are missing do not shift the rest.
            (vec![thread(&[A, &[(0, 0), (0, 1), (1, 1)]])], (0, 1)),
        ] {
            let verdict = compare(threads);
            assert_eq!((verdict.misordered, verdict.subscribers_off), expected);
        }
        let (thread, first) = compare(vec![thread(&[A, A, B])]).first.unwrap();
        assert_eq!((thread, first.subscriber, first.got), (0, 2, id((0, 0))));
    }

    #[test]
    fn interleaved_arrivals_are_compared_as_well() {
        let mut order = Order::new(3, 2);
        for (subscriber, name) in [
            (0, (0, 0)),
            (1, (0, 0)),
            (1, (1, 0)),
            (2, (1, 0)),
            (0, (1, 0)),
            (2, (0, 0)),
        ] {
            order.see(subscriber, id(name));
        }
        let verdict = compare(vec![order]);
        assert_eq!((verdict.misordered, verdict.subscribers_off), (1, 1));
    }
}
