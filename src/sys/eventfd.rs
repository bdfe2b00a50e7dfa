//! A kernel counter that wakes a poll: the descriptor of a doorbell.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::event::{EventfdFlags, eventfd};

/// An `eventfd(2)`, non-blocking and closed on exec.
///
/// Threads with their own descriptor tables use it by its number, which they have kept
/// ([`own_table`](crate::sys::descriptors::own_table)). Dropping it closes the number in the table
/// of the thread that drops it, so the thread that created it must drop it last.
#[derive(Debug)]
pub struct EventFd {
    fd: OwnedFd,
}

impl EventFd {
    /// Makes one in the calling thread's descriptor table.
    ///
    /// # Errors
    ///
    /// The process or the system has no descriptors left (`EMFILE`, `ENFILE`).
    pub fn new() -> io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self { fd })
    }

    /// Adds one to the counter.
    ///
    /// Each call is an edge for `epoll(7)`, even if the counter was not read since the last call. A
    /// poll that registers it edge-triggered, as mio does, never needs to read it. At one call a
    /// nanosecond, the counter is full after 584 years.
    ///
    /// # Errors
    ///
    /// The calling thread's table does not have the descriptor (`EBADF`).
    pub fn signal(&self) -> io::Result<()> {
        rustix::io::write(&self.fd, &1_u64.to_ne_bytes())?;
        Ok(())
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
