//! Tests of every interleaving of a lane and its doorbells, with loom. A lost wake-up leaves all
//! threads asleep, which loom reports as a deadlock.
//!
//! `.ci/loom` runs them.

use std::io;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use loom::model::Builder;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::mesh::doorbell::{Doorbell, Wake};
use crate::mesh::{Capacity, LaneReceiver, LaneSender, Refused, lane};

/// A poll with one edge-triggered descriptor.
#[derive(Debug)]
struct Poll {
    edge: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Poll {
    fn wake(&self) -> io::Result<()> {
        *self.edge.lock().unwrap() = true;
        self.changed.notify_one();
        Ok(())
    }
}

type Bell = Arc<Doorbell<Poll>>;

fn bell() -> Bell {
    Arc::new(Doorbell::over(Poll {
        edge: Mutex::new(false),
        changed: Condvar::new(),
    }))
}

fn sleep(bell: &Bell) {
    let poll = bell.waker();
    let mut edge = poll.edge.lock().unwrap();
    while !*edge {
        edge = poll.changed.wait(edge).unwrap();
    }
    *edge = false;
}

/// Two threads leave mail with relaxed ordering, so that only the doorbell orders it.
fn two_leave_mail(owner: impl Fn(&Bell, &AtomicUsize) + Sync + Send + 'static) {
    loom::model(move || {
        let bell = bell();
        let mail = Arc::new(AtomicUsize::new(0));
        for _ in 0..SENDERS {
            let (bell, mail) = (Arc::clone(&bell), Arc::clone(&mail));
            thread::spawn(move || {
                mail.fetch_add(1, Ordering::Relaxed);
                bell.ring();
            });
        }
        owner(&bell, &mail);
    });
}

const SENDERS: usize = 2;

#[test]
fn no_ring_is_lost() {
    two_leave_mail(|bell, mail| {
        loop {
            bell.answer();
            if mail.load(Ordering::Relaxed) == SENDERS {
                return;
            }
            sleep(bell);
        }
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn answering_after_looking_for_mail_would_lose_one() {
    two_leave_mail(|bell, mail| {
        while mail.load(Ordering::Relaxed) < SENDERS {
            bell.answer();
            sleep(bell);
        }
    });
}

/// One thread sends `MESSAGES` over a lane that is too small for them; `push` waits for space.
fn too_small(
    capacity: Capacity,
    push: impl Fn(&LaneSender<usize>, usize) -> bool + Copy + Send + Sync + 'static,
    relieve: impl Fn(&LaneReceiver<usize>) -> bool + Copy + Send + Sync + 'static,
) {
    let mut model = Builder::new();
    model.preemption_bound = Some(PREEMPTIONS);
    model.check(move || {
        let (sender, receiver) = lane(capacity);
        // A failed model must not be touched again; dropping would do so.
        let receiver = ManuallyDrop::new(receiver);
        let (sender_bell, receiver_bell) = (bell(), bell());
        let bells = (Arc::clone(&sender_bell), Arc::clone(&receiver_bell));
        thread::spawn(move || {
            let (own, peer) = bells;
            for message in 0..MESSAGES {
                while !push(&sender, message) {
                    sleep(&own);
                    own.answer();
                }
                peer.ring();
            }
        });
        let mut next = 0;
        loop {
            receiver_bell.answer();
            while let Some(message) = receiver.try_recv() {
                assert_eq!(message, next);
                next += 1;
            }
            if relieve(&receiver) {
                sender_bell.ring();
            }
            if next == MESSAGES {
                return;
            }
            sleep(&receiver_bell);
        }
    });
}

/// Number of preemptions that loom tries: its authors found that bugs need 2 or 3.
const PREEMPTIONS: usize = 3;
const MESSAGES: usize = 2;
const ONE_MESSAGE: Capacity = Capacity {
    messages: 1,
    bytes: 100,
};
const ONE_BYTE: Capacity = Capacity {
    messages: 4,
    bytes: 1,
};

fn try_send(sender: &LaneSender<usize>, message: usize) -> bool {
    match sender.try_send(message, 1) {
        Ok(()) => true,
        Err(Refused::Full(_)) => false,
        Err(Refused::Gone(_)) => panic!("the receiver waits for the last message"),
    }
}

fn send_when_ready(sender: &LaneSender<usize>, message: usize) -> bool {
    let ready = sender.ready();
    if ready {
        assert!(try_send(sender, message), "ready is a promise");
    }
    ready
}

#[test]
fn no_notice_of_space_is_lost_when_places_run_out() {
    too_small(ONE_MESSAGE, try_send, LaneReceiver::relieved);
    too_small(ONE_MESSAGE, send_when_ready, LaneReceiver::relieved);
}

#[test]
fn no_notice_of_space_is_lost_when_bytes_run_out() {
    too_small(ONE_BYTE, try_send, LaneReceiver::relieved);
    too_small(ONE_BYTE, send_when_ready, LaneReceiver::relieved);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_receiver_that_never_looks_for_the_starved_would_leave_them() {
    too_small(ONE_MESSAGE, try_send, |_| false);
}
