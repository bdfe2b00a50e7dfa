//! The network of a simulated world: sockets with bounded buffers.

use std::io::IoSlice;

use corecast::ConnId;
use corecast::internals::Rng;
use corecast::internals::driver::Received;
use corecast::topic::sink::{Sink, Sock, WriteError};

/// One connection as the kernel has it.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) shard: usize,
    pub(crate) id: Option<ConnId>,
    /// Written by the client, not yet arrived.
    pub(crate) outgoing: Vec<u8>,
    /// The client has shut down its side, behind `outgoing`.
    pub(crate) fin: bool,
    /// Arrived, not yet read by the server.
    pub(crate) rx: Vec<u8>,
    pub(crate) rx_max: usize,
    pub(crate) fin_arrived: bool,
    /// Taken from the server, not yet read by the client.
    pub(crate) tx: Vec<u8>,
    pub(crate) tx_max: usize,
    /// One write in so many is cut short although there is space; 0: none.
    pub(crate) cut_one_in: usize,
    /// The last write was short and no writable event was handled since.
    pub(crate) blocked: bool,
    pub(crate) short_writes: u64,
    /// The server has shut down its side.
    pub(crate) shut: bool,
    /// The server has closed the socket.
    pub(crate) closed: bool,
    /// The client has reset the connection.
    pub(crate) broken: bool,
    /// Events that the shard's next poll reports.
    pub(crate) event: Event,
}

/// What a poll reports of one socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) readable: bool,
    pub(crate) read_closed: bool,
    pub(crate) writable: bool,
    pub(crate) error: bool,
}

impl Socket {
    pub(crate) fn new(shard: usize) -> Self {
        Self {
            shard,
            id: None,
            outgoing: Vec::new(),
            fin: false,
            rx: Vec::new(),
            rx_max: usize::MAX,
            fin_arrived: false,
            tx: Vec::new(),
            tx_max: usize::MAX,
            cut_one_in: 0,
            blocked: false,
            short_writes: 0,
            shut: false,
            closed: false,
            broken: false,
            event: Event::default(),
        }
    }

    /// Whether bytes or the end of the stream can arrive at the server.
    pub(crate) fn can_deliver(&self) -> bool {
        let has_space = self.rx.len() < self.rx_max;
        !self.broken && !self.closed && (!self.outgoing.is_empty() && has_space || self.owes_fin())
    }

    fn owes_fin(&self) -> bool {
        self.outgoing.is_empty() && self.fin && !self.fin_arrived
    }

    /// Lets up to `n` bytes, or the end of the stream, arrive at the server.
    pub(crate) fn deliver(&mut self, n: usize) {
        let n = n
            .min(self.outgoing.len())
            .min(self.rx_max - self.rx.len().min(self.rx_max));
        self.rx.extend(self.outgoing.drain(..n));
        self.event.readable = true;
        if self.owes_fin() {
            self.fin_arrived = true;
            self.event.read_closed = true;
        }
        // An edge of one kind reports all that is ready.
        self.event.writable |= self.has_tx_space();
    }

    /// The server reads once.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Received {
        if self.broken {
            return Received::Reset;
        }
        let n = self.rx.len().min(buffer.len());
        if n == 0 && self.fin_arrived {
            return Received::End;
        }
        if n == 0 {
            return Received::Nothing;
        }
        buffer[..n].copy_from_slice(&self.rx[..n]);
        self.rx.drain(..n);
        Received::Bytes(n)
    }

    fn has_tx_space(&self) -> bool {
        self.tx.len() < self.tx_max
    }

    /// Whether the kernel may report space after a short write.
    pub(crate) fn can_report_space(&self) -> bool {
        self.blocked && !self.event.writable && !self.closed && self.has_tx_space()
    }

    fn write<'b>(
        &mut self,
        slices: impl Iterator<Item = &'b [u8]>,
        rng: &mut Rng,
    ) -> Result<usize, WriteError> {
        assert!(!self.closed, "a write to a closed socket");
        assert!(!self.shut, "a write after the end");
        if self.broken {
            return Err(WriteError::Broken);
        }
        assert!(!self.blocked, "a write to a socket known to be blocked");
        let bytes: Vec<u8> = slices.flatten().copied().collect();
        assert!(!bytes.is_empty(), "a write of nothing");
        let mut n = bytes.len().min(self.tx_max.saturating_sub(self.tx.len()));
        if self.cut_one_in != 0 && rng.below(self.cut_one_in) == 0 {
            n = n.min(rng.below(bytes.len()));
            if rng.below(3) == 0 {
                n = n.min(rng.below(6));
            }
        }
        if n < bytes.len() {
            self.blocked = true;
            self.short_writes += 1;
        }
        self.tx.extend_from_slice(&bytes[..n]);
        if n == 0 {
            return Err(WriteError::Blocked);
        }
        Ok(n)
    }
}

/// All sockets, by `Sock`.
#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) sockets: Vec<Socket>,
    pub(crate) rng: Rng,
}

impl Sink for Net {
    fn send(&mut self, sock: Sock, bytes: &[u8]) -> Result<usize, WriteError> {
        let at = usize::try_from(sock.0).unwrap();
        self.sockets[at].write(std::iter::once(bytes), &mut self.rng)
    }

    fn send_vectored(&mut self, sock: Sock, slices: &[IoSlice<'_>]) -> Result<usize, WriteError> {
        let at = usize::try_from(sock.0).unwrap();
        assert!(
            slices.iter().all(|slice| !slice.is_empty()),
            "an empty slice"
        );
        self.sockets[at].write(slices.iter().map(|slice| &**slice), &mut self.rng)
    }
}
