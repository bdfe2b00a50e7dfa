//! Where a shard's connections come from.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use rustix::net::{Shutdown, shutdown};

use crate::net::listener;
use crate::shard::shell::accept::accept_rate::Accepted;
use crate::shard::shell::accept::listener::Listener;
use crate::sys::deferred::defer_accept;
use crate::sys::handoff;

/// Where a shard's connections come from: its own socket of a listener, or the balancer.
#[derive(Debug)]
pub(crate) struct Source {
    fd: OwnedFd,
    /// Of the socket; `None`: the taking end of what the balancer gives, for any listener.
    listener: Option<u16>,
    token: Token,
    /// There may be connections.
    pub(crate) ready: bool,
}

impl Source {
    /// The shard's own socket of a listener, or the end of its handoff.
    pub(crate) fn new(fd: OwnedFd, listener: Option<u16>) -> Self {
        Self {
            fd,
            listener,
            token: Token(LAST_TOKEN),
            ready: true,
        }
    }

    /// Registers it for reading, edge-triggered, as that of this number.
    ///
    /// # Errors
    ///
    /// Out of memory for the registration.
    pub(crate) fn register(&mut self, number: usize, registry: &Registry) -> io::Result<()> {
        self.token = Token(LAST_TOKEN - number);
        let fd = self.fd.as_raw_fd();
        registry.register(&mut SourceFd(&fd), self.token, Interest::READABLE)
    }

    /// Whether an event's token is that of a source.
    pub(crate) fn owns(token: Token) -> bool {
        (LAST_TOKEN - usize::from(u16::MAX)..=LAST_TOKEN).contains(&token.0)
    }

    /// Notes an event, if it is of this source.
    pub(crate) fn note(&mut self, token: Token) {
        self.ready |= self.token == token;
    }

    /// The next connection; `None` if the balancer has closed.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if there is none now; otherwise those of `accept(2)` and [`handoff::take`].
    pub(crate) fn accept(&self) -> Result<Option<Accepted>, Errno> {
        let (socket, peer, listener) = if let Some(listener) = self.listener {
            let (socket, peer) = listener::accept(&self.fd)?;
            (socket, peer, listener)
        } else {
            let Some((socket, listener)) = handoff::take(&self.fd)? else {
                return Ok(None);
            };
            // It is over. Without its address the rules for proxies cannot be applied.
            let peer = listener::peer_of(&socket).map_err(|_| Errno::CONNABORTED)?;
            (socket, peer, listener)
        };
        Ok(Some(Accepted {
            socket,
            peer,
            listener,
        }))
    }

    /// Takes a connection off the queue and closes it; `false` if there was none. What the balancer
    /// gave and the table had no place for is closed already.
    pub(crate) fn turn_away(&self) -> bool {
        self.is_handoff() || !matches!(listener::accept(&self.fd), Err(Errno::AGAIN))
    }

    /// Prepares for the end: the balancer closes its sockets, and the kernel defers no accepts any
    /// more. Whether it did.
    pub(crate) fn prepare_close(&self, listeners: &[Listener]) -> bool {
        let Some(listener) = self.listener else {
            // An error means that the balancer has closed.
            let _closed = shutdown(&self.fd, Shutdown::Write);
            return false;
        };
        let listener = listeners.get(usize::from(listener));
        listener.is_some_and(Listener::defers) && defer_accept(&self.fd, false).is_ok()
    }

    /// Whether it may have connections of a listener.
    pub(crate) fn may_have(&self, index: u16, listener: &Listener) -> bool {
        match self.listener {
            Some(own) => own == index,
            None => listener.is_single(),
        }
    }

    /// Whether its connections come from the balancer.
    pub(crate) fn is_handoff(&self) -> bool {
        self.listener.is_none()
    }
}

/// Below the doorbell's. Connections have no key this high.
const LAST_TOKEN: usize = usize::MAX - 1;
