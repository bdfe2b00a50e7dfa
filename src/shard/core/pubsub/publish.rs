//! Publishing: one order per topic, given at its home, kept on every shard.

use std::hash::BuildHasher;
use std::sync::Arc;

use crate::close_reason::CloseReason;
use crate::handler::{Busy, Wait};
use crate::limits::{BYTES_PER_WORK, WORK_OF_APPEND};
use crate::payload::Payload;
use crate::proto::Kind;
use crate::shard::core::app::room_queue::Draft;
use crate::shard::core::conn::{ACCEPTED, APART};
use crate::shard::core::inner::Inner;
use crate::shard::mail::FromHome;
use crate::topic::feed::Feed;
use crate::topic::home::{Interest, Keeps};
use crate::topic::lag::{Lag, fall_behind};
use crate::topic::log::Log;
use crate::topic::member::Member;
use crate::topic::once::Once;
use crate::topic::segment::Pool;

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
                self.has_log_room(interest.key, interest.generation, kind, bytes)
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

    /// Whether the topic's logs take a message without letting go of anything that
    /// a member whose socket is not blocked has still to get, and there is time to encode it.
    pub(crate) fn has_log_room(
        &mut self,
        key: u32,
        generation: u32,
        kind: Kind,
        bytes: &[u8],
    ) -> bool {
        let Some(topic) = self.topics.current(key, generation) else {
            return true;
        };
        let mut next = topic.first_feed;
        let len = bytes.len();
        if !self.has_time_to_compress(next, len) || !self.has_backlog_room(len) {
            return false;
        }
        while let Some(feed) = self.feeds.get(next as usize) {
            let (key, form) = (next, feed.form);
            next = feed.next;
            if form.carries(bytes) && !self.make_room(key, form.frame_len_max(kind, bytes)) {
                return false;
            }
        }
        true
    }

    pub(crate) fn append(&mut self, key: u32, generation: u32, kind: Kind, bytes: &[u8]) {
        let Some(topic) = self.topics.current(key, generation) else {
            return;
        };
        let mut next = topic.first_feed;
        let mut message = self.encoder.begin(kind, bytes);
        while let Some(feed) = self.feeds.get_mut(next as usize) {
            let feed_key = std::mem::replace(&mut next, feed.next);
            if !feed.form.carries(bytes) {
                self.counters.not_carried += 1;
            } else if !feed.members.is_empty() {
                self.work
                    .charge(WORK_OF_APPEND + bytes.len() / BYTES_PER_WORK);
                feed.append(&mut message, &mut self.pool);
                self.counters.messages_out += feed.members.len() as u64;
                feed.appended_at = self.now.stamp();
                feed.queue_walk(feed_key, &mut self.walks);
            }
        }
        drop(message);
        self.work.charge_compression(self.encoder.take_cost());
    }

    fn make_room(&mut self, feed_key: u32, frame_len: usize) -> bool {
        let limit = self.config.log_bytes_max;
        let has_room = self.with_lag(feed_key, |feed, pool, lagging| {
            feed.make_room(frame_len, limit, pool, lagging)
        });
        if !has_room {
            self.end_early(feed_key);
        }
        has_room
    }

    /// Lets `cut` shorten a feed's log, and does by the policy to those that still lacked it.
    pub(crate) fn with_lag(
        &mut self,
        feed_key: u32,
        cut: impl FnOnce(&mut Feed, &mut Pool, &mut dyn FnMut(&Log, &mut Member, u64)) -> bool,
    ) -> bool {
        let Some(feed) = self.feeds.get_mut(feed_key as usize) else {
            return true;
        };
        let policy = self.config.slow_consumer;
        let mut lags = Vec::new();
        let room = cut(feed, &mut self.pool, &mut |log, member, end| {
            lags.push(fall_behind(policy, log, member, end));
        });
        for lag in lags {
            self.apply_lag(feed_key, lag);
        }
        room
    }

    fn apply_lag(&mut self, feed_key: u32, lag: Lag) {
        match lag {
            Lag::Skipped { frames } => self.counters.skipped += frames,
            Lag::Apart {
                conn,
                unread,
                count,
            } => {
                if let Some(outbox) = self.outbox(conn) {
                    outbox.keep_unread(feed_key, count, unread);
                }
                if let Some(conn) = self.conns.get_mut(conn as usize) {
                    conn.set(APART, true);
                }
            }
            Lag::Slow { conn } => {
                if self.conn(conn).is_some_and(|conn| conn.is(ACCEPTED)) {
                    self.close(conn, CloseReason::Slow);
                }
            }
        }
    }
}
