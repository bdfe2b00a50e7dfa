//! Rooms: an application's values for topics, on the topics' homes.

use std::sync::Arc;
use std::time::Duration;

use crate::handler::{
    Busy, Event, HistoryError, HistoryFilter, HistoryPage, Message, Output, PublishError,
    SharedMessage, TopicHistory, Wait, check_message,
};
use crate::id::ConnectionId;
use crate::limits::{ROOM_OUTPUTS_MAX, WELCOME_BYTES_MAX};
use crate::payload::Payload;
use crate::position::Position;
use crate::proto::Kind;
use crate::shard::mail::{Origin, Publication};
use crate::time::Tick;
use crate::topic::{Topic, TopicName};

/// An application's value for one topic, on the thread of the topic's home shard. It sees every
/// message of the topic, wherever it was published, before any subscriber, and in the order in
/// which all subscribers get them. So it needs no locks.
///
/// A room exists from the topic's first subscriber or message until [`linger`](Self::linger) after
/// the last. [`Handler::room`](crate::Handler::room) creates it. Its callbacks run in the shard's
/// loop and must not block; what they ask for is done after they have returned.
///
/// ```
/// use corecast::{Kind, Message, Room, RoomCx, Tick};
///
/// /// Adds up the numbers that are published, and publishes the sum ten times a second.
/// #[derive(Default)]
/// struct Pot {
///     sum: u64,
/// }
///
/// impl Room for Pot {
///     fn on_publish(&mut self, cx: &mut RoomCx<'_>, message: Message<'_>) {
///         let text = std::str::from_utf8(message.payload).ok();
///         let coins = text.and_then(|text| text.parse().ok());
///         match (coins, cx.publisher()) {
///             (Some(coins), _) => self.sum = self.sum.saturating_add(coins),
///             // Not passed on; the error goes to the publisher.
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
    /// Handles a message before it gets its place in the topic's order. Unless this calls
    /// [`RoomCx::pass`], the message is dropped. It can publish other messages instead or in
    /// addition.
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, _message: Message<'_>) {
        cx.pass();
    }

    /// The period of [`on_tick`](Self::on_tick), at least one millisecond; asked once, when the
    /// room is created.
    fn tick_every(&self) -> Option<Duration> {
        None
    }

    /// Does periodic work of the room, for example a step of its world. Ticks follow a schedule
    /// that begins when the room is created. A tick that is late by a period is skipped, and so is
    /// a tick while earlier messages of the room still wait for space.
    fn on_tick(&mut self, _cx: &mut RoomCx<'_>, _tick: Tick) {}

    /// Whether the room is notified of joins and leaves; asked once, when the room is created. Then
    /// a subscription is live when the home has notified the room. For a connection of another
    /// shard this takes a round trip; otherwise it is often immediate.
    fn wants_joins(&self) -> bool {
        false
    }

    /// A connection joins: it has [subscribed](crate::Cx::subscribe_as), with this tag. Called only
    /// if [`wants_joins`](Self::wants_joins).
    ///
    /// The join has a place in the topic's order. The joining connection gets no message published
    /// before it, every message published after it, and between them what is [sent](RoomCx::send)
    /// to it here. So a history that [`on_publish`](Self::on_publish) keeps and this callback sends
    /// neither repeats nor skips a message.
    fn on_join(&mut self, _cx: &mut RoomCx<'_>, _joiner: Publisher, _tag: &[u8]) {}

    /// A connection that has joined leaves: it has unsubscribed, or has ended in any way. Called
    /// once for each [`on_join`](Self::on_join) and after it, unless the server is
    /// [stopped](crate::Handle::stop) at once.
    fn on_leave(&mut self, _cx: &mut RoomCx<'_>, _leaver: Publisher) {}

    /// What a new subscriber of a topic with history gets in place of messages, and one for which
    /// the history does not reach back: the room's state, after everything that it has published so
    /// far. What is published next follows. With `None`, the subscriber gets messages of the
    /// history, or is told what is missing. A state that is the same for many subscribers is
    /// encoded and kept once for all of them; that is quickest if it is the same `SharedMessage`.
    fn snapshot(&mut self) -> Option<SharedMessage> {
        None
    }

    /// How long the room is kept when there are no subscribers and no messages; asked once, when
    /// the room is created. A shard reports a second after its last subscriber has left.
    fn linger(&self) -> Duration {
        Duration::ZERO
    }
}

/// A connection of any shard, as rooms know it: one that has published a message or has joined.
pub type Publisher = ConnectionId;

/// What a [`Room`] may ask for during a callback.
#[derive(Debug)]
pub struct RoomCx<'a> {
    pub(crate) topic: &'a str,
    pub(crate) event: Event,
    pub(crate) now: Duration,
    pub(crate) outputs: Vec<Output>,
    /// Messages for other topics, and how many more of them the shard accepts.
    pub(crate) elsewhere: Vec<Publication>,
    pub(crate) elsewhere_left: usize,
    pub(crate) history: TopicHistory<'a>,
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

    /// The connection that published the message; `None` if it did not come from a connection, and
    /// in every other callback.
    pub fn publisher(&self) -> Option<Publisher> {
        match &self.event {
            Event::Publish { publisher, .. } => *publisher,
            Event::Join(_) | Event::Leave | Event::Tick => None,
        }
    }

    /// Passes the message on to the subscribers unchanged, without a copy. Its key, its tags and
    /// the question for its position go with it the first time.
    pub fn pass(&mut self) {
        if let Event::Publish {
            payload,
            extras,
            publisher,
        } = &mut self.event
        {
            let output = Output::Publish(payload.clone(), extras.take(), *publisher);
            self.outputs.push(output);
        }
    }

    /// Publishes a message to the room's subscribers. The room does not see it again.
    ///
    /// # Errors
    ///
    /// [`PublishError::Busy`] beyond [`ROOM_OUTPUTS_MAX`] messages of one callback, and
    /// [`PublishError::Message`].
    pub fn publish(&mut self, kind: Kind, payload: &[u8]) -> Result<(), PublishError> {
        let payload = self.check(kind, payload)?;
        self.outputs.push(Output::Publish(payload, None, None));
        Ok(())
    }

    /// Publishes a message to another topic, or to its own topic through this room again. It gets
    /// its place there when that topic's home has space; this place has no fixed order to messages
    /// published here.
    ///
    /// # Errors
    ///
    /// [`PublishError::Busy`] while [`ELSEWHERE_MAX`](crate::limits::ELSEWHERE_MAX) such messages
    /// of the shard's rooms wait; otherwise the errors of [`publish`](Self::publish), and
    /// [`PublishError::TopicName`].
    pub fn publish_to(
        &mut self,
        topic: &(impl TopicName + ?Sized),
        kind: Kind,
        payload: &[u8],
    ) -> Result<(), PublishError> {
        let topic = Topic::named(topic)?.into_owned();
        let payload = self.check(kind, payload)?;
        let left = self.elsewhere_left.checked_sub(1);
        self.elsewhere_left = left.ok_or(PublishError::Busy(Busy(Wait::Outbox)))?;
        let publication = Publication::new(topic, payload, Origin::Room);
        self.elsewhere.push(publication);
        Ok(())
    }

    /// Sends a message to one connection, for example the [`publisher`](Self::publisher). If that
    /// connection has ended meanwhile, or reads too slowly, the message is dropped.
    ///
    /// A subscriber of the topic gets it no later than messages published after it, but perhaps
    /// earlier than messages published before it.
    ///
    /// For a [joining](Room::on_join) connection it is never dropped: a connection without space
    /// for it, because of earlier unread replies, is closed as too slow.
    ///
    /// # Errors
    ///
    /// The errors of [`publish`](Self::publish), and [`PublishError::Busy`] when the messages to a
    /// joining connection in this callback have reached [`WELCOME_BYTES_MAX`].
    pub fn send(&mut self, to: Publisher, kind: Kind, payload: &[u8]) -> Result<(), PublishError> {
        let payload = self.check(kind, payload)?;
        if !matches!(self.event, Event::Join(joiner) if joiner == to) {
            self.outputs.push(Output::Reply(to, payload));
            return Ok(());
        }
        let welcomed = self.outputs.iter().map(|output| match output {
            Output::Welcome(_, payload) => payload.bytes.len(),
            Output::Publish(..) | Output::Reply(..) => 0,
        });
        if WELCOME_BYTES_MAX <= welcomed.sum() {
            return Err(PublishError::Busy(Busy(Wait::Outbox)));
        }
        self.outputs.push(Output::Welcome(to, payload));
        Ok(())
    }

    /// The position of the topic's newest message, if the topic has a history. What the room
    /// publishes in this callback comes after it: so a room that sends a joining connection its own
    /// snapshot can name the position at which that stands.
    pub fn position(&mut self) -> Option<Position> {
        let filter = HistoryFilter {
            limit: Some(0),
            ..HistoryFilter::default()
        };
        Some(self.history(filter).ok()?.position())
    }

    /// Reads messages of the topic's history, without those that this callback publishes.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Off`], [`HistoryError::Foreign`].
    pub fn history(&mut self, filter: HistoryFilter) -> Result<HistoryPage, HistoryError> {
        self.history.read(filter)
    }

    /// Removes all messages of the topic's history; its position stays.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Off`].
    pub fn remove_history(&mut self) -> Result<(), HistoryError> {
        self.history.remove().map(|_page| ())
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
