//! Wakes a shard that sleeps in its poll when there is mail.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Weak};

use crate::id::ShardId;
use crate::mesh::sync::{AtomicBool, Ordering};
use crate::sys::eventfd::EventFd;

/// Ends a poll. Each call is an edge, which the poll reports once.
pub trait Wake {
    /// Ends the owner's poll, or its next if it is not polling now.
    ///
    /// # Errors
    ///
    /// The errors of the descriptor.
    fn wake(&self) -> io::Result<()>;
}

impl Wake for EventFd {
    fn wake(&self) -> io::Result<()> {
        self.signal()
    }
}

/// One shard's doorbell. Put mail on the lane first, then call [`ring`](Self::ring).
///
/// However often it is rung between two answers, its owner is woken once. It has its own cache
/// line, so that two shards' doorbells do not slow each other down.
#[derive(Debug)]
#[repr(align(128))]
pub struct Doorbell<W = EventFd> {
    rung: AtomicBool,
    wake: W,
}

impl Doorbell {
    /// Creates a doorbell and its descriptor in the calling thread's descriptor table.
    ///
    /// # Errors
    ///
    /// The process has no descriptors left.
    pub fn new() -> io::Result<Self> {
        EventFd::new().map(Self::over)
    }
}

impl<W: Wake> Doorbell<W> {
    pub(super) fn over(wake: W) -> Self {
        Self {
            rung: AtomicBool::new(false),
            wake,
        }
    }

    #[cfg(all(test, loom))]
    pub(super) fn waker(&self) -> &W {
        &self.wake
    }

    /// Wakes the owner, unless it was woken since its last answer.
    ///
    /// The owner sees everything that the caller wrote before, after it has answered.
    pub fn ring(&self) {
        // The flag is written even if it is already set, so that the owner's answer synchronizes
        // with this caller's mail too, not only with that of the first caller.
        if !self.rung.swap(true, Ordering::AcqRel)
            && let Err(err) = self.wake.wake()
        {
            log::error!("mesh: cannot wake a shard: {err}");
        }
    }

    /// Whether it was rung since the last answer. This is not an answer.
    pub fn is_rung(&self) -> bool {
        self.rung.load(Ordering::Acquire)
    }

    /// The owner calls this before it looks for mail, so that later mail rings again. Returns
    /// whether the doorbell was rung since the last answer.
    ///
    /// A read-modify-write, not a store: a plain store could move behind the reads of the inbox
    /// after it, and mail sent in between would not ring. The descriptor's counter is not read: its
    /// poll is edge-triggered, and a read here could consume the edge of a later ring.
    pub fn answer(&self) -> bool {
        self.rung.swap(false, Ordering::AcqRel)
    }
}

/// For `SourceFd`. It stays readable: register it with mio, edge-triggered.
impl AsRawFd for Doorbell {
    fn as_raw_fd(&self) -> RawFd {
        self.wake.as_raw_fd()
    }
}

/// Wakes one shard as long as the server exists.
#[derive(Debug)]
pub struct Bell<W = EventFd> {
    doorbells: Weak<[Doorbell<W>]>,
    shard: ShardId,
}

impl<W: Wake> Bell<W> {
    pub(super) fn new(doorbells: &Arc<[Doorbell<W>]>, shard: ShardId) -> Self {
        Self {
            doorbells: Arc::downgrade(doorbells),
            shard,
        }
    }

    /// Wakes the shard.
    pub fn ring(&self) {
        let doorbells = self.doorbells.upgrade();
        if let Some(doorbell) = doorbells
            .as_ref()
            .and_then(|all| all.get(self.shard.index()))
        {
            doorbell.ring();
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::time::Duration;

    use mio::unix::SourceFd;
    use mio::{Events, Interest, Poll, Token};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);
    const AT_ONCE: Duration = Duration::ZERO;

    fn is_woken(poll: &mut Poll, wait: Duration) -> bool {
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(wait)).unwrap();
        !events.is_empty()
    }

    fn polled() -> (Poll, Doorbell) {
        let (poll, doorbell) = (Poll::new().unwrap(), Doorbell::new().unwrap());
        let mut source = SourceFd(&doorbell.as_raw_fd());
        let registry = poll.registry();
        registry
            .register(&mut source, Token(0), Interest::READABLE)
            .unwrap();
        (poll, doorbell)
    }

    #[test]
    fn every_ring_after_an_answer_wakes_the_poll() {
        let (mut poll, doorbell) = polled();
        assert!(!is_woken(&mut poll, AT_ONCE));
        for _ in 0..3 {
            doorbell.ring();
            assert!(is_woken(&mut poll, PATIENCE));
            assert!(doorbell.answer());
        }
        assert!(!doorbell.answer());
    }

    #[test]
    fn an_answered_ring_does_not_wake_again() {
        let (mut poll, doorbell) = polled();
        doorbell.ring();
        doorbell.ring();
        assert!(is_woken(&mut poll, PATIENCE));
        doorbell.ring();
        assert!(!is_woken(&mut poll, AT_ONCE), "rung already");
        assert!(doorbell.answer());
        assert!(!is_woken(&mut poll, AT_ONCE), "and answered");
    }

    #[test]
    fn a_ring_wakes_a_poll_that_waits_on_another_thread() {
        let (mut poll, doorbell) = polled();
        std::thread::scope(|scope| {
            let owner = scope.spawn(|| is_woken(&mut poll, PATIENCE));
            doorbell.ring();
            assert!(owner.join().unwrap());
        });
    }
}
