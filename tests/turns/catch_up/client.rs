//! Clients of a topic: what they must get.

use corecast::{ConnId, Position, Since};

/// What a client has read, and whether that is what it must have.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) shard: usize,
    pub(crate) id: ConnId,
    pub(crate) sock: i32,
    /// It reads events, chunked or not; otherwise WebSocket messages.
    pub(crate) events: Option<bool>,
    pub(crate) since: Since,
    /// What came and is no whole event yet.
    rest: Vec<u8>,
    is_open: bool,
    /// It gets the newest message of each key, and not all between them.
    pub(crate) is_keyed: bool,
    /// The stream has ended in order.
    pub(crate) is_over: bool,
    /// The last position that it knows.
    pub(crate) at: Option<Position>,
    /// Messages.
    pub(crate) got: Vec<(Option<Position>, u64)>,
    /// Where it stood before each gap, and after it.
    pub(crate) gaps: Vec<(Option<Position>, Position)>,
}

impl Client {
    pub(crate) fn new(
        shard: usize,
        id: ConnId,
        sock: i32,
        events: Option<bool>,
        since: Since,
    ) -> Self {
        let at = match since {
            Since::Position(position) => Some(position),
            Since::Default | Since::Foreign | Since::Last(_) | Since::Offset(_) => None,
        };
        Self {
            shard,
            id,
            sock,
            events,
            since,
            rest: Vec::new(),
            is_open: false,
            is_keyed: false,
            is_over: false,
            at,
            got: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// The request with which it comes.
    pub(crate) fn request(&self, topics: &str) -> String {
        let since = match self.since {
            Since::Default => "default".to_owned(),
            Since::Foreign => "foreign".to_owned(),
            Since::Last(count) => format!("last/{count}"),
            Since::Position(position) => position.to_string(),
            Since::Offset(offset) => panic!("no request names {offset} alone"),
        };
        match self.events {
            Some(chunked) => format!(
                "GET /{topics}/{since} HTTP/1.{}\r\nHost: a\r\n\r\n",
                u8::from(chunked)
            ),
            None => format!(
                "GET /{topics}/{since} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
                 Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            ),
        }
    }

    /// Whether it was told that it is connected.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Reads what was sent to it.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        if !self.is_open {
            let Some(end) = find(&self.rest, b"\r\n\r\n") else {
                return;
            };
            self.is_open = true;
            self.rest.drain(..end + 4);
        }
        while match self.events {
            Some(false) => self.take_event(),
            Some(true) => self.take_chunk(),
            None => self.take_frame(),
        } {}
    }

    fn take_event(&mut self) -> bool {
        let Some(end) = find(&self.rest, b"\n\n") else {
            return false;
        };
        let event: Vec<u8> = self.rest.drain(..end + 2).collect();
        self.note_event(&event);
        true
    }

    fn take_chunk(&mut self) -> bool {
        let Some(end) = find(&self.rest, b"\r\n") else {
            return false;
        };
        let len = std::str::from_utf8(&self.rest[..end]).unwrap();
        let len = usize::from_str_radix(len, 16).unwrap();
        if self.rest.len() < end + 2 + len + 2 {
            return false;
        }
        let chunk: Vec<u8> = self.rest.drain(..end + 2 + len + 2).collect();
        let chunk = &chunk[end + 2..end + 2 + len];
        if len == 0 {
            self.is_over = true;
            return false;
        }
        assert!(chunk.ends_with(b"\n"), "{chunk:?}");
        self.note_event(chunk);
        true
    }

    fn take_frame(&mut self) -> bool {
        let (start, len) = match self.rest[..] {
            [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
            [_, len @ 0..=125, ..] => (2, usize::from(len)),
            [_, 127..=255, ..] => panic!("a long frame"),
            _ => return false,
        };
        if self.rest.len() < start + len {
            return false;
        }
        assert_eq!(self.rest[0], 0x81, "a text");
        let frame: Vec<u8> = self.rest.drain(..start + len).collect();
        let number = number(std::str::from_utf8(&frame[start..]).unwrap());
        self.got.push((None, number));
        true
    }

    fn note_event(&mut self, event: &[u8]) {
        let event = std::str::from_utf8(event).unwrap();
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
        let Some(id) = field("id: ") else {
            let is_message = event.contains("data:");
            assert!(!is_message, "an event without a position: {event:?}");
            return;
        };
        let position: Position = id.parse().unwrap();
        match (field("event: "), field("data: ")) {
            (Some(kind), data) => {
                assert_eq!((kind, data), ("gap", Some(id)));
                self.gaps.push((self.at, position));
            }
            (None, Some(data)) => {
                self.follow(position);
                self.got.push((Some(position), number(data)));
            }
            (None, None) => {
                let is_same = self.at.is_none_or(|at| at == position);
                assert!(is_same, "it stands at {position}, not at {:?}", self.at);
            }
        }
        self.at = Some(position);
    }

    /// A message follows the last one of its epoch.
    fn follow(&self, position: Position) {
        let Some(at) = self.at else {
            return;
        };
        let next = if at.epoch == position.epoch {
            at.offset + 1
        } else {
            1
        };
        let is_next = position.offset == next || self.is_keyed && next < position.offset;
        assert!(is_next, "{position} after {at:?}: {self:?}");
    }
}

fn number(text: &str) -> u64 {
    text.trim_end_matches('.').parse().unwrap()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|bytes| bytes == what)
}
