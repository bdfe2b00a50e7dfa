//! What a handler may ask for during a callback.

mod home;
mod session;
mod subscribe;
mod user;

use core::net::SocketAddr;
use std::fmt;
use std::time::Duration;

use crate::handler::{Busy, Publish, PublishError, Publisher, SharedMessage, Unanswered};
use crate::id::{ConnId, ConnKey, ShardId};
use crate::payload::Payload;
use crate::proto::{Kind, positions};
use crate::shard::core::app::open::Subprotocol;
use crate::shard::core::app::shard_cx::ConnCx;
use crate::shard::core::conns::questions::Deferred;
use crate::shard::core::shard::Shard;
use crate::shard::mail::Origin;
use crate::time::Now;
use crate::topic::{Topic, TopicName, TopicNameError};

/// The shard and the connection that a callback is about. `D` is the handler's
/// [`Conn`](crate::Handler::Conn), `A` its [`Answer`](crate::Handler::Answer).
pub struct Cx<'a, D, A: 'static = ()> {
    pub(crate) shard: &'a mut Shard<D, A>,
    pub(crate) key: ConnKey,
}

impl<D, A> fmt::Debug for Cx<'_, D, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl<D, A> Cx<'_, D, A> {
    /// The connection's id, unique on its shard.
    pub fn id(&self) -> ConnId {
        self.shard.conns.id(self.key)
    }

    /// The shard that the callback runs on.
    pub fn shard(&self) -> ShardId {
        self.shard.env.shard
    }

    /// The topic of this name, for calls that take one: to be kept with the connection. The memory
    /// of its name is shared with the subscribers that the shard has of it.
    ///
    /// # Errors
    ///
    /// No topic has this name.
    pub fn topic(&self, name: &str) -> Result<Topic, TopicNameError> {
        Ok(self.shard.pubsub.topic(name)?.into_owned())
    }

    /// The shard that gives a topic its order.
    pub fn home_of(&self, topic: &Topic) -> ShardId {
        topic.home(self.shard.env.shards)
    }

    /// The client's address, in [`on_open`](crate::Handler::on_open),
    /// [`on_head`](crate::Handler::on_head) and [`on_request`](crate::Handler::on_request) alone: a
    /// connection does not keep it.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.shard.callback.peer_info.as_ref()?.peer
    }

    /// The subject of the certificate that the client has shown, as RFC 4514 writes it
    /// (`CN=device-7,O=Example`), if the listener asks for one, and where the
    /// [address](Self::peer) is there. A client that a trusted proxy names has shown none. If the
    /// subject has no common name, it is the first alternative name, with `URI=`, `DNS=` or
    /// `EMAIL=` before it, and with `\` before each `,`, `+` and `\`.
    pub fn identity(&self) -> Option<&str> {
        self.shard.callback.peer_info.as_ref()?.identity.as_deref()
    }

    /// The time since the shard started, in whole milliseconds, as of this turn: for rates and
    /// timeouts. Two shards started at about the same moment, not at the same.
    pub fn now(&self) -> Duration {
        self.shard.env.now.since(Now::default())
    }

    /// The longest message that a client may send, in bytes, as the server was set up.
    pub fn message_bytes_max(&self) -> usize {
        self.shard.env.config.message_bytes_max
    }

    /// What the application keeps for the connection; `None` while it is being opened.
    pub fn data(&mut self) -> Option<&mut D> {
        self.shard
            .conns
            .get_mut(self.key)
            .and_then(|conn| conn.data.as_mut())
    }

    /// Takes out what the application keeps for the connection: so it can be used while this is
    /// called. [`put_data`](Self::put_data) puts it back.
    pub(crate) fn take_data(&mut self) -> Option<D> {
        self.shard.conns.get_mut(self.key)?.data.take()
    }

    pub(crate) fn put_data(&mut self, data: D) {
        if let Some(conn) = self.shard.conns.get_mut(self.key) {
            conn.data = Some(data);
        }
    }

    /// Publishes to all subscribers of a topic, on all shards; to this connection as well, unless
    /// the topic [excludes publishers](crate::TopicSettings::excludes_publisher).
    ///
    /// # Errors
    ///
    /// [`PublishError::Busy`] while the home of the topic cannot take it, or if the home is this
    /// shard and the turn has no more time to compress. Then no subscriber gets it.
    pub fn publish(
        &mut self,
        topic: &(impl TopicName + ?Sized),
        kind: Kind,
        payload: &[u8],
    ) -> Result<(), PublishError> {
        self.shard.check_message(kind, payload)?;
        let topic = self.shard.pubsub.topic(topic)?;
        let bytes = payload;
        let (payload, origin) = (Payload { kind, bytes }, self.origin());
        self.shard
            .publish(&topic, payload, origin, Publish::default())
    }

    /// The same with more that is said of it.
    ///
    /// # Errors
    ///
    /// As with [`publish`](Self::publish), and [`PublishError::Options`].
    pub fn publish_with(
        &mut self,
        topic: &(impl TopicName + ?Sized),
        kind: Kind,
        payload: &[u8],
        publish: Publish<'_>,
    ) -> Result<(), PublishError> {
        publish.check()?;
        self.shard.check_message(kind, payload)?;
        let topic = self.shard.pubsub.topic(topic)?;
        let bytes = payload;
        let (payload, origin) = (Payload { kind, bytes }, self.origin());
        self.shard.publish(&topic, payload, origin, publish)
    }

    /// The same, unless a message was published to the topic with this key in the last 5 minutes
    /// ([`ONCE_WINDOW`](crate::limits::ONCE_WINDOW)): so a client that does not know whether a
    /// message came may send it again, over any connection. A repeated message is no error.
    /// A shard remembers the newest [`ONCE_KEYS_MAX`](crate::limits::ONCE_KEYS_MAX) of all topics
    /// at home there.
    ///
    /// # Errors
    ///
    /// As with [`publish`](Self::publish).
    pub fn publish_once(
        &mut self,
        topic: &(impl TopicName + ?Sized),
        kind: Kind,
        payload: &[u8],
        key: &str,
    ) -> Result<(), PublishError> {
        self.publish_with(topic, kind, payload, Publish::new().once(key))
    }

    /// Publishes a message that goes to several topics, as
    /// [`publish_with`](Self::publish_with) does.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn publish_shared(
        &mut self,
        topic: &(impl TopicName + ?Sized),
        message: &SharedMessage,
        publish: Publish<'_>,
    ) -> Result<(), PublishError> {
        publish.check()?;
        let topic = self.shard.pubsub.topic(topic)?;
        let (payload, origin) = (message.payload().clone(), self.origin());
        self.shard.publish(&topic, payload, origin, publish)
    }

    fn origin(&mut self) -> Origin {
        let publisher = Publisher {
            shard: self.shard.env.shard,
            conn: self.id(),
        };
        match self.shard.conns.http(self.key) {
            Some(_) => Origin::Request(publisher),
            None => Origin::Connection(publisher),
        }
    }

    /// Chooses the WebSocket subprotocol [`corecast.positions`](crate::positions), if the client
    /// has offered it: in [`on_open`](crate::Handler::on_open), before the connection subscribes.
    /// Returns whether it has. Then each message to the client begins with its position as a line,
    /// which is empty if the message has none, and the client is told of gaps.
    pub fn send_positions(&mut self) -> bool {
        let callback = &mut self.shard.callback;
        let conn = self.shard.conns.live(self.key);
        let conn = conn.filter(|conn| {
            // In an earlier callback about the same request it may have subscribed.
            let may = conn.subs.count() == 0 || conn.form.carries_positions();
            may && callback.offers_positions
        });
        let Some(conn) = conn else {
            return false;
        };
        conn.form = conn.form.with_positions();
        callback.subprotocol = Subprotocol::Positions;
        true
    }

    /// Chooses the WebSocket subprotocol, in [`on_open`](crate::Handler::on_open); `None` for
    /// none, which makes most clients that offered some fail. Without a choice it is the first
    /// that was offered and is neither a token (`bearer.TOKEN`) nor `corecast.positions`. One that
    /// was not offered is not sent (RFC 6455 section 4.1 has the client fail the connection).
    ///
    /// `corecast.positions` is chosen by [`send_positions`](Self::send_positions), after which this
    /// has no effect.
    pub fn choose_subprotocol(&mut self, name: Option<&str>) {
        let chosen = &mut self.shard.callback.subprotocol;
        if !matches!(chosen, Subprotocol::Positions) {
            let name = name.filter(|name| *name != positions::SUBPROTOCOL);
            let named = name.map(|name| Subprotocol::Named(name.to_owned()));
            *chosen = named.unwrap_or(Subprotocol::None);
        }
    }

    /// Leaves the decision of this callback to another thread, to which the first value goes. The
    /// second is to be returned from the callback: the connection waits, and the callback is made
    /// again when there is an [answer](Deferred::answer), or none within `timeout` (to a precision
    /// of 64 ms). Its later messages wait as well, and that it is gone is noticed only then.
    ///
    /// For callbacks that can return it. In others, and a second time in one callback, only the
    /// connection's one question counts: that which waits, or else the last.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use corecast::{Busy, Cx, Deferred, Halt, Message};
    /// # fn ask_the_moderator(text: Vec<u8>, question: Deferred<bool>) {}
    /// fn on_message(cx: &mut Cx<'_, (), bool>, message: Message<'_>) -> Result<(), Halt> {
    ///     match cx.answer() {
    ///         None => {
    ///             let (question, wait) = cx.defer(Duration::from_secs(2));
    ///             ask_the_moderator(message.payload.to_vec(), question);
    ///             Err(wait.into())
    ///         }
    ///         Some(Ok(true)) => Ok(cx.publish("talk", message.kind, message.payload)?),
    ///         Some(_) => Ok(()), // Forbidden, or no answer came.
    ///     }
    /// }
    /// ```
    pub fn defer(&mut self, timeout: Duration) -> (Deferred<A>, Busy) {
        self.shard.defer(self.key, timeout)
    }

    /// The answer to what this callback [deferred](Self::defer); `None` if it did not yet. It is
    /// kept as long as the callback returns [`Busy`], because there is no space for instance.
    pub fn answer(&self) -> Option<Result<&A, Unanswered>> {
        self.shard.questions.answer(self.key)
    }

    /// Another connection of this shard, if it is there.
    pub fn connection(&mut self, id: ConnId) -> Option<ConnCx<'_, D, A>> {
        self.shard.open_connection(id)
    }
}
