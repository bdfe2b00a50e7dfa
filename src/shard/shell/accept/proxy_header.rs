//! The PROXY header in front of a connection: read here, as TLS may follow it.

use core::net::SocketAddr;
use std::collections::HashMap;

use rustix::io::Errno;

use crate::address::Networks;
use crate::id::ConnId;
use crate::proto::proxy::{self, BINARY_LEN_MAX, Source};
use crate::shard::shell::sockets::Link;
use crate::sys::socket;

/// The connections whose first bytes must be a PROXY header, or must not be one.
#[derive(Debug, Default)]
pub(crate) struct ProxyHeaders {
    trusted: Networks,
    rules: HashMap<ConnId, Rule>,
}

/// What the first bytes of a connection may be.
#[derive(Debug)]
enum Rule {
    /// A header, and nothing else: a proxy on this listener.
    Due {
        listener: u16,
        peer: Option<SocketAddr>,
    },
    /// Anything but a header. Keeps the bytes for as long as they may become one.
    Forbidden { bytes: Vec<u8> },
}

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddr {
    pub(crate) addr: Option<SocketAddr>,
    /// The address is that of a proxy, which does not name its client.
    pub(crate) is_unnamed: bool,
}

/// The result of reading a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// It is incomplete.
    Incomplete,
    /// It names the client, of a connection to this listener.
    Client(ClientAddr, u16),
    /// It is no header.
    Invalid,
    /// The end of the stream, or a broken socket.
    End,
}

impl ClientAddr {
    /// The peer is the client.
    pub(crate) fn of(peer: Option<SocketAddr>) -> Self {
        let is_unnamed = false;
        let addr = peer;
        Self { addr, is_unnamed }
    }
}

impl ProxyHeaders {
    /// Believes what these addresses say.
    pub(crate) fn new(trusted: Networks) -> Self {
        Self {
            trusted,
            rules: HashMap::new(),
        }
    }

    /// Whether a header is due from there. A peer without an address is on this host, and may
    /// connect because the file's permissions allow it.
    pub(crate) fn is_due_from(&self, peer: Option<SocketAddr>) -> bool {
        peer.is_none_or(|peer| self.trusted.contain(peer.ip()))
    }

    /// A connection to a listener with headers, that has to begin with one.
    pub(crate) fn expect(&mut self, id: ConnId, listener: u16, peer: Option<SocketAddr>) {
        self.rules.insert(id, Rule::Due { listener, peer });
    }

    /// A connection to a listener with headers, that must not begin with one.
    pub(crate) fn forbid(&mut self, id: ConnId) {
        let bytes = Vec::new();
        self.rules.insert(id, Rule::Forbidden { bytes });
    }

    /// Whether a header is due of this connection.
    pub(crate) fn is_due(&self, id: ConnId) -> bool {
        !self.rules.is_empty() && matches!(self.rules.get(&id), Some(Rule::Due { .. }))
    }

    /// Reads the header that is due, and nothing behind it. `to_the_end`: no more will come.
    pub(crate) fn read(&mut self, id: ConnId, link: &Link, to_the_end: bool) -> Header {
        let Some(Rule::Due { listener, peer }) = self.rules.get(&id) else {
            return Header::End;
        };
        let mut buffer = [0; BINARY_LEN_MAX];
        let len = match socket::peek(link.fd(), &mut buffer) {
            Err(Errno::AGAIN | Errno::INTR) => return Header::Incomplete,
            Ok(0) | Err(_) => return Header::End,
            Ok(len) => len,
        };
        match proxy::decode(&buffer[..len]) {
            Ok(proxy::Step::Incomplete) if to_the_end => Header::End,
            Ok(proxy::Step::Incomplete) => Header::Incomplete,
            Ok(proxy::Step::Header { source, taken }) => {
                let (peer, listener) = (*peer, *listener);
                let client = match source {
                    Source::Client(client) => ClientAddr::of(Some(client)),
                    Source::Proxy => ClientAddr::of(peer),
                    Source::Unknown => ClientAddr {
                        addr: peer,
                        is_unnamed: true,
                    },
                };
                self.rules.remove(&id);
                match socket::recv(link.fd(), &mut buffer[..taken]) {
                    Ok(read) if read == taken => Header::Client(client, listener),
                    _ => Header::End,
                }
            }
            Err(_) => Header::Invalid,
        }
    }

    /// Whether these bytes make a header on a connection that must not begin with one.
    pub(crate) fn is_forbidden(&mut self, id: ConnId, read: &[u8]) -> bool {
        if self.rules.is_empty() {
            return false;
        }
        let Some(Rule::Forbidden { bytes }) = self.rules.get_mut(&id) else {
            return false;
        };
        bytes.extend_from_slice(&read[..read.len().min(BINARY_LEN_MAX)]);
        let has_begun = proxy::has_begun(bytes);
        if has_begun || !proxy::may_begin(bytes) {
            self.rules.remove(&id);
        }
        has_begun
    }

    /// A connection has ended.
    pub(crate) fn forget(&mut self, id: ConnId) {
        if !self.rules.is_empty() {
            self.rules.remove(&id);
        }
    }
}
