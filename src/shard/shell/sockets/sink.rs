//! The sink that makes system calls.

use std::io::IoSlice;

use rustix::io::Errno;

use crate::shard::shell::tls::Sessions;
use crate::sys::socket;
use crate::topic::sink::{Sink, Sock, WriteError};

/// Writes to the sockets of the calling thread's descriptor table, and counts: a name that is no
/// descriptor's is that of a TLS session.
#[derive(Debug)]
pub(crate) struct SocketSink<'a> {
    sessions: &'a mut Sessions,
    pub(crate) sent: Sent,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// Writes that took something.
    pub(crate) writes: u64,
    /// Bytes that were taken; of TLS, those inside.
    pub(crate) bytes: u64,
}

impl<'a> SocketSink<'a> {
    /// Nothing is written yet.
    pub(crate) fn new(sessions: &'a mut Sessions) -> Self {
        Self {
            sessions,
            sent: Sent::default(),
        }
    }

    #[expect(clippy::inline_always, reason = "part of send, which must not call")]
    #[inline(always)]
    fn count(&mut self, bytes: usize) -> usize {
        self.sent.writes += 1;
        self.sent.bytes += bytes as u64;
        bytes
    }
}

impl Sink for SocketSink<'_> {
    #[expect(
        clippy::inline_always,
        reason = "the system call belongs into the walk's own loop"
    )]
    #[inline(always)]
    fn send(&mut self, sock: Sock, bytes: &[u8]) -> Result<usize, WriteError> {
        let sent = if sock.0 < 0 {
            self.sessions.send(sock, bytes)?
        } else {
            socket::send(sock.0, bytes).map_err(judge)?
        };
        Ok(self.count(sent))
    }

    fn send_vectored(&mut self, sock: Sock, slices: &[IoSlice<'_>]) -> Result<usize, WriteError> {
        let sent = if sock.0 < 0 {
            self.sessions.send_vectored(sock, slices)?
        } else {
            socket::send_vectored(sock.0, slices).map_err(judge)?
        };
        Ok(self.count(sent))
    }

    fn holds(&mut self, sock: Sock) -> bool {
        sock.0 < 0 && self.sessions.holds(sock)
    }
}

/// `send(2)`: a full buffer passes; anything else is the end of the connection.
#[cold]
fn judge(errno: Errno) -> WriteError {
    match errno {
        // ENOBUFS and ENOMEM leave no mark by which epoll would tell of room again: the
        // connection would wait for ever.
        Errno::AGAIN => WriteError::Blocked,
        _ => WriteError::Broken,
    }
}
