//! Connections that have ended, or have been sent everything: what handler and shell are to do.

use crate::close_reason::CloseReason;
use crate::id::{ConnId, ConnKey};
use crate::shard::core::conns::waits::WaitQueue;

/// Connections that have ended, or have been sent everything.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// Those that ended in this turn, of which the handler is to be told.
    ended: Vec<(ConnId, CloseReason)>,
    /// Those with an end that the handler could not take yet.
    pub(crate) unsettled: WaitQueue<(ConnId, CloseReason)>,
    /// Those that have been sent everything, of which the handler wants to be told.
    drained: Vec<ConnId>,
    /// Those with a socket to be shut down for writing.
    finished: Vec<ConnId>,
    /// Those to free at the end of the turn.
    dead: Vec<ConnKey>,
}

impl Ends {
    pub(crate) fn note_ended(&mut self, id: ConnId, reason: CloseReason) {
        self.ended.push((id, reason));
    }

    pub(crate) fn next_ended(&mut self) -> Option<(ConnId, CloseReason)> {
        self.ended.pop()
    }

    pub(crate) fn note_drained(&mut self, id: ConnId) {
        self.drained.push(id);
    }

    pub(crate) fn next_drained(&mut self) -> Option<ConnId> {
        self.drained.pop()
    }

    pub(crate) fn note_finished(&mut self, id: ConnId) {
        self.finished.push(id);
    }

    pub(crate) fn next_finished(&mut self) -> Option<ConnId> {
        self.finished.pop()
    }

    pub(crate) fn note_dead(&mut self, key: ConnKey) {
        self.dead.push(key);
    }

    /// Those to free, with their memory; to be given back.
    pub(crate) fn take_dead(&mut self) -> Vec<ConnKey> {
        std::mem::take(&mut self.dead)
    }

    /// Takes back what cannot be freed yet.
    pub(crate) fn give_dead(&mut self, dead: Vec<ConnKey>) {
        self.dead = dead;
    }

    /// Whether the handler is to be told something at once.
    pub(crate) fn has_work(&self) -> bool {
        !self.ended.is_empty() || !self.drained.is_empty() || self.unsettled.has_untried()
    }

    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn remains(&self) -> [(&'static str, usize); 3] {
        [
            ("ended", self.ended.len()),
            ("finished", self.finished.len()),
            ("unsettled", self.unsettled.len()),
        ]
    }
}
