//! The request with which a WebSocket connection begins.

use crate::client::inflate::OFFER;
use crate::url::{NUMBER_PLACE, Target};

/// The key of every upgrade and its answer, RFC 6455 1.3: nothing is gained by random ones here.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// What a request asks for besides its target.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ask<'a> {
    /// The number of a topic.
    pub(crate) number: Option<usize>,
    pub(crate) token: Option<&'a str>,
    /// An offer to compress.
    pub(crate) deflate: bool,
    pub(crate) subprotocol: Option<&'a str>,
    /// The position from which to go on.
    pub(crate) since: Option<&'a str>,
}

/// A path or a channel with the number of a topic in its place.
pub(crate) fn numbered(text: &str, number: Option<usize>) -> String {
    match number {
        Some(number) => text.replace(NUMBER_PLACE, &number.to_string()),
        None => text.to_owned(),
    }
}

/// The upgrade request for a target, RFC 6455 4.1.
pub(crate) fn upgrade_request(target: &Target, ask: Ask<'_>) -> Vec<u8> {
    let Ask { token, deflate, .. } = ask;
    let mut path = numbered(&target.path, ask.number);
    if let Some(since) = ask.since {
        let mark = if path.contains('?') { '&' } else { '?' };
        path = format!("{path}{mark}since={since}");
    }
    let subprotocol = ask
        .subprotocol
        .map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
    let subprotocol = subprotocol.unwrap_or_default();
    let offer = if deflate {
        format!("Sec-WebSocket-Extensions: {OFFER}\r\n")
    } else {
        String::new()
    };
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let token = token.unwrap_or_default();
    format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{token}{offer}{subprotocol}\r\n",
        path,
        target.authority()
    )
    .into_bytes()
}
