//! The sink that makes system calls.

use std::io::IoSlice;

use rustix::io::Errno;

use crate::sys::socket;
use crate::topic::member::Sock;
use crate::topic::sink::{Sink, WriteError};

/// Writes to the sockets of the calling thread's descriptor table, and counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wire {
    /// Writes that took something.
    pub(super) writes: u64,
    /// Bytes that were taken.
    pub(super) bytes: u64,
}

impl Sink for Wire {
    #[expect(
        clippy::inline_always,
        reason = "the system call belongs into the walk's own loop"
    )]
    #[inline(always)]
    fn send(&mut self, sock: Sock, bytes: &[u8]) -> Result<usize, WriteError> {
        let sent = socket::send(sock.0, bytes).map_err(judge)?;
        self.writes += 1;
        self.bytes += sent as u64;
        Ok(sent)
    }

    fn send_vectored(&mut self, sock: Sock, slices: &[IoSlice<'_>]) -> Result<usize, WriteError> {
        let sent = socket::send_vectored(sock.0, slices).map_err(judge)?;
        self.writes += 1;
        self.bytes += sent as u64;
        Ok(sent)
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
