//! How a connection to the TCP port came.

use std::fmt;
use std::sync::Arc;

use crate::auth::Principal;
use crate::shard::core::conn::PeerInfo;
use crate::topic::Topic;

/// How a connection to the TCP port came.
#[derive(Clone)]
pub(crate) struct Arrival {
    /// The listener's topic, unless it is for sessions.
    pub(crate) topic: Option<Topic>,
    pub(crate) peer_info: Option<Arc<PeerInfo>>,
    /// Its first frame, if the listener asks for a credential.
    pub(crate) credential: Option<Box<[u8]>>,
    /// Its client, once it is identified.
    pub(crate) principal: Option<Box<Principal>>,
}

impl fmt::Debug for Arrival {
    /// Without the credential and the claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival")
            .field("topic", &self.topic)
            .field("peer_info", &self.peer_info)
            .finish_non_exhaustive()
    }
}

impl Arrival {
    /// How one came from there.
    pub(crate) fn new(peer_info: PeerInfo) -> Self {
        Self {
            topic: None,
            peer_info: Some(Arc::new(peer_info)),
            credential: None,
            principal: None,
        }
    }

    /// Memory held by what is known of its client.
    pub(crate) fn client_bytes(&self) -> usize {
        let credential = self.credential.as_ref().map_or(0, |bytes| bytes.len());
        let client = self.principal.as_ref();
        credential + client.map_or(0, |client| client.held_bytes())
    }
}
