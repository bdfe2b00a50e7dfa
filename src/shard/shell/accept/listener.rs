//! What to listen on, and what is spoken there.

use core::net::SocketAddr;

use crate::handler::Handler;
use crate::id::ConnId;
use crate::net::ListenAddr;
use crate::proto::centrifuge::Wire;
use crate::proto::{Frames, Framing, Role};
use crate::shard::core::ShardCore;
use crate::tls::{Keys, TlsSettings};
use crate::topic::Topic;

/// A place to listen on, as the starter describes it to the shards.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Where; once it is bound, with the port that it has got.
    pub addr: ListenAddr,
    /// The permissions of its file, if it is a path.
    pub mode: u32,
    /// Which shard gets a connection.
    pub balance: Balance,
    /// What its connections speak.
    pub speaks: Speaks,
    /// What it asks of TLS, if its connections speak it around that.
    pub tls: Option<TlsSettings>,
    /// What is loaded for that, and its place among all that is.
    pub keys: Option<(usize, Keys)>,
    /// Whether those of trusted proxies begin with a header of the PROXY protocol.
    pub proxied: bool,
    /// Whether the kernel may keep a connection back until its client has spoken.
    pub defer_accept: bool,
}

/// Which shard gets a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// Each shard has a socket of its own, and the kernel chooses by a hash of both addresses:
    /// connections are spread as well as chance does it, and accepted by all shards.
    #[default]
    Hash,
    /// The shard that has fewest: a thread of its own accepts the connections of all shards. Paths
    /// and inherited sockets are always balanced like this.
    Even,
}

/// What the connections of a listener speak.
#[derive(Clone, Debug)]
pub enum Speaks {
    /// HTTP requests, upgrades to WebSocket among them.
    Http,
    /// Commands of the structured protocol, over TCP.
    Commands(Wire),
    /// Frames on one topic.
    Frames {
        /// The topic that all its connections belong to.
        topic: Topic,
        /// How their bytes become messages, and what they are for.
        frames: Frames,
    },
}

impl Listener {
    /// Listens for HTTP and WebSocket. Port 0 takes a free one.
    pub fn http(addr: impl Into<ListenAddr>) -> Self {
        Self::new(addr.into(), Speaks::Http)
    }

    /// Listens for TCP connections that belong to `topic`: length-prefixed, unless
    /// [`framing`](Self::framing) says otherwise.
    pub fn tcp(addr: impl Into<ListenAddr>, topic: impl Into<String>) -> Self {
        let topic = Topic::unchecked(&topic.into());
        let frames = Frames::default();
        Self::new(addr.into(), Speaks::Frames { topic, frames })
    }

    /// Listens for TCP connections with sessions of the structured protocol: in JSON a line for
    /// each command and reply, in protobuf its length as a varint before each. The handler is asked
    /// by [`Opening::TcpSession`](crate::Opening::TcpSession).
    pub fn session(addr: impl Into<ListenAddr>, format: Wire) -> Self {
        Self::new(addr.into(), Speaks::Commands(format))
    }

    /// The same for one shard, with a copy of the topic: the count of those that share one changes
    /// with each connection, and would go from core to core.
    pub(crate) fn for_shard(mut self) -> Self {
        if let Speaks::Frames { topic, .. } = &mut self.speaks {
            *topic = Topic::unchecked(topic.name());
        }
        self
    }

    fn new(addr: ListenAddr, speaks: Speaks) -> Self {
        Self {
            addr,
            mode: MODE,
            balance: Balance::default(),
            speaks,
            tls: None,
            keys: None,
            proxied: false,
            defer_accept: true,
        }
    }

    /// Its connections speak TLS, and inside that what they would speak without.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, settings: TlsSettings) -> Self {
        self.tls = Some(settings);
        self
    }

    /// Which users may connect to a path, and are trusted like a proxy: the permissions of its
    /// file, 0o660 by default. Of no meaning for anything else.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Which shard gets a connection to a port; elsewhere it is always [`Balance::Even`].
    #[must_use]
    pub fn balance(mut self, balance: Balance) -> Self {
        self.balance = balance;
        self
    }

    /// Where one message ends and the next begins; of no meaning for HTTP.
    #[must_use]
    pub fn framing(self, framing: Framing) -> Self {
        self.with_frames(|frames| frames.framing = framing)
    }

    /// What its connections are for, which the handler is told ([`Opening::Tcp`]): [`Relay`] sends
    /// nothing to those that publish, and closes one that is to subscribe and publishes. Of no
    /// meaning for HTTP, where the path says it.
    ///
    /// [`Opening::Tcp`]: crate::Opening::Tcp
    /// [`Relay`]: crate::Relay
    #[must_use]
    pub fn role(self, role: Role) -> Self {
        self.with_frames(|frames| frames.role = role)
    }

    /// How many of the newest messages a subscriber gets first, if the topic has a history; 0: what
    /// its settings say. Of no meaning for HTTP, where a client [asks](crate::Request::since).
    #[must_use]
    pub fn last(self, last: u32) -> Self {
        self.with_frames(|frames| frames.last = last)
    }

    /// Whether every message is text, and one that is not UTF-8 closes the connection. Otherwise
    /// a line is text if it is UTF-8, and everything else is binary. Of no meaning for HTTP.
    #[must_use]
    pub fn text(self, text: bool) -> Self {
        self.with_frames(|frames| frames.text = text)
    }

    /// Whether the first frame of each connection is a credential, such as a token: the handler
    /// gets it when it opens the connection ([`Opening::Tcp`](crate::Opening::Tcp)). It must come
    /// within [`Config::handshake_timeout`](crate::Config::handshake_timeout). Of no meaning for
    /// HTTP.
    #[must_use]
    pub fn credential(self, asks: bool) -> Self {
        self.with_frames(|frames| frames.asks = asks)
    }

    fn with_frames(mut self, set: impl FnOnce(&mut Frames)) -> Self {
        if let Speaks::Frames { frames, .. } = &mut self.speaks {
            set(frames);
        }
        self
    }

    /// Whether a connection from one of [`Config::trusted_proxies`] must begin with a header of the
    /// PROXY protocol, version 1 or 2, which names its client; at a path each one must. From
    /// elsewhere there must be none. It goes before everything else, TLS included.
    ///
    /// [`Config::trusted_proxies`]: crate::Config::trusted_proxies
    #[must_use]
    pub fn proxy_protocol(mut self, proxied: bool) -> Self {
        self.proxied = proxied;
        self
    }

    /// Whether the kernel keeps a connection to a port back until its client's first bytes have
    /// come (`TCP_DEFER_ACCEPT`, tcp(7)), where the client must speak first: with HTTP, with TLS,
    /// with sessions and with [`Role::Publish`]. It does by default, which makes accepting cheaper.
    /// A client that sends nothing is accepted a second later then, so no accept is deferred where
    /// [`Config::handshake_timeout`] is below two seconds.
    ///
    /// [`Config::handshake_timeout`]: crate::Config::handshake_timeout
    #[must_use]
    pub fn defer_accept(mut self, defer: bool) -> Self {
        self.defer_accept = defer;
        self
    }

    /// Whether its connections come with their first bytes.
    pub(crate) fn defers(&self) -> bool {
        // Others are greeted.
        let begins = |frames: Frames| frames.asks || frames.role == Role::Publish;
        let client_begins = self.client_begins() || self.frames().is_some_and(begins);
        self.defer_accept && client_begins && self.addr.tcp().is_some()
    }

    /// Whether a client has nothing of a connection that has sent nothing.
    pub(crate) fn client_begins(&self) -> bool {
        !matches!(self.speaks, Speaks::Frames { .. }) || self.tls.is_some()
    }

    /// How the bytes of its connections become messages; `None`: they are HTTP.
    pub(crate) fn frames(&self) -> Option<Frames> {
        match self.speaks {
            Speaks::Http => None,
            Speaks::Commands(wire) => Some(Frames::of_commands(wire)),
            Speaks::Frames { frames, .. } => Some(frames),
        }
    }

    /// Whether it has one socket for all shards, and its connections are balanced.
    pub fn is_single(&self) -> bool {
        self.addr.is_single() || self.balance == Balance::Even
    }

    /// Whether its connections speak HTTP.
    pub fn speaks_http(&self) -> bool {
        matches!(self.speaks, Speaks::Http)
    }
}

impl Speaks {
    /// A connection begins to speak this: at once, or inside TLS after the handshake, which may
    /// have shown the client's identity.
    pub(crate) fn begin<H: Handler>(
        &self,
        core: &mut ShardCore<H>,
        id: ConnId,
        peer: Option<SocketAddr>,
        identity: Option<String>,
    ) {
        match self {
            Self::Http => core.handle_http_begin(id, peer, identity),
            Self::Commands(wire) => core.handle_session_begin(id, *wire, peer, identity),
            Self::Frames { topic, .. } => core.handle_tcp_begin(id, topic, peer, identity),
        }
    }
}

/// The default permissions of a path: the server's user and group may connect.
pub const MODE: u32 = 0o660;
/// All permissions of a file that decide which users may connect.
pub const MODE_MAX: u32 = 0o777;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_are_deferred_at_ports_where_the_client_begins() {
        let port = || ListenAddr::Tcp("127.0.0.1:0".parse().unwrap());
        let path = ListenAddr::Unix("/run/a.sock".into());
        let tcp = |role| Listener::tcp(port(), "a").role(role);
        assert!(Listener::http(port()).defers());
        assert!(Listener::http(port()).balance(Balance::Even).defers());
        assert!(tcp(Role::Publish).defers());
        assert!(!tcp(Role::Both).defers() && !tcp(Role::Subscribe).defers());
        assert!(Listener::session(port(), Wire::Json).defers());
        assert!(!Listener::http(path).defers());
        assert!(!Listener::http(port()).defer_accept(false).defers());
    }
}
