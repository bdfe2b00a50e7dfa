//! Stand-ins for sockets: they keep what they are given, as far as a test lets them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::IoSlice;

use corecast::internals::driver::{Kernel, Received};
use corecast::topic::sink::{Sink, Sock, WriteError};
use corecast::{CloseReason, ConnId, Handler};

/// What went to each socket and was not looked at.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    pub(crate) sent: HashMap<i32, Vec<u8>>,
    /// How often something went to each.
    writes: HashMap<i32, usize>,
    /// Bytes that they still take, all together; `None`: any number.
    pub(crate) space: Option<usize>,
    /// They take all, and pass nothing on.
    pub(crate) holding: bool,
    /// What has come in and is not read.
    pub(crate) received: HashMap<ConnId, VecDeque<u8>>,
    /// Those whose stream ends behind that.
    pub(crate) hung_up: HashSet<ConnId>,
    /// Connections in the order in which they were read, since the last look.
    pub(crate) reads: Vec<ConnId>,
    /// What clients' hosts have not confirmed.
    pub(crate) unsent: usize,
    /// Why connections have ended.
    pub(crate) ended: HashMap<ConnId, CloseReason>,
    /// Those that are closed.
    pub(crate) closed: HashSet<ConnId>,
}

impl Sockets {
    /// How often something went to one since the last look.
    pub(crate) fn take_writes(&mut self, sock: Sock) -> usize {
        self.writes.remove(&sock.0).unwrap_or_default()
    }
}

impl<H: Handler> Kernel<H> for Sockets {
    fn receive(&mut self, id: ConnId, buffer: &mut [u8]) -> Received {
        if self.reads.last() != Some(&id) {
            self.reads.push(id);
        }
        let received = self.received.entry(id).or_default();
        let count = received.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(received.drain(..count)) {
            *to = from;
        }
        match count {
            0 if self.hung_up.contains(&id) => Received::End,
            0 => Received::Nothing,
            count => Received::Bytes(count),
        }
    }

    fn unsent(&mut self, _: ConnId) -> usize {
        self.unsent
    }

    fn note_end(&mut self, id: ConnId, reason: CloseReason) {
        self.ended.insert(id, reason);
    }

    fn close(&mut self, id: ConnId, _: Sock) {
        self.closed.insert(id);
    }
}

impl Sink for Sockets {
    fn send(&mut self, sock: Sock, bytes: &[u8]) -> Result<usize, WriteError> {
        let len = self
            .space
            .map_or(bytes.len(), |space| space.min(bytes.len()));
        if let Some(space) = &mut self.space {
            *space -= len;
        }
        if len == 0 {
            return Err(WriteError::Blocked);
        }
        *self.writes.entry(sock.0).or_default() += 1;
        self.sent
            .entry(sock.0)
            .or_default()
            .extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn send_vectored(&mut self, sock: Sock, slices: &[IoSlice<'_>]) -> Result<usize, WriteError> {
        let bytes: Vec<u8> = slices
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect();
        self.send(sock, &bytes)
    }

    fn holds(&mut self, _: Sock) -> bool {
        self.holding
    }
}
