//! What was published, as the clients began it and as the handlers saw it accepted.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use corecast::{ConnectionId, Deferred, Kind, Publisher};

use crate::order::Orders;
use crate::tokens::Revocation;

/// Shared by the clients, the handlers of all shards, and the checker.
pub(crate) type Ledger = Rc<RefCell<Book>>;

/// Everything published in one world.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) messages: Vec<Message>,
    /// Of topics with a history, in such a world.
    pub(crate) places: Option<Orders>,
    /// By topic with a room, what the room has passed on, in that order.
    pub(crate) orders: Vec<Vec<usize>>,
    /// Connections of which a room was told that they have joined, and not that they have left.
    pub(crate) present: HashSet<(usize, Publisher)>,
    /// Calls of `on_open` that returned `Ok`, and of `on_close`.
    pub(crate) opened: u64,
    pub(crate) closed: u64,
    /// Questions of handlers without an answer.
    pub(crate) questions: Vec<Deferred<bool>>,
    /// The users of connections.
    pub(crate) users: BTreeMap<ConnectionId, usize>,
    /// Messages to users.
    pub(crate) notes: Vec<Note>,
    /// Of tokens.
    pub(crate) revocations: Vec<Revocation>,
    /// Lists of connections that were asked for and not given.
    pub(crate) lists: Arc<AtomicUsize>,
    /// The step that the world is at.
    pub(crate) step: u64,
    /// The step at which the drain began, if it has.
    pub(crate) drained_at: Option<u64>,
}

/// One message; its index in the book is its name on the wire.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) topic: usize,
    /// The client that published it, or `None`: a handler did.
    pub(crate) publisher: Option<usize>,
    /// The step at which its publisher began.
    pub(crate) begun: u64,
    pub(crate) accepted: bool,
    /// When the server took it.
    pub(crate) accepted_at: u64,
}

/// One message to a user; its index in the book is its name.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) user: usize,
    /// The shard that sent it.
    pub(crate) sender: usize,
    /// The step at which it was sent.
    pub(crate) sent_at: u64,
}

impl Note {
    /// What is sent.
    pub(crate) fn text(name: usize) -> String {
        format!("N{name}")
    }

    /// The name of a note; `None`: it is another message.
    pub(crate) fn name(payload: &[u8]) -> Option<usize> {
        let text = std::str::from_utf8(payload).ok()?.strip_prefix('N')?;
        Some(text.parse().expect("a note"))
    }
}

/// Length of a message without filler.
pub(crate) const BARE_LEN: usize = 16;

impl Book {
    /// Of a world with so many topics.
    pub(crate) fn of(topics: usize) -> Self {
        let orders = vec![Vec::new(); topics];
        Self {
            orders,
            ..Self::default()
        }
    }

    /// Enters a message that is about to be published and returns its payload.
    pub(crate) fn begin(
        &mut self,
        topic: usize,
        publisher: Option<usize>,
        kind: Kind,
        filler: usize,
    ) -> Vec<u8> {
        let name = self.messages.len();
        self.messages.push(Message {
            topic,
            publisher,
            begun: self.step,
            accepted: false,
            accepted_at: 0,
        });
        encode(name, kind, filler)
    }

    /// A drain begins.
    pub(crate) fn begin_drain(&mut self) {
        self.drained_at = Some(self.step);
    }

    /// Notes that the server has taken a message.
    pub(crate) fn accept(&mut self, name: usize) {
        let message = &mut self.messages[name];
        assert!(!message.accepted, "message {name} was accepted twice");
        message.accepted = true;
        message.accepted_at = self.step;
    }
}

/// The payload of a message.
fn encode(name: usize, kind: Kind, filler: usize) -> Vec<u8> {
    let mark = if kind == Kind::Text { 'T' } else { 'B' };
    let mut payload = format!("M{mark}{name:07x}{filler:07x}").into_bytes();
    payload.extend((0..filler).map(|at| byte_at(name, at)));
    payload
}

/// What a room sends to a joiner: the names of all messages published before.
pub(crate) fn welcome(topic: usize, order: &[usize]) -> String {
    let names: Vec<String> = order.iter().map(usize::to_string).collect();
    format!("H{topic}:{}", names.join(","))
}

/// The topic and the names of a welcome; `None`: it is another message.
pub(crate) fn decode_welcome(payload: &[u8]) -> Option<(usize, Vec<usize>)> {
    let text = std::str::from_utf8(payload).ok()?.strip_prefix('H')?;
    let (topic, names) = text.split_once(':').expect("a welcome");
    let names = names.split(',').filter(|name| !name.is_empty());
    let names = names.map(|name| name.parse().expect("a name"));
    Some((topic.parse().expect("a topic"), names.collect()))
}

/// Reads a payload back and checks every byte of it.
pub(crate) fn decode(payload: &[u8]) -> Option<(usize, Kind)> {
    let text = std::str::from_utf8(payload.get(..BARE_LEN)?).ok()?;
    let kind = match text.get(..2)? {
        "MT" => Kind::Text,
        "MB" => Kind::Binary,
        _ => return None,
    };
    let name = usize::from_str_radix(&text[2..9], 16).ok()?;
    let filler = usize::from_str_radix(&text[9..], 16).ok()?;
    let rest = &payload[BARE_LEN..];
    let right = rest.len() == filler
        && rest
            .iter()
            .enumerate()
            .all(|(at, byte)| *byte == byte_at(name, at));
    right.then_some((name, kind))
}

fn byte_at(name: usize, at: usize) -> u8 {
    b'a' + u8::try_from((name + at) % 26).unwrap()
}
