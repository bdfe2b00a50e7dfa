//! The outboxes of connections: taken from those that are spare, and given back.

use crate::id::ConnKey;
use crate::limits;
use crate::payload::{Encoder, Form, Payload};
use crate::proto::Kind;

use crate::shard::core::conn::outbox::Outbox;
use crate::shard::core::conn::state::State;
use crate::shard::core::inner::Inner;

impl<D, A> Inner<D, A> {
    /// Appends to a connection's outbox and puts it on the list of those to write.
    pub(crate) fn reply(&mut self, key: ConnKey, write: impl FnOnce(&mut Vec<u8>)) {
        self.append_own(key, |out, _, _| write(out));
    }

    /// The same with a message in the connection's form; `false` if that cannot carry it.
    pub(crate) fn reply_message(&mut self, key: ConnKey, kind: Kind, payload: &[u8]) -> bool {
        let carries = self
            .conns
            .get(key.index())
            .is_some_and(|conn| conn.form.carries(payload));
        if carries {
            self.counters.messages_out += 1;
            let has_time = self.work.has_time_for_reply();
            self.append_own(key, |out, form, encoder| {
                let payload = Payload {
                    kind,
                    bytes: payload,
                };
                encoder.encode_reply(form, out, payload, has_time);
            });
            self.work.charge_reply(self.fanout.encoder().take_cost());
        } else {
            self.counters.not_carried += 1;
        }
        carries
    }

    fn append_own(&mut self, key: ConnKey, write: impl FnOnce(&mut Vec<u8>, Form, &mut Encoder)) {
        let Self {
            conns,
            spare_outboxes,
            fanout,
            memory,
            ..
        } = self;
        let Some(conn) = conns
            .get_mut(key.index())
            .filter(|conn| conn.state != State::Dead)
        else {
            return;
        };
        let form = conn.form;
        let outbox = conn
            .outbox
            .get_or_insert_with(|| spare_outboxes.pop().unwrap_or_else(|| memory.outbox()));
        outbox.append(|out| write(out, form, fanout.encoder()));
        self.mark_dirty(key);
    }

    /// The outbox of a connection, made if need be.
    pub(crate) fn outbox(&mut self, key: ConnKey) -> Option<&mut Outbox> {
        let Self {
            conns,
            spare_outboxes,
            memory,
            ..
        } = self;
        let conn = conns.get_mut(key.index())?;
        let make = || spare_outboxes.pop().unwrap_or_else(|| memory.outbox());
        Some(conn.outbox.get_or_insert_with(make))
    }

    /// Drops what a connection has not been sent.
    pub(crate) fn discard_outbox(&mut self, key: ConnKey) {
        if let Some(conn) = self.conn(key) {
            conn.outbox = None;
        }
    }

    /// Takes an empty outbox away from a connection.
    pub(crate) fn drop_outbox(&mut self, key: ConnKey) {
        let Some(conn) = self.conns.get_mut(key.index()) else {
            return;
        };
        if let Some(mut outbox) = conn.outbox.take()
            && self.spare_outboxes.len() < limits::SPARE_OUTBOXES_MAX
            && outbox.recycle(limits::SPARE_OUTBOX_BYTES_MAX)
        {
            self.spare_outboxes.push(outbox);
        }
    }
}
