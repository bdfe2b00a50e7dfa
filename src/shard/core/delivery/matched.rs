//! Messages for subscribers of patterns: from the home of a topic to the shards whose patterns
//! match it, and there into the logs of these, one after the other as far as there is space.

use crate::limits::{WORK_OF_LEVEL, WORK_OF_PASS};
use crate::payload::{Entry, PayloadBytes};
use crate::shard::core::delivery::ordered::Ordered;
use crate::shard::core::shard::Shard;
use crate::shard::mail::{FromHome, Matched};
use crate::topic::Topic;
use crate::topic::home::Interest;

impl<D, A> Shard<D, A> {
    /// The shards that get a message of a topic at home here because of patterns; to be given back.
    pub(super) fn take_matches(&mut self, topic: &Topic) -> Vec<Interest> {
        let (matches, visited) = self.pubsub.homes.take_matches(topic);
        if visited != 0 {
            let work = visited * WORK_OF_LEVEL + matches.len() * WORK_OF_PASS;
            self.env.work.charge(work);
        }
        matches
    }

    /// Whether there is space on the way to the shards of these. For those of this shard the one
    /// before must have gone to all: what one message may append has no other bound.
    pub(super) fn has_space_for_matches(&mut self, matches: &[Interest]) -> bool {
        matches.iter().all(|interest| {
            if interest.shard == self.env.shard {
                self.deliver_own();
                self.pubsub.matched.is_none()
            } else {
                let mail = &mut self.pubsub.mail[interest.shard.index()];
                mail.from_home.has_space()
            }
        })
    }

    /// Passes a message on to the shards of these, after `has_space_for_matches` said yes; to other
    /// shards with what is for the recipients there.
    pub(super) fn pass_on_matched<B: PayloadBytes>(
        &mut self,
        recipients: &[Interest],
        matches: &[Interest],
        message: &mut Ordered<'_, B>,
    ) {
        let mut matches = matches.to_vec();
        matches.sort_unstable_by_key(|interest| interest.shard);
        for same in matches.chunk_by(|one, other| one.shard == other.shard) {
            let shard = same[0].shard;
            let mut interests = same.to_vec();
            if shard != self.env.shard {
                let others = recipients.iter().filter(|other| other.shard == shard);
                interests.extend(others);
            }
            let matched = Box::new(Matched {
                topic: message.topic.clone(),
                position: message.position,
                payload: message.shared(),
                extra: message.extra.cloned(),
                excluded: message.excluded_on(shard),
                ordered_at: self.pubsub.fanout.turn(),
                interests,
            });
            if shard == self.env.shard {
                self.pubsub.matched = self.deliver_matched(matched);
            } else {
                let lane = &mut self.pubsub.mail[shard.index()].from_home;
                lane.push(FromHome::Matched(matched));
            }
        }
    }

    /// Goes on with a message for patterns of this shard whose topic is at home here.
    pub(crate) fn deliver_own(&mut self) {
        if let Some(matched) = self.pubsub.matched.take() {
            self.pubsub.matched = self.deliver_matched(matched);
            // Publishers wait for this.
            self.env.moved |= self.pubsub.matched.is_none();
        }
    }

    /// Gives a message to the subscribers here of patterns, and of its topic; gives it back for
    /// those whose logs have no space for it, or when the turn has done enough.
    pub(super) fn deliver_matched(&mut self, mut matched: Box<Matched>) -> Option<Box<Matched>> {
        while let Some(interest) = matched.interests.pop() {
            let Interest {
                key, generation, ..
            } = interest;
            let extra = matched.extra.as_deref();
            let mut entry = Entry::new(matched.position, matched.payload.borrowed(), extra);
            if interest.is_pattern {
                entry = entry.from_topic(matched.topic.name());
            }
            if !self.has_log_space(key, generation, entry) {
                matched.interests.push(interest);
                return Some(matched);
            }
            self.append(key, generation, entry, matched.ordered_at, matched.excluded);
            if self.env.work.is_spent() && !matched.interests.is_empty() {
                self.env.moved = true;
                return Some(matched);
            }
        }
        None
    }
}
