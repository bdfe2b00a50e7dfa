//! What passes between the homes of topics and a backplane, the engine that several servers share.
//!
//! The engine sets the order of a shared topic in place of its home. Each home is given that order
//! whole: the backplane reads again what its connection has lost, before it passes on what came
//! after.

use crate::config::HistorySettings;
use crate::handler::{Extras, HistoryReply, Publisher};
use crate::payload::Payload;
use crate::position::Position;
use crate::shard::mail::Weigh;
use crate::topic::Topic;
use crate::topic::history::Kept;

/// From the home of a topic to the backplane.
#[derive(Debug)]
pub enum Outward {
    /// To be put into the topic's order.
    Publish(Box<Outbound>),
    /// The home wants the topic's messages from now on; answered with [`Inward::Attached`].
    Attach {
        /// The topic.
        topic: Topic,
        /// Comes back with the answer and with all that follows it. A later one replaces it.
        ticket: u32,
        /// What the topic's ring is kept by; `None`: it has no history.
        history: Option<HistorySettings>,
        /// The newest position that the home has; `None`: it has no ring of the topic.
        since: Option<Position>,
    },
    /// The home wants them no more; not answered.
    Detach {
        /// The topic.
        topic: Topic,
        /// That of its `Attach`.
        ticket: u32,
    },
    /// The messages of the topic's history are to be removed, on all servers.
    RemoveHistory {
        /// The topic.
        topic: Topic,
        /// Takes its position.
        reply: HistoryReply,
    },
}

/// A message on its way to the engine.
#[derive(Debug)]
pub struct Outbound {
    /// The topic.
    pub topic: Topic,
    /// The message.
    pub payload: Payload,
    /// The connection of this server that has published it and does not get it.
    pub excluded: Option<Publisher>,
    /// What few have: its publisher's key, what is told with it, and what takes its position. Told
    /// when the engine has ordered it; dropped if the engine has not.
    pub extras: Option<Box<Extras>>,
    /// What the topic keeps; `None`: it has no history, and its messages have no position.
    pub history: Option<HistorySettings>,
}

/// From the backplane to the home of a topic, in the topic's order.
#[derive(Debug)]
pub enum Inward {
    /// The topic's messages follow from here on. What the home does not have of its history comes
    /// with this.
    Attached {
        /// The topic.
        topic: Topic,
        /// That of its `Attach`.
        ticket: u32,
        /// `None`: the topic has no history.
        fill: Option<Fill>,
    },
    /// The topic's next message.
    Message(Box<Arrival>),
    /// What follows the last message of the home, with messages that cannot be had any more in
    /// between, or in another epoch.
    Refill {
        /// The topic.
        topic: Topic,
        /// That of its `Attach`.
        ticket: u32,
        /// What is there.
        fill: Fill,
    },
    /// The messages of the topic's history are gone; its position stays.
    Removed {
        /// The topic.
        topic: Topic,
        /// That of its `Attach`.
        ticket: u32,
    },
}

/// A message out of the engine.
#[derive(Debug)]
pub struct Arrival {
    /// The topic.
    pub topic: Topic,
    /// That of its `Attach`.
    pub ticket: u32,
    /// Its place, if the topic has a history: the one after the last.
    pub position: Option<Position>,
    /// The message.
    pub message: Kept,
    /// The history does not keep it.
    pub skips_history: bool,
    /// The connection of this server that has published it and does not get it.
    pub excluded: Option<Publisher>,
}

/// Messages of a topic's history.
#[derive(Debug)]
pub struct Fill {
    /// The position of the newest message, or before the first.
    pub top: Position,
    /// In their order, the last at `top` unless that is not kept. Each is newer than what the home
    /// has.
    pub entries: Vec<Kept>,
    /// They go on from what the home has: all after `since` are there.
    pub is_whole: bool,
}

impl Outbound {
    /// The message, as a history keeps it at this offset.
    pub fn kept(&self, offset: u64) -> Kept {
        let extras = self.extras.as_ref();
        Kept {
            offset,
            payload: self.payload.clone(),
            extra: extras.and_then(|extras| extras.extra.clone()),
        }
    }

    /// Whether the history is not to keep it.
    pub fn skips_history(&self) -> bool {
        let extras = self.extras.as_ref();
        extras.is_some_and(|extras| extras.skips_history)
    }

    /// Its publisher's key: of the messages of a topic with the same key, the first is ordered.
    pub fn once(&self) -> Option<&str> {
        self.extras.as_ref()?.once_text.as_deref()
    }

    /// Tells its publisher, if that has asked, that it has this place.
    pub fn tell(&mut self, position: Option<Position>) {
        if let Some(extras) = &mut self.extras {
            extras.tell(position);
        }
    }
}

impl Weigh for Outward {
    fn weight(&self) -> usize {
        match self {
            Self::Publish(outbound) => {
                let extras = outbound.extras.as_ref();
                let extras = extras.map_or(0, |extras| extras.weight());
                outbound.payload.bytes.len() + extras
            }
            Self::Attach { .. } | Self::Detach { .. } | Self::RemoveHistory { .. } => 0,
        }
    }
}

impl Inward {
    /// The topic that it is about.
    pub fn topic(&self) -> &Topic {
        match self {
            Self::Message(arrival) => &arrival.topic,
            Self::Attached { topic, .. }
            | Self::Refill { topic, .. }
            | Self::Removed { topic, .. } => topic,
        }
    }
}

impl Weigh for Inward {
    fn weight(&self) -> usize {
        match self {
            Self::Message(arrival) => weight_of(&arrival.message),
            Self::Attached { fill, .. } => fill.as_ref().map_or(0, Fill::weight),
            Self::Refill { fill, .. } => fill.weight(),
            Self::Removed { .. } => 0,
        }
    }
}

impl Fill {
    fn weight(&self) -> usize {
        self.entries.iter().map(weight_of).sum()
    }
}

fn weight_of(message: &Kept) -> usize {
    let extra = message.extra.as_ref().map_or(0, |extra| extra.weight());
    message.payload.bytes.len() + extra
}
