//! A WebSocket client that does as it is told, wrong or right.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::http::{try_read_head, upgrade_request};
use crate::support::socket::{dial, is_reset};

pub(crate) const FIN: u8 = 0x80;
/// Of a compressed message.
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;

/// A WebSocket client that does as it is told.
#[derive(Debug)]
pub(crate) struct RawWs<S: Read + Write = TcpStream>(BufReader<S>);

/// One frame as a client must send it; `first` is its first byte.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
    let mut frame = vec![first];
    match payload.len() {
        len @ ..126 => frame.push(0x80 | u8::try_from(len).unwrap()),
        len @ ..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(KEY);
    let bytes = payload.iter().zip(KEY.iter().cycle());
    frame.extend(bytes.map(|(byte, key)| byte ^ key));
    frame
}

impl RawWs {
    /// Connects and waits for the 101.
    pub(crate) fn connect(addr: SocketAddr, path: &str) -> Self {
        Self::over(dial(addr), path)
    }
}

impl<S: Read + Write> RawWs<S> {
    /// The same over a socket of the caller's.
    pub(crate) fn over(stream: S, path: &str) -> Self {
        Self::with_fields(stream, path, "")
    }

    /// The same with whole lines of header fields.
    pub(crate) fn with_fields(stream: S, path: &str, fields: &str) -> Self {
        Self::try_with_fields(stream, path, fields).unwrap()
    }

    /// The same with a server that may refuse.
    pub(crate) fn try_with_fields(mut stream: S, path: &str, fields: &str) -> io::Result<Self> {
        let request = upgrade_request(path).replacen("Host:", &format!("{fields}Host:"), 1);
        stream.write_all(request.as_bytes())?;
        Self::try_upgraded(stream)
    }

    /// Over a socket on which an upgrade was asked for.
    pub(crate) fn upgraded(stream: S) -> Self {
        Self::try_upgraded(stream).unwrap()
    }

    fn try_upgraded(mut stream: S) -> io::Result<Self> {
        let answer = try_read_head(&mut stream)?;
        match answer.status {
            101 => Ok(Self(BufReader::new(stream))),
            _ => Err(io::Error::other(answer.head)),
        }
    }

    pub(crate) fn send(&mut self, first: u8, payload: &[u8]) {
        self.send_bytes(&masked(first, payload));
    }

    /// The same with a server that may have ended the connection.
    pub(crate) fn try_send(&mut self, first: u8, payload: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(&masked(first, payload))
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// The next frame: its first byte and its payload.
    pub(crate) fn next(&mut self) -> (u8, Vec<u8>) {
        self.read_frame().expect("a frame")
    }

    /// The next frame, or `None` if the server closed before it was whole.
    pub(crate) fn next_or_end(&mut self) -> Option<(u8, Vec<u8>)> {
        match self.read_frame() {
            Ok(frame) => Some(frame),
            Err(err) if err.kind() == ErrorKind::UnexpectedEof || is_reset(&err) => None,
            Err(err) => panic!("no frame: {err}"),
        }
    }

    fn read_frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut header = [0; 2];
        self.0.read_exact(&mut header)?;
        let len = match header[1] {
            126 => {
                let mut len = [0; 2];
                self.0.read_exact(&mut len)?;
                u16::from_be_bytes(len).into()
            }
            127 => {
                let mut len = [0; 8];
                self.0.read_exact(&mut len)?;
                usize::try_from(u64::from_be_bytes(len)).unwrap()
            }
            len => len.into(),
        };
        let mut payload = vec![0; len];
        self.0.read_exact(&mut payload)?;
        Ok((header[0], payload))
    }

    /// The next frame must be a close frame: its code and reason.
    pub(crate) fn expect_close(&mut self) -> (u16, String) {
        let (first, payload) = self.next();
        assert_eq!(first, FIN | CLOSE, "{payload:?}");
        let (code, reason) = payload.split_first_chunk().expect("a close code");
        let reason = String::from_utf8(reason.to_vec()).unwrap();
        (u16::from_be_bytes(*code), reason)
    }

    /// The socket under it.
    pub(crate) fn into_stream(self) -> S {
        self.0.into_inner()
    }
}
