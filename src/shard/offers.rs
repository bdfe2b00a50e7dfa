//! Requests with bodies, offered to the handler: as many as a turn has time for.

use crate::conn::{Conn, Proto};
use crate::id::ConnId;
use crate::limits::BODY_BYTES_OFFERED_PER_TURN;
use crate::shard::inner::Inner;

/// What was offered in this phase of a turn.
#[derive(Debug, Default)]
pub(super) struct Offers {
    /// Bytes of bodies.
    bytes: usize,
}

impl Offers {
    pub(super) fn begin_phase(&mut self) {
        self.bytes = 0;
    }

    /// A body of this length is to be offered; `false`: not in this phase.
    pub(super) fn admit(&mut self, len: usize) -> bool {
        let has_time = !self.is_spent();
        if has_time {
            self.bytes += len;
        }
        has_time
    }

    fn is_spent(&self) -> bool {
        BODY_BYTES_OFFERED_PER_TURN <= self.bytes
    }
}

impl<D, A> Inner<D, A> {
    /// Whether to resume a connection is no use in this phase: its request would not be offered.
    pub(super) fn waits_to_offer(&mut self, id: ConnId) -> bool {
        let has_request = |conn: &mut Conn<D>| match &conn.proto {
            Proto::Http(http) => http.request.as_ref().is_some_and(|it| it.is_whole),
            _ => false,
        };
        self.offers.is_spent() && self.current(id).is_some_and(has_request)
    }
}
