//! Publishing: one order per topic, given at its home, kept on every shard.

use std::hash::BuildHasher;
use std::sync::Arc;

use crate::counters::Limit;
use crate::handler::{Busy, Wait};
use crate::limits::BYTES_PER_WORK;
use crate::payload::Payload;
use crate::proto::Kind;
use crate::shard::core::app::room_queue::Draft;
use crate::shard::core::inner::Inner;
use crate::shard::mail::FromHome;
use crate::topic::home::{Interest, Keeps};
use crate::topic::once::Once;

impl<D, A> Inner<D, A> {
    /// Publishes a message of this shard.
    pub(crate) fn publish(&mut self, topic: &str, draft: &Draft<'_>) -> Result<(), Busy> {
        // One callback may publish to any number of topics.
        if self.work.is_overdrawn() {
            return Err(Busy(Wait::Turn));
        }
        let home = self.home_of(topic);
        if home == self.shard {
            self.publish_here(topic, draft)?;
        } else {
            let lane = &mut self.mail[usize::from(home)].to_home;
            if !lane.has_room() {
                return Err(Busy::at(home));
            }
            lane.push(draft.stage(topic).into());
            self.work.charge(draft.bytes.len() / BYTES_PER_WORK);
        }
        self.counters.published += 1;
        Ok(())
    }

    /// The same where the topic's home is this shard: at once, unless there is or may be a room,
    /// which is called when the callback that publishes has returned.
    fn publish_here(&mut self, topic: &str, draft: &Draft<'_>) -> Result<(), Busy> {
        let keeps = self.homes.get(topic).map(|home| home.keeps);
        // One of the same publisher may be staged since before that was known.
        if keeps == Some(Keeps::Nothing) && draft.once.is_none() && !self.staged.has(topic) {
            return self.order(topic, draft.kind, draft.bytes, draft.shared);
        }
        self.check_stage(topic)?;
        self.staged.push(draft.stage(topic));
        Ok(())
    }

    /// A topic with a publisher's key, as its home knows it whichever shard says so.
    pub(crate) fn once(&self, topic: &str, key: &str) -> Once {
        Once::new(self.hasher.hash_one((topic, key)))
    }

    /// Whether a message that is to be published once was, of late.
    pub(crate) fn was_published(&mut self, once: Option<Once>) -> bool {
        once.is_some_and(|once| self.onces.knows(once, self.now))
    }

    /// It has its place in the order now, or a room has it.
    pub(crate) fn note_published(&mut self, once: Option<Once>) {
        if let Some(once) = once {
            self.onces.note(once, self.now);
        }
    }

    /// Whether one more message of a topic may be kept for the rooms of this shard until the callback
    /// has returned.
    pub(crate) fn check_stage(&mut self, topic: &str) -> Result<(), Busy> {
        if self.staged.is_full_for(topic) {
            self.stage_refused = true;
            return Err(Busy::at(self.shard));
        }
        Ok(())
    }

    /// As the home of `topic`: puts a message in its order and passes it to every shard that
    /// wants it, or to none while one of them has no room.
    pub(crate) fn order(
        &mut self,
        topic: &str,
        kind: Kind,
        bytes: &[u8],
        shared: Option<&Payload>,
    ) -> Result<(), Busy> {
        let interests = self.take_interests(topic);
        let room = self.have_room(&interests, kind, bytes);
        if room {
            self.pass_on(&interests, kind, bytes, shared);
        }
        self.interests = interests;
        if room {
            Ok(())
        } else {
            Err(Busy::at(self.shard))
        }
    }

    /// Whether `order` would take a message now.
    pub(crate) fn has_room_for(&mut self, topic: &str, kind: Kind, bytes: &[u8]) -> bool {
        let interests = self.take_interests(topic);
        let room = self.have_room(&interests, kind, bytes);
        self.interests = interests;
        room
    }

    /// Who wants a topic, in the vector that is used again for each message.
    fn take_interests(&mut self, topic: &str) -> Vec<Interest> {
        let mut interests = std::mem::take(&mut self.interests);
        interests.clear();
        if let Some(home) = self.homes.get(topic) {
            interests.extend_from_slice(&home.interests);
        }
        interests
    }

    fn have_room(&mut self, interests: &[Interest], kind: Kind, bytes: &[u8]) -> bool {
        interests.iter().all(|interest| {
            if interest.shard == self.shard {
                self.has_log_space(interest.key, interest.generation, kind, bytes)
            } else {
                self.mail[usize::from(interest.shard)].from_home.has_room()
            }
        })
    }

    fn pass_on(
        &mut self,
        interests: &[Interest],
        kind: Kind,
        bytes: &[u8],
        shared: Option<&Payload>,
    ) {
        let mut payload = shared.cloned();
        for &Interest {
            shard,
            key,
            generation,
        } in interests
        {
            if shard == self.shard {
                self.append(key, generation, kind, bytes);
                continue;
            }
            let payload = payload
                .get_or_insert_with(|| Payload {
                    kind,
                    bytes: Arc::from(bytes),
                })
                .clone();
            let deliver = FromHome::Deliver {
                key,
                generation,
                payload,
            };
            self.mail[usize::from(shard)].from_home.push(deliver);
        }
        self.counters.ordered += 1;
    }

    /// Whether the topic's logs take a message without letting go of anything that a member whose
    /// socket is not blocked has still to get, and there is time to encode it.
    pub(crate) fn has_log_space(
        &mut self,
        key: u32,
        generation: u32,
        kind: Kind,
        bytes: &[u8],
    ) -> bool {
        if self.fanout.current(key, generation).is_none() {
            return true;
        }
        let len = bytes.len();
        if !self.has_time_to_compress(key, len) || !self.has_backlog_space(len) {
            return false;
        }
        let space = self.fanout.make_space(key, kind, bytes, &self.config);
        self.apply_overruns();
        if let Err(form) = space {
            self.end_early(key, form);
        }
        space.is_ok()
    }

    /// Whether the turn has time to compress a message of `len` bytes, if subscribers of the topic
    /// want that; if not, the next one has, and comes at once.
    fn has_time_to_compress(&mut self, topic: u32, len: usize) -> bool {
        if self.work.has_time_to_compress() {
            return true;
        }
        let waits = self.fanout.compresses(topic, len);
        if waits {
            self.moved = true;
            self.counters.hit(Limit::CompressTime);
        }
        !waits
    }

    /// Gives a message to the subscribers of a topic here, after `has_log_space` said yes.
    pub(crate) fn append(&mut self, key: u32, generation: u32, kind: Kind, bytes: &[u8]) {
        if self.fanout.current(key, generation).is_none() {
            return;
        }
        let appended = self.fanout.append(key, kind, bytes, self.now);
        self.counters.messages_out += appended.members;
        self.counters.not_carried += appended.not_carried;
        self.work.charge(appended.work);
        self.work.charge_compression(appended.compression);
    }
}
