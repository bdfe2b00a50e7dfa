//! Reading on where a pause is over.

use std::borrow::Cow;

use crate::handler::Handler;
use crate::id::{ConnId, ConnKey};
use crate::limits::{PASSES_PER_TURN, RESUMES_PER_TURN};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::http::Phase;
use crate::shard::core::conn::state::Pause;
use crate::shard::core::conn::{Conn, Input, READ_ENDED, UNPROCESSED, WaitingMessage};
use crate::shard::core::ingress::Progress;
use crate::shard::core::ingress::inflate::Compressed;
use crate::shard::core::work::Share;

impl<H: Handler> ShardCore<H> {
    /// In every other turn, connections that wait for topics at home here try before mail and
    /// reads: else these would take the space of the lanes in every turn.
    pub(in crate::shard::core) fn resume_first(&mut self) {
        let own = self.shard.env.shard.index();
        let has_peers = 1 < self.shard.pubsub.mail.len();
        let are_first = self.shard.conns.waits.are_before_mail();
        if has_peers && are_first && self.shard.env.has_news {
            self.shard.conns.waits.space[own].note_news();
            self.shard.env.work.enter(Share::Resumed);
            self.resume_waiting_for(own);
            self.shard.env.work.enter(Share::Read);
        }
    }

    /// Reads on the connections that waited for something that has come.
    pub(in crate::shard::core) fn resume_paused(&mut self) {
        if self.shard.env.has_news | self.shard.env.moved {
            self.shard.conns.waits.note_news();
        }
        let homes = self.shard.conns.waits.space.len();
        for place in self.shard.conns.waits.rotate() {
            if place == homes {
                self.resume_queued();
            } else {
                self.resume_waiting_for(place);
            }
        }
    }

    /// Goes on with connections whose clients wait to be identified, in their order.
    pub(in crate::shard::core) fn resume_verifying(&mut self) {
        self.shard.env.work.enter(Share::Verification);
        while !self.shard.env.work.is_spent()
            && let Some(id) = self.shard.conns.waits.verification.pop_front()
        {
            let waits = |conn: &mut Conn<_>| conn.pause == Pause::Verification;
            if self.shard.conns.current(id).is_some_and(waits) {
                self.resume_now(id);
            }
        }
    }

    /// Reads on connections for which what they waited for has come.
    fn resume_queued(&mut self) {
        let mut passed_over = Vec::new();
        let mut tries = RESUMES_PER_TURN;
        for _ in 0..self.shard.conns.waits.turn.len().min(PASSES_PER_TURN) {
            match self.shard.conns.waits.turn.pop_front() {
                Some(id) if self.shard.conns.waits_to_offer(&self.shard.env, id) => {
                    passed_over.push(id);
                }
                Some(id) => {
                    self.resume(id);
                    tries -= 1;
                }
                None => break,
            }
            if tries == 0 || self.shard.env.work.is_spent() {
                break;
            }
        }
        for id in passed_over.into_iter().rev() {
            self.shard.conns.waits.turn.push_front(id);
        }
    }

    /// Reads on connections that wait for a home. Those for which there is no time now are the
    /// first of the next turn.
    fn resume_waiting_for(&mut self, home: usize) {
        let own = home == self.shard.env.shard.index();
        let mut passed_over = Vec::new();
        for _ in 0..self.shard.conns.waits.space[home]
            .len()
            .min(RESUMES_PER_TURN)
        {
            // On the home itself each topic has its own space: all may try.
            if !own && !self.shard.pubsub.mail[home].to_home.has_space() {
                self.shard.conns.waits.space[home].put_back(passed_over);
                return self.shard.conns.waits.space[home].note_none();
            }
            if self.shard.env.work.is_spent() {
                break;
            }
            match self.shard.conns.waits.space[home].pop() {
                Some(id) if self.shard.conns.waits_to_offer(&self.shard.env, id) => {
                    passed_over.push(id);
                }
                Some(id) => self.resume(id),
                None => break,
            }
        }
        self.shard.conns.waits.space[home].put_back(passed_over);
    }

    fn resume(&mut self, id: ConnId) {
        // What waits to be inflated has a place of its own.
        let waits = |conn: &mut Conn<_>| matches!(conn.pause, Pause::Space | Pause::Turn);
        if self.shard.conns.current(id).is_some_and(waits) {
            self.resume_now(id);
        }
    }

    /// Goes on with what a paused connection has kept.
    pub(in crate::shard::core) fn resume_now(&mut self, id: ConnId) {
        let stamp = self.shard.env.now.stamp();
        self.shard.conns.unpause(&mut self.shard.env, id.key);
        self.shard.env.work.begin_part(false);
        let Some(conn) = self.shard.conns.current(id) else {
            return;
        };
        // Its silence was ours; but what the handler has not answered has a deadline.
        let has_asked = match conn.protocol.phase() {
            Some(phase) => phase == Phase::Handler,
            None => conn.state.is_opening(),
        };
        if !has_asked {
            conn.heard = stamp;
        }
        self.shard
            .conns
            .restart_progress(id.key, self.shard.env.now);
        let Some(conn) = self.shard.conns.current(id) else {
            return;
        };
        if let Some(kept) = &mut conn.input
            && let Some(arrival) = kept.arrival.take()
        {
            let input = conn.input.take();
            self.open_tcp(id.key, arrival);
            if let Some(kept) = input {
                self.go_on_with(id, kept);
            }
            return self.read_on(id);
        }
        if let Some(kept) = &mut conn.input
            && let Some(message) = kept.message.take()
        {
            match self.offer_kept(id.key, message) {
                Progress::Ended => return,
                Progress::Paused(_) => return self.account(id),
                Progress::Bytes(_) | Progress::Incomplete => {}
            }
        }
        match self.take_received(id) {
            Some(Progress::Ended) => return,
            Some(Progress::Paused(_)) => return self.account(id),
            Some(Progress::Bytes(_) | Progress::Incomplete) | None => {}
        }
        let Some(conn) = self.shard.conns.current(id) else {
            return;
        };
        let input = conn.input.take();
        match self.resume_request(id.key) {
            Some(Progress::Ended) => return,
            Some(Progress::Paused(_)) => {
                if let Some(conn) = self.shard.conns.current(id) {
                    conn.input = input;
                }
                return self.account(id);
            }
            Some(Progress::Bytes(_) | Progress::Incomplete) | None => {}
        }
        if let Some(input) = input {
            self.process_input(id, input);
        }
        self.read_on(id);
    }

    /// Offers a message that was kept.
    fn offer_kept(&mut self, key: ConnKey, kept: WaitingMessage) -> Progress {
        let payload = Cow::Owned(kept.payload);
        if kept.is_compressed {
            let compressed = Compressed {
                kind: kept.kind,
                payload,
                takes_over: self.shard.takes_over(key),
            };
            self.offer_compressed(key, compressed, 0)
        } else {
            self.put(key, kept.kind, payload, 0)
        }
    }

    /// Takes what came before a connection was opened, if it is now; keeps it if that waits again.
    fn go_on_with(&mut self, id: ConnId, kept: Box<Input>) {
        let Some(conn) = self
            .shard
            .conns
            .current(id)
            .filter(|conn| !conn.state.is_closing())
        else {
            return;
        };
        if kept.bytes.is_empty() {
            return;
        }
        if conn.is_paused() {
            conn.input.get_or_insert_default().bytes = kept.bytes;
        } else {
            self.process_input(id, kept);
        }
    }

    /// Has a connection that is not paused any more read on.
    pub(in crate::shard::core) fn read_on(&mut self, id: ConnId) {
        self.account(id);
        self.shard.arm(id.key);
        let has_ended = |conn: &&mut Conn<_>| {
            conn.protocol.http().is_some()
                && conn.is(READ_ENDED)
                && !conn.is_paused()
                && !conn.is(UNPROCESSED)
        };
        if self.shard.conns.current(id).filter(has_ended).is_some() {
            return self.shard.read_ended(id.key);
        }
        if self
            .shard
            .conns
            .current(id)
            .is_some_and(|conn| !conn.is_paused())
        {
            self.shard.conns.reads.release(id);
        }
    }
}
