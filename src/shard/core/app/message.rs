//! Messages, offered to the handler.

use crate::handler::{Halt, Handler, Message, PublishError, check_message};
use crate::id::ConnKey;
use crate::proto::Kind;
use crate::shard::core::ShardCore;
use crate::shard::core::app::cx::Cx;
use crate::shard::core::shard::Shard;

/// The text that a callback is about, of which the decoder has found that it is UTF-8: where it is
/// in memory. As long as the callback borrows it, other bytes cannot be there.
#[derive(Debug, Default)]
pub(crate) struct CheckedText {
    addr: usize,
    len: usize,
}

impl CheckedText {
    fn of(kind: Kind, payload: &[u8]) -> Self {
        match kind {
            Kind::Text => Self {
                addr: payload.as_ptr().addr(),
                len: payload.len(),
            },
            Kind::Binary => Self::default(),
        }
    }

    /// Whether these bytes are that text.
    fn is(&self, bytes: &[u8]) -> bool {
        self.len != 0 && self.len == bytes.len() && self.addr == bytes.as_ptr().addr()
    }
}

impl<D, A> Shard<D, A> {
    /// Whether a message can be published or sent at all. A text that a callback passes on as it
    /// came is not read again for that.
    pub(crate) fn check_message(&self, kind: Kind, bytes: &[u8]) -> Result<(), PublishError> {
        if self.callback.checked.is(bytes) {
            return Ok(());
        }
        check_message(kind, bytes)
    }
}

impl<H: Handler> ShardCore<H> {
    /// What the handler says to a message; `None` if the connection has ended meanwhile.
    pub(in crate::shard::core) fn ask(
        &mut self,
        key: ConnKey,
        kind: Kind,
        payload: &[u8],
    ) -> Option<Result<(), Halt>> {
        let shard = &mut self.shard;
        shard.callback.checked = CheckedText::of(kind, payload);
        let message = Message { kind, payload };
        let answer = self.handler.on_message(&mut Cx { shard, key }, message);
        self.shard.callback.checked = CheckedText::default();
        if !matches!(answer, Err(Halt::Wait(_))) {
            self.shard.questions.forget(key);
        }
        self.settle_homes();
        let is_open = self
            .shard
            .conns
            .live(key)
            .is_some_and(|conn| !conn.state.is_closing());
        is_open.then_some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_or_a_copy_of_a_checked_text_is_checked_again() {
        let text = "zwölf".as_bytes();
        let checked = CheckedText::of(Kind::Text, text);
        assert!(checked.is(text));
        let copy = text.to_vec();
        assert!(!checked.is(&text[..3]) && !checked.is(&text[1..]) && !checked.is(&copy));
        let binary = CheckedText::of(Kind::Binary, text);
        assert!(!binary.is(text) && !CheckedText::default().is(b""));
    }
}
