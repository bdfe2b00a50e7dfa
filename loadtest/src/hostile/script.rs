//! What an attacking connection does: its request, what it sends first, and how it goes on.

use std::sync::Arc;

use flate2::{Compress, Compression, FlushCompress};

use crate::client::upgrade_request;
use crate::clock::SECOND;
use crate::hostile::attack::Attack;
use crate::hostile::garbage::Dice;
use crate::url::{Protocol, Target};

#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) attack: Attack,
    pub(super) target: Target,
    /// Sent when it is connected; the answer to it makes it live if it asks for an upgrade.
    pub(super) request: Vec<u8>,
    pub(super) deflate: bool,
    /// Sent once, when it is live.
    pub(super) first: Arc<[u8]>,
    pub(super) then: Then,
    /// Whether it reads what it is sent.
    pub(super) reads: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Then {
    Nothing,
    /// This again and again, as fast as it is taken.
    Repeat(Arc<[u8]>),
    /// This at every turn of so many nanoseconds, all in the same moment.
    Every(u64, Arc<[u8]>),
}

/// The frames of clients, RFC 6455 5.2: first bytes of frames, each final but for `FRAGMENT`.
const FRAGMENT: u8 = 0x01;
const CONTINUATION: u8 = 0x00;
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const COMPRESSED: u8 = 0xc2;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// Bytes that a repetition is made up to, so that a write is worth its call.
const PIECE_BYTES: usize = 64 << 10;
/// Announced by those that never send it.
const ANNOUNCED_BYTES: usize = 1 << 20;
/// Sent of it.
const HELD_BYTES: usize = 32 << 10;
/// A text that is hard to compress, below the default limit of a message.
const HARD_BYTES: usize = 1_000_000;
/// Inflated bytes of a message that is echoed.
const BOMB_BYTES: usize = 1_000_000;
/// Such messages of a connection.
const BOMBS: usize = 3;
/// Topics of those whose messages are compressed.
const TOPICS: usize = 2;
/// Entries of one list inside a list, and such lists.
const ENTRIES: usize = 10_000;
const LISTS: usize = 20;

impl Script {
    /// What the connection with this number of an attack does. `key` is that of the publish API.
    pub(super) fn new(attack: Attack, number: usize, target: &Target, key: &str) -> Self {
        let quiet = Self {
            attack,
            target: target.clone(),
            request: Vec::new(),
            deflate: false,
            first: Arc::default(),
            then: Then::Nothing,
            reads: true,
        };
        let on = |path: &str| quiet.at(path, false);
        match attack {
            Attack::Pongs => on("/pub/unheard").repeats(&frame(PONG, b"")),
            Attack::Pings => on("/pub/unheard").repeats(&frame(PING, b"")),
            Attack::EmptyFragments => Self {
                first: frame(FRAGMENT, b"").into(),
                ..on("/pub/unheard").repeats(&frame(CONTINUATION, b""))
            },
            Attack::EmptyFrames if target.protocol == Protocol::LengthPrefix => {
                quiet.repeats(&[0; 4])
            }
            Attack::EmptyFrames => on("/pub/unheard").repeats(&frame(BINARY, b"")),
            Attack::Unheard | Attack::Endless => {
                on(&format!("/pub/unheard-{number}")).repeats(&frame(BINARY, b"x"))
            }
            Attack::Burst => {
                let script = on("/pub/unheard").repeats(&frame(BINARY, b"x"));
                let Then::Repeat(piece) = script.then else {
                    return script;
                };
                let then = Then::Every(SECOND, piece);
                Self { then, ..script }
            }
            Attack::Compress if number % (2 * TOPICS) < TOPICS => {
                quiet.at(&format!("/sub/hard-{}", number % TOPICS), true)
            }
            Attack::Compress => Self {
                then: Then::Repeat(frame(TEXT, &hard()).into()),
                ..on(&format!("/pub/hard-{}", number % TOPICS))
            },
            Attack::UnreadReplies => Self {
                first: frame(COMPRESSED, &bomb()).repeat(BOMBS).into(),
                reads: false,
                ..quiet.at("/echo", true)
            },
            Attack::Holders => Self {
                first: unfinished(HELD_BYTES).into(),
                ..on("/pub/unheard")
            },
            Attack::Trickle => Self {
                first: unfinished(0).into(),
                then: Then::Every(SECOND, Arc::from(&b"x"[..])),
                ..on("/pub/unheard")
            },
            Attack::NestedBatches => quiet.asks(key),
            Attack::KeylessBodies => quiet.begins_to_ask(),
        }
    }

    /// Asks the publish API for as much as one body can, again and again.
    fn asks(self, key: &str) -> Self {
        let body = nested();
        let field = format!("X-API-Key: {key}\r\n");
        let head = post("/api/batch", &field, body.len(), &self.target);
        let whole = [head.as_bytes(), &body].concat();
        Self {
            then: Then::Repeat(whole.into()),
            ..self
        }
    }

    /// Sends a body without the key, but for its last byte.
    fn begins_to_ask(self) -> Self {
        let head = post("/api/publish", "", ANNOUNCED_BYTES, &self.target);
        let body = vec![b' '; ANNOUNCED_BYTES - 1];
        Self {
            first: [head.as_bytes(), &body].concat().into(),
            ..self
        }
    }

    /// The same once it is upgraded at a path.
    fn at(&self, path: &str, deflate: bool) -> Self {
        let mut script = self.clone();
        path.clone_into(&mut script.target.path);
        script.request = upgrade_request(&script.target, None, deflate);
        script.deflate = deflate;
        script
    }

    /// The same with as many of these as a write is worth, again and again.
    fn repeats(self, bytes: &[u8]) -> Self {
        let piece = bytes.repeat(PIECE_BYTES / bytes.len().max(1));
        Self {
            then: Then::Repeat(piece.into()),
            ..self
        }
    }

    /// Whether an answer to its request is awaited before all else.
    pub(super) fn upgrades(&self) -> bool {
        !self.request.is_empty()
    }
}

/// A frame with a mask of zeros, as nothing in it has to be hidden.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len());
    frame.extend_from_slice(payload);
    frame
}

fn header(first: u8, len: usize) -> Vec<u8> {
    let mut header = vec![first];
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..=125), _) => header.push(0x80 | len),
        (_, Ok(len)) => {
            header.push(0x80 | 126);
            header.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            header.push(0x80 | 127);
            header.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    header.extend_from_slice(&[0; 4]);
    header
}

fn unfinished(sent: usize) -> Vec<u8> {
    let mut bytes = header(BINARY, ANNOUNCED_BYTES);
    bytes.resize(bytes.len() + sent, b'x');
    bytes
}

/// Two letters in random order: no run is long, and so many are equal that all are looked at.
fn hard() -> Vec<u8> {
    let mut dice = Dice::new(1, 0);
    (0..HARD_BYTES)
        .map(|_| if dice.below(2) == 0 { b'a' } else { b'b' })
        .collect()
}

/// Many zeros in few bytes, RFC 7692 7.2.1.
fn bomb() -> Vec<u8> {
    let mut packed = Vec::with_capacity(BOMB_BYTES);
    let mut packer = Compress::new(Compression::best(), false);
    let status = packer.compress_vec(&vec![0; BOMB_BYTES], &mut packed, FlushCompress::Sync);
    debug_assert!(status.is_ok(), "there is space for all of it");
    packed.truncate(packed.len().saturating_sub(4));
    packed
}

/// Lists of broadcasts in a list, with an answer for each.
fn nested() -> Vec<u8> {
    let channels = vec!["\"\""; ENTRIES].join(",");
    let one = format!("{{\"broadcast\":{{\"data\":1,\"channels\":[{channels}]}}}}");
    let lists = vec![one; LISTS].join(",");
    format!("{{\"commands\":[{lists}]}}").into_bytes()
}

fn post(path: &str, fields: &str, len: usize, target: &Target) -> String {
    let host = target.addr;
    format!("POST {path} HTTP/1.1\r\nHost: {host}\r\n{fields}Content-Length: {len}\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(attack: Attack, number: usize) -> Script {
        let target = Target::parse("ws://127.0.0.1:1/", "").unwrap();
        Script::new(attack, number, &target, "k")
    }

    #[test]
    fn a_header_has_the_shortest_length() {
        assert_eq!(header(BINARY, 125).len(), 6);
        assert_eq!(header(BINARY, 126).len(), 8);
        assert_eq!(header(BINARY, 65_535).len(), 8);
        assert_eq!(header(BINARY, 65_536).len(), 14);
    }

    #[test]
    fn half_of_those_whose_messages_are_compressed_subscribe() {
        let paths: Vec<String> = (0..4)
            .map(|number| script(Attack::Compress, number).target.path)
            .collect();
        assert_eq!(
            paths,
            ["/sub/hard-0", "/sub/hard-1", "/pub/hard-0", "/pub/hard-1"]
        );
    }

    #[test]
    fn a_bomb_is_small() {
        assert!(bomb().len() < 2_000, "{}", bomb().len());
    }

    #[test]
    fn an_unfinished_message_lacks_most_of_it() {
        assert_eq!(script(Attack::Holders, 0).first.len(), 14 + HELD_BYTES);
        assert_eq!(script(Attack::Trickle, 0).first.len(), 14);
    }
}
