//! How connections begin: accepted, known by where they come from, and ready to speak.

use core::net::SocketAddr;
use std::sync::Arc;

use crate::address::admission::PerAddress;
use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::handler::Handler;
use crate::id::{ConnId, ConnKey};
use crate::payload::Form;
use crate::proto::Frames;
use crate::proto::centrifuge::Wire;
use crate::shard::core::ShardCore;
use crate::shard::core::conn::PeerInfo;
use crate::shard::core::conn::arrival::Arrival;
use crate::shard::core::conn::http::TooMany;
use crate::shard::core::conn::session::Session;
use crate::shard::core::ingress::protocol::Protocol;
use crate::shard::core::work::Share;
use crate::throttle::Throttles;
use crate::topic::Topic;
use crate::topic::sink::Sock;

impl<H: Handler> ShardCore<H> {
    /// A connection has been accepted that is to send an HTTP request.
    pub fn handle_http_open(&mut self, sock: Sock, peer: Option<SocketAddr>) -> ConnId {
        let id = self.handle_early_open(sock, None);
        if self.handle_peer(id, peer, true) {
            self.handle_http_begin(id, peer, None);
        }
        id
    }

    /// A connection has been accepted on a TCP port whose connections belong to `topic`.
    pub fn handle_tcp_open(
        &mut self,
        sock: Sock,
        frames: Frames,
        topic: &Topic,
        peer: Option<SocketAddr>,
    ) -> ConnId {
        let id = self.handle_early_open(sock, Some(frames));
        if self.handle_peer(id, peer, true) {
            self.handle_tcp_begin(id, topic, peer, None);
        }
        id
    }

    /// A connection has been accepted on a TCP port for sessions.
    pub fn handle_session_open(
        &mut self,
        sock: Sock,
        wire: Wire,
        peer: Option<SocketAddr>,
    ) -> ConnId {
        let id = self.handle_early_open(sock, Some(Frames::of_commands(wire)));
        if self.handle_peer(id, peer, true) {
            self.handle_session_begin(id, wire, peer, None);
        }
        id
    }

    /// What follows is done for connections that are accepted.
    pub fn begin_accepting(&mut self) {
        self.shard.env.work.enter(Share::Accept);
    }

    /// Has the connections of each address counted there, for as long as they last.
    pub fn limit_addresses(&mut self, limit: Arc<PerAddress>) {
        self.shard.conns.clients.set_limit(limit);
    }

    /// Has openings counted there.
    pub fn limit_openings(&mut self, throttles: Arc<Throttles>) {
        self.shard
            .conns
            .clients
            .keep_for(throttles.addresses.is_some());
        self.shard.env.throttles = throttles;
    }

    /// The key that the next connection gets.
    pub(crate) fn next_key(&self) -> ConnKey {
        self.shard.conns.next_key()
    }

    /// A connection has been accepted that has a handshake of its own before it speaks: until
    /// [`handle_http_begin`](Self::handle_http_begin),
    /// [`handle_tcp_begin`](Self::handle_tcp_begin) or
    /// [`handle_session_begin`](Self::handle_session_begin) it is there to be counted and timed.
    /// Without `frames` it speaks HTTP.
    pub fn handle_early_open(&mut self, sock: Sock, frames: Option<Frames>) -> ConnId {
        let id = self.add(sock, Protocol::new(frames));
        self.shard.arm(id.key);
        id
    }

    fn add(&mut self, sock: Sock, proto: Protocol) -> ConnId {
        let shard = &mut self.shard;
        shard.env.counters.accepted += 1;
        shard.conns.add(sock, proto, shard.env.now)
    }

    /// A connection that was opened early is ready to send its HTTP request.
    pub fn handle_http_begin(
        &mut self,
        id: ConnId,
        peer: Option<SocketAddr>,
        identity: Option<String>,
    ) {
        let peer_info = PeerInfo { peer, identity };
        if let Some(conn) = self.shard.conns.unopened(id)
            && let Some(http) = conn.protocol.http_mut()
        {
            http.peer_info = Some(Arc::new(peer_info));
        }
    }

    /// The same on a TCP port.
    pub fn handle_tcp_begin(
        &mut self,
        id: ConnId,
        topic: &Topic,
        peer: Option<SocketAddr>,
        identity: Option<String>,
    ) {
        let Some(conn) = self.shard.conns.unopened(id) else {
            return;
        };
        let arrival = Arrival {
            topic: Some(topic.clone()),
            ..Arrival::new(PeerInfo { peer, identity })
        };
        match conn.protocol.frames() {
            Some(frames) if frames.asks => conn.protocol = Protocol::asking(frames, arrival),
            _ => self.open_tcp(id.key, arrival),
        }
    }

    /// The same on a TCP port for sessions.
    pub fn handle_session_begin(
        &mut self,
        id: ConnId,
        wire: Wire,
        peer: Option<SocketAddr>,
        identity: Option<String>,
    ) {
        let Some(conn) = self.shard.conns.unopened(id) else {
            return;
        };
        let arrival = Arrival::new(PeerInfo { peer, identity });
        let session = Session::framed(wire, arrival.peer_info.clone());
        conn.form = Form::Centrifuge(session.carrier());
        conn.protocol = Protocol::Session(Box::new(session));
        self.open_tcp(id.key, arrival);
    }

    /// The TLS handshake of a connection has succeeded; `resumed`: a ticket spared most of it.
    pub fn handle_handshake(&mut self, id: ConnId, resumed: bool) {
        self.shard.env.counters.tls_handshakes += 1;
        self.shard.env.counters.tls_resumptions += u64::from(resumed);
        let conn = self.shard.conns.unopened(id);
        if let Some(http) = conn.and_then(|conn| conn.protocol.http_mut()) {
            http.is_tls = true;
        }
    }

    /// What goes around the connection's bytes is broken: TLS.
    pub fn handle_tls_failure(&mut self, id: ConnId) {
        if self.shard.conns.current(id).is_some() {
            // The alert that says why is on its way: the client is to have it.
            self.shard.finish_at_once(id.key, CloseReason::Tls);
        }
    }

    /// The client wants nothing more, either.
    pub fn handle_goodbye(&mut self, id: ConnId) {
        if self.shard.conns.current(id).is_some() {
            self.shard.close(id.key, CloseReason::Client);
        }
    }
}

impl<H: Handler> ShardCore<H> {
    /// A connection has been accepted that is one too many: if it speaks HTTP it is told so when it
    /// asks for something, and otherwise it is closed.
    pub fn handle_overflow(&mut self, sock: Sock, frames: Option<Frames>) -> ConnId {
        let id = self.handle_early_open(sock, frames);
        self.shard.env.counters.hit(Limit::Connections);
        self.shard.turn_away(id, TooMany::InAll);
        id
    }
}
