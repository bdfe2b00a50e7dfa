//! One connection to the admin port: a request, its answer, and the end.

use std::io::{ErrorKind, Read, Write};

use crate::limits::{ADMIN_BODY_BYTES_MAX, HEAD_BYTES_MAX, TRACE_UNREAD_BYTES_MAX};
use crate::proto::http::{
    BodyLength, Date, Head, HeadLimits, HttpError, Manner, NO_HEADERS, Request, Response,
    encode_date, parse_head,
};

/// One connection.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    step: Step,
    input: Vec<u8>,
    answer: Vec<u8>,
    sent: usize,
    /// The request was a HEAD.
    head_only: bool,
}

/// The state of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Step {
    /// Waits for a request.
    #[default]
    Asking,
    /// Waits for the answer.
    Waiting,
    /// Sends an answer that has no end yet.
    Streaming,
    /// Sends the answer.
    Answering,
    /// Has sent the answer; a little more input is discarded. A client that sends more is closed
    /// with unread input and may lose its answer.
    Lingering,
    /// The connection is over.
    Over,
}

/// What a request is answered.
pub(super) enum Reply {
    Now(Response),
    /// The answer comes by [`Exchange::finish`].
    Later,
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        Self::Now(response)
    }
}

impl Exchange {
    pub(super) fn step(&self) -> Step {
        self.step
    }

    /// Reads and writes as far as the stream allows without waiting; `reply` answers the request.
    pub(super) fn advance<R: Into<Reply>>(
        &mut self,
        stream: &mut (impl Read + Write),
        date: Date,
        reply: impl FnOnce(&Request<'_>) -> R,
    ) -> Step {
        if self.step == Step::Asking {
            self.ask(stream, date, |request| reply(request).into());
        }
        if self.step == Step::Streaming {
            self.stream(stream);
        }
        if self.step == Step::Answering {
            self.send(stream);
        }
        if self.step == Step::Lingering {
            self.linger(stream);
        }
        self.step
    }

    /// Gives the answer to a request that waits for it.
    pub(super) fn finish(&mut self, response: &Response, date: Date) {
        if self.step == Step::Waiting {
            self.answer(response, date);
        }
    }

    /// Begins an answer whose parts come by [`push`](Self::push): it ends with the connection.
    pub(super) fn begin_stream(&mut self, content_type: &str, date: Date) {
        if self.step == Step::Waiting {
            self.answer.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
            encode_date(&mut self.answer, Some(date));
            let fields = "Cache-Control: no-store\r\nConnection: close\r\n\r\n";
            let head = format!("Content-Type: {content_type}\r\n{fields}");
            self.answer.extend_from_slice(head.as_bytes());
            self.input = Vec::new();
            self.step = Step::Streaming;
        }
    }

    /// Adds a part; `false` if the client has too much to read.
    pub(super) fn push(&mut self, part: &str, is_last: bool) -> bool {
        if self.step != Step::Streaming {
            return true;
        }
        self.answer.drain(..std::mem::take(&mut self.sent));
        self.answer.extend_from_slice(part.as_bytes());
        if is_last {
            self.step = Step::Answering;
        }
        self.answer.len() <= TRACE_UNREAD_BYTES_MAX
    }

    fn answer(&mut self, response: &Response, date: Date) {
        let manner = Manner {
            date: Some(date),
            head_only: self.head_only,
            ..Manner::default()
        };
        response.encode_as(&mut self.answer, &manner);
        self.input = Vec::new();
        self.step = Step::Answering;
    }

    fn ask(
        &mut self,
        stream: &mut impl Read,
        date: Date,
        reply: impl FnOnce(&Request<'_>) -> Reply,
    ) {
        loop {
            let mut headers = NO_HEADERS;
            let head = parse_head(&self.input, &mut headers, HeadLimits::default());
            let whole = match head {
                Ok(Head::Complete { request, taken }) => with_body(request, &self.input[taken..]),
                Ok(Head::Incomplete) => Ok(None),
                Err(err) => Err(Response::from(err)),
            };
            match whole {
                Ok(Some(request)) => {
                    self.head_only = request.method == "HEAD";
                    match reply(&request) {
                        Reply::Now(response) => self.answer(&response, date),
                        Reply::Later => self.step = Step::Waiting,
                    }
                    return;
                }
                Ok(None) => {}
                Err(response) => return self.answer(&response, date),
            }
            if !self.receive(stream) {
                return;
            }
        }
    }

    fn stream(&mut self, stream: &mut (impl Read + Write)) {
        self.send(stream);
        if self.step == Step::Lingering {
            self.step = Step::Streaming;
            // What it sends is discarded; its end is the end.
            while self.receive(stream) {
                self.input.clear();
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

/// The request with its body, if that is complete.
fn with_body<'b>(request: Request<'b>, rest: &'b [u8]) -> Result<Option<Request<'b>>, Response> {
    let len = match request.body_length()? {
        BodyLength::None => 0,
        BodyLength::Length(len) if len.get() <= ADMIN_BODY_BYTES_MAX => len.get(),
        BodyLength::Length(_) => return Err(HttpError::BodyTooLarge.into()),
        BodyLength::Chunked => {
            return Err(Response::text(411, "send the body with a Content-Length"));
        }
    };
    let body = rest.get(..len);
    Ok(body.map(|body| Request { body, ..request }))
}

#[cfg(test)]
mod tests;
