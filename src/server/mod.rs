//! Starting and stopping a server: its shards, the mesh between them, its threads.

mod backplane;
mod capacity;
pub mod handle;
mod home;
#[cfg(feature = "auth")]
mod identity;
#[cfg_attr(
    not(feature = "admin"),
    expect(dead_code, unused_imports, reason = "only the admin port looks")
)]
pub(crate) mod look;
mod mail;
pub mod reload;
mod start;
#[cfg_attr(
    not(feature = "admin"),
    expect(dead_code, unused_imports, reason = "only the admin port follows")
)]
pub(crate) mod trace;

use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::thread::JoinHandle;

use crate::auth::{Auth, Places};
use crate::backplane::Backplane;
use crate::config::Config;
use crate::error::Error;
use crate::net::ListenAddr;
use crate::server::backplane::BackplaneSlot;
pub use crate::server::capacity::Descriptors;
use crate::server::handle::Handle;
#[cfg(feature = "auth")]
pub use crate::server::identity::ReloadAuthError;
use crate::shard::Listener;
use crate::sys::affinity;

/// The description of a server to start; see [`Server::builder`].
#[derive(Clone, Debug)]
pub struct ServerBuilder {
    listen: Vec<Listener>,
    shards: usize,
    connections_max: Option<usize>,
    config: Config,
    auth: Option<(Auth, Places)>,
    pin: Option<bool>,
    own_tables: bool,
    keep: Vec<RawFd>,
    backplane: BackplaneSlot,
}

/// A running server. Dropping it does not stop it: see [`Handle::drain`] and [`Server::join`].
#[derive(Debug)]
pub struct Server {
    handle: Handle,
    addrs: Vec<ListenAddr>,
    http: Vec<SocketAddr>,
    tcp: Vec<SocketAddr>,
    shards: usize,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

impl Server {
    /// A server without listeners, one shard per core.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            listen: Vec::new(),
            shards: affinity::cores(),
            connections_max: None,
            config: Config::default(),
            auth: None,
            pin: None,
            own_tables: true,
            keep: Vec::new(),
            backplane: BackplaneSlot::default(),
        }
    }

    /// The handle, which publishes and stops from any thread.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The addresses of all listeners, in the order in which they were added. Port 0 is replaced by
    /// the port that the kernel chose.
    pub fn addrs(&self) -> &[ListenAddr] {
        &self.addrs
    }

    /// The addresses of the HTTP listeners that have a port, in the same order.
    pub fn http_addrs(&self) -> &[SocketAddr] {
        &self.http
    }

    /// The addresses of the other listeners that have a port, in the same order.
    pub fn tcp_addrs(&self) -> &[SocketAddr] {
        &self.tcp
    }

    /// The number of shards.
    pub fn shards(&self) -> usize {
        self.shards
    }

    /// Waits until the server has stopped, and what was revoked is in its file, if there is one.
    ///
    /// # Errors
    ///
    /// A shard failed or panicked, perhaps in a handler. Then the whole server stops, because
    /// topics whose home is that shard could not work.
    pub fn join(self) -> Result<(), Error> {
        let mut result = Ok(());
        for thread in self.threads {
            let ended = thread.join();
            let ended = ended.unwrap_or_else(|_| Err(io::Error::other("a shard has panicked")));
            result = result.and(ended);
        }
        #[cfg(feature = "auth")]
        self.handle.flush_revocations();
        Ok(result?)
    }
}

impl ServerBuilder {
    /// Adds a listener for HTTP and WebSocket; may be called several times. Port 0 takes a free
    /// port.
    #[must_use]
    pub fn http(self, addr: SocketAddr) -> Self {
        self.listen(Listener::http(addr))
    }

    /// Adds a listener for length-prefixed TCP whose connections use `topic`.
    #[must_use]
    pub fn tcp(self, addr: SocketAddr, topic: impl Into<String>) -> Self {
        self.listen(Listener::tcp(addr, topic))
    }

    /// Adds a listener; may be called several times.
    #[must_use]
    pub fn listen(mut self, listener: Listener) -> Self {
        self.listen.push(listener);
        self
    }

    /// Sets the number of shards. More shards than cores make sense if one shard cannot have enough
    /// file descriptors.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Sets the maximum number of connections of all shards together.
    #[must_use]
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.connections_max = Some(connections);
        self
    }

    /// Sets the configuration of every shard. Values that depend on the host are set at the start.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Asks each client for its identity, on every listener, before the handler is called:
    /// [`Cx::principal`](crate::Cx::principal) is the client, and
    /// [`Cx::require`](crate::Cx::require) asks the rules. A client that is not admitted is
    /// answered with 401, 403 or 503, or closed over TCP. A connection ends with its token.
    ///
    /// Credentials are taken from `Authorization`, `X-API-Key` and `Sec-WebSocket-Protocol`
    /// (`bearer.TOKEN`), from these places, from the first frame over TCP
    /// ([`Listener::credential`](crate::Listener::credential)), and from certificates.
    /// [`Handler::needs_identity`](crate::Handler::needs_identity) makes exceptions.
    #[must_use]
    pub fn auth(mut self, auth: Auth, places: Places) -> Self {
        self.auth = Some((auth, places));
        self
    }

    /// Has an engine set the order of topics, keep their history, and pass what is published on to
    /// all servers that share it. Topics whose settings say
    /// [local](crate::TopicSettings::is_local), and those with a [`Room`](crate::Room), are of this
    /// server alone. The engine runs on a thread of its own, which ends with the server.
    #[must_use]
    pub fn backplane(mut self, backplane: impl Backplane) -> Self {
        self.backplane = BackplaneSlot::new(backplane);
        self
    }

    /// Whether shard `n` is bound to core `n`, counted among the cores that the process may use,
    /// modulo their number. By default shards are bound if there is one for each core; otherwise
    /// the kernel places them.
    #[must_use]
    pub fn pin(mut self, pin: bool) -> Self {
        self.pin = Some(pin);
        self
    }

    /// Whether each shard has its own file descriptor table, so that the limit of open files
    /// applies to each shard. By default it has.
    ///
    /// Descriptors that were open before are closed in that table. If a handler or a logger uses
    /// one on a shard, name it to [`keep_descriptors`](Self::keep_descriptors); otherwise its
    /// number may later refer to a client's connection. See also [`Handler`](crate::Handler).
    #[must_use]
    pub fn own_tables(mut self, own_tables: bool) -> Self {
        self.own_tables = own_tables;
        self
    }

    /// Keeps file descriptors open on the shards under the same numbers, for example the file of a
    /// logger. Standard input, output and error are always kept.
    #[must_use]
    pub fn keep_descriptors(mut self, descriptors: impl IntoIterator<Item = RawFd>) -> Self {
        self.keep.extend(descriptors);
        self
    }
}
