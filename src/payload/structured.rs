//! The forms of the structured protocol.

mod encode;

use crate::payload::structured::Carrier::{Events, Stream, WebSocket};
use crate::payload::structured::Pushes::{Bare, Delta, Whole};
use crate::proto::centrifuge::Wire::{self, Json, Protobuf};
use crate::proto::centrifuge::Wrap;
use crate::proto::ws::deflate::Window;

/// How the structured protocol looks on the wire of one kind of connection. A variant for each way
/// to carry it, so that all fit into one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structured {
    /// JSON in WebSocket frames.
    Json,
    /// The same with permessage-deflate and a window of 9 bits.
    JsonBits9,
    /// The same with a window of 12 bits.
    JsonBits12,
    /// The same with a window of 15 bits.
    JsonBits15,
    /// Protobuf in WebSocket frames.
    Protobuf,
    /// The same with permessage-deflate and a window of 9 bits.
    ProtobufBits9,
    /// The same with a window of 12 bits.
    ProtobufBits12,
    /// The same with a window of 15 bits.
    ProtobufBits15,
    /// Lines of JSON.
    JsonLines,
    /// Lines of JSON, each as one chunk of an HTTP/1.1 response.
    JsonChunks,
    /// Protobuf with lengths.
    ProtobufStream,
    /// Protobuf with lengths, each message as one chunk of an HTTP/1.1 response.
    ProtobufChunks,
    /// JSON as server-sent events.
    JsonEvents,
    /// JSON as server-sent events, each as one chunk of an HTTP/1.1 response.
    JsonEventChunks,
    /// JSON with deltas, in WebSocket frames.
    JsonDeltas,
    /// Lines of JSON with deltas.
    JsonLineDeltas,
    /// Lines of JSON with deltas, as chunks.
    JsonChunkDeltas,
    /// JSON with deltas as server-sent events.
    JsonEventDeltas,
    /// JSON with deltas as server-sent events, as chunks.
    JsonEventChunkDeltas,
    /// Protobuf with deltas, in WebSocket frames.
    ProtobufDeltas,
    /// Protobuf with lengths and deltas.
    ProtobufStreamDeltas,
    /// Protobuf with lengths and deltas, as chunks.
    ProtobufChunkDeltas,
    /// Pushes alone, in WebSocket frames.
    Bare,
    /// Pushes alone, as lines.
    BareLines,
    /// Pushes alone, as lines that are chunks.
    BareChunks,
    /// Pushes alone, as server-sent events.
    BareEvents,
    /// Pushes alone, as server-sent events that are chunks.
    BareEventChunks,
}

/// What carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carrier {
    WebSocket(Option<Window>),
    Stream { is_chunked: bool },
    Events { is_chunked: bool },
}

/// What is pushed of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pushes {
    /// The whole message.
    Whole,
    /// What has changed since the one before it.
    Delta,
    /// The whole message, and not in a reply.
    Bare,
}

/// What a form is made of.
struct Parts(Wire, Carrier, Pushes);

const STREAM: Carrier = Stream { is_chunked: false };
const CHUNKS: Carrier = Stream { is_chunked: true };
const EVENTS: Carrier = Events { is_chunked: false };
const EVENT_CHUNKS: Carrier = Events { is_chunked: true };

impl Structured {
    /// That of WebSocket connections, with the window of permessage-deflate if it was negotiated.
    pub(super) fn web_socket(wire: Wire, window: Option<Window>) -> Self {
        // An offer of 8 bits is declined.
        match (wire, window.map(Window::shared)) {
            (Json, Some(Window::Bits9)) => Self::JsonBits9,
            (Json, Some(Window::Bits12)) => Self::JsonBits12,
            (Json, Some(Window::Bits15)) => Self::JsonBits15,
            (Json, _) => Self::Json,
            (Protobuf, Some(Window::Bits9)) => Self::ProtobufBits9,
            (Protobuf, Some(Window::Bits12)) => Self::ProtobufBits12,
            (Protobuf, Some(Window::Bits15)) => Self::ProtobufBits15,
            (Protobuf, _) => Self::Protobuf,
        }
    }

    /// That of a stream of messages, one after the other.
    pub fn stream(wire: Wire, is_chunked: bool) -> Self {
        match (wire, is_chunked) {
            (Json, false) => Self::JsonLines,
            (Json, true) => Self::JsonChunks,
            (Protobuf, false) => Self::ProtobufStream,
            (Protobuf, true) => Self::ProtobufChunks,
        }
    }

    /// That of server-sent events.
    pub fn events(is_chunked: bool) -> Self {
        if is_chunked {
            Self::JsonEventChunks
        } else {
            Self::JsonEvents
        }
    }

    /// The same for a connection of one way.
    pub fn bare(self) -> Self {
        match self.carrier() {
            WebSocket(_) => Self::Bare,
            STREAM => Self::BareLines,
            Stream { .. } => Self::BareChunks,
            EVENTS => Self::BareEvents,
            Events { .. } => Self::BareEventChunks,
        }
    }

    /// The same for a subscription with deltas; those are not compressed.
    pub(crate) fn with_deltas(self) -> Self {
        match (self.wire(), self.carrier()) {
            (Json, WebSocket(_)) => Self::JsonDeltas,
            (Json, STREAM) => Self::JsonLineDeltas,
            (Json, Stream { .. }) => Self::JsonChunkDeltas,
            (_, EVENTS) => Self::JsonEventDeltas,
            (_, Events { .. }) => Self::JsonEventChunkDeltas,
            (Protobuf, WebSocket(_)) => Self::ProtobufDeltas,
            (Protobuf, STREAM) => Self::ProtobufStreamDeltas,
            (Protobuf, Stream { .. }) => Self::ProtobufChunkDeltas,
        }
    }

    /// Whether it is for subscriptions with deltas.
    pub(crate) fn has_deltas(self) -> bool {
        let Parts(_, _, push) = self.parts();
        push == Delta
    }

    /// Whether pushes are in replies.
    pub(crate) fn wrap(self) -> Wrap {
        let Parts(_, _, push) = self.parts();
        if push == Bare {
            Wrap::Bare
        } else {
            Wrap::Reply
        }
    }

    /// JSON or protobuf.
    pub fn wire(self) -> Wire {
        let Parts(wire, ..) = self.parts();
        wire
    }

    fn carrier(self) -> Carrier {
        let Parts(_, carrier, _) = self.parts();
        carrier
    }

    fn parts(self) -> Parts {
        match self {
            Self::Json => Parts(Json, WebSocket(None), Whole),
            Self::JsonBits9 => Parts(Json, WebSocket(Some(Window::Bits9)), Whole),
            Self::JsonBits12 => Parts(Json, WebSocket(Some(Window::Bits12)), Whole),
            Self::JsonBits15 => Parts(Json, WebSocket(Some(Window::Bits15)), Whole),
            Self::JsonLines => Parts(Json, STREAM, Whole),
            Self::JsonChunks => Parts(Json, CHUNKS, Whole),
            Self::JsonEvents => Parts(Json, EVENTS, Whole),
            Self::JsonEventChunks => Parts(Json, EVENT_CHUNKS, Whole),
            Self::JsonDeltas => Parts(Json, WebSocket(None), Delta),
            Self::JsonLineDeltas => Parts(Json, STREAM, Delta),
            Self::JsonChunkDeltas => Parts(Json, CHUNKS, Delta),
            Self::JsonEventDeltas => Parts(Json, EVENTS, Delta),
            Self::JsonEventChunkDeltas => Parts(Json, EVENT_CHUNKS, Delta),
            Self::Bare => Parts(Json, WebSocket(None), Bare),
            Self::BareLines => Parts(Json, STREAM, Bare),
            Self::BareChunks => Parts(Json, CHUNKS, Bare),
            Self::BareEvents => Parts(Json, EVENTS, Bare),
            Self::BareEventChunks => Parts(Json, EVENT_CHUNKS, Bare),
            Self::Protobuf => Parts(Protobuf, WebSocket(None), Whole),
            Self::ProtobufBits9 => Parts(Protobuf, WebSocket(Some(Window::Bits9)), Whole),
            Self::ProtobufBits12 => Parts(Protobuf, WebSocket(Some(Window::Bits12)), Whole),
            Self::ProtobufBits15 => Parts(Protobuf, WebSocket(Some(Window::Bits15)), Whole),
            Self::ProtobufStream => Parts(Protobuf, STREAM, Whole),
            Self::ProtobufChunks => Parts(Protobuf, CHUNKS, Whole),
            Self::ProtobufDeltas => Parts(Protobuf, WebSocket(None), Delta),
            Self::ProtobufStreamDeltas => Parts(Protobuf, STREAM, Delta),
            Self::ProtobufChunkDeltas => Parts(Protobuf, CHUNKS, Delta),
        }
    }

    /// Whether its messages are in WebSocket frames.
    pub(crate) fn is_web_socket(self) -> bool {
        matches!(self.carrier(), WebSocket(_))
    }

    /// What carries it over HTTP, for lists.
    pub(crate) fn stream_name(self) -> &'static str {
        match self.carrier() {
            Events { .. } => "sse",
            Stream { .. } | WebSocket(_) => "http_stream",
        }
    }

    /// Whether its messages are chunks of an HTTP/1.1 response.
    pub(crate) fn is_chunked(self) -> bool {
        matches!(
            self.carrier(),
            Stream { is_chunked: true } | Events { is_chunked: true }
        )
    }

    /// The window of permessage-deflate, if it was negotiated.
    pub(super) fn window(self) -> Option<Window> {
        match self.carrier() {
            WebSocket(window) => window,
            Stream { .. } | Events { .. } => None,
        }
    }
}
