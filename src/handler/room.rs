//! Rooms: what an application keeps for one topic, at the topic's home.

use std::sync::Arc;
use std::time::Duration;

use crate::handler::{Busy, Message, PublishError, Wait, check_message};
use crate::id::{ConnId, ShardId};
use crate::limits::{ROOM_OUTPUTS_MAX, WELCOME_BYTES_MAX};
use crate::payload::Payload;
use crate::proto::Kind;
use crate::proto::http::is_topic_name;
use crate::shard::mail::{Origin, Publication};
use crate::time::Tick;

/// What an application keeps for one topic: one value, on the thread of the topic's home shard,
/// that sees every message of the topic, from wherever it was published, before any subscriber
/// does, and in the order in which all subscribers get them. So it needs no locks.
///
/// It exists from the topic's first subscriber or message until [`linger`](Self::linger) after the
/// last of them; see [`Handler::room`](crate::Handler::room), which makes it. Its callbacks run inside the shard's
/// loop and must not block; what they ask for is done when they have returned.
///
/// ```
/// use corecast::{Kind, Message, Room, RoomCx, Tick};
///
/// /// Adds up what is thrown in, and tells the sum ten times a second.
/// #[derive(Default)]
/// struct Pot {
///     sum: u64,
/// }
///
/// impl Room for Pot {
///     fn on_publish(&mut self, cx: &mut RoomCx<'_>, message: Message<'_>) {
///         let coins = std::str::from_utf8(message.payload).ok().and_then(|text| text.parse().ok());
///         match (coins, cx.publisher()) {
///             (Some(coins), _) => self.sum = self.sum.saturating_add(coins),
///             // Not passed on, and the error goes to whoever made it.
///             (None, Some(publisher)) => {
///                 cx.send(publisher, Kind::Text, b"a number, please").ok();
///             }
///             (None, None) => {}
///         }
///     }
///
///     fn tick_every(&self) -> Option<std::time::Duration> {
///         Some(std::time::Duration::from_millis(100))
///     }
///
///     fn on_tick(&mut self, cx: &mut RoomCx<'_>, _: Tick) {
///         // Fails only for more messages than a callback may publish.
///         cx.publish(Kind::Text, self.sum.to_string().as_bytes()).ok();
///     }
/// }
/// ```
pub trait Room {
    /// A message is about to take its place in the topic's order. Unless this calls
    /// [`RoomCx::pass`], it is dropped; it can publish others in its place, or beside it.
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, _message: Message<'_>) {
        cx.pass();
    }

    /// How often [`on_tick`](Self::on_tick) is called, at least a millisecond; asked once, when
    /// the room is made.
    fn tick_every(&self) -> Option<Duration> {
        None
    }

    /// It is time for the room's own work: a step of its world, for instance. Ticks keep to a
    /// schedule that begins when the room is made; those that are late by a period are skipped, as
    /// are those for which what the room published before has found no room yet.
    fn on_tick(&mut self, _cx: &mut RoomCx<'_>, _tick: Tick) {}

    /// Whether the room is told who subscribes to its topic and who leaves it; asked once, when the
    /// room is made. Then a subscription is live when the home has told the room, which for a
    /// connection of another shard takes a way there and back, and not at once as it often is
    /// otherwise.
    fn wants_joins(&self) -> bool {
        false
    }

    /// A connection joins: it has [subscribed](crate::Cx::subscribe_as), with this tag. To be called
    /// for, [`wants_joins`](Self::wants_joins).
    ///
    /// This stands at one point of the topic's order. Of what was published before, the joiner gets
    /// nothing; of what is published after, everything; and what is [sent](RoomCx::send) to it here
    /// it gets in between. So a history that is kept in [`on_publish`](Self::on_publish) and sent
    /// here neither repeats a message nor skips one.
    fn on_join(&mut self, _cx: &mut RoomCx<'_>, _joiner: Publisher, _tag: &[u8]) {}

    /// A connection that joined has left: it has unsubscribed, or ended in any way. Called once for
    /// each [`on_join`](Self::on_join) and after it, unless the server is
    /// [stopped](crate::Handle::stop) at once.
    fn on_leave(&mut self, _cx: &mut RoomCx<'_>, _leaver: Publisher) {}

    /// How long the room is kept when nobody subscribes any more and no message comes; asked
    /// once, when the room is made. A shard notices a second after its last subscriber left.
    fn linger(&self) -> Duration {
        Duration::ZERO
    }
}

/// A connection of one of the server's shards, as rooms know it: one that has published a message,
/// or has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Publisher {
    /// The connection's shard.
    pub shard: ShardId,
    /// The connection on that shard.
    pub conn: ConnId,
}

/// What a [`Room`] may ask for during a callback.
#[derive(Debug)]
pub struct RoomCx<'a> {
    pub(crate) topic: &'a str,
    pub(crate) event: Event,
    pub(crate) now: Duration,
    pub(crate) outputs: Vec<Output>,
    /// Messages for other topics, and how many more of them the shard takes.
    pub(crate) elsewhere: Vec<Publication>,
    pub(crate) elsewhere_left: usize,
}

/// What a room's callback is about.
#[derive(Debug)]
pub(crate) enum Event {
    /// This message, and who published it if it was a connection.
    Publish(Payload, Option<Publisher>),
    /// This connection has joined.
    Join(Publisher),
    /// One has left.
    Leave,
    /// Time.
    Tick,
}

/// What a room wants done.
#[derive(Debug)]
pub(crate) enum Output {
    /// A message of its topic.
    Publish(Payload),
    /// A message for one connection.
    Reply(Publisher, Payload),
    /// The same for one that joins, which gets it or ends.
    Welcome(Publisher, Payload),
}

impl RoomCx<'_> {
    /// The room's topic.
    pub fn topic(&self) -> &str {
        self.topic
    }

    /// The time since the room's shard started, in whole milliseconds, as of this turn.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Who published the message that this is about; `None` for one that did not come from a
    /// connection, and in every other callback.
    pub fn publisher(&self) -> Option<Publisher> {
        match &self.event {
            Event::Publish(_, publisher) => *publisher,
            Event::Join(_) | Event::Leave | Event::Tick => None,
        }
    }

    /// Lets the message go to the subscribers as it is, without a copy.
    pub fn pass(&mut self) {
        if let Event::Publish(payload, _) = &self.event {
            self.outputs.push(Output::Publish(payload.clone()));
        }
    }

    /// Publishes a message to the room's subscribers. It does not come to the room.
    ///
    /// # Errors
    ///
    /// [`PublishError::Busy`] beyond [`ROOM_OUTPUTS_MAX`] messages of one callback, and
    /// [`PublishError::Message`].
    pub fn publish(&mut self, kind: Kind, payload: &[u8]) -> Result<(), PublishError> {
        let payload = self.check(kind, payload)?;
        self.outputs.push(Output::Publish(payload));
        Ok(())
    }

    /// Publishes a message to another topic, or to the own topic through this very room. It takes
    /// its place there when that topic's home has room, in no order to what is published here.
    ///
    /// # Errors
    ///
    /// [`PublishError::Busy`] while [`ELSEWHERE_MAX`](crate::limits::ELSEWHERE_MAX) such messages of the shard's rooms wait;
    /// otherwise as [`publish`](Self::publish), and [`PublishError::TopicName`].
    pub fn publish_to(
        &mut self,
        topic: &str,
        kind: Kind,
        payload: &[u8],
    ) -> Result<(), PublishError> {
        check_topic(topic)?;
        let payload = self.check(kind, payload)?;
        let left = self.elsewhere_left.checked_sub(1);
        self.elsewhere_left = left.ok_or(PublishError::Busy(Busy(Wait::Outbox)))?;
        let publication = Publication::new(topic, payload, Origin::Room);
        self.elsewhere.push(publication);
        Ok(())
    }

    /// Sends a message to one connection alone: for instance to the
    /// [`publisher`](Self::publisher). If that has gone meanwhile, or reads too slowly, it is
    /// dropped.
    ///
    /// To a subscriber of the topic it comes no later than what is published after it, and it may
    /// overtake what was published before.
    ///
    /// To one that [joins](Room::on_join) it is never dropped: a connection that has no space for it,
    /// as replies from before are unread, is closed as too slow.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish), and [`PublishError::Busy`] when what one that joins was sent
    /// in this callback has reached [`WELCOME_BYTES_MAX`].
    pub fn send(&mut self, to: Publisher, kind: Kind, payload: &[u8]) -> Result<(), PublishError> {
        let payload = self.check(kind, payload)?;
        if !matches!(self.event, Event::Join(joiner) if joiner == to) {
            self.outputs.push(Output::Reply(to, payload));
            return Ok(());
        }
        let welcomed = self.outputs.iter().map(|output| match output {
            Output::Welcome(_, payload) => payload.bytes.len(),
            Output::Publish(_) | Output::Reply(..) => 0,
        });
        if WELCOME_BYTES_MAX <= welcomed.sum() {
            return Err(PublishError::Busy(Busy(Wait::Outbox)));
        }
        self.outputs.push(Output::Welcome(to, payload));
        Ok(())
    }

    fn check(&self, kind: Kind, payload: &[u8]) -> Result<Payload, PublishError> {
        check_message(kind, payload)?;
        if ROOM_OUTPUTS_MAX <= self.outputs.len() {
            return Err(PublishError::Busy(Busy(Wait::Outbox)));
        }
        Ok(Payload {
            kind,
            bytes: Arc::from(payload),
        })
    }
}

/// Whether a topic may have this name.
pub(crate) fn check_topic(topic: &str) -> Result<(), PublishError> {
    is_topic_name(topic)
        .then_some(())
        .ok_or(PublishError::TopicName)
}
