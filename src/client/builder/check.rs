//! What a description may have.

use std::time::Duration;

use crate::client::builder::ClientBuilder;
use crate::client::core::url::Scheme;
use crate::client::error::BuildError;
use crate::proto::http::is_token;

impl ClientBuilder {
    pub(super) fn check(&self) -> Result<(), BuildError> {
        for (name, value) in &self.headers {
            if !is_token(name.as_bytes()) || !is_field_value(value) || belongs_to_handshake(name) {
                return Err(BuildError::Header { name: name.clone() });
            }
            if self.token.is_some() && name.eq_ignore_ascii_case("authorization") {
                return Err(BuildError::Token(TWO_CREDENTIALS));
            }
        }
        for (at, name) in self.protocols.iter().enumerate() {
            // RFC 6455 4.1: "The elements that comprise this value MUST ... all be unique".
            if !is_token(name.as_bytes()) || self.protocols[..at].contains(name) {
                return Err(BuildError::Protocol { name: name.clone() });
            }
        }
        if let Some(compression) = &self.compression
            && !compression.has_level()
        {
            return Err(BuildError::Setting(
                "the level of compression must be from 1 to 9",
            ));
        }
        if self.keeps_positions && self.address.scheme != Scheme::WebSocket {
            return Err(BuildError::Setting(
                "positions need WebSocket: ws:// or wss://",
            ));
        }
        let settings = &self.settings;
        let waits = [
            settings.connect_timeout,
            settings.handshake_timeout,
            settings.ping_interval,
            settings.pong_timeout,
            settings.idle_timeout.unwrap_or(Duration::MAX),
            settings.backoff_base,
            settings.backoff_cap,
        ];
        if waits.iter().any(|wait| *wait < Duration::from_millis(1)) {
            return Err(BuildError::Setting(
                "timeouts and delays must be at least 1 ms",
            ));
        }
        if !(1..=MESSAGE_BYTES_MOST).contains(&settings.message_bytes_max) {
            return Err(BuildError::Setting(
                "messages must have at least 1 byte, and at most 1 GiB",
            ));
        }
        Ok(())
    }
}

const TWO_CREDENTIALS: &str =
    "there is a token beside a header field Authorization; a server refuses two credentials";

/// RFC 9110 5.5, except bytes outside ASCII, which have no agreed meaning.
fn is_field_value(value: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_graphic() || byte == b' ' || byte == b'\t';
    value.bytes().all(is_fine)
}

fn belongs_to_handshake(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let own = [
        "connection",
        "content-length",
        "host",
        "transfer-encoding",
        "upgrade",
    ];
    own.contains(&&*name) || name.starts_with("sec-websocket-")
}

/// A length that every component can represent.
const MESSAGE_BYTES_MOST: usize = 1 << 30;
