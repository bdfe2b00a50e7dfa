//! Why a connection ended: one list for close codes, counters and log lines.

use std::fmt;

use serde::de::IgnoredAny;

use crate::listed::listed;
use crate::proto::ProtocolError;
use crate::proto::centrifuge::DisconnectCode;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client closed the connection, or its side between two messages.
    Client,
    /// The client vanished: its stream ended inside a message or without a close frame, or was
    /// reset.
    Vanished,
    /// The client violated its protocol.
    Protocol(ProtocolError),
    /// The request was answered, and the connection is not needed any more.
    Answered,
    /// The request was refused with this HTTP status.
    Refused(u16),
    /// The client did something that its path does not allow.
    Policy(&'static str),
    /// The application closed it.
    Handler,
    /// The application closed it with its own close code from 3000 to 4999 (RFC 6455 section 7.4.2)
    /// and text. Another code becomes 1000. Text beyond 123 bytes is cut off.
    Application {
        /// The close code.
        code: u16,
        /// The reason for the client.
        text: &'static str,
    },
    /// The request head was not complete, or the subscription was not live, in time.
    HandshakeTimeout,
    /// The client sent nothing for too long, not even a pong.
    IdleTimeout,
    /// A message of the client arrived too slowly.
    SlowMessage,
    /// The client's socket took no byte for too long.
    Stalled,
    /// The client fell behind, and the policy is `disconnect`.
    Slow,
    /// The shard is at its limit of connections or of memory.
    Overload,
    /// The server shuts down.
    Shutdown,
    /// TLS failed, in the handshake or after it.
    Tls,
    /// The client's address has too many connections.
    Crowded,
    /// The user has too many connections, and this was the oldest.
    UserLimit,
    /// A topic that the client has subscribed to has too many subscribers.
    SubscriberLimit,
    /// The application disconnected the user
    /// ([`Handle::disconnect_user`](crate::Handle::disconnect_user)).
    Disconnected,
    /// The client, or its user, opens connections too often.
    Throttled,
    /// The client exceeded its rate.
    RateLimit,
    /// The time of the connection, such as that of its client's token, is over.
    Expired,
    /// The connection has lived as long as connections may.
    Lifetime,
    /// The PROXY protocol header of a trusted proxy was missing or malformed, or another peer sent
    /// one.
    Proxy,
    /// What the structured protocol has a code of its own for.
    Session(DisconnectCode),
}

listed! {
    /// One value for each label that is not a protocol error, by [`index`](Self::index).
    const OWN: CloseReason = {
        Client => "client",
        Vanished => "vanished",
        Answered => "answered",
        Refused { 0: 0 } => "refused",
        Policy { 0: "" } => "policy",
        Handler | Application => "handler",
        HandshakeTimeout => "handshake_timeout",
        IdleTimeout => "idle_timeout",
        SlowMessage => "slow_message",
        Stalled => "stalled",
        Slow => "slow",
        Overload => "overload",
        Shutdown => "shutdown",
        Tls => "tls",
        Crowded => "address_limit",
        Proxy => "proxy",
        RateLimit => "rate_limit",
        Throttled => "throttled",
        Expired => "expired",
        Lifetime => "lifetime",
        UserLimit => "user_limit",
        SubscriberLimit => "subscriber_limit",
        Disconnected => "disconnected",
        Session { 0: DisconnectCode::BadRequest } => "session",
    }
    and Protocol(ProtocolError)
}

impl CloseReason {
    /// The token of a session is not accepted.
    pub const INVALID_TOKEN: Self = Self::Session(DisconnectCode::InvalidToken);

    /// The number of labels.
    pub const COUNT: usize = Self::OWN.len() + ProtocolError::COUNT;

    /// One value for each label, by [`index`](Self::index); protocol errors come last.
    pub fn all() -> impl Iterator<Item = Self> {
        let errors = ProtocolError::ALL.into_iter().map(Self::Protocol);
        Self::OWN.into_iter().chain(errors)
    }

    /// The WebSocket close code for this reason (RFC 6455 section 7.4.1; 1012 and 1013 of the IANA
    /// registry), if a close frame makes sense.
    pub fn close_code(self) -> Option<u16> {
        match self {
            Self::Application {
                code: code @ 3000..=4999,
                ..
            } => Some(code),
            Self::Client | Self::Handler | Self::Application { .. } => Some(1000),
            Self::Protocol(error) => Some(error.close_code()),
            Self::Policy(_) | Self::RateLimit => Some(1008),
            // After 1013 a client may reconnect; after 1008 it should not.
            Self::IdleTimeout
            | Self::SlowMessage
            | Self::Slow
            | Self::Overload
            | Self::Crowded
            | Self::SubscriberLimit
            | Self::Throttled => Some(1013),
            Self::Shutdown | Self::Lifetime => Some(1001),
            // As Centrifugo: the client comes back with a new token.
            Self::Expired => Some(3005),
            // Also as Centrifugo: its clients do not come back.
            Self::Disconnected => Some(3503),
            Self::UserLimit => Some(3504),
            Self::Session(code) => Some(code.code()),
            Self::Vanished
            | Self::Answered
            | Self::Refused(_)
            | Self::HandshakeTimeout
            | Self::Stalled
            | Self::Tls
            | Self::Proxy => None,
        }
    }

    /// The code and the text for a client of the structured protocol, if a close frame makes sense.
    /// By the code an SDK decides whether it comes back.
    pub fn for_sdk(self) -> Option<(u16, &'static str)> {
        let code = match self {
            Self::Application {
                code: code @ 3000..=4999,
                text,
            } => return Some((code, plain(text))),
            Self::Client => return Some((1000, "closed by the client")),
            Self::Protocol(error) => return Some((error.close_code(), "protocol error")),
            Self::Session(code) => code,
            Self::Handler | Self::Application { .. } | Self::Disconnected => {
                DisconnectCode::ForceNoReconnect
            }
            Self::Policy(_) => DisconnectCode::PermissionDenied,
            Self::HandshakeTimeout => DisconnectCode::Stale,
            Self::IdleTimeout => DisconnectCode::NoPong,
            Self::SlowMessage | Self::Slow => DisconnectCode::Slow,
            Self::Overload | Self::Crowded => DisconnectCode::ServerError,
            Self::RateLimit | Self::Throttled | Self::SubscriberLimit => {
                DisconnectCode::TooManyRequests
            }
            Self::Shutdown | Self::Lifetime => DisconnectCode::Shutdown,
            Self::Expired => DisconnectCode::Expired,
            Self::UserLimit => DisconnectCode::ConnectionLimit,
            Self::Vanished
            | Self::Answered
            | Self::Refused(_)
            | Self::Stalled
            | Self::Tls
            | Self::Proxy => return None,
        };
        Some((code.code(), code.reason()))
    }
}

/// A reason of a close frame as SDKs need it: without one they do not look at the code, and one
/// that is JSON they take for something else.
pub(crate) fn plain(reason: &str) -> &str {
    let is_json = serde_json::from_str::<IgnoredAny>(reason).is_ok();
    if reason.is_empty() || is_json {
        "disconnect"
    } else {
        reason
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("closed by the client"),
            Self::Vanished => f.write_str("client vanished"),
            Self::Protocol(error) => write!(f, "protocol error: {error}"),
            Self::Answered => f.write_str("request answered"),
            Self::Refused(status) => write!(f, "refused with status {status}"),
            Self::Policy(rule) => f.write_str(rule),
            Self::Handler => f.write_str("closed by the application"),
            Self::Application { text, .. } => f.write_str(text),
            Self::HandshakeTimeout => f.write_str("handshake took too long"),
            Self::IdleTimeout => f.write_str("no sign of life"),
            Self::SlowMessage => f.write_str("a message came too slowly"),
            Self::Stalled => f.write_str("took no bytes for too long"),
            Self::Slow => f.write_str("too slow for the topic"),
            Self::Overload => f.write_str("server at its limit"),
            Self::Shutdown => f.write_str("server shuts down"),
            Self::Tls => f.write_str("TLS failed"),
            Self::Crowded => f.write_str("too many connections from this address"),
            Self::Throttled => f.write_str("too many connections opened in too short a time"),
            Self::Expired => f.write_str("the token has expired; connect with a new one"),
            Self::Lifetime => f.write_str("the connection has lived its time; connect again"),
            Self::UserLimit => f.write_str("connection limit"),
            Self::SubscriberLimit => f.write_str("the topic has too many subscribers"),
            Self::Disconnected => f.write_str("force disconnect"),
            Self::RateLimit => f.write_str("too many messages or bytes in too short a time"),
            Self::Proxy => f.write_str("PROXY header missing, malformed or not allowed"),
            Self::Session(code) => f.write_str(code.reason()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CloseReason;

    #[test]
    fn every_reason_has_its_place_and_its_label() {
        for (index, reason) in CloseReason::all().enumerate() {
            assert_eq!(reason.index(), index, "{reason}");
            let same = |other: &CloseReason| other.label() == reason.label();
            assert_eq!(CloseReason::all().filter(same).count(), 1, "{reason}");
        }
        assert_eq!(CloseReason::all().count(), CloseReason::COUNT);
    }

    #[test]
    fn no_sdk_takes_a_reason_for_none_or_for_json() {
        for reason in CloseReason::all() {
            let Some((_, text)) = reason.for_sdk() else {
                continue;
            };
            assert!((1..=123).contains(&text.len()), "{reason}");
            let json = serde_json::from_str::<serde_json::Value>(text);
            assert!(json.is_err(), "{reason}");
        }
    }
}
