//! Frames over TCP: a length or a line, and a message.

use crate::close_reason::CloseReason;
use crate::handler::Handler;
use crate::id::ConnKey;
use crate::proto::Frames;
use crate::proto::length_prefix::Step;
use crate::shard::core::ShardCore;
use crate::shard::core::ingress::Progress;

impl<H: Handler> ShardCore<H> {
    pub(in crate::shard::core) fn take_frame(
        &mut self,
        key: ConnKey,
        frames: Frames,
        input: &mut [u8],
    ) -> Progress {
        let (payload, taken) = match frames.decode(input, self.shard.env.config.message_bytes_max) {
            Ok(Step::Incomplete { .. }) => return Progress::Incomplete,
            Ok(Step::Frame { payload: [], taken }) => {
                self.shard.conns.restart_progress(key, self.shard.env.now);
                return self.shard.take_silent(key, taken);
            }
            Ok(Step::Frame { payload, taken }) => (payload, taken),
            Err(error) => {
                self.shard.close(key, CloseReason::Protocol(error));
                return Progress::Ended;
            }
        };
        match frames.kind_of(payload) {
            Ok(kind) => self.offer(key, kind, payload, taken),
            Err(error) => {
                self.shard.close(key, CloseReason::Protocol(error));
                Progress::Ended
            }
        }
    }
}
