//! Values that are replaced on every shard while the server runs.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// The side that replaces a value. Any thread may use it.
#[derive(Debug)]
pub struct Renewer<T> {
    number: AtomicU64,
    shards: Vec<Sender<(u64, T)>>,
}

/// The side of one shard.
#[derive(Debug)]
pub struct Renewals<T> {
    renewals: Receiver<(u64, T)>,
    number: u64,
}

impl<T> Default for Renewer<T> {
    fn default() -> Self {
        Self {
            number: AtomicU64::new(0),
            shards: Vec::new(),
        }
    }
}

impl<T: Clone> Renewer<T> {
    /// Adds a shard that receives changes.
    pub fn add_shard(&mut self) -> Renewals<T> {
        let (sender, renewals) = bounded(RENEWALS_MAX);
        self.shards.push(sender);
        Renewals {
            renewals,
            number: 0,
        }
    }

    /// The number of the next value. It is taken before the value is made: of two that are made at
    /// the same time, the later one counts on all shards.
    pub fn next_number(&self) -> u64 {
        self.number.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether each shard can be sent one more value now.
    pub fn has_space(&self) -> bool {
        self.shards.iter().all(|shard| !shard.is_full())
    }

    /// Sends a value to all shards; the caller then rings them. `false`: some shards have not taken
    /// those before, and only the others get it.
    pub fn send(&self, number: u64, value: &T) -> bool {
        // A shard that has ended needs nothing.
        let is_late = |shard: &&Sender<(u64, T)>| {
            let sent = shard.try_send((number, value.clone()));
            matches!(sent, Err(TrySendError::Full(_)))
        };
        // To all of them, even if one is late.
        self.shards.iter().filter(is_late).count() == 0
    }
}

impl<T> Renewals<T> {
    /// The newest value, if it has changed.
    pub fn take(&mut self) -> Option<T> {
        let mut newest = None;
        while let Ok((number, value)) = self.renewals.try_recv() {
            if self.number < number {
                self.number = number;
                newest = Some(value);
            }
        }
        newest
    }
}

/// Values on their way to one shard.
const RENEWALS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_gets_the_value_with_the_latest_number() {
        let mut renewer = Renewer::default();
        let mut shards = [renewer.add_shard(), renewer.add_shard()];
        let [early, late] = [renewer.next_number(), renewer.next_number()];
        assert!(renewer.send(late, &"late") && renewer.send(early, &"early"));
        for shard in &mut shards {
            assert_eq!(shard.take(), Some("late"));
            assert_eq!(shard.take(), None);
        }
    }

    #[test]
    fn a_shard_that_takes_nothing_makes_the_sender_wait() {
        let mut renewer = Renewer::default();
        let mut shard = renewer.add_shard();
        let send = |value: usize| renewer.send(renewer.next_number(), &value);
        assert!((0..RENEWALS_MAX).all(&send));
        assert!(!renewer.has_space() && !send(8));
        assert_eq!(shard.take(), Some(RENEWALS_MAX - 1));
        assert!(renewer.has_space() && send(9));
        assert_eq!(shard.take(), Some(9));
    }
}
