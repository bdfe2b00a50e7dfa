//! Where accepted connections go: to the core, after whatever goes before their protocol.

use core::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::Arc;

use mio::Registry;

use crate::handler::Handler;
use crate::id::{ConnId, ShardId};
use crate::proto::Frames;
use crate::shard::core::ShardCore;
use crate::shard::shell::accept::accept_rate::Pace;
use crate::shard::shell::accept::listen_socket::Source;
use crate::shard::shell::accept::listener::{Listener, Speaks};
use crate::shard::shell::accept::proxy_header::Preambles;
use crate::shard::shell::sockets::table::{Link, SocketTable};
use crate::shard::shell::status::Shared;
use crate::shard::shell::tls::{Beginning, Secured, Sessions};
use crate::sys::handoff::Handoff;
use crate::tls::{Renewals, Session};
use crate::topic::sink::Sock;

/// How connections come to a shard.
#[derive(Debug)]
pub(crate) struct Entrance {
    /// All listeners, whoever accepts for them.
    pub(crate) listeners: Vec<Listener>,
    pub(crate) sources: Vec<Source>,
    /// To all shards, if this one deals.
    pub(crate) deals: Option<Arc<[Handoff]>>,
    /// Other certificates for those with TLS.
    pub(crate) renewals: Renewals,
    pub(crate) pace: Pace,
}

/// Where accepted connections go.
#[derive(Debug)]
pub(crate) struct Intake<'a, H: Handler> {
    /// Who decides.
    pub(crate) core: &'a mut ShardCore<H>,
    /// Who counts the connections of all shards.
    pub(crate) shared: &'a Shared,
    pub(crate) shard: ShardId,
    pub(crate) registry: &'a Registry,
    pub(crate) sockets: &'a mut SocketTable,
    /// Those that come with their first bytes, to be read and then registered.
    pub(crate) arrived: &'a mut Vec<ConnId>,
    pub(crate) sessions: &'a mut Sessions,
    pub(crate) preambles: &'a mut Preambles,
}

/// Opens a connection to the listener at `index`, or turns it away.
pub(crate) fn open<H: Handler>(
    into: &mut Intake<'_, H>,
    link: Link,
    peer: Option<SocketAddr>,
    listeners: &[Listener],
    index: u16,
) {
    let index = usize::from(index);
    let Some(listener) = listeners.get(index) else {
        return;
    };
    into.shared.add_load(into.shard);
    let fd = link.fd();
    let is_plain = listener.keys.is_none();
    let is_due = listener.proxied && into.preambles.is_due_from(peer);
    let is_full = into.core.is_full() || !into.shared.admit();
    let id = if is_full && !(listener.speaks_http() && may_tell(into, listener)) {
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
            into.preambles.expect(id, index, peer);
        } else {
            begin(into, id, fd, (peer, false), listener);
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
        into.preambles.forbid(id);
    }
}

/// Whether a connection that is one too many may be told so. A handshake only for that is more than
/// there is to give while others wait for theirs.
fn may_tell<H: Handler>(into: &Intake<'_, H>, listener: &Listener) -> bool {
    listener.keys.is_none() || !into.sessions.has_work()
}

/// It is known where a connection comes from: it speaks, after a TLS handshake if it must. The
/// peer may be a proxy that does not name its client.
pub(crate) fn begin<H: Handler>(
    into: &mut Intake<'_, H>,
    id: ConnId,
    fd: RawFd,
    (peer, is_unnamed): (Option<SocketAddr>, bool),
    listener: &Listener,
) {
    let has_words = may_tell(into, listener);
    let admitted = if is_unnamed {
        into.core.handle_unnamed(id, peer, has_words)
    } else {
        into.core.handle_peer(id, peer, has_words)
    };
    if !admitted {
        return;
    }
    let speaks = &listener.speaks;
    let Some((_, keys)) = &listener.keys else {
        return match speaks {
            Speaks::Http => into.core.handle_http_begin(id, peer, None),
            Speaks::Frames { topic, .. } => into.core.handle_tcp_begin(id, topic, peer, None),
        };
    };
    let speaks = speaks.clone();
    let beginning = Beginning { speaks, peer };
    match Session::new(keys) {
        Ok(session) => {
            let secured = Secured::new(fd, session, beginning);
            into.sessions.insert(id, secured);
        }
        Err(_) => into.core.handle_tls_failure(id),
    }
}
