//! A connected socket of a client, as it is or with TLS around what it carries.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;

use crate::tls::{DialKeys, DialSession, TlsFault};

/// A connected socket.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: TcpStream,
    tls: Option<Box<DialSession>>,
}

impl Stream {
    /// With `keys`, a handshake is the first that is said.
    ///
    /// # Errors
    ///
    /// TLS cannot be set up.
    pub(crate) fn new(socket: TcpStream, keys: Option<&DialKeys>) -> Result<Self, TlsFault> {
        let tls = keys.map(DialSession::new).transpose()?;
        Ok(Self {
            socket,
            tls: tls.map(Box::new),
        })
    }

    /// Whether [`write`](Self::write) has something to do, where there are bytes to send or not.
    pub(crate) fn may_write(&self, has_bytes: bool) -> bool {
        self.tls
            .as_ref()
            .map_or(has_bytes, |tls| tls.may_write(has_bytes))
    }

    /// Sends from the front of `bytes`; returns how many the kernel has taken. What it has not is
    /// to come first in the next call.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.write(bytes),
            Some(tls) => tls.write(&mut self.socket, bytes),
        }
    }

    /// Fills the front of `room` with what has come; 0 at the end.
    pub(crate) fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.read(room),
            Some(tls) => tls.read(&mut self.socket, room),
        }
    }

    /// Ends this side. One that is gone has no end to send.
    pub(crate) fn end(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.close(&mut self.socket);
        }
        let _ended = self.socket.shutdown(Shutdown::Write);
    }
}
