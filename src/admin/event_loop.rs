//! The thread of the admin port: serves many connections without waiting for any of them.

mod later;

use std::io::{self, ErrorKind};
use std::net::{self, IpAddr, Shutdown};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::admin::answer::Answers;
use crate::admin::api::Outcome;
use crate::admin::api::rows::Answer;
use crate::admin::api::sweeps::Sweeps;
use crate::admin::api::traces::Traces;
use crate::admin::exchange::{Exchange, Reply, Step};
use crate::limits::{
    ADMIN_ANSWER_TIMEOUT, ADMIN_CONNECTIONS_MAX, ADMIN_SWEEPS_MAX, ADMIN_TIMEOUT, LINGER_MOMENT,
};
use crate::proto::http::{Date, Request};
use crate::sys::time_of_day::since_1970;
use crate::time::Now;

pub(super) struct EventLoop {
    answers: Answers,
    began: Instant,
    sweeps: Sweeps,
    traces: Traces,
    /// The time of the next look at the shards.
    look_at: Instant,
    poll: Poll,
    /// `None` while the server drains, so that the next server can have the port.
    listener: Option<TcpListener>,
    /// There may be connections to accept.
    may_accept: bool,
    connections: Slab<Connection>,
}

struct Connection {
    stream: TcpStream,
    from: IpAddr,
    exchange: Exchange,
    /// The time by which its current step must end.
    deadline: Instant,
}

impl EventLoop {
    /// Registers the listener.
    ///
    /// # Errors
    ///
    /// There are no descriptors or memory left.
    pub(super) fn new(listener: net::TcpListener, answers: Answers) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::from_std(listener);
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            answers,
            began: now(),
            sweeps: Sweeps::default(),
            traces: Traces::default(),
            look_at: now(),
            poll,
            listener: Some(listener),
            may_accept: true,
            connections: Slab::new(),
        })
    }

    /// Runs until a moment after the server has stopped.
    ///
    /// # Errors
    ///
    /// `epoll_wait(2)` failed.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        while !self.answers.handle.is_stopped() {
            if !self.answers.handle.is_serving() {
                self.listener = None;
            }
            let deadlines = self.connections.iter().map(|(_, it)| it.deadline);
            let next = deadlines.fold(self.look_at, Instant::min);
            let timeout = next.saturating_duration_since(now());
            // What shards answer makes no event here: they have descriptors of their own.
            let timeout = if self.sweeps.is_empty() && self.traces.is_empty() {
                timeout
            } else {
                self.take_answers(timeout.min(SWEEP_PATIENCE));
                Duration::ZERO
            };
            match self.poll.poll(&mut events, Some(timeout)) {
                Err(err) if err.kind() != ErrorKind::Interrupted => return Err(err),
                _ => {}
            }
            let now = now();
            self.look_at_shards(now);
            for event in &events {
                match event.token() {
                    LISTENER => self.may_accept = true,
                    Token(key) => self.advance(key, now),
                }
            }
            self.accept(now);
            self.end_late(now);
        }
        Ok(())
    }

    /// Checks which shards have had turns, and wakes all of them for the next check.
    fn look_at_shards(&mut self, now: Instant) {
        if now < self.look_at {
            return;
        }
        let Answers { handle, health, .. } = &mut self.answers;
        let counters = handle.shard_counters();
        let turns = counters.iter().map(|of_shard| of_shard.turns.iter().sum());
        health.look(turns, now);
        handle.wake();
        self.look_at = now + LOOK_EVERY;
        // There is no event when descriptors become free again.
        self.may_accept = true;
    }

    fn accept(&mut self, now: Instant) {
        // Bounded, as clients may come faster than they are accepted.
        for _ in 0..ADMIN_CONNECTIONS_MAX {
            if !self.may_accept {
                return;
            }
            let Some(listener) = &self.listener else {
                return;
            };
            match listener.accept() {
                Ok((stream, from)) => self.open(stream, from.ip(), now),
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                // No connection waits, or there are no descriptors left.
                Err(_) => self.may_accept = false,
            }
        }
    }

    fn open(&mut self, mut stream: TcpStream, from: IpAddr, now: Instant) {
        if ADMIN_CONNECTIONS_MAX <= self.connections.len() {
            // The one whose timeout ends first is closed.
            let first = self.connections.iter().min_by_key(|(_, it)| it.deadline);
            if let Some(key) = first.map(|(key, _)| key) {
                self.close(key);
            }
        }
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        if registry.register(&mut stream, Token(key), interest).is_ok() {
            entry.insert(Connection {
                stream,
                from,
                exchange: Exchange::default(),
                deadline: now + ADMIN_TIMEOUT,
            });
            self.advance(key, now);
        }
    }

    /// Reads and writes as far as the socket allows.
    fn advance(&mut self, key: usize, now: Instant) {
        // The event may belong to a connection that was closed meanwhile.
        let Some(it) = self.connections.get_mut(key) else {
            return;
        };
        let before = it.exchange.step();
        let date = Date::since_1970(since_1970());
        let (from, mut sweep, mut follow) = (it.from, None, None);
        let at = at(self.began, now);
        let traces_are_full = self.traces.is_full();
        let is_full = ADMIN_SWEEPS_MAX <= self.sweeps.len();
        let reply = |request: &Request<'_>| match self.answers.answer(request, from, at) {
            Outcome::Later(_) if is_full => Reply::Now(Answer::busy().response()),
            Outcome::Later(asked) => {
                sweep = Some(asked);
                Reply::Later
            }
            Outcome::Follow(_) if traces_are_full => Reply::Now(Answer::busy().response()),
            Outcome::Follow(asked) => {
                follow = Some(asked);
                Reply::Later
            }
            Outcome::Now(response) => Reply::Now(response),
        };
        let step = it.exchange.advance(&mut it.stream, date, reply);
        if let Some(sweep) = sweep {
            it.deadline = now + ADMIN_ANSWER_TIMEOUT;
            let asked = self.sweeps.begin(key, sweep, &self.answers.handle, at);
            return self.finish(asked, now);
        }
        if let Some(follow) = follow {
            return self.follow(key, follow, now);
        }
        match step {
            Step::Over => self.close(key),
            Step::Lingering if before != step => {
                // If it were closed with unread input, the kernel would send a reset, and the
                // answer would be lost.
                it.deadline = now + LINGER_MOMENT;
                let _gone = it.stream.shutdown(Shutdown::Write);
            }
            Step::Answering if before != step => it.deadline = now + ADMIN_TIMEOUT,
            _ => {}
        }
    }

    fn close(&mut self, key: usize) {
        self.connections.remove(key);
        self.sweeps.forget(key);
        self.traces.end(key, &self.answers.handle);
    }
}

/// The time since this thread began.
pub(super) fn at(began: Instant, now: Instant) -> Now {
    let millis = u64::try_from((now - began).as_millis());
    Now::from_millis(millis.unwrap_or(u64::MAX))
}

pub(super) fn now() -> Instant {
    #[expect(
        clippy::disallowed_methods,
        reason = "this thread has its own clients and its own deadlines"
    )]
    Instant::now()
}

/// Connections have no key this high.
const LISTENER: Token = Token(usize::MAX);
const EVENTS: usize = 256;
/// How long answers of shards are waited for before other connections are looked at.
const SWEEP_PATIENCE: Duration = Duration::from_millis(2);
/// Time between two checks of the shards, and of whether the server has stopped.
const LOOK_EVERY: Duration = Duration::from_millis(500);
