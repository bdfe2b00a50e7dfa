//! A client: it makes and reads frames by itself, and remembers what it saw.

use std::collections::VecDeque;
use std::sync::Arc;

use corecast::internals::Rng;
use corecast::proto::Frames;
use corecast::{Framing, Kind};
use data_encoding::BASE64;

use crate::deflate;
use crate::ledger::{self, Book};
use crate::shard::Tcp;

/// The framings of TCP.
pub(crate) const FRAMINGS: [Framing; 3] = [Framing::LengthPrefix, Framing::Line, Framing::Varint];

/// Where a client connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp,
    Ws,
    Sub,
    Pub,
    Many,
    /// Server-sent events.
    Events,
    Echo,
    Command,
    /// Asks for a page.
    Page,
}

/// How far its connection is, as the client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Waits for the answer to its request, or for the first empty frame.
    Opening,
    Open,
    /// Had a close frame, or a whole answer that is no upgrade.
    Told(u16),
}

/// One message as a client saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) name: usize,
    /// How often the client had ended its subscription to the topic before.
    pub(crate) epoch: u32,
    pub(crate) step: u64,
}

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) place: Place,
    /// Of its bytes if it comes by TCP.
    pub(crate) framing: Framing,
    /// Subscribed to from the start to the end.
    pub(crate) topics: Vec<usize>,
    /// Never slow.
    pub(crate) healthy: bool,
    /// Sees the whole order of its topic.
    pub(crate) reference: bool,
    pub(crate) stalled: bool,
    /// It offers permessage-deflate, and has this window.
    pub(crate) window: Option<u8>,
    /// The server has agreed.
    deflates: bool,
    pub(crate) stage: Stage,
    pub(crate) opened_at: u64,
    pub(crate) live_at: u64,
    /// By topic, in the order of arrival.
    pub(crate) seen: Vec<Vec<Seen>>,
    /// By topic, what a room said had been published before, and how many messages of the topic
    /// the client had seen by then.
    pub(crate) welcomes: Vec<Vec<(usize, Vec<usize>)>>,
    subscribed: Vec<bool>,
    epochs: Vec<u32>,
    inbox: Vec<u8>,
    echoes: VecDeque<Vec<u8>>,
    pings: VecDeque<u32>,
    next_ping: u32,
    /// Frames it has still to publish or have echoed.
    pub(crate) todo: usize,
    /// It has said or done something that ends the connection.
    pub(crate) leaving: bool,
    /// It shut its side down, but listens on.
    pub(crate) half_closed: bool,
    /// It broke the connection, so that anything may be lost.
    pub(crate) rude: bool,
    /// The end of the server's stream, or a reset, has come.
    pub(crate) ended: bool,
}

impl Client {
    pub(crate) fn new(place: Place, topics: Vec<usize>, topic_count: usize) -> Self {
        let mut subscribed = vec![false; topic_count];
        for &topic in &topics {
            subscribed[topic] = true;
        }
        Self {
            place,
            framing: Framing::LengthPrefix,
            topics,
            healthy: true,
            reference: false,
            stalled: false,
            window: None,
            deflates: false,
            stage: Stage::Opening,
            opened_at: 0,
            live_at: u64::MAX,
            seen: vec![Vec::new(); topic_count],
            welcomes: vec![Vec::new(); topic_count],
            subscribed,
            epochs: vec![0; topic_count],
            inbox: Vec::new(),
            echoes: VecDeque::new(),
            pings: VecDeque::new(),
            next_ping: 0,
            todo: 0,
            leaving: false,
            half_closed: false,
            rude: false,
            ended: false,
        }
    }

    /// Whether it has what there is for it, once all has come to rest.
    pub(crate) fn keeps_up(&self) -> bool {
        self.stays() && !self.stalled
    }

    /// Whether it is connected and means to stay so.
    pub(crate) fn stays(&self) -> bool {
        self.stage == Stage::Open && !self.leaving && !self.ended
    }

    /// The listener that it comes to.
    pub(crate) fn listener(&self, names: &[String]) -> Tcp {
        let topic = Arc::from(names[self.topics[0]].as_str());
        let frames = Frames {
            framing: self.framing,
            ..Frames::default()
        };
        Tcp { topic, frames }
    }

    /// What it sends first.
    pub(crate) fn greeting(&self, names: &[String]) -> Vec<u8> {
        let topics: Vec<&str> = self.topics.iter().map(|&topic| &*names[topic]).collect();
        let topics = topics.join(",");
        let path = match self.place {
            Place::Tcp => return Vec::new(),
            Place::Page => return b"GET /page HTTP/1.1\r\nHost: sim\r\n\r\n".to_vec(),
            Place::Events => {
                let minor = u8::from(self.has_chunks());
                let request = format!("GET /sse/{topics} HTTP/1.{minor}\r\nHost: sim\r\n\r\n");
                return request.into_bytes();
            }
            Place::Ws => format!("/ws/{topics}"),
            Place::Sub => format!("/sub/{topics}"),
            Place::Many => format!("/many/{topics}"),
            Place::Pub => "/pub".to_owned(),
            Place::Echo => "/echo".to_owned(),
            Place::Command => "/cmd".to_owned(),
        };
        let offer = deflate::offer(self.window);
        format!(
            "GET {path} HTTP/1.1\r\nHost: sim\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{offer}\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .into_bytes()
    }

    /// The bytes of one message, perhaps in several frames.
    pub(crate) fn message(&self, kind: Kind, payload: &[u8], rng: &mut Rng) -> Vec<u8> {
        let mut out = Vec::new();
        if self.place == Place::Tcp {
            tcp_frame(&mut out, self.framing, payload);
            return out;
        }
        let opcode = if kind == Kind::Text { 1 } else { 2 };
        let compressed = (self.deflates && rng.below(2) == 0).then(|| deflate::deflate(payload));
        let opcode = opcode | if compressed.is_some() { RSV1 } else { 0 };
        let payload = compressed.as_deref().unwrap_or(payload);
        let cut = match rng.below(4) {
            0 => rng.below(payload.len() + 1),
            _ => payload.len(),
        };
        let (first, rest) = payload.split_at(cut);
        if rest.is_empty() {
            frame(&mut out, 0x80 | opcode, first, rng);
        } else {
            frame(&mut out, opcode, first, rng);
            frame(&mut out, 0x80, rest, rng);
        }
        out
    }

    /// A message that is to come back.
    pub(crate) fn echo(&mut self, payload: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
        let out = self.message(Kind::Binary, &payload, rng);
        self.echoes.push_back(payload);
        out
    }

    pub(crate) fn ping(&mut self, rng: &mut Rng) -> Vec<u8> {
        let mut out = Vec::new();
        frame(&mut out, 0x89, &self.next_ping.to_be_bytes(), rng);
        self.pings.push_back(self.next_ping);
        self.next_ping += 1;
        out
    }

    pub(crate) fn close(&self, rng: &mut Rng) -> Vec<u8> {
        let mut out = Vec::new();
        frame(&mut out, 0x88, &1000_u16.to_be_bytes(), rng);
        out
    }

    /// Whether it was told that it is subscribed.
    pub(crate) fn is_subscribed(&self, topic: usize) -> bool {
        self.subscribed[topic]
    }

    /// Echoes and pongs that it has not had.
    pub(crate) fn awaited(&self) -> (usize, usize) {
        (self.echoes.len(), self.pings.len())
    }

    pub(crate) fn is_mid_frame(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// Takes bytes of the server; returns what it answers at once.
    pub(crate) fn take(&mut self, bytes: &[u8], book: &Book, rng: &mut Rng) -> Vec<u8> {
        let mut answers = Vec::new();
        self.inbox.extend_from_slice(bytes);
        let inbox = std::mem::take(&mut self.inbox);
        let mut rest = &inbox[..];
        loop {
            let taken = match (self.stage, self.place) {
                (Stage::Opening, Place::Tcp) => self.take_first_frame(rest, book),
                (Stage::Opening, _) => self.take_answer(rest, book),
                (Stage::Open, Place::Tcp) => self.take_tcp_frame(rest, book),
                (Stage::Open, Place::Events) => self.take_part(rest, book),
                (Stage::Open, _) => self.take_websocket(rest, book, rng, &mut answers),
                (Stage::Told(code), _) => {
                    assert!(
                        rest.is_empty(),
                        "bytes after the last word ({code}): {rest:?}"
                    );
                    0
                }
            };
            if taken == 0 {
                break;
            }
            rest = &rest[taken..];
        }
        self.inbox = rest.to_vec();
        answers
    }

    fn take_first_frame(&mut self, bytes: &[u8], book: &Book) -> usize {
        let Some((first, taken)) = tcp_payload(self.framing, bytes) else {
            return 0;
        };
        assert_eq!(first, b"", "the first frame is empty");
        self.go_live(book);
        taken
    }

    fn take_answer(&mut self, bytes: &[u8], book: &Book) -> usize {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return 0;
        };
        let head = std::str::from_utf8(&bytes[..end]).expect("an ASCII head");
        let status: u16 = head["HTTP/1.1 ".len()..][..3].parse().expect("a status");
        if status == 101 {
            assert!(
                head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
                "the key's answer"
            );
            self.deflates = head.contains("permessage-deflate");
            assert!(self.window.is_some() || !self.deflates, "nobody asked");
            self.go_live(book);
            return end + 4;
        }
        if status == 200 && self.place == Place::Events {
            self.go_live(book);
            return end + 4;
        }
        let len = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .expect("a length");
        let whole = end + 4 + len.parse::<usize>().expect("a number");
        if bytes.len() < whole {
            return 0;
        }
        self.stage = Stage::Told(status);
        whole
    }

    /// Whether its stream comes in chunks; the others speak HTTP/1.0.
    fn has_chunks(&self) -> bool {
        self.topics[0].is_multiple_of(2)
    }

    /// A chunk with an event, or one alone; or the last, which is empty.
    fn take_part(&mut self, bytes: &[u8], book: &Book) -> usize {
        if !self.has_chunks() {
            return self.take_event(bytes, book);
        }
        let Some(start) = bytes.windows(2).position(|window| window == b"\r\n") else {
            return 0;
        };
        let size = std::str::from_utf8(&bytes[..start]).expect("a size");
        let len = usize::from_str_radix(size, 16).expect("a size");
        let (start, end) = (start + 2, start + 2 + len);
        if bytes.len() < end + 2 {
            return 0;
        }
        assert_eq!(&bytes[end..][..2], b"\r\n", "the end of a chunk");
        if len != 0 {
            let taken = self.take_event(&bytes[start..end], book);
            assert_eq!(taken, len, "one event in a chunk");
        }
        end + 2
    }

    /// An event, or a comment that says that nothing was published.
    fn take_event(&mut self, bytes: &[u8], book: &Book) -> usize {
        let Some(end) = bytes.windows(2).position(|window| window == b"\n\n") else {
            return 0;
        };
        let event = std::str::from_utf8(&bytes[..end]).expect("a text");
        if let Some(encoded) = event.strip_prefix("event: binary\ndata: ") {
            let payload = BASE64.decode(encoded.as_bytes()).expect("base64");
            self.see(Some(Kind::Binary), &payload, book);
        } else if let Some(text) = event.strip_prefix("data: ") {
            self.see(Some(Kind::Text), text.as_bytes(), book);
        } else {
            let is_opening = event.starts_with(":\nretry: ");
            assert!(event == ":" || is_opening, "{event}");
        }
        end + 2
    }

    /// Whether its protocol says neither ping nor goodbye.
    pub(crate) fn has_no_words(&self) -> bool {
        matches!(self.place, Place::Tcp | Place::Events)
    }

    fn go_live(&mut self, book: &Book) {
        self.stage = Stage::Open;
        self.live_at = book.step;
    }

    fn take_tcp_frame(&mut self, bytes: &[u8], book: &Book) -> usize {
        let Some((payload, taken)) = tcp_payload(self.framing, bytes) else {
            return 0;
        };
        self.see(None, payload, book);
        taken
    }

    fn take_websocket(
        &mut self,
        bytes: &[u8],
        book: &Book,
        rng: &mut Rng,
        answers: &mut Vec<u8>,
    ) -> usize {
        let Some((opcode, start, end)) = server_frame(bytes) else {
            return 0;
        };
        let Some(payload) = bytes.get(start..end) else {
            return 0;
        };
        let inflated = (opcode & RSV1 != 0).then(|| {
            let window = self.window.filter(|_| self.deflates);
            deflate::inflate(payload, window.expect("nobody agreed"))
        });
        let payload = inflated.as_deref().unwrap_or(payload);
        match opcode & !RSV1 {
            1 => self.take_data(Kind::Text, payload, book),
            2 => self.take_data(Kind::Binary, payload, book),
            8 => {
                let code = payload
                    .first_chunk()
                    .map_or(1005, |code| u16::from_be_bytes(*code));
                self.stage = Stage::Told(code);
            }
            9 => frame(answers, 0x8a, payload, rng),
            10 => {
                let id = u32::from_be_bytes(payload.try_into().expect("our ping's payload"));
                // One is left out while too many replies are unsent.
                while self.pings.pop_front().expect("a pong nobody asked for") != id {}
            }
            _ => panic!("opcode {opcode}"),
        }
        end
    }

    fn take_data(&mut self, kind: Kind, payload: &[u8], book: &Book) {
        match self.place {
            Place::Echo => {
                let sent = self.echoes.pop_front().expect("an echo of nothing");
                assert!(kind == Kind::Binary && sent == payload, "a wrong echo");
            }
            Place::Command if !payload.starts_with(b"M") && !payload.starts_with(b"H") => {
                self.take_reply(payload);
            }
            _ => self.see(Some(kind), payload, book),
        }
    }

    /// `+` or `-` and the index of the topic, which its name begins with.
    fn take_reply(&mut self, payload: &[u8]) {
        let text = std::str::from_utf8(payload).expect("a text");
        let (sign, name) = text.split_at(1);
        let topic = topic_of_name(name);
        self.epochs[topic] += u32::from(sign == "-" && self.subscribed[topic]);
        self.subscribed[topic] = sign == "+";
    }

    fn see(&mut self, kind: Option<Kind>, payload: &[u8], book: &Book) {
        if let Some((topic, names)) = ledger::decode_welcome(payload) {
            let seen = self.seen[topic].len();
            return self.welcomes[topic].push((seen, names));
        }
        let (name, said) = ledger::decode(payload).expect("a damaged message");
        assert!(
            kind.is_none_or(|kind| kind == said),
            "the kind of message {name}"
        );
        let topic = book.messages[name].topic;
        assert!(
            self.subscribed[topic],
            "message {name} of topic {topic} unasked"
        );
        self.seen[topic].push(Seen {
            name,
            epoch: self.epochs[topic],
            step: book.step,
        });
    }
}

/// The index that `t12-...` begins with.
pub(crate) fn topic_of_name(name: &str) -> usize {
    let (index, _) = name[1..].split_once('-').expect("a topic's name");
    index.parse().expect("an index")
}

/// That a message is compressed.
const RSV1: u8 = 0x40;

/// Opcode with `RSV1`, and where the payload begins and ends, of a frame that a server may send.
fn server_frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let [first, second, rest @ ..] = bytes else {
        return None;
    };
    let may_be_set = if first & 0x0f < 3 { RSV1 } else { 0 };
    let flags = first & 0xf0 & !may_be_set;
    assert_eq!(
        flags, 0x80,
        "a whole frame without other bits than that of its compression"
    );
    assert_eq!(second & 0x80, 0, "an unmasked frame");
    let (start, len) = match second {
        126 => (4, u64::from(u16::from_be_bytes(*rest.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*rest.first_chunk()?)),
        len => (2, u64::from(*len)),
    };
    let shortest = match len {
        0..126 => 2,
        126..0x1_0000 => 4,
        _ => 10,
    };
    assert_eq!(start, shortest, "the shortest header for {len} bytes");
    let len = usize::try_from(len).unwrap();
    Some((first & (0x0f | RSV1), start, start + len))
}

/// The payload of a server's frame on TCP, and the bytes it takes.
fn tcp_payload(framing: Framing, bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (start, len, end) = match framing {
        Framing::LengthPrefix => (4, u32::from_be_bytes(*bytes.first_chunk()?), 0),
        Framing::Line => {
            let len = bytes.iter().position(|byte| *byte == b'\n')?;
            (0, u32::try_from(len).unwrap(), 1)
        }
        Framing::Varint => {
            let last = bytes.iter().position(|byte| *byte < 0x80)?;
            let digits = bytes[..=last].iter().rev();
            let len = digits.fold(0, |len, byte| len << 7 | u32::from(byte & 0x7f));
            (last + 1, len, 0)
        }
    };
    let stop = start + usize::try_from(len).unwrap();
    Some((bytes.get(start..stop)?, stop + end))
}

/// Appends a frame on TCP.
fn tcp_frame(out: &mut Vec<u8>, framing: Framing, payload: &[u8]) {
    let len = u32::try_from(payload.len()).unwrap();
    match framing {
        Framing::LengthPrefix => out.extend(len.to_be_bytes()),
        Framing::Line => {}
        Framing::Varint => {
            let digits = (0..5)
                .map(|at| len >> (7 * at))
                .take_while(|rest| *rest != 0);
            let digits: Vec<u32> = digits.collect();
            for (at, rest) in digits.iter().enumerate() {
                let more = if at + 1 < digits.len() { 0x80 } else { 0 };
                out.push(u8::try_from(rest & 0x7f).unwrap() | more);
            }
        }
    }
    out.extend_from_slice(payload);
    if framing == Framing::Line {
        // A carriage return before it is no part of the message.
        out.extend(if len % 2 == 0 { &b"\n"[..] } else { b"\r\n" });
    }
}

/// Appends a masked frame.
fn frame(out: &mut Vec<u8>, first: u8, payload: &[u8], rng: &mut Rng) {
    out.push(first);
    match payload.len() {
        len @ 0..126 => out.push(0x80 | u8::try_from(len).unwrap()),
        len @ 126..0x1_0000 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    let mask: [u8; 4] = std::array::from_fn(|_| rng.byte());
    out.extend_from_slice(&mask);
    out.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
}
