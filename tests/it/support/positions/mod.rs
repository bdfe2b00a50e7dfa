//! Clients that know where they are in a topic, over each protocol that can tell it.

mod body;
mod session;

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use corecast::client::{Client, Event};
use corecast::positions::{Frame, decode};
use corecast::proto::ws::deflate::Inflater;
use corecast::{Kind, Position};

use crate::support::positions::body::{Body, next_event};
use crate::support::positions::session::Session;
use crate::support::raw_ws::{FIN, PING, RSV1, RawWs, TEXT};
use crate::support::socket::{SMALL, dial, is_reset, try_dial};
use crate::support::wait::in_a_while;

/// How a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Events,
    EventsWithoutChunks,
    /// With the subprotocol `corecast.positions`.
    WebSocket,
    Deflate,
    /// The structured protocol, over WebSocket.
    Session,
    /// The same as lines of an answer.
    SessionOfLines,
    /// The client of this package.
    Library,
}

impl Over {
    /// Those that ask for a position with the path of the topic.
    pub(crate) const EACH: [Self; 4] = [
        Self::Events,
        Self::EventsWithoutChunks,
        Self::WebSocket,
        Self::Deflate,
    ];

    pub(crate) const ALL: [Self; 7] = [
        Self::Events,
        Self::EventsWithoutChunks,
        Self::WebSocket,
        Self::Deflate,
        Self::Session,
        Self::SessionOfLines,
        Self::Library,
    ];

    pub(crate) fn is_events(self) -> bool {
        matches!(self, Self::Events | Self::EventsWithoutChunks)
    }

    pub(crate) fn is_session(self) -> bool {
        matches!(self, Self::Session | Self::SessionOfLines)
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
    Events(Body),
    WebSocket(RawWs),
    Session(Session),
    Library(Box<Client>),
}

impl Reader {
    /// A new one, or one that comes back from a position.
    pub(crate) fn connect(
        over: Over,
        addr: SocketAddr,
        topic: &str,
        since: Option<Position>,
    ) -> Self {
        Self::try_connect(over, addr, topic, since, false).unwrap()
    }

    /// The same with a server that may not be there; a slow reader has a small buffer.
    pub(crate) fn try_connect(
        over: Over,
        addr: SocketAddr,
        topic: &str,
        since: Option<Position>,
        is_slow: bool,
    ) -> io::Result<Self> {
        if over == Over::Library {
            return Ok(Self::Library(Box::new(library(addr, topic, since))));
        }
        let stream = try_dial(addr, is_slow.then_some(SMALL))?;
        if over.is_session() {
            let has_lines = over == Over::SessionOfLines;
            let session = Session::connect(stream, has_lines, topic, since)?;
            return Ok(Self::Session(session));
        }
        let path = over.path(topic);
        match since {
            None => Self::try_asking(stream, over, &path, ""),
            Some(since) if over.is_events() => {
                let field = format!("Last-Event-ID: {since}\r\n");
                Self::try_asking(stream, over, &path, &field)
            }
            Some(since) => Self::try_asking(stream, over, &format!("{path}?since={since}"), ""),
        }
    }

    /// One that asks for something else, with whole lines of header fields.
    pub(crate) fn asking(addr: SocketAddr, over: Over, path: &str, fields: &str) -> Self {
        Self::try_asking(dial(addr), over, path, fields).unwrap()
    }

    fn try_asking(stream: TcpStream, over: Over, path: &str, fields: &str) -> io::Result<Self> {
        if over.is_events() {
            let version = u8::from(over == Over::Events);
            let request = format!("GET {path} HTTP/1.{version}\r\nHost: test\r\n{fields}\r\n");
            return Body::ask(stream, &request).map(Self::Events);
        }
        let mut fields = format!("{fields}Sec-WebSocket-Protocol: chat, corecast.positions\r\n");
        if over == Over::Deflate {
            fields += "Sec-WebSocket-Extensions: permessage-deflate\r\n";
        }
        RawWs::try_with_fields(stream, path, &fields).map(Self::WebSocket)
    }

    /// What comes next.
    pub(crate) fn next(&mut self) -> Told {
        self.next_or_end().expect("the server has closed")
    }

    /// What comes next, or `None` if the connection has ended.
    pub(crate) fn next_or_end(&mut self) -> Option<Told> {
        let told = match self {
            Self::Events(body) => next_event(body),
            Self::WebSocket(ws) => return next_frame(ws),
            Self::Session(session) => session.next(),
            Self::Library(client) => return next_of_library(client),
        };
        match told {
            Ok(told) => Some(told),
            Err(err) if err.kind() == ErrorKind::UnexpectedEof || is_reset(&err) => None,
            Err(err) => panic!("nothing comes: {err}"),
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

/// The client of this package, which comes back by itself.
fn library(addr: SocketAddr, topic: &str, since: Option<Position>) -> Client {
    const SHORT: Duration = Duration::from_millis(20);
    let url = format!("ws://{addr}/sub/{topic}");
    let client = Client::builder(&url).unwrap().backoff(SHORT, SHORT);
    let client = client.retry_refusals(true);
    let client = match since {
        Some(since) => client.since(since),
        None => client.keep_positions(),
    };
    client.connect().unwrap()
}

fn next_of_library(client: &mut Client) -> Option<Told> {
    loop {
        return Some(match client.recv(in_a_while()).expect("an event") {
            Event::Message {
                position, payload, ..
            } => Told::Message(position, String::from_utf8(payload).unwrap()),
            Event::Gap { position } => Told::Gap(position),
            Event::Recovered { from } => Told::Position(from),
            Event::Connected { .. }
            | Event::Disconnected {
                retry_in: Some(_), ..
            } => continue,
            Event::Disconnected { .. } => return None,
            other => panic!("{other:?}"),
        });
    }
}
