//! The outboxes of connections: made when there is something to send, and kept for others when
//! all of it is sent.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::id::ConnKey;
use crate::limits::{SPARE_OUTBOX_BYTES_MAX, SPARE_OUTBOXES_MAX};
use crate::proto::centrifuge::Reply;
use crate::shard::core::conn::outbox::Outbox;
use crate::shard::core::conn::{BLOCKED, Conn};
use crate::shard::core::conns::Conns;
use crate::time::Now;

/// The outboxes of connections.
#[derive(Debug, Default)]
pub(crate) struct OutboxPool {
    #[expect(
        clippy::vec_box,
        reason = "connections keep them boxed: the boxes are what is spared"
    )]
    spare: Vec<Box<Outbox>>,
    /// Bytes of unread replies: outboxes count them.
    bytes: Rc<Cell<usize>>,
}

impl OutboxPool {
    /// Bytes of replies that are not read.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// The outbox that is there, or is made now.
    pub(crate) fn make<'o>(&mut self, outbox: &'o mut Option<Box<Outbox>>) -> &'o mut Outbox {
        outbox.get_or_insert_with(|| {
            let spare = self.spare.pop();
            spare.unwrap_or_else(|| Box::new(Outbox::counted_by(&self.bytes)))
        })
    }
}

impl<D> Conns<D> {
    /// A connection, with what makes its outbox.
    pub(crate) fn with_outboxes(
        &mut self,
        key: ConnKey,
    ) -> Option<(&mut Conn<D>, &mut OutboxPool)> {
        let conn = self.slab.get_mut(key.index())?;
        Some((conn, &mut self.outboxes))
    }

    /// The outbox of a connection, made if need be.
    pub(crate) fn outbox(&mut self, key: ConnKey) -> Option<&mut Outbox> {
        let conn = self.slab.get_mut(key.index())?;
        Some(self.outboxes.make(&mut conn.outbox))
    }

    /// Tells the client of a session something, before all that is in the outbox.
    pub(crate) fn tell_first(&mut self, key: ConnKey, reply: &Reply) {
        let message = self.encode_reply(key, reply);
        if let Some(outbox) = self.outbox(key) {
            outbox.prepend(message);
        }
    }

    /// What tells the client of a session something; empty if the connection has none.
    pub(crate) fn encode_reply(&mut self, key: ConnKey, reply: &Reply) -> Vec<u8> {
        let mut message = Vec::new();
        if let Some(session) = self.session(key) {
            session.encode(&mut message, reply);
        }
        message
    }

    /// Drops what a connection has not been sent.
    pub(crate) fn discard_outbox(&mut self, key: ConnKey) {
        if let Some(conn) = self.live(key) {
            conn.outbox = None;
        }
    }

    /// Takes an empty outbox away from a connection.
    pub(crate) fn drop_outbox(&mut self, key: ConnKey) {
        let Some(conn) = self.slab.get_mut(key.index()) else {
            return;
        };
        let spare = &mut self.outboxes.spare;
        if let Some(mut outbox) = conn.outbox.take()
            && spare.len() < SPARE_OUTBOXES_MAX
            && outbox.recycle(SPARE_OUTBOX_BYTES_MAX)
        {
            spare.push(outbox);
        }
    }

    /// Blocked connections with unread replies, the next to end last: those of which, and of whose
    /// address, most has waited longest.
    pub(crate) fn rank_unread(&self, now: Now) -> Vec<(u64, ConnKey)> {
        let unread = self.iter().filter_map(|(key, conn)| {
            let held = conn.outbox.as_ref().map_or(0, |outbox| outbox.held());
            let waits = conn.is(BLOCKED) && held != 0;
            waits.then(|| {
                let since = now.since(conn.blocked_at.moment()).as_millis();
                (key, self.holders.client(conn.tab), held as u64, since)
            })
        });
        let unread: Vec<_> = unread.collect();
        let mut of_client = HashMap::<u32, u64>::new();
        for (_, client, held, _) in &unread {
            *of_client.entry(*client).or_default() += held;
        }
        let score = |client: u32, since: u128| {
            let seconds = u64::try_from(since / 1000).unwrap_or(u64::MAX).min(1 << 20);
            of_client.get(&client).copied().unwrap_or(0) * (seconds + 1)
        };
        let unread = unread.into_iter();
        let mut ranked: Vec<(u64, ConnKey)> = unread
            .map(|(key, client, _, since)| (score(client, since), key))
            .collect();
        ranked.sort_unstable();
        ranked
    }
}
