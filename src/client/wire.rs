//! The protocol state of one connection: decodes what the server sends, and encodes messages.

use crate::client::core::codec::Codec;
use crate::client::core::random::Random;
use crate::client::core::upgrade::{Refusal, UpgradeAnswer, UpgradeRequest};
use crate::proto::ws::dial::HandshakeError;
use crate::proto::ws::frame::{Control, Opcode, encode_compressed_masked, encode_masked};
use crate::proto::ws::{ClientDecoder, Event, close_payload};
use crate::proto::{Kind, ProtocolError, length_prefix};

/// The protocol of one connection and its state.
#[derive(Debug)]
pub(crate) enum Wire {
    /// The upgrade was requested.
    Upgrading(Box<UpgradeRequest>),
    /// The upgrade was refused; the body is arriving.
    Refused(Refusal),
    /// WebSocket frames.
    WebSocket(Frames),
    /// Length-prefixed frames.
    LengthPrefix(LengthPrefix),
}

/// WebSocket frames from a server.
#[derive(Debug)]
pub(crate) struct Frames {
    decoder: ClientDecoder,
    /// Present if permessage-deflate was negotiated.
    codec: Option<Box<Codec>>,
}

/// What the server sent.
#[derive(Debug)]
pub(crate) enum FromServer {
    /// The subscription is live. `rest` arrived with this and must be decoded next.
    Live {
        protocol: Option<String>,
        rest: Vec<u8>,
    },
    Message {
        kind: Kind,
        payload: Vec<u8>,
    },
    Ping(Vec<u8>),
    /// A sign of life without content.
    Heartbeat,
    Close {
        code: Option<u16>,
        text: String,
    },
}

/// Why the connection cannot continue.
#[derive(Debug)]
pub(crate) enum Fault {
    Refused(Refusal),
    Handshake(HandshakeError),
    Protocol(ProtocolError),
}

/// Length-prefixed frames from a server, the first of which is empty.
#[derive(Debug, Default)]
pub(crate) struct LengthPrefix {
    /// The beginning of an incomplete frame.
    rest: Vec<u8>,
    live: bool,
}

impl Wire {
    /// Takes bytes from the front of `input` up to the end of the next item. If there is no
    /// complete item, all of `input` was taken.
    pub(crate) fn take(
        &mut self,
        input: &mut [u8],
        max: usize,
    ) -> Result<(usize, Option<FromServer>), Fault> {
        match self {
            Self::Upgrading(request) => {
                let answer = request.take(input).map_err(Fault::Handshake)?;
                let said = match answer {
                    Some(UpgradeAnswer::Granted {
                        protocol,
                        codec,
                        rest,
                    }) => {
                        let decoder = ClientDecoder::default();
                        *self = Self::WebSocket(Frames { decoder, codec });
                        Some(FromServer::Live { protocol, rest })
                    }
                    Some(UpgradeAnswer::Refused(refusal)) => {
                        *self = Self::Refused(refusal);
                        self.refuse_when_whole()?;
                        None
                    }
                    None => None,
                };
                Ok((input.len(), said))
            }
            Self::Refused(refusal) => {
                refusal.body.push(input);
                self.refuse_when_whole()?;
                Ok((input.len(), None))
            }
            Self::WebSocket(frames) => frames.take(input, max).map_err(Fault::Protocol),
            Self::LengthPrefix(frames) => frames.take(input, max),
        }
    }

    /// The refusal as far as it has arrived, if no more of it will arrive.
    pub(crate) fn refusal(&mut self) -> Option<Fault> {
        let Self::Refused(refusal) = self else {
            return None;
        };
        Some(Fault::Refused(std::mem::take(refusal)))
    }

    fn refuse_when_whole(&mut self) -> Result<(), Fault> {
        match self {
            Self::Refused(refusal) if refusal.body.is_whole() => self.refusal().map_or(Ok(()), Err),
            _ => Ok(()),
        }
    }

    /// Whether the protocol has text and binary messages and a closing handshake.
    pub(crate) fn is_websocket(&self) -> bool {
        !matches!(self, Self::LengthPrefix(_))
    }

    /// Appends a message.
    pub(crate) fn encode(
        &mut self,
        out: &mut Vec<u8>,
        random: &mut Random,
        kind: Kind,
        payload: &[u8],
    ) {
        if let Self::WebSocket(frames) = self
            && let Some(codec) = &mut frames.codec
            && codec.deflate(payload, |compressed| {
                encode_compressed_masked(out, Opcode::Data(kind), random.bytes(), compressed);
            })
        {
            return;
        }
        if self.is_websocket() {
            encode_masked(out, Opcode::Data(kind), random.bytes(), payload);
        } else {
            out.reserve(length_prefix::HEADER_LEN + payload.len());
            out.extend_from_slice(&length_prefix::header(payload.len()));
            out.extend_from_slice(payload);
        }
    }

    /// Appends a ping, or over TCP an empty frame.
    pub(crate) fn encode_heartbeat(&self, out: &mut Vec<u8>, random: &mut Random) {
        if self.is_websocket() {
            encode_masked(out, Opcode::Control(Control::Ping), random.bytes(), b"");
        } else {
            out.extend_from_slice(&length_prefix::header(0));
        }
    }
}

/// Appends a pong with the payload of the ping, RFC 6455 5.5.3.
pub(crate) fn encode_pong(out: &mut Vec<u8>, random: &mut Random, payload: &[u8]) {
    encode_masked(out, Opcode::Control(Control::Pong), random.bytes(), payload);
}

/// Appends a close frame; without a code it is empty.
pub(crate) fn encode_close(out: &mut Vec<u8>, random: &mut Random, code: Option<u16>, text: &str) {
    let payload = code
        .map(|code| close_payload(code, text))
        .unwrap_or_default();
    let opcode = Opcode::Control(Control::Close);
    encode_masked(out, opcode, random.bytes(), &payload);
}

impl Frames {
    fn take(
        &mut self,
        input: &mut [u8],
        max: usize,
    ) -> Result<(usize, Option<FromServer>), ProtocolError> {
        let step = self.decoder.decode(input, max, self.codec.is_some())?;
        let said = match step.event {
            None => None,
            Some(Event::Message { kind, payload }) => Some(FromServer::Message {
                kind,
                payload: payload.to_vec(),
            }),
            Some(Event::Compressed { kind, payload }) => {
                let codec = self.codec.as_mut().ok_or(ProtocolError::ReservedBits)?;
                let payload = codec.inflate(kind, payload, max)?;
                Some(FromServer::Message { kind, payload })
            }
            Some(Event::Ping(payload)) => Some(FromServer::Ping(payload.to_vec())),
            Some(Event::Pong(_)) => Some(FromServer::Heartbeat),
            Some(Event::Close { code, reason }) => Some(FromServer::Close {
                code,
                text: reason.to_owned(),
            }),
        };
        Ok((step.taken, said))
    }
}

impl LengthPrefix {
    fn take(&mut self, input: &mut [u8], max: usize) -> Result<(usize, Option<FromServer>), Fault> {
        let mut taken = 0;
        if self.rest.is_empty() {
            match length_prefix::decode(input, max).map_err(Fault::Protocol)? {
                length_prefix::Step::Frame { payload, taken } => {
                    let payload = payload.to_vec();
                    return Ok((taken, Some(self.said(payload)?)));
                }
                length_prefix::Step::Incomplete { .. } => {
                    self.rest.extend_from_slice(input);
                    return Ok((input.len(), None));
                }
            }
        }
        loop {
            // Copies no more than the frame, so that the following bytes are never moved.
            match length_prefix::decode(&mut self.rest, max).map_err(Fault::Protocol)? {
                length_prefix::Step::Frame { .. } => {
                    let payload = self.rest.split_off(length_prefix::HEADER_LEN);
                    self.rest = Vec::new();
                    return Ok((taken, Some(self.said(payload)?)));
                }
                length_prefix::Step::Incomplete { need } => {
                    let n = (need - self.rest.len()).min(input.len() - taken);
                    if n == 0 {
                        return Ok((taken, None));
                    }
                    self.rest.extend_from_slice(&input[taken..taken + n]);
                    taken += n;
                }
            }
        }
    }

    fn said(&mut self, payload: Vec<u8>) -> Result<FromServer, Fault> {
        match (self.live, payload.is_empty()) {
            (true, true) => Ok(FromServer::Heartbeat),
            (true, false) => Ok(FromServer::Message {
                kind: Kind::Binary,
                payload,
            }),
            (false, true) => {
                self.live = true;
                Ok(FromServer::Live {
                    protocol: None,
                    rest: Vec::new(),
                })
            }
            (false, false) => Err(Fault::Handshake(HandshakeError::NotLive)),
        }
    }
}
