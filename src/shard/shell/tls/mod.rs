//! The TLS connections of a shard, as the event loop and the walks see them.

mod read;
mod session;

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::os::fd::RawFd;
use std::rc::Rc;

use crate::handler::Handler;
use crate::id::{ConnId, ConnKey, ShardId};
use crate::limits::{HANDSHAKES_MAX, READ_BYTES, TLS_REST_BYTES_MAX};
use crate::shard::core::ShardCore;
use crate::topic::sink::Sock;
use crate::topic::sink::WriteError;

pub(crate) use session::Secured;
use session::Share;

/// The TLS connections of a shard.
#[derive(Debug)]
pub(crate) struct Sessions {
    shard: ShardId,
    /// By the key of their connection; no longer than the last of them.
    table: Vec<Option<Box<Secured>>>,
    /// Connections whose handshake has bytes to read.
    handshakes: VecDeque<ConnId>,
    buffers: Buffers,
    /// What all of them hold.
    held: Rc<Cell<usize>>,
}

/// Lent to one connection after the other; of no size until there is one.
#[derive(Debug, Default)]
struct Buffers {
    input: Vec<u8>,
    plaintext: Vec<u8>,
    sealed: Vec<u8>,
    gathered: Vec<u8>,
}

impl Sessions {
    /// None yet.
    pub(crate) fn new(shard: ShardId) -> Self {
        Self {
            shard,
            table: Vec::new(),
            handshakes: VecDeque::new(),
            buffers: Buffers::default(),
            held: Rc::default(),
        }
    }

    /// The name by which the core knows the TLS connection that gets this key.
    pub(crate) fn sock(key: ConnKey) -> Sock {
        // Keys are places in memory: half of their numbers are more than there is memory for.
        Sock(!i32::try_from(key.0).unwrap_or(i32::MAX))
    }

    /// Keeps a new connection.
    pub(crate) fn insert(&mut self, id: ConnId, mut secured: Secured) {
        secured.generation = id.generation;
        secured.share = Share::of(&self.held);
        if self.buffers.input.is_empty() {
            self.buffers.input = vec![0; TLS_REST_BYTES_MAX + READ_BYTES];
        }
        let key = id.key.index();
        if self.table.len() <= key {
            self.table.resize_with(key + 1, || None);
        }
        self.table[key] = Some(Box::new(secured));
    }

    /// Forgets a connection, if it is one of them, before its socket is closed.
    pub(crate) fn remove(&mut self, id: ConnId) {
        let secured = self.table.get_mut(id.key.index()).and_then(Option::take);
        if let Some(mut secured) = secured.filter(|secured| secured.owes_goodbye()) {
            secured.finish(&mut self.buffers.sealed);
        }
    }

    /// Bytes that have come in part, and that are sealed and not sent.
    pub(crate) fn held(&self) -> usize {
        self.held.get()
    }

    /// Whether a connection speaks TLS.
    pub(crate) fn has(&self, id: ConnId) -> bool {
        self.get(id).is_some()
    }

    fn get(&self, id: ConnId) -> Option<&Secured> {
        let secured = self.table.get(id.key.index())?.as_deref();
        secured.filter(|secured| secured.generation == id.generation)
    }

    fn get_mut(&mut self, id: ConnId) -> Option<&mut Secured> {
        let secured = self.table.get_mut(id.key.index())?.as_deref_mut();
        secured.filter(|secured| secured.generation == id.generation)
    }

    /// Whether handshakes wait for their turn.
    pub(crate) fn has_work(&self) -> bool {
        !self.handshakes.is_empty()
    }

    /// Whether so many wait that no more are to be accepted.
    pub(crate) fn is_full(&self) -> bool {
        HANDSHAKES_MAX <= self.handshakes.len()
    }

    /// Writes to the connection that `sock` names; see [`Secured::send`].
    ///
    /// # Errors
    ///
    /// As of a plain socket.
    #[cold]
    #[inline(never)]
    pub(crate) fn send(&mut self, sock: Sock, bytes: &[u8]) -> Result<usize, WriteError> {
        match self.named(sock) {
            Some((secured, buffers)) => secured.send(bytes, &mut buffers.sealed),
            None => Err(WriteError::Broken),
        }
    }

    /// The same for several slices.
    ///
    /// # Errors
    ///
    /// As of a plain socket.
    #[cold]
    pub(crate) fn send_vectored(
        &mut self,
        sock: Sock,
        slices: &[IoSlice<'_>],
    ) -> Result<usize, WriteError> {
        match self.named(sock) {
            Some((secured, buffers)) => {
                secured.send_vectored(slices, &mut buffers.gathered, &mut buffers.sealed)
            }
            None => Err(WriteError::Broken),
        }
    }

    /// Whether the connection that `sock` names has sealed what its socket does not take now.
    pub(crate) fn holds(&mut self, sock: Sock) -> bool {
        // Before a session is open, none of what waits is the core's.
        self.named(sock).is_some_and(|(secured, _)| {
            secured.session.is_open() && secured.flush() == Err(WriteError::Blocked)
        })
    }

    /// The socket of the connection that `sock` names.
    pub(crate) fn fd(&mut self, sock: Sock) -> Option<RawFd> {
        self.named(sock).map(|(secured, _)| secured.fd)
    }

    fn named(&mut self, sock: Sock) -> Option<(&mut Secured, &mut Buffers)> {
        let key = usize::try_from(!sock.0).ok()?;
        let secured = self.table.get_mut(key)?.as_mut()?;
        Some((secured, &mut self.buffers))
    }

    /// The socket takes bytes again: first what is sealed, then the core may have more. `false` if
    /// the connection speaks no TLS.
    pub(crate) fn write<H: Handler>(&mut self, core: &mut ShardCore<H>, id: ConnId) -> bool {
        let Some(secured) = self.get_mut(id) else {
            return false;
        };
        match secured.flush() {
            Ok(()) if secured.session.is_open() => core.handle_writable(id),
            Ok(()) | Err(WriteError::Blocked) => {}
            Err(WriteError::Broken) => core.handle_reset(id),
        }
        true
    }

    /// Bytes of a connection that are sealed and that its socket has not taken.
    pub(crate) fn unsent(&self, id: ConnId) -> usize {
        self.get(id).map_or(0, Secured::unsent)
    }

    /// Sends the last word of a connection to which the core sends nothing more. `false` if the
    /// connection speaks no TLS.
    pub(crate) fn finish(&mut self, id: ConnId) -> bool {
        let Some(Some(secured)) = self.table.get_mut(id.key.index()) else {
            return false;
        };
        secured.finish(&mut self.buffers.sealed);
        true
    }
}

#[cfg(test)]
#[cfg(feature = "tls")]
mod tests;
