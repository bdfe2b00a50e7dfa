//! What to do when the kernel has no descriptors or memory to give.

use std::fs::File;
use std::time::Duration;

use rustix::io::Errno;

use crate::shard::source::Source;
use crate::time::Now;

/// Turns connections away when there is no descriptor for them.
#[derive(Debug)]
pub(super) struct Scarcity {
    /// Given up for a moment when there is no other descriptor, to turn a connection away.
    spare: Option<File>,
    /// No accepts until then.
    until: Option<Now>,
    /// When a failed accept was last logged, and how many were not since.
    logged: Option<Now>,
    unlogged: u64,
}

impl Scarcity {
    /// Takes a descriptor to spare.
    pub(super) fn new() -> Self {
        Self {
            spare: File::open("/dev/null").ok(),
            until: None,
            logged: None,
            unlogged: 0,
        }
    }

    /// Takes one connection with the spare descriptor and closes it: its client need not wait for
    /// one that may never be free. `false` if there was none to take.
    pub(super) fn turn_away(&mut self, source: &Source) -> bool {
        let somebody = self.spare.take().is_none() || source.turn_away();
        self.spare = File::open("/dev/null").ok();
        somebody
    }

    /// Nothing is accepted until then.
    pub(super) fn pause_until(&mut self, until: Now) {
        self.until = Some(until);
    }

    /// When accepting goes on.
    pub(super) fn goes_on_at(&self) -> Now {
        self.until.unwrap_or_default()
    }

    /// Accepting goes on; after a pause, whether there is a descriptor beside the spare one.
    pub(super) fn go_on(&mut self) -> Option<bool> {
        self.until.take()?;
        if self.spare.is_none() {
            self.spare = File::open("/dev/null").ok();
        }
        Some(self.spare.is_some() && File::open("/dev/null").is_ok())
    }

    /// Logs at most once per second.
    pub(super) fn log(&mut self, err: Errno, now: Now) {
        let is_new = |logged: Now| logged.plus(Duration::from_secs(1)) <= now;
        if !self.logged.is_none_or(is_new) {
            self.unlogged += 1;
            return;
        }
        let unlogged = std::mem::take(&mut self.unlogged);
        log::warn!(
            "cannot accept: {err} ({unlogged} more since the last message); raise the limit of \
             open files or use more shards"
        );
        self.logged = Some(now);
    }
}

/// Whether an accept failed for want of descriptors or memory, and will again if tried at once.
pub(super) fn is_scarcity(err: Errno) -> bool {
    matches!(
        err,
        Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM
    )
}
