//! The events that a client reports.

use std::fmt;
use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::client::core::token::MakeError;
use crate::limits::RETRY_AFTER_MAX;
use crate::position::Position;
use crate::proto::positions::FrameError as PositionsError;
use crate::proto::ws::dial::HandshakeError;
use crate::proto::ws::{is_final, retry_after};
use crate::proto::{Kind, ProtocolError};
use crate::tls::TlsFault;

/// An event of a client.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Connected, for the first time or again. Every message whose publishing begins from now on
    /// arrives. Messages published while the client was not connected do not, unless it [keeps
    /// positions](crate::client::ClientBuilder::keep_positions).
    Connected {
        /// The subprotocol that the server chose from the offered ones.
        protocol: Option<String>,
        /// Attempts since the client was created or was last connected: 1 if the first succeeded.
        attempts: u32,
    },
    /// A message from the server.
    Message {
        /// Text or binary; text is valid UTF-8. Over TCP all messages are binary.
        kind: Kind,
        /// The payload.
        payload: Vec<u8>,
        /// Its place in its topic, if the client [keeps positions] and the topic has a history.
        ///
        /// [keeps positions]: crate::client::ClientBuilder::keep_positions
        position: Option<Position>,
    },
    /// After [`Connected`](Self::Connected): nothing is missing. What was published while the
    /// client was not connected follows, and then what is published from now on.
    Recovered {
        /// Where it goes on: the position of the newest message before.
        from: Position,
    },
    /// Messages are missing, and the server has them no more: those between the last message and
    /// this position. What follows is complete again. A program that has built something of the
    /// messages loads it anew.
    Gap {
        /// Where it goes on; `None`: the topic has no history any more.
        position: Option<Position>,
    },
    /// A connection has ended, or an attempt has failed.
    Disconnected {
        /// The reason.
        reason: Reason,
        /// When the next attempt begins; `None`: never, this is the client's last event.
        retry_in: Option<Duration>,
    },
}

/// Why a connection has ended, or an attempt has failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Reason {
    /// The server has sent a close frame.
    #[error("the server has closed the connection: {}", Close(*code, text))]
    Closed {
        /// The close code (RFC 6455 7.4), if it sent one.
        code: Option<u16>,
        /// The reason text; may be empty.
        text: String,
    },
    /// The server has ended the stream without a close frame; over TCP there is none.
    #[error("the server has ended the stream")]
    EndOfStream,
    /// The server has answered the request for WebSocket with something else.
    #[error("the server has refused: status {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The body of the answer, up to 4 KiB of it.
        body: Vec<u8>,
        /// The delay that the server asks for (`Retry-After` in seconds, RFC 9110 10.2.3), at most
        /// an hour of it. With the statuses 429 and 503 the next attempt is not made before.
        retry_after: Option<Duration>,
    },
    /// The callback of [`ClientBuilder::token_with`] made no token, or a malformed one.
    ///
    /// [`ClientBuilder::token_with`]: crate::client::ClientBuilder::token_with
    #[error("there is no token to connect with: {0}")]
    Token(#[source] MakeError),
    /// The server's name could not be resolved.
    #[error("cannot resolve the server's name: {0}")]
    Resolve(#[source] io::Error),
    /// None of the server's addresses accepted a connection; the error is that of the last one.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// Reading or writing failed: the server or the network has gone.
    #[error("the connection is lost: {0}")]
    Lost(#[source] io::Error),
    /// TLS failed: the server's certificate, the client's certificate, or the bytes that arrived.
    #[error("TLS has failed: {0}")]
    Tls(#[from] TlsFault),
    /// The program has ended the connection ([`Client::reconnect`]).
    ///
    /// [`Client::reconnect`]: crate::client::Client::reconnect
    #[error("{0}")]
    Left(String),
    /// Something did not happen in time.
    #[error("{0}")]
    Timeout(TimeoutKind),
    /// The answer to the WebSocket request violates RFC 6455 4.1, or the port speaks another
    /// protocol.
    #[error("the handshake has failed: {0}")]
    Handshake(#[from] HandshakeError),
    /// The server violated the framing, or sent a message above the limit.
    #[error("the server has broken the protocol: {0}")]
    Protocol(#[from] ProtocolError),
    /// A message does not belong to the subprotocol `corecast.positions`, which the server chose.
    #[error("the server has broken its subprotocol: {0}")]
    Positions(#[from] PositionsError),
}

/// What did not happen in time.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutKind {
    /// The connection: resolving the name and connecting to one of its addresses.
    #[error("connecting took too long")]
    Connect,
    /// The answer to the request, or over TCP the first frame; with TLS its handshake as well.
    #[error("the server did not answer in time")]
    Handshake,
    /// Any byte from the server after it was pinged.
    #[error("the server gave no sign of life")]
    Pong,
    /// Any byte from the server within the idle timeout.
    #[error("nothing came from the server for the idle timeout")]
    Idle,
}

impl Reason {
    /// The reason of a connection on which reading or writing failed.
    pub(crate) fn of(err: io::Error) -> Self {
        err.downcast().map_or_else(Self::Lost, Self::Tls)
    }

    /// The time before which the server wants no other attempt.
    pub(crate) fn retry_after(&self) -> Duration {
        match self {
            Self::Refused {
                status: 429 | 503,
                retry_after: Some(delay),
                ..
            } => *delay,
            Self::Closed { text, .. } => {
                let delay = retry_after(text).unwrap_or_default();
                delay.min(RETRY_AFTER_MAX)
            }
            _ => Duration::ZERO,
        }
    }

    /// Whether another attempt would certainly end in the same way.
    ///
    /// These are: the close codes 1002, 1003, 1007 to 1010, 3500 to 3999 and 4500 to 4999 (the
    /// upper halves of the ranges for libraries and applications); the statuses 400 to 499 except
    /// 408 and 429; and a protocol error, for which this client itself would close with 1002, 1007
    /// or 1009. A failure of TLS is not terminal: a certificate may be renewed. The status 401 is
    /// not the end of a client whose tokens are made for each attempt
    /// ([`ClientBuilder::token_with`]).
    ///
    /// [`ClientBuilder::token_with`]: crate::client::ClientBuilder::token_with
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Closed { code, .. } => {
                code.is_some_and(|code| matches!(code, 1002 | 1003 | 1007..=1010) || is_final(code))
            }
            Self::Refused { status, .. } => matches!(status, 400..=407 | 409..=428 | 430..=499),
            Self::Protocol(_) | Self::Positions(_) => true,
            _ => false,
        }
    }
}

/// Displays a close code and its reason text.
struct Close<'r>(Option<u16>, &'r str);

impl fmt::Display for Close<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self(Some(code), "") => write!(f, "{code}"),
            Self(Some(code), text) => write!(f, "{code}, {text}"),
            Self(None, _) => f.write_str("without a code"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn every_close_code_is_terminal_or_not() {
        let text = String::new;
        let terminal: Vec<u16> = (0..=u16::MAX)
            .filter(|code| {
                let code = Some(*code);
                Reason::Closed { code, text: text() }.is_terminal()
            })
            .collect();
        let expected = [1002, 1003, 1007, 1008, 1009, 1010];
        let expected = expected.into_iter().chain(3500..4000).chain(4500..5000);
        assert!(expected.eq(terminal));
        let none = Reason::Closed {
            code: None,
            text: text(),
        };
        assert!(!none.is_terminal());
    }

    #[test]
    fn every_status_is_terminal_or_not() {
        for status in 100..=599 {
            let refused = Reason::Refused {
                status,
                body: Vec::new(),
                retry_after: None,
            };
            let expected = status / 100 == 4 && ![408, 429].contains(&status);
            assert_eq!(refused.is_terminal(), expected, "{status}");
        }
    }
}
