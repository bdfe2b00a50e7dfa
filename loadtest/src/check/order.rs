//! Did all subscribers see the messages of all publishers in one and the same order?
//!
//! A check of each publisher's own order passes when a server lets publishers bypass its ordering;
//! this one does not. Subscribers of a thread are held against a common list as messages arrive,
//! lists of threads against each other at the end, and each subscriber has a running hash that
//! depends on the order.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Id {
    pub(crate) publisher: u32,
    /// Its number among those of its publisher.
    pub(crate) seq: u32,
}

/// The order seen by the subscribers of one thread. On its way to another process it leaves behind
/// what is only needed to see more.
#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    publishers: usize,
    /// The k-th message, as the first subscriber that got so far saw it.
    common: Vec<Id>,
    /// Place in `common` by publisher and number.
    #[serde(skip)]
    places: Vec<Vec<u32>>,
    /// How far into `common` each subscriber is.
    #[serde(skip)]
    at: Vec<u32>,
    hashes: Vec<u64>,
    misordered: u64,
    first: Option<Misorder>,
}

/// A place where a subscriber left the common order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Misorder {
    /// Number of its thread, or of its agent.
    pub(crate) thread: usize,
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
            publishers,
            common: Vec::new(),
            places: vec![Vec::new(); publishers],
            at: vec![0; subscribers],
            hashes: vec![0; subscribers],
            misordered: 0,
            first: None,
        }
    }

    /// Whether all of its messages are of its publishers, which are some of so many.
    pub(crate) fn is_of(&self, publishers: usize) -> bool {
        let mut ids = self.common.iter();
        self.publishers <= publishers && ids.all(|id| (id.publisher as usize) < self.publishers)
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
                    thread: 0,
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
    /// One place where it happened.
    pub(crate) first: Option<Misorder>,
}

/// Puts the orders of threads, or of agents, side by side: one order with all their subscribers.
pub(crate) fn merge(orders: Vec<Order>) -> Order {
    let publishers = orders.iter().map(|order| order.publishers);
    let publishers = publishers.max().unwrap_or(0);
    let mut all = Order::new(0, publishers);
    let mut hashes = Vec::new();
    let (mut misordered, mut first) = (0, None);
    for (thread, order) in orders.into_iter().enumerate() {
        misordered += order.misordered;
        let told = |at: Misorder| Misorder { thread, ..at };
        let within = order.first.map(told);
        first = first.or(within);
        hashes.extend(order.hashes);
        // One more that has had what this thread holds for the order.
        all.at.push(0);
        all.hashes.push(0);
        let subscriber = u32::try_from(all.at.len() - 1).unwrap_or(NOWHERE);
        for id in order.common {
            all.see(subscriber, id);
        }
        misordered += std::mem::take(&mut all.misordered);
        let between = all.first.take().map(told);
        first = first.or(between);
    }
    Order {
        hashes,
        misordered,
        first,
        ..all
    }
}

/// Compares the threads with each other and all subscribers by their hashes.
pub(crate) fn compare(orders: Vec<Order>) -> Verdict {
    let all = merge(orders);
    let mut sequences: HashMap<u64, u64> = HashMap::new();
    for hash in &all.hashes {
        *sequences.entry(*hash).or_default() += 1;
    }
    let most = sequences.values().max().copied().unwrap_or(0);
    Verdict {
        misordered: all.misordered,
        subscribers_off: all.hashes.len() as u64 - most,
        first: all.first,
    }
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
        let first = compare(vec![thread(&[A, A, B])]).first.unwrap();
        assert_eq!((first.thread, first.subscriber), (0, 2));
        assert_eq!(first.got, id((0, 0)));
    }

    #[test]
    fn orders_of_other_processes_are_compared_as_if_they_were_of_one() {
        let sent = |threads: Vec<Order>| -> Order {
            let text = serde_json::to_vec(&merge(threads)).unwrap();
            serde_json::from_slice(&text).unwrap()
        };
        for (agents, expected) in [
            (
                vec![vec![thread(&[A, A])], vec![thread(&[A]), thread(&[A])]],
                (0, 0),
            ),
            (vec![vec![thread(&[A, A])], vec![thread(&[B])]], (1, 1)),
            (
                vec![vec![thread(&[A, A])], vec![thread(&[A]), thread(&[B])]],
                (1, 1),
            ),
        ] {
            let verdict = compare(agents.into_iter().map(sent).collect());
            assert_eq!((verdict.misordered, verdict.subscribers_off), expected);
        }
    }

    #[test]
    fn an_order_with_a_publisher_that_it_does_not_have_is_of_no_run() {
        let mut order = thread(&[A]);
        assert!(order.is_of(2) && order.is_of(3) && !order.is_of(1));
        order.common.push(id((2, 0)));
        assert!(!order.is_of(3));
    }

    #[test]
    fn orders_of_fewer_publishers_are_merged() {
        let few = Order::new(1, 1);
        assert_eq!(compare(vec![few, thread(&[A])]).misordered, 0);
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
