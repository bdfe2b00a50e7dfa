//! How connections begin and end.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Token};
use rustix::net::{Shutdown, shutdown, sockopt};

use crate::client::link::{Link, State};
use crate::client::outbox::{Leave, Wish};
use crate::client::request::{Ask, upgrade_request};
use crate::client::socket::{self, CONNS_PER_ADDRESS};
use crate::client::tls::Session;
use crate::client::worker::{Leaving, Worker};
use crate::client::{App, EndedBy, LinkName, Reading};
use crate::clock::{SECOND, now_ns};
use crate::url::Protocol;

/// The code of a close frame of ours, RFC 6455 7.4.1: going away.
const GOING_AWAY: u16 = 1001;
/// After a close frame of ours a connection is cut if there is no answer by then.
const ANSWER_NS: u64 = 10 * SECOND;
/// Source addresses of a thread with raw connections: a port that a closed connection keeps for a
/// minute is not needed again before.
const RAW_ADDRESSES: usize = 64;
/// Receive buffer of a connection that is not read: the kernel holds no more for it.
const SMALL_BUFFER: usize = 2_048;

impl<A: App> Worker<A> {
    pub(super) fn on_connected(&mut self, index: usize) {
        let link = &mut self.links[index];
        let Some(fd) = &link.fd else { return };
        if let Err(error) = sockopt::socket_error(fd).and_then(|result| result) {
            return self.end(index, io_label(error.into()));
        }
        link.state = State::Opening;
        if self.plan.raw {
            let now = now_ns();
            self.opener.succeeded(index, now);
            self.control.add_live(now);
            self.app.on_connected(index, now, &mut self.outbox);
            self.outbox.flush(&mut self.links);
            return;
        }
        let target = self.plan.target(self.place.thread, index);
        if let Some(config) = self.tls.as_ref().filter(|_| target.tls) {
            match Session::new(config, &target.host) {
                Ok(session) => link.tls = Some(Box::new(session)),
                Err(error) => return self.end(index, error.to_string()),
            }
            link.flush_tls();
        }
        let number = self.place.number(index);
        let token = self.plan.tokens.of(self.plan.first_source + number);
        if link.protocol == Protocol::WebSocket {
            let target = self.plan.target(self.place.thread, index);
            let since = self.app.since(index);
            let ask = Ask {
                number: self.plan.numbering.map(|all| all.topic(number)),
                token: token.as_deref().filter(|_| link.wire.is_none()),
                deflate: self.plan.deflate,
                // The structured protocol asks for it in its first commands.
                subprotocol: self.plan.subprotocol.filter(|_| link.wire.is_none()),
                since: since.as_deref().filter(|_| link.wire.is_none()),
            };
            let request = upgrade_request(target, ask);
            self.outbox.raw(index, &request);
        } else if let Some(token) = token {
            self.outbox.message(index, link.protocol, token.as_bytes());
        }
        self.outbox.flush(&mut self.links);
    }

    /// A connection is over; before it was live, it may be tried again.
    #[cold]
    pub(super) fn end(&mut self, index: usize, mut why: String) {
        let link = &mut self.links[index];
        let (state, protocol) = (link.state, link.protocol);
        *link = Link::new(protocol, link.wire);
        link.state = State::Closed;
        self.outbox.forget(index);
        let name = LinkName { index, protocol };
        let now = now_ns();
        match state {
            State::Leaving => {
                self.control.left.fetch_add(1, Ordering::AcqRel);
                self.app.on_end(name, EndedBy::Us, now, &mut self.outbox);
                // One that was cut on purpose waits for no answer.
                let Some(leaving) = self.leaving.remove(&index) else {
                    return;
                };
                if let Some(at) = leaving.back_at {
                    self.outbox.come_back(index, at);
                }
                if leaving.is_answered {
                    return;
                }
                self.control.unanswered.fetch_add(1, Ordering::AcqRel);
                why.insert_str(0, "close frame not answered: ");
            }
            State::Live | State::Opening if state == State::Live || self.plan.raw => {
                self.control.ended.fetch_add(1, Ordering::AcqRel);
                let by = EndedBy::Server(&why);
                self.app.on_end(name, by, now, &mut self.outbox);
                if self.plan.raw {
                    return;
                }
            }
            _ if self.opener.failed(index, now) => {
                self.control.retries.fetch_add(1, Ordering::AcqRel);
                link.state = State::Idle;
            }
            _ => {
                self.control.gave_up.fetch_add(1, Ordering::AcqRel);
                let by = EndedBy::Failure(&why);
                self.app.on_end(name, by, now, &mut self.outbox);
            }
        }
        *self.failures.entry(why).or_default() += 1;
    }

    /// Does what the application wants of its connections.
    pub(super) fn grant_wishes(&mut self, now: u64) {
        while let Some(wish) = self.outbox.take_wish() {
            match wish {
                Wish::Leave(index, how) => self.leave(index, how, now),
                Wish::Return(index, at) => self.come_back(index, at),
                Wish::Finish(index) => {
                    if let Some(fd) = &self.links[index].fd {
                        // Refused only where the server has ended it already.
                        shutdown(fd, Shutdown::Write).unwrap_or_default();
                    }
                }
            }
        }
        self.outbox.flush(&mut self.links);
    }

    fn come_back(&mut self, index: usize, at: u64) {
        match self.links[index].state {
            State::Idle | State::Closed => self.opener.open_again(index, at),
            // As soon as the server has answered our close frame.
            State::Leaving => {
                if let Some(leaving) = self.leaving.get_mut(&index) {
                    leaving.back_at = Some(at);
                }
            }
            _ => {}
        }
    }

    fn leave(&mut self, index: usize, how: Leave, now: u64) {
        if self.plan.raw {
            // The server may have ended it, and it was only not read yet.
            self.fill(index, true);
        }
        let link = &mut self.links[index];
        let is_open = link.state == State::Live || self.plan.raw && link.state == State::Opening;
        if !is_open {
            return;
        }
        link.state = State::Leaving;
        if how == Leave::Close && link.protocol == Protocol::WebSocket {
            self.outbox.close(index, GOING_AWAY);
            let due = now + ANSWER_NS;
            let leaving = Leaving {
                due,
                back_at: None,
                is_answered: false,
            };
            self.leaving.insert(index, leaving);
            self.answers_due.push_back((index, due));
        } else {
            self.end(index, String::new());
        }
    }

    /// Opens what may be opened, and gives up what takes too long.
    pub(super) fn open(&mut self, now: u64) {
        if let Some(index) = self.opener.overdue(now) {
            self.end(index, "timed out while opening".to_owned());
        }
        while let Some((index, due)) = self.answers_due.front().copied()
            && due <= now
        {
            self.answers_due.pop_front();
            if self.leaving.get(&index).map(|leaving| leaving.due) == Some(due) {
                self.end(index, "timed out".to_owned());
            }
        }
        let open_up_to = self.control.open_up_to.load(Ordering::Acquire);
        let open_up_to = usize::try_from(open_up_to)
            .unwrap_or(usize::MAX)
            .min(self.plan.conns);
        let share = self.place.share(open_up_to);
        while let Some(index) = self.opener.start(share, now) {
            if let Err(error) = self.connect(index) {
                self.end(index, io_label(error));
            }
        }
    }

    fn connect(&mut self, index: usize) -> io::Result<()> {
        let number = if self.plan.raw {
            self.begun += 1;
            let all = RAW_ADDRESSES * CONNS_PER_ADDRESS as usize;
            self.place.thread * all + self.begun % all
        } else {
            self.place.number(index)
        };
        let buffer = match self.plan.reading {
            Reading::Slowly { buffer, .. } => usize::try_from(buffer).unwrap_or(0),
            Reading::All if !self.app.reads(index) => SMALL_BUFFER,
            Reading::All => 0,
        };
        let addr = self.app.target(&self.plan, self.place.thread, index).addr;
        let source = self.plan.sources.of(self.plan.first_source + number, addr);
        let fd = socket::connect(addr, source, buffer)?;
        if self.plan.resets {
            // SO_LINGER of zero seconds, socket(7).
            sockopt::set_socket_linger(&fd, Some(Duration::ZERO))?;
        }
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut SourceFd(&fd.as_raw_fd()), Token(index), interest)?;
        let link = &mut self.links[index];
        link.fd = Some(fd);
        link.state = State::Connecting;
        Ok(())
    }
}

/// What went wrong with a socket, in the words of a report.
#[cold]
pub(super) fn io_label(error: io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ECONNREFUSED) => "connection refused".to_owned(),
        Some(libc::ECONNRESET) => "reset by the server".to_owned(),
        Some(libc::ETIMEDOUT) => "timed out".to_owned(),
        Some(libc::EADDRNOTAVAIL) => "no source port left".to_owned(),
        Some(libc::EPROTO) => "TLS failed".to_owned(),
        Some(libc::EMFILE) => "descriptor limit reached".to_owned(),
        Some(libc::ENFILE) => "file table of the host is full".to_owned(),
        Some(libc::ENOMEM | libc::ENOBUFS) => "no kernel memory for a socket".to_owned(),
        Some(libc::EHOSTUNREACH | libc::ENETUNREACH) => "no route to the server".to_owned(),
        _ => error.to_string(),
    }
}
