//! The addresses of a shard's clients, where anybody wants to know them.

use core::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::address::Networks;
use crate::admission::PerAddress;
use crate::config::Config;
use crate::conn::Whence;
use crate::counters::Limit;
use crate::handler::Handler;
use crate::proto::http::{Request, Response, forwarded_for};
use crate::shard::core::ShardCore;
use crate::shard::inner::Inner;

/// The addresses of a shard's clients.
#[derive(Debug)]
pub(super) struct Clients {
    /// Proxies, which speak for others and have no limit.
    trusted: Networks,
    limit: Option<Arc<PerAddress>>,
    /// Whether addresses are kept although there is no limit.
    keeps: bool,
    /// By the key of the connection; empty if nobody wants to know.
    known: Vec<Option<Client>>,
}

#[derive(Clone, Copy, Debug)]
struct Client {
    addr: SocketAddr,
    /// One of those that the limit counts.
    counted: bool,
}

impl Clients {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            trusted: config.trusted_proxies.clone(),
            limit: None,
            keeps: config.keep_addresses,
            known: Vec::new(),
        }
    }

    /// Notes where a connection comes from, in place of what was noted before; `false` if there
    /// are too many from there.
    fn enter(&mut self, key: u32, addr: SocketAddr) -> bool {
        self.leave(key);
        if self.limit.is_none() && !self.keeps {
            return true;
        }
        let limit = self.limit.as_ref().filter(|_| !self.trusts(addr.ip()));
        let admitted = limit.is_none_or(|limit| limit.enter(addr.ip()));
        let counted = admitted && limit.is_some();
        let key = key as usize;
        if self.known.len() <= key {
            self.known.resize(key + 1, None);
        }
        self.known[key] = Some(Client { addr, counted });
        admitted
    }

    /// Forgets where a connection came from.
    pub(super) fn leave(&mut self, key: u32) {
        let client = self.known.get_mut(key as usize).and_then(Option::take);
        if let Some(client) = client.filter(|client| client.counted)
            && let Some(limit) = &self.limit
        {
            limit.leave(client.addr.ip());
        }
    }

    /// Where a connection comes from.
    pub(super) fn addr(&self, key: u32) -> Option<SocketAddr> {
        let client = self.known.get(key as usize)?.as_ref();
        client.map(|client| client.addr)
    }

    fn trusts(&self, addr: IpAddr) -> bool {
        self.trusted.contain(addr)
    }
}

impl<D, A> Inner<D, A> {
    /// Notes where a connection comes from; `false` if there are too many from there.
    pub(super) fn enter(&mut self, key: u32, peer: Option<SocketAddr>) -> bool {
        let admitted = peer.is_none_or(|peer| self.clients.enter(key, peer));
        if !admitted {
            self.count_limit(Limit::Address);
        }
        admitted
    }

    /// Whom a request comes from: its peer, or whom that speaks for if it is a trusted proxy. Who
    /// has no address is on this host, and was let to a listener that has a path.
    ///
    /// # Errors
    ///
    /// What to answer where there are too many connections from there.
    pub(super) fn client_of(
        &mut self,
        key: u32,
        request: &Request<'_>,
    ) -> Result<Option<Arc<Whence>>, Response> {
        let whence = self.whence_of(key);
        let trusts = |addr| self.clients.trusts(addr);
        let peer = whence.as_ref().and_then(|whence| whence.peer);
        let is_proxy = peer.is_none_or(|peer| trusts(peer.ip()));
        let Some(client) = is_proxy.then(|| forwarded_for(request, trusts)).flatten() else {
            return Ok(whence);
        };
        // Proxies do not say the port.
        let client = SocketAddr::new(client, 0);
        if self.clients.addr(key) == Some(client) || self.clients.enter(key, client) {
            let identity = whence.and_then(|whence| whence.identity.clone());
            let peer = Some(client);
            Ok(Some(Arc::new(Whence { peer, identity })))
        } else {
            self.count_limit(Limit::Address);
            Err(crowded())
        }
    }
}

/// What one is told who has too many connections.
pub(super) fn crowded() -> Response {
    Response::text(429, "too many connections from this address")
}

impl<H: Handler> ShardCore<H> {
    /// Has the connections of each address counted there, for as long as they last.
    pub fn limit_addresses(&mut self, limit: Arc<PerAddress>) {
        self.inner.clients.limit = Some(limit);
    }
}
