//! What callbacks about one connection are given: how it opens, and its messages.

use std::fmt;

use crate::position::Since;
use crate::proto::http::Request;
use crate::proto::{Kind, Role};
use crate::topic::Topic;

/// The kind of a new connection.
#[non_exhaustive]
pub enum Opening<'b> {
    /// A valid WebSocket upgrade, for the application to accept.
    WebSocket(&'b Request<'b>),
    /// A request for an event stream, for which
    /// [`Handler::wants_events`](crate::Handler::wants_events) returned `true`.
    Events(&'b Request<'b>),
    /// A request for a session of the structured protocol, for which
    /// [`Handler::wants_session`](crate::Handler::wants_session) returned how.
    Session(&'b Request<'b>),
    /// A connection to a TCP port for sessions of the structured protocol
    /// ([`Listener::session`](crate::Listener::session)).
    TcpSession,
    /// A connection to a TCP port.
    Tcp {
        /// The listener's topic.
        topic: &'b Topic,
        /// The role of the listener's connections. The handler enforces it.
        role: Role,
        /// What connections that receive get first ([`Listener::last`](crate::Listener::last)).
        since: Since,
        /// The first frame of the connection, if the listener asks for a credential
        /// ([`Listener::credential`](crate::Listener::credential)) and the server does not check it
        /// ([`ServerBuilder::auth`](crate::ServerBuilder::auth)).
        credential: Option<&'b [u8]>,
    },
}

impl fmt::Debug for Opening<'_> {
    /// Without the credential, and of a request the path alone: its fields and its query may have
    /// one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WebSocket(request) => f.debug_tuple("WebSocket").field(&request.path).finish(),
            Self::Events(request) => f.debug_tuple("Events").field(&request.path).finish(),
            Self::Session(request) => f.debug_tuple("Session").field(&request.path).finish(),
            Self::TcpSession => f.write_str("TcpSession"),
            Self::Tcp { topic, role, .. } => f
                .debug_struct("Tcp")
                .field("topic", topic)
                .field("role", role)
                .finish_non_exhaustive(),
        }
    }
}

/// One message of a client.
#[derive(Clone, Copy, Debug)]
pub struct Message<'b> {
    /// Text or binary; over TCP as the listener and its framing define it.
    pub kind: Kind,
    /// The bytes; valid UTF-8 if it is text.
    pub payload: &'b [u8],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::http::{Head, HeadLimits, NO_HEADERS, parse_head};

    #[test]
    fn an_opening_is_printed_without_a_credential() {
        let head = b"GET /ws?access_token=secret HTTP/1.1\r\nHost: a\r\n\
            Authorization: Bearer secret\r\n\r\n";
        let mut headers = NO_HEADERS;
        let parsed = parse_head(head, &mut headers, HeadLimits::default());
        let Ok(Head::Complete { request, .. }) = parsed else {
            panic!("{parsed:?}");
        };
        let topic = Topic::unchecked("room");
        let tcp = Opening::Tcp {
            topic: &topic,
            role: Role::Both,
            since: Since::Default,
            credential: Some(b"secret"),
        };
        let all = [Opening::WebSocket(&request), Opening::Events(&request), tcp];
        let expected =
            "[WebSocket(\"/ws\"), Events(\"/ws\"), Tcp { topic: \"room\", role: Both, .. }]";
        assert_eq!(format!("{all:?}"), expected);
    }
}
