//! What becomes of accepted connections: they are the core's, after PROXY header and TLS handshake.

use std::os::fd::RawFd;

use mio::Registry;

use crate::handler::Handler;
use crate::id::{ConnId, ShardId};
use crate::proto::Frames;
use crate::shard::core::ShardCore;
use crate::shard::shell::accept::accept_rate::Accepted;
use crate::shard::shell::accept::listener::Listener;
use crate::shard::shell::accept::proxy_header::{ClientAddr, ProxyHeaders};
use crate::shard::shell::sockets::{Link, SocketTable};
use crate::shard::shell::status::Shared;
use crate::shard::shell::tls::{Secured, Sessions};
use crate::time::Now;
use crate::tls::Session;
use crate::topic::sink::Sock;

/// The parts of a shard that an accepted connection goes to.
#[derive(Debug)]
pub(crate) struct Destination<'a, H: Handler> {
    /// Decides.
    pub(crate) core: &'a mut ShardCore<H>,
    /// Counts the connections of all shards.
    pub(crate) shared: &'a Shared,
    pub(crate) shard: ShardId,
    pub(crate) now: Now,
    pub(crate) registry: &'a Registry,
    pub(crate) sockets: &'a mut SocketTable,
    /// Those accepted with their first bytes, to be read and then registered.
    pub(crate) arrived: &'a mut Vec<ConnId>,
    pub(crate) sessions: &'a mut Sessions,
    pub(crate) headers: &'a mut ProxyHeaders,
}

/// Opens a connection, or turns it away.
pub(crate) fn open<H: Handler>(
    into: &mut Destination<'_, H>,
    accepted: Accepted,
    listener: &Listener,
) {
    let Accepted { socket, peer, .. } = accepted;
    into.shared.add_load(into.shard);
    let link = Link::from(socket);
    let fd = link.fd();
    let is_plain = listener.keys.is_none();
    let is_due = listener.proxied && into.headers.is_due_from(peer);
    let is_full = into.core.is_full() || !into.shared.admit();
    let id = if is_full && !(listener.speaks_http() && has_words(into, listener)) {
        into.core.handle_overflow(Sock(fd), Some(Frames::default()))
    } else {
        let sock = if is_plain {
            Sock(fd)
        } else {
            Sessions::sock(into.core.next_key())
        };
        let id = if is_full {
            into.core.handle_overflow(sock, None)
        } else {
            into.core.handle_early_open(sock, listener.frames())
        };
        if is_due {
            into.headers.expect(id, accepted.listener, peer);
        } else {
            begin(into, id, fd, ClientAddr::of(peer), listener);
        }
        id
    };
    if listener.defers() {
        into.core.note_readable(id, false);
        into.arrived.push(id);
    } else if link.register(id, into.registry).is_err() {
        into.core.handle_reset(id);
    }
    into.sockets.insert(id, link);
    if listener.proxied && is_plain && !is_due {
        into.headers.forbid(id);
    }
}

/// Whether a connection that is refused may get a response. A handshake only for that is too much
/// while others wait for theirs.
fn has_words<H: Handler>(into: &Destination<'_, H>, listener: &Listener) -> bool {
    listener.keys.is_none() || !into.sessions.has_work()
}

/// It is known where a connection comes from: its protocol begins, or its TLS handshake.
pub(crate) fn begin<H: Handler>(
    into: &mut Destination<'_, H>,
    id: ConnId,
    fd: RawFd,
    client: ClientAddr,
    listener: &Listener,
) {
    let has_words = has_words(into, listener);
    let ClientAddr { addr, is_unnamed } = client;
    let admitted = if is_unnamed {
        into.core.handle_unnamed(id, addr, has_words)
    } else {
        into.core.handle_peer(id, addr, has_words)
    };
    if !admitted {
        return;
    }
    let speaks = &listener.speaks;
    let Some((_, keys)) = &listener.keys else {
        return speaks.begin(into.core, id, addr, None);
    };
    match Session::new(keys) {
        Ok(session) => {
            let secured = Secured::new(fd, session, speaks.clone(), addr);
            into.sessions.insert(id, secured);
        }
        Err(_) => into.core.handle_tls_failure(id),
    }
}
