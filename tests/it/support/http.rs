//! HTTP by hand: requests as bytes, answers read by their length.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use crate::support::socket::{dial, read_to_the_end};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and header fields.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header field, if it is there.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value)
    }

    /// Whether the server says that it closes the connection.
    pub(crate) fn closes(&self) -> bool {
        self.field("connection")
            .is_some_and(|value| value.split(", ").any(|option| option == "close"))
    }
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
    let request = request.as_ref();
    stream.write_all(request).unwrap();
    let is_head = request.starts_with(b"HEAD");
    read_answer_to(&mut stream, if is_head { "HEAD" } else { "GET" })
}

/// Reads an answer to a request other than HEAD; if it says that it is the last, to the end of the
/// connection.
pub(crate) fn read_answer(stream: &mut impl Read) -> Answer {
    read_answer_to(stream, "GET")
}

/// The same for a request by any method.
pub(crate) fn read_answer_to(stream: &mut impl Read, method: &str) -> Answer {
    let answer = try_read_answer(stream, method).expect("an answer");
    if answer.closes() {
        assert_eq!(read_to_the_end(stream), b"", "bytes after the last answer");
    }
    answer
}

/// The same of a server that may end the connection before.
pub(crate) fn try_read_answer(stream: &mut impl Read, method: &str) -> io::Result<Answer> {
    let mut answer = try_read_head(stream)?;
    let len = answer
        .field("content-length")
        .map(|len| len.parse().unwrap());
    let mut body = vec![0; len.filter(|_| method != "HEAD").unwrap_or_default()];
    stream.read_exact(&mut body)?;
    answer.body = String::from_utf8(body).unwrap();
    Ok(answer)
}

/// Reads no further than the head of an answer.
pub(crate) fn read_head(stream: &mut impl Read) -> Answer {
    try_read_head(stream).expect("an answer")
}

/// The same of a server that may end the connection before.
pub(crate) fn try_read_head(stream: &mut impl Read) -> io::Result<Answer> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).map_err(|err| {
            let shown = String::from_utf8_lossy(&head);
            io::Error::new(err.kind(), format!("{err} after {shown:?}"))
        })?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let status = head
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    Ok(Answer {
        status: status.unwrap().parse().unwrap(),
        head: head.trim_end().to_owned(),
        body: String::new(),
    })
}

/// Whether a WebSocket client is let in now; one that is not may be cut off at once.
pub(crate) fn is_served(addr: SocketAddr) -> bool {
    let mut stream = dial(addr);
    let mut status = [0; 12];
    let asked = stream.write_all(upgrade_request("/ws").as_bytes());
    let answered = asked.and_then(|()| stream.read_exact(&mut status));
    answered.is_ok() && &status == b"HTTP/1.1 101"
}
