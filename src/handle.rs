//! The handle: a running server, from any thread.

use std::collections::hash_map::RandomState;
use std::sync::Arc;
use std::time::Instant;

use crate::counters::Counters;
use crate::limits::{MESSAGE_BYTES_CEILING, TOPIC_BYTES_MAX};
use crate::mesh::{Doorbell, Outside, Refused};
use crate::payload::Payload;
use crate::proto::Kind;
use crate::shard::control::{Phase, Shared};
use crate::shard::home_of;
use crate::shard::mail::ToHome;

/// A running server, from any thread. Cloning it is cheap.
///
/// Keep the last one on a thread that is no shard's: it owns the doorbells.
#[derive(Clone, Debug)]
pub struct Handle {
    outside: Outside<ToHome>,
    hasher: RandomState,
    shared: Arc<Shared>,
    doorbells: Arc<[Doorbell]>,
}

/// Why a message was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The topic's home has no room; try again later, or with a deadline.
    #[error("the server has no room for the message now")]
    Busy,
    /// The server has stopped.
    #[error("the server has stopped")]
    Stopped,
    /// The topic's name is empty or too long.
    #[error("a topic's name has 1 to {TOPIC_BYTES_MAX} bytes")]
    TopicName,
    /// The message is longer than any may be, or says that it is text and is not UTF-8.
    #[error("a message has at most {MESSAGE_BYTES_CEILING} bytes, and as text is UTF-8")]
    Message,
}

impl Handle {
    pub(crate) fn new(
        outside: Outside<ToHome>,
        hasher: RandomState,
        shared: Arc<Shared>,
        doorbells: Arc<[Doorbell]>,
    ) -> Self {
        Self {
            outside,
            hasher,
            shared,
            doorbells,
        }
    }

    /// Publishes to all subscribers of a topic, on all shards. Messages that one thread publishes
    /// to one topic stay in order.
    ///
    /// # Errors
    ///
    /// Never waits: [`PublishError::Busy`] if the topic's home has no room now.
    pub fn publish(&self, topic: &str, kind: Kind, payload: &[u8]) -> Result<(), PublishError> {
        let (home, mail) = self.address(topic, kind, payload)?;
        self.outside
            .try_send(home, mail, payload.len())
            .map_err(|refused| why(&refused))
    }

    /// The same, but waits for room until `deadline`. Not for callbacks: a shard must not wait.
    ///
    /// # Errors
    ///
    /// [`PublishError::Busy`] if there was no room until the deadline.
    pub fn publish_deadline(
        &self,
        topic: &str,
        kind: Kind,
        payload: &[u8],
        deadline: Instant,
    ) -> Result<(), PublishError> {
        let (home, mail) = self.address(topic, kind, payload)?;
        let sent = self
            .outside
            .send_deadline(home, mail, payload.len(), deadline);
        sent.map_err(|refused| why(&refused))
    }

    /// Takes no more connections, sends what was published, closes all connections, spread over a
    /// while if they are many, and then stops. Returns at once; see [`crate::Server::join`].
    pub fn drain(&self) {
        self.advance(Phase::Drain);
    }

    /// Stops at once; connections are cut.
    pub fn stop(&self) {
        self.advance(Phase::Stop);
    }

    /// What all shards have counted, at most a turn old.
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }

    pub(crate) fn advance(&self, phase: Phase) {
        self.shared.advance(phase);
        self.doorbells.iter().for_each(Doorbell::ring);
    }

    fn address(
        &self,
        topic: &str,
        kind: Kind,
        payload: &[u8],
    ) -> Result<(usize, ToHome), PublishError> {
        if !(1..=TOPIC_BYTES_MAX).contains(&topic.len()) {
            return Err(PublishError::TopicName);
        }
        let is_text = || std::str::from_utf8(payload).is_ok();
        if MESSAGE_BYTES_CEILING < payload.len() || kind == Kind::Text && !is_text() {
            return Err(PublishError::Message);
        }
        let home = home_of(&self.hasher, topic, self.outside.shards());
        let payload = Payload {
            kind,
            bytes: Arc::from(payload),
        };
        Ok((
            home.into(),
            ToHome::Publish {
                topic: Arc::from(topic),
                payload,
            },
        ))
    }
}

fn why(refused: &Refused<ToHome>) -> PublishError {
    match refused {
        Refused::Full(_) => PublishError::Busy,
        Refused::Gone(_) => PublishError::Stopped,
    }
}
