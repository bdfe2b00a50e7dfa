//! What a floor does with a message: send it to all at once, or with those that came with it.

use crate::commands::floor::calls::Calls;
use crate::commands::floor::sockets::Sockets;
use crate::commands::floor::wire;
use crate::url::Protocol;

pub(super) struct Topic {
    batches: bool,
    /// Frames not sent yet, by protocol; the batch, or the one message under way.
    web_socket: Vec<u8>,
    length_prefixed: Vec<u8>,
}

impl Topic {
    pub(super) fn new(batches: bool) -> Self {
        Self {
            batches,
            web_socket: Vec::new(),
            length_prefixed: Vec::new(),
        }
    }

    /// Sends a message to all subscribers, or keeps it for the end of the turn.
    #[inline]
    pub(super) fn publish<C: Calls>(&mut self, sockets: &mut Sockets, payload: &[u8]) {
        if sockets.has_subscribers(Protocol::WebSocket) {
            wire::write(Protocol::WebSocket, payload, &mut self.web_socket);
        }
        if sockets.has_subscribers(Protocol::LengthPrefix) {
            wire::write(Protocol::LengthPrefix, payload, &mut self.length_prefixed);
        }
        if !self.batches {
            self.flush::<C>(sockets);
        }
    }

    #[inline]
    pub(super) fn flush<C: Calls>(&mut self, sockets: &mut Sockets) {
        for (protocol, wire) in [
            (Protocol::WebSocket, &mut self.web_socket),
            (Protocol::LengthPrefix, &mut self.length_prefixed),
        ] {
            if !wire.is_empty() {
                sockets.send_all::<C>(protocol, wire);
                wire.clear();
            }
        }
    }
}
