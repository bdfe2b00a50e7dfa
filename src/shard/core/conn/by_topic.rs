//! Lists of what a connection keeps of each of its topics, in the order of their keys: each is
//! found in few steps however many there are, and there is little space that nothing uses.

use crate::id::TopicKey;

/// What a connection keeps of a topic.
pub(crate) trait OfTopic {
    fn topic(&self) -> TopicKey;
}

/// A list of them, in the order of their keys.
#[derive(Debug)]
pub(crate) struct ByTopic<T>(Vec<T>);

impl<T> Default for ByTopic<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: OfTopic> ByTopic<T> {
    pub(crate) fn as_slice(&self) -> &[T] {
        &self.0
    }

    pub(crate) fn get(&self, topic: TopicKey) -> Option<&T> {
        self.0.get(self.find(topic).ok()?)
    }

    pub(crate) fn get_mut(&mut self, topic: TopicKey) -> Option<&mut T> {
        let at = self.find(topic).ok()?;
        self.0.get_mut(at)
    }

    /// Those before a topic, and the others.
    pub(crate) fn split(&self, topic: TopicKey) -> (&[T], &[T]) {
        let at = self.find(topic).unwrap_or_else(|at| at);
        self.0.split_at(at)
    }

    /// Adds one for a topic of which there is none.
    pub(crate) fn insert(&mut self, item: T) {
        let at = self.find(item.topic());
        debug_assert!(at.is_err());
        if self.0.len() == self.0.capacity() {
            // Twice as many would be half unused in each of many connections.
            self.0.reserve_exact(1 + self.0.len() / 8);
        }
        self.0.insert(at.unwrap_or_else(|at| at), item);
    }

    pub(crate) fn remove(&mut self, topic: TopicKey) -> Option<T> {
        let at = self.find(topic).ok()?;
        let removed = self.0.remove(at);
        if self.0.len() <= self.0.capacity() / 4 {
            self.0.shrink_to_fit();
        }
        Some(removed)
    }

    fn find(&self, topic: TopicKey) -> Result<usize, usize> {
        self.0.binary_search_by_key(&topic, T::topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl OfTopic for TopicKey {
        fn topic(&self) -> TopicKey {
            *self
        }
    }

    #[test]
    fn thousands_are_kept_in_little_more_than_they_need() {
        let mut list = ByTopic::default();
        // Each is beyond half of the others.
        let topics = (0..5_000_u32).map(|n| TopicKey(n.wrapping_mul(0x9e37_79b1)));
        for topic in topics.clone() {
            list.insert(topic);
            let len = list.0.len();
            assert!(list.0.capacity() <= len + 1 + len / 8, "{len}");
        }
        assert!(list.as_slice().is_sorted());
        for topic in topics {
            assert_eq!(list.remove(topic), Some(topic));
            assert_eq!(list.remove(topic), None);
            assert!(list.0.capacity() <= 4 * list.0.len() + 3);
        }
        assert_eq!(list.0.capacity(), 0);
    }
}
