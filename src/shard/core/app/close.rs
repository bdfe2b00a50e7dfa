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
use crate::shard::mail::Happening;

impl<H: Handler> ShardCore<H> {
    /// Tells the handler of connections that have ended, and of those that have been sent all.
    /// `note` gets the address and the reason of each end, the address where it is kept.
    pub fn settle(&mut self, mut note: impl FnMut(ConnId, Option<SocketAddr>, CloseReason)) {
        while let Some((id, reason)) = self.shard.conns.ends.next_ended() {
            self.shard.env.counters.closed[reason.index()] += 1;
            if let CloseReason::Refused(status) = reason {
                self.shard.env.counters.refused[status_index(status)] += 1;
            }
            if self.shard.env.is_traced() {
                let closed = || Happening::Closed(reason.to_string());
                self.shard.env.trace(Some(id), None, closed);
            }
            note(id, self.shard.conns.clients.addr(id.key), reason);
            self.tell_end(id, reason);
        }
        while let Some(id) = self.shard.conns.ends.next_drained() {
            let conn = self.shard.conns.current(id);
            if conn.is_some_and(|conn| conn.state.is_accepted()) {
                let (shard, key) = (&mut self.shard, id.key);
                shard.env.work.enter(Share::Ends);
                self.handler.on_drain(&mut Cx { shard, key });
                self.settle_homes();
            }
        }
    }

    /// Tells the handler again of ends that it could not take.
    pub(in crate::shard::core) fn resume_settling(&mut self) {
        if self.shard.env.has_news | self.shard.env.moved {
            self.shard.conns.ends.unsettled.note_news();
        }
        for _ in 0..self.shard.conns.ends.unsettled.len().min(RESUMES_PER_TURN) {
            if let Some((id, reason)) = self.shard.conns.ends.unsettled.pop() {
                self.tell_end(id, reason);
            }
        }
    }

    fn tell_end(&mut self, id: ConnId, reason: CloseReason) {
        let key = id.key;
        // What is published is published now, or never.
        self.shard.env.work.enter(Share::Ends);
        let conn = self.shard.conns.get(key);
        if !conn.is_some_and(|conn| conn.generation == id.generation && conn.is(ACCEPTED)) {
            return;
        }
        let shard = &mut self.shard;
        let told = self.handler.on_close(&mut Cx { shard, key }, reason);
        self.settle_homes();
        // A connection that is gone asks no question, and is not read.
        if let Err(Halt::Wait(Busy(Wait::Home(_)))) = told {
            return self.shard.conns.ends.unsettled.push((id, reason));
        }
        self.shard.questions.forget(key);
        if let Some(conn) = self.shard.conns.get_mut(key) {
            conn.set(ACCEPTED, false);
        }
    }
}
