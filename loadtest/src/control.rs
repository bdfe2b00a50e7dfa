//! What the threads of a crew share: how far to open, how far they are, and doorbells.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// Shared by one crew of threads and whoever leads it.
#[derive(Debug)]
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
    doorbells: Vec<Doorbell>,
}

/// What threads tell their leader.
#[derive(Debug)]
pub(crate) enum News {
    /// A thread failed and ended, for this reason.
    Trouble(String),
    /// All that was to be done is done.
    Done,
}

/// Wakes one thread: an eventfd, made before the thread and kept in its descriptor table.
#[derive(Debug)]
pub(crate) struct Doorbell(OwnedFd);

impl Doorbell {
    /// A new one.
    ///
    /// # Errors
    ///
    /// No descriptor is free.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(eventfd(
            0,
            EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK,
        )?))
    }

    /// Wakes the thread that polls it. Each ring is an edge of its own, so nobody reads it.
    pub(crate) fn ring(&self) {
        // It fails when 2^64 rings have gathered, and then the thread is awake.
        let rung = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
        debug_assert!(rung.is_ok(), "the doorbell is in every table: {rung:?}");
    }
}

impl AsFd for Doorbell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Control {
    /// For a crew of this many threads.
    ///
    /// # Errors
    ///
    /// No descriptor is free.
    pub(crate) fn new(threads: usize) -> io::Result<Self> {
        Ok(Self {
            open_up_to: AtomicU64::new(0),
            live: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            gave_up: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            left: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            last_live_ns: AtomicU64::new(0),
            is_slow: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            doorbells: (0..threads)
                .map(|_| Doorbell::new())
                .collect::<io::Result<_>>()?,
        })
    }

    /// Threads of the crew.
    pub(crate) fn threads(&self) -> usize {
        self.doorbells.len()
    }

    /// The doorbell of one thread.
    pub(crate) fn doorbell(&self, thread: usize) -> Option<&Doorbell> {
        self.doorbells.get(thread)
    }

    /// What a thread must keep in its table to be able to ring.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        self.doorbells.iter().map(|doorbell| doorbell.0.as_raw_fd())
    }

    /// Wakes one thread.
    pub(crate) fn ring(&self, thread: usize) {
        self.doorbell(thread).into_iter().for_each(Doorbell::ring);
    }

    /// Wakes all threads.
    pub(crate) fn ring_all(&self) {
        self.doorbells.iter().for_each(Doorbell::ring);
    }

    /// Lets connections be opened up to this many.
    pub(crate) fn open(&self, up_to: u64) {
        self.open_up_to.store(up_to, Ordering::Release);
        self.ring_all();
    }

    /// Ends all threads.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.ring_all();
    }

    /// Whether the crew is to end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Lets those who are to read slowly begin with it, or end it.
    pub(crate) fn read_slowly(&self, is_slow: bool) {
        self.is_slow.store(is_slow, Ordering::Release);
        self.ring_all();
    }

    /// Whether slow readers are slow now.
    pub(crate) fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Acquire)
    }

    /// Connections that are live now.
    pub(crate) fn open_now(&self) -> u64 {
        let load = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        let over = load(&self.ended) + load(&self.left);
        load(&self.opened).saturating_sub(over)
    }

    /// One more connection is live.
    pub(crate) fn add_live(&self, now: u64) {
        self.last_live_ns.fetch_max(now, Ordering::Relaxed);
        self.live.fetch_add(1, Ordering::AcqRel);
        self.opened.fetch_add(1, Ordering::AcqRel);
    }
}
