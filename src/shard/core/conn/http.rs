//! What a connection keeps that speaks HTTP, from request to request.

use std::any::Any;
use std::sync::Arc;

use crate::auth::Principal;
use crate::proto::http::Body;
use crate::shard::core::conn::PeerInfo;

/// What a connection keeps that speaks HTTP, from request to request.
#[derive(Debug, Default)]
pub(crate) struct Http {
    /// Where the connection comes from.
    pub(crate) peer_info: Option<Arc<PeerInfo>>,
    /// The peer is a proxy, and does not name its client (PROXY `UNKNOWN`).
    pub(crate) is_unnamed: bool,
    /// It is inside TLS.
    pub(crate) is_tls: bool,
    /// The client of the request in hand, once it is identified.
    pub(crate) principal: Option<Box<Principal>>,
    pub(crate) phase: Phase,
    /// A credential of the client was denied: the answer to that is the last.
    pub(crate) is_denied: bool,
    /// Requests answered.
    pub(crate) answered: u32,
    /// What the handler has noted as done of the request in hand, before it had to wait.
    pub(crate) done: usize,
    /// What the handler is doing for it.
    pub(crate) work: Option<Box<dyn Any>>,
    /// The connection is one too many: what it asks is refused.
    pub(crate) turned_away: Option<TooMany>,
    /// A request with a body.
    pub(crate) request: Option<Box<PendingRequest>>,
}

/// What is waited for, since when [`Conn::heard`](crate::shard::core::conn::Conn) says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// A head, which is due; nothing of it has come, as the connection is new.
    #[default]
    New,
    /// The rest of a head.
    Head,
    /// The rest of a body.
    Body,
    /// The handler, which could not answer at once.
    Handler,
    /// The next request, if there is one.
    Idle,
}

/// Of what there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooMany {
    /// Connections of the server.
    InAll,
    /// Those of an address.
    OfAddress,
}

/// A request with a body, as far as it has come.
#[derive(Debug)]
pub(crate) struct PendingRequest {
    pub(crate) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) decoder: Body,
    pub(crate) is_whole: bool,
    /// It was answered by its head: its body is discarded as it comes.
    pub(crate) is_answered: bool,
}

impl Http {
    /// Memory held by a request that is not answered yet.
    pub(crate) fn held_bytes(&self) -> usize {
        let request = self.request.as_ref();
        request.map_or(0, |request| {
            request.head.capacity() + request.body.capacity()
        })
    }
}
