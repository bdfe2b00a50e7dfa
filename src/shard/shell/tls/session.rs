//! One TLS connection's socket: what is sealed and not sent yet goes before all else.

use core::net::SocketAddr;
use std::cell::Cell;
use std::io::IoSlice;
use std::os::fd::RawFd;
use std::rc::Rc;

use rustix::io::Errno;

use crate::limits::TLS_RECORD_BYTES_MAX;
use crate::shard::shell::accept::listener::Speaks;
use crate::sys::socket;
use crate::tls::Session;
use crate::topic::sink::WriteError;

/// A TLS connection: its session, and its socket by number.
#[derive(Debug)]
pub(crate) struct Secured {
    pub(crate) fd: RawFd,
    /// Of the connection: an earlier one may have had the same key.
    pub(crate) generation: u32,
    pub(crate) session: Session,
    /// Sealed, and not taken by the socket: at most a record that the core counts as sent, and
    /// words of TLS itself.
    unsent: Vec<u8>,
    /// What begins after the handshake, and the peer.
    pub(crate) inside: Option<Box<(Speaks, Option<SocketAddr>)>>,
    /// Waits for its turn among the handshakes.
    pub(crate) queued: bool,
    /// The client has said that nothing will come any more.
    pub(crate) read_ended: bool,
    /// The core is still to be told that: it does not read now.
    pub(crate) owes_end: bool,
    /// The same of the server: once all is sent, the socket's own end follows.
    finished: bool,
    /// What it holds, as the shard counts it.
    pub(crate) share: Share,
}

/// One connection's share of what all TLS connections of a shard hold, in bytes.
#[derive(Debug, Default)]
pub(crate) struct Share {
    bytes: usize,
    sum: Rc<Cell<usize>>,
}

impl Share {
    pub(crate) fn of(sum: &Rc<Cell<usize>>) -> Self {
        let mut share = Self::default();
        share.sum = Rc::clone(sum);
        share
    }

    fn set(&mut self, bytes: usize) {
        let before = std::mem::replace(&mut self.bytes, bytes);
        self.sum.set(self.sum.get() - before + bytes);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Secured {
    /// A connection whose handshake is to come, and what it speaks then.
    pub(crate) fn new(
        fd: RawFd,
        session: Session,
        speaks: Speaks,
        peer: Option<SocketAddr>,
    ) -> Self {
        Self {
            fd,
            generation: 0,
            session,
            unsent: Vec::new(),
            inside: Some(Box::new((speaks, peer))),
            queued: false,
            read_ended: false,
            owes_end: false,
            finished: false,
            share: Share::default(),
        }
    }

    /// Sends as much of `bytes` as the socket takes in whole records and one that it takes only
    /// the front of; `sealed` is scratch.
    ///
    /// # Errors
    ///
    /// As of a plain socket: it is blocked before it took a byte, or broken.
    pub(crate) fn send(&mut self, bytes: &[u8], sealed: &mut Vec<u8>) -> Result<usize, WriteError> {
        self.flush()?;
        let mut sent = 0;
        for record in bytes.chunks(TLS_RECORD_BYTES_MAX) {
            sealed.clear();
            let sealing = self.session.seal(record, sealed);
            sealing.map_err(|_ended| WriteError::Broken)?;
            sent += record.len();
            self.put(sealed)?;
            if !self.unsent.is_empty() {
                break;
            }
        }
        Ok(sent)
    }

    /// The same for several slices; those that are small share a record.
    ///
    /// # Errors
    ///
    /// As of [`send`](Self::send).
    pub(crate) fn send_vectored(
        &mut self,
        slices: &[IoSlice<'_>],
        gathered: &mut Vec<u8>,
        sealed: &mut Vec<u8>,
    ) -> Result<usize, WriteError> {
        let mut sent = 0;
        let mut slices = slices.iter().peekable();
        while let Some(first) = slices.next() {
            let mut bytes: &[u8] = first;
            gathered.clear();
            while let Some(next) =
                slices.next_if(|next| bytes.len() + next.len() <= TLS_RECORD_BYTES_MAX)
            {
                if gathered.is_empty() {
                    gathered.extend_from_slice(first);
                }
                gathered.extend_from_slice(next);
                bytes = gathered;
            }
            match self.send(bytes, sealed) {
                Ok(n) if n == bytes.len() => sent += n,
                Ok(n) => return Ok(sent + n),
                Err(WriteError::Blocked) if 0 < sent => return Ok(sent),
                Err(err) => return Err(err),
            }
        }
        Ok(sent)
    }

    /// Sends words of TLS itself, behind what waits.
    ///
    /// # Errors
    ///
    /// The socket is broken.
    pub(crate) fn put(&mut self, sealed: &[u8]) -> Result<(), WriteError> {
        let sent = if self.unsent.is_empty() {
            send(self.fd, sealed)?
        } else {
            0
        };
        self.unsent.extend_from_slice(&sealed[sent..]);
        self.recount();
        Ok(())
    }

    /// Sends what waits.
    ///
    /// # Errors
    ///
    /// The socket does not take all of it, or is broken.
    pub(crate) fn flush(&mut self) -> Result<(), WriteError> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        let sent = send(self.fd, &self.unsent)?;
        if sent < self.unsent.len() {
            self.unsent.drain(..sent);
            return Err(WriteError::Blocked);
        }
        self.unsent = Vec::new();
        self.recount();
        if self.finished {
            // An error means that the peer is gone; the next read says so.
            let _gone = socket::shutdown_write(self.fd);
        }
        Ok(())
    }

    /// Counts what came in part, and what is sealed and not sent.
    pub(crate) fn recount(&mut self) {
        let bytes = self.session.rest().len() + self.unsent.capacity();
        self.share.set(bytes);
    }

    /// Says that nothing will come any more, and ends the stream when that is sent.
    pub(crate) fn finish(&mut self, sealed: &mut Vec<u8>) {
        if !self.finished {
            self.finished = true;
            sealed.clear();
            // A session that was not opened, or has failed, has nothing to say.
            let _ended = self.session.close(sealed);
            let _gone = self.put(sealed);
        }
        if self.unsent.is_empty() {
            let _gone = socket::shutdown_write(self.fd);
        }
    }

    /// Sealed bytes that the socket has not taken.
    pub(crate) fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// Whether the last word was sent: what still comes is discarded.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether the client has said goodbye and was not answered.
    pub(crate) fn owes_goodbye(&self) -> bool {
        self.read_ended && !self.finished && self.unsent.is_empty()
    }
}

/// Sends what the socket takes, if only nothing.
fn send(fd: RawFd, bytes: &[u8]) -> Result<usize, WriteError> {
    match socket::send(fd, bytes) {
        Ok(sent) => Ok(sent),
        Err(Errno::AGAIN) => Ok(0),
        Err(_) => Err(WriteError::Broken),
    }
}
