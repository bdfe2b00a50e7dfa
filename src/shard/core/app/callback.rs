//! The callback under way: what it may ask about its connection, and what it has chosen for it.

use std::sync::Arc;

use crate::shard::core::app::message::CheckedText;
use crate::shard::core::app::open::Subprotocol;
use crate::shard::core::conn::PeerInfo;

/// The callback under way.
#[derive(Debug, Default)]
pub(crate) struct Callback {
    /// Where the connection comes from that asks to be opened, or for a page.
    pub(super) peer_info: Option<Arc<PeerInfo>>,
    /// The text that it is about.
    pub(super) checked: CheckedText,
    /// What the handler has chosen for the upgrade that it is asked about.
    pub(crate) subprotocol: Subprotocol,
}
