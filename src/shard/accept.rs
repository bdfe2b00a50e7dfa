//! Accepting: a bounded number per turn, and what to do when the kernel has no more to give.

use core::net::SocketAddr;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use rustix::io::Errno;

use crate::handler::Handler;
use crate::id::ConnId;
use crate::limits::{ACCEPT_PAUSE, ACCEPTS_PER_TURN};
use crate::shard::control::Shared;
use crate::shard::core::ShardCore;
use crate::shard::links::{Link, Links};
use crate::shard::listener::{Listener, Speaks};
use crate::shard::secure::{Beginning, Secured, Sessions};
use crate::time::Now;
use crate::tls::{Keys, Renewals, Session};
use crate::topic::member::Sock;

/// A listener and what its connections speak.
#[derive(Debug)]
pub(super) struct Listening {
    /// Bound and listening, in the shard's own table.
    pub socket: TcpListener,
    /// What was asked for.
    pub listener: Listener,
}

/// Where accepted connections go.
#[derive(Debug)]
pub(crate) struct Intake<'a, H: Handler> {
    /// Who decides.
    pub(crate) core: &'a mut ShardCore<H>,
    /// Who counts the connections of all shards.
    pub(crate) shared: &'a Shared,
    pub(crate) registry: &'a Registry,
    pub(super) links: &'a mut Links,
    pub(super) sessions: &'a mut Sessions,
}

/// The listeners of one shard.
#[derive(Debug)]
pub(super) struct Acceptor {
    listeners: Vec<(Listening, bool)>,
    /// Other certificates for those with TLS.
    renewals: Renewals,
    /// No accepts until then: the kernel had nothing to give.
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
    pub(super) fn new(
        mut listening: Vec<Listening>,
        renewals: Renewals,
        registry: &Registry,
    ) -> io::Result<Self> {
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
            renewals,
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
        for index in 0..self.listeners.len() {
            for _ in 0..ACCEPTS_PER_TURN {
                let (listening, ready) = &mut self.listeners[index];
                let must_wait = listening.listener.keys.is_some() && into.sessions.is_full();
                if !*ready || must_wait {
                    break;
                }
                match listening.socket.accept() {
                    Ok((stream, peer)) => open(into, stream, peer, &listening.listener),
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
        self.paused_until = None;
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

fn open<H: Handler>(
    into: &mut Intake<'_, H>,
    stream: TcpStream,
    peer: SocketAddr,
    listener: &Listener,
) {
    let link = Link::from(stream);
    let sock = Sock(link.fd());
    let id = if into.core.is_full() || !into.shared.admit() {
        // A handshake only to be told so is more than there is to give.
        let has_words = listener.speaks_http() && listener.keys.is_none();
        into.core.handle_overflow(sock, has_words)
    } else if let Some((_, keys)) = &listener.keys {
        open_secured(into, &link, peer, &listener.speaks, keys)
    } else {
        match &listener.speaks {
            Speaks::Http => into.core.handle_http_open(sock, Some(peer)),
            Speaks::Frames { topic, frames } => {
                let peer = Some(peer);
                into.core.handle_tcp_open(sock, *frames, topic, peer)
            }
        }
    };
    if link.register(id, into.registry).is_err() {
        into.core.handle_reset(id);
    }
    into.links.insert(id, link);
}

/// Opens a connection that has a TLS handshake before it.
fn open_secured<H: Handler>(
    into: &mut Intake<'_, H>,
    link: &Link,
    peer: SocketAddr,
    speaks: &Speaks,
    keys: &Keys,
) -> ConnId {
    let sock = Sessions::sock(into.core.next_key());
    let frames = match speaks {
        Speaks::Http => None,
        Speaks::Frames { frames, .. } => Some(*frames),
    };
    let id = into.core.handle_early_open(sock, frames);
    let beginning = Beginning {
        speaks: speaks.clone(),
        peer,
    };
    match Session::new(keys) {
        Ok(session) => {
            let secured = Secured::new(link.fd(), session, beginning);
            into.sessions.insert(id, secured);
        }
        Err(_) => into.core.handle_tls_failure(id),
    }
    id
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
