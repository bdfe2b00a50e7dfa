//! Refusals for the log: one of a kind now and then.

use std::time::Duration;

use crate::handler::Handler;
use crate::shard::core::ShardCore;
use crate::time::Now;

/// Refusals of one kind, for the log: one of them now and then.
#[derive(Debug, Default)]
pub(crate) struct Notice {
    /// What is to be logged of one of them.
    words: Option<String>,
    /// When another may be logged.
    next: Now,
}

impl Notice {
    /// Takes the text of one, if none was taken within `interval`.
    pub(crate) fn note(&mut self, words: impl FnOnce() -> String, now: Now, interval: Duration) {
        if self.next <= now {
            self.next = now.plus(interval);
            self.words = Some(words());
        }
    }
}

impl<H: Handler> ShardCore<H> {
    /// What a page was told that was refused for its origin, if the log is to have it.
    pub fn take_refused_origin(&mut self) -> Option<String> {
        self.shard.ingress.refused_origins.words.take()
    }

    /// What is to be logged of a client that was denied, if anything is.
    pub fn take_denial(&mut self) -> Option<String> {
        self.shard.env.denials.words.take()
    }
}
