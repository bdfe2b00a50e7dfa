//! Why a client cannot be made, and why a call did not do what was asked.

use std::io;

use thiserror::Error;

use crate::client::core::url::UrlError;
use crate::error::debug_is_text;
use crate::tls::TlsError;

/// Why a client cannot be made.
#[derive(Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The address.
    #[error("{0}")]
    Url(#[from] UrlError),
    /// A header field whose name is no token, whose value has a line end or another control
    /// character, or that belongs to the handshake.
    #[error("header {name:?}: malformed, or one that the client sets itself")]
    Header {
        /// The name as it was given.
        name: String,
    },
    /// A subprotocol that is no token (RFC 9110 5.6.2), or comes twice.
    #[error("subprotocol {name:?}: must be a token, and be offered once")]
    Protocol {
        /// The name as it was given.
        name: String,
    },
    /// A setting out of its range.
    #[error("{0}")]
    Setting(&'static str),
    /// The files of TLS, the platform's authorities, or a host that no certificate can be for.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// The process is out of descriptors or memory.
    #[error("cannot make the client: {0}")]
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
    /// There is no room for the message now. Nothing of it was sent or will be.
    #[error("there is no room for the message now; try again later")]
    Busy,
    /// There was no connection, or no room, until the deadline. Nothing of the message was sent
    /// or will be.
    #[error("there was no connection, or no room, until the deadline")]
    Timeout,
    /// The connection ended before the message was sent whole; it is not sent again.
    #[error("the connection ended before the message was sent")]
    Disconnected,
    /// The client has ended, and sends no more.
    #[error("the client has ended")]
    Ended,
    /// The message is longer than the client's limit.
    #[error("the message is over the client's limit")]
    TooBig,
    /// The message was said to be text and is not UTF-8.
    #[error("a text message must be UTF-8")]
    NotText,
    /// An empty message cannot be carried over TCP, where an empty frame is the heartbeat.
    #[error("an empty message cannot be carried over TCP")]
    Empty,
}

/// Why a closing handshake was not finished; the connection is gone all the same.
#[derive(Clone, Copy, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseError {
    /// What was to be sent, or the server's answer, took longer than the deadline.
    #[error("the closing handshake was not finished at the deadline")]
    Timeout,
    /// There was no connection, or it ended in another way.
    #[error("the connection had ended in another way")]
    Disconnected,
}

debug_is_text!(BuildError, UrlError, RecvError, SendError, CloseError);
