//! A connected socket of a client, with or without TLS.

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
    /// Creates the stream; with `keys`, it begins with a TLS handshake.
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

    /// Whether [`write`](Self::write) has something to do; `has_bytes`: there are bytes to send.
    pub(crate) fn may_write(&self, has_bytes: bool) -> bool {
        self.tls
            .as_ref()
            .map_or(has_bytes, |tls| tls.may_write(has_bytes))
    }

    /// Sends from the front of `bytes`; returns how many the kernel has taken. The next call must
    /// begin with the rest.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.write(bytes),
            Some(tls) => tls.write(&mut self.socket, bytes),
        }
    }

    /// Fills the front of `space` with received bytes; 0 at the end of the stream.
    pub(crate) fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.read(space),
            Some(tls) => tls.read(&mut self.socket, space),
        }
    }

    /// Ends this side. A closed connection has no end to send.
    pub(crate) fn end(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.close(&mut self.socket);
        }
        let _ended = self.socket.shutdown(Shutdown::Write);
    }
}
