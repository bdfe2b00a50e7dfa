//! What a proxy says of a connection before all else: read here, as TLS may follow it.

use core::net::SocketAddr;
use std::collections::HashMap;

use rustix::io::Errno;

use crate::address::Networks;
use crate::id::ConnId;
use crate::proto::proxy::{self, BINARY_LEN_MAX, Source};
use crate::shard::shell::sockets::table::Link;
use crate::sys::socket;

/// The connections whose first bytes say, or must not say, whom a proxy speaks for.
#[derive(Debug, Default)]
pub(crate) struct Preambles {
    trusted: Networks,
    of: HashMap<ConnId, Preamble>,
}

/// What the first bytes of a connection may be.
#[derive(Debug)]
enum Preamble {
    /// A header, and nothing else: a proxy on this listener.
    Due {
        listener: usize,
        peer: Option<SocketAddr>,
    },
    /// Anything but a header. Keeps what came for as long as that may become one.
    Forbidden { came: Vec<u8> },
}

/// What a connection said first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Not all of it yet.
    Nothing,
    /// Where it comes from, and the listener it came to.
    Client {
        peer: Option<SocketAddr>,
        /// The peer is a proxy that does not name its client.
        is_unnamed: bool,
        listener: usize,
    },
    /// No header that could be believed.
    Nonsense,
    /// The end of the stream, or a broken socket.
    Gone,
}

impl Preambles {
    /// Believes what these addresses say.
    pub(crate) fn new(trusted: Networks) -> Self {
        Self {
            trusted,
            of: HashMap::new(),
        }
    }

    /// Whether a header is due from there. Who has no address is on this host, and may reach the
    /// listener because somebody let it.
    pub(crate) fn is_due_from(&self, peer: Option<SocketAddr>) -> bool {
        peer.is_none_or(|peer| self.trusted.contain(peer.ip()))
    }

    /// A connection to a listener with headers, that has to begin with one.
    pub(crate) fn expect(&mut self, id: ConnId, listener: usize, peer: Option<SocketAddr>) {
        self.of.insert(id, Preamble::Due { listener, peer });
    }

    /// A connection to a listener with headers, that must not begin with one.
    pub(crate) fn forbid(&mut self, id: ConnId) {
        let came = Vec::new();
        self.of.insert(id, Preamble::Forbidden { came });
    }

    /// Whether a header is due of this connection.
    pub(crate) fn is_due(&self, id: ConnId) -> bool {
        !self.of.is_empty() && matches!(self.of.get(&id), Some(Preamble::Due { .. }))
    }

    /// Reads the header that is due, and nothing behind it. `to_the_end`: what is there is all.
    pub(crate) fn hear(&mut self, id: ConnId, link: &Link, to_the_end: bool) -> Heard {
        let Some(Preamble::Due { listener, peer }) = self.of.get(&id) else {
            return Heard::Gone;
        };
        let mut room = [0; BINARY_LEN_MAX];
        let came = match socket::peek(link.fd(), &mut room) {
            Err(Errno::AGAIN | Errno::INTR) => return Heard::Nothing,
            Ok(0) | Err(_) => return Heard::Gone,
            Ok(came) => came,
        };
        match proxy::decode(&room[..came]) {
            Ok(proxy::Step::Incomplete) if to_the_end => Heard::Gone,
            Ok(proxy::Step::Incomplete) => Heard::Nothing,
            Ok(proxy::Step::Header { source, taken }) => {
                let (peer, listener) = match source {
                    Source::Client(client) => (Some(client), *listener),
                    Source::Proxy | Source::Unknown => (*peer, *listener),
                };
                let is_unnamed = source == Source::Unknown;
                self.of.remove(&id);
                match socket::recv(link.fd(), &mut room[..taken]) {
                    Ok(read) if read == taken => Heard::Client {
                        peer,
                        is_unnamed,
                        listener,
                    },
                    _ => Heard::Gone,
                }
            }
            Err(_) => Heard::Nonsense,
        }
    }

    /// Whether what came of a connection that has no header to send is one nevertheless.
    pub(crate) fn is_forbidden(&mut self, id: ConnId, bytes: &[u8]) -> bool {
        if self.of.is_empty() {
            return false;
        }
        let Some(Preamble::Forbidden { came }) = self.of.get_mut(&id) else {
            return false;
        };
        came.extend_from_slice(&bytes[..bytes.len().min(BINARY_LEN_MAX)]);
        let has_begun = proxy::has_begun(came);
        if has_begun || !proxy::may_begin(came) {
            self.of.remove(&id);
        }
        has_begun
    }

    /// A connection has ended.
    pub(crate) fn forget(&mut self, id: ConnId) {
        if !self.of.is_empty() {
            self.of.remove(&id);
        }
    }
}
