//! Pages that were refused for their origin, for the log.

use crate::handler::Handler;
use crate::limits::ORIGIN_LOG_INTERVAL;
use crate::shard::core::ShardCore;
use crate::time::Now;

/// Pages that were refused for their origin, for the log: one of them now and then.
#[derive(Debug, Default)]
pub(crate) struct RefusedOrigins {
    /// What one of them was told.
    words: Option<String>,
    /// When there is to be word of another.
    next: Now,
}

impl RefusedOrigins {
    pub(crate) fn note(&mut self, words: String, now: Now) {
        if self.next <= now {
            self.next = now.plus(ORIGIN_LOG_INTERVAL);
            self.words = Some(words);
        }
    }
}

impl<H: Handler> ShardCore<H> {
    /// What a page was told that was refused for its origin, if the log is to have it.
    pub fn take_refused_origin(&mut self) -> Option<String> {
        self.shard.ingress.refused_origins.words.take()
    }
}
