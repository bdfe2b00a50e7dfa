//! How connections begin, and what goes out on them.

use std::io;
use std::os::fd::AsRawFd;

use mio::unix::SourceFd;
use mio::{Interest, Token};
use rustix::net::{Shutdown, shutdown, sockopt};

use crate::client::State;
use crate::clock::{now_ns, seconds};
use crate::hostile::gang::{CONNECT_NS, Conn, Gang, THROWS_PER_TURN, WINDOW};
use crate::hostile::garbage::{Mess, wrong_frame};
use crate::socket::{self, CONNS_PER_ADDRESS};
use crate::worker::io_label;

/// Source addresses of a thread: a port that a closed connection keeps for a minute is not needed
/// again before.
const ADDRESSES: u32 = 64;

impl Gang {
    /// Opens the slow heads that are due, some at a time.
    pub(super) fn open_slow_heads(&mut self, now: u64) {
        while self.connecting < WINDOW
            && let Some(index) = self.to_open.pop_front()
        {
            self.connecting += 1;
            self.begin(index, None, now);
        }
    }

    /// Begins the connections of garbage that are due.
    pub(super) fn throw(&mut self, now: u64) {
        let per_s = self.orders.garbage_per_s / self.control.threads() as f64;
        let due = seconds(self.began_at, now) * per_s;
        for _ in 0..THROWS_PER_TURN {
            if self.thrown as f64 >= due {
                return;
            }
            self.thrown += 1;
            let Some(index) = self.free.pop() else {
                self.tally.held_back += 1;
                continue;
            };
            let mess = Mess::pick(&self.orders.targets[self.target(index)], &mut self.dice);
            self.begin(index, Some(mess), now);
        }
    }

    /// Which target a place is for.
    fn target(&self, index: usize) -> usize {
        (index + self.thread) % self.orders.targets.len()
    }

    fn begin(&mut self, index: usize, mess: Option<Mess>, now: u64) {
        self.begun = self.begun.wrapping_add(1);
        let turn = self.begun;
        let target = &self.orders.targets[self.target(index)];
        let conn = Conn {
            turn,
            ..Conn::new(target, mess)
        };
        let first = u32::try_from(self.thread).unwrap_or(0) * ADDRESSES * CONNS_PER_ADDRESS;
        let source = socket::source(first + turn % (ADDRESSES * CONNS_PER_ADDRESS));
        let addr = target.addr;
        self.conns[index] = conn;
        self.conns[index].link.state = State::Connecting;
        if let Err(error) = self.connect(index, addr, source) {
            return self.fail(index, io_label(error));
        }
        self.alarm(index, now + CONNECT_NS);
    }

    fn connect(
        &mut self,
        index: usize,
        addr: std::net::SocketAddr,
        source: std::net::Ipv4Addr,
    ) -> io::Result<()> {
        let fd = socket::connect(addr, source, 0)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut SourceFd(&fd.as_raw_fd()), Token(index), interest)?;
        self.conns[index].link.fd = Some(fd);
        Ok(())
    }

    /// connect(2) is done, one way or the other.
    pub(super) fn on_connected(&mut self, index: usize) {
        let conn = &mut self.conns[index];
        let Some(fd) = &conn.link.fd else { return };
        if let Err(error) = sockopt::socket_error(fd).and_then(|result| result) {
            return self.fail(index, io_label(error.into()));
        }
        let now = now_ns();
        conn.link.state = State::Opening;
        conn.since = now;
        let Some(mess) = conn.mess else {
            self.forget_alarms(index);
            self.connecting -= 1;
            let open = Self::add(&self.meters.slow_open);
            self.meters
                .slow_open_most
                .fetch_max(open, std::sync::atomic::Ordering::AcqRel);
            Self::add(&self.meters.slow_opened);
            // Not all in the same moment.
            let wait = self.dice.below(self.orders.byte_every_ns);
            return self.alarm(index, now + wait);
        };
        Self::add(&self.meters.garbage_open);
        Self::add(&self.meters.garbage_made);
        let target = &self.orders.targets[self.target(index)];
        self.conns[index].rest = mess.bytes(target, &mut self.dice);
        self.be_patient(index);
        self.send_rest(index);
    }

    /// Sends what the socket takes of a piece of garbage, and ends the stream where that is part of it.
    pub(super) fn send_rest(&mut self, index: usize) {
        let conn = &mut self.conns[index];
        if conn.rest.is_empty() {
            return;
        }
        let taken = conn.link.send(&conn.rest);
        conn.rest.drain(..taken);
        if conn.rest.is_empty()
            && conn.mess == Some(Mess::HalfHead)
            && let Some(fd) = &conn.link.fd
        {
            // Refused only where the server has ended it already.
            shutdown(fd, Shutdown::Write).unwrap_or_default();
        }
        if conn.rest.is_empty() {
            self.be_patient(index);
        }
    }

    /// The server has upgraded: now comes the frame that it must not take.
    pub(super) fn on_upgraded(&mut self, index: usize) {
        if self.conns[index].mess == Some(Mess::WrongFrame) {
            self.conns[index].rest = wrong_frame(&mut self.dice).to_vec();
            self.send_rest(index);
        }
    }

    /// The next byte of a slow head, which was due at this time.
    pub(super) fn send_slow_byte(&mut self, index: usize, due: u64) {
        let start = &self.slow_starts[self.target(index)];
        let conn = &mut self.conns[index];
        let byte = start.get(conn.sent).copied().unwrap_or(b'a');
        conn.sent += conn.link.send(&[byte]);
        let every = self.orders.byte_every_ns;
        self.alarm(index, due + every);
    }
}
