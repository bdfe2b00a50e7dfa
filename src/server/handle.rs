//! The handle: control of a running server from any thread.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Instant;

use crate::auth::{Auth, Places};
use crate::counters::Counters;
use crate::handler::{
    ConnectionInfo, Disconnect, Publish, PublishError, Selection, ServerSubscription, UserError,
    check_message, user_calls,
};
use crate::id::ShardId;
use crate::mesh::{Doorbell, Outside};
use crate::payload::Payload;
use crate::proto::Kind;
use crate::renewal::Renewer;
#[cfg(feature = "auth")]
use crate::server::identity::IdentityControl;
use crate::server::reload::Renewal;
use crate::shard::mail::{ToHome, UserAct, UserCommand};
use crate::shard::shell::status::{Phase, Shared};
use crate::topic::{Topic, TopicName};

/// Controls a running server from any thread. Cloning it is cheap.
///
/// Drop the last clone on a thread that is not a shard's: it owns file descriptors of the thread
/// that started the server.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) outside: Outside<ToHome>,
    pub(super) shared: Arc<Shared>,
    doorbells: Arc<[Doorbell]>,
    pub(super) renewal: Arc<Renewal>,
    /// What can be changed of identity, if the server asks for it.
    #[cfg(feature = "auth")]
    pub(super) identity: Option<Arc<IdentityControl>>,
}

impl Handle {
    pub(crate) fn new(
        outside: Outside<ToHome>,
        shared: Arc<Shared>,
        doorbells: Arc<[Doorbell]>,
        renewal: Renewal,
        auth: Option<&Auth>,
        renewer: Renewer<(Auth, Places)>,
    ) -> Self {
        #[cfg(not(feature = "auth"))]
        let _never = (auth, renewer);
        Self {
            outside,
            shared,
            doorbells,
            renewal: Arc::new(renewal),
            #[cfg(feature = "auth")]
            identity: auth.map(|auth| Arc::new(IdentityControl::new(auth, renewer))),
        }
    }

    /// Publishes to all subscribers of a topic, on all shards. Messages that one thread publishes
    /// to one topic stay in order. A message published before [`drain`](Self::drain) reaches all
    /// subscribers before any connection is closed.
    ///
    /// # Errors
    ///
    /// Does not wait: returns [`PublishError::Busy`] if the topic's home has no space now. After
    /// [`drain`](Self::drain) it returns [`PublishError::Stopped`]; a message published at the same
    /// time as the drain may have been delivered nevertheless.
    pub fn publish(
        &self,
        topic: &(impl TopicName + ?Sized),
        kind: Kind,
        payload: &[u8],
    ) -> Result<(), PublishError> {
        self.publish_with(topic, kind, payload, Publish::default())
    }

    /// Publishes as [`publish`](Self::publish) does, with more that is said of the message.
    ///
    /// # Errors
    ///
    /// The same, and [`PublishError::Options`].
    pub fn publish_with(
        &self,
        topic: &(impl TopicName + ?Sized),
        kind: Kind,
        payload: &[u8],
        publish: Publish<'_>,
    ) -> Result<(), PublishError> {
        let (home, mail) = self.address(topic, kind, payload, publish)?;
        self.send(home, mail)?;
        self.check_serving()
    }

    /// Publishes as [`publish`](Self::publish) does, but waits for space until `deadline`. Do not
    /// call it from a callback: a shard must not wait.
    ///
    /// # Errors
    ///
    /// [`PublishError::Busy`] if there was no space until the deadline.
    pub fn publish_deadline(
        &self,
        topic: &(impl TopicName + ?Sized),
        kind: Kind,
        payload: &[u8],
        deadline: Instant,
    ) -> Result<(), PublishError> {
        self.publish_with_deadline(topic, kind, payload, Publish::default(), deadline)
    }

    /// Publishes as [`publish_deadline`](Self::publish_deadline) does, with more that is said of
    /// the message.
    ///
    /// # Errors
    ///
    /// The same, and [`PublishError::Options`].
    pub fn publish_with_deadline(
        &self,
        topic: &(impl TopicName + ?Sized),
        kind: Kind,
        payload: &[u8],
        publish: Publish<'_>,
        deadline: Instant,
    ) -> Result<(), PublishError> {
        let (home, mail) = self.address(topic, kind, payload, publish)?;
        self.send_deadline(home, mail, deadline)?;
        self.check_serving()
    }

    user_calls!(self: &Self);

    fn command(&self, command: UserCommand) -> Result<(), UserError> {
        self.check_serving()?;
        let home = command.home(self.shards());
        self.send(home, ToHome::Command(command))?;
        Ok(self.check_serving()?)
    }

    pub(super) fn shards(&self) -> u16 {
        self.outside.shards()
    }

    /// A message that was put on a lane before this returns `Ok` is delivered before a drain closes
    /// any connection.
    pub(super) fn check_serving(&self) -> Result<(), PublishError> {
        // Either the shards see the message in their last look at the lane, or this thread sees the
        // drain. The matching fence is in the shard, between the change of phase and that look.
        fence(Ordering::SeqCst);
        if self.is_serving() {
            Ok(())
        } else {
            Err(PublishError::Stopped)
        }
    }

    /// Announces a drain: from now on `/readyz` answers 503, and nothing else changes. This gives
    /// load balancers time to stop sending new clients.
    pub fn announce_drain(&self) {
        self.shared.announce_drain();
    }

    /// Accepts no more connections, delivers what was published, closes all connections (spread
    /// over some seconds if there are many), and then stops. Returns at once; see
    /// [`crate::Server::join`].
    pub fn drain(&self) {
        self.advance(Phase::Drain);
    }

    /// Stops at once, without closing connections in an orderly way.
    pub fn stop(&self) {
        self.advance(Phase::Stop);
    }

    /// The counters of all shards together, at most one turn old.
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }

    /// The counters of each shard.
    pub fn shard_counters(&self) -> Vec<Counters> {
        self.shared.shard_counters()
    }

    /// Whether the server has stopped or failed.
    pub fn is_stopped(&self) -> bool {
        self.shared.is_stopped()
    }

    /// Whether load balancers should send new clients: the server accepts connections and has not
    /// announced a drain.
    pub fn is_ready(&self) -> bool {
        self.shared.is_ready()
    }

    /// Whether the server accepts connections: it has not begun to drain or to stop.
    pub fn is_serving(&self) -> bool {
        self.shared.is_serving()
    }

    pub(crate) fn advance(&self, phase: Phase) {
        self.shared.advance(phase);
        self.wake();
    }

    /// Wakes all shards for a turn.
    pub(crate) fn wake(&self) {
        self.doorbells.iter().for_each(Doorbell::ring);
    }

    /// The home shard of a topic. A message published on that shard needs one hop less.
    pub fn home_of(&self, topic: &Topic) -> ShardId {
        topic.home(self.outside.shards())
    }
}
