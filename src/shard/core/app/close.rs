//! Ends of connections, told to the handler.

use core::net::SocketAddr;

use crate::close_reason::CloseReason;
use crate::counters::status_index;
use crate::handler::{Busy, Halt, Handler, Wait};
use crate::id::ConnId;
use crate::limits::RESUMES_PER_TURN;
use crate::shard::core::ShardCore;
use crate::shard::core::app::cx::Cx;
use crate::shard::core::conn::ACCEPTED;
use crate::shard::core::work::Share;

impl<H: Handler> ShardCore<H> {
    /// Tells the handler of connections that have ended, and of those that have been sent all.
    /// `note` gets the address and the reason of each end, the address where it is kept.
    pub fn settle(&mut self, mut note: impl FnMut(ConnId, Option<SocketAddr>, CloseReason)) {
        while let Some((id, reason)) = self.inner.ended.pop() {
            self.inner.counters.closed[reason.index()] += 1;
            if let CloseReason::Refused(status) = reason {
                self.inner.counters.refused[status_index(status)] += 1;
            }
            note(id, self.inner.clients.addr(id.key), reason);
            self.tell_end(id, reason);
        }
        while let Some(id) = self.inner.drained.pop() {
            let conn = self.inner.current(id);
            if conn.is_some_and(|conn| conn.state.is_accepted()) {
                let (inner, key) = (&mut self.inner, id.key);
                inner.work.enter(Share::Ends);
                self.handler.on_drain(&mut Cx { inner, key });
                self.settle_homes();
            }
        }
    }

    /// Tells the handler again of connections whose end it could not take.
    pub(in crate::shard::core) fn resume_settling(&mut self) {
        if self.inner.has_news | self.inner.moved {
            self.inner.unsettled.note_news();
        }
        for _ in 0..self.inner.unsettled.len().min(RESUMES_PER_TURN) {
            if let Some((id, reason)) = self.inner.unsettled.pop() {
                self.tell_end(id, reason);
            }
        }
    }

    fn tell_end(&mut self, id: ConnId, reason: CloseReason) {
        let key = id.key;
        // What is published is published now, or never.
        self.inner.work.enter(Share::Ends);
        let conn = self.inner.conns.get(key.index());
        if !conn.is_some_and(|conn| conn.generation == id.generation && conn.is(ACCEPTED)) {
            return;
        }
        let inner = &mut self.inner;
        let told = self.handler.on_close(&mut Cx { inner, key }, reason);
        self.settle_homes();
        // Nobody is asked about one who is gone, and it reads nothing more.
        if let Err(Halt::Wait(Busy(Wait::Home(_)))) = told {
            return self.inner.unsettled.push((id, reason));
        }
        self.inner.questions.forget(key);
        if let Some(conn) = self.inner.conns.get_mut(key.index()) {
            conn.set(ACCEPTED, false);
        }
    }
}
