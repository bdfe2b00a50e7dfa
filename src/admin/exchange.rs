//! One connection to the admin port: a request, its answer, and the end.

use std::io::{ErrorKind, Read, Write};

use crate::limits::HEAD_BYTES_MAX;
use crate::proto::http::{
    Date, Head, HeadLimits, Manner, NO_HEADERS, Request, Response, parse_head,
};

/// One connection.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    step: Step,
    input: Vec<u8>,
    answer: Vec<u8>,
    sent: usize,
}

/// The state of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Step {
    /// Waits for a request.
    #[default]
    Asking,
    /// Sends the answer.
    Answering,
    /// Has sent the answer; a little more input is discarded. A client that sends more is closed
    /// with unread input and may lose its answer.
    Lingering,
    /// The connection is over.
    Over,
}

impl Exchange {
    pub(super) fn step(&self) -> Step {
        self.step
    }

    /// Reads and writes as far as the stream allows without waiting; `reply` answers the request.
    pub(super) fn advance(
        &mut self,
        stream: &mut (impl Read + Write),
        date: Date,
        reply: impl FnOnce(&Request<'_>) -> Response,
    ) -> Step {
        if self.step == Step::Asking {
            self.ask(stream, date, reply);
        }
        if self.step == Step::Answering {
            self.send(stream);
        }
        if self.step == Step::Lingering {
            self.linger(stream);
        }
        self.step
    }

    fn ask(
        &mut self,
        stream: &mut impl Read,
        date: Date,
        reply: impl FnOnce(&Request<'_>) -> Response,
    ) {
        let mut manner = Manner {
            date: Some(date),
            ..Manner::default()
        };
        loop {
            let mut headers = NO_HEADERS;
            match parse_head(&self.input, &mut headers, HeadLimits::default()) {
                Ok(Head::Complete { request, .. }) => {
                    let response = reply(&request);
                    manner.head_only = request.method == "HEAD";
                    response.encode_as(&mut self.answer, &manner);
                    self.step = Step::Answering;
                    return;
                }
                Ok(Head::Incomplete) => {}
                Err(err) => {
                    Response::from(err).encode_as(&mut self.answer, &manner);
                    self.step = Step::Answering;
                    return;
                }
            }
            if !self.receive(stream) {
                return;
            }
        }
    }

    fn send(&mut self, stream: &mut impl Write) {
        while let Some(left) = self.answer.get(self.sent..).filter(|left| !left.is_empty()) {
            match stream.write(left) {
                Ok(sent @ 1..) => self.sent += sent,
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) if err.kind() == ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => return self.step = Step::Over,
            }
        }
        self.step = Step::Lingering;
    }

    fn linger(&mut self, stream: &mut impl Read) {
        while self.receive(stream) {
            if 2 * HEAD_BYTES_MAX <= self.input.len() {
                self.step = Step::Over;
                return;
            }
        }
    }

    /// Receives the available bytes; returns `false` if there are no more now.
    fn receive(&mut self, stream: &mut impl Read) -> bool {
        let mut buffer = [0; 1024];
        loop {
            match stream.read(&mut buffer) {
                Ok(len @ 1..) => {
                    self.input.extend_from_slice(&buffer[..len]);
                    return true;
                }
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) if err.kind() == ErrorKind::WouldBlock => return false,
                Ok(_) | Err(_) => {
                    self.step = Step::Over;
                    return false;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::*;

    fn date() -> Date {
        Date::since_1970(Duration::ZERO)
    }

    fn pair() -> (UnixStream, UnixStream) {
        let (stream, client) = UnixStream::pair().unwrap();
        stream.set_nonblocking(true).unwrap();
        (stream, client)
    }

    fn echo(request: &Request<'_>) -> Response {
        Response::text(200, &format!("{} {}", request.method, request.path))
    }

    #[test]
    fn a_request_may_come_byte_by_byte() {
        let (mut stream, mut client) = pair();
        let mut exchange = Exchange::default();
        let request = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
        for (at, byte) in request.iter().enumerate() {
            assert_eq!(
                exchange.advance(&mut stream, date(), echo),
                Step::Asking,
                "{at}"
            );
            client.write_all(&[*byte]).unwrap();
        }
        assert_eq!(exchange.advance(&mut stream, date(), echo), Step::Lingering);
        drop(stream);
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nGET /livez\n"), "{answer}");
    }

    #[test]
    fn an_answer_waits_for_a_slow_reader() {
        let (mut stream, mut client) = pair();
        let mut exchange = Exchange::default();
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let long = |_: &Request<'_>| Response::text(200, &"x".repeat(4 << 20));
        assert_eq!(exchange.advance(&mut stream, date(), long), Step::Answering);
        assert_eq!(exchange.advance(&mut stream, date(), long), Step::Answering);
        let reader = std::thread::spawn(move || {
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).unwrap();
            answer.len()
        });
        while exchange.advance(&mut stream, date(), long) == Step::Answering {
            std::thread::yield_now();
        }
        assert_eq!(exchange.step(), Step::Lingering);
        drop(stream);
        assert!((4 << 20) < reader.join().unwrap());
    }

    #[test]
    fn the_end_of_the_stream_is_the_end() {
        let (mut stream, client) = pair();
        let mut exchange = Exchange::default();
        assert_eq!(exchange.advance(&mut stream, date(), echo), Step::Asking);
        drop(client);
        assert_eq!(exchange.advance(&mut stream, date(), echo), Step::Over);
    }

    #[test]
    fn what_follows_the_answer_has_an_end() {
        let (mut stream, mut client) = pair();
        let mut exchange = Exchange::default();
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        assert_eq!(exchange.advance(&mut stream, date(), echo), Step::Lingering);
        let mut sent = 0;
        while exchange.advance(&mut stream, date(), echo) == Step::Lingering {
            sent += client.write(&[b'x'; 1024]).unwrap();
        }
        assert_eq!(exchange.step(), Step::Over);
        assert!(sent <= 2 * HEAD_BYTES_MAX, "{sent}");
    }
}
