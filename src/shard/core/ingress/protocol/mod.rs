//! What a connection speaks: the one place that knows how protocols differ.

mod end;
mod words;

use crate::handler::Handler;
use crate::id::ConnKey;
use crate::payload::Form;
use crate::proto::ws::Decoder;
use crate::proto::{Frames, Framing};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::arrival::Arrival;
use crate::shard::core::conn::http::{Http, Phase};
use crate::shard::core::conn::linger::Linger;
use crate::shard::core::conn::session::Session;
use crate::shard::core::ingress::Progress;
pub(crate) use crate::shard::core::ingress::protocol::end::AtEnd;
pub(crate) use crate::shard::core::ingress::protocol::words::LastWord;
use crate::time::Now;

/// What a connection speaks, and what it keeps for that.
#[derive(Debug)]
pub(crate) enum Protocol {
    /// Requests and their answers.
    Http(Box<Http>),
    /// WebSocket, after an upgrade.
    WebSocket(Decoder),
    /// The structured protocol: over that, over HTTP or over TCP.
    Session(Box<Session>),
    /// Frames over TCP.
    Framed(Frames),
    /// The same, before the first frame, which is a credential.
    Asking(Box<Asking>),
    /// A stream of events, which only sends. Counts the bytes that its client sends all the same.
    Events(u32),
    /// None any more: the last word is sent, and what still comes is discarded.
    Lingering(Box<Linger>),
}

/// A TCP connection whose listener asks for a credential.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) frames: Frames,
    pub(crate) arrival: Arrival,
}

/// How a connection that is open is kept from looking dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    /// Pings, which the client must answer (RFC 6455 5.5.2).
    Ping,
    /// Pings at their intervals, the next one then, whatever the client sends: it would take the
    /// silence for a connection that is gone.
    Session(Option<Now>),
    /// Comments, which no client answers.
    Comment,
    /// The client must send something itself.
    Client,
}

impl Protocol {
    /// A new connection of a listener: with `frames` over TCP, otherwise HTTP.
    pub(crate) fn new(frames: Option<Frames>) -> Self {
        frames.map_or_else(|| Self::Http(Box::default()), Self::Framed)
    }

    /// A TCP connection whose first frame is a credential.
    pub(crate) fn asking(frames: Frames, arrival: Arrival) -> Self {
        Self::Asking(Box::new(Asking { frames, arrival }))
    }

    /// The form of what it is sent, as long as nothing else is agreed on.
    pub(crate) fn form(&self) -> Form {
        match self {
            Self::Framed(frames) => frames.framing.into(),
            Self::Asking(asking) => asking.frames.framing.into(),
            Self::Events(_) => Form::Sse,
            Self::Session(session) => Form::Centrifuge(session.carrier()),
            Self::Http(_) | Self::WebSocket(_) | Self::Lingering(_) => Form::WebSocket,
        }
    }

    /// What it keeps of the structured protocol.
    pub(crate) fn session(&self) -> Option<&Session> {
        match self {
            Self::Session(session) => Some(session),
            _ => None,
        }
    }

    pub(crate) fn session_mut(&mut self) -> Option<&mut Session> {
        match self {
            Self::Session(session) => Some(session),
            _ => None,
        }
    }

    /// Its decoder of frames.
    fn decoder(&self) -> Option<&Decoder> {
        match self {
            Self::WebSocket(decoder) => Some(decoder),
            Self::Session(session) => Some(&session.decoder),
            _ => None,
        }
    }

    fn decoder_mut(&mut self) -> Option<&mut Decoder> {
        match self {
            Self::WebSocket(decoder) => Some(decoder),
            Self::Session(session) => Some(&mut session.decoder),
            _ => None,
        }
    }

    /// What it keeps while it speaks HTTP.
    pub(crate) fn http(&self) -> Option<&Http> {
        match self {
            Self::Http(http) => Some(http),
            _ => None,
        }
    }

    pub(crate) fn http_mut(&mut self) -> Option<&mut Http> {
        match self {
            Self::Http(http) => Some(http),
            _ => None,
        }
    }

    /// What is waited for while it speaks HTTP.
    pub(crate) fn phase(&self) -> Option<Phase> {
        self.http().map(|http| http.phase)
    }

    /// Its frames over TCP.
    pub(crate) fn frames(&self) -> Option<Frames> {
        match self {
            Self::Framed(frames) => Some(*frames),
            Self::Asking(asking) => Some(asking.frames),
            _ => None,
        }
    }

    /// How it came, until its first frame.
    pub(crate) fn arrival(&self) -> Option<&Arrival> {
        match self {
            Self::Asking(asking) => Some(&asking.arrival),
            _ => None,
        }
    }

    pub(crate) fn linger(&self) -> Option<&Linger> {
        match self {
            Self::Lingering(linger) => Some(linger),
            _ => None,
        }
    }

    pub(crate) fn linger_mut(&mut self) -> Option<&mut Linger> {
        match self {
            Self::Lingering(linger) => Some(linger),
            _ => None,
        }
    }

    /// Whether compressed messages of its client may refer to those before them (RFC 7692 7.1.1).
    pub(crate) fn takes_over(&self) -> bool {
        self.decoder().is_some_and(Decoder::takes_over)
    }

    /// Puts the decoder back that was taken out for a frame, unless it speaks something else now.
    pub(crate) fn put_back(&mut self, decoder: Decoder) {
        if let Some(place) = self.decoder_mut() {
            *place = decoder;
        }
    }

    /// Counts bytes of a client that has nothing to say; `None` if it may talk.
    pub(crate) fn count_ignored(&mut self, len: usize) -> Option<u32> {
        let bytes = match self {
            Self::Events(bytes) => bytes,
            Self::Session(session) => &mut session.stream.as_mut()?.ignored,
            _ => return None,
        };
        *bytes = bytes.saturating_add(u32::try_from(len).unwrap_or(u32::MAX));
        Some(*bytes)
    }

    /// Memory held by incomplete input.
    pub(crate) fn held_bytes(&self) -> usize {
        match self {
            Self::WebSocket(decoder) => decoder.held_bytes(),
            Self::Session(session) => session.held_bytes(),
            Self::Http(http) => http.held_bytes(),
            Self::Framed(_) | Self::Asking(_) | Self::Events(_) | Self::Lingering(_) => 0,
        }
    }

    /// Bytes that it has taken of an incomplete message.
    pub(crate) fn arrived_bytes(&self) -> usize {
        self.decoder().map_or(0, Decoder::arrived_bytes)
    }

    /// Whether nothing can be taken before a line has ended.
    pub(crate) fn has_lines(&self) -> bool {
        match self {
            Self::Http(_) => true,
            Self::Framed(frames) => frames.framing == Framing::Line,
            Self::Asking(asking) => asking.frames.framing == Framing::Line,
            Self::Session(session) => {
                let frames = session.frames();
                frames.is_some_and(|frames| frames.framing == Framing::Line)
            }
            Self::WebSocket(_) | Self::Events(_) | Self::Lingering(_) => false,
        }
    }

    /// Gives back what it holds of messages: nothing more is taken.
    pub(crate) fn clear(&mut self) {
        match self {
            Self::WebSocket(decoder) => *decoder = Decoder::default(),
            Self::Session(session) => session.clear(),
            Self::Http(http) => http.request = None,
            Self::Framed(_) | Self::Asking(_) | Self::Events(_) | Self::Lingering(_) => {}
        }
    }

    pub(crate) fn keep_alive(&self) -> KeepAlive {
        match self {
            Self::WebSocket(_) => KeepAlive::Ping,
            Self::Session(session) => KeepAlive::Session(session.next_ping()),
            Self::Events(_) => KeepAlive::Comment,
            Self::Framed(_) | Self::Asking(_) => KeepAlive::Client,
            Self::Http(_) | Self::Lingering(_) => KeepAlive::Client,
        }
    }

    /// The protocol of a connection that the handler has accepted, for lists.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Session(session) if session.stream.is_some() => session.carrier().stream_name(),
            Self::Session(session) if session.frames().is_some() => "tcp",
            Self::WebSocket(_) | Self::Session(_) => "websocket",
            Self::Events(_) => "sse",
            Self::Framed(_) | Self::Asking(_) => "tcp",
            Self::Http(_) | Self::Lingering(_) => "http",
        }
    }
}

impl<H: Handler> ShardCore<H> {
    /// Takes the next message, request or frame from the front of `input`.
    pub(in crate::shard::core) fn take_next(&mut self, key: ConnKey, input: &mut [u8]) -> Progress {
        let Some(conn) = self.shard.conns.live(key) else {
            return Progress::Ended;
        };
        match &mut conn.protocol {
            Protocol::Http(_) => self.take_http(key, input),
            Protocol::Events(_) => self.discard(key, input.len()),
            Protocol::Framed(frames) => {
                let frames = *frames;
                self.take_frame(key, frames, input)
            }
            Protocol::Asking(asking) => {
                let frames = asking.frames;
                self.take_credential(key, frames, input)
            }
            Protocol::WebSocket(decoder) => {
                let decoder = std::mem::take(decoder);
                self.take_websocket(key, decoder, input)
            }
            Protocol::Session(session) if session.stream.is_some() => {
                self.discard(key, input.len())
            }
            Protocol::Session(session) if let Some(frames) = session.frames() => {
                self.take_command(key, frames, input)
            }
            Protocol::Session(session) => {
                let decoder = std::mem::take(&mut session.decoder);
                self.take_websocket(key, decoder, input)
            }
            Protocol::Lingering(_) => Progress::Ended,
        }
    }
}
