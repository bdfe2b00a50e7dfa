//! Sessions over TCP.

use std::sync::Arc;

use crate::payload::Structured;
use crate::proto::Frames;
use crate::proto::centrifuge::Wire;
use crate::proto::ws::Decoder;
use crate::shard::core::conn::PeerInfo;
use crate::shard::core::conn::session::Session;

impl Session {
    /// One over TCP.
    pub(crate) fn framed(wire: Wire, peer_info: Option<Arc<PeerInfo>>) -> Self {
        let carrier = Structured::stream(wire, false);
        Self::new(Decoder::default(), carrier, false, peer_info)
    }

    /// How its commands are delimited, if they come over TCP.
    pub(crate) fn frames(&self) -> Option<Frames> {
        let is_framed = self.stream.is_none() && !self.carrier.is_web_socket();
        is_framed.then(|| Frames::of_commands(self.wire()))
    }
}
