//! What to do if the kernel has no descriptors or memory for a connection.

use std::fs::File;
use std::time::Duration;

use rustix::io::Errno;

use crate::limits::ACCEPT_PAUSE;
use crate::time::Now;

/// A pause in accepting after an error, and a spare descriptor to turn connections away.
#[derive(Debug)]
pub(crate) struct FdExhaustion {
    /// Closed for a moment if there is no other descriptor.
    spare: Option<File>,
    /// Nothing is accepted until then.
    pause: Option<Now>,
    exhausted: bool,
    /// When an error was last logged, and how many were not since.
    logged: Option<Now>,
    unlogged: u64,
}

impl FdExhaustion {
    /// Takes the spare descriptor.
    pub(crate) fn new() -> Self {
        Self {
            spare: open(),
            pause: None,
            exhausted: false,
            logged: None,
            unlogged: 0,
        }
    }

    /// Calls `f` while the spare descriptor is free, so that it can open one.
    pub(crate) fn with_spare<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.spare = None;
        let result = f();
        self.keep_spare();
        result
    }

    /// Opens the spare descriptor again if it is gone.
    pub(crate) fn keep_spare(&mut self) {
        self.spare = self.spare.take().or_else(open);
    }

    /// An accept failed: pauses. Whether descriptors or memory are exhausted.
    pub(crate) fn fail(&mut self, err: Errno, now: Now) -> bool {
        self.pause = Some(now.plus(ACCEPT_PAUSE));
        let exhausted = is_exhaustion(err);
        self.exhausted |= exhausted;
        exhausted
    }

    /// The end of the pause, if there is one.
    pub(crate) fn pause(&self) -> Option<Now> {
        self.pause
    }

    /// Tries again at once.
    pub(crate) fn end_pause(&mut self) {
        self.pause = None;
        self.exhausted = false;
    }

    /// Ends the pause if it is time; says then whether descriptors are still exhausted.
    pub(crate) fn resume(&mut self, now: Now) -> Option<bool> {
        self.pause.take_if(|until| *until <= now)?;
        if self.exhausted {
            self.keep_spare();
            self.exhausted = self.spare.is_none() || open().is_none();
        }
        Some(self.exhausted)
    }

    /// While descriptors are exhausted there is always a next [`resume`](Self::resume): no event
    /// reports that some are free again.
    pub(crate) fn plan_resume(&mut self, now: Now) {
        if self.exhausted {
            self.pause.get_or_insert_with(|| now.plus(ACCEPT_PAUSE));
        }
    }

    /// Logs an error, at most one per second.
    pub(crate) fn log(&mut self, err: Errno, now: Now) {
        let is_new = |logged: Now| logged.plus(Duration::from_secs(1)) <= now;
        if !self.logged.is_none_or(is_new) {
            self.unlogged += 1;
            return;
        }
        let unlogged = std::mem::take(&mut self.unlogged);
        let remedy = match is_exhaustion(err) {
            true => "; raise the limit of open files or use more shards",
            false => "",
        };
        log::warn!("cannot accept: {err} ({unlogged} more since the last message){remedy}");
        self.logged = Some(now);
    }
}

fn open() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Whether an accept failed because there are no descriptors or no memory, and will again if it is
/// repeated at once.
fn is_exhaustion(err: Errno) -> bool {
    matches!(
        err,
        Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM
    )
}

/// Whether the connection failed and not the listener (accept(2), "Error handling").
pub(crate) fn is_of_connection(err: Errno) -> bool {
    matches!(
        err,
        Errno::CONNABORTED
            | Errno::INTR
            | Errno::PROTO
            | Errno::PERM
            | Errno::NETDOWN
            | Errno::NOPROTOOPT
            | Errno::HOSTDOWN
            | Errno::NONET
            | Errno::HOSTUNREACH
            | Errno::OPNOTSUPP
            | Errno::NETUNREACH
    )
}
