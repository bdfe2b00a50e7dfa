//! The part of a client that owns the socket and reads the clock.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};

use crate::client::core::Core;
use crate::client::core::event::Reason;
use crate::client::core::token::TokenSource;
use crate::client::dialer::Dialer;
use crate::client::sender::Queue;
use crate::client::stream::Stream;
use crate::limits::READ_BYTES;
use crate::time::Now;
use crate::tls::DialKeys;

/// The socket, the clock, and the poll that waits for them.
#[derive(Debug)]
pub(crate) struct Shell {
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
    dialer: Dialer,
    /// If present, connections use TLS.
    keys: Option<DialKeys>,
    /// If present, each attempt has a token.
    tokens: Option<TokenSource>,
    socket: Option<Socket>,
    space: Box<[u8]>,
    started: Instant,
    turned: Instant,
}

/// A connected socket and its readiness.
#[derive(Debug)]
struct Socket {
    stream: Stream,
    /// It may have bytes, or take some: the kernel has not returned `EAGAIN` since.
    readable: bool,
    writable: bool,
}

pub(crate) const SOCKET: Token = Token(0);
pub(crate) const WAKER: Token = Token(1);

impl Shell {
    pub(crate) fn new(
        poll: Poll,
        waker: Arc<Waker>,
        dialer: Dialer,
        keys: Option<DialKeys>,
        tokens: Option<TokenSource>,
    ) -> Self {
        let started = read_clock();
        Self {
            poll,
            events: Events::with_capacity(EVENTS),
            waker,
            dialer,
            keys,
            tokens,
            socket: None,
            space: vec![0; READ_BYTES].into(),
            started,
            turned: started,
        }
    }

    /// One turn: waits until something happens, at most until `deadline`, and handles it.
    pub(crate) fn turn(&mut self, core: &mut Core, queue: &Queue, deadline: Instant) {
        let is_progress = match self.wait(core, queue, deadline) {
            Ok(is_progress) => is_progress,
            Err(err) => return core.handle_broken(err),
        };
        self.turned = read_clock();
        let mut now = self.now();
        if is_progress {
            core.handle_progress(now);
        }
        queue.answer();
        self.dial(core, now);
        // Before the deadlines: after a long pause between calls, bytes that arrived meanwhile must
        // count.
        self.read(core, now);
        core.handle_timeout(now);
        if core.take_dial() {
            let begun = self.begin(core);
            now = self.now();
            if let Err(reason) = begun {
                core.handle_not_connected(reason, now);
            }
            self.dial(core, now);
        }
        self.write(core, queue, now);
        self.hang_up(core);
    }

    /// The moment of the last turn.
    pub(crate) fn now(&self) -> Now {
        let millis = self.turned.duration_since(self.started).as_millis();
        Now::from_millis(millis.try_into().unwrap_or(u64::MAX))
    }

    /// Whether the last turn was a while ago: pings may wait.
    pub(crate) fn is_due(&self) -> bool {
        TURN_AT_LEAST_EVERY <= read_clock().duration_since(self.turned)
    }

    /// Sends the bytes of the core and the messages in the queue, as far as the socket takes them
    /// now.
    pub(crate) fn write(&mut self, core: &mut Core, queue: &Queue, now: Now) {
        for _ in 0..WRITES_PER_TURN {
            while core.can_send()
                && let Some(waiting) = queue.take()
            {
                core.send(waiting.kind, &waiting.payload, now);
            }
            let Some(socket) = self.socket.as_mut().filter(|socket| socket.writable) else {
                return;
            };
            if !socket.stream.may_write(!core.out().is_empty()) || !core.has_socket() {
                return;
            }
            match socket.stream.write(core.out()) {
                Ok(n) => core.handle_sent(n),
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) if err.kind() == ErrorKind::WouldBlock => socket.writable = false,
                Err(err) if is_gone(&err) => {
                    // The server's close frame may have arrived before; reading finds it and the
                    // end.
                    socket.writable = false;
                    socket.readable = true;
                }
                Err(err) => return core.handle_end(Some(err), now),
            }
        }
    }

    /// Waits; returns whether the socket takes bytes again after it took none.
    fn wait(&mut self, core: &Core, queue: &Queue, deadline: Instant) -> io::Result<bool> {
        let moment = |at: Now| self.started + Duration::from_millis(at.millis());
        let wakes = [
            Some(deadline),
            core.next_deadline().map(moment),
            self.dialer.next_deadline(),
        ];
        let until = wakes.into_iter().flatten().min().unwrap_or(deadline);
        let timeout = if self.has_work(core, queue) {
            Duration::ZERO
        } else {
            until.saturating_duration_since(read_clock())
        };
        match self.poll.poll(&mut self.events, Some(timeout)) {
            // Before deadlines are checked, the kernel must be asked for events. A signal
            // interrupted that, so it is repeated.
            Err(err) if err.kind() == ErrorKind::Interrupted => {
                self.poll.poll(&mut self.events, Some(Duration::ZERO))?;
            }
            polled => polled?,
        }
        let mut is_progress = false;
        let of_socket = self.events.iter().filter(|event| event.token() == SOCKET);
        for event in of_socket {
            let Some(socket) = &mut self.socket else {
                continue;
            };
            is_progress |= event.is_writable() && !socket.writable;
            socket.writable |= event.is_writable();
            socket.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        }
        Ok(is_progress)
    }

    /// Whether there is something to do without an event.
    fn has_work(&self, core: &Core, queue: &Queue) -> bool {
        let Some(socket) = &self.socket else {
            return false;
        };
        let has_bytes = !core.out().is_empty() || core.can_send() && !queue.is_empty();
        let may_write = socket.stream.may_write(has_bytes) && core.has_socket();
        socket.readable && core.wants_bytes() || socket.writable && may_write
    }

    /// Begins an attempt, with a token if it needs one.
    fn begin(&mut self, core: &mut Core) -> Result<(), Reason> {
        if let Some(tokens) = &self.tokens {
            let token = tokens.token();
            // A callback may have taken long.
            self.turned = read_clock();
            core.handle_token(token?, self.now());
        }
        self.dialer.begin(&self.waker)
    }

    fn dial(&mut self, core: &mut Core, now: Now) {
        if !core.is_dialing() {
            return self.dialer.stop();
        }
        let deadline = core.next_deadline().map_or(self.turned, |at| {
            self.started + Duration::from_millis(at.millis())
        });
        let registry = self.poll.registry();
        match self.dialer.go_on(registry, self.turned, deadline) {
            Ok(None) => {}
            Ok(Some(socket)) => match Stream::new(socket, self.keys.as_ref()) {
                Ok(stream) => {
                    // The first event reported the connection and does not come again.
                    self.socket = Some(Socket {
                        stream,
                        readable: true,
                        writable: true,
                    });
                    core.handle_connected(now);
                }
                Err(fault) => core.handle_not_connected(Reason::Tls(fault), now),
            },
            Err(reason) => core.handle_not_connected(reason, now),
        }
    }

    /// Reads one buffer full; if more is left, the next turn returns at once.
    fn read(&mut self, core: &mut Core, now: Now) {
        let Some(socket) = &mut self.socket else {
            return;
        };
        if !socket.readable || !core.wants_bytes() {
            return;
        }
        match socket.stream.read(&mut self.space) {
            Ok(0) => core.handle_end(None, now),
            Ok(n) => core.handle_bytes(&mut self.space[..n], now),
            Err(err) if err.kind() == ErrorKind::WouldBlock => socket.readable = false,
            Err(err) if err.kind() == ErrorKind::Interrupted => {}
            Err(err) => core.handle_end(Some(err), now),
        }
    }

    /// Closes a connection that the core does not need any more.
    fn hang_up(&mut self, core: &Core) {
        if core.has_socket() {
            return;
        }
        if let Some(mut socket) = self.socket.take() {
            // The end of the stream is sent first, before the reset that unread bytes would cause.
            socket.stream.end();
        }
    }
}

/// Whether the server has closed the connection.
fn is_gone(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
    )
}

/// Reads the clock.
pub(crate) fn read_clock() -> Instant {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where a client reads the clock"
    )]
    let now = Instant::now();
    now
}

/// Messages that other threads send continuously must not keep a turn from ending.
const WRITES_PER_TURN: usize = 16;
/// For the socket and the waker; an event may belong to a socket that was closed.
const EVENTS: usize = 8;
/// A program that takes only waiting events has a turn at least this often.
const TURN_AT_LEAST_EVERY: Duration = Duration::from_millis(100);
