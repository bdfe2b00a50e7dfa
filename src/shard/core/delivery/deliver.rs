//! What comes over the lanes, and what rooms send out.

use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::handler::{Busy, Output, Publisher};
use crate::id::{ConnId, TopicKey};
use crate::limits::{OUTBOX_BYTES_HIGH, WELCOME_BYTES_MAX};
use crate::payload::{Form, Payload};
use crate::shard::core::shard::Shard;
use crate::shard::mail::FromHome;
use crate::topic::Topic;

impl<D, A> Shard<D, A> {
    /// Takes mail from a home, or gives it back while there is no space for it in a log that
    /// members still read.
    pub(crate) fn take_from_home(&mut self, mail: FromHome) -> Option<FromHome> {
        match mail {
            FromHome::Live {
                key,
                generation,
                joins,
            } => {
                self.pubsub
                    .topic_is_live(&mut self.conns, &mut self.env, key, generation, joins);
                None
            }
            FromHome::Joined { conn, key, ticket } => {
                self.pubsub
                    .joined(&mut self.conns, &mut self.env, conn, key, ticket);
                None
            }
            FromHome::Passed { home, round } => {
                self.pubsub.barrier.note_passed(home, round);
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

    /// Sends out what a room wants sent, or gives it back while there is no space for it.
    pub(crate) fn put_out(&mut self, topic: &Topic, output: Output) -> Option<Output> {
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
        let Some(lane) = self.pubsub.lane_to(shard) else {
            return Ok(());
        };
        if !lane.has_space() {
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

    /// Sends a room's message to a connection of this shard, unless that reads too slowly: then it
    /// misses it, or ends if that would be a gap.
    fn send_to(&mut self, id: ConnId, payload: &Payload, is_welcome: bool) {
        let Payload { kind, bytes } = payload;
        let is_full = self.usage().is_full_of_replies();
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
        if self.pubsub.fanout.current(key, generation).is_none() {
            return true;
        }
        let len = payload.bytes.len();
        if !self.has_time_to_compress(key, len) || !self.has_backlog_space(len) {
            return false;
        }
        let space = self
            .pubsub
            .fanout
            .make_space(key, payload, &self.env.config);
        self.apply_overruns();
        if let Err(form) = space {
            self.end_early(key, form);
        }
        space.is_ok()
    }

    /// Ends connections that have joined a topic whose log needs space, and are corked: nothing was
    /// promised to them yet, and what they wait for may be behind the mail that needs the space.
    fn end_early(&mut self, topic: TopicKey, form: Form) {
        for key in self.pubsub.early_behind(&self.conns, topic, form) {
            self.kill(key, CloseReason::Overload);
        }
    }

    /// Whether the turn has time to compress a message of `len` bytes, if subscribers of the topic
    /// want that; if not, the next one has, and comes at once.
    fn has_time_to_compress(&mut self, topic: TopicKey, len: usize) -> bool {
        if self.env.work.has_time_to_compress() {
            return true;
        }
        let waits = self.pubsub.fanout.compresses(topic, len);
        if waits {
            self.env.moved = true;
            self.env.counters.hit(Limit::CompressTime);
        }
        !waits
    }

    /// Gives a message to the subscribers of a topic here, after `has_log_space` said yes.
    pub(crate) fn append(&mut self, key: TopicKey, generation: u32, payload: Payload<&[u8]>) {
        if self.pubsub.fanout.current(key, generation).is_none() {
            return;
        }
        let appended = self.pubsub.fanout.append(key, payload, self.env.now);
        self.env.counters.messages_out += appended.members;
        self.env.counters.not_carried += appended.not_carried;
        self.env.work.charge(appended.work);
        self.env.work.charge_compression(appended.compression);
    }
}
