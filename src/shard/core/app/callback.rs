//! The callback under way: what it may ask about its connection, and what it has chosen for it.

use std::sync::Arc;

use crate::auth::Principal;
use crate::proto::centrifuge::Wire;
use crate::shard::core::app::message::CheckedText;
use crate::shard::core::app::open::Subprotocol;
use crate::shard::core::conn::PeerInfo;

/// The callback under way.
#[derive(Debug, Default)]
pub(crate) struct Callback {
    /// Where the connection comes from that asks to be opened, or for a page.
    pub(super) peer_info: Option<Arc<PeerInfo>>,
    /// The client of that, once it is known.
    pub(super) principal: Option<Box<Principal>>,
    /// The client of the connection that the handler has just accepted.
    pub(super) accepted: Option<Box<Principal>>,
    /// The text that it is about.
    pub(super) checked: CheckedText,
    /// What the handler has chosen for the upgrade that it is asked about.
    pub(crate) subprotocol: Subprotocol,
    /// The client has offered `corecast.positions`.
    pub(crate) offers_positions: bool,
    /// How the client would have the structured protocol written.
    pub(crate) wire: Option<Wire>,
    /// It is to speak that, so written.
    pub(crate) session: Option<Wire>,
}

impl Callback {
    /// A callback begins that is about a client; its identity is known from an earlier try.
    pub(super) fn begin(
        &mut self,
        peer_info: Option<Arc<PeerInfo>>,
        principal: Option<Box<Principal>>,
    ) {
        (self.peer_info, self.principal) = (peer_info, principal);
    }

    /// It is over; returns the identity of its client, for the next try.
    pub(super) fn end(&mut self) -> Option<Box<Principal>> {
        self.peer_info = None;
        self.offers_positions = false;
        self.wire = None;
        self.principal.take()
    }
}
