//! Accepting: a bounded number per turn, and what to do when the kernel has no more to give.

use core::net::SocketAddr;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::time::Duration;

use mio::net::TcpListener;
use mio::{Interest, Registry, Token};
use rustix::io::Errno;

use crate::handler::Handler;
use crate::id::ConnId;
use crate::limits::{ACCEPT_PAUSE, ACCEPTS_PER_TURN};
use crate::shard::intake::{Intake, begin, open};
use crate::shard::links::Link;
use crate::shard::listener::Listener;
use crate::shard::pace::Pace;
use crate::time::Now;
use crate::tls::Renewals;

/// A listener and what its connections speak.
#[derive(Debug)]
pub(super) struct Listening {
    /// Bound and listening, in the shard's own table.
    pub socket: TcpListener,
    /// What was asked for.
    pub listener: Listener,
}

/// How connections come to a shard.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) listening: Vec<Listening>,
    /// Other certificates for those with TLS.
    pub(super) renewals: Renewals,
    pub(super) pace: Pace,
}

/// The listeners of one shard.
#[derive(Debug)]
pub(super) struct Acceptor {
    listeners: Vec<(Listening, bool)>,
    /// Other certificates for those with TLS.
    renewals: Renewals,
    pace: Pace,
    /// The listener to begin with.
    first: usize,
    /// The listeners are about to be closed, and who is queued now is served or reset.
    closing: bool,
    /// No accepts until then: the kernel had nothing to give, or the rate has.
    paused_until: Option<Now>,
    /// Given up for a moment when there is no other descriptor, to turn a connection away.
    spare: Option<File>,
    /// When a failed accept was last logged, and how many were not since.
    logged: Option<Now>,
    unlogged: u64,
}

impl Acceptor {
    /// Registers the listeners.
    ///
    /// # Errors
    ///
    /// Out of memory for the registration.
    pub(super) fn new(entrance: Entrance, registry: &Registry) -> io::Result<Self> {
        let mut listening = entrance.listening;
        for (index, listening) in listening.iter_mut().enumerate() {
            registry.register(&mut listening.socket, token(index), Interest::READABLE)?;
        }
        let listeners = listening
            .into_iter()
            .map(|listening| (listening, true))
            .collect();
        let spare = File::open("/dev/null").ok();
        Ok(Self {
            listeners,
            renewals: entrance.renewals,
            pace: entrance.pace,
            first: 0,
            closing: false,
            paused_until: None,
            spare,
            logged: None,
            unlogged: 0,
        })
    }

    /// Whether an event's token is that of a listener.
    pub(super) fn owns(&self, token: Token) -> bool {
        usize::MAX - self.listeners.len() <= token.0 && token.0 != usize::MAX
    }

    /// Notes that a listener has connections.
    pub(super) fn note(&mut self, token: Token) {
        if let Some((_, ready)) = self.listeners.get_mut(usize::MAX - 1 - token.0) {
            *ready = true;
        }
    }

    /// Whether there may be connections to accept at once.
    pub(super) fn is_ready(&self, now: Now) -> bool {
        self.paused_until.is_none_or(|until| until <= now)
            && self.listeners.iter().any(|(_, ready)| *ready)
    }

    /// When accepting goes on, if it waits.
    pub(super) fn deadline(&self) -> Option<Now> {
        self.paused_until
            .filter(|_| self.listeners.iter().any(|(_, ready)| *ready))
    }

    /// Whether new connections are taken at all.
    pub(super) fn is_open(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Accepts a turn's worth of connections.
    pub(super) fn accept<H: Handler>(&mut self, into: &mut Intake<'_, H>, now: Now) {
        self.renew();
        if !self.is_ready(now) {
            return;
        }
        self.paused_until = None;
        let count = self.listeners.len();
        // Where the rate ended it last, so that one listener does not take it all.
        let first = self.first;
        for index in (0..count).map(|step| (first + step) % count) {
            for _ in 0..ACCEPTS_PER_TURN {
                let (listening, ready) = &mut self.listeners[index];
                let shakes = listening.listener.keys.is_some();
                let must_wait = shakes && into.sessions.is_full() && !self.closing;
                if !*ready || must_wait {
                    break;
                }
                if let Err(passes_at) = self.pace.check(now) {
                    into.core.count_accept_wait();
                    self.paused_until = Some(passes_at);
                    self.first = index + 1;
                    return;
                }
                match listening.socket.accept() {
                    Ok((stream, peer)) => {
                        self.pace.note();
                        let link = Link::from(stream);
                        open(into, link, Some(peer), &listening.listener, index);
                    }
                    Err(err) if err.kind() == ErrorKind::WouldBlock => *ready = false,
                    // It fails before it looks into the queue: there may be nobody.
                    Err(err) if is_scarcity(&err) && self.turn_away(index) => {
                        into.core.count_accept_error();
                        self.log(&err, now);
                        self.paused_until = Some(now.plus(ACCEPT_PAUSE));
                        return;
                    }
                    Err(err) if is_scarcity(&err) => self.listeners[index].1 = false,
                    // The connection is gone before it was accepted (accept(2)).
                    Err(_) => {}
                }
            }
        }
    }

    /// Gives those who come from now on what was loaded last.
    fn renew(&mut self) {
        let Some(renewed) = self.renewals.take() else {
            return;
        };
        let listeners = self.listeners.iter_mut();
        for (place, keys) in listeners.filter_map(|(l, _)| l.listener.keys.as_mut()) {
            if let Some(renewed) = renewed.get(*place) {
                *keys = renewed.clone();
            }
        }
    }

    /// Takes what is queued, as closing the listener would reset it, and closes the listeners.
    pub(super) fn close<H: Handler>(&mut self, into: &mut Intake<'_, H>, now: Now) {
        self.closing = true;
        self.paused_until = None;
        self.pace = Pace::default();
        for (_, ready) in &mut self.listeners {
            *ready = true;
        }
        for _ in 0..QUEUE_ROUNDS_MAX {
            if !self.is_ready(now) {
                break;
            }
            self.accept(into, now);
        }
        self.listeners.clear();
    }

    /// A connection to a listener has said where it comes from.
    pub(super) fn begin<H: Handler>(
        &self,
        into: &mut Intake<'_, H>,
        id: ConnId,
        peer: Option<SocketAddr>,
        index: usize,
    ) {
        match (self.listeners.get(index), into.links.get(id)) {
            (Some((listening, _)), Some(link)) => {
                let fd = link.fd();
                begin(into, id, fd, peer, &listening.listener);
            }
            // The server drains.
            _ => into.core.handle_reset(id),
        }
    }

    /// Takes one connection with the spare descriptor and closes it: its client need not wait for
    /// one that may never be free. `false` if there was none to take.
    fn turn_away(&mut self, index: usize) -> bool {
        let mut somebody = true;
        if self.spare.take().is_some() {
            let taken = self.listeners[index].0.socket.accept();
            somebody = !matches!(&taken, Err(err) if err.kind() == ErrorKind::WouldBlock);
        }
        self.spare = File::open("/dev/null").ok();
        somebody
    }

    /// Logs at most once per second.
    fn log(&mut self, err: &io::Error, now: Now) {
        if self
            .logged
            .is_some_and(|logged| now < logged.plus(Duration::from_secs(1)))
        {
            self.unlogged += 1;
            return;
        }
        let unlogged = std::mem::take(&mut self.unlogged);
        log::warn!(
            "cannot accept: {err} ({unlogged} more since the last message); raise the limit of \
             open files or use more shards"
        );
        self.logged = Some(now);
    }
}

/// Whether an accept failed for want of descriptors or memory, and will again if tried at once.
fn is_scarcity(err: &io::Error) -> bool {
    let errno = err.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        errno,
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    )
}

/// Below the doorbell's.
fn token(index: usize) -> Token {
    Token(usize::MAX - 1 - index)
}

/// Rounds of accepts when a listener closes: more than any backlog holds.
const QUEUE_ROUNDS_MAX: usize = 1_024;
