//! The addresses of a shard's clients, where a limit or the application needs them.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::address::Networks;
use crate::address::admission::PerAddress;
use crate::config::Config;
use crate::counters::Limit;
use crate::id::ConnKey;
use crate::proto::http::{Forwarded, Request, Response, forwarded_for};
use crate::shard::core::conn::PeerInfo;
use crate::shard::core::conn::http::{Http, Phase};
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;

/// The addresses of a shard's clients.
#[derive(Debug)]
pub(crate) struct Clients {
    /// Proxies, which name their clients and have no limit.
    trusted: Networks,
    limit: Option<Arc<PerAddress>>,
    /// Whether addresses are kept although there is no limit.
    keeps: bool,
    /// By the key of the connection; empty if addresses are not kept.
    known: Vec<Option<Entry>>,
}

/// Where a connection, or the request in hand, comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// The peer itself; `None` on this host, by a path.
    Peer(Option<SocketAddr>),
    /// The client that a proxy names.
    Named(IpAddr),
    /// A client that its proxy does not name. It counts for the proxy, which has a limit for such
    /// clients.
    Unnamed(Option<SocketAddr>),
}

/// A connection's client, and whether the limit counts it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    client: Client,
    counted: bool,
}

impl Client {
    pub(crate) fn addr(self) -> Option<SocketAddr> {
        match self {
            Self::Peer(addr) | Self::Unnamed(addr) => addr,
            // Proxies do not say the port.
            Self::Named(addr) => Some(SocketAddr::new(addr, 0)),
        }
    }

    /// The address that it counts for; all proxies by paths are one.
    fn counts_for(self) -> IpAddr {
        self.addr()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |addr| addr.ip())
    }
}

impl Clients {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            trusted: config.trusted_proxies.clone(),
            limit: None,
            keeps: config.keep_addresses,
            known: Vec::new(),
        }
    }

    /// Has the connections of each address counted there, for as long as they last.
    pub(crate) fn set_limit(&mut self, limit: Arc<PerAddress>) {
        self.limit = Some(limit);
    }

    /// Notes where a connection comes from, in place of what was noted before; `false` if there
    /// are too many from there.
    fn enter(&mut self, key: ConnKey, client: Client) -> bool {
        if let Some(known) = self.known(key).filter(|known| known.client == client) {
            return known.counted || !self.is_limited(client);
        }
        self.leave(key);
        if self.limit.is_none() && !self.keeps {
            return true;
        }
        let limit = self.limit.as_ref().filter(|_| self.is_limited(client));
        let admitted = limit.is_none_or(|limit| limit.enter(client.counts_for()));
        let counted = admitted && limit.is_some();
        let key = key.index();
        if self.known.len() <= key {
            self.known.resize(key + 1, None);
        }
        self.known[key] = Some(Entry { client, counted });
        admitted
    }

    /// Has addresses kept, if they are asked for.
    pub(crate) fn keep_for(&mut self, is_asked: bool) {
        self.keeps |= is_asked;
    }

    /// Whether there is a limit for it.
    fn is_limited(&self, client: Client) -> bool {
        self.limit.is_some() && self.has_limits(client)
    }

    /// Whether limits of addresses are for it: not for the own connections of proxies.
    fn has_limits(&self, client: Client) -> bool {
        match client {
            Client::Peer(addr) => addr.is_some_and(|addr| !self.trusts(addr.ip())),
            Client::Named(addr) => !self.trusts(addr),
            Client::Unnamed(_) => true,
        }
    }

    /// The address whose openings are counted for a connection.
    pub(crate) fn throttled(&self, key: ConnKey) -> Option<IpAddr> {
        let client = self.known(key)?.client;
        self.has_limits(client).then(|| client.counts_for())
    }

    /// Forgets where a connection came from.
    pub(crate) fn leave(&mut self, key: ConnKey) {
        let known = self.known.get_mut(key.index()).and_then(Option::take);
        if let Some(known) = known.filter(|known| known.counted)
            && let Some(limit) = &self.limit
        {
            limit.leave(known.client.counts_for());
        }
    }

    /// Where a connection comes from.
    pub(crate) fn addr(&self, key: ConnKey) -> Option<SocketAddr> {
        self.known(key)?.client.addr()
    }

    /// Whether a connection is noted for another than its peer.
    fn is_anothers(&self, key: ConnKey) -> bool {
        let known = self.known(key);
        known.is_some_and(|known| !matches!(known.client, Client::Peer(_)))
    }

    fn known(&self, key: ConnKey) -> Option<&Entry> {
        self.known.get(key.index())?.as_ref()
    }

    fn trusts(&self, addr: IpAddr) -> bool {
        self.trusted.contain(addr)
    }
}

impl<D> Conns<D> {
    /// Notes where a connection comes from; `false` if there are too many from there.
    pub(crate) fn enter(&mut self, env: &mut Env, key: ConnKey, client: Client) -> bool {
        self.note_client(key, client.counts_for());
        let admitted = self.clients.enter(key, client);
        if !admitted {
            env.counters.hit(Limit::Address);
        }
        admitted
    }

    /// Where a request comes from: its peer, or the client that the peer names if it is a trusted
    /// proxy. A peer without an address is on this host, and was let to a listener that has a path.
    /// Behind a header that names no client, the fields are what that client writes.
    ///
    /// # Errors
    ///
    /// What to answer where there are too many connections from there.
    pub(crate) fn client_of(
        &mut self,
        env: &mut Env,
        key: ConnKey,
        request: &Request<'_>,
    ) -> Result<Option<Arc<PeerInfo>>, Response> {
        let peer_info = self.peer_info(key);
        let is_unnamed = self.http(key).is_some_and(|http| http.is_unnamed);
        let trusts = |addr| self.clients.trusts(addr);
        let peer = peer_info.as_ref().and_then(|peer_info| peer_info.peer);
        if is_unnamed || peer.is_some_and(|peer| !trusts(peer.ip())) {
            return Ok(peer_info);
        }
        let client = match forwarded_for(request, trusts) {
            Forwarded::Absent => return Ok(peer_info),
            Forwarded::Client(addr) => Client::Named(addr),
            Forwarded::Unknown { by } => {
                Client::Unnamed(by.map(|by| SocketAddr::new(by, 0)).or(peer))
            }
        };
        if !self.enter(env, key, client) {
            return Err(crowded());
        }
        // A certificate is the proxy's own.
        Ok(Some(Arc::new(PeerInfo {
            peer: client.addr(),
            identity: None,
        })))
    }

    /// Where a connection comes from, as far as that is kept.
    pub(crate) fn peer_info(&self, key: ConnKey) -> Option<Arc<PeerInfo>> {
        let http = self.get(key)?.protocol.http()?;
        http.peer_info.clone()
    }

    /// No request is in hand, and all answers are sent: the connection counts for its peer again,
    /// until the next request says from where that comes.
    pub(crate) fn rest(&mut self, key: ConnKey) {
        if !self.clients.is_anothers(key)
            || self.live(key).is_some_and(|conn| conn.outbox_len() != 0)
        {
            return;
        }
        let rests = |http: &mut Http| {
            !http.is_unnamed && !matches!(http.phase, Phase::Body | Phase::Handler)
        };
        if self.http(key).is_some_and(rests) {
            let peer_info = self.peer_info(key);
            let peer = peer_info.and_then(|peer_info| peer_info.peer);
            // The own connection of a proxy has no limit.
            self.clients.enter(key, Client::Peer(peer));
        }
    }
}

/// The answer to a client that has too many connections.
pub(crate) fn crowded() -> Response {
    Response::text(429, "too many connections from this address")
}
