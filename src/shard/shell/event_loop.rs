//! The shell of a shard: polls, reads, writes, accepts, reads the clock. It decides nothing.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::handler::Handler;
use crate::id::ConnId;
use crate::limits::EVENTS_PER_POLL;
use crate::mesh::ReturnReceiver;
use crate::proto::http::Date;
use crate::shard::core::ShardCore;
use crate::shard::core::conns::grace::Polled;
use crate::shard::core::conns::questions::Answered;
use crate::shard::shell::accept::Acceptor;
use crate::shard::shell::accept::admit::Destination;
use crate::shard::shell::accept::proxy_header::{Header, ProxyHeaders};
use crate::shard::shell::accept::source::Source;
use crate::shard::shell::lanes::Lanes;
use crate::shard::shell::sockets::read::Reader;
use crate::shard::shell::sockets::sink::{Sent, SocketSink};
use crate::shard::shell::sockets::table::SocketTable;
use crate::shard::shell::spin_wait::SpinWait;
use crate::shard::shell::status::{Control, Phase};
use crate::shard::shell::tls::Sessions;
use crate::shard::turn::Turn;
use crate::sys::memory;
use crate::sys::time_of_day::since_1970;
use crate::time::Now;

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
        #[expect(
            clippy::disallowed_methods,
            reason = "the shell is where the clock is read"
        )]
        let start = Instant::now();
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
            woken: Duration::ZERO,
            rested: Duration::ZERO,
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
        let counters = self.core.counters();
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

    fn read_from(&mut self, id: ConnId, to_the_end: bool) {
        if self.headers.is_due(id) {
            self.read_header(id, to_the_end);
        }
        if self.headers.is_due(id) {
            return;
        }
        let Self {
            core,
            sockets,
            sessions,
            reader,
            headers,
            ..
        } = self;
        if sessions.has(id) {
            sessions.read(core, id, to_the_end);
        } else {
            reader.read(core, sockets, headers, id, to_the_end);
        }
        if !self.broken.is_empty() && self.broken.contains(&id) && core.is_waiting(id) {
            // Its client is not there to be answered, and what waits was not accepted yet.
            core.handle_reset(id);
        }
    }

    /// Reads the PROXY header of a connection, which comes before all else.
    fn read_header(&mut self, id: ConnId, to_the_end: bool) {
        let Some(link) = self.sockets.get(id).filter(|_| self.core.is_early(id)) else {
            // Whatever comes now is not for it any more.
            return self.headers.forget(id);
        };
        match self.headers.read(id, link, to_the_end) {
            Header::Incomplete => {}
            Header::End => self.core.handle_reset(id),
            Header::Invalid => self.core.handle_proxy_failure(id),
            Header::Client(client, listener) => {
                let (acceptor, mut into) = self.accepting();
                acceptor.begin(&mut into, id, client, listener);
            }
        }
    }

    /// Registers connections that came with their first bytes. Before those were read it would make
    /// an event of them, and that another read.
    fn register_arrived(&mut self) {
        let registry = self.poll.registry();
        for id in self.arrived.drain(..) {
            let link = self.sockets.get(id);
            if link.is_some_and(|link| link.register(id, registry).is_err()) {
                self.core.handle_reset(id);
            }
        }
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
                // The balancer has not closed yet.
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

impl<H: Handler> Turn for EventLoop<H> {
    type Handler = H;

    fn core(&mut self) -> &mut ShardCore<H> {
        &mut self.core
    }

    fn take_mail(&mut self) {
        self.lanes.take(&mut self.core);
    }

    fn next_answer(&mut self) -> Option<Answered<H::Answer>> {
        self.answers.try_recv()
    }

    fn note_polled(&mut self) {
        self.core.note_polled(Polled {
            is_full: EVENTS_PER_POLL <= self.events.iter().count() || !self.answers.is_empty(),
            gap: self.gap,
        });
    }

    fn accept(&mut self) {
        for event in &self.events {
            if Source::owns(event.token()) {
                self.acceptor.note(event.token());
            }
        }
        self.core.begin_accepting();
        let (acceptor, mut into) = self.accepting();
        acceptor.accept(&mut into);
    }

    fn read(&mut self) {
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            match event.token() {
                // Answered by `lanes.take`, before which it was rung.
                DOORBELL => {}
                // Answered by `accept`.
                token if Source::owns(token) => {}
                Token(token) => {
                    let id = ConnId::unpack(token);
                    if event.is_writable() && !self.sessions.write(&mut self.core, id) {
                        self.core.handle_writable(id);
                    }
                    if event.is_error() || event.is_write_closed() {
                        self.broken.insert(id);
                    }
                    if event.is_readable() || event.is_read_closed() || event.is_error() {
                        let ends = event.is_read_closed() || event.is_error();
                        self.core.note_readable(id, ends);
                    }
                }
            }
        }
        self.events = events;
        while let Some((id, to_the_end)) = self.core.take_readable() {
            self.read_from(id, to_the_end);
        }
        self.register_arrived();
    }

    fn send_mail(&mut self) {
        self.lanes.send(&mut self.core);
    }

    fn flush(&mut self) {
        let mut wire = SocketSink::new(&mut self.sessions);
        self.core.flush(&mut wire);
        self.sent = wire.sent;
        self.sessions.shake(&mut self.core, self.start);
    }

    /// Closes what ended in this turn. Nothing is freed earlier, so no event meets a stranger.
    fn reap(&mut self) {
        while let Some(id) = self.core.take_finished() {
            if !self.sessions.finish(id)
                && let Some(link) = self.sockets.get(id)
            {
                link.shutdown_write();
            }
        }
        while let Some(id) = self.core.take_asked() {
            let held = self.sessions.unsent(id);
            if let Some(link) = self.sockets.get(id) {
                self.core.handle_unsent(id, held + link.unsent());
            }
        }
        let shard = self.control.shard();
        if let Some(words) = self.core.take_stranger() {
            log::warn!("shard {shard}: a page is refused: {words}");
        }
        self.core.settle(|id, addr, reason| match addr {
            Some(addr) => log::debug!("shard {shard}: conn {id} from {addr}: {reason}"),
            None => log::debug!("shard {shard}: conn {id}: {reason}"),
        });
        for _ in 0..self.core.take_turned_away() {
            self.control.shared().leave();
        }
        let shared = self.control.shared();
        self.core.reap(|id, _, overflow| {
            if !overflow {
                shared.leave();
            }
            shared.take_load(shard);
            self.sessions.remove(id);
            self.sockets.remove(id);
            self.headers.forget(id);
            self.broken.remove(&id);
        });
    }
}

/// Turns for the last mail, which no peer waits for any more.
const LAST_TURNS: usize = 1_000;
/// The doorbell's token. Connections have no key this high.
const DOORBELL: Token = Token(usize::MAX);
