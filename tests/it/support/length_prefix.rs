//! A client of the TCP port: frames of a 4-byte big-endian length and as many bytes.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::support::socket::{dial, is_reset, send_with_end};

/// A client of the TCP port.
#[derive(Debug)]
pub(crate) struct LengthPrefix<S: Read + Write = TcpStream>(BufReader<S>);

/// `payload` as one frame.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap();
    [&len.to_be_bytes()[..], payload].concat()
}

impl LengthPrefix {
    /// Connects and waits until the subscription is live.
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        Self::greeted(dial(addr))
    }

    /// Sends a last frame and the end of the stream in one segment.
    pub(crate) fn send_last(&mut self, payload: &[u8]) {
        send_with_end(self.0.get_mut(), &frame(payload));
    }

    /// Sends no more, but reads on.
    pub(crate) fn end(&mut self) {
        self.0.get_mut().shutdown(Shutdown::Write).unwrap();
    }
}

impl<S: Read + Write> LengthPrefix<S> {
    /// The same over a socket of the caller's.
    pub(crate) fn greeted(stream: S) -> Self {
        let mut client = Self::over(stream);
        assert_eq!(client.next(), b"", "the first frame is empty");
        client
    }

    /// Over a socket whose greeting is yet to come.
    pub(crate) fn over(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    pub(crate) fn send(&mut self, payload: &[u8]) {
        self.send_bytes(&frame(payload));
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// The next frame.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        self.next_or_end().expect("the server has closed")
    }

    /// The next frame, or `None` if the server closed between two frames.
    pub(crate) fn next_or_end(&mut self) -> Option<Vec<u8>> {
        let mut header = [0; 4];
        match self.0.read_exact(&mut header) {
            Ok(()) => {}
            Err(err) if err.kind() == ErrorKind::UnexpectedEof || is_reset(&err) => return None,
            Err(err) => panic!("no frame: {err}"),
        }
        let mut payload = vec![0; u32::from_be_bytes(header) as usize];
        self.0.read_exact(&mut payload).unwrap();
        Some(payload)
    }

    /// The socket under it.
    pub(crate) fn into_stream(self) -> S {
        self.0.into_inner()
    }
}
