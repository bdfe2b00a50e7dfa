//! What a client sends.

use corecast::internals::Rng;
use corecast::proto::Frames;
use corecast::{Kind, Since, Topic};

use crate::client::frames::{RSV1, frame, tcp_frame};
use crate::client::{Client, Place};
use crate::deflate;
use crate::shard::Tcp;
use crate::tokens::Token;

impl Client {
    /// The listener that it comes to.
    pub(crate) fn listener(&self, names: &[Topic]) -> Tcp {
        let topic = names[self.topics[0]].clone();
        let frames = Frames {
            framing: self.framing,
            asks: self.token.is_some(),
            last: match self.since {
                Since::Last(count) => count,
                _ => 0,
            },
            ..Frames::default()
        };
        let is_of_sessions = self.place == Place::Session;
        Tcp {
            topic,
            frames,
            is_of_sessions,
        }
    }

    /// As what it subscribes to a topic.
    pub(crate) fn name(&self, topic: usize, names: &[Topic]) -> String {
        match self.by_pattern {
            true => format!("t{topic}:+"),
            false => names[topic].name().to_owned(),
        }
    }

    /// What it sends first.
    pub(crate) fn greeting(&mut self, names: &[Topic]) -> Vec<u8> {
        if self.place == Place::Session {
            return self.session.greeting(&names[self.topics[0]], self.since);
        }
        let topics = self.topics.iter().map(|&topic| self.name(topic, names));
        let topics: Vec<String> = topics.collect();
        let topics = match self.has_one_pattern() {
            true => "+".to_owned(),
            false => topics.join(","),
        };
        let token = self.token.map(Token::text);
        let field = token
            .as_ref()
            .map(|token| format!("Authorization: Bearer {token}\r\n"));
        let field = field.unwrap_or_default();
        let (query, last_id) = self.asks_for();
        let path = match self.place {
            Place::Tcp => {
                let mut first = Vec::new();
                if let Some(token) = token {
                    tcp_frame(&mut first, self.framing, token.as_bytes());
                }
                return first;
            }
            Place::Page => return b"GET /page HTTP/1.1\r\nHost: sim\r\n\r\n".to_vec(),
            Place::Events => {
                let minor = u8::from(self.has_chunks());
                let request = format!(
                    "GET /sse/{topics}{query} HTTP/1.{minor}\r\nHost: sim\r\n{last_id}{field}\r\n"
                );
                return request.into_bytes();
            }
            Place::Ws => format!("/ws/{topics}{query}"),
            Place::Sub => format!("/sub/{topics}{query}"),
            Place::Many => format!("/many/{topics}{query}"),
            Place::Pub => "/pub".to_owned(),
            Place::Echo => "/echo".to_owned(),
            Place::Command => "/cmd".to_owned(),
            Place::Session => unreachable!("it has no path"),
        };
        let mut offer = deflate::offer(self.window);
        if self.positions.is_some() {
            offer += "Sec-WebSocket-Protocol: corecast.positions\r\n";
        }
        format!(
            "GET {path} HTTP/1.1\r\nHost: sim\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             {offer}{field}{last_id}Sec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .into_bytes()
    }

    /// Query and field that say what it asks for of its topics' history.
    fn asks_for(&self) -> (String, String) {
        match (self.since, self.place) {
            (Since::Default | Since::Offset(_), _) => (String::new(), String::new()),
            (Since::Last(count), _) => (format!("?last={count}"), String::new()),
            (Since::Foreign, _) => (String::new(), "Last-Event-ID: 7\r\n".to_owned()),
            (Since::Position(position), Place::Events) if position.offset % 2 == 0 => {
                (String::new(), format!("Last-Event-ID: {position}\r\n"))
            }
            (Since::Position(position), _) => (format!("?since={position}"), String::new()),
        }
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
}
