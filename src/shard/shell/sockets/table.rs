//! The sockets of a shard's connections, by the keys that the core has given those.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use crate::id::ConnId;
use crate::sys::socket;

/// What the shell has of one connection.
#[derive(Debug)]
pub(crate) struct Link {
    socket: OwnedFd,
}

/// What the shell has of all connections.
#[derive(Debug, Default)]
pub(crate) struct SocketTable(Vec<Option<Link>>);

impl Link {
    /// The number of its descriptor.
    pub(crate) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Registers it for reading and writing, once and for all, edge-triggered.
    ///
    /// # Errors
    ///
    /// Out of memory for the registration.
    pub(crate) fn register(&self, id: ConnId, registry: &Registry) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut SourceFd(&self.fd()), Token(id.pack()), interest)
    }

    /// Whether the socket has an error that no call has told of; takes it.
    pub(crate) fn has_failed(&self) -> bool {
        !matches!(SockRef::from(&self.socket).take_error(), Ok(None))
    }

    /// Bytes that were sent and that the peer's host has not confirmed; nothing where that cannot
    /// be told.
    pub(crate) fn unsent(&self) -> usize {
        socket::unsent(self.fd()).unwrap_or_default()
    }

    /// Sends the end of the stream.
    pub(crate) fn shutdown_write(&self) {
        // An error means that the peer is gone; the next read says so.
        let _gone = socket::shutdown_write(self.fd());
    }
}

impl From<OwnedFd> for Link {
    fn from(socket: OwnedFd) -> Self {
        Self { socket }
    }
}

impl SocketTable {
    /// What there is of a connection.
    pub(crate) fn get(&self, id: ConnId) -> Option<&Link> {
        self.0.get(id.key.index())?.as_ref()
    }

    /// Keeps a new connection.
    pub(crate) fn insert(&mut self, id: ConnId, link: Link) {
        let key = id.key.index();
        if self.0.len() <= key {
            self.0.resize_with(key + 1, || None);
        }
        self.0[key] = Some(link);
    }

    /// Closes a connection.
    pub(crate) fn remove(&mut self, id: ConnId) {
        if let Some(link) = self.0.get_mut(id.key.index()) {
            *link = None;
        }
    }
}

const _: () = assert!(size_of::<Option<Link>>() == 4);
