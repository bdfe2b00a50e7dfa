//! The ways between shards and the thread of a backplane: to it a lane from each shard, and from it
//! a lane to each shard, beside those from other threads outside. So mail of the backplane waits
//! for no message that itself waits for the backplane.

use std::cell::Cell;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crossbeam_channel as channel;

use crate::mesh::outside::inlet;
use crate::mesh::{
    Capacity, Doorbell, LaneReceiver, LaneSender, Outside, OutsideReceiver, Wake, lane,
};
use crate::sys::eventfd::EventFd;

/// A shard's ends: mail of the backplane is `I`, mail to it `O`.
#[derive(Debug)]
pub struct BackplanePort<I, O> {
    /// From the backplane.
    pub inward: OutsideReceiver<I>,
    /// To the backplane; [`wake`](Self::wake) it after the last message.
    pub outward: LaneSender<O>,
    /// Dropped after the lanes.
    shard: ShardAlive,
}

/// Tells the backplane's thread when the last shard has ended.
#[derive(Debug)]
struct ShardAlive {
    alive: Option<Arc<()>>,
    waker: Waker,
}

impl<I, O> BackplanePort<I, O> {
    /// Ends the wait of the backplane's thread.
    pub fn wake(&self) {
        self.shard.waker.wake();
    }
}

impl Drop for ShardAlive {
    fn drop(&mut self) {
        self.alive = None;
        self.waker.wake();
    }
}

/// Ends the wait of a backplane's thread, or its next.
#[derive(Clone, Debug)]
pub struct Waker(channel::Sender<()>);

impl Waker {
    /// Ends it.
    pub fn wake(&self) {
        // If there is a token already, it has the same effect.
        self.0.try_send(()).ok();
    }
}

/// The ways to the shards, for all threads of the backplane.
#[derive(Debug)]
pub struct BackplaneWays<I, W = EventFd> {
    /// To the shards.
    pub outside: Outside<I, W>,
    waker: Waker,
    /// As many as there are shards that have not ended.
    shards: Weak<()>,
}

impl<I, W> Clone for BackplaneWays<I, W> {
    fn clone(&self) -> Self {
        Self {
            outside: self.outside.clone(),
            waker: self.waker.clone(),
            shards: Weak::clone(&self.shards),
        }
    }
}

impl<I, W> BackplaneWays<I, W> {
    /// Ends the wait of the backplane's thread.
    pub fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Whether no shard takes mail any more.
    pub fn are_ended(&self) -> bool {
        self.shards.strong_count() == 0
    }
}

/// The lanes from the shards, for one thread.
#[derive(Debug)]
pub struct BackplaneInbox<O, W = EventFd> {
    lanes: Vec<LaneReceiver<O>>,
    doorbells: Arc<[Doorbell<W>]>,
    wait: channel::Receiver<()>,
    /// Whose lane comes next.
    next: Cell<usize>,
}

impl<O, W: Wake> BackplaneInbox<O, W> {
    /// Takes the next message of any shard; those of one come in order.
    pub fn try_recv(&self) -> Option<O> {
        let count = self.lanes.len();
        for at in (self.next.get()..).take(count) {
            let at = at % count;
            let lane = &self.lanes[at];
            let taken = lane.try_recv();
            if lane.relieved()
                && let Some(doorbell) = self.doorbells.get(at)
            {
                doorbell.ring();
            }
            if taken.is_some() {
                self.next.set((at + 1) % count);
                return taken;
            }
        }
        None
    }

    /// Waits until there may be mail, or the thread is woken, or until `deadline`.
    pub fn wait(&self, deadline: Instant) {
        if self.lanes.iter().all(LaneReceiver::is_empty) {
            self.wait.recv_deadline(deadline).ok();
        }
    }
}

/// The ends of all ways between shards, in order, and a backplane.
#[derive(Debug)]
pub struct BackplaneMesh<I, O, W = EventFd> {
    /// One for each shard.
    pub ports: Vec<BackplanePort<I, O>>,
    /// For all threads of the backplane.
    pub ways: BackplaneWays<I, W>,
    /// For one of them.
    pub inbox: BackplaneInbox<O, W>,
}

/// Connects the shards that have these doorbells with a backplane.
pub fn connect_backplane<I, O, W: Wake>(
    doorbells: &Arc<[Doorbell<W>]>,
    capacity: Capacity,
) -> BackplaneMesh<I, O, W> {
    let (token, wait) = channel::bounded(1);
    let waker = Waker(token);
    let alive = Arc::new(());
    let shards = Arc::downgrade(&alive);
    let mut inlets = Vec::new();
    let mut lanes = Vec::new();
    let ports = doorbells.iter().map(|_| {
        let (inlet, inward) = inlet(capacity);
        inlets.push(inlet);
        let (outward, receiver) = lane(capacity);
        lanes.push(receiver);
        BackplanePort {
            inward,
            outward,
            shard: ShardAlive {
                alive: Some(Arc::clone(&alive)),
                waker: waker.clone(),
            },
        }
    });
    let ports = ports.collect();
    BackplaneMesh {
        ports,
        ways: BackplaneWays {
            outside: Outside::new(inlets, Arc::clone(doorbells)),
            waker,
            shards,
        },
        inbox: BackplaneInbox {
            lanes,
            doorbells: Arc::clone(doorbells),
            wait,
            next: Cell::new(0),
        },
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::id::ShardId;

    const CAPACITY: Capacity = Capacity {
        messages: 2,
        bytes: 100,
    };

    fn mesh(shards: usize) -> BackplaneMesh<u32, u32> {
        let doorbells = (0..shards).map(|_| Doorbell::new().unwrap()).collect();
        connect_backplane(&doorbells, CAPACITY)
    }

    fn in_a_while() -> Instant {
        #[expect(
            clippy::disallowed_methods,
            reason = "a deadline that ends a failing test"
        )]
        let now = Instant::now();
        now + Duration::from_secs(20)
    }

    #[test]
    fn mail_of_all_shards_comes_in_turns() {
        let mesh = mesh(2);
        for (at, port) in (0..).zip(&mesh.ports) {
            for message in 0..2 {
                port.outward.try_send(10 * at + message, 1).unwrap();
            }
        }
        let taken: Vec<u32> = std::iter::from_fn(|| mesh.inbox.try_recv()).collect();
        assert_eq!(taken, [0, 10, 1, 11]);
    }

    #[test]
    fn a_shard_that_found_no_space_is_rung_when_there_is_some() {
        let mesh = mesh(2);
        let port = &mesh.ports[1];
        while port.outward.ready() {
            port.outward.try_send(0, 1).unwrap();
        }
        assert!(mesh.inbox.try_recv().is_some());
        let rung: Vec<bool> = mesh.inbox.doorbells.iter().map(Doorbell::answer).collect();
        assert_eq!(rung, [false, true]);
    }

    #[test]
    fn a_wait_ends_with_a_wake_and_with_mail_that_is_there() {
        let mesh = mesh(1);
        mesh.ways.waker().wake();
        mesh.inbox.wait(in_a_while());
        mesh.ports[0].outward.try_send(7, 1).unwrap();
        mesh.inbox.wait(in_a_while());
        assert_eq!(mesh.inbox.try_recv(), Some(7));
        std::thread::scope(|scope| {
            let waker = mesh.ways.waker().clone();
            scope.spawn(move || waker.wake());
            mesh.inbox.wait(in_a_while());
        });
    }

    #[test]
    fn the_backplane_learns_that_all_shards_have_ended() {
        let BackplaneMesh { ports, ways, inbox } = mesh(2);
        let mut ports = ports.into_iter();
        drop(ports.next());
        assert!(!ways.are_ended());
        drop(ports);
        assert!(ways.are_ended());
        inbox.wait(in_a_while());
        assert!(ways.outside.try_send(ShardId::new(1), 7, 1).is_err());
    }
}
