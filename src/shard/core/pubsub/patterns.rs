//! Subscriptions to patterns: all homes are told, as any of them may have topics that match.

use std::time::Duration;

use crate::counters::{Counters, Limit};
use crate::id::TopicKey;
use crate::limits::{PATTERNS_BYTES_MAX, TIMEOUTS_PER_TURN};
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::shard::core::pubsub::subscribe::SubscribeError;
use crate::topic::home::Interest;
use crate::topic::patterns::TopicPattern;

/// The patterns that a shard has subscribers of, of which it may have a part of what all shards may
/// have: as each home has all of them, none has too many, and no home has to refuse one.
#[derive(Debug)]
pub(crate) struct PatternShare {
    len: usize,
    len_max: usize,
    /// Memory that they take at each home.
    bytes: usize,
    bytes_max: usize,
}

impl PatternShare {
    /// That of one of so many shards, which may have `patterns_max` together.
    pub(crate) fn new(patterns_max: usize, shards: u16) -> Self {
        let shards = usize::from(shards);
        Self {
            len: 0,
            len_max: patterns_max.div_ceil(shards),
            bytes: 0,
            bytes_max: PATTERNS_BYTES_MAX / shards,
        }
    }

    /// All shards may have so many together from now on; those that there are stay.
    pub(crate) fn set_max(&mut self, patterns_max: usize, shards: u16) {
        self.len_max = patterns_max.div_ceil(usize::from(shards));
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds one, if there is space for it.
    fn add(&mut self, pattern: &TopicPattern) -> bool {
        let bytes = self.bytes + pattern.bytes();
        let has_space = self.len < self.len_max && bytes <= self.bytes_max;
        if has_space {
            self.len += 1;
            self.bytes = bytes;
        }
        has_space
    }

    fn remove(&mut self, pattern: &TopicPattern) {
        self.len -= 1;
        self.bytes -= pattern.bytes();
    }
}

impl PubSub {
    /// Adds a pattern with its first subscriber here, of which all homes are to learn.
    pub(super) fn add_pattern(
        &mut self,
        env: &mut Env,
        pattern: &TopicPattern,
    ) -> Result<TopicKey, SubscribeError> {
        if !self.patterns.add(pattern) {
            // Else one client that comes and goes would have the whole share.
            self.forget_topics(env, Duration::ZERO, TIMEOUTS_PER_TURN);
            if !self.patterns.add(pattern) {
                env.counters.hit(Limit::Patterns);
                return Err(SubscribeError::TooManyPatterns);
            }
        }
        let topic = pattern.topic();
        let key = self.fanout.add_pattern(topic, env.shard, env.shards);
        let Some(local) = self.fanout.topic(key) else {
            return Ok(key);
        };
        let generation = local.generation;
        let interest = local.interest(env.shard, key);
        let peers = self.mail.iter_mut().enumerate();
        for (_, peer) in peers.filter(|(at, _)| *at != env.shard.index()) {
            peer.wanted.push_back((key, generation));
        }
        self.homes.want(topic, interest);
        self.fanout.set_live(key, false);
        Ok(key)
    }

    /// Counts the topics and the patterns that have subscribers here.
    pub(crate) fn count_topics(&self, counters: &mut Counters) {
        let patterns = self.patterns.len();
        counters.patterns = patterns as u64;
        counters.topics = (self.fanout.topics() - patterns) as u64;
        if let Some(shared) = &self.shared {
            counters.attached = shared.len() as u64;
            counters.attaching = shared.unanswered() as u64;
        }
    }

    /// A pattern has no subscribers here any more, of which all homes are to learn.
    pub(super) fn forget_pattern(&mut self, env: &Env, pattern: &TopicPattern, interest: Interest) {
        self.patterns.remove(pattern);
        self.homes.unwant(pattern.topic(), interest);
        let peers = self.mail.iter_mut().enumerate();
        for (_, peer) in peers.filter(|(at, _)| *at != env.shard.index()) {
            let unwanted = (pattern.topic().clone(), interest);
            peer.unwanted.push_back(unwanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_has_its_share_of_patterns() {
        let pattern = |text: &str| TopicPattern::parse(text).unwrap();
        let mut share = PatternShare::new(5, 2);
        let added = ["a/+", "b/+", "c/+", "d/+"].map(|text| share.add(&pattern(text)));
        assert_eq!(added, [true, true, true, false]);
        share.remove(&pattern("a/+"));
        assert!(share.add(&pattern("d/+")));
        let mut share = PatternShare::new(usize::MAX, 2);
        let long = "abc/".repeat(11) + &"x".repeat(200) + "/#";
        let count = std::iter::repeat_with(|| share.add(&pattern(&long)));
        let count = count.take_while(|added| *added).count();
        let bytes = count * pattern(&long).bytes();
        assert!(bytes <= PATTERNS_BYTES_MAX / 2 && PATTERNS_BYTES_MAX / 2 - bytes < 1_000);
    }
}
