//! Messages, offered to the handler.

use crate::handler::{Halt, Handler, Message};
use crate::id::ConnKey;
use crate::proto::Kind;
use crate::shard::core::ShardCore;
use crate::shard::core::app::cx::Cx;

impl<H: Handler> ShardCore<H> {
    /// What the handler says to a message; `None` if the connection has ended meanwhile.
    pub(in crate::shard::core) fn ask(
        &mut self,
        key: ConnKey,
        kind: Kind,
        payload: &[u8],
    ) -> Option<Result<(), Halt>> {
        let inner = &mut self.inner;
        let message = Message { kind, payload };
        let answer = self.handler.on_message(&mut Cx { inner, key }, message);
        if !matches!(answer, Err(Halt::Wait(_))) {
            self.inner.questions.forget(key);
        }
        self.settle_homes();
        let is_open = self
            .inner
            .conn(key)
            .is_some_and(|conn| !conn.state.is_closing());
        is_open.then_some(answer)
    }
}
