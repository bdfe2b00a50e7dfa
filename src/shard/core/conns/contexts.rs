//! What connections have sent compressed before, to which their next messages may refer
//! (RFC 7692 7.1.1).

use std::collections::HashMap;

use crate::id::ConnKey;
use crate::proto::ws::deflate::Window;

/// The ends of what connections have sent compressed, by their keys: of those alone whose next
/// message may refer to them, and from their first message on.
#[derive(Debug, Default)]
pub(crate) struct Contexts(HashMap<ConnKey, Vec<u8>>);

impl Contexts {
    pub(crate) fn of(&self, key: ConnKey) -> &[u8] {
        self.0.get(&key).map_or(&[], |context| context)
    }

    pub(crate) fn keep(&mut self, key: ConnKey, end: &[u8]) {
        let context = self.0.entry(key).or_default();
        context.clear();
        if context.capacity() < end.len() {
            let len = end.len().next_power_of_two();
            context.reserve_exact(len.min(Window::LARGEST.size()));
        }
        context.extend_from_slice(end);
    }

    /// Bytes of memory that a connection has here.
    pub(crate) fn held_bytes(&self, key: ConnKey) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        self.0.get(&key).map_or(0, |context| context.capacity())
    }

    /// The connection has ended.
    pub(crate) fn forget(&mut self, key: ConnKey) {
        if !self.0.is_empty() {
            self.0.remove(&key);
        }
    }
}
