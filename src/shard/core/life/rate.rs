//! What becomes of a connection that sends too fast.

use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::id::ConnKey;
use crate::shard::core::meters::Verdict;
use crate::shard::core::shard::Shard;

impl<D, A> Shard<D, A> {
    /// What becomes of messages of `len` bytes together by the rates of their connection.
    pub(crate) fn meter(&mut self, key: ConnKey, messages: usize, len: usize) -> Verdict {
        let verdict = self.conns.meters.judge(key, messages, len, self.env.now);
        match verdict {
            Verdict::Pass => {}
            Verdict::Wait(_) => self.env.counters.hit(Limit::RateWait),
            Verdict::Drop => self.env.counters.hit(Limit::RateDrop),
            Verdict::Close => self.close(key, CloseReason::RateLimit),
        }
        verdict
    }
}
