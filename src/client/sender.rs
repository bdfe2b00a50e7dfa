//! Messages from other threads to a client's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, TrySendError, bounded};
use mio::Waker;

use crate::client::error::SendError;
use crate::limits::{CLIENT_QUEUE_BYTES_MAX, CLIENT_QUEUE_MESSAGES_MAX};
use crate::proto::Kind;

/// Sends from any thread over the connection of a [`Client`](crate::client::Client), whose calls
/// another thread makes. Cloning it is cheap.
///
/// Do not use it on a shard's thread of a [`Server`](crate::Server): shards have their own
/// descriptor tables ([`own_tables`](crate::ServerBuilder::own_tables)), and could not wake the
/// client.
#[derive(Clone, Debug)]
pub struct Sender {
    queue: crossbeam_channel::Sender<QueuedMessage>,
    shared: Arc<Shared>,
}

/// A message that waits for the client's thread.
#[derive(Debug)]
pub(crate) struct QueuedMessage {
    pub(crate) kind: Kind,
    pub(crate) payload: Vec<u8>,
}

/// The client's end of the queue.
#[derive(Debug)]
pub(crate) struct Queue {
    queue: Receiver<QueuedMessage>,
    shared: Arc<Shared>,
}

/// The data that both ends share.
#[derive(Debug)]
struct Shared {
    rules: Rules,
    /// Bytes of the messages in the queue.
    bytes: AtomicUsize,
    /// The client does not look at the queue any more.
    ended: AtomicBool,
    /// Whether the client was woken and has not looked since.
    rung: AtomicBool,
    waker: Arc<Waker>,
}

/// The rules for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) message_bytes_max: usize,
    /// Whether messages may be empty; over TCP an empty frame is a heartbeat.
    pub(crate) allows_empty: bool,
}

/// A queue, and a sender to clone.
pub(crate) fn queue(rules: Rules, waker: Arc<Waker>) -> (Sender, Queue) {
    let (sender, receiver) = bounded(CLIENT_QUEUE_MESSAGES_MAX);
    let shared = Arc::new(Shared {
        rules,
        bytes: AtomicUsize::new(0),
        ended: AtomicBool::new(false),
        rung: AtomicBool::new(false),
        waker,
    });
    let queue = Queue {
        queue: receiver,
        shared: Arc::clone(&shared),
    };
    let sender = Sender {
        queue: sender,
        shared,
    };
    (sender, queue)
}

impl Sender {
    /// Puts a message into the client's queue without waiting. It is sent when there is a
    /// connection and the client's thread is in one of its calls. Messages of one thread stay in
    /// order.
    ///
    /// # Errors
    ///
    /// [`SendError::Busy`] if the queue is full, [`SendError::Ended`] if the client has ended, or
    /// the error of the message. The message is not sent then.
    pub fn send(&self, kind: Kind, payload: impl Into<Vec<u8>>) -> Result<(), SendError> {
        let payload = payload.into();
        let Shared {
            rules,
            bytes,
            ended,
            rung,
            waker,
        } = &*self.shared;
        if ended.load(Ordering::Relaxed) {
            return Err(SendError::Ended);
        }
        rules.check(kind, &payload)?;
        let len = payload.len();
        let before = bytes.fetch_add(len, Ordering::Relaxed);
        let give_back = || bytes.fetch_sub(len, Ordering::Relaxed);
        if 0 < before && CLIENT_QUEUE_BYTES_MAX < before.saturating_add(len) {
            give_back();
            return Err(SendError::Busy);
        }
        if let Err(refused) = self.queue.try_send(QueuedMessage { kind, payload }) {
            give_back();
            return Err(match refused {
                TrySendError::Full(_) => SendError::Busy,
                TrySendError::Disconnected(_) => SendError::Ended,
            });
        }
        // Called after the message was added, so that the woken thread finds it.
        if !rung.swap(true, Ordering::AcqRel) && waker.wake().is_err() {
            // The client also looks at the queue at its next deadline.
            rung.store(false, Ordering::Release);
        }
        Ok(())
    }
}

impl Queue {
    /// The next message.
    pub(crate) fn take(&self) -> Option<QueuedMessage> {
        let waiting = self.queue.try_recv().ok()?;
        let len = waiting.payload.len();
        self.shared.bytes.fetch_sub(len, Ordering::Relaxed);
        Some(waiting)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Accepts no more messages.
    pub(crate) fn end(&self) {
        self.shared.ended.store(true, Ordering::Relaxed);
    }

    /// The rules for messages.
    pub(crate) fn rules(&self) -> Rules {
        self.shared.rules
    }

    /// Called before the queue is looked at, so that a later message wakes again.
    pub(crate) fn answer(&self) {
        self.shared.rung.swap(false, Ordering::AcqRel);
    }
}

impl Rules {
    /// Checks a message.
    pub(crate) fn check(self, kind: Kind, payload: &[u8]) -> Result<(), SendError> {
        if self.message_bytes_max < payload.len() {
            return Err(SendError::TooBig);
        }
        if payload.is_empty() && !self.allows_empty {
            return Err(SendError::Empty);
        }
        if kind == Kind::Text && simdutf8::basic::from_utf8(payload).is_err() {
            return Err(SendError::NotText);
        }
        Ok(())
    }
}
