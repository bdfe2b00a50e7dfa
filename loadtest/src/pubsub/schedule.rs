//! Which message goes where and when, and how many are to arrive.

use crate::check::message::mix;

/// The messages of a run. Each publisher of each topic has a connection; their numbers are those of
/// the topics in order, and within a topic those of its publishers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) topics: u32,
    /// Of each topic.
    pub(crate) publishers: u32,
    /// Of all publishers together.
    pub(crate) messages: u32,
    /// Subscribers of all topics, which are dealt out to them in turn.
    pub(crate) subscribers: u32,
    pub(crate) pace: Pace,
    /// Topics and publishers are taken at random, as this seed decides; without it in turn.
    pub(crate) seed: Option<u64>,
}

/// When messages go out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// Each publisher sends when all subscribers have its message before.
    AfterAll,
    /// Each publisher is a subscriber as well, and sends when its message before has come back.
    AfterOwn,
    /// At a fixed schedule, whatever happened to those before: messages per second of all.
    Rate(f64),
    /// When the leader lets one go out.
    Told,
}

impl Schedule {
    pub(crate) fn conns(&self) -> usize {
        self.topics as usize * self.publishers as usize
    }

    /// The messages per second, where there is a schedule.
    pub(crate) fn rate(&self) -> Option<f64> {
        match self.pace {
            Pace::Rate(rate) => Some(rate),
            Pace::AfterAll | Pace::AfterOwn | Pace::Told => None,
        }
    }

    /// The topic and the publisher of a message.
    #[inline]
    pub(crate) fn place(&self, number: u32) -> (u32, u32) {
        let Some(seed) = self.seed else {
            return (number % self.topics, number / self.topics % self.publishers);
        };
        let [a, b, c, d, e, f, g, h] = mix(mix(seed) ^ u64::from(number)).to_le_bytes();
        let below = |bytes, bound| u32::from_le_bytes(bytes) % bound;
        let (topic, publisher) = ([a, b, c, d], [e, f, g, h]);
        (below(topic, self.topics), below(publisher, self.publishers))
    }

    /// Messages of a publisher without a schedule: as many as the others, and one more for the
    /// first.
    pub(crate) fn quota(&self, conn: usize) -> u32 {
        let conns = u32::try_from(self.conns()).unwrap_or(u32::MAX);
        self.messages / conns + u32::from(conn < (self.messages % conns) as usize)
    }

    pub(crate) fn subscribers_of(&self, topic: u32) -> u32 {
        let rest = self.subscribers % self.topics;
        self.subscribers / self.topics + u32::from(topic < rest)
    }

    pub(crate) fn deliveries(&self) -> u64 {
        let of = |number| u64::from(self.subscribers_of(self.place(number).0));
        match self.topics {
            1 => u64::from(self.messages) * u64::from(self.subscribers),
            _ => (0..self.messages).map(of).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(seed: Option<u64>) -> Schedule {
        Schedule {
            topics: 3,
            publishers: 2,
            messages: 600,
            subscribers: 7,
            pace: Pace::Rate(10.0),
            seed,
        }
    }

    #[test]
    fn in_turn_each_publisher_goes_over_all_topics() {
        let schedule = schedule(None);
        let places: Vec<_> = (0..7).map(|number| schedule.place(number)).collect();
        let expected = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 0)];
        assert_eq!(places, expected);
        let subscribers = [0, 1, 2].map(|topic| schedule.subscribers_of(topic));
        assert_eq!(subscribers, [3, 2, 2]);
        assert_eq!(schedule.deliveries(), 200 * 7);
    }

    #[test]
    fn a_seed_gives_the_same_topics_again() {
        let places = |seed| {
            let schedule = schedule(Some(seed));
            let places = (0..600).map(|number| schedule.place(number));
            places.collect::<Vec<_>>()
        };
        assert_eq!(places(1), places(1));
        assert_ne!(places(1), places(2));
        for topic in 0..3 {
            let count = places(1).iter().filter(|place| place.0 == topic).count();
            assert!((150..250).contains(&count), "{count} of 600 to {topic}");
        }
    }

    #[test]
    fn without_a_schedule_the_messages_are_shared_out() {
        let schedule = Schedule {
            topics: 1,
            publishers: 4,
            messages: 10,
            pace: Pace::AfterAll,
            ..schedule(None)
        };
        let quotas = [0, 1, 2, 3].map(|conn| schedule.quota(conn));
        assert_eq!(quotas, [3, 3, 2, 2]);
        assert_eq!(schedule.deliveries(), 70);
    }
}
