//! A client: it makes and reads frames by itself, and remembers what it saw.

mod events;
mod frames;
pub(crate) mod reader;
mod receive;
mod send;
mod session;

use std::collections::VecDeque;

use corecast::{Framing, Since};

use crate::client::reader::Reader;
use crate::client::session::Session;
use crate::tokens::Token;

/// The framings of TCP.
pub(crate) const FRAMINGS: [Framing; 3] = [Framing::LengthPrefix, Framing::Line, Framing::Varint];

/// Where a client connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Tcp,
    Ws,
    Sub,
    Pub,
    Many,
    /// Server-sent events.
    Events,
    /// A session with a subscription that has deltas.
    Session,
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
pub(crate) struct Delivery {
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
    /// What it shows when it connects, where that is asked.
    pub(crate) token: Option<Token>,
    /// Subscribed to from the start to the end.
    pub(crate) topics: Vec<usize>,
    /// It subscribes to patterns: one for all topics if it wants all, and else one for each.
    pub(crate) by_pattern: bool,
    /// It offers `corecast.positions`, and subscribes to this topic alone.
    pub(crate) positions: Option<usize>,
    /// What it asks for of its topics' history.
    pub(crate) since: Since,
    /// By topic, what it has of those with a history.
    pub(crate) readers: Vec<Reader>,
    /// What it had when it sent each command to subscribe that is not answered yet.
    pub(crate) asked_with: VecDeque<Reader>,
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
    pub(crate) seen: Vec<Vec<Delivery>>,
    /// By topic, what a room said had been published before, and how many messages of the topic
    /// the client had seen by then.
    pub(crate) welcomes: Vec<Vec<(usize, Vec<usize>)>>,
    /// What its user was sent, in the order of arrival.
    pub(crate) notes: Vec<usize>,
    session: Session,
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
            token: None,
            topics,
            by_pattern: false,
            positions: None,
            since: Since::Default,
            readers: Vec::new(),
            asked_with: VecDeque::new(),
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
            notes: Vec::new(),
            session: Session::default(),
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

    /// Whether its stream comes in chunks; the others speak HTTP/1.0.
    fn has_chunks(&self) -> bool {
        self.topics[0].is_multiple_of(2)
    }

    /// The only topic of which it is told positions.
    pub(crate) fn told_of(&self) -> Option<usize> {
        match self.place {
            Place::Events | Place::Session => Some(self.topics[0]),
            _ => self.positions,
        }
    }

    /// Whether it is subscribed to one pattern for all topics.
    pub(crate) fn has_one_pattern(&self) -> bool {
        self.by_pattern && 1 < self.topics.len() && self.topics.len() == self.seen.len()
    }

    /// Whether it says neither ping nor goodbye.
    pub(crate) fn has_no_words(&self) -> bool {
        matches!(self.place, Place::Tcp | Place::Events | Place::Session)
    }
}
