//! A fake sink for tests of the fan-out: sockets that take as many bytes as they are told.

use std::io::IoSlice;

use crate::topic::sink::{Sink, Sock, WriteError};

#[derive(Default)]
pub(super) struct Sockets(pub(super) Vec<Socket>);

#[derive(Default)]
pub(super) struct Socket {
    /// Bytes that it takes; `None`: all.
    pub(super) space: Option<usize>,
    pub(super) is_broken: bool,
    pub(super) got: Vec<u8>,
    pub(super) sends: usize,
}

impl Sink for Sockets {
    fn send(&mut self, sock: Sock, bytes: &[u8]) -> Result<usize, WriteError> {
        assert!(!bytes.is_empty(), "a call without bytes");
        let socket = &mut self.0[usize::try_from(sock.0).unwrap()];
        socket.sends += 1;
        if socket.is_broken {
            return Err(WriteError::Broken);
        }
        let takes = socket.space.unwrap_or(usize::MAX).min(bytes.len());
        socket.space = socket.space.map(|space| space - takes);
        socket.got.extend_from_slice(&bytes[..takes]);
        if takes == 0 {
            return Err(WriteError::Blocked);
        }
        Ok(takes)
    }

    fn send_vectored(&mut self, _: Sock, _: &[IoSlice<'_>]) -> Result<usize, WriteError> {
        unreachable!("walks gather nothing")
    }
}
