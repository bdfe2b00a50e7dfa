//! The client's side of the opening handshake, RFC 6455 section 4.

use thiserror::Error;
use tungstenite::handshake::derive_accept_key;

use crate::proto::http::{Answer, AnswerError};
use crate::proto::ws::deflate::{self, Compression, Terms};
use crate::proto::ws::extensions;

/// The request of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The value of `Host`.
    pub host: String,
    /// Path and query; begins with `/`.
    pub target: String,
    /// Subprotocols, the preferred one first. They are tokens.
    pub protocols: Vec<String>,
    /// Header fields in addition to those of the handshake: tokens, and values without line ends.
    pub headers: Vec<(String, String)>,
    /// How to compress if the server agrees to permessage-deflate; `None`: it is not offered.
    pub compression: Option<Compression>,
}

/// The answer of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The subprotocol, one of those that were offered.
    pub protocol: Option<String>,
    /// permessage-deflate.
    pub deflate: Option<Terms>,
}

/// The answer does not grant the request: the server, or a proxy between, is wrong.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The answer is not valid HTTP.
    #[error(transparent)]
    Head(#[from] AnswerError),
    /// RFC 6455 4.1: no `Upgrade: websocket`.
    #[error("the answer does not say `Upgrade: websocket`")]
    Upgrade,
    /// RFC 6455 4.1: no `Connection: Upgrade`.
    #[error("the answer does not say `Connection: Upgrade`")]
    Connection,
    /// RFC 6455 4.1: `Sec-WebSocket-Accept` is missing, repeated, or not that of the key.
    #[error("the answer's `Sec-WebSocket-Accept` does not fit the request")]
    Accept,
    /// RFC 6455 4.1: an extension that was not offered; RFC 7692 5.1: or with wrong parameters.
    #[error("the answer uses an extension that was not offered, or with wrong parameters")]
    Extension,
    /// RFC 6455 4.1: a subprotocol that was not offered, or several.
    #[error("the answer uses a subprotocol that was not offered")]
    Protocol,
    /// The first frame of a length-prefixed server is not the empty one, which says that the
    /// subscription is live.
    #[error("the server's first frame is not empty; is it the right port?")]
    NotLive,
}

/// The value of `Sec-WebSocket-Key` for 16 random bytes.
///
/// RFC 6455 4.1: "The nonce MUST be selected randomly for each connection".
pub fn encode_key(nonce: [u8; 16]) -> String {
    let mut key = String::with_capacity(24);
    for group in nonce.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = (bits >> (18 - 6 * at) & 0x3f) as usize;
            let is_padding = group.len() < at;
            key.push(if is_padding {
                '='
            } else {
                BASE64[digit].into()
            });
        }
    }
    key
}

/// Appends the request, with a token of the characters of RFC 6750 section 2.1; frames may follow
/// the answer to it.
pub fn encode_upgrade(out: &mut Vec<u8>, offer: &Offer, token: Option<&str>, key: &str) {
    let extensions = offer.compression.map(|_| deflate::OFFER);
    let Offer {
        host,
        target,
        protocols,
        headers,
        ..
    } = offer;
    let mut head = format!(
        "GET {target} HTTP/1.1\r\n\
         Host: {host}\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Version: 13\r\n"
    );
    if !protocols.is_empty() {
        head.extend(["Sec-WebSocket-Protocol: ", &protocols.join(", "), "\r\n"]);
    }
    if let Some(extensions) = extensions {
        head.extend(["Sec-WebSocket-Extensions: ", extensions, "\r\n"]);
    }
    if let Some(token) = token {
        head.extend(["Authorization: Bearer ", token, "\r\n"]);
    }
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head += "\r\n";
    out.extend_from_slice(head.as_bytes());
}

/// Checks a 101 answer by RFC 6455 4.1; returns what was negotiated.
///
/// # Errors
///
/// The first violated rule.
pub fn check_switching_protocols(
    answer: &Answer<'_>,
    offer: &Offer,
    key: &str,
) -> Result<Agreement, HandshakeError> {
    debug_assert!(answer.status == 101);
    if !answer.lists_token("upgrade", "websocket") {
        return Err(HandshakeError::Upgrade);
    }
    if answer.version_minor == 0 || !answer.lists_token("connection", "upgrade") {
        return Err(HandshakeError::Connection);
    }
    let accept = derive_accept_key(key.as_bytes());
    let mut accepts = answer.headers("sec-websocket-accept");
    if accepts.next().map(<[u8]>::trim_ascii) != Some(accept.as_bytes()) || accepts.next().is_some()
    {
        return Err(HandshakeError::Accept);
    }
    let deflate = check_extensions(answer, offer).ok_or(HandshakeError::Extension)?;
    let protocol = check_protocol(answer, offer)?;
    Ok(Agreement { protocol, deflate })
}

fn check_extensions(answer: &Answer<'_>, offer: &Offer) -> Option<Option<Terms>> {
    let extensions = extensions::parse(answer.headers("sec-websocket-extensions")).ok()?;
    if offer.compression.is_some() {
        deflate::check_answer(&extensions)
    } else {
        extensions.is_empty().then_some(None)
    }
}

fn check_protocol(answer: &Answer<'_>, offer: &Offer) -> Result<Option<String>, HandshakeError> {
    let mut chosen = answer.headers("sec-websocket-protocol");
    let Some(protocol) = chosen.next() else {
        return Ok(None);
    };
    let protocol = protocol.trim_ascii();
    let offered = offer
        .protocols
        .iter()
        .find(|offered| offered.as_bytes() == protocol);
    match (offered, chosen.next()) {
        (Some(protocol), None) => Ok(Some(protocol.clone())),
        _ => Err(HandshakeError::Protocol),
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
#[path = "dial_tests.rs"]
mod tests;
