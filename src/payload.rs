//! One published message, and its wire forms.

use std::sync::Arc;

use crate::proto::Kind;
use crate::proto::length_prefix;
use crate::proto::ws::frame::{self, Opcode};

/// One published message as shards pass it to each other: shared bytes and their kind.
#[derive(Clone, Debug)]
pub struct Payload {
    /// Text or binary, as its publisher said.
    pub kind: Kind,
    /// What was published.
    pub bytes: Arc<[u8]>,
}

/// How a topic's messages look on the wire of one kind of connection, in one byte.
///
/// All subscribers of a form get the same bytes, so a message is encoded once per form and shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Form {
    /// An unmasked WebSocket frame, text or binary by the payload's kind.
    WebSocket,
    /// A 4-byte big-endian length and the payload.
    LengthPrefix,
}

impl Form {
    /// Whether a payload of `len` bytes exists in this form: an empty length-prefix frame is the
    /// heartbeat, so an empty message cannot be told from it.
    pub fn carries(self, len: usize) -> bool {
        self == Self::WebSocket || len != 0
    }

    /// Bytes that a payload of `len` bytes takes at most in this form.
    pub fn frame_len_max(self, len: usize) -> usize {
        match self {
            Self::WebSocket => frame::HEADER_LEN_MAX + len,
            Self::LengthPrefix => length_prefix::HEADER_LEN + len,
        }
    }

    /// Appends the payload as one frame.
    pub fn encode(self, out: &mut Vec<u8>, kind: Kind, payload: &[u8]) {
        match self {
            Self::WebSocket => {
                frame::encode_header(out, Opcode::Data(kind), payload.len());
            }
            Self::LengthPrefix => out.extend_from_slice(&length_prefix::header(payload.len())),
        }
        out.extend_from_slice(payload);
    }
}
