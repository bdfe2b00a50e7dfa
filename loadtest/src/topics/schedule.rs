//! Which message goes where and when, and how many are to arrive.

use crate::clock::nanos;
use crate::message::mix;
use crate::topics::cli::{Pick, TopicsArgs};

/// The messages of a run.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    pub(super) topics: u32,
    /// Of each topic.
    pub(super) publishers: u32,
    pub(super) messages: u32,
    conns: u32,
    pick: Pick,
    seed: u64,
    rate: f64,
}

impl Schedule {
    /// As it was asked for.
    pub(super) fn new(args: &TopicsArgs) -> Self {
        Self {
            topics: args.topics,
            publishers: args.publishers,
            messages: args.messages,
            conns: args.connections,
            pick: args.pick,
            seed: args.seed,
            rate: args.rate,
        }
    }

    /// One message a second, to so many topics in turn.
    #[cfg(test)]
    pub(super) fn of_topics(topics: u32, messages: u32) -> Self {
        Self {
            topics,
            publishers: 1,
            messages,
            conns: topics,
            pick: Pick::InTurn,
            seed: 0,
            rate: 1.0,
        }
    }

    /// The topic and the publisher of a message.
    #[inline]
    pub(super) fn place(&self, number: u32) -> (u32, u32) {
        match self.pick {
            Pick::InTurn => (number % self.topics, number / self.topics % self.publishers),
            Pick::Random => {
                let [a, b, c, d, e, f, g, h] =
                    mix(mix(self.seed) ^ u64::from(number)).to_le_bytes();
                let below = |bytes, bound| u32::from_le_bytes(bytes) % bound;
                (
                    below([a, b, c, d], self.topics),
                    below([e, f, g, h], self.publishers),
                )
            }
        }
    }

    /// Nanoseconds after the start at which a message is due.
    pub(super) fn due(&self, number: u32) -> u64 {
        nanos(f64::from(number) / self.rate)
    }

    /// Subscribers of a topic, to which they are dealt out in turn.
    pub(super) fn subscribers(&self, topic: u32) -> u32 {
        self.conns / self.topics + u32::from(topic < self.conns % self.topics)
    }

    /// Deliveries of all messages.
    pub(super) fn deliveries(&self) -> u64 {
        (0..self.messages)
            .map(|number| u64::from(self.subscribers(self.place(number).0)))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(pick: Pick, seed: u64) -> Schedule {
        Schedule {
            topics: 3,
            publishers: 2,
            messages: 600,
            conns: 7,
            pick,
            seed,
            rate: 10.0,
        }
    }

    #[test]
    fn in_turn_each_publisher_goes_over_all_topics() {
        let schedule = schedule(Pick::InTurn, 0);
        let places: Vec<_> = (0..7).map(|number| schedule.place(number)).collect();
        let expected = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 0)];
        assert_eq!(places, expected);
        assert_eq!(
            [0, 1, 2].map(|topic| schedule.subscribers(topic)),
            [3, 2, 2]
        );
        assert_eq!(schedule.deliveries(), 200 * 7);
        assert_eq!(schedule.due(5), 500_000_000);
    }

    #[test]
    fn a_seed_gives_the_same_topics_again() {
        let places = |seed| {
            let schedule = schedule(Pick::Random, seed);
            (0..600)
                .map(|number| schedule.place(number))
                .collect::<Vec<_>>()
        };
        assert_eq!(places(1), places(1));
        assert_ne!(places(1), places(2));
        for topic in 0..3 {
            let count = places(1).iter().filter(|place| place.0 == topic).count();
            assert!(
                (150..250).contains(&count),
                "{count} of 600 to topic {topic}"
            );
        }
    }
}
