//! Clients that know where they are in a topic: over server-sent events, and over WebSocket with
//! the subprotocol `corecast.positions`.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use corecast::positions::{Frame, decode};
use corecast::proto::ws::deflate::Inflater;
use corecast::{Kind, Position};

use crate::support::http::read_head;
use crate::support::raw_ws::{FIN, PING, RSV1, RawWs, TEXT};
use crate::support::socket::{dial, is_reset};

/// How a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Events,
    EventsWithoutChunks,
    WebSocket,
    Deflate,
}

impl Over {
    pub(crate) const EACH: [Self; 4] = [
        Self::Events,
        Self::EventsWithoutChunks,
        Self::WebSocket,
        Self::Deflate,
    ];

    pub(crate) fn is_events(self) -> bool {
        matches!(self, Self::Events | Self::EventsWithoutChunks)
    }

    /// The path of a topic.
    pub(crate) fn path(self, topic: &str) -> String {
        let place = if self.is_events() { "sse" } else { "sub" };
        format!("/{place}/{topic}")
    }
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Message(Option<Position>, String),
    Position(Position),
    Gap(Option<Position>),
}

/// A client that is told positions.
#[derive(Debug)]
pub(crate) enum Reader {
    Events(Events),
    WebSocket(RawWs),
}

impl Reader {
    /// A new one, or one that comes back from a position.
    pub(crate) fn connect(
        over: Over,
        addr: SocketAddr,
        topic: &str,
        since: Option<Position>,
    ) -> Self {
        Self::over(dial(addr), over, topic, since)
    }

    /// The same over a socket of the caller's.
    pub(crate) fn over(
        stream: TcpStream,
        over: Over,
        topic: &str,
        since: Option<Position>,
    ) -> Self {
        let path = over.path(topic);
        match since {
            None => Self::asking(stream, over, &path, ""),
            Some(since) if over.is_events() => {
                let field = format!("Last-Event-ID: {since}\r\n");
                Self::asking(stream, over, &path, &field)
            }
            Some(since) => Self::asking(stream, over, &format!("{path}?since={since}"), ""),
        }
    }

    /// One that asks for something else, with whole lines of header fields.
    pub(crate) fn asking(mut stream: TcpStream, over: Over, path: &str, fields: &str) -> Self {
        if over.is_events() {
            let version = u8::from(over == Over::Events);
            let request = format!("GET {path} HTTP/1.{version}\r\nHost: test\r\n{fields}\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            let head = read_head(&mut stream);
            assert_eq!(head.status, 200, "{head:?}");
            return Self::Events(Events {
                stream: BufReader::new(stream),
                is_chunked: over == Over::Events,
                unread: Vec::new(),
            });
        }
        let mut fields = format!("{fields}Sec-WebSocket-Protocol: chat, corecast.positions\r\n");
        if over == Over::Deflate {
            fields += "Sec-WebSocket-Extensions: permessage-deflate\r\n";
        }
        Self::WebSocket(RawWs::with_fields(stream, path, &fields))
    }

    /// What comes next.
    pub(crate) fn next(&mut self) -> Told {
        self.next_or_end().expect("the server has closed")
    }

    /// What comes next, or `None` if the connection has ended.
    pub(crate) fn next_or_end(&mut self) -> Option<Told> {
        match self {
            Self::Events(events) => match events.next() {
                Ok(told) => Some(told),
                Err(err) if err.kind() == ErrorKind::UnexpectedEof || is_reset(&err) => None,
                Err(err) => panic!("no event: {err}"),
            },
            Self::WebSocket(ws) => next_frame(ws),
        }
    }

    /// The next message and its position.
    pub(crate) fn next_message(&mut self) -> (Option<Position>, String) {
        match self.next() {
            Told::Message(position, text) => (position, text),
            other => panic!("no message: {other:?}"),
        }
    }

    /// Where the client stands, which must be told next.
    pub(crate) fn next_position(&mut self) -> Position {
        match self.next() {
            Told::Position(position) => position,
            other => panic!("no position: {other:?}"),
        }
    }
}

fn next_frame(ws: &mut RawWs) -> Option<Told> {
    let (first, bytes) = loop {
        let (first, bytes) = ws.next_or_end()?;
        if first != FIN | PING {
            break (first, bytes);
        }
    };
    if first & 0x0f == 8 {
        return None;
    }
    let kind = if first & 0x0f == TEXT {
        Kind::Text
    } else {
        Kind::Binary
    };
    let mut inflater = Inflater::default();
    let bytes = if first & RSV1 == 0 {
        bytes.as_slice()
    } else {
        inflater.inflate(kind, &bytes, 1 << 20).unwrap()
    };
    Some(match decode(kind, bytes).expect("a frame with a line") {
        Frame::Message { position, payload } => {
            let text = String::from_utf8_lossy(payload);
            Told::Message(position, text.into_owned())
        }
        Frame::Position(position) => Told::Position(position),
        Frame::Gap(position) => Told::Gap(position),
    })
}

/// A stream of server-sent events, read as a browser does (WHATWG HTML standard, section 9.2.6).
#[derive(Debug)]
pub(crate) struct Events {
    stream: BufReader<TcpStream>,
    is_chunked: bool,
    unread: Vec<u8>,
}

impl Events {
    fn next(&mut self) -> io::Result<Told> {
        loop {
            let end = self.unread.windows(2).position(|pair| pair == b"\n\n");
            let Some(end) = end else {
                self.read_more()?;
                continue;
            };
            let event: Vec<u8> = self.unread.drain(..end + 2).collect();
            if let Some(told) = told(std::str::from_utf8(&event).unwrap()) {
                return Ok(told);
            }
        }
    }

    fn read_more(&mut self) -> io::Result<()> {
        if !self.is_chunked {
            let read = self.stream.fill_buf()?;
            let len = read.len();
            self.unread.extend_from_slice(read);
            self.stream.consume(len);
            return match len {
                0 => Err(ErrorKind::UnexpectedEof.into()),
                _ => Ok(()),
            };
        }
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let len = usize::from_str_radix(line.trim_end(), 16).unwrap_or(0);
        if len == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let mut chunk = vec![0; len + 2];
        self.stream.read_exact(&mut chunk)?;
        let bytes = chunk.strip_suffix(b"\r\n").expect("a chunk ends");
        self.unread.extend_from_slice(bytes);
        Ok(())
    }
}

/// The meaning of an event; none if it is a comment or a time alone.
fn told(event: &str) -> Option<Told> {
    let (mut id, mut name, mut data) = (None, "", None::<String>);
    for line in event.trim_end_matches('\n').split('\n') {
        let (field, value) = line.split_once(':').expect("a field");
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => id = Some(value),
            "event" => name = value,
            "data" => {
                data = Some(match data {
                    Some(lines) => lines + "\n" + value,
                    None => value.to_owned(),
                });
            }
            "" | "retry" => {}
            other => panic!("field {other}"),
        }
    }
    let position = id.filter(|id| !id.is_empty());
    let position: Option<Position> = position.map(|id| id.parse().unwrap());
    match (name, data) {
        ("gap", Some(data)) => {
            assert_eq!(Some(data.as_str()), id);
            Some(Told::Gap(position))
        }
        (_, Some(data)) => Some(Told::Message(position, data)),
        (_, None) => position.map(Told::Position),
    }
}
