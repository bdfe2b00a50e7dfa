//! Whether the shards have turns: how long each stands still although it was woken.

use std::time::{Duration, Instant};

use crate::limits::SHARD_STUCK_AFTER;

/// What is known of the turns of all shards.
#[derive(Debug, Default)]
pub(super) struct Health {
    shards: Vec<Turns>,
    looked: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Turns {
    count: u64,
    /// So long there was no other count.
    age: Duration,
}

impl Health {
    /// Takes the number of turns that each shard has had.
    pub(super) fn look(&mut self, counts: impl Iterator<Item = u64>, now: Instant) {
        let passed = self.looked.replace(now).map(|before| now - before);
        // Beyond that, the whole process stood still: no shard could have had a turn.
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

    /// How long ago each shard was last seen to have had a turn.
    pub(super) fn ages(&self) -> impl Iterator<Item = Duration> {
        self.shards.iter().map(|shard| shard.age)
    }

    /// The shard that stands still for longest, and for how long, if that is too long.
    pub(super) fn stuck(&self) -> Option<(usize, Duration)> {
        let longest = self.ages().enumerate().max_by_key(|(_, age)| *age);
        longest.filter(|(_, age)| SHARD_STUCK_AFTER <= *age)
    }
}

/// The most that one look adds to an age.
const STEP_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::event_loop::now;

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
    fn one_turn_makes_it_well() {
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
