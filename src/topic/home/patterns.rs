//! The patterns that any shard wants: each home has all of them, and so finds those that match the
//! topics of its own messages.

use crate::topic::Topic;
use crate::topic::home::{Homes, Interest};
use crate::topic::patterns::TopicPattern;

impl Homes {
    /// From now on `interest` gets the messages of topics that match; replaces an older one of that
    /// shard.
    pub(super) fn want_pattern(&mut self, pattern: &TopicPattern, interest: Interest) {
        let interests = self.patterns.get_or_add(pattern);
        interests.retain(|other| other.shard != interest.shard);
        interests.push(interest);
    }

    /// `interest` wants no more; a newer one of that shard stays.
    pub(super) fn unwant_pattern(&mut self, pattern: &TopicPattern, interest: Interest) {
        let Some(interests) = self.patterns.get_mut(pattern) else {
            return;
        };
        interests.retain(|other| *other != interest);
        if interests.is_empty() {
            self.patterns.remove(pattern);
        }
    }

    /// How many patterns there are.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn patterns(&self) -> usize {
        self.patterns.len()
    }

    /// The shards that are to get a message of a topic because of patterns, to be given back, and
    /// how many levels were looked at to find them.
    pub(crate) fn take_matches(&mut self, topic: &Topic) -> (Vec<Interest>, usize) {
        if self.patterns.is_empty() {
            return (Vec::new(), 0);
        }
        let mut matches = std::mem::take(&mut self.matches);
        matches.clear();
        let add = |interests: &Vec<Interest>| matches.extend_from_slice(interests);
        let visited = self.patterns.each_match(topic.name(), add);
        (matches, visited)
    }

    /// Takes back the memory of `take_matches`.
    pub(crate) fn give_matches(&mut self, matches: Vec<Interest>) {
        if matches.capacity() != 0 {
            self.matches = matches;
        }
    }
}
