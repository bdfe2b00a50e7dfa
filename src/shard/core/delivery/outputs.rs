//! What rooms send out: to their topic, or to one connection on any shard.

use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::handler::{Busy, Output, Publisher};
use crate::id::ConnId;
use crate::limits::{OUTBOX_BYTES_HIGH, WELCOME_BYTES_MAX};
use crate::payload::Payload;
use crate::shard::core::shard::Shard;
use crate::shard::mail::FromHome;
use crate::topic::Topic;

impl<D, A> Shard<D, A> {
    /// Sends out what a room wants sent, or gives it back while there is no space for it.
    pub(crate) fn put_out(&mut self, topic: &Topic, mut output: Output) -> Option<Output> {
        let sent = match &mut output {
            Output::Publish(payload, extras, publisher) => {
                // A room has ticks of its own, and what it sends to one connection stands among
                // these messages.
                let ordered = self.order_behind_held(topic, payload, extras, *publisher);
                ordered.map(|position| self.tell_position(extras.as_deref_mut(), position))
            }
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
    pub(super) fn send_to(&mut self, id: ConnId, payload: &Payload, is_welcome: bool) {
        let Payload { kind, bytes } = payload;
        let is_full = self.usage().is_full_of_replies();
        let Some(conn) = self.conns.current(id) else {
            return;
        };
        if !conn.state.is_accepted() {
            return;
        }
        let unsent = conn.own_len();
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
}
