//! What a session keeps whose client sends by requests of their own.

use crate::proto::centrifuge::Wire;

/// Commands that requests have brought, and what the client has sent where it has nothing to say.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    inbox: Vec<u8>,
    pub(crate) ignored: u32,
}

impl Stream {
    /// Takes commands behind those that wait; `false` if there are more than `max` bytes then.
    pub(crate) fn push(&mut self, wire: Wire, commands: &[u8], max: usize) -> bool {
        // Commands may end with what goes between them.
        if !self.inbox.is_empty() && !self.inbox.ends_with(wire.end()) {
            self.inbox.extend_from_slice(wire.end());
        }
        self.inbox.extend_from_slice(commands);
        self.inbox.len() <= max
    }

    /// The commands that wait.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        let commands = std::mem::take(&mut self.inbox);
        (!commands.is_empty()).then_some(commands)
    }

    /// Memory of those.
    pub(crate) fn held_bytes(&self) -> usize {
        self.inbox.capacity()
    }
}
