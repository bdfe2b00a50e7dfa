//! How the memory that clients make a shard use is shared out.

use crate::config::Config;
use crate::limits;

/// The limits, in bytes, of the memory that clients can make one shard use: of all of it, and of
/// each part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) memory: usize,
    /// Frames for subscribers that are behind.
    pub(crate) backlog: usize,
    /// Replies that clients have not read.
    pub(crate) replies: usize,
    /// Messages and bodies that are incomplete, or wait.
    pub(crate) assembly: usize,
    /// Messages and positions of topics with a history.
    pub(crate) history: usize,
}

impl Config {
    /// The limits of the parts of the memory that clients make a shard use.
    pub(crate) fn parts(&self) -> Parts {
        let memory = self.memory_bytes_max;
        let memory = memory.unwrap_or(limits::MEMORY_BYTES_ASSUMED);
        let quarter = |most: usize| (memory / 4).min(most).max(self.longest());
        let replies = quarter(limits::REPLIES_BYTES_MAX);
        let assembly = quarter(limits::ASSEMBLY_BYTES_MAX);
        Parts {
            memory,
            backlog: self.backlog_bytes_max.unwrap_or(memory / 2),
            replies: self.replies_bytes_max.unwrap_or(replies),
            assembly: self.assembly_bytes_max.unwrap_or(assembly),
            history: self.history_bytes_max.unwrap_or(memory / 4),
        }
    }
}
