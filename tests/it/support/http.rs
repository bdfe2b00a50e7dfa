//! HTTP by hand: requests as bytes, answers read to their end.

use std::io::{Read, Write};
use std::net::SocketAddr;

use crate::support::socket::{dial, read_to_the_end};

/// An answer, after which the server has closed the connection.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and header fields.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// The request of a WebSocket client.
pub(crate) fn upgrade_request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// Sends a request as it is, and reads the answer.
pub(crate) fn ask(addr: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let mut stream = dial(addr);
    stream.write_all(request.as_ref()).unwrap();
    read_answer(&mut stream)
}

/// Reads an answer to the end of the connection.
pub(crate) fn read_answer(stream: &mut impl Read) -> Answer {
    let bytes = read_to_the_end(stream);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    Answer {
        status: status.unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Whether a WebSocket client is let in now; one that is not may be cut off at once.
pub(crate) fn is_served(addr: SocketAddr) -> bool {
    let mut stream = dial(addr);
    let mut status = [0; 12];
    let asked = stream.write_all(upgrade_request("/ws").as_bytes());
    let answered = asked.and_then(|()| stream.read_exact(&mut status));
    answered.is_ok() && &status == b"HTTP/1.1 101"
}
