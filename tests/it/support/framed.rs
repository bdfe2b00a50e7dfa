//! A client of a TCP port in any framing, made by hand.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use corecast::Framing;

use crate::support::socket::{RetryStream, dial, is_reset};

/// A client of a TCP port.
#[derive(Debug)]
pub(crate) struct Framed {
    framing: Framing,
    stream: BufReader<RetryStream<TcpStream>>,
}

/// `payload` as one frame.
pub(crate) fn frame(framing: Framing, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap();
    let header = match framing {
        Framing::LengthPrefix => len.to_be_bytes().to_vec(),
        Framing::Line => return [payload, b"\n"].concat(),
        Framing::Varint => varint(len),
    };
    [&header, payload].concat()
}

fn varint(mut len: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let [low, ..] = (len & 0x7f).to_le_bytes();
        len >>= 7;
        if len == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

impl Framed {
    /// Connects and waits until the subscription is live.
    pub(crate) fn connect(addr: SocketAddr, framing: Framing) -> Self {
        Self::greeted(dial(addr), framing)
    }

    /// The same over a socket of the caller's.
    pub(crate) fn greeted(stream: TcpStream, framing: Framing) -> Self {
        let mut client = Self::over(stream, framing);
        assert_eq!(client.next(), b"", "the first frame is empty");
        client
    }

    /// Over a socket whose greeting is yet to come.
    pub(crate) fn over(stream: TcpStream, framing: Framing) -> Self {
        let stream = BufReader::new(RetryStream(stream));
        Self { framing, stream }
    }

    pub(crate) fn send(&mut self, payload: &[u8]) {
        self.send_bytes(&frame(self.framing, payload));
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    /// The next frame.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        self.next_or_end().expect("the server has closed")
    }

    /// The next frame, or `None` if the server closed between two frames.
    pub(crate) fn next_or_end(&mut self) -> Option<Vec<u8>> {
        match self.stream.fill_buf() {
            Ok([]) => return None,
            Ok(_) => {}
            Err(err) if is_reset(&err) || err.kind() == ErrorKind::UnexpectedEof => return None,
            Err(err) => panic!("no frame: {err}"),
        }
        let len = match self.framing {
            Framing::LengthPrefix => {
                let mut header = [0; 4];
                self.stream.read_exact(&mut header).unwrap();
                u32::from_be_bytes(header) as usize
            }
            Framing::Varint => self.varint(),
            Framing::Line => {
                let mut line = Vec::new();
                self.stream.read_until(b'\n', &mut line).unwrap();
                assert_eq!(line.pop(), Some(b'\n'), "{line:?}");
                return Some(line);
            }
        };
        let mut payload = vec![0; len];
        self.stream.read_exact(&mut payload).unwrap();
        Some(payload)
    }

    /// The socket under it.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream.into_inner().0
    }

    fn varint(&mut self) -> usize {
        let mut len = 0;
        for shift in (0..).step_by(7) {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            len |= usize::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                break;
            }
        }
        len
    }
}
