//! Server-sent events: a stream that only sends.

use crate::close_reason::CloseReason;
use crate::conn::Proto;
use crate::handler::Handler;
use crate::limits::EVENTS_INPUT_BYTES_MAX;
use crate::shard::core::ShardCore;
use crate::shard::core::ingress::Took;

impl<H: Handler> ShardCore<H> {
    /// The client of a stream of events has nothing to say: what it sends is counted and dropped.
    pub(in crate::shard::core) fn discard(&mut self, key: u32, len: usize) -> Took {
        let Some(Proto::Events(bytes)) = self.inner.conn(key).map(|conn| &mut conn.proto) else {
            return Took::Ended;
        };
        *bytes = bytes.saturating_add(u32::try_from(len).unwrap_or(u32::MAX));
        if *bytes <= EVENTS_INPUT_BYTES_MAX {
            return Took::Bytes(len);
        }
        let rule = "a stream of events only sends";
        self.inner.close(key, CloseReason::Policy(rule));
        Took::Ended
    }
}
