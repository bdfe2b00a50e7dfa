//! The handle: a running server, from any thread.

use std::collections::hash_map::RandomState;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Instant;

use crate::counters::Counters;
use crate::handler::{Busy, PublishError, Wait, check_message, check_topic};
use crate::id::ShardId;
use crate::mesh::{Doorbell, Outside, Refused};
use crate::payload::Payload;
use crate::proto::Kind;
use crate::shard::home_of;
use crate::shard::mail::ToHome;
use crate::shard::shell::status::{Phase, Shared};
use crate::sys::handoff::Handoff;
use crate::tls::Reloader;
#[cfg(feature = "tls")]
use crate::tls::TlsError;

/// A running server, from any thread. Cloning it is cheap.
///
/// Keep the last one on a thread that is no shard's: it owns descriptors of the starter's.
#[derive(Clone, Debug)]
pub struct Handle {
    outside: Outside<ToHome>,
    hasher: RandomState,
    shared: Arc<Shared>,
    descriptors: Descriptors,
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "there is nothing to load")
    )]
    reloader: Arc<Reloader>,
}

/// What the starter has opened for the shards, in its own table.
#[derive(Clone, Debug)]
pub(crate) struct Descriptors {
    pub(crate) doorbells: Arc<[Doorbell]>,
    /// Where connections are dealt.
    pub(crate) _handoffs: Option<Arc<[Handoff]>>,
}

impl Handle {
    pub(crate) fn new(
        outside: Outside<ToHome>,
        hasher: RandomState,
        shared: Arc<Shared>,
        descriptors: Descriptors,
        reloader: Reloader,
    ) -> Self {
        Self {
            outside,
            hasher,
            shared,
            descriptors,
            reloader: Arc::new(reloader),
        }
    }

    /// Publishes to all subscribers of a topic, on all shards. Messages that one thread publishes
    /// to one topic stay in order. What was published before [`drain`](Self::drain) reaches
    /// everyone before anyone is closed.
    ///
    /// # Errors
    ///
    /// Never waits: [`PublishError::Busy`] if the topic's home has no room now. From
    /// [`drain`](Self::drain) on it is [`PublishError::Stopped`]; a message that met the drain on
    /// its way may have been published.
    pub fn publish(&self, topic: &str, kind: Kind, payload: &[u8]) -> Result<(), PublishError> {
        let (home, mail) = self.address(topic, kind, payload)?;
        let sent = self.outside.try_send(home, mail, payload.len());
        sent.map_err(|refused| why(&refused))?;
        self.check_serving()
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
        sent.map_err(|refused| why(&refused))?;
        self.check_serving()
    }

    /// What was put on a lane before this says yes is delivered before a drain closes anyone.
    fn check_serving(&self) -> Result<(), PublishError> {
        // Either the shards find the message when they look for the last, or the drain is seen
        // here. The other fence is that of the shard, between the phase and its look.
        fence(Ordering::SeqCst);
        if self.is_serving() {
            Ok(())
        } else {
            Err(PublishError::Stopped)
        }
    }

    /// Says that the server is about to drain: its `/readyz` is 503 from now on, and nothing else
    /// changes. For balancers, which need a moment to send nobody any more.
    pub fn announce_drain(&self) {
        self.shared.announce_drain();
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

    /// Reads the files of all TLS listeners again: connections that come from now on get what is in
    /// them, and those that are there stay as they are. For the caller's thread, not for a shard's.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or does not hold what it should. Nothing changes then.
    /// [`TlsError::Busy`]: some shards have what was loaded, the others do not; try again.
    #[cfg(feature = "tls")]
    pub fn reload_tls(&self) -> Result<(), TlsError> {
        let reloaded = self.reloader.reload();
        self.wake();
        reloaded
    }

    /// What all shards have counted, at most a turn old.
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }

    /// The same for each shard.
    pub fn shard_counters(&self) -> Vec<Counters> {
        self.shared.shard_counters()
    }

    /// Whether the server is over, or has failed.
    pub fn is_stopped(&self) -> bool {
        self.shared.is_stopped()
    }

    /// Whether new connections are welcome: it serves, and has not announced a drain.
    pub fn is_ready(&self) -> bool {
        self.shared.is_ready()
    }

    /// Whether the server takes connections: it has not begun to drain or to stop.
    pub fn is_serving(&self) -> bool {
        self.shared.is_serving()
    }

    pub(crate) fn advance(&self, phase: Phase) {
        self.shared.advance(phase);
        self.wake();
    }

    /// Makes all shards have a turn.
    pub(crate) fn wake(&self) {
        self.descriptors.doorbells.iter().for_each(Doorbell::ring);
    }

    /// The home shard of a topic: whoever publishes from there spares the message one hop.
    pub fn home_of(&self, topic: &str) -> ShardId {
        home_of(&self.hasher, topic, self.outside.shards())
    }

    fn address(
        &self,
        topic: &str,
        kind: Kind,
        payload: &[u8],
    ) -> Result<(usize, ToHome), PublishError> {
        check_topic(topic)?;
        check_message(kind, payload)?;
        self.check_serving()?;
        let home = self.home_of(topic);
        let payload = Payload {
            kind,
            bytes: Arc::from(payload),
        };
        Ok((
            home.into(),
            ToHome::Publish {
                topic: Arc::from(topic),
                payload,
                publisher: None,
                once: None,
            },
        ))
    }
}

fn why(refused: &Refused<ToHome>) -> PublishError {
    match refused {
        Refused::Full(_) => PublishError::Busy(Busy(Wait::Outside)),
        Refused::Gone(_) => PublishError::Stopped,
    }
}
