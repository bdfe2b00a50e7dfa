//! The shell of a shard: polls, reads, writes, accepts, reads the clock. It decides nothing.

mod phases;

use std::collections::HashSet;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use std::{fmt, io};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::handler::Handler;
use crate::id::ConnId;
use crate::limits::EVENTS_PER_POLL;
use crate::mesh::ReturnReceiver;
use crate::proto::http::Date;
use crate::shard::core::ShardCore;
use crate::shard::core::conns::questions::Answered;
use crate::shard::shell::accept::Acceptor;
use crate::shard::shell::accept::admit::Destination;
use crate::shard::shell::accept::proxy_header::ProxyHeaders;
use crate::shard::shell::lanes::Lanes;
use crate::shard::shell::sockets::{Reader, Sent, SocketTable};
use crate::shard::shell::spin_wait::SpinWait;
use crate::shard::shell::status::{Control, Phase};
use crate::shard::shell::tls::Sessions;
use crate::shard::turn::Turn;
use crate::sys::memory;
use crate::sys::time_of_day::since_1970;
use crate::time::{Micros, Now};

/// A shard's thread, from its first turn to its last.
pub(crate) struct EventLoop<H: Handler> {
    core: ShardCore<H>,
    lanes: Lanes,
    answers: ReturnReceiver<Answered<H::Answer>>,
    spin_wait: SpinWait,
    control: Control,
    acceptor: Acceptor,
    poll: Poll,
    events: Events,
    sockets: SocketTable,
    sessions: Sessions,
    headers: ProxyHeaders,
    /// Connections that are reset, and may still have bytes to read. No event tells so again.
    broken: HashSet<ConnId>,
    /// Accepted in this turn with their first bytes, and not registered yet.
    arrived: Vec<ConnId>,
    reader: Reader,
    /// What was written in this turn.
    sent: Sent,
    start: Instant,
    /// When the turn began, since the start.
    woken: Duration,
    /// When the last one ended.
    rested: Duration,
    /// For how long the shard did not poll although it would have.
    gap: Duration,
    now: Now,
    /// When the core is to be told the time of day again.
    date_ends: Now,
}

impl<H: Handler> fmt::Debug for EventLoop<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl<H: Handler> EventLoop<H> {
    /// Makes the loop of a shard on its own thread, with that thread's descriptors.
    ///
    /// # Errors
    ///
    /// Out of descriptors or memory.
    pub(crate) fn new(
        core: ShardCore<H>,
        lanes: Lanes,
        answers: ReturnReceiver<Answered<H::Answer>>,
        spin_wait: SpinWait,
        control: Control,
        mut acceptor: Acceptor,
        headers: ProxyHeaders,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        if let Some(doorbell) = lanes.doorbell() {
            let fd = doorbell.as_raw_fd();
            poll.registry()
                .register(&mut SourceFd(&fd), DOORBELL, Interest::READABLE)?;
        }
        let sessions = Sessions::new(control.shard());
        acceptor.register(poll.registry())?;
        let start = control.shared().start();
        let begun = start.elapsed();
        Ok(Self {
            core,
            spin_wait,
            lanes,
            answers,
            control,
            acceptor,
            poll,
            events: Events::with_capacity(EVENTS_PER_POLL),
            sockets: SocketTable::default(),
            sessions,
            headers,
            broken: HashSet::new(),
            arrived: Vec::new(),
            reader: Reader::new(),
            sent: Sent::default(),
            start,
            woken: begun,
            rested: begun,
            gap: Duration::ZERO,
            now: Now::default(),
            date_ends: Now::default(),
        })
    }

    /// Runs until the server stops.
    ///
    /// # Errors
    ///
    /// Only what makes the whole shard useless: `epoll_wait(2)` failed.
    pub(crate) fn run(mut self) -> io::Result<()> {
        loop {
            self.wait()?;
            self.core.note_moment(Micros::after(self.woken));
            self.turn(self.now);
            if self.core.take_release() {
                memory::release();
            }
            self.report();
            match self.control.phase() {
                Phase::Serve => {}
                Phase::Drain => self.drain(),
                Phase::Stop => {
                    if self.control.is_drained() {
                        self.take_last_mail();
                    }
                    return Ok(());
                }
            }
        }
    }

    /// All shards are drained: rooms are told of the last that have left.
    fn take_last_mail(&mut self) {
        for _ in 0..LAST_TURNS {
            self.core.begin_turn(self.now);
            self.lanes.take(&mut self.core);
            self.core.handle_resumed();
            if !self.lanes.has_mail() {
                return;
            }
        }
    }

    fn wait(&mut self) -> io::Result<()> {
        let at_once = self.core.has_work()
            || self.lanes.has_mail()
            || !self.answers.is_empty()
            || self.sessions.has_work();
        let timeout = if at_once || self.acceptor.is_ready(self.now) || self.look_out() {
            Some(Duration::ZERO)
        } else {
            let deadlines = [self.core.next_deadline(), self.acceptor.deadline()];
            deadlines
                .into_iter()
                .flatten()
                .min()
                .map(|deadline| deadline.since(self.now))
        };
        self.poll(timeout)?;
        let before = self.woken;
        self.woken = self.start.elapsed();
        // A turn that took long, or a sleep that took longer than it should.
        let sleep = self.woken.saturating_sub(self.rested);
        let turn = self.rested.saturating_sub(before);
        self.gap = turn.max(sleep.saturating_sub(timeout.unwrap_or(sleep)));
        let millis = u64::try_from(self.woken.as_millis());
        self.now = Now::from_millis(millis.unwrap_or(u64::MAX));
        if self.date_ends <= self.now {
            self.renew_date();
        }
        Ok(())
    }

    /// Polls until something happens, or the time is over. A signal is nothing: what the kernel has
    /// is asked for again, as deadlines are judged by it.
    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {
                self.poll.poll(&mut self.events, Some(Duration::ZERO))
            }
            polled => polled,
        }
    }

    /// Tells the core the time of day, which holds until the next second begins.
    fn renew_date(&mut self) {
        let time = since_1970();
        self.core.set_date(Date::since_1970(time));
        let left = 1_000 - u64::from(time.subsec_millis());
        self.date_ends = self.now.plus(Duration::from_millis(left));
    }

    /// Counts the turn, and renews the copy of the counters that other threads read.
    fn report(&mut self) {
        self.rested = self.start.elapsed();
        let took = self.rested.saturating_sub(self.woken);
        self.core.note_tls_bytes(self.sessions.held());
        self.core.count_passes(Micros::after(self.rested));
        let counters = self.core.counters();
        counters.mail_waiting = self.lanes.waiting() as u64;
        counters.writes += self.sent.writes;
        counters.bytes_out += self.sent.bytes;
        counters.count_turn(took);
        self.control.report(counters);
    }

    /// Whether mail came while the shard looked out for it.
    fn look_out(&mut self) -> bool {
        let doorbell = self.lanes.doorbell().filter(|_| self.lanes.awaits());
        doorbell.is_some_and(|doorbell| self.spin_wait.look(doorbell, self.start))
    }

    fn drain(&mut self) {
        if self.acceptor.is_open() {
            let (acceptor, mut into) = self.accepting();
            if into.now < acceptor.closes_at(into.now) {
                self.begin_drain();
                return;
            }
            acceptor.close(&mut into);
            let is_open = acceptor.is_open();
            self.register_arrived();
            if is_open {
                // The balancer has not closed yet. It has its own bounds, and the drain has its.
                self.begin_drain();
                return;
            }
        }
        // Once is enough; but a server may have no listeners.
        self.begin_drain();
        if self.core.is_empty() {
            self.control.note_drained();
        }
    }

    fn begin_drain(&mut self) {
        self.core.begin_drain();
        self.core.note_outside(self.lanes.outside_waits());
    }

    /// The acceptor, and where accepted connections go.
    fn accepting(&mut self) -> (&mut Acceptor, Destination<'_, H>) {
        let into = Destination {
            core: &mut self.core,
            shared: self.control.shared(),
            shard: self.control.shard(),
            now: self.now,
            registry: self.poll.registry(),
            sockets: &mut self.sockets,
            arrived: &mut self.arrived,
            sessions: &mut self.sessions,
            headers: &mut self.headers,
        };
        (&mut self.acceptor, into)
    }
}

/// Turns for the last mail, which no peer waits for any more.
const LAST_TURNS: usize = 1_000;
/// The doorbell's token. Connections have no key this high.
const DOORBELL: Token = Token(usize::MAX);
