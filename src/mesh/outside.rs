//! The lanes from threads outside to shards: one shared lane to each shard.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel as channel;

use crate::id::ShardId;
use crate::mesh::lane::{LaneReceiver, LaneSender, Refused, lane};
use crate::mesh::sync::{Ordering, fence};
use crate::mesh::{Capacity, Doorbell, Wake};
use crate::sys::eventfd::EventFd;

/// The sending side for threads outside the mesh: one lane to each shard. Clones share the lanes.
#[derive(Debug)]
pub struct Outside<A, W = EventFd> {
    inlets: Arc<[Inlet<A>]>,
    doorbells: Arc<[Doorbell<W>]>,
}

impl<A, W> Clone for Outside<A, W> {
    fn clone(&self) -> Self {
        Self {
            inlets: Arc::clone(&self.inlets),
            doorbells: Arc::clone(&self.doorbells),
        }
    }
}

impl<A, W: Wake> Outside<A, W> {
    pub(super) fn new(inlets: Vec<Inlet<A>>, doorbells: Arc<[Doorbell<W>]>) -> Self {
        Self {
            inlets: inlets.into(),
            doorbells,
        }
    }

    /// The number of shards.
    pub fn shards(&self) -> u16 {
        u16::try_from(self.inlets.len()).unwrap_or(u16::MAX)
    }

    /// Sends `message`, of `bytes` bytes in memory, to `shard` and wakes it.
    ///
    /// # Errors
    ///
    /// The lane is full, or the shard is gone. It does not wait.
    pub fn try_send(&self, shard: ShardId, message: A, bytes: usize) -> Result<(), Refused<A>> {
        let (Some(inlet), Some(doorbell)) = (
            self.inlets.get(shard.index()),
            self.doorbells.get(shard.index()),
        ) else {
            return Err(Refused::Gone(message));
        };
        inlet.lane.try_send(message, bytes)?;
        doorbell.ring();
        Ok(())
    }

    /// Sends `message` to `shard` like [`try_send`](Self::try_send), but waits up to `deadline`
    /// while the lane is full. Not for shards.
    ///
    /// # Errors
    ///
    /// The lane was full until the deadline, or the shard is gone.
    pub fn send_deadline(
        &self,
        shard: ShardId,
        message: A,
        bytes: usize,
        deadline: Instant,
    ) -> Result<(), Refused<A>> {
        let mut refused = match self.try_send(shard, message, bytes) {
            Err(Refused::Full(message)) => message,
            done => return done,
        };
        let Some(inlet) = self.inlets.get(shard.index()) else {
            return Err(Refused::Gone(refused));
        };
        while inlet.wait.recv_deadline(deadline).is_ok() {
            match self.try_send(shard, refused, bytes) {
                Err(Refused::Full(message)) => refused = message,
                done => {
                    inlet.relief.give();
                    return done;
                }
            }
        }
        Err(Refused::Full(refused))
    }

    /// Wakes `shard` for something that is not a message.
    pub fn ring(&self, shard: ShardId) {
        if let Some(doorbell) = self.doorbells.get(shard.index()) {
            doorbell.ring();
        }
    }
}

/// The shard's end of the lane from outside.
#[derive(Debug)]
pub struct OutsideReceiver<A> {
    lane: LaneReceiver<A>,
    /// Dropped after the lane, so that the threads it wakes find the lane gone.
    relief: ReliefOnDrop,
}

impl<A> OutsideReceiver<A> {
    /// Takes the oldest message off the lane.
    pub fn try_recv(&self) -> Option<A> {
        self.lane.try_recv()
    }

    /// Whether there is a message on the lane. A message is certainly seen if its thread put it
    /// there and then did not yet see what this thread had announced before the call.
    pub fn has_any(&self) -> bool {
        fence(Ordering::SeqCst);
        !self.lane.is_empty()
    }

    /// Wakes a thread that waits for space, if there is some. Call it after taking messages.
    pub fn relieve(&self) {
        if self.lane.relieved() {
            self.relief.0.give();
        }
    }
}

/// The senders' end of the lane from outside to one shard.
#[derive(Debug)]
pub(super) struct Inlet<A> {
    lane: LaneSender<A>,
    relief: Relief,
    wait: channel::Receiver<()>,
}

/// A channel with at most one token, which lets one waiting thread try again.
///
/// A thread that succeeds passes the token on, so all waiting threads are woken as long as there is
/// space. The first thread that finds none marks the lane again, and so gets the next token.
#[derive(Clone, Debug)]
struct Relief(channel::Sender<()>);

impl Relief {
    fn give(&self) {
        // If there is a token already, it has the same effect.
        self.0.try_send(()).ok();
    }
}

/// Also wakes waiting threads when the shard ends, so that none waits until its deadline.
#[derive(Debug)]
struct ReliefOnDrop(Relief);

impl Drop for ReliefOnDrop {
    fn drop(&mut self) {
        self.0.give();
    }
}

/// Creates the lane from outside to one shard.
pub(super) fn inlet<A>(capacity: Capacity) -> (Inlet<A>, OutsideReceiver<A>) {
    let (sender, receiver) = lane(capacity);
    let (token, wait) = channel::bounded(1);
    let inlet = Inlet {
        lane: sender,
        relief: Relief(token.clone()),
        wait,
    };
    let receiver = OutsideReceiver {
        lane: receiver,
        relief: ReliefOnDrop(Relief(token)),
    };
    (inlet, receiver)
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::time::Duration;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);
    const FIRST: ShardId = ShardId::new(0);
    const SECOND: ShardId = ShardId::new(1);

    fn in_a_while() -> Instant {
        #[expect(
            clippy::disallowed_methods,
            reason = "a deadline that ends a failing test"
        )]
        let now = Instant::now();
        now + PATIENCE
    }

    fn long_ago() -> Instant {
        in_a_while() - 2 * PATIENCE
    }

    fn new(messages: usize) -> (Outside<u32>, OutsideReceiver<u32>) {
        let (inlet, receiver) = inlet(Capacity {
            messages,
            bytes: 1 << 20,
        });
        let doorbells = Arc::new([Doorbell::new().unwrap()]);
        (Outside::new(vec![inlet], doorbells), receiver)
    }

    #[test]
    fn what_is_sent_rings_the_shard() {
        let (outside, receiver) = new(1);
        outside.try_send(FIRST, 7, 1).unwrap();
        assert!(outside.doorbells[0].answer());
        assert_eq!(outside.try_send(FIRST, 8, 1), Err(Refused::Full(8)));
        assert!(!outside.doorbells[0].answer());
        assert_eq!(receiver.try_recv(), Some(7));
    }

    #[test]
    fn a_shard_that_is_not_there_is_gone() {
        let (outside, _receiver) = new(1);
        assert_eq!(outside.shards(), 1);
        assert_eq!(outside.try_send(SECOND, 7, 1), Err(Refused::Gone(7)));
        assert_eq!(
            outside.send_deadline(SECOND, 7, 1, in_a_while()),
            Err(Refused::Gone(7))
        );
        outside.ring(SECOND);
    }

    #[test]
    fn a_deadline_ends_the_wait() {
        let (outside, _receiver) = new(1);
        outside.send_deadline(FIRST, 7, 1, long_ago()).unwrap();
        let refused = outside.send_deadline(FIRST, 8, 1, long_ago());
        assert_eq!(refused, Err(Refused::Full(8)));
    }

    const SENDERS: u32 = 8;
    const EACH: u32 = 2_000;

    fn send_all(outside: &Outside<u32>, sender: u32, deadline: Instant) {
        for message in sender * EACH..(sender + 1) * EACH {
            outside.send_deadline(FIRST, message, 1, deadline).unwrap();
        }
    }

    fn receive_all(receiver: &OutsideReceiver<u32>, deadline: Instant) {
        let mut counts = vec![0; SENDERS as usize];
        while counts.iter().any(|count| *count < EACH) {
            while let Some(message) = receiver.try_recv() {
                let count = &mut counts[(message / EACH) as usize];
                assert_eq!(message % EACH, *count, "each sender's come in order");
                *count += 1;
            }
            receiver.relieve();
            assert!(deadline.elapsed().is_zero(), "only {counts:?} came");
            std::thread::yield_now();
        }
    }

    #[test]
    fn every_waiting_thread_succeeds_in_the_end() {
        for messages in [1, 3] {
            let (outside, receiver) = new(messages);
            let (outside, deadline) = (&outside, in_a_while());
            std::thread::scope(|scope| {
                for sender in 0..SENDERS {
                    scope.spawn(move || send_all(outside, sender, deadline));
                }
                receive_all(&receiver, deadline);
            });
            assert_eq!(receiver.try_recv(), None);
        }
    }

    #[test]
    fn every_waiting_thread_learns_that_the_shard_is_gone() {
        let (outside, receiver) = new(1);
        outside.try_send(FIRST, 0, 1).unwrap();
        let deadline = in_a_while();
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..4)
                .map(|message| {
                    let outside = outside.clone();
                    scope.spawn(move || outside.send_deadline(FIRST, message, 1, deadline))
                })
                .collect();
            drop(receiver);
            for sender in waiting {
                let refused = sender.join().unwrap();
                assert!(matches!(refused, Err(Refused::Gone(_))), "{refused:?}");
            }
        });
    }
}
