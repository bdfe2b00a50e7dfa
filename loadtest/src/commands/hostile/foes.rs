//! The application of a thread that misbehaves: slow heads have the first places, then come
//! attackers, each with its script, and behind them the places for garbage.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::client::inflate::Inflater;
use crate::client::link::{Ended, Link, State};
use crate::client::outbox::{Leave, Outbox};
use crate::client::{App, CLOSED, EndedBy, LinkName, Place, Plan};
use crate::clock::{MILLISECOND, nanos, now_ns};
use crate::commands::hostile::attack::Attack;
use crate::commands::hostile::orders::{Losses, Meters, Orders, THROWS_PER_TURN, Tally};
use crate::commands::hostile::script::{Dice, MESSES, Script, Then, garbage, slow_head};
use crate::url::{Protocol, Target};

pub(super) struct Foes {
    orders: Arc<Orders>,
    meters: Arc<Meters>,
    pub(super) tally: Tally,
    dice: Dice,
    place: Place,
    conns: Vec<Conn>,
    /// Those that send something at every turn.
    bursts: Vec<usize>,
    /// Places for garbage that are free.
    free: Vec<usize>,
    /// What is due when: the time, the place, and which of its turns is meant.
    alarms: BinaryHeap<Reverse<(u64, usize, u32)>>,
    /// Zero until the leader lets them begin.
    began_at: u64,
    /// Connections of garbage that were begun or held back.
    thrown: u64,
    inflater: Inflater,
}

#[derive(Clone, Debug)]
struct Conn {
    kind: Kind,
    /// What it does; none where no garbage was thrown yet.
    script: Option<Arc<Script>>,
    /// Alarms of an earlier turn are void.
    turn: u32,
    /// When it was connected; zero while it is not.
    since: u64,
    is_live: bool,
    /// Bytes of a slow head that went out, or bursts.
    sent: u64,
    /// What the server has refused it with.
    answer: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    SlowHead,
    Attacker(Attack),
    /// The number of the mess.
    Garbage(usize),
}

/// Longest message of the server that is read, in bytes.
pub(super) const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// A slow head that ended, or could not be opened, rests this long, and an attacker longer.
const SLOW_REST_NS: u64 = 100 * MILLISECOND;
const ATTACK_REST_NS: u64 = 250 * MILLISECOND;
impl Foes {
    /// The share of one thread of all `conns`, which wait until they may begin.
    pub(super) fn new(
        place: Place,
        conns: usize,
        orders: Arc<Orders>,
        meters: Arc<Meters>,
    ) -> Self {
        let attackers = orders.slow_heads + orders.scripts.len();
        let slow_heads = orders.targets.iter().map(slow_head).map(Arc::new);
        let slow_heads: Vec<Arc<Script>> = slow_heads.collect();
        let conn = |index| {
            let number = place.number(index);
            let attacker = number.checked_sub(orders.slow_heads);
            let attacker = attacker.and_then(|number| orders.scripts.get(number));
            Conn::new(match attacker {
                Some((attack, script)) => (Kind::Attacker(*attack), Some(Arc::clone(script))),
                None if number < orders.slow_heads => {
                    let target = (index + place.thread) % slow_heads.len();
                    (Kind::SlowHead, Some(Arc::clone(&slow_heads[target])))
                }
                None => (Kind::Garbage(0), None),
            })
        };
        let all = place.share(conns);
        let conns: Vec<Conn> = (0..all).map(conn).collect();
        let is_burst = |index: &usize| conns[*index].burst().is_some();
        Self {
            tally: Tally::default(),
            dice: Dice::new(orders.seed, place.thread),
            place,
            bursts: (0..all).filter(is_burst).collect(),
            free: (place.share(attackers)..all).rev().collect(),
            conns,
            alarms: BinaryHeap::new(),
            began_at: 0,
            thrown: 0,
            inflater: Inflater::new(),
            orders,
            meters,
        }
    }

    /// Which target a place without a script is for, as [`Plan::target`] has it.
    fn target_of(&self, index: usize) -> usize {
        (index + self.place.thread) % self.orders.targets.len()
    }

    fn losses(&mut self, attack: Attack) -> &mut Losses {
        self.tally.attacks.entry(attack).or_default()
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
            if conn.turn == turn && conn.since != 0 {
                match conn.kind {
                    Kind::SlowHead => self.send_slow_byte(index, at, out),
                    _ => out.leave(index, Leave::Cut),
                }
            }
        }
    }

    /// The next byte of a slow head, which was due at this time.
    fn send_slow_byte(&mut self, index: usize, due: u64, out: &mut Outbox) {
        let conn = &mut self.conns[index];
        if !out.is_blocked(index)
            && let Some(script) = &conn.script
        {
            let at = usize::try_from(conn.sent).unwrap_or(usize::MAX);
            out.raw(index, &[script.first.get(at).copied().unwrap_or(b'a')]);
            conn.sent += 1;
        }
        self.alarm(index, due + self.orders.byte_every_ns);
    }

    /// Sends what attackers send at every turn, and says when the next turn is.
    fn burst(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        let mut next: Option<u64> = None;
        for index in &self.bursts {
            let conn = &mut self.conns[*index];
            let Some((every, piece)) = conn.burst() else {
                continue;
            };
            let turn = (now - self.began_at) / every;
            if conn.is_live && conn.sent < turn && !out.is_blocked(*index) {
                out.piece(*index, Arc::clone(piece));
                conn.sent = turn;
            }
            let at = self.began_at + (turn + 1) * every;
            next = Some(next.map_or(at, |next| next.min(at)));
        }
        next
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
            let (mess, script) = garbage(target, &mut self.dice);
            self.conns[index].kind = Kind::Garbage(mess);
            self.conns[index].script = Some(Arc::new(script));
            self.meters.garbage_busy.fetch_add(1, Ordering::AcqRel);
            out.come_back(index, now);
        }
        Some(now)
    }

    fn becomes_live(&mut self, index: usize, out: &mut Outbox) {
        let conn = &mut self.conns[index];
        conn.is_live = true;
        let Some(script) = &conn.script else { return };
        if script.first.is_empty() {
            conn.go_on(index, out);
        } else {
            out.piece(index, Arc::clone(&script.first));
        }
    }
}

impl Conn {
    fn new((kind, script): (Kind, Option<Arc<Script>>)) -> Self {
        Self {
            kind,
            script,
            turn: 0,
            since: 0,
            is_live: false,
            sent: 0,
            answer: None,
        }
    }

    fn burst(&self) -> Option<(u64, &Arc<[u8]>)> {
        match &self.script.as_ref()?.then {
            Then::Every(every, piece) => Some((*every, piece)),
            _ => None,
        }
    }

    /// The connection has sent all it was to send until now.
    fn go_on(&self, index: usize, out: &mut Outbox) {
        match self.script.as_ref().map(|script| &script.then) {
            Some(Then::Repeat(piece)) if self.is_live && !out.is_blocked(index) => {
                out.piece(index, Arc::clone(piece));
            }
            Some(Then::End) => out.finish(index),
            _ => {}
        }
    }
}

impl App for Foes {
    fn target<'a>(&'a self, plan: &'a Plan, thread: usize, index: usize) -> &'a Target {
        let script = self.conns[index].script.as_ref();
        script.map_or_else(|| plan.target(thread, index), |script| &script.target)
    }

    fn reads(&self, index: usize) -> bool {
        let script = self.conns[index].script.as_ref();
        script.is_none_or(|script| script.reads)
    }

    fn on_turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        if !self.meters.has_begun.load(Ordering::Acquire) {
            return None;
        }
        if self.began_at == 0 {
            self.began_at = now;
            let steady = self.conns.len() - self.free.len();
            (0..steady).for_each(|index| out.come_back(index, now));
        }
        self.heed_alarms(now, out);
        let (burst, thrown) = (self.burst(now, out), self.throw(now, out));
        let next = self.alarms.peek().map(|Reverse((at, ..))| *at);
        [next, burst, thrown].into_iter().flatten().min()
    }

    fn on_connected(&mut self, index: usize, now: u64, out: &mut Outbox) {
        let add = |counter: &AtomicU64| counter.fetch_add(1, Ordering::AcqRel) + 1;
        let conn = &mut self.conns[index];
        conn.since = now;
        match conn.kind {
            Kind::SlowHead => {
                let open = add(&self.meters.slow_open);
                let most = &self.meters.slow_open_most;
                most.fetch_max(open, Ordering::AcqRel);
                add(&self.meters.slow_opened);
                // Not all in the same moment.
                let wait = self.dice.below(self.orders.byte_every_ns);
                return self.alarm(index, now + wait);
            }
            Kind::Attacker(attack) => self.losses(attack).opened += 1,
            Kind::Garbage(_) => {
                add(&self.meters.garbage_open);
                add(&self.meters.garbage_made);
                self.be_patient(index);
            }
        }
        let script = self.conns[index].script.as_ref();
        match script.and_then(|script| script.request.as_ref()) {
            Some(request) => out.piece(index, Arc::clone(request)),
            None => self.becomes_live(index, out),
        }
    }

    fn on_taken(&mut self, index: usize, bytes: usize, is_whole: bool, out: &mut Outbox) {
        let kind = self.conns[index].kind;
        if let Kind::Attacker(attack) = kind {
            self.losses(attack).sent += bytes as u64;
        }
        if is_whole && self.conns[index].since > 0 {
            self.conns[index].go_on(index, out);
            if matches!(kind, Kind::Garbage(_)) {
                self.be_patient(index);
            }
        }
    }

    fn on_bytes(&mut self, index: usize, link: &mut Link, bytes: &[u8], out: &mut Outbox) {
        let conn = &mut self.conns[index];
        let upgrades = conn
            .script
            .as_ref()
            .filter(|script| script.request.is_some());
        if let (Kind::Attacker(attack), None) = (conn.kind, upgrades) {
            // An answer to a request over HTTP is counted by its status.
            let status = bytes.strip_prefix(b"HTTP/1.1 ");
            if let Some(status) = status.and_then(|rest| rest.get(..3))
                && link.protocol == Protocol::WebSocket
            {
                let answer = format!("HTTP status {}", String::from_utf8_lossy(status));
                *self.losses(attack).ends.entry(answer).or_default() += 1;
            }
            return;
        }
        let is_attacker = matches!(conn.kind, Kind::Attacker(_));
        // After its last word nothing counts any more, and nothing that attackers get once live.
        if conn.answer.is_some() || (conn.is_live && is_attacker) {
            return;
        }
        let deflate = upgrades.is_some_and(|script| script.deflate);
        let inflater = deflate.then_some(&mut self.inflater);
        let is_awaited = upgrades.is_some() && !conn.is_live;
        let heard = link.handle_bytes(bytes, MESSAGE_BYTES_MAX, inflater, |_| {});
        conn.answer = heard.err().map(Ended::label);
        if is_attacker && conn.answer.is_some() {
            out.leave(index, Leave::Cut);
        } else if is_awaited && link.state == State::Live {
            if is_attacker {
                link.keep_partial(&[]);
            }
            self.becomes_live(index, out);
        }
    }

    fn on_end(&mut self, link: LinkName, by: EndedBy<'_>, now: u64, out: &mut Outbox) {
        let index = link.index;
        let conn = &mut self.conns[index];
        // The place is free for the next, but what was due stays void.
        let next = Conn {
            turn: conn.turn.wrapping_add(1),
            sent: if conn.burst().is_some() { conn.sent } else { 0 },
            ..Conn::new((conn.kind, conn.script.clone()))
        };
        let ended = std::mem::replace(conn, next);
        let was_open = u64::from(ended.since > 0);
        match ended.kind {
            Kind::Attacker(attack) => {
                let how = match by {
                    EndedBy::Server(why) | EndedBy::Failure(why) => why,
                    EndedBy::Us => "",
                };
                let how = ended.answer.unwrap_or_else(|| how.to_owned());
                *self.losses(attack).ends.entry(how).or_default() += 1;
                out.come_back(index, now + ATTACK_REST_NS);
            }
            Kind::SlowHead => {
                self.end(by, &ended, now);
                out.come_back(index, now + SLOW_REST_NS);
                let open = &self.meters.slow_open;
                open.fetch_sub(was_open, Ordering::AcqRel);
            }
            Kind::Garbage(_) => {
                self.end(by, &ended, now);
                self.conns[index].script = None;
                self.free.push(index);
                self.meters.garbage_busy.fetch_sub(1, Ordering::AcqRel);
                let open = &self.meters.garbage_open;
                open.fetch_sub(was_open, Ordering::AcqRel);
            }
        }
    }
}

impl Foes {
    /// One slow head or piece of garbage is over.
    fn end(&mut self, by: EndedBy<'_>, ended: &Conn, now: u64) {
        let tally = &mut self.tally;
        let (ends, lived) = match ended.kind {
            Kind::Garbage(mess) => {
                let ends = tally.garbage_ends.entry(MESSES[mess]).or_default();
                (ends, &mut tally.garbage_lived)
            }
            _ => (&mut tally.slow_ends, &mut tally.slow_lived),
        };
        let answer = ended.answer.as_deref();
        let how = match by {
            EndedBy::Failure(_) => return,
            EndedBy::Us => {
                tally.left_open += 1;
                let after = answer.map(|answer| format!(" after: {answer}"));
                format!("not ended{}", after.unwrap_or_default())
            }
            EndedBy::Server(how) => {
                let is_closed = how == CLOSED;
                tally.closed += u64::from(is_closed);
                tally.reset += u64::from(!is_closed);
                lived.record(now.saturating_sub(ended.since));
                answer.unwrap_or(how).to_owned()
            }
        };
        *ends.entry(how).or_default() += 1;
    }
}
