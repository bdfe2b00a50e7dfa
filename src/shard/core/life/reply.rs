//! Bytes for one connection alone: into its outbox, and the connection among those to write.

use crate::counters::Limit;
use crate::handler::Sent;
use crate::id::ConnKey;
use crate::limits::{OUTBOX_BYTES_HIGH, OUTBOX_BYTES_PRESSURE};
use crate::payload::{Encoder, Entry, Form, Payload};
use crate::proto::Kind;
use crate::shard::core::conn::DRAINS;
use crate::shard::core::shard::Shard;

impl<D, A> Shard<D, A> {
    /// Appends to a connection's outbox and puts it on the list of those to write.
    pub(crate) fn reply(&mut self, key: ConnKey, write: impl FnOnce(&mut Vec<u8>)) {
        self.append_own(key, |out, _, _| write(out));
    }

    /// The same with a message in the connection's form; `false` if that cannot carry it.
    pub(crate) fn reply_message(&mut self, key: ConnKey, kind: Kind, payload: &[u8]) -> bool {
        let carries = self
            .conns
            .get(key)
            .is_some_and(|conn| conn.form.carries(payload));
        if carries {
            self.env.counters.messages_out += 1;
            let has_time = self.env.work.has_time_for_reply();
            self.append_own(key, |out, form, encoder| {
                let payload = Payload {
                    kind,
                    bytes: payload,
                };
                encoder.encode_alone(form, out, Entry::reply(payload), has_time);
            });
            self.env
                .work
                .charge_reply(self.pubsub.fanout.encoder().take_cost());
        } else {
            self.env.counters.not_carried += 1;
        }
        carries
    }

    /// Sends a message that was checked, unless the connection has too much that it has not read.
    pub(crate) fn send(&mut self, key: ConnKey, kind: Kind, payload: &[u8]) -> Sent {
        let conn = self.conns.live(key);
        let Some(conn) = conn.filter(|conn| !conn.state.is_closing()) else {
            return Sent::Dropped;
        };
        if OUTBOX_BYTES_HIGH < conn.own_len() {
            conn.set(DRAINS, true);
            self.env.counters.hit(Limit::Outbox);
            return Sent::Dropped;
        }
        if self.usage().is_full_of_replies() {
            self.env.counters.hit(Limit::Replies);
            return Sent::Dropped;
        }
        if !self.reply_message(key, kind, payload) {
            return Sent::Dropped;
        }
        let conn = self.conns.live(key);
        match conn.filter(|conn| OUTBOX_BYTES_PRESSURE < conn.own_len()) {
            Some(conn) => {
                conn.set(DRAINS, true);
                Sent::Pressure
            }
            None => Sent::Queued,
        }
    }

    fn append_own(&mut self, key: ConnKey, write: impl FnOnce(&mut Vec<u8>, Form, &mut Encoder)) {
        let Self { conns, pubsub, .. } = self;
        let Some(form) = conns.live(key).map(|conn| conn.form) else {
            return;
        };
        if let Some(outbox) = conns.outbox(key) {
            outbox.append(|out| write(out, form, pubsub.fanout.encoder()));
        }
        self.pubsub.mark_dirty(&mut self.conns, key);
    }
}
