//! The event loop of one thread that misbehaves: slow heads in the first places, garbage behind.

mod ends;
mod sends;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mio::event::Event as Readiness;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::app::Plan;
use crate::client::{Ended, Link, State};
use crate::clock::{MILLISECOND, SECOND, now_ns, seconds};
use crate::control::Control;
use crate::frame::HEADER_BYTES_MAX;
use crate::hostile::garbage::{Dice, Mess, slow_start};
use crate::hostile::tally::{Meters, Tally};
use crate::opener::WINDOW;
use crate::url::Target;

/// What all threads are to do.
#[derive(Debug)]
pub(super) struct Orders {
    /// Whom to pester, in turn.
    pub(super) targets: Vec<Target>,
    /// Slow heads of all threads.
    pub(super) slow_heads: usize,
    /// Nanoseconds between two bytes of each.
    pub(super) byte_every_ns: u64,
    /// Connections of garbage per second of all threads.
    pub(super) garbage_per_s: f64,
    /// Nanoseconds that the server has to end one.
    pub(super) patience_ns: u64,
    /// Decides the garbage.
    pub(super) seed: u64,
}

/// One thread.
#[derive(Debug)]
pub(super) struct Gang {
    orders: Arc<Orders>,
    control: Arc<Control>,
    meters: Arc<Meters>,
    tally: Tally,
    dice: Dice,
    thread: usize,
    poll: Poll,
    /// Slow heads first, then the places for garbage.
    conns: Vec<Conn>,
    slow_heads: usize,
    /// What a slow head begins with, by target.
    slow_starts: Vec<Vec<u8>>,
    /// Places for garbage that are free.
    free: Vec<usize>,
    /// Slow heads to be opened.
    to_open: VecDeque<usize>,
    /// Slow heads that are being connected.
    connecting: usize,
    /// What is due when: the time, the place, and which of its connections is meant.
    alarms: BinaryHeap<Reverse<(u64, usize, u32)>>,
    /// Zero until the leader lets them begin.
    began_at: u64,
    /// Connections of garbage that were begun or held back.
    thrown: u64,
    /// Connections that were begun, each time counted.
    begun: u32,
    buf: Vec<u8>,
}

/// One place for a connection.
#[derive(Debug)]
struct Conn {
    link: Link,
    /// What it is for, if it is garbage.
    mess: Option<Mess>,
    /// Which connection of this place it is.
    turn: u32,
    /// When it was connected.
    since: u64,
    /// Bytes of a slow head that went out.
    sent: usize,
    /// What the socket has yet to take of the garbage.
    rest: Vec<u8>,
    /// What the server said last.
    answer: Option<Ended>,
}

const DOORBELL: Token = Token(usize::MAX - 1);
const EVENTS_PER_TURN: usize = 1024;
/// Longest message of the server that is read, in bytes; none is expected.
const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// A connection that is not made by then is given up.
const CONNECT_NS: u64 = 5 * SECOND;
/// A slow head that ended, or could not be opened, rests this long.
const REST_NS: u64 = 100 * MILLISECOND;
/// Connections of garbage begun in one turn at the most: what a thread has slept through is not
/// made up for at once.
const THROWS_PER_TURN: usize = 256;
const PATIENCE_MAX: Duration = Duration::from_millis(100);

impl Orders {
    /// Places for garbage that one of `threads` needs: as many as can be open if all are left open,
    /// and some that take long to connect.
    pub(super) fn places(&self, threads: usize) -> usize {
        let open_s = seconds(0, self.patience_ns) + 1.0;
        let places = self.garbage_per_s * open_s / threads as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "flags are bounded"
        )]
        let places = places.ceil() as usize;
        if places == 0 {
            0
        } else {
            places + THROWS_PER_TURN
        }
    }
}

impl Gang {
    /// To be called on the thread itself, after its descriptor table was made.
    ///
    /// # Errors
    ///
    /// No descriptor is free.
    pub(super) fn new(
        thread: usize,
        orders: Arc<Orders>,
        control: Arc<Control>,
        meters: Arc<Meters>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        if let Some(bell) = control.doorbell(thread) {
            let fd = bell.as_fd().as_raw_fd();
            poll.registry()
                .register(&mut SourceFd(&fd), DOORBELL, Interest::READABLE)?;
        }
        let threads = control.threads();
        let slow_heads = Plan::share(orders.slow_heads, thread, threads);
        let all = slow_heads + orders.places(threads);
        Ok(Self {
            tally: Tally::new(),
            dice: Dice::new(orders.seed, thread),
            thread,
            poll,
            conns: (0..all)
                .map(|_| Conn::new(&orders.targets[0], None))
                .collect(),
            slow_heads,
            slow_starts: orders.targets.iter().map(slow_start).collect(),
            free: (slow_heads..all).rev().collect(),
            to_open: (0..slow_heads).collect(),
            connecting: 0,
            alarms: BinaryHeap::new(),
            began_at: 0,
            thrown: 0,
            begun: 0,
            buf: vec![0; MESSAGE_BYTES_MAX + HEADER_BYTES_MAX],
            orders,
            control,
            meters,
        })
    }

    /// Runs until the crew is stopped, and garbage that is under way has ended.
    ///
    /// # Errors
    ///
    /// Polling failed; nothing a server does is an error here.
    pub(super) fn run(mut self) -> io::Result<Tally> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        loop {
            let is_stopping = self.control.is_stopping();
            let places = self.conns.len() - self.slow_heads;
            if is_stopping && self.free.len() == places {
                return Ok(self.tally);
            }
            match self.poll.poll(&mut events, Some(self.patience())) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                match event.token() {
                    DOORBELL => {}
                    Token(index) => self.on_ready(index, event),
                }
            }
            let now = now_ns();
            self.heed_alarms(now);
            if !is_stopping && self.has_begun(now) {
                self.open_slow_heads(now);
                self.throw(now);
            }
        }
    }

    /// Whether the leader has let them begin; the first time counts as the beginning.
    fn has_begun(&mut self, now: u64) -> bool {
        if self.began_at == 0 && self.control.open_up_to.load(Ordering::Acquire) > 0 {
            self.began_at = now;
        }
        self.began_at > 0
    }

    fn patience(&self) -> Duration {
        if self.orders.garbage_per_s > 0.0 && self.began_at > 0 {
            return Duration::from_millis(1);
        }
        let next = self.alarms.peek().map(|Reverse((at, ..))| *at);
        let ahead = next.map_or(u64::MAX, |at| at.saturating_sub(now_ns()));
        Duration::from_nanos(ahead).min(PATIENCE_MAX)
    }

    fn on_ready(&mut self, index: usize, event: &Readiness) {
        match self.conns[index].link.state {
            State::Connecting => self.on_connected(index),
            _ if event.is_writable() => self.send_rest(index),
            _ => {}
        }
        let is_over = event.is_read_closed() || event.is_error();
        if event.is_readable() || is_over {
            self.fill(index, is_over);
        }
    }

    fn heed_alarms(&mut self, now: u64) {
        while let Some(Reverse((at, index, turn))) = self.alarms.peek().copied()
            && at <= now
        {
            self.alarms.pop();
            let conn = &self.conns[index];
            if conn.turn != turn {
                continue;
            }
            match (conn.link.state, conn.mess) {
                (State::Idle | State::Closed, _) => self.to_open.push_back(index),
                (State::Connecting, _) => self.fail(index, "timed out while connecting".to_owned()),
                (_, Some(mess)) => self.lose_patience(index, mess),
                (_, None) => self.send_slow_byte(index, at),
            }
        }
    }

    fn alarm(&mut self, index: usize, at: u64) {
        self.alarms
            .push(Reverse((at, index, self.conns[index].turn)));
    }

    /// Nothing that was due for this place is due any more.
    fn forget_alarms(&mut self, index: usize) {
        self.begun = self.begun.wrapping_add(1);
        self.conns[index].turn = self.begun;
    }

    /// From now on the server has its time to end a connection of garbage: this side has done its
    /// part, however late.
    fn be_patient(&mut self, index: usize) {
        self.forget_alarms(index);
        self.alarm(index, now_ns() + self.orders.patience_ns);
    }

    fn add(counter: &AtomicU64) -> u64 {
        counter.fetch_add(1, Ordering::AcqRel) + 1
    }
}

impl Conn {
    /// One that is not open yet.
    fn new(target: &Target, mess: Option<Mess>) -> Self {
        Self {
            link: Link::new(target.protocol),
            mess,
            turn: 0,
            since: 0,
            sent: 0,
            rest: Vec::new(),
            answer: None,
        }
    }
}
