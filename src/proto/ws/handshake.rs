//! The server's side of the opening handshake, RFC 6455 section 4.

use tungstenite::handshake::derive_accept_key;

use crate::proto::http::{HttpError, Request, is_token};
use crate::proto::ws::deflate::{self, Grant};
use crate::proto::ws::extensions;

/// A valid request for WebSocket.
#[derive(Clone, Copy, Debug)]
pub struct Upgrade<'b> {
    request: Request<'b>,
    key: &'b [u8],
    deflate: Option<Grant>,
}

/// Checks a request by RFC 6455 4.2.1; [`Request`] has already checked its `Host`.
///
/// # Errors
///
/// The first violated rule, beginning with whether it asks for WebSocket at all.
pub fn check_upgrade<'b>(request: &Request<'b>) -> Result<Upgrade<'b>, HttpError> {
    if !request.lists_token("upgrade", "websocket") {
        return Err(HttpError::UpgradeMissing);
    }
    if request.method != "GET" {
        return Err(HttpError::UpgradeMethod);
    }
    if request.version_minor == 0 {
        return Err(HttpError::UpgradeVersion);
    }
    if !request.lists_token("connection", "upgrade") {
        return Err(HttpError::ConnectionNotUpgrade);
    }
    let key = only(request.headers("sec-websocket-key")).map_err(|n| {
        if n == 0 {
            HttpError::KeyMissing
        } else {
            HttpError::KeyRepeated
        }
    })?;
    if !is_key(key) {
        return Err(HttpError::KeyInvalid);
    }
    if only(request.headers("sec-websocket-version")) != Ok(VERSION) {
        return Err(HttpError::WebSocketVersion);
    }
    // Not in the RFC: a body would be read as frames.
    if request.headers("content-length").any(|len| len != b"0")
        || request.header("transfer-encoding").is_some()
    {
        return Err(HttpError::UpgradeBody);
    }
    let offers = extensions::parse(request.headers("sec-websocket-extensions"))
        .map_err(|_| HttpError::ExtensionInvalid)?;
    let upgrade = Upgrade {
        request: *request,
        key,
        deflate: deflate::grant(&offers),
    };
    if !upgrade.protocol_elements().all(is_token) {
        return Err(HttpError::SubprotocolInvalid);
    }
    Ok(upgrade)
}

/// Appends the answer that grants `upgrade`, RFC 6455 4.2.2; frames follow it.
///
/// `protocol` should be one of [`Upgrade::protocols`], and there should be one if any was offered:
/// otherwise browsers fail the connection. `granted` should be [`Upgrade::deflate`], or nothing.
pub fn encode_switching_protocols(
    out: &mut Vec<u8>,
    upgrade: &Upgrade<'_>,
    protocol: Option<&str>,
    granted: Option<Grant>,
) {
    out.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\n\
          Upgrade: websocket\r\n\
          Connection: Upgrade\r\n\
          Sec-WebSocket-Accept: ",
    );
    out.extend_from_slice(derive_accept_key(upgrade.key).as_bytes());
    if let Some(protocol) = protocol {
        debug_assert!(is_token(protocol.as_bytes()));
        out.extend_from_slice(b"\r\nSec-WebSocket-Protocol: ");
        out.extend_from_slice(protocol.as_bytes());
    }
    if let Some(granted) = granted {
        out.extend_from_slice(b"\r\nSec-WebSocket-Extensions: ");
        granted.encode(out);
    }
    out.extend_from_slice(b"\r\n\r\n");
}

impl<'b> Upgrade<'b> {
    /// The offered subprotocols, the preferred one first. They are tokens.
    pub fn protocols(&self) -> impl Iterator<Item = &'b str> + use<'b> {
        self.protocol_elements()
            .filter_map(|element| std::str::from_utf8(element).ok())
    }

    /// The acceptable offer of permessage-deflate (RFC 7692), if there is one.
    pub fn deflate(&self) -> Option<Grant> {
        self.deflate
    }

    /// RFC 9110 5.6.1.2: empty elements of a list are ignored.
    fn protocol_elements(&self) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        self.request
            .headers("sec-websocket-protocol")
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|element| !element.is_empty())
    }
}

/// The only item, or the number of items.
fn only<T>(mut items: impl Iterator<Item = T>) -> Result<T, usize> {
    match (items.next(), items.count()) {
        (Some(item), 0) => Ok(item),
        (first, more) => Err(usize::from(first.is_some()) + more),
    }
}

/// Whether `key` is 16 bytes in base64. The last four bits, which belong to none of them, may be
/// set; RFC 4648 3.5 leaves this to the decoder, and nothing depends on it.
fn is_key(key: &[u8]) -> bool {
    let is_digit = |b: &u8| b.is_ascii_alphanumeric() || *b == b'+' || *b == b'/';
    key.len() == 24
        && key
            .strip_suffix(b"==")
            .is_some_and(|digits| digits.iter().all(is_digit))
}

const VERSION: &[u8] = b"13";

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
