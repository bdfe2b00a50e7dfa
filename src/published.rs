//! A value that one thread replaces, and others read without a lock.

use std::sync::{Arc, OnceLock};

/// The side that replaces the value.
#[derive(Debug)]
pub(crate) struct Publisher<T>(Arc<Version<T>>);

/// One reader's place among the versions of the value. A version is freed when every reader has
/// gone past it; a reader goes on at each reading, and there are as few versions as changes.
#[derive(Debug)]
pub(crate) struct Published<T>(Arc<Version<T>>);

#[derive(Debug)]
struct Version<T> {
    value: T,
    next: OnceLock<Arc<Self>>,
}

impl<T> Version<T> {
    fn new(value: T) -> Arc<Self> {
        let next = OnceLock::new();
        Arc::new(Self { value, next })
    }
}

impl<T> Drop for Version<T> {
    /// Frees the versions that only this one has kept, one after the other: a chain that a reader
    /// left long ago would be too deep for one call in the next.
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut version) = next.and_then(Arc::into_inner) {
            next = version.next.take();
        }
    }
}

impl<T> Publisher<T> {
    /// Publishes a first value.
    pub(crate) fn new(value: T) -> Self {
        Self(Version::new(value))
    }

    /// A reader of the value.
    pub(crate) fn reader(&self) -> Published<T> {
        Published(Arc::clone(&self.0))
    }

    /// Replaces the value.
    pub(crate) fn publish(&mut self, value: T) {
        let version = Version::new(value);
        // There is one publisher, so this is the last version, and has no next.
        let is_set = self.0.next.set(Arc::clone(&version));
        debug_assert!(is_set.is_ok(), "one publisher");
        self.0 = version;
    }
}

impl<T> Published<T> {
    /// The newest value.
    pub(crate) fn newest(&mut self) -> &T {
        while let Some(next) = self.0.next.get() {
            self.0 = Arc::clone(next);
        }
        &self.0.value
    }
}

impl<T> Clone for Published<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reader_sees_the_newest_value_and_old_ones_are_freed() {
        let first = Arc::new(0);
        let mut publisher = Publisher::new(Arc::clone(&first));
        let mut early = publisher.reader();
        let mut late = early.clone();
        assert_eq!(**early.newest(), 0);
        for value in 1..4 {
            publisher.publish(Arc::new(value));
        }
        assert_eq!(**early.newest(), 3);
        assert_eq!(Arc::strong_count(&first), 2, "one reader is at the first");
        assert_eq!(**late.newest(), 3);
        assert_eq!(Arc::strong_count(&first), 1);
    }

    #[test]
    fn a_long_chain_that_a_reader_never_followed_is_freed() {
        let mut publisher = Publisher::new(0);
        let reader = publisher.reader();
        for value in 0..1_000_000 {
            publisher.publish(value);
        }
        drop(publisher);
        drop(reader);
    }
}
