//! What shards say to each other, and what waits to be sent.

mod backplane;
mod census;
mod joins;
#[cfg_attr(
    not(feature = "admin"),
    expect(dead_code, reason = "only the admin port looks")
)]
mod look;
mod matched;
mod outgoing;
mod publication;
mod questions;
#[cfg_attr(
    not(feature = "admin"),
    expect(dead_code, reason = "only the admin port follows")
)]
mod trace;
mod users;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::id::{ConnId, ConnectionId, ShardId, TopicKey};
use crate::payload::{Extra, Payload};
use crate::position::Position;
pub use crate::shard::mail::backplane::{Arrival, Fill, Inward, Outbound, Outward};
pub use crate::shard::mail::census::CensusScan;
pub(crate) use crate::shard::mail::census::CensusSum;
pub use crate::shard::mail::joins::{Announced, Join, Joined, Presence};
pub(crate) use crate::shard::mail::look::{
    ConnectionFilter, ConnectionRow, Seen, Subject, TopicQuery, TopicRow,
};
pub use crate::shard::mail::look::{Inquiry, Look};
pub use crate::shard::mail::matched::Matched;
pub use crate::shard::mail::outgoing::{Outgoing, Space};
pub use crate::shard::mail::publication::{Origin, Publication};
pub(crate) use crate::shard::mail::questions::Ask;
pub use crate::shard::mail::questions::Question;
pub(crate) use crate::shard::mail::trace::{
    Happening, Sample, TraceBatch, TraceEvent, TraceSink, TraceSubject,
};
pub use crate::shard::mail::trace::{Trace, TraceOrder};
pub(crate) use crate::shard::mail::users::{Survey, UserAct};
pub use crate::shard::mail::users::{UserCommand, UserOrder};
use crate::time::Micros;
use crate::topic::Topic;
use crate::topic::home::Interest;
use crate::user::UserHash;

/// To the home shard of a topic or a user, or the shard of a connection, from any shard or thread.
#[derive(Debug)]
pub enum ToHome {
    /// Put this message in the topic's order.
    Publish(Publication),
    /// This shard has subscribers now; to be answered with [`FromHome::Live`].
    Want {
        /// The topic.
        topic: Topic,
        /// The shard that asks.
        interest: Interest,
    },
    /// A connection has joined or left, of which the topic's room is to be told.
    Presence {
        /// The topic.
        topic: Topic,
        /// Which, and what it did.
        presence: Presence,
    },
    /// This shard has no subscribers any more.
    Unwant {
        /// The topic.
        topic: Topic,
        /// The shard that asked before.
        interest: Interest,
    },
    /// A user has one connection more; to be answered with [`FromHome::Entered`].
    Enter {
        /// The user.
        user: UserHash,
        /// The connection.
        conn: ConnectionId,
    },
    /// A connection of a user has ended.
    Leave {
        /// The user.
        user: UserHash,
        /// The connection.
        conn: ConnectionId,
    },
    /// Something is to be done with connections of a user.
    Command(UserCommand),
    /// A request has brought commands for the session of a connection.
    Commands {
        /// The connection.
        conn: ConnId,
        /// As they came.
        commands: Box<[u8]>,
    },
    /// Something is asked of the home of a topic.
    Ask(Box<Question>),
    /// All shards are asked what they have.
    Census(Box<CensusScan>),
    /// An operator asks something.
    Operator(Inquiry),
    /// This shard has published what it had taken before this round of a barrier.
    Published {
        /// Which shard.
        shard: ShardId,
        /// The round.
        round: u8,
    },
}

/// From the home shard of a topic to a shard that wants it, or a pattern that matches. In the
/// topic's order.
#[derive(Clone, Debug)]
pub enum FromHome {
    /// What is published from here on follows.
    Live {
        /// Key of the topic on the receiving shard.
        key: TopicKey,
        /// Its generation.
        generation: u32,
        /// Its room is told of joins.
        joins: bool,
    },
    /// A connection has joined: what is published from here on follows for it, too, unless there is
    /// more of the history to ask for before.
    Joined {
        /// The connection on the receiving shard.
        conn: ConnId,
        /// The answer.
        joined: Joined,
    },
    /// The topic's next message.
    Deliver {
        /// Key of the topic on the receiving shard.
        key: TopicKey,
        /// Its generation.
        generation: u32,
        /// Its place, if the topic has a history.
        position: Option<Position>,
        /// The message.
        payload: Payload,
        /// What few have.
        extra: Option<Arc<Extra>>,
        /// The connection on the receiving shard that has published it and does not get it.
        excluded: Option<ConnId>,
        /// When it got its place in the order.
        ordered_at: Micros,
    },
    /// Messages of the topic are missing here, or what follows is of another epoch: subscribers
    /// that are told positions are to be told.
    Lost {
        /// Key of the topic on the receiving shard.
        key: TopicKey,
        /// Its generation.
        generation: u32,
    },
    /// The next message of a topic that patterns match.
    Matched(Box<Matched>),
    /// Something has happened to a client of the topic.
    Event(Announced),
    /// A message of a topic's room for one connection.
    Send {
        /// The connection on the receiving shard.
        conn: ConnId,
        /// The message.
        payload: Payload,
        /// It must not be left out: the connection has joined, and this is what went before.
        is_welcome: bool,
    },
    /// The home of its user counts a connection, or refuses it.
    Entered {
        /// The connection on the receiving shard.
        conn: ConnId,
        /// The user has too many.
        is_refused: bool,
    },
    /// The home of its user does not count a connection any more: there is a newer one.
    Displaced {
        /// The connection on the receiving shard.
        conn: ConnId,
    },
    /// Something is to be done with connections of a user.
    Order(UserOrder),
    /// All that the home was given before this round of a barrier has been passed on.
    Passed {
        /// Which home.
        home: ShardId,
        /// The round.
        round: u8,
    },
}

/// Mail that counts against the bytes of its lane.
pub trait Weigh {
    /// Bytes of payload it carries.
    fn weight(&self) -> usize;
}

impl Weigh for ToHome {
    fn weight(&self) -> usize {
        match self {
            Self::Publish(publication) => publication.weight(),
            Self::Command(command) => command.weight(),
            Self::Commands { commands, .. } => commands.len(),
            Self::Want { .. } | Self::Unwant { .. } | Self::Published { .. } => 0,
            Self::Enter { .. } | Self::Leave { .. } | Self::Ask(_) => 0,
            Self::Census(_) | Self::Operator(_) => 0,
            Self::Presence { presence, .. } => match presence {
                Presence::Join(join) => {
                    let info = join.info.as_ref().map_or(0, |info| info.weight());
                    join.tag.len() + info
                }
                Presence::Leave { .. } => 0,
            },
        }
    }
}

impl Weigh for FromHome {
    fn weight(&self) -> usize {
        match self {
            Self::Deliver { payload, extra, .. } => {
                let extra = extra.as_ref().map_or(0, |extra| extra.weight());
                payload.bytes.len() + extra
            }
            Self::Matched(matched) => matched.weight(),
            Self::Send { payload, .. } => payload.bytes.len(),
            Self::Order(order) => order.weight(),
            Self::Event(announced) => announced.event.weight(),
            // Other pages are shared, and bounded by how many may be asked for.
            Self::Joined { joined, .. } => {
                let start = joined.start.as_ref();
                let page = start.and_then(|start| start.page.as_ref());
                let snapshot = page.and_then(|page| page.snapshot());
                snapshot.map_or(0, |snapshot| snapshot.bytes.len())
            }
            Self::Live { .. } | Self::Lost { .. } | Self::Passed { .. } => 0,
            Self::Entered { .. } | Self::Displaced { .. } => 0,
        }
    }
}

/// The outgoing mail for one peer.
#[derive(Debug, Default)]
pub struct PeerMail {
    /// To the peer as a home.
    pub to_home: Outgoing<ToHome>,
    /// From this shard as a home.
    pub from_home: Outgoing<FromHome>,
    /// Interest that the peer has not been told of: keys and generations of topics.
    pub wanted: VecDeque<(TopicKey, u32)>,
    /// Joins and leaves of which the peer's rooms have not been told, by ticket: in their order. A
    /// join that is not told before its leave is removed.
    pub presence: BTreeMap<u64, (Topic, Presence)>,
    /// Connections that have come or gone of which the homes of their users have not been told, by
    /// ticket: in their order.
    pub users: BTreeMap<u64, ToHome>,
    /// Connections of the peer that gave way to newer ones of their users, each once.
    pub displaced: VecDeque<ConnId>,
    /// Topics that the peer has been told of and that are wanted no more.
    pub unwanted: VecDeque<(Topic, Interest)>,
}

impl PeerMail {
    /// Whether the peer is to be told of interest.
    pub fn has_interest(&self) -> bool {
        let is_told = self.wanted.is_empty() && self.unwanted.is_empty();
        !(is_told && self.are_homes_told())
    }

    /// Whether the peer knows, as a home, of all connections that have come and gone.
    pub(crate) fn are_homes_told(&self) -> bool {
        self.presence.is_empty() && self.users.is_empty()
    }

    /// Whether there is something for the lanes: mail, or word that a message found no space.
    pub(crate) fn is_due(&self) -> bool {
        self.to_home.is_due() || self.from_home.is_due()
    }

    /// Mail and interest that have not been sent.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn len(&self) -> usize {
        let mail = self.to_home.len() + self.from_home.len();
        let users = self.users.len() + self.displaced.len();
        mail + self.wanted.len() + self.presence.len() + self.unwanted.len() + users
    }
}

/// The outgoing mail for every peer, by shard; the own entry has presence alone, for own rooms.
pub fn for_peers(shards: u16) -> Vec<PeerMail> {
    (0..shards).map(|_| PeerMail::default()).collect()
}
