//! Slow heads and garbage: the application of a thread that misbehaves. Slow heads have the first
//! places, garbage those behind.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::app::{App, EndedBy, LinkName, Place};
use crate::client::{Ended, Event, Link};
use crate::clock::{MILLISECOND, nanos, now_ns};
use crate::hostile::garbage::{Dice, Mess, slow_start, wrong_frame};
use crate::hostile::orders::Orders;
use crate::hostile::tally::{Meters, Tally};
use crate::outbox::{Leave, Outbox};
use crate::worker::CLOSED;

#[derive(Debug)]
pub(super) struct Intruders {
    orders: Arc<Orders>,
    meters: Arc<Meters>,
    pub(super) tally: Tally,
    dice: Dice,
    place: Place,
    conns: Vec<Conn>,
    slow_heads: usize,
    /// What a slow head begins with, by target.
    slow_starts: Vec<Vec<u8>>,
    /// Places for garbage that are free.
    free: Vec<usize>,
    /// What is due when: the time, the place, and which of its turns is meant.
    alarms: BinaryHeap<Reverse<(u64, usize, u32)>>,
    /// Zero until the leader lets them begin.
    began_at: u64,
    /// Connections of garbage that were begun or held back.
    thrown: u64,
}

#[derive(Clone, Debug, Default)]
struct Conn {
    /// What it is for, if it is garbage.
    mess: Option<Mess>,
    /// Alarms of an earlier turn are void.
    turn: u32,
    /// When it was connected; zero while it is not.
    since: u64,
    /// Bytes of a slow head that went out.
    sent: usize,
    answer: Option<Ended>,
}

/// Longest message of the server that is read, in bytes; none is expected.
pub(super) const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// A slow head that ended, or could not be opened, rests this long.
const REST_NS: u64 = 100 * MILLISECOND;
/// Connections of garbage begun in one turn at the most: what a thread has slept through is not
/// made up for at once.
pub(super) const THROWS_PER_TURN: usize = 256;

impl Intruders {
    /// Those of one thread, which wait until they may begin.
    pub(super) fn new(place: Place, orders: Arc<Orders>, meters: Arc<Meters>) -> Self {
        let slow_heads = place.share(orders.slow_heads);
        let all = slow_heads + orders.places(place.threads);
        Self {
            tally: Tally::new(),
            dice: Dice::new(orders.seed, place.thread),
            place,
            conns: vec![Conn::default(); all],
            slow_heads,
            slow_starts: orders.targets.iter().map(slow_start).collect(),
            free: (slow_heads..all).rev().collect(),
            alarms: BinaryHeap::new(),
            began_at: 0,
            thrown: 0,
            orders,
            meters,
        }
    }

    /// Which target a place is for, as [`crate::app::Plan::target`] has it.
    fn target_of(&self, index: usize) -> usize {
        (index + self.place.thread) % self.orders.targets.len()
    }

    /// What is to be done for a place at this time, and nothing else.
    fn alarm(&mut self, index: usize, at: u64) {
        let conn = &mut self.conns[index];
        conn.turn = conn.turn.wrapping_add(1);
        self.alarms.push(Reverse((at, index, conn.turn)));
    }

    /// From now on the server has its time to end a connection of garbage: this side has done its
    /// part, however late.
    fn be_patient(&mut self, index: usize) {
        self.alarm(index, now_ns() + self.orders.patience_ns);
    }

    fn heed_alarms(&mut self, now: u64, out: &mut Outbox) {
        while let Some(Reverse((at, index, turn))) = self.alarms.peek().copied()
            && at <= now
        {
            self.alarms.pop();
            let conn = &self.conns[index];
            if conn.turn != turn || conn.since == 0 {
                continue;
            }
            match conn.mess {
                Some(_) => out.leave(index, Leave::Cut),
                None => self.send_slow_byte(index, at, out),
            }
        }
    }

    /// The next byte of a slow head, which was due at this time.
    fn send_slow_byte(&mut self, index: usize, due: u64, out: &mut Outbox) {
        let start = &self.slow_starts[self.target_of(index)];
        let conn = &mut self.conns[index];
        if !out.is_blocked(index) {
            out.raw(index, &[start.get(conn.sent).copied().unwrap_or(b'a')]);
            conn.sent += 1;
        }
        self.alarm(index, due + self.orders.byte_every_ns);
    }

    /// Begins the connections of garbage that are due, and says when the next is.
    fn throw(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        let per_s = self.orders.garbage_per_s / self.place.threads as f64;
        if per_s <= 0.0 || self.meters.is_over.load(Ordering::Acquire) {
            return None;
        }
        for _ in 0..THROWS_PER_TURN {
            let due = self.began_at + nanos(self.thrown as f64 / per_s);
            if due > now {
                return Some(due);
            }
            self.thrown += 1;
            let Some(index) = self.free.pop() else {
                self.tally.held_back += 1;
                continue;
            };
            let target = &self.orders.targets[self.target_of(index)];
            self.conns[index].mess = Some(Mess::pick(target, &mut self.dice));
            self.meters.garbage_busy.fetch_add(1, Ordering::AcqRel);
            out.come_back(index, now);
        }
        Some(now)
    }
}

impl App for Intruders {
    fn on_turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        if !self.meters.has_begun.load(Ordering::Acquire) {
            return None;
        }
        if self.began_at == 0 {
            self.began_at = now;
            (0..self.slow_heads).for_each(|index| out.come_back(index, now));
        }
        self.heed_alarms(now, out);
        let thrown = self.throw(now, out);
        let next = self.alarms.peek().map(|Reverse((at, ..))| *at);
        [next, thrown].into_iter().flatten().min()
    }

    fn on_connected(&mut self, index: usize, now: u64, out: &mut Outbox) {
        self.conns[index].since = now;
        let add = |counter: &AtomicU64| counter.fetch_add(1, Ordering::AcqRel) + 1;
        let Some(mess) = self.conns[index].mess else {
            let open = add(&self.meters.slow_open);
            let most = &self.meters.slow_open_most;
            most.fetch_max(open, Ordering::AcqRel);
            add(&self.meters.slow_opened);
            // Not all in the same moment.
            let wait = self.dice.below(self.orders.byte_every_ns);
            return self.alarm(index, now + wait);
        };
        add(&self.meters.garbage_open);
        add(&self.meters.garbage_made);
        let target = &self.orders.targets[self.target_of(index)];
        out.piece(index, mess.bytes(target, &mut self.dice).into());
        self.be_patient(index);
    }

    fn on_taken(&mut self, index: usize, _bytes: usize, is_whole: bool, out: &mut Outbox) {
        let conn = &self.conns[index];
        if is_whole && conn.since > 0 {
            if conn.mess == Some(Mess::HalfHead) {
                out.finish(index);
            }
            self.be_patient(index);
        }
    }

    fn on_bytes(&mut self, index: usize, link: &mut Link, bytes: &[u8], out: &mut Outbox) {
        let conn = &mut self.conns[index];
        // After its last word nothing counts any more.
        if conn.answer.is_some() {
            return;
        }
        let mut is_live = false;
        let heard = link.handle_bytes(bytes, MESSAGE_BYTES_MAX, None, |event| {
            is_live |= event == Event::Live;
        });
        conn.answer = heard.err();
        if is_live && conn.mess == Some(Mess::WrongFrame) {
            out.piece(index, wrong_frame(&mut self.dice).into());
        }
    }

    fn on_end(&mut self, link: LinkName, by: EndedBy<'_>, now: u64, out: &mut Outbox) {
        let index = link.index;
        let conn = &mut self.conns[index];
        // The place is free for the next, but what was due stays void.
        let ended = std::mem::take(conn);
        conn.turn = ended.turn.wrapping_add(1);
        let answer = ended.answer.map(Ended::label);
        match by {
            EndedBy::Failure(_) => {}
            EndedBy::Us => {
                self.tally.left_open += 1;
                let after = answer.map(|answer| format!(" after: {answer}"));
                let how = format!("not ended{}", after.unwrap_or_default());
                self.tally.end(ended.mess, how);
            }
            EndedBy::Server(how) => {
                let is_closed = how == CLOSED;
                self.tally.closed += u64::from(is_closed);
                self.tally.reset += u64::from(!is_closed);
                let lived = match ended.mess {
                    Some(_) => &mut self.tally.garbage_lived,
                    None => &mut self.tally.slow_lived,
                };
                lived.record(now.saturating_sub(ended.since));
                let how = answer.unwrap_or_else(|| how.to_owned());
                self.tally.end(ended.mess, how);
            }
        }
        let open = if ended.mess.is_some() {
            self.free.push(index);
            self.meters.garbage_busy.fetch_sub(1, Ordering::AcqRel);
            &self.meters.garbage_open
        } else {
            out.come_back(index, now + REST_NS);
            &self.meters.slow_open
        };
        open.fetch_sub(u64::from(ended.since > 0), Ordering::AcqRel);
    }
}
