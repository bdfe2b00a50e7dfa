//! Server-sent events: a stream that only sends.

use crate::close_reason::CloseReason;
use crate::handler::Handler;
use crate::id::ConnKey;
use crate::limits::EVENTS_INPUT_BYTES_MAX;
use crate::shard::core::ShardCore;
use crate::shard::core::ingress::Progress;

impl<H: Handler> ShardCore<H> {
    /// The client of a stream of events has nothing to say: what it sends is counted and dropped.
    pub(in crate::shard::core) fn discard(&mut self, key: ConnKey, len: usize) -> Progress {
        let conn = self.shard.conns.live(key);
        let Some(ignored) = conn.and_then(|conn| conn.protocol.count_ignored(len)) else {
            return Progress::Ended;
        };
        if ignored <= EVENTS_INPUT_BYTES_MAX {
            return Progress::Bytes(len);
        }
        let rule = "a stream of events only sends";
        self.shard.close(key, CloseReason::Policy(rule));
        Progress::Ended
    }
}
