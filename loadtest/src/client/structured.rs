//! The structured protocol, the public Centrifuge client protocol in its version 2: the commands
//! that begin a subscription, and what the server says to them. Written apart from the server's
//! code, so that each checks the other.

use prost::Message;
use serde::{Deserialize, Deserializer, Serialize};

/// How commands and replies are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// A line of JSON each.
    Json,
    /// A message of protobuf each, with its length before it.
    Protobuf,
}

/// Bytes of a frame beside those of a payload, at most: names of fields, the channel, the answer to
/// connect.
pub(crate) const ENVELOPE_BYTES_MAX: usize = 4 << 10;

/// What the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// To be answered with [`Wire::pong`].
    Ping,
    /// The subscription is live from here on, and stands here.
    Subscribed(Standing<'a>),
    /// A command was refused with this code.
    Refused(u32),
    /// A publication: its offset, zero where there is none, and its payload.
    Message(u64, &'a [u8]),
}

/// Where a subscription stands when it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing<'a> {
    /// Empty where the topic has no positions.
    pub(crate) epoch: &'a str,
    pub(crate) offset: u64,
    /// It was to go on from an earlier position, and has not got all that is missing.
    pub(crate) has_gap: bool,
}

/// What a subscription asks for besides its channel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Recovery<'a> {
    /// Positions, to go on from another time.
    pub(crate) is_wanted: bool,
    /// The position to go on from, as `epoch:offset`.
    pub(crate) since: Option<&'a str>,
}

const CONNECT: u32 = 1;
const SUBSCRIBE: u32 = 2;

#[derive(Clone, PartialEq, Message, Serialize)]
struct Command {
    #[prost(uint32, tag = "1")]
    id: u32,
    #[prost(message, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    connect: Option<Connect>,
    #[prost(message, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    subscribe: Option<Subscribe>,
}

#[derive(Clone, PartialEq, Message, Serialize)]
struct Connect {
    #[prost(string, tag = "1")]
    token: String,
}

#[derive(Clone, PartialEq, Message, Serialize)]
struct Subscribe {
    #[prost(string, tag = "1")]
    channel: String,
    #[prost(bool, tag = "3")]
    #[serde(skip_serializing_if = "is_default")]
    recover: bool,
    #[prost(string, tag = "6")]
    #[serde(skip_serializing_if = "is_default")]
    epoch: String,
    #[prost(uint64, tag = "7")]
    #[serde(skip_serializing_if = "is_default")]
    offset: u64,
    #[prost(bool, tag = "10")]
    #[serde(skip_serializing_if = "is_default")]
    recoverable: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
struct Reply {
    #[prost(uint32, tag = "1")]
    id: u32,
    #[prost(message, optional, tag = "2")]
    error: Option<Failure>,
    #[prost(message, optional, tag = "4")]
    push: Option<Push>,
    #[prost(message, optional, tag = "6")]
    subscribe: Option<Subscribed>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
struct Subscribed {
    #[prost(string, tag = "6")]
    epoch: String,
    #[prost(message, repeated, tag = "7")]
    publications: Vec<Publication>,
    #[prost(bool, tag = "8")]
    recovered: bool,
    #[prost(uint64, tag = "9")]
    offset: u64,
    #[prost(bool, tag = "12")]
    was_recovering: bool,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
struct Failure {
    #[prost(uint32, tag = "1")]
    code: u32,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
struct Push {
    #[prost(message, optional, tag = "4")]
    #[serde(rename = "pub")]
    publication: Option<Publication>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
struct Publication {
    #[prost(bytes = "vec", tag = "4")]
    #[serde(deserialize_with = "payload")]
    data: Vec<u8>,
    #[prost(uint64, tag = "6")]
    offset: u64,
}

/// Binary payloads are base64 in JSON, RFC 4648 4; those of a run are never anything else.
fn payload<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = <&str>::deserialize(from)?;
    let bytes = data_encoding::BASE64.decode(text.as_bytes());
    bytes.map_err(serde::de::Error::custom)
}

impl Wire {
    /// The message that connects, with a token, and subscribes to a channel.
    pub(crate) fn opening(
        self,
        channel: &str,
        token: Option<&str>,
        recovery: Recovery<'_>,
    ) -> Vec<u8> {
        let since = recovery.since.and_then(|since| since.rsplit_once(':'));
        let since = since.and_then(|(epoch, offset)| Some((epoch, offset.parse().ok()?)));
        let (epoch, offset) = since.unwrap_or(("", 0));
        let connect = Command {
            id: CONNECT,
            connect: Some(Connect {
                token: token.unwrap_or_default().to_owned(),
            }),
            subscribe: None,
        };
        let subscribe = Command {
            id: SUBSCRIBE,
            connect: None,
            subscribe: Some(Subscribe {
                channel: channel.to_owned(),
                recover: since.is_some(),
                epoch: epoch.to_owned(),
                offset,
                recoverable: recovery.is_wanted,
            }),
        };
        let mut out = Vec::new();
        for command in [connect, subscribe] {
            match self {
                Self::Json => {
                    let line = serde_json::to_vec(&command).unwrap_or_default();
                    out.extend_from_slice(&line);
                    out.push(b'\n');
                }
                Self::Protobuf => out.extend(command.encode_length_delimited_to_vec()),
            }
        }
        out
    }

    /// An empty command, with which a client answers a ping.
    pub(crate) fn pong(self) -> &'static [u8] {
        match self {
            Self::Json => b"{}",
            Self::Protobuf => &[0],
        }
    }

    /// Reads one message of the server, and tells `on` what it says.
    ///
    /// # Errors
    ///
    /// It is not of the protocol.
    pub(crate) fn read(self, mut message: &[u8], mut on: impl FnMut(Said<'_>)) -> Result<(), ()> {
        if self == Self::Json {
            for line in message.split(|byte| *byte == b'\n') {
                if !line.is_empty() {
                    say(&serde_json::from_slice(line).map_err(drop)?, &mut on);
                }
            }
            return Ok(());
        }
        while !message.is_empty() {
            say(
                &Reply::decode_length_delimited(&mut message).map_err(drop)?,
                &mut on,
            );
        }
        Ok(())
    }
}

fn say(reply: &Reply, on: &mut impl FnMut(Said<'_>)) {
    match reply {
        Reply {
            error: Some(failure),
            ..
        } => on(Said::Refused(failure.code)),
        Reply {
            id: SUBSCRIBE,
            subscribe,
            ..
        } => {
            let Some(found) = subscribe else {
                return on(Said::Subscribed(Standing::default()));
            };
            on(Said::Subscribed(Standing {
                epoch: &found.epoch,
                offset: found.offset,
                has_gap: found.was_recovering && !found.recovered,
            }));
            for publication in &found.publications {
                on(Said::Message(publication.offset, &publication.data));
            }
        }
        Reply {
            id: 0, push: None, ..
        } => on(Said::Ping),
        Reply {
            push: Some(push), ..
        } => {
            if let Some(publication) = &push.publication {
                on(Said::Message(publication.offset, &publication.data));
            }
        }
        Reply { .. } => {}
    }
}

#[cfg(test)]
mod tests;
