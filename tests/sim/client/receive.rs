//! What a client receives.

use corecast::internals::Rng;
use corecast::{Kind, Position, Since};

use crate::client::frames::{RSV1, frame, server_frame, tcp_payload};
use crate::client::reader::Told;
use crate::client::{Client, Delivery, Place, Stage};
use crate::deflate;
use crate::ledger::{self, Book, Note};

impl Client {
    /// Takes bytes of the server; returns what it answers at once.
    pub(crate) fn take(&mut self, bytes: &[u8], book: &Book, rng: &mut Rng) -> Vec<u8> {
        let mut answers = Vec::new();
        self.inbox.extend_from_slice(bytes);
        let inbox = std::mem::take(&mut self.inbox);
        let mut rest = &inbox[..];
        loop {
            let taken = match (self.stage, self.place) {
                (Stage::Opening, Place::Tcp) => self.take_first_frame(rest, book),
                (Stage::Opening | Stage::Open, Place::Session) => {
                    self.take_reply_or_push(rest, book, &mut answers)
                }
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
            assert!(
                self.window.is_some() || !self.deflates,
                "it was not offered"
            );
            self.go_live(book);
            return end + 4;
        }
        let is_refused = head.contains("Content-Length: ");
        if status == 200 && self.place == Place::Events && !is_refused {
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

    pub(super) fn go_live(&mut self, book: &Book) {
        self.stage = Stage::Open;
        self.live_at = book.step;
    }

    fn take_tcp_frame(&mut self, bytes: &[u8], book: &Book) -> usize {
        let Some((payload, taken)) = tcp_payload(self.framing, bytes) else {
            return 0;
        };
        self.see(None, None, payload, book);
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
            deflate::inflate(payload, window.expect("it was not agreed on"))
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
                while self.pings.pop_front().expect("a pong without a ping") != id {}
            }
            _ => panic!("opcode {opcode}"),
        }
        end
    }

    fn take_data(&mut self, kind: Kind, payload: &[u8], book: &Book) {
        let (position, payload) = match self.positions {
            None => (None, payload),
            Some(_) => match take_line(kind, payload) {
                Ok(message) => message,
                Err(told) => return self.is_told(told, book),
            },
        };
        if Note::name(payload).is_some() {
            return self.see(None, Some(kind), payload, book);
        }
        match self.place {
            Place::Echo => {
                let sent = self.echoes.pop_front().expect("an echo of nothing");
                assert!(kind == Kind::Binary && sent == payload, "a wrong echo");
            }
            Place::Command if !payload.starts_with(b"M") && !payload.starts_with(b"H") => {
                self.take_reply(payload, book);
            }
            _ => self.see(position, Some(kind), payload, book),
        }
    }

    /// `+` or `-` and the index of the topic, which its name begins with.
    fn take_reply(&mut self, payload: &[u8], book: &Book) {
        let text = std::str::from_utf8(payload).expect("a text");
        let (sign, name) = text.split_at(1);
        let (name, since) = name.split_once(' ').unwrap_or((name, ""));
        let topic = topic_of_name(name);
        if let ("+", Some(orders)) = (sign, &book.places) {
            // It may have received more since then, of the subscription before this one.
            let source = self
                .asked_with
                .pop_front()
                .expect("an answer to no command");
            let since = match since {
                "" => Since::Default,
                since => Since::position(since),
            };
            if !self.subscribed[topic] {
                let orders = orders.all();
                self.readers[topic].ask(since, Some(&source), &orders[topic], 0);
            }
        }
        self.epochs[topic] += u32::from(sign == "-" && self.subscribed[topic]);
        self.subscribed[topic] = sign == "+";
    }

    /// The server says something about positions, and no message.
    pub(super) fn is_told(&mut self, told: Told, book: &Book) {
        let topic = self.told_of().expect("one that knows of positions");
        assert!(self.subscribed[topic], "{told:?} of topic {topic} unasked");
        let orders = book.places.as_ref().expect("topics with a history").all();
        self.readers[topic].take(told, &orders[topic]);
    }

    pub(super) fn see(
        &mut self,
        position: Option<Position>,
        kind: Option<Kind>,
        payload: &[u8],
        book: &Book,
    ) {
        if let Some(note) = Note::name(payload) {
            return self.notes.push(note);
        }
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
        if let Some(orders) = &book.places {
            let told = Told::Message(position, name);
            self.readers[topic].take(told, &orders.all()[topic]);
        }
        self.seen[topic].push(Delivery {
            name,
            epoch: self.epochs[topic],
            step: book.step,
        });
    }
}

/// The index that `t12:...` begins with.
pub(crate) fn topic_of_name(name: &str) -> usize {
    let (index, _) = name[1..].split_once(':').expect("a topic's name");
    index.parse().expect("an index")
}

/// Reads a message of `corecast.positions`; `Err`: it is no message.
fn take_line(kind: Kind, payload: &[u8]) -> Result<(Option<Position>, &[u8]), Told> {
    let read = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).expect("a position");
        text.parse().expect("a position")
    };
    if let Some(end) = payload.iter().position(|byte| *byte == b'\n') {
        let (line, message) = (&payload[..end], &payload[end + 1..]);
        return Ok(((!line.is_empty()).then(|| read(line)), message));
    }
    assert_eq!(kind, Kind::Text, "a line");
    match payload.strip_prefix(b"gap") {
        Some([]) => Err(Told::Gap(None)),
        Some(position) => Err(Told::Gap(Some(read(&position[1..])))),
        None => Err(Told::Position(read(payload))),
    }
}
