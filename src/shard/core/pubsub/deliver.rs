//! What comes over the lanes, and what rooms send out.

use std::sync::Arc;

use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::handler::{Busy, Output, Publisher};
use crate::id::{ConnId, ShardId};
use crate::limits::{OUTBOX_BYTES_HIGH, WELCOME_BYTES_MAX, WORK_OF_MESSAGE};
use crate::payload::Payload;
use crate::shard::core::app::room_queue::Staged;
use crate::shard::core::app::rooms::RoomWork;
use crate::shard::core::inner::Inner;
use crate::shard::core::work::Share;
use crate::shard::mail::FromHome;
use crate::topic::home::Interest;

impl<D, A> Inner<D, A> {
    /// One piece of mail is to be taken; `false` if that has to wait for the next turn, which comes
    /// at once.
    pub(crate) fn begin_mail(&mut self, share: Share) -> bool {
        self.work.enter(share);
        let waits = self.work.is_spent();
        if waits {
            self.moved = true;
        } else {
            self.work.charge(WORK_OF_MESSAGE);
        }
        !waits
    }

    /// Whether a shard can be answered now.
    pub(crate) fn can_answer(&mut self, shard: ShardId) -> bool {
        shard == self.shard || self.mail[usize::from(shard)].from_home.has_room()
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
        self.mail[usize::from(shard)].from_home.push(live);
    }

    pub(crate) fn remove_interest(&mut self, topic: &str, interest: Interest) {
        if let Some(room) = self.homes.remove(topic, interest) {
            self.room_work.push_back(RoomWork::Empty(room));
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
                if !self.has_log_space(key, generation, payload.kind, &payload.bytes) {
                    return Some(FromHome::Deliver {
                        key,
                        generation,
                        payload,
                    });
                }
                self.append(key, generation, payload.kind, &payload.bytes);
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
            Output::Publish(payload) => {
                let Payload { kind, bytes } = payload;
                self.order(topic, *kind, bytes, Some(payload))
            }
            Output::Reply(to, payload) => self.send_to_any(*to, payload, false),
            Output::Welcome(to, payload) => self.send_to_any(*to, payload, true),
        };
        sent.is_err().then_some(output)
    }

    /// Publishes what rooms have left for other topics, as far as there is room on the way.
    ///
    /// No room waits for this: two that publish to each other's topics would wait for ever.
    pub(crate) fn publish_elsewhere(&mut self) {
        let mut full: Vec<ShardId> = Vec::new();
        for _ in 0..self.elsewhere.len() {
            let Some((topic, payload)) = self.elsewhere.pop_front() else {
                return;
            };
            let home = self.home_of(&topic);
            // What is behind one that waits for the same home waits, too.
            if full.contains(&home) || !self.publish_from_room(home, &topic, &payload) {
                full.push(home);
                self.elsewhere.push_back((topic, payload));
            }
        }
    }

    fn publish_from_room(&mut self, home: ShardId, topic: &Arc<str>, payload: &Payload) -> bool {
        let staged = || Staged::new(Arc::clone(topic), payload.clone(), None, None);
        let has_room = if home == self.shard {
            let has_room = self.check_stage(topic).is_ok();
            if has_room {
                self.staged.push(staged());
            }
            has_room
        } else {
            let lane = &mut self.mail[usize::from(home)].to_home;
            let has_room = lane.has_room();
            if has_room {
                lane.push(staged().into());
            }
            has_room
        };
        self.counters.published += u64::from(has_room);
        has_room
    }

    fn send_to_any(
        &mut self,
        to: Publisher,
        payload: &Payload,
        is_welcome: bool,
    ) -> Result<(), Busy> {
        let Publisher { shard, conn } = to;
        if shard == self.shard {
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
        Some(&mut self.mail.get_mut(usize::from(shard))?.from_home)
    }

    /// Sends a room's message to a connection of this shard, unless that reads too slowly: then it
    /// misses it, or ends if that would be a gap.
    fn send_to(&mut self, id: ConnId, payload: &Payload, is_welcome: bool) {
        let Payload { kind, bytes } = payload;
        let is_full = self.is_full_of_replies();
        let Some(conn) = self.current(id) else { return };
        if !conn.state.is_accepted() {
            return;
        }
        let unsent = conn.outbox_len();
        if is_welcome && OUTBOX_BYTES_HIGH + WELCOME_BYTES_MAX < unsent {
            self.close(id.key, CloseReason::Slow);
        } else if !is_welcome && (OUTBOX_BYTES_HIGH < unsent || is_full) {
            let carries = conn.form.carries(bytes);
            self.counters.skipped += 1;
            self.counters.messages_out += u64::from(carries);
            self.counters.hit(Limit::Outbox);
        } else {
            self.reply_message(id.key, *kind, bytes);
        }
    }
}
