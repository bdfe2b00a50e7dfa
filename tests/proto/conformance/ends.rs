//! Both decoders: ours, and a tungstenite end over memory.

use std::io::ErrorKind;

use corecast::proto::Kind;
use corecast::proto::ws::frame::unmask;
use corecast::proto::ws::frame::{Opcode, encode_header};
use corecast::proto::ws::{DecoderOf, Event};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use crate::conformance::output::Output;
use crate::conformance::wire::Wire;

/// What our decoder makes of the pieces, up to an error or a close frame.
pub(super) fn ours<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, max: usize) -> Vec<Output> {
    decode::<'p, true>(pieces, max)
}

/// The same for frames that must be `MASKED`, as a client's, or must not, as a server's.
pub(super) fn decode<'p, const MASKED: bool>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    max: usize,
) -> Vec<Output> {
    let mut decoder = DecoderOf::<MASKED>::default();
    let mut seen = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        loop {
            let (taken, event) = match decoder.decode(input, max, false) {
                Ok(step) => match step.event {
                    Some(event) => (step.taken, own(event)),
                    None => break,
                },
                Err(err) => (0, Output::Error(err.into())),
            };
            seen.push(event);
            if seen.last().is_some_and(Output::ends) {
                return seen;
            }
            input = &mut input[taken..];
        }
    }
    seen
}

fn own(event: Event<'_>) -> Output {
    match event {
        Event::Message { kind, payload } => Output::Message(kind, payload.to_vec()),
        Event::Compressed { .. } => panic!("no extension was agreed on"),
        Event::Ping(payload) => Output::Ping(payload.to_vec()),
        Event::Pong(payload) => Output::Pong(payload.to_vec()),
        Event::Close { code, reason } => Output::Close(code, reason.to_owned()),
    }
}

/// A tungstenite end that has shaken hands.
pub(super) fn their_end(role: Role, max: usize) -> (WebSocket<Wire>, Wire) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(max))
        .max_frame_size(Some(max));
    let wire = Wire::default();
    (
        WebSocket::from_raw_socket(wire.clone(), role, Some(config)),
        wire,
    )
}

/// Everything that can be read from a tungstenite end now, up to an error or a close frame.
pub(super) fn read_all(socket: &mut WebSocket<Wire>) -> Vec<Output> {
    let mut seen = Vec::new();
    while !seen.last().is_some_and(Output::ends) {
        seen.push(match socket.read() {
            Ok(Message::Text(text)) => Output::Message(Kind::Text, text.as_bytes().to_vec()),
            Ok(Message::Binary(bytes)) => Output::Message(Kind::Binary, bytes.to_vec()),
            Ok(Message::Ping(bytes)) => Output::Ping(bytes.to_vec()),
            Ok(Message::Pong(bytes)) => Output::Pong(bytes.to_vec()),
            Ok(Message::Close(None)) => Output::Close(None, String::new()),
            Ok(Message::Close(Some(close))) => {
                Output::Close(Some(close.code.into()), close.reason.as_str().to_owned())
            }
            Ok(Message::Frame(_)) => unreachable!("only sent"),
            Err(Error::Io(err)) if err.kind() == ErrorKind::WouldBlock => break,
            Err(err) => Output::Error(err.into()),
        });
    }
    seen
}

/// What tungstenite's server makes of a client's bytes.
pub(super) fn theirs(bytes: &[u8], max: usize) -> Vec<Output> {
    let (mut socket, wire) = their_end(Role::Server, max);
    wire.feed(bytes);
    read_all(&mut socket)
}

/// A masked client frame with any first byte.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x5a, 0x01, 0xfe, 0x80];
    let mut out = Vec::new();
    encode_header(&mut out, Opcode::Continuation, payload.len());
    out[0] = first;
    out[1] |= 0x80;
    out.extend_from_slice(&key);
    let start = out.len();
    out.extend_from_slice(payload);
    unmask(&mut out[start..], key, 0);
    out
}
