//! The shell of a shard: polls, reads, writes, accepts, reads the clock. It decides nothing.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::io::Errno;

use crate::handler::Handler;
use crate::id::ConnId;
use crate::limits::{ANSWERS_PER_TURN, EVENTS_PER_POLL, READ_BYTES_PER_TURN};
use crate::mesh::ReturnReceiver;
use crate::shard::accept::{Acceptor, Intake, Listening};
use crate::shard::control::{Control, Phase};
use crate::shard::core::ShardCore;
use crate::shard::links::Links;
use crate::shard::lookout::Lookout;
use crate::shard::post::Post;
use crate::shard::questions::Answered;
use crate::shard::wire::Wire;
use crate::sys::socket;
use crate::time::Now;

/// A shard's thread, from its first turn to its last.
pub(super) struct EventLoop<H: Handler> {
    core: ShardCore<H>,
    post: Post,
    answers: ReturnReceiver<Answered<H::Answer>>,
    lookout: Lookout,
    control: Control,
    acceptor: Acceptor,
    poll: Poll,
    events: Events,
    links: Links,
    /// Connections with bytes left that no event will tell of again.
    pending: Vec<ConnId>,
    /// Lent to one connection after the other.
    buffer: Box<[u8]>,
    start: Instant,
    /// When the turn began, since the start.
    woken: Duration,
    now: Now,
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
    pub(super) fn new(
        core: ShardCore<H>,
        post: Post,
        answers: ReturnReceiver<Answered<H::Answer>>,
        lookout: Lookout,
        control: Control,
        listening: Vec<Listening>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        if let Some(doorbell) = post.doorbell() {
            let fd = doorbell.as_raw_fd();
            poll.registry()
                .register(&mut SourceFd(&fd), DOORBELL, Interest::READABLE)?;
        }
        let acceptor = Acceptor::new(listening, poll.registry())?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the shell is where the clock is read"
        )]
        let start = Instant::now();
        Ok(Self {
            core,
            lookout,
            post,
            answers,
            control,
            acceptor,
            poll,
            events: Events::with_capacity(EVENTS_PER_POLL),
            links: Links::default(),
            pending: Vec::new(),
            buffer: vec![0; READ_BYTES_PER_TURN].into(),
            start,
            woken: Duration::ZERO,
            now: Now::default(),
        })
    }

    /// Runs until the server stops.
    ///
    /// # Errors
    ///
    /// Only what makes the whole shard useless: `epoll_wait(2)` failed.
    pub(super) fn run(mut self) -> io::Result<()> {
        loop {
            self.turn()?;
            match self.control.phase() {
                Phase::Serve => {}
                Phase::Drain => self.drain(),
                Phase::Stop => return Ok(()),
            }
        }
    }

    /// One turn; every phase is bounded.
    fn turn(&mut self) -> io::Result<()> {
        self.wait()?;
        self.core.begin_turn(self.now);
        self.post.take(&mut self.core);
        self.take_answers();
        self.accept();
        self.read();
        self.core.handle_resumed();
        self.core.handle_timeouts();
        self.post.send(&mut self.core);
        let mut wire = Wire::default();
        self.core.flush(&mut wire);
        self.reap();
        self.report(wire);
        Ok(())
    }

    fn wait(&mut self) -> io::Result<()> {
        let at_once = self.core.has_work()
            || self.post.has_mail()
            || !self.answers.is_empty()
            || !self.pending.is_empty();
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
        match self.poll.poll(&mut self.events, timeout) {
            Err(err) if err.kind() != io::ErrorKind::Interrupted => return Err(err),
            _ => {}
        }
        self.woken = self.start.elapsed();
        let millis = u64::try_from(self.woken.as_millis());
        self.now = Now::from_millis(millis.unwrap_or(u64::MAX));
        Ok(())
    }

    /// Counts the turn, and renews the copy of the counters that other threads read.
    fn report(&mut self, wire: Wire) {
        let took = self.start.elapsed().saturating_sub(self.woken);
        let counters = self.core.counters();
        counters.writes += wire.writes;
        counters.bytes_out += wire.bytes;
        counters.count_turn(took);
        self.control.report(counters);
    }

    /// Whether mail came while the shard looked out for it.
    fn look_out(&mut self) -> bool {
        let doorbell = self.post.doorbell().filter(|_| self.post.awaits());
        doorbell.is_some_and(|doorbell| self.lookout.look(doorbell, self.start))
    }

    fn take_answers(&mut self) {
        for _ in 0..ANSWERS_PER_TURN {
            let Some(answered) = self.answers.try_recv() else {
                return;
            };
            self.core.handle_answer(answered);
        }
    }

    fn read(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            match event.token() {
                // Answered by `post.take`, before which it was rung.
                DOORBELL => {}
                token if self.acceptor.owns(token) => self.acceptor.note(token),
                Token(token) => {
                    let id = ConnId::unpack(token);
                    if event.is_writable() {
                        self.core.handle_writable(id);
                    }
                    if event.is_readable() || event.is_read_closed() || event.is_error() {
                        let ends = event.is_read_closed() || event.is_error();
                        self.read_from(id, ends);
                    }
                }
            }
        }
        self.events = events;
        for id in pending {
            self.read_from(id, true);
        }
        while let Some(id) = self.core.take_readable() {
            self.read_from(id, true);
        }
    }

    /// Reads what a connection's budget allows.
    ///
    /// A short read empties the socket (epoll(7)), unless its event also told of the stream's end
    /// or is long past: then `to_the_end` asks for one more read.
    fn read_from(&mut self, id: ConnId, to_the_end: bool) {
        if !self.core.wants_bytes(id) {
            return;
        }
        let Some(link) = self.links.get(id) else {
            return;
        };
        let mut budget = READ_BYTES_PER_TURN;
        loop {
            match socket::recv(link.fd(), &mut self.buffer) {
                // After the end of the stream a reset reads like that end, and no later write may
                // tell: the socket's own error does.
                Ok(0) if link.has_failed() => return self.core.handle_reset(id),
                Ok(0) => return self.core.handle_read_end(id),
                Ok(n) => {
                    self.core.handle_bytes(id, &mut self.buffer[..n]);
                    budget = budget.saturating_sub(n);
                    if n < self.buffer.len() && !to_the_end || !self.core.wants_bytes(id) {
                        return;
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(_) => return self.core.handle_reset(id),
            }
            if budget == 0 {
                self.pending.push(id);
                return;
            }
        }
    }

    /// Closes what ended in this turn. Nothing is freed earlier, so no event meets a stranger.
    fn reap(&mut self) {
        while let Some(id) = self.core.take_finished() {
            if let Some(link) = self.links.get(id) {
                link.shutdown_write();
            }
        }
        let shard = self.control.shard();
        self.core
            .settle(|id, reason| log::debug!("shard {shard}: conn {id}: {reason}"));
        let links = &mut self.links;
        let shared = self.control.shared();
        self.core.reap(|id, _, overflow| {
            if !overflow {
                shared.leave();
            }
            links.remove(id);
        });
    }

    fn accept(&mut self) {
        let mut into = Intake {
            core: &mut self.core,
            shared: self.control.shared(),
            registry: self.poll.registry(),
            links: &mut self.links,
        };
        self.acceptor.accept(&mut into, self.now);
    }

    fn drain(&mut self) {
        if self.acceptor.is_open() {
            let mut into = Intake {
                core: &mut self.core,
                shared: self.control.shared(),
                registry: self.poll.registry(),
                links: &mut self.links,
            };
            self.acceptor.close(&mut into, self.now);
            self.core.begin_drain();
        }
        if self.core.is_empty() {
            self.control.note_drained();
        }
    }
}

/// The doorbell's token. Connections have no key this high.
const DOORBELL: Token = Token(usize::MAX);
