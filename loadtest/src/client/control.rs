//! What the threads of a crew share: how far to open, how far they are, and doorbells.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use corecast::sys::eventfd::EventFd;

/// Shared by one crew of threads and their leader.
#[derive(Debug, Default)]
pub(crate) struct Control {
    /// Connections that may be opened by now, over all threads.
    pub(crate) open_up_to: AtomicU64,
    /// Connections that became live, since the leader last set it to zero.
    pub(crate) live: AtomicU64,
    /// Connections that became live, each time counted.
    pub(crate) opened: AtomicU64,
    /// Connections given up before they were live.
    pub(crate) gave_up: AtomicU64,
    /// Connections that were live and ended.
    pub(crate) ended: AtomicU64,
    /// Connections that were live and were left by our own wish.
    pub(crate) left: AtomicU64,
    /// Of these: our close frame was not answered with one.
    pub(crate) unanswered: AtomicU64,
    /// Tries that failed and were followed by another.
    pub(crate) retries: AtomicU64,
    /// When the latest connection became live.
    pub(crate) last_live_ns: AtomicU64,
    is_slow: AtomicBool,
    stopping: AtomicBool,
    /// One for each thread, made before it and kept in its descriptor table.
    doorbells: Vec<EventFd>,
}

/// What threads tell their leader.
pub(crate) enum News {
    /// A thread failed and ended, for this reason.
    Trouble(String),
    /// An agent cannot be reached any more, for this reason.
    Lost(String),
    /// All that was to be done is done.
    Done,
}

/// Reads a counter that other threads write.
pub(crate) fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Acquire)
}

impl Control {
    /// For a crew of this many threads. Fails where no descriptor is free.
    pub(crate) fn new(threads: usize) -> io::Result<Self> {
        Ok(Self {
            doorbells: (0..threads)
                .map(|_| EventFd::new())
                .collect::<io::Result<_>>()?,
            ..Self::default()
        })
    }

    pub(crate) fn threads(&self) -> usize {
        self.doorbells.len()
    }

    pub(crate) fn doorbell(&self, thread: usize) -> Option<&EventFd> {
        self.doorbells.get(thread)
    }

    /// What a thread must keep in its table to be able to ring.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        self.doorbells.iter().map(AsRawFd::as_raw_fd)
    }

    pub(crate) fn ring(&self, thread: usize) {
        self.doorbell(thread).into_iter().for_each(ring);
    }

    pub(crate) fn ring_all(&self) {
        self.doorbells.iter().for_each(ring);
    }

    /// Lets connections be opened up to this many.
    pub(crate) fn open(&self, up_to: u64) {
        self.open_up_to.store(up_to, Ordering::Release);
        self.ring_all();
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.ring_all();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Begins or ends the slow reading of a crew that is to read slowly.
    pub(crate) fn read_slowly(&self, is_slow: bool) {
        self.is_slow.store(is_slow, Ordering::Release);
        self.ring_all();
    }

    pub(crate) fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Acquire)
    }

    pub(crate) fn open_now(&self) -> u64 {
        let over = load(&self.ended) + load(&self.left);
        load(&self.opened).saturating_sub(over)
    }

    /// Whether the server has ended a connection.
    pub(crate) fn has_ended(&self) -> bool {
        load(&self.ended) > 0
    }

    pub(crate) fn add_live(&self, now: u64) {
        self.last_live_ns.fetch_max(now, Ordering::Relaxed);
        self.live.fetch_add(1, Ordering::AcqRel);
        self.opened.fetch_add(1, Ordering::AcqRel);
    }
}

/// Each ring is an edge of its own, so the counter is never read.
fn ring(doorbell: &EventFd) {
    let rung = doorbell.signal();
    debug_assert!(rung.is_ok(), "the doorbell is in every table: {rung:?}");
}
