//! What a connection that misbehaves does: its request, what it sends first, and how it goes on.
//!
//! Every piece of garbage is decided as soon as it is there: a server that waits for more is
//! waiting in vain.

use std::sync::Arc;

use flate2::{Compress, Compression, FlushCompress};

use crate::check::message::mix;
use crate::client::frame::{MASKED, write_header};
use crate::client::request::{Ask, upgrade_request};
use crate::clock::SECOND;
use crate::commands::hostile::attack::Attack;
use crate::url::{Protocol, Target};

#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) target: Target,
    /// Sent when it is connected; the answer makes the connection live. None begins at once.
    pub(super) request: Option<Arc<[u8]>>,
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
    /// The end of the stream, shutdown(2).
    End,
    /// This again and again, as fast as it is taken.
    Repeat(Arc<[u8]>),
    /// This at every turn of so many nanoseconds, all in the same moment.
    Every(u64, Arc<[u8]>),
}

/// Pseudo-random numbers that a seed decides.
pub(super) struct Dice {
    seed: u64,
    thrown: u64,
}

/// Garbage: the words for it in a report, in the order of [`garbage`].
pub(super) const MESSES: [&str; 5] = [
    "random bytes",
    "TLS hello",
    "half a head",
    "giant header line",
    "wrong frame",
];

/// The frames of clients, RFC 6455 5.2: first bytes of frames, each final but for `FRAGMENT`.
const FRAGMENT: u8 = 0x01;
const CONTINUATION: u8 = 0x00;
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const COMPRESSED: u8 = 0xc2;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// Longest piece of random bytes.
const RANDOM_BYTES_MAX: u64 = 512;
/// A header line of this length is beyond every usual limit.
const GIANT_BYTES: usize = 64 << 10;
/// Frames after an upgrade, each against one rule of RFC 6455 5.1 to 5.6. Masks are zero, as
/// nothing in them has to be hidden.
const WRONG_FRAMES: [&[u8]; 7] = [
    // Not masked.
    b"\x81\x02hi",
    // Reserved bits without an extension.
    b"\xf1\x80\0\0\0\0",
    // No such opcode.
    b"\x83\x80\0\0\0\0",
    // A ping in fragments.
    b"\x09\x80\0\0\0\0",
    // A continuation of nothing.
    b"\x80\x80\0\0\0\0",
    // A ping longer than 125 bytes.
    b"\x89\xfe\x00\x7e\0\0\0\0",
    // A length with its highest bit set.
    b"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0",
];
/// Bytes that a repetition is made up to, so that a write is worth its call.
const PIECE_BYTES: usize = 64 << 10;
/// Announced by those that never send it.
const ANNOUNCED_BYTES: usize = 1 << 20;
/// Sent of it.
const HELD_BYTES: usize = 32 << 10;
/// A text that is hard to compress, below the default limit of a message.
const HARD_BYTES: usize = 1_000_000;
/// Inflated bytes of a message that is echoed, and such messages of a connection.
const BOMB_BYTES: usize = 1_000_000;
const BOMBS: usize = 3;
/// Topics of those whose messages are compressed.
const TOPICS: usize = 2;
/// Entries of one list inside a list, and such lists.
const ENTRIES: usize = 10_000;
const LISTS: usize = 20;

impl Dice {
    pub(super) fn new(seed: u64, thread: usize) -> Self {
        Self {
            seed: mix(mix(seed) ^ thread as u64),
            thrown: 0,
        }
    }

    /// A number below `bound`, which is above zero.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.thrown += 1;
        mix(self.seed ^ self.thrown) % bound.max(1)
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    fn bytes(&mut self, len: u64) -> Vec<u8> {
        (0..len).map(|_| self.below(256).to_le_bytes()[0]).collect()
    }
}

/// A piece of garbage that a target can be pestered with, and its number in [`MESSES`].
pub(super) fn garbage(target: &Target, dice: &mut Dice) -> (usize, Script) {
    let upgrades = target.protocol == Protocol::WebSocket && !target.tls;
    // A hello is what a port with TLS waits for, and its rest as well. Without a head there is none
    // to break off: a client that says no more may still listen.
    let fits = [true, !target.tls, target.tls || upgrades, true, upgrades];
    let fitting: Vec<usize> = (0..fits.len()).filter(|mess| fits[*mess]).collect();
    let mess = fitting[dice.index(fitting.len())];
    let mut head = upgrade_request(target, Ask::default());
    let quiet = Script::quiet(target);
    let script = match mess {
        0 => {
            let len = 16 + dice.below(RANDOM_BYTES_MAX - 16);
            let mut bytes = dice.bytes(len);
            // Neither a letter nor a length that a server would wait for.
            bytes[0] |= 0x80;
            quiet.begins(&bytes)
        }
        1 => quiet.begins(&hello(dice)),
        2 => {
            head.truncate(1 + dice.index(head.len() - 1));
            let then = Then::End;
            Script { then, ..quiet }.begins(&head)
        }
        3 => {
            head.truncate(head.len() - 2);
            head.extend_from_slice(b"X-Giant: ");
            head.resize(head.len() + GIANT_BYTES, b'a');
            quiet.begins(&head)
        }
        _ => {
            let frame = WRONG_FRAMES[dice.index(WRONG_FRAMES.len())];
            let request = Some(head.into());
            Script { request, ..quiet }.begins(frame)
        }
    };
    (mess, script)
}

/// A head that never ends: it begins with these bytes, one by one, and goes on with `a` for ever.
pub(super) fn slow_head(target: &Target) -> Script {
    let first = match (target.tls, target.protocol) {
        // A record of 16 KiB, RFC 8446 5.1.
        (true, _) => b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03".to_vec(),
        // A message of 64 KiB.
        (false, Protocol::LengthPrefix) => 0x1_0000_u32.to_be_bytes().to_vec(),
        (false, Protocol::WebSocket) => {
            let mut head = upgrade_request(target, Ask::default());
            head.truncate(head.len() - 2);
            head.extend_from_slice(b"X-Slow: ");
            head
        }
    };
    Script::quiet(target).begins(&first)
}

/// A hello with one cipher suite and no extension, RFC 5246 7.4.1.2.
fn hello(dice: &mut Dice) -> Vec<u8> {
    let mut hello = b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03".to_vec();
    hello.extend(dice.bytes(32));
    // No session, one suite, no compression.
    hello.extend_from_slice(b"\x00\x00\x02\xc0\x2f\x01\x00");
    hello
}

impl Script {
    /// One that only connects.
    fn quiet(target: &Target) -> Self {
        Self {
            target: target.clone(),
            request: None,
            deflate: false,
            first: Arc::default(),
            then: Then::Nothing,
            reads: true,
        }
    }

    /// What the connection with this number of an attack does. `key` is that of the publish API.
    pub(super) fn attack(attack: Attack, number: usize, target: &Target, key: &str) -> Self {
        let quiet = Self::quiet(target);
        let on = |path: &str| quiet.at(path, false);
        match attack {
            Attack::Pongs => on("/pub/unheard").repeats(&frame(PONG, b"")),
            Attack::Pings => on("/pub/unheard").repeats(&frame(PING, b"")),
            Attack::EmptyFragments => on("/pub/unheard")
                .begins(&frame(FRAGMENT, b""))
                .repeats(&frame(CONTINUATION, b"")),
            Attack::EmptyFrames if target.protocol == Protocol::LengthPrefix => {
                quiet.repeats(&[0; 4])
            }
            Attack::EmptyFrames => on("/pub/unheard").repeats(&frame(BINARY, b"")),
            Attack::Unheard | Attack::Endless => {
                on(&format!("/pub/unheard-{number}")).repeats(&frame(BINARY, b"x"))
            }
            Attack::Burst => on("/pub/unheard").at_every_second(&piece(&frame(BINARY, b"x"))),
            Attack::Compress if number % (2 * TOPICS) < TOPICS => {
                quiet.at(&format!("/sub/hard-{}", number % TOPICS), true)
            }
            Attack::Compress => Self {
                then: Then::Repeat(frame(TEXT, &hard()).into()),
                ..on(&format!("/pub/hard-{}", number % TOPICS))
            },
            Attack::UnreadReplies => Self {
                reads: false,
                ..quiet.at("/echo", true)
            }
            .begins(&frame(COMPRESSED, &bomb()).repeat(BOMBS)),
            Attack::Holders => on("/pub/unheard").begins(&unfinished(HELD_BYTES)),
            Attack::Trickle => on("/pub/unheard")
                .begins(&unfinished(0))
                .at_every_second(b"x"),
            // As much as one body can ask for, again and again.
            Attack::NestedBatches => {
                let (body, field) = (nested(), format!("X-API-Key: {key}\r\n"));
                let whole = [post("/api/batch", &field, body.len(), target), body].concat();
                let then = Then::Repeat(whole.into());
                Self { then, ..quiet }
            }
            Attack::KeylessBodies => {
                let head = post("/api/publish", "", ANNOUNCED_BYTES, target);
                quiet.begins(&[head, vec![b' '; ANNOUNCED_BYTES - 1]].concat())
            }
        }
    }

    /// The same once it is upgraded at a path.
    fn at(&self, path: &str, deflate: bool) -> Self {
        let mut script = self.clone();
        path.clone_into(&mut script.target.path);
        let ask = Ask {
            deflate,
            ..Ask::default()
        };
        script.request = Some(upgrade_request(&script.target, ask).into());
        script.deflate = deflate;
        script
    }

    fn begins(mut self, bytes: &[u8]) -> Self {
        self.first = bytes.into();
        self
    }

    /// The same with as many of these as a write is worth, again and again.
    fn repeats(mut self, bytes: &[u8]) -> Self {
        self.then = Then::Repeat(piece(bytes).into());
        self
    }

    fn at_every_second(mut self, bytes: &[u8]) -> Self {
        self.then = Then::Every(SECOND, bytes.into());
        self
    }
}

fn piece(bytes: &[u8]) -> Vec<u8> {
    bytes.repeat(PIECE_BYTES / bytes.len().max(1))
}

/// A frame with a mask of zeros, as nothing in it has to be hidden.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len());
    frame.extend_from_slice(payload);
    frame
}

fn header(first: u8, len: usize) -> Vec<u8> {
    let mut header = Vec::new();
    write_header(first, MASKED, len, &mut header);
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

fn post(path: &str, fields: &str, len: usize, target: &Target) -> Vec<u8> {
    let host = target.authority();
    format!("POST {path} HTTP/1.1\r\nHost: {host}\r\n{fields}Content-Length: {len}\r\n\r\n")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WS: &str = "ws://127.0.0.1:1/sub/a";

    fn target(url: &str) -> Target {
        Target::parse(url, "t").unwrap()
    }

    /// The first hundred pieces for a target.
    fn pieces(url: &str, seed: u64) -> Vec<(usize, Vec<u8>)> {
        let (target, mut dice) = (target(url), Dice::new(seed, 0));
        let piece = |_| {
            let (mess, script) = garbage(&target, &mut dice);
            let request = script.request.unwrap_or_default();
            (mess, [&request[..], &script.first].concat())
        };
        (0..100).map(piece).collect()
    }

    #[test]
    fn a_seed_decides_the_garbage_and_a_target_its_kinds() {
        assert_eq!(pieces(WS, 1), pieces(WS, 1));
        assert_ne!(pieces(WS, 1), pieces(WS, 2));
        let kinds = [
            (WS, &[0, 1, 2, 3, 4][..]),
            ("tcp://127.0.0.1:1", &[0, 1, 3]),
            ("wss://127.0.0.1:1/sub/a", &[0, 2, 3]),
        ];
        for (url, expected) in kinds {
            let found = pieces(url, 3).into_iter().map(|(mess, _)| mess);
            let mut found: Vec<usize> = found.collect();
            found.sort_unstable();
            found.dedup();
            assert_eq!(found, expected, "{url}");
        }
    }

    #[test]
    fn no_head_comes_to_its_end_but_that_of_an_upgrade() {
        let is_whole = |bytes: &[u8]| bytes.windows(4).any(|four| four == b"\r\n\r\n");
        for (mess, bytes) in pieces(WS, 5) {
            assert_eq!(is_whole(&bytes), mess == 4, "{}", MESSES[mess]);
        }
        assert!(!is_whole(&slow_head(&target(WS)).first));
    }

    #[test]
    fn bytes_are_as_long_as_they_say_or_meant_not_to_be() {
        let hello = hello(&mut Dice::new(1, 0));
        assert_eq!(hello.len(), 5 + usize::from(hello[4]));
        assert_eq!(hello.len(), 9 + usize::from(hello[8]));
        assert!(bomb().len() < 2_000, "{}", bomb().len());
        let first = |attack| Script::attack(attack, 0, &target(WS), "k").first.len();
        assert_eq!(first(Attack::Holders), 14 + HELD_BYTES);
        assert_eq!(first(Attack::Trickle), 14);
    }

    #[test]
    fn half_of_those_whose_messages_are_compressed_subscribe() {
        let path = |number| {
            Script::attack(Attack::Compress, number, &target(WS), "k")
                .target
                .path
        };
        let expected = ["/sub/hard-0", "/sub/hard-1", "/pub/hard-0", "/pub/hard-1"];
        assert_eq!([0, 1, 2, 3].map(path), expected);
    }
}
