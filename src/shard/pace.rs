//! How fast a shard accepts connections.

use crate::time::{Bucket, Now, Rate};

/// How fast a shard accepts connections.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// `None`: as fast as they come.
    rate: Option<Rate>,
    left: Bucket,
    /// Taken out of the bucket for a connection that is still to come.
    has_token: bool,
    /// When the next connection may be accepted, if one had to wait.
    until: Option<Now>,
}

/// The next connection has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// It did not before.
    FromNow,
    /// As before.
    On,
}

impl Pace {
    /// At most so fast.
    pub(super) fn new(rate: Option<Rate>) -> Self {
        Self {
            rate,
            ..Self::default()
        }
    }

    /// Whether the next connection may be accepted.
    ///
    /// # Errors
    ///
    /// It has to wait.
    pub(super) fn check(&mut self, now: Now) -> Result<(), Waits> {
        if self.until.is_some_and(|until| now < until) {
            return Err(Waits::On);
        }
        self.until = None;
        if let Some(rate) = self.rate.filter(|_| !self.has_token) {
            self.until = self.left.take(rate, 1, now).err();
            self.has_token = self.until.is_none();
        }
        self.until.map_or(Ok(()), |_| Err(Waits::FromNow))
    }

    /// When the next connection may be accepted.
    pub(super) fn goes_on_at(&self) -> Now {
        self.until.unwrap_or_default()
    }

    /// A connection was accepted.
    pub(super) fn note(&mut self) {
        self.has_token = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connections_that_came_are_counted() {
        let now = Now::from_millis(0);
        let mut pace = Pace::new(Rate::per_second(2));
        for _ in 0..2 {
            assert_eq!([pace.check(now), pace.check(now)], [Ok(()), Ok(())]);
            pace.note();
        }
        assert_eq!(pace.check(now), Err(Waits::FromNow));
        assert_eq!(pace.goes_on_at(), Now::from_millis(500));
        assert_eq!(pace.check(Now::from_millis(499)), Err(Waits::On));
        assert_eq!(pace.check(Now::from_millis(500)), Ok(()));
    }

    #[test]
    fn without_a_rate_all_may_come() {
        let mut pace = Pace::new(None);
        for _ in 0..1000 {
            assert_eq!(pace.check(Now::from_millis(0)), Ok(()));
            pace.note();
        }
    }
}
