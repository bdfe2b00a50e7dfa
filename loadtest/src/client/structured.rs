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
    /// The subscription is live from here on.
    Subscribed,
    /// A command was refused with this code.
    Refused(u32),
    /// The payload of a publication.
    Message(&'a [u8]),
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
}

/// Binary payloads are base64 in JSON, RFC 4648 4; those of a run are never anything else.
fn payload<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = <&str>::deserialize(from)?;
    let bytes = data_encoding::BASE64.decode(text.as_bytes());
    bytes.map_err(serde::de::Error::custom)
}

impl Wire {
    /// The message that connects, with a token, and subscribes to a channel.
    pub(crate) fn opening(self, channel: &str, token: Option<&str>) -> Vec<u8> {
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
        Reply { id: SUBSCRIBE, .. } => on(Said::Subscribed),
        Reply {
            id: 0, push: None, ..
        } => on(Said::Ping),
        Reply {
            push: Some(push), ..
        } => {
            if let Some(publication) = &push.publication {
                on(Said::Message(&publication.data));
            }
        }
        Reply { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(wire: Wire, message: &[u8]) -> Result<String, ()> {
        let mut seen = String::new();
        wire.read(message, |said| seen.push_str(&format!("{said:?} ")))?;
        Ok(seen)
    }

    #[test]
    fn commands_are_as_the_protocol_has_them() {
        assert_eq!(
            Wire::Json.opening("a b", Some("t")),
            b"{\"id\":1,\"connect\":{\"token\":\"t\"}}\n\
              {\"id\":2,\"subscribe\":{\"channel\":\"a b\"}}\n"
        );
        assert_eq!(
            Wire::Protobuf.opening("ab", None),
            [4, 8, 1, 34, 0, 8, 8, 2, 42, 4, 10, 2, b'a', b'b']
        );
    }

    #[test]
    fn replies_pushes_and_pings_are_read_and_what_is_none_of_them_is_an_error() {
        let lines = b"{\"id\":1,\"connect\":{\"client\":\"c\",\"ping\":25,\"pong\":true}}\n\
            {\"id\":2,\"subscribe\":{}}\n{}\n\
            {\"push\":{\"channel\":\"a\",\"pub\":{\"data\":\"AQI=\",\"offset\":3}}}\n\
            {\"push\":{\"channel\":\"a\",\"join\":{\"info\":{}}}}\n{\"id\":2,\"error\":{\"code\":103,\"message\":\"x\"}}";
        let said = "Subscribed Ping Message([1, 2]) Refused(103) ";
        assert_eq!(read(Wire::Json, lines).as_deref(), Ok(said));
        let messages: &[u8] = &[
            5, 8, 1, 42, 1, 0x0a, // A connect reply whose field is cut: not protobuf.
        ];
        assert_eq!(read(Wire::Protobuf, &messages[..3]), Err(()));
        let messages: &[u8] = &[
            4, 8, 1, 42, 0, // id 1, connect {}
            4, 8, 2, 50, 0, // id 2, subscribe {}
            0, // ping
            11, 34, 9, 18, 1, b'a', 34, 4, 34, 2, 1, 2, // push, channel a, pub, data 1 2
            6, 8, 2, 18, 2, 8, 103, // id 2, error 103
        ];
        assert_eq!(read(Wire::Protobuf, messages).as_deref(), Ok(said));
        for cut in 1..messages.len() {
            // Cut between two of them, the front is whole.
            let is_whole = [5, 10, 11, 23].contains(&cut);
            assert_eq!(
                read(Wire::Protobuf, &messages[..cut]).is_ok(),
                is_whole,
                "{cut}"
            );
        }
        for wrong in [&b"x"[..], b"{\"push\":{\"pub\":{\"data\":\"!\"}}}", b"7"] {
            assert_eq!(read(Wire::Json, wrong), Err(()));
        }
    }
}
