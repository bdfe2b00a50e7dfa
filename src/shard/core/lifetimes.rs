//! How long connections may live: each its own time, so that a crowd does not end at once.

use std::time::Duration;

use crate::config::Config;
use crate::id::ConnKey;
use crate::time::{Now, Stamp};

/// When the connections of a shard have lived long enough.
#[derive(Debug)]
pub(crate) struct Lifetimes {
    /// The longest, about; `None`: they live on.
    max: Option<Duration>,
    /// By the key of the connection; empty if they live on.
    ends: Vec<Stamp>,
}

impl Lifetimes {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            max: config.max_lifetime,
            ends: Vec::new(),
        }
    }

    /// The longest is this from now on. Connections that have no end yet, so many have a key, get
    /// ends in all of that time; those that have one keep it. Returns whether some got one.
    pub(crate) fn set(&mut self, config: &Config, connections: usize, now: Now) -> bool {
        self.max = config.max_lifetime;
        let Some(max) = self.max else {
            self.ends = Vec::new();
            return false;
        };
        let end = |key| now.plus(max.mul_f64(share(key))).stamp();
        let begun = self.ends.len()..connections;
        self.ends.extend(begun.clone().map(|key| end(key as u64)));
        !begun.is_empty()
    }

    /// A new connection has this key; `number`: how many there were before it.
    pub(crate) fn begin(&mut self, key: ConnKey, number: u32, now: Now) {
        let Some(max) = self.max else { return };
        let key = key.index();
        if self.ends.len() <= key {
            self.ends.resize(key + 1, Stamp::NEVER);
        }
        let jitter = 1.0 - JITTER + 2.0 * JITTER * share(number.into());
        self.ends[key] = now.plus(max.mul_f64(jitter)).stamp();
    }

    /// Gives back what is kept of connections that are gone, with keys from here on.
    pub(crate) fn give_back(&mut self, slots: usize) {
        self.ends.truncate(slots);
        self.ends.shrink_to(slots);
    }

    /// When the connection of this key has lived long enough.
    pub(crate) fn end(&self, key: ConnKey) -> Option<Now> {
        let end = self.ends.get(key.index())?;
        (*end != Stamp::NEVER).then(|| end.moment())
    }
}

/// Of a whole, some for each number: those of numbers in a row are far from each other.
fn share(number: u64) -> f64 {
    // The fractional part of multiples of the golden ratio.
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    #[expect(clippy::cast_precision_loss, reason = "32 bits fit")]
    let share = mixed as f64 / (1_u64 << 32) as f64;
    share
}

/// A lifetime is up to this part of it shorter or longer.
const JITTER: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;

    fn config(max_lifetime: Option<Duration>) -> Config {
        Config {
            max_lifetime,
            ..Config::default()
        }
    }

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn without_a_lifetime_nothing_is_kept() {
        let mut lifetimes = Lifetimes::new(&config(None));
        lifetimes.begin(ConnKey(7), 1, Now::default());
        assert_eq!(lifetimes.end(ConnKey(7)), None);
        assert!(lifetimes.ends.is_empty());
    }

    #[test]
    fn lifetimes_are_up_to_a_tenth_shorter_or_longer_and_spread() {
        let mut lifetimes = Lifetimes::new(&config(Some(HOUR)));
        let mut sixths = [0; 6];
        for number in 0..600_u32 {
            lifetimes.begin(ConnKey(3), number, Now::default());
            let end = lifetimes.end(ConnKey(3)).unwrap().since(Now::default());
            let early = HOUR.mul_f64(1.0 - JITTER) - Duration::from_millis(100);
            let after = (end - early).as_secs() / 120;
            sixths[usize::try_from(after).unwrap()] += 1;
        }
        assert!(
            sixths.iter().all(|count| (90..=110).contains(count)),
            "{sixths:?}"
        );
    }

    #[test]
    fn a_lifetime_that_is_set_later_ends_open_connections_one_after_the_other() {
        let mut lifetimes = Lifetimes::new(&config(None));
        lifetimes.set(&config(Some(HOUR)), 100, Now::default());
        let ends = (0..100).map(|key| lifetimes.end(ConnKey(key)).unwrap());
        let mut ends: Vec<Duration> = ends.map(|end| end.since(Now::default())).collect();
        ends.sort();
        assert!(ends[0] < HOUR / 50 && ends[99] < HOUR && HOUR * 49 / 50 < ends[99]);
        lifetimes.set(&config(None), 100, Now::default());
        assert_eq!(lifetimes.end(ConnKey(0)), None);
    }
}
