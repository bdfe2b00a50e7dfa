//! The errors of creating a client and of its calls.

use std::io;

use thiserror::Error;

use crate::client::core::url::UrlError;
use crate::error::debug_is_text;
use crate::tls::TlsError;

/// The error of creating a client.
#[derive(Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The address is invalid.
    #[error("{0}")]
    Url(#[from] UrlError),
    /// A header field's name is not a token, its value has a line end or another control character,
    /// or the handshake sets this field itself.
    #[error("header {name:?}: malformed, or one that the client sets itself")]
    Header {
        /// The name as it was given.
        name: String,
    },
    /// A subprotocol is not a token (RFC 9110 5.6.2), or was offered twice.
    #[error("subprotocol {name:?}: must be a token, and be offered once")]
    Protocol {
        /// The name as it was given.
        name: String,
    },
    /// The token is empty or has other characters than RFC 6750 section 2.1 allows, or there is a
    /// header field `Authorization` beside it.
    #[error("{0}")]
    Token(&'static str),
    /// A setting is out of its range.
    #[error("{0}")]
    Setting(&'static str),
    /// The TLS files or the platform's authorities cannot be used, or no certificate can exist for
    /// the host.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// The process has no descriptors or memory left.
    #[error("cannot create the client: {0}")]
    Io(#[from] io::Error),
}

/// Why [`Client::recv`](crate::client::Client::recv) has no event.
#[derive(Clone, Copy, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvError {
    /// Nothing happened until the deadline.
    #[error("nothing happened until the deadline")]
    Timeout,
    /// The client has ended: it reported a last [`Event::Disconnected`](crate::client::Event).
    #[error("the client has ended")]
    Ended,
}

/// Why a message was not sent.
#[derive(Clone, Copy, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// There is no space for the message now. It was not sent and will not be sent.
    #[error("there is no space for the message now; try again later")]
    Busy,
    /// There was no connection or no space until the deadline. The message was not sent and will
    /// not be sent.
    #[error("there was no connection or no space until the deadline")]
    Timeout,
    /// The connection ended before the whole message was sent. It is not sent again.
    #[error("the connection ended before the message was sent")]
    Disconnected,
    /// The client has ended and sends nothing more.
    #[error("the client has ended")]
    Ended,
    /// The message is longer than the client's limit.
    #[error("the message exceeds the client's limit")]
    TooBig,
    /// The message is text but not UTF-8.
    #[error("a text message must be UTF-8")]
    NotText,
    /// An empty message cannot be carried over TCP, where an empty frame is the heartbeat.
    #[error("an empty message cannot be carried over TCP")]
    Empty,
}

/// Why a closing handshake was not finished. The connection is closed in any case.
#[derive(Clone, Copy, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseError {
    /// The rest of the messages, or the server's answer, took longer than the deadline.
    #[error("the closing handshake was not finished at the deadline")]
    Timeout,
    /// The server has closed the connection with this code, before it saw that it is closed: it has
    /// not taken all messages.
    #[error("the server has closed the connection with {code}")]
    Closed {
        /// The close code (RFC 6455 7.4).
        code: u16,
    },
    /// There was no connection, or it ended in another way.
    #[error("the connection had ended in another way")]
    Disconnected,
}

debug_is_text!(BuildError, UrlError, RecvError, SendError, CloseError);
