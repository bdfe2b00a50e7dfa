//! Whether the shards have turns: how long each has had none although it was woken.

use std::time::{Duration, Instant};

use crate::admin::event_loop::now;
use crate::limits::SHARD_STUCK_AFTER;
use crate::server::handle::Handle;

/// What the admin port knows of the turns of all shards.
#[derive(Debug, Default)]
pub(super) struct Health {
    shards: Vec<Turns>,
    looked: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Turns {
    count: u64,
    /// The time for which the count did not change.
    age: Duration,
}

impl Health {
    /// Takes the number of turns of each shard.
    pub(super) fn look(&mut self, counts: impl Iterator<Item = u64>, now: Instant) {
        let passed = self.looked.replace(now).map(|before| now - before);
        // A longer time means that the whole process was stopped, so no shard could have had a
        // turn.
        let passed = passed.unwrap_or_default().min(STEP_MAX);
        for (index, count) in counts.enumerate() {
            if self.shards.len() <= index {
                self.shards.push(Turns::default());
            }
            let shard = &mut self.shards[index];
            let is_same = shard.count == count;
            shard.age = if is_same {
                shard.age + passed
            } else {
                Duration::ZERO
            };
            shard.count = count;
        }
    }

    /// The time since the last known turn of each shard.
    pub(super) fn ages(&self) -> impl Iterator<Item = Duration> {
        self.shards.iter().map(|shard| shard.age)
    }

    /// The shard without a turn for the longest time, if that is too long.
    pub(super) fn stuck(&self) -> Option<(usize, Duration)> {
        let longest = self.ages().enumerate().max_by_key(|(_, age)| *age);
        longest.filter(|(_, age)| SHARD_STUCK_AFTER <= *age)
    }
}

/// Looks at the shards of a server from any thread.
#[derive(Debug)]
pub struct Watch {
    handle: Handle,
    health: Health,
}

impl Watch {
    /// Begins to look at the shards.
    pub fn new(handle: Handle) -> Self {
        let health = Health::default();
        Self { handle, health }
    }

    /// The shard that has had no turn for longest, if that is too long. To be called about once a
    /// second: it wakes all shards for the next call.
    pub fn stuck(&mut self) -> Option<(usize, Duration)> {
        let counters = self.handle.shard_counters();
        let turns = counters.iter().map(|of_shard| of_shard.turns.iter().sum());
        self.health.look(turns, now());
        self.handle.wake();
        self.health.stuck()
    }
}

/// The maximum that one check adds to an age.
const STEP_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn after(looks: &[(u64, [u64; 2])]) -> Health {
        let start = now();
        let mut health = Health::default();
        for (millis, counts) in looks {
            health.look(
                counts.iter().copied(),
                start + Duration::from_millis(*millis),
            );
        }
        health
    }

    #[test]
    fn a_shard_without_turns_is_stuck_in_the_end() {
        let looks: Vec<_> = (0..=10).map(|n| (n * 500, [7, n])).collect();
        assert_eq!(after(&looks[..10]).stuck(), None);
        let stuck = after(&looks).stuck();
        assert_eq!(stuck, Some((0, Duration::from_secs(5))));
    }

    #[test]
    fn one_turn_makes_a_stuck_shard_healthy() {
        let mut looks: Vec<_> = (0..=20).map(|n| (n * 500, [7, n])).collect();
        looks.push((10_500, [8, 21]));
        assert_eq!(after(&looks).stuck(), None);
    }

    #[test]
    fn a_pause_of_the_whole_process_is_no_shards_fault() {
        let looks = [
            (0, [7, 7]),
            (500, [7, 8]),
            (600_500, [7, 8]),
            (601_000, [8, 9]),
        ];
        assert_eq!(after(&looks[..3]).stuck(), None);
        assert_eq!(after(&looks).ages().max(), Some(Duration::ZERO));
    }
}
