//! A lane: a queue to one shard, bounded in messages and bytes, whose sender learns when there is
//! space again.
//!
//! Neither end waits. A sender that finds no space marks the lane and continues with other work.
//! The receiver, after it has taken messages, sees the mark and rings the sender's doorbell.

use std::cell::Cell;
use std::sync::Arc;

use thiserror::Error;

use crate::mesh::Capacity;
use crate::mesh::sync::{
    AtomicBool, AtomicUsize, Ordering, Receiver, Sender, TrySendError, bounded, fence,
};

/// The message was not sent; this returns it.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Refused<M> {
    /// There is no space now; there will be.
    #[error("the shard has no space for messages now")]
    Full(M),
    /// The receiver is gone; there will be no space again.
    #[error("the shard is gone")]
    Gone(M),
}

/// Creates a lane.
pub fn lane<M>(capacity: Capacity) -> (LaneSender<M>, LaneReceiver<M>) {
    let (sender, receiver) = bounded(capacity.messages);
    let gauge = Arc::new(Gauge {
        sent: AtomicUsize::new(0),
        taken: AtomicUsize::new(0),
        bytes_max: capacity.bytes,
        starved: AtomicBool::new(false),
        gone: AtomicBool::new(false),
    });
    let lane_sender = LaneSender {
        queue: sender,
        gauge: Arc::clone(&gauge),
    };
    let lane_receiver = LaneReceiver {
        queue: receiver,
        gauge,
        took: Cell::new(false),
    };
    (lane_sender, lane_receiver)
}

/// The sending end. Between shards it belongs to one thread, so what it says about the next message
/// holds. Threads outside share one, and another thread's message may take the space first.
#[derive(Debug)]
pub struct LaneSender<M> {
    queue: Sender<Item<M>>,
    gauge: Arc<Gauge>,
}

/// The receiving end.
#[derive(Debug)]
pub struct LaneReceiver<M> {
    queue: Receiver<Item<M>>,
    gauge: Arc<Gauge>,
    /// Messages were taken since the last call of [`relieved`](Self::relieved).
    took: Cell<bool>,
}

#[derive(Debug)]
struct Item<M> {
    message: M,
    bytes: usize,
}

/// The data that both ends share beside the queue.
#[derive(Debug)]
#[repr(align(128))]
struct Gauge {
    /// Bytes put on the lane since its creation, modulo 2^64.
    sent: AtomicUsize,
    /// Bytes taken off it.
    taken: AtomicUsize,
    bytes_max: usize,
    /// The sender found no space and waits for the doorbell.
    starved: AtomicBool,
    /// The receiver was dropped.
    gone: AtomicBool,
}

impl Gauge {
    /// Bytes on the lane now.
    fn bytes(&self) -> usize {
        let taken = self.taken.load(Ordering::Relaxed);
        let queued = self.sent.load(Ordering::Relaxed).wrapping_sub(taken);
        // Bytes count as sent after the message was queued, so the receiver may have been faster.
        if queued <= usize::MAX / 2 { queued } else { 0 }
    }
}

impl<M> LaneSender<M> {
    /// Puts `message` on the lane. `bytes` is its size in memory. A lane accepts messages until it
    /// has reached its limit of bytes, so it holds less than the limit plus one message of any
    /// size.
    ///
    /// Ring the receiver after the last message.
    ///
    /// # Errors
    ///
    /// [`Refused::Full`]: the receiver will ring the sender's doorbell when there is space.
    pub fn try_send(&self, message: M, bytes: usize) -> Result<(), Refused<M>> {
        match self.place(message, bytes) {
            Err(Refused::Full(message)) => {
                self.starve();
                self.place(message, bytes)
            }
            done => done,
        }
    }

    /// Whether the lane accepts a message now. If not, the receiver will ring the sender's doorbell
    /// when it does.
    pub fn ready(&self) -> bool {
        if self.has_space() {
            return true;
        }
        self.starve();
        self.has_space()
    }

    /// Number of messages that the lane accepts now; fewer if their bytes reach the limit first.
    pub fn space(&self) -> usize {
        if !self.has_space() {
            return 0;
        }
        let capacity = self.queue.capacity().unwrap_or(usize::MAX);
        capacity - self.queue.len()
    }

    /// Number of bytes that the lane accepts now; the last message may exceed it.
    pub fn room_bytes(&self) -> usize {
        self.gauge.bytes_max.saturating_sub(self.gauge.bytes())
    }

    fn place(&self, message: M, bytes: usize) -> Result<(), Refused<M>> {
        if !self.has_space() {
            return Err(Refused::Full(message));
        }
        match self.queue.try_send(Item { message, bytes }) {
            Ok(()) => {
                self.gauge.sent.fetch_add(bytes, Ordering::Relaxed);
                Ok(())
            }
            Err(TrySendError::Full(item)) => Err(Refused::Full(item.message)),
            Err(TrySendError::Disconnected(item)) => Err(Refused::Gone(item.message)),
        }
    }

    fn has_space(&self) -> bool {
        let gauge = &self.gauge;
        let fits = gauge.bytes() < gauge.bytes_max && !self.queue.is_full();
        fits || gauge.gone.load(Ordering::Relaxed)
    }

    /// Marks that there was no space. The caller must then check again: the receiver may have
    /// emptied the lane just before.
    ///
    /// Each end writes its own flag and then reads the other's: the sender writes `starved` and
    /// then reads the lane, the receiver writes the lane and then reads `starved`. The two fences
    /// have one order, so the thread of the later fence sees the other's write, and no notice is
    /// lost.
    fn starve(&self) {
        self.gauge.starved.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }
}

impl<M> LaneReceiver<M> {
    /// Takes the oldest message off the lane.
    pub fn try_recv(&self) -> Option<M> {
        let item = self.queue.try_recv().ok()?;
        self.gauge.taken.fetch_add(item.bytes, Ordering::Relaxed);
        self.took.set(true);
        Some(item.message)
    }

    /// How many messages are on the lane.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether there is no message on the lane.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether the sender waits for space and there is some. Returns `true` once; then the caller
    /// must ring the sender's doorbell.
    ///
    /// Call it after the last of a number of messages was taken. It reports space when half of the
    /// lane is free, so that a sender is not woken for each message.
    pub fn relieved(&self) -> bool {
        if !self.took.replace(false) {
            return false;
        }
        // See `LaneSender::starve`.
        fence(Ordering::SeqCst);
        let starved = self.gauge.starved.load(Ordering::Relaxed);
        if !starved || !self.is_half_empty() {
            return false;
        }
        // The sender may have set the mark again meanwhile: it is rung after this.
        self.gauge.starved.store(false, Ordering::Relaxed);
        true
    }

    fn is_half_empty(&self) -> bool {
        let capacity = self.queue.capacity().unwrap_or(usize::MAX);
        self.queue.len() <= capacity / 2 && self.gauge.bytes() <= self.gauge.bytes_max / 2
    }
}

impl<M> Drop for LaneReceiver<M> {
    fn drop(&mut self) {
        // The bytes that are still on the lane will never be taken.
        self.gauge.gone.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn new(messages: usize, bytes: usize) -> (LaneSender<u32>, LaneReceiver<u32>) {
        lane(Capacity { messages, bytes })
    }

    #[test]
    fn messages_come_out_in_order() {
        let (sender, receiver) = new(3, 100);
        for round in 0..10 {
            for message in 0..3 {
                assert_eq!(sender.space(), 3 - message as usize);
                sender.try_send(round + message, 1).unwrap();
            }
            for message in 0..3 {
                assert_eq!(receiver.try_recv(), Some(round + message));
            }
            assert_eq!(receiver.try_recv(), None);
        }
    }

    #[test]
    fn a_full_lane_gives_the_message_back() {
        let (sender, receiver) = new(2, 100);
        sender.try_send(1, 0).unwrap();
        assert!(sender.ready());
        sender.try_send(2, 0).unwrap();
        assert!(!sender.ready());
        assert_eq!(sender.space(), 0);
        assert_eq!(sender.try_send(3, 0), Err(Refused::Full(3)));
        assert_eq!(receiver.try_recv(), Some(1));
        assert!(sender.ready());
        sender.try_send(3, 0).unwrap();
    }

    #[test]
    fn a_lane_takes_messages_until_it_has_its_bytes() {
        let (sender, receiver) = new(8, 10);
        sender.try_send(1, 9).unwrap();
        assert!(sender.ready());
        sender.try_send(2, 1_000).unwrap();
        assert_eq!(sender.space(), 0);
        assert_eq!(sender.try_send(3, 0), Err(Refused::Full(3)));
        receiver.try_recv().unwrap();
        assert!(!sender.ready());
        receiver.try_recv().unwrap();
        assert_eq!(sender.space(), 8);
        sender.try_send(3, 10).unwrap();
        assert_eq!(sender.try_send(4, 0), Err(Refused::Full(4)));
    }

    #[test]
    fn a_starved_sender_is_relieved_once_and_at_half() {
        for starve in [
            |sender: &LaneSender<u32>| assert!(!sender.ready()),
            |sender: &LaneSender<u32>| assert!(sender.try_send(9, 1).is_err()),
        ] {
            let (sender, receiver) = new(4, 100);
            for message in 0..4 {
                sender.try_send(message, 1).unwrap();
            }
            starve(&sender);
            assert!(!receiver.relieved(), "nothing was taken");
            receiver.try_recv().unwrap();
            assert!(!receiver.relieved(), "three of four are left");
            receiver.try_recv().unwrap();
            assert!(receiver.relieved());
            receiver.try_recv().unwrap();
            assert!(!receiver.relieved(), "said already");
        }
    }

    #[test]
    fn a_sender_that_starved_for_bytes_is_relieved_at_half_of_them() {
        let (sender, receiver) = new(100, 10);
        for bytes in [5, 1, 4] {
            sender.try_send(0, bytes).unwrap();
        }
        assert!(!sender.ready());
        receiver.try_recv().unwrap();
        assert!(receiver.relieved(), "five of ten are left");
        assert!(sender.ready());
    }

    #[test]
    fn a_sender_that_did_not_find_the_lane_full_is_not_woken() {
        let (sender, receiver) = new(1, 1);
        for _ in 0..3 {
            sender.try_send(0, 1).unwrap();
            receiver.try_recv().unwrap();
            assert!(!receiver.relieved());
        }
    }

    #[test]
    fn a_lane_without_receiver_says_so_even_if_it_was_full() {
        let (sender, receiver) = new(2, 10);
        sender.try_send(1, 10).unwrap();
        assert_eq!(sender.try_send(2, 0), Err(Refused::Full(2)));
        drop(receiver);
        assert!(sender.ready(), "nothing is worth waiting for");
        assert_eq!(sender.try_send(2, 0), Err(Refused::Gone(2)));
    }

    #[test]
    fn a_receiver_that_is_faster_than_the_count_leaves_no_debt() {
        let (sender, receiver) = new(2, 10);
        receiver.gauge.taken.store(8, Ordering::Relaxed);
        assert!(sender.ready());
        assert_eq!(sender.gauge.bytes(), 0);
    }

    #[test]
    fn the_counts_may_come_round() {
        let (sender, receiver) = new(2, 10);
        for count in [&sender.gauge.sent, &sender.gauge.taken] {
            count.store(usize::MAX - 4, Ordering::Relaxed);
        }
        sender.try_send(1, 8).unwrap();
        assert!(sender.ready());
        sender.try_send(2, 8).unwrap();
        assert!(!sender.ready());
        receiver.try_recv().unwrap();
        assert!(sender.ready());
    }
}
