//! What comes over the lanes, and what rooms send out.

use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::handler::{Busy, Output, Publisher};
use crate::id::{ConnId, ShardId, TopicKey};
use crate::limits::{OUTBOX_BYTES_HIGH, WELCOME_BYTES_MAX, WORK_OF_MESSAGE};
use crate::payload::Payload;
use crate::shard::core::app::rooms::RoomWork;
use crate::shard::core::shard::Shard;
use crate::shard::core::work::Share;
use crate::shard::mail::FromHome;
use crate::topic::home::{Edge, Interest, RoomSlot};

impl<D, A> Shard<D, A> {
    /// One piece of mail is to be taken; `false` if that has to wait for the next turn, which comes
    /// at once.
    pub(crate) fn begin_mail(&mut self, share: Share) -> bool {
        self.env.work.enter(share);
        let waits = self.env.work.is_spent();
        if waits {
            self.env.moved = true;
        } else {
            self.env.work.charge(WORK_OF_MESSAGE);
        }
        !waits
    }

    /// Whether a shard can be answered now.
    pub(crate) fn can_answer(&mut self, shard: ShardId) -> bool {
        shard == self.env.shard || self.mail[shard.index()].from_home.has_room()
    }

    /// Tells a shard that its interest in a topic is known, after `can_answer` said yes.
    pub(crate) fn answer_want(&mut self, interest: Interest, joins: bool) {
        let Interest {
            shard,
            key,
            generation,
        } = interest;
        let live = FromHome::Live {
            key,
            generation,
            joins,
        };
        self.mail[shard.index()].from_home.push(live);
    }

    pub(crate) fn remove_interest(&mut self, topic: &str, interest: Interest) {
        let edge = self.homes.unwant(topic, interest);
        if edge == Some(Edge::Last)
            && let RoomSlot::Room { key, .. } = self.homes.room(topic)
        {
            self.room_work.push_back(RoomWork::Empty(key));
        }
    }

    /// Takes mail from a home, or gives it back while members who can still read lack room for it.
    pub(crate) fn take_from_home(&mut self, mail: FromHome) -> Option<FromHome> {
        match mail {
            FromHome::Live {
                key,
                generation,
                joins,
            } => {
                self.topic_is_live(key, generation, joins);
                None
            }
            FromHome::Joined { conn, key, ticket } => {
                self.joined(conn, key, ticket);
                None
            }
            FromHome::Passed { home, round } => {
                self.barrier.note_passed(home, round);
                None
            }
            FromHome::Deliver {
                key,
                generation,
                payload,
            } => {
                if !self.has_log_space(key, generation, payload.borrowed()) {
                    return Some(FromHome::Deliver {
                        key,
                        generation,
                        payload,
                    });
                }
                self.append(key, generation, payload.borrowed());
                None
            }
            FromHome::Send {
                conn,
                payload,
                is_welcome,
            } => {
                self.send_to(conn, &payload, is_welcome);
                None
            }
        }
    }

    /// Sends out what a room wants sent, or gives it back while there is no room for it.
    pub(crate) fn put_out(&mut self, topic: &str, output: Output) -> Option<Output> {
        let sent = match &output {
            Output::Publish(payload) => self.order(topic, payload),
            Output::Reply(to, payload) => self.send_to_any(*to, payload, false),
            Output::Welcome(to, payload) => self.send_to_any(*to, payload, true),
        };
        sent.is_err().then_some(output)
    }

    fn send_to_any(
        &mut self,
        to: Publisher,
        payload: &Payload,
        is_welcome: bool,
    ) -> Result<(), Busy> {
        let Publisher { shard, conn } = to;
        if shard == self.env.shard {
            self.send_to(conn, payload, is_welcome);
            return Ok(());
        }
        let Some(lane) = self.lane_to(shard) else {
            return Ok(());
        };
        if !lane.has_room() {
            return Err(Busy::at(shard));
        }
        let payload = payload.clone();
        lane.push(FromHome::Send {
            conn,
            payload,
            is_welcome,
        });
        Ok(())
    }

    fn lane_to(&mut self, shard: ShardId) -> Option<&mut crate::shard::mail::Outgoing<FromHome>> {
        Some(&mut self.mail.get_mut(shard.index())?.from_home)
    }

    /// Sends a room's message to a connection of this shard, unless that reads too slowly: then it
    /// misses it, or ends if that would be a gap.
    fn send_to(&mut self, id: ConnId, payload: &Payload, is_welcome: bool) {
        let Payload { kind, bytes } = payload;
        let is_full = self.is_full_of_replies();
        let Some(conn) = self.conns.current(id) else {
            return;
        };
        if !conn.state.is_accepted() {
            return;
        }
        let unsent = conn.outbox_len();
        if is_welcome && OUTBOX_BYTES_HIGH + WELCOME_BYTES_MAX < unsent {
            self.close(id.key, CloseReason::Slow);
        } else if !is_welcome && (OUTBOX_BYTES_HIGH < unsent || is_full) {
            let carries = conn.form.carries(bytes);
            self.env.counters.skipped += 1;
            self.env.counters.messages_out += u64::from(carries);
            self.env.counters.hit(Limit::Outbox);
        } else {
            self.reply_message(id.key, *kind, bytes);
        }
    }

    /// Whether the topic's logs take a message without letting go of anything that a member whose
    /// socket is not blocked has still to get, and there is time to encode it.
    pub(crate) fn has_log_space(
        &mut self,
        key: TopicKey,
        generation: u32,
        payload: Payload<&[u8]>,
    ) -> bool {
        if self.fanout.current(key, generation).is_none() {
            return true;
        }
        let len = payload.bytes.len();
        if !self.has_time_to_compress(key, len) || !self.has_backlog_space(len) {
            return false;
        }
        let space = self.fanout.make_space(key, payload, &self.env.config);
        self.apply_overruns();
        if let Err(form) = space {
            self.end_early(key, form);
        }
        space.is_ok()
    }

    /// Whether the turn has time to compress a message of `len` bytes, if subscribers of the topic
    /// want that; if not, the next one has, and comes at once.
    fn has_time_to_compress(&mut self, topic: TopicKey, len: usize) -> bool {
        if self.env.work.has_time_to_compress() {
            return true;
        }
        let waits = self.fanout.compresses(topic, len);
        if waits {
            self.env.moved = true;
            self.env.counters.hit(Limit::CompressTime);
        }
        !waits
    }

    /// Gives a message to the subscribers of a topic here, after `has_log_space` said yes.
    pub(crate) fn append(&mut self, key: TopicKey, generation: u32, payload: Payload<&[u8]>) {
        if self.fanout.current(key, generation).is_none() {
            return;
        }
        let appended = self.fanout.append(key, payload, self.env.now);
        self.env.counters.messages_out += appended.members;
        self.env.counters.not_carried += appended.not_carried;
        self.env.work.charge(appended.work);
        self.env.work.charge_compression(appended.compression);
    }
}
