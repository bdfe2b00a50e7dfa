//! A barrier through all lanes: when it is passed, what any shard had taken before reached every
//! shard that has subscribers of it.
//!
//! A shard that has published all it had taken tells each home so, behind those messages. A home
//! that all have told so, and whose rooms have nothing waiting, tells each shard, behind its
//! deliveries: lanes keep their order. A second round is for what rooms have published meanwhile
//! to topics of other homes.

use crate::id::ShardId;
use crate::shard::core::pubsub::PubSub;
use crate::shard::mail::{FromHome, ToHome};

/// Rounds of a barrier.
const ROUNDS: u8 = 2;

/// How far a barrier is, as one shard sees it: the last round of each kind.
#[derive(Debug)]
pub(crate) struct Barrier {
    shard: ShardId,
    /// That this shard has published all of.
    round: u8,
    /// That each home was told the end of.
    told: Vec<u8>,
    /// As a home: that each shard has told the end of.
    ended: Vec<u8>,
    /// That this home has passed on.
    answered: u8,
    /// That each shard was told so of.
    sent: Vec<u8>,
    /// That each home has passed on to this shard.
    passed: Vec<u8>,
}

impl Barrier {
    pub(crate) fn new(shard: ShardId, shards: u16) -> Self {
        let none = vec![0; usize::from(shards)];
        Self {
            shard,
            round: 0,
            told: none.clone(),
            ended: none.clone(),
            answered: 0,
            sent: none.clone(),
            passed: none,
        }
    }

    /// Goes on as far as it can: this shard `has_published` all it had taken, and what its homes
    /// were given `is_settled`.
    pub(crate) fn step(&mut self, has_published: bool, is_settled: bool) {
        for _ in 0..ROUNDS {
            if has_published && self.round < ROUNDS && self.round <= least(&self.passed) {
                self.round += 1;
                self.ended[self.shard.index()] = self.round;
            }
            if is_settled && self.answered < least(&self.ended) {
                self.answered += 1;
                self.passed[self.shard.index()] = self.answered;
            }
        }
    }

    /// Whether all has reached this shard.
    pub(crate) fn is_passed(&self) -> bool {
        ROUNDS <= least(&self.passed)
    }

    /// A shard has published all it had taken.
    pub(crate) fn note_ended(&mut self, shard: ShardId, round: u8) {
        self.ended[shard.index()] = round;
    }

    /// A home has passed on all it was given.
    pub(crate) fn note_passed(&mut self, home: ShardId, round: u8) {
        self.passed[home.index()] = round;
    }
}

fn least(rounds: &[u8]) -> u8 {
    rounds.iter().copied().min().unwrap_or(ROUNDS)
}

impl PubSub {
    /// Tells the peers how far this shard is, as far as there is space in the lanes.
    pub(crate) fn mail_barrier(&mut self) {
        let Self { mail, barrier, .. } = self;
        if barrier.round == 0 && barrier.answered == 0 {
            return;
        }
        let own = barrier.shard;
        let peers = mail.iter_mut().enumerate();
        for (peer, mail) in peers.filter(|(peer, _)| *peer != own.index()) {
            let (round, answered) = (barrier.round, barrier.answered);
            if barrier.told[peer] < round && mail.to_home.has_space() {
                barrier.told[peer] = round;
                let shard = own;
                mail.to_home.push(ToHome::Published { shard, round });
            }
            if barrier.sent[peer] < answered && mail.from_home.has_space() {
                barrier.sent[peer] = answered;
                let (home, round) = (own, answered);
                mail.from_home.push(FromHome::Passed { home, round });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_shard_alone_passes_when_all_is_published_and_settled() {
        let mut barrier = Barrier::new(ShardId::default(), 1);
        barrier.step(false, true);
        barrier.step(true, false);
        assert!(!barrier.is_passed());
        barrier.step(true, true);
        assert!(barrier.is_passed());
    }

    #[test]
    fn a_home_waits_for_every_shard_and_a_shard_for_every_home() {
        let mut barrier = Barrier::new(ShardId::default(), 2);
        for round in 1..=ROUNDS {
            barrier.step(true, true);
            assert_eq!(
                barrier.answered,
                round - 1,
                "the other has not published all"
            );
            barrier.note_ended(ShardId::new(1), round);
            barrier.step(true, true);
            assert_eq!(barrier.answered, round);
            assert!(!barrier.is_passed(), "the other home has not passed it on");
            barrier.note_passed(ShardId::new(1), round);
        }
        assert!(barrier.is_passed());
    }
}
