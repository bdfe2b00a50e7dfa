//! The meaning of paths.

use crate::handler::SessionStream;
use crate::proto::http::{HttpError, topic_from_path};

/// The meaning of a path. The topic is not decoded yet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Route<'b> {
    Page,
    Health,
    /// WebSocket in both directions.
    Both(Named<'b>),
    /// WebSocket that receives.
    Subscribe(Named<'b>),
    /// WebSocket that publishes.
    Publish(Named<'b>),
    /// WebSocket that sends every message back.
    Echo,
    /// WebSocket with the structured protocol.
    Session,
    /// The same in one way.
    OneWay,
    /// The structured protocol over HTTP.
    SessionStream(SessionStream),
    /// Commands for that.
    Emulation,
    /// An event stream.
    Events(Named<'b>),
    /// A method of the publish API.
    Api(&'b str),
}

/// How a path names a topic.
#[derive(Clone, Copy, Debug)]
pub(super) enum Named<'b> {
    /// By the rest of the path, percent-encoded.
    Rest(&'b str),
    /// It does not: the topic is the lobby.
    Lobby,
}

impl<'b> Route<'b> {
    /// The meaning of a path, if it has one.
    pub(super) fn of(path: &'b str) -> Option<Self> {
        match path {
            "/" => return Some(Self::Page),
            "/healthz" => return Some(Self::Health),
            "/ws" | "/ws/" => return Some(Self::Both(Named::Lobby)),
            "/echo" => return Some(Self::Echo),
            "/connection/websocket" => return Some(Self::Session),
            "/connection/uni_websocket" => return Some(Self::OneWay),
            "/emulation" => return Some(Self::Emulation),
            _ => {}
        }
        let stream = match path {
            "/connection/http_stream" => Some(SessionStream::Messages),
            "/connection/sse" => Some(SessionStream::Events),
            "/connection/uni_http_stream" => Some(SessionStream::OneWayMessages),
            "/connection/uni_sse" => Some(SessionStream::OneWayEvents),
            _ => None,
        };
        if let Some(stream) = stream {
            return Some(Self::SessionStream(stream));
        }
        let (place, rest) = path.strip_prefix('/')?.split_once('/')?;
        let named = Named::Rest(rest);
        match place {
            "ws" => Some(Self::Both(named)),
            "sub" => Some(Self::Subscribe(named)),
            "pub" => Some(Self::Publish(named)),
            "sse" => Some(Self::Events(named)),
            "api" => Some(Self::Api(rest)),
            _ => None,
        }
    }

    /// The way in which it names a topic, if it has one.
    pub(super) fn topic(self) -> Option<Named<'b>> {
        match self {
            Self::Both(named)
            | Self::Subscribe(named)
            | Self::Publish(named)
            | Self::Events(named) => Some(named),
            Self::Page | Self::Health | Self::Echo | Self::Api(_) => None,
            Self::Session | Self::OneWay | Self::SessionStream(_) | Self::Emulation => None,
        }
    }
}

impl Named<'_> {
    /// The topic's name.
    pub(super) fn read(self) -> Result<String, HttpError> {
        match self {
            Self::Rest(encoded) => topic_from_path(encoded),
            Self::Lobby => Ok(LOBBY.to_owned()),
        }
    }
}

/// The topic of `/ws` and `/ws/`, and the default topic of TCP.
pub const LOBBY: &str = "lobby";
