//! A kernel counter that wakes a poll: the descriptor of a doorbell.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::event::{EventfdFlags, eventfd};

/// An `eventfd(2)`, non-blocking and closed on exec.
///
/// Threads with descriptor tables of their own use it by its number, which they have kept
/// ([`own_table`](crate::sys::descriptors::own_table)). Dropping it closes the number in the table of the
/// thread that drops it, so let the thread that made it be the last.
#[derive(Debug)]
pub struct EventFd {
    fd: OwnedFd,
}

impl EventFd {
    /// Makes one in the calling thread's descriptor table.
    ///
    /// # Errors
    ///
    /// When the process or the system is out of descriptors (`EMFILE`, `ENFILE`).
    pub fn new() -> io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self { fd })
    }

    /// Adds one to the counter.
    ///
    /// Each call is an edge to `epoll(7)`, whether or not the counter was read since the last:
    /// whoever registers it edge-triggered, as mio does, never needs to read it. At one call a
    /// nanosecond the counter is full after 584 years.
    ///
    /// # Errors
    ///
    /// When the calling thread's table does not have the descriptor (`EBADF`).
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
