//! What is sent: bytes that no client in its right mind would send.
//!
//! Every piece but a slow head is decided as soon as it is there: a server that waits for more is
//! waiting in vain.

use crate::client;
use crate::message::mix;
use crate::url::{Protocol, Target};

/// Pseudo-random numbers that a seed decides.
#[derive(Debug)]
pub(super) struct Dice {
    seed: u64,
    thrown: u64,
}

/// A way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mess {
    /// Bytes that begin no protocol.
    Random,
    /// The beginning of TLS.
    Hello,
    /// A head that breaks off with the end of the stream.
    HalfHead,
    /// A header line that is longer than any server should take.
    GiantLine,
    /// A frame against the rules, once the server has upgraded.
    WrongFrame,
}

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

impl Mess {
    /// The word for it in a report.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Random => "random bytes",
            Self::Hello => "TLS hello",
            Self::HalfHead => "half a head",
            Self::GiantLine => "giant header line",
            Self::WrongFrame => "wrong frame",
        }
    }

    /// Picks one that a target can be pestered with.
    pub(super) fn pick(target: &Target, dice: &mut Dice) -> Self {
        let any = [
            Self::Random,
            Self::Hello,
            Self::HalfHead,
            Self::GiantLine,
            Self::WrongFrame,
        ];
        let upgrades = target.protocol == Protocol::WebSocket && !target.tls;
        // A hello is what a port with TLS waits for, and its rest as well.
        let fits = |mess: &Self| match mess {
            Self::WrongFrame => upgrades,
            // Without a head there is none to break off: a client that says no more may still listen.
            Self::HalfHead => target.tls || upgrades,
            Self::Hello => !target.tls,
            _ => true,
        };
        let fitting: Vec<Self> = any.into_iter().filter(fits).collect();
        fitting[dice.index(fitting.len())]
    }

    /// What goes out first.
    pub(super) fn bytes(self, target: &Target, dice: &mut Dice) -> Vec<u8> {
        let mut head = client::upgrade_request(target, None, false);
        match self {
            Self::Random => {
                let len = 16 + dice.below(RANDOM_BYTES_MAX - 16);
                let mut bytes = dice.bytes(len);
                // Neither a letter nor a length that a server would wait for.
                bytes[0] |= 0x80;
                bytes
            }
            Self::Hello => hello(dice),
            Self::HalfHead => {
                head.truncate(1 + dice.index(head.len() - 1));
                head
            }
            Self::GiantLine => {
                head.truncate(head.len() - 2);
                head.extend_from_slice(b"X-Giant: ");
                head.resize(head.len() + GIANT_BYTES, b'a');
                head
            }
            Self::WrongFrame => head,
        }
    }
}

pub(super) fn wrong_frame(dice: &mut Dice) -> &'static [u8] {
    WRONG_FRAMES[dice.index(WRONG_FRAMES.len())]
}

/// What a slow head begins with; it goes on with `a` for ever.
pub(super) fn slow_start(target: &Target) -> Vec<u8> {
    match (target.tls, target.protocol) {
        // A record of 16 KiB, RFC 8446 5.1.
        (true, _) => b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03".to_vec(),
        // A message of 64 KiB.
        (false, Protocol::LengthPrefix) => 0x1_0000_u32.to_be_bytes().to_vec(),
        (false, Protocol::WebSocket) => {
            let mut head = client::upgrade_request(target, None, false);
            head.truncate(head.len() - 2);
            head.extend_from_slice(b"X-Slow: ");
            head
        }
    }
}

/// A hello with one cipher suite and no extension, RFC 5246 7.4.1.2.
fn hello(dice: &mut Dice) -> Vec<u8> {
    let mut hello = b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03".to_vec();
    hello.extend(dice.bytes(32));
    // No session, one suite, no compression.
    hello.extend_from_slice(b"\x00\x00\x02\xc0\x2f\x01\x00");
    hello
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::parse(url, "t").unwrap()
    }

    /// The first hundred pieces for a target.
    fn pieces(url: &str, seed: u64) -> Vec<(Mess, Vec<u8>)> {
        let (target, mut dice) = (target(url), Dice::new(seed, 0));
        let piece = |_| {
            let mess = Mess::pick(&target, &mut dice);
            (mess, mess.bytes(&target, &mut dice))
        };
        (0..100).map(piece).collect()
    }

    #[test]
    fn a_seed_decides_the_garbage() {
        let url = "ws://127.0.0.1:1/sub/a";
        assert_eq!(pieces(url, 1), pieces(url, 1));
        assert_ne!(pieces(url, 1), pieces(url, 2));
    }

    #[test]
    fn all_kinds_come_where_they_make_sense() {
        let kinds = |url: &str| {
            let mut kinds: Vec<Mess> = pieces(url, 3).into_iter().map(|(mess, _)| mess).collect();
            kinds.sort_unstable();
            kinds.dedup();
            kinds
        };
        assert_eq!(kinds("ws://127.0.0.1:1/sub/a").len(), 5);
        let tcp = kinds("tcp://127.0.0.1:1");
        assert_eq!(tcp.len(), 3);
        assert!(!tcp.contains(&Mess::WrongFrame) && !tcp.contains(&Mess::HalfHead));
        assert_eq!(kinds("wss://127.0.0.1:1/sub/a").len(), 3);
    }

    #[test]
    fn no_head_comes_to_its_end_but_that_of_an_upgrade() {
        for (mess, bytes) in pieces("ws://127.0.0.1:1/sub/a", 5) {
            let is_whole = bytes.windows(4).any(|four| four == b"\r\n\r\n");
            assert_eq!(is_whole, mess == Mess::WrongFrame, "{mess:?}");
        }
        let slow = slow_start(&target("ws://127.0.0.1:1/sub/a"));
        assert!(!slow.windows(4).any(|four| four == b"\r\n\r\n"));
    }

    #[test]
    fn a_hello_is_as_long_as_it_says() {
        let hello = hello(&mut Dice::new(1, 0));
        assert_eq!(hello.len(), 5 + usize::from(hello[4]));
        assert_eq!(hello.len(), 9 + usize::from(hello[8]));
    }
}
