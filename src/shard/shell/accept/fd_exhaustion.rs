//! What to do when the kernel has no descriptors or memory to give.

use std::fs::File;
use std::time::Duration;

use rustix::io::Errno;

use crate::limits::ACCEPT_PAUSE;
use crate::shard::shell::accept::listen_socket::{Came, Source};
use crate::time::Now;

/// Turns connections away when there is no descriptor for them.
#[derive(Debug)]
pub(crate) struct Scarcity {
    /// Given up for a moment when there is no other descriptor, to turn a connection away.
    spare: Option<File>,
    /// No accepts until then.
    until: Option<Now>,
    /// When it is looked again whether there are descriptors, while there are none.
    looks_at: Option<Now>,
    /// When a failed accept was last logged, and how many were not since.
    logged: Option<Now>,
    unlogged: u64,
}

impl Scarcity {
    /// Takes a descriptor to spare.
    pub(crate) fn new() -> Self {
        Self {
            spare: File::open("/dev/null").ok(),
            until: None,
            looks_at: None,
            logged: None,
            unlogged: 0,
        }
    }

    /// Takes one connection with the spare descriptor and closes it: its client need not wait for
    /// one that may never be free. `false` if there was none to take.
    pub(crate) fn turn_away(&mut self, source: &Source) -> bool {
        let somebody = self.spare.take().is_none() || source.turn_away();
        self.spare = File::open("/dev/null").ok();
        somebody
    }

    /// Deals a connection in the place of the spare descriptor: it needs one for a moment only.
    ///
    /// # Errors
    ///
    /// Those of `deal`.
    pub(crate) fn deal(
        &mut self,
        deal: impl FnOnce() -> Result<Came, Errno>,
    ) -> Result<Came, Errno> {
        self.spare = None;
        let dealt = deal();
        self.spare = File::open("/dev/null").ok();
        dealt
    }

    /// Nothing is accepted until then.
    pub(crate) fn pause_until(&mut self, until: Now) {
        self.until = Some(until);
    }

    /// There are no descriptors; it will be looked for some.
    pub(crate) fn begin(&mut self, now: Now) {
        self.looks_at.get_or_insert_with(|| now.plus(ACCEPT_PAUSE));
    }

    /// When accepting goes on.
    pub(crate) fn goes_on_at(&self) -> Now {
        self.until.unwrap_or_default()
    }

    /// When [`go_on`](Self::go_on) is due at the latest.
    pub(crate) fn looks_at(&self) -> Option<Now> {
        self.looks_at
    }

    /// Accepting goes on; whether there are descriptors beside the spare one, if that is known.
    pub(crate) fn go_on(&mut self, now: Now) -> Option<bool> {
        self.until = None;
        self.looks_at.filter(|at| *at <= now)?;
        if self.spare.is_none() {
            self.spare = File::open("/dev/null").ok();
        }
        let is_over = self.spare.is_some() && File::open("/dev/null").is_ok();
        self.looks_at = (!is_over).then(|| now.plus(ACCEPT_PAUSE));
        Some(is_over)
    }

    /// Logs at most once per second.
    pub(crate) fn log(&mut self, err: Errno, now: Now) {
        let is_new = |logged: Now| logged.plus(Duration::from_secs(1)) <= now;
        if !self.logged.is_none_or(is_new) {
            self.unlogged += 1;
            return;
        }
        let unlogged = std::mem::take(&mut self.unlogged);
        let remedy = match is_scarcity(err) {
            true => "; raise the limit of open files or use more shards",
            false => "",
        };
        log::warn!("cannot accept: {err} ({unlogged} more since the last message){remedy}");
        self.logged = Some(now);
    }
}

/// Whether an accept failed for want of descriptors or memory, and will again if tried at once.
pub(crate) fn is_scarcity(err: Errno) -> bool {
    matches!(
        err,
        Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM
    )
}

/// Whether it was the connection that failed and not the listener (accept(2), "Error handling").
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
