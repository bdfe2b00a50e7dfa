//! The sink: how the core writes without knowing what a socket is.

use std::io::IoSlice;

/// A socket as the core knows it: a name for the shell, never used by the core itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sock(pub i32);

/// Takes bytes for sockets; the event loop's makes system calls, a simulation's fills buffers.
pub trait Sink {
    /// Writes as much of `bytes` as the socket takes now; less than all means that it is blocked.
    fn send(&mut self, sock: Sock, bytes: &[u8]) -> Result<usize, WriteError>;

    /// The same for several slices in one call.
    fn send_vectored(&mut self, sock: Sock, slices: &[IoSlice<'_>]) -> Result<usize, WriteError>;

    /// Whether some of what was taken waits for space in the socket, which will be reported
    /// writable: a sink that seals what it takes cannot give a part of it back.
    fn holds(&mut self, _sock: Sock) -> bool {
        false
    }

    /// Has the socket take little more than it can send at once: what it keeps becomes old, and
    /// nothing newer can take its place.
    fn keep_little(&mut self, _sock: Sock) {}
}

/// Why a socket took nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// It has no space; it will be reported writable.
    Blocked,
    /// It will never take anything again.
    Broken,
}
