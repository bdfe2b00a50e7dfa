//! Starting and stopping a server: its shards, the mesh between them, its threads.

use std::collections::hash_map::RandomState;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::admission::PerAddress;
use crate::config::Config;
use crate::error::Error;
use crate::handle::{Descriptors, Handle};
use crate::handler::{Handler, check_topic};
use crate::id::ShardId;
use crate::limits::{
    DEFERRED_HANDSHAKE_TIMEOUT_MIN, DESCRIPTORS_RESERVED, INBOX_SHARE, MEMORY_BYTES_ASSUMED,
    MEMORY_SHARE, MESSAGE_BYTES_CEILING, SHARDS_MAX, TOPIC_BYTES_MAX,
};
use crate::mesh::{self, Capacity, Mesh};
use crate::net::ListenAddr;
use crate::shard::shell::status::{Phase, Shared};
use crate::shard::{self, Dealing, Listener, MODE_MAX, Seed, Speaks, Watch};
use crate::sys::startup::while_starting;
use crate::sys::{affinity, descriptors, memory};

/// What a server is to be; see [`Server::builder`].
#[derive(Clone, Debug)]
pub struct ServerBuilder {
    listen: Vec<Listener>,
    shards: usize,
    connections_max: Option<usize>,
    config: Config,
    pin: Option<bool>,
    own_tables: bool,
    keep: Vec<RawFd>,
}

/// A running server. Dropping it does not stop it: see [`Handle::drain`] and [`Server::join`].
#[derive(Debug)]
pub struct Server {
    handle: Handle,
    addrs: Vec<ListenAddr>,
    http: Vec<SocketAddr>,
    tcp: Vec<SocketAddr>,
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
            pin: None,
            own_tables: true,
            keep: Vec::new(),
        }
    }

    /// Publishes and stops from any thread.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Where all listeners are, in the order they were asked for; a port that was 0 is the one it
    /// has become.
    pub fn addrs(&self) -> &[ListenAddr] {
        &self.addrs
    }

    /// The ports of the HTTP listeners that have one, likewise.
    pub fn http_addrs(&self) -> &[SocketAddr] {
        &self.http
    }

    /// The ports of the other listeners that have one, likewise.
    pub fn tcp_addrs(&self) -> &[SocketAddr] {
        &self.tcp
    }

    /// How many shards it has.
    pub fn shards(&self) -> usize {
        self.threads.len()
    }

    /// Waits until the server has stopped.
    ///
    /// # Errors
    ///
    /// A shard failed or panicked, a handler's panic included: the whole server stopped then, as
    /// the topics at home there would have been dead.
    pub fn join(self) -> Result<(), Error> {
        let mut result = Ok(());
        for thread in self.threads {
            let ended = thread.join();
            let ended = ended.unwrap_or_else(|_| Err(io::Error::other("a shard has panicked")));
            result = result.and(ended);
        }
        Ok(result?)
    }
}

impl ServerBuilder {
    /// Listens for HTTP and WebSocket; may be called several times. Port 0 takes a free one.
    #[must_use]
    pub fn http(self, addr: SocketAddr) -> Self {
        self.listen(Listener::http(addr))
    }

    /// Listens for length-prefixed TCP whose connections belong to `topic`.
    #[must_use]
    pub fn tcp(self, addr: SocketAddr, topic: impl Into<String>) -> Self {
        self.listen(Listener::tcp(addr, topic))
    }

    /// Listens as described; may be called several times.
    #[must_use]
    pub fn listen(mut self, listener: Listener) -> Self {
        self.listen.push(listener);
        self
    }

    /// How many shards; may exceed the cores, where a shard may not have descriptors enough.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Most connections of all shards together; each shard admits its share.
    #[must_use]
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.connections_max = Some(connections);
        self
    }

    /// The settings of every shard. What depends on the host is set at the start.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Whether shard `n` runs on core `n` alone, of those that the process may use, modulo their
    /// number. By default it does if there are as many shards as cores; otherwise the kernel places
    /// the shards.
    #[must_use]
    pub fn pin(mut self, pin: bool) -> Self {
        self.pin = Some(pin);
        self
    }

    /// Whether each shard has a table of descriptors of its own, so that the limit of open files
    /// is for each; by default it has.
    ///
    /// Descriptors that were open before are closed there: one that a handler or a logger is to
    /// use on a shard must be named to [`keep_descriptors`](Self::keep_descriptors). Without that
    /// its number may come to name a client's connection. See also [`Handler`].
    #[must_use]
    pub fn own_tables(mut self, own_tables: bool) -> Self {
        self.own_tables = own_tables;
        self
    }

    /// Keeps descriptors open on the shards, under their numbers: a logger's file, for instance.
    /// Standard input, output and error always are.
    #[must_use]
    pub fn keep_descriptors(mut self, descriptors: impl IntoIterator<Item = RawFd>) -> Self {
        self.keep.extend(descriptors);
        self
    }

    /// Starts the server; `make` makes each shard's handler, on the shard's own thread.
    ///
    /// # Errors
    ///
    /// An address that cannot be bound, a setting out of its range, a file of TLS that cannot be
    /// used, or the host is out of descriptors or threads. Nothing runs then.
    pub fn start<H: Handler>(
        self,
        make: impl Fn(ShardId) -> H + Send + Clone + 'static,
    ) -> Result<Server, Error> {
        let shards = self.check()?;
        // Held until the shards listen: a port that was 0 is nobody else's until then.
        let (mut claims, mut listen) = shard::claim(&self.listeners())?;
        let mut reloader = shard::load_keys(&mut listen)
            .map_err(|err| io::Error::new(io::ErrorKind::InvalidInput, err))?;
        let count = usize::from(shards);
        let (between, outside) = self.lanes(count);
        let mesh = mesh::build(count, between, outside)
            .map_err(|err| while_starting("cannot connect the shards", &err))?;
        let hasher = RandomState::new();
        let shared = Arc::new(Shared::new(
            shards,
            self.connections_max.unwrap_or(usize::MAX),
            self.config
                .connections_per_address_max
                .map(|max| PerAddress::new(max, self.capacity())),
        ));
        let mut dealing = claims
            .hand_over(count)
            .map_err(|err| while_starting("cannot hand the listeners over", &err))?;
        let bells = mesh.descriptors();
        let Mesh {
            ports,
            outside,
            doorbells,
        } = mesh;
        let (report, reports) = bounded(count);
        let pins = self.pin.unwrap_or_else(|| count == affinity::allowed());
        let mut threads = Vec::new();
        let mut proceed = Vec::new();
        for (shard, port) in (0..shards).zip(ports) {
            let (go, proceeds) = bounded(1);
            proceed.push(go);
            let seed = Seed {
                shard,
                shards,
                config: self.shard_config(shards),
                hasher: hasher.clone(),
                port,
                shared: Arc::clone(&shared),
                listen: listen.clone(),
                dealing: dealing.as_mut().map(Dealing::of),
                renewals: reloader.add_shard(),
                has_cores: count <= affinity::cores(),
                pin: pins.then_some(shard.into()),
                keep: self.kept(&bells, dealing.as_ref(), shard),
                report: report.clone(),
                proceed: proceeds,
            };
            let watch = Watch::new(&shared, &doorbells);
            threads.push(spawn(seed, make.clone(), watch)?);
        }
        drop(report);
        let descriptors = Descriptors {
            doorbells,
            _handoffs: dealing.map(|dealing| dealing.handoffs()),
        };
        let handle = Handle::new(outside, hasher, Arc::clone(&shared), descriptors, reloader);
        if let Err(err) = bring_up(&reports, proceed, count) {
            handle.advance(Phase::Stop);
            threads.into_iter().for_each(|thread| drop(thread.join()));
            return Err(err.into());
        }
        Ok(Server {
            handle,
            http: ports_of(&listen, true),
            tcp: ports_of(&listen, false),
            addrs: listen.into_iter().map(|listener| listener.addr).collect(),
            threads,
        })
    }

    /// What to listen on. None defers its accepts where a client that says nothing would have much
    /// more time for its handshake then.
    fn listeners(&self) -> Vec<Listener> {
        let mut listen = self.listen.clone();
        if self.config.handshake_timeout < DEFERRED_HANDSHAKE_TIMEOUT_MIN {
            listen
                .iter_mut()
                .for_each(|listener| listener.defer_accept = false);
        }
        listen
    }

    /// Checks the settings; returns the number of shards.
    fn check(&self) -> io::Result<ShardId> {
        let invalid = |problem: String| io::Error::new(io::ErrorKind::InvalidInput, problem);
        if !(1..=SHARDS_MAX).contains(&self.shards) {
            return Err(invalid(format!(
                "{} shards: must be 1 to {SHARDS_MAX}",
                self.shards
            )));
        }
        let message = self.config.message_bytes_max;
        if !(1..=MESSAGE_BYTES_CEILING).contains(&message) {
            return Err(invalid(format!(
                "messages of {message} bytes: must be 1 to {MESSAGE_BYTES_CEILING}"
            )));
        }
        if let Some(compression) = &self.config.compression
            && !compression.has_level()
        {
            return Err(invalid(format!(
                "compression at level {}: must be 1 to 9",
                compression.level
            )));
        }
        let config = &self.config;
        let none = [
            ("handshake_timeout", config.handshake_timeout.is_zero()),
            ("ping_interval", config.ping_interval.is_zero()),
            ("pong_timeout", config.pong_timeout.is_zero()),
            ("stall_timeout", config.stall_timeout.is_zero()),
            ("log_bytes_max", config.log_bytes_max == 0),
            ("memory_bytes_max", config.memory_bytes_max == Some(0)),
            ("backlog_bytes_max", config.backlog_bytes_max == Some(0)),
            ("replies_bytes_max", config.replies_bytes_max == Some(0)),
            ("assembly_bytes_max", config.assembly_bytes_max == Some(0)),
            (
                "connections_per_address_max",
                config.connections_per_address_max == Some(0),
            ),
            ("connections_max", self.connections_max == Some(0)),
        ];
        if let Some((name, _)) = none.into_iter().find(|(_, is_none)| *is_none) {
            return Err(invalid(format!("{name} is 0: must be more")));
        }
        for listener in &self.listen {
            if MODE_MAX < listener.mode {
                let mode = listener.mode;
                return Err(invalid(format!(
                    "mode {mode:#o}: must be 0 to {MODE_MAX:#o}"
                )));
            }
            if let Speaks::Frames { topic, .. } = &listener.speaks
                && check_topic(topic).is_err()
            {
                return Err(invalid(format!(
                    "topic {topic:?}: must have 1 to {TOPIC_BYTES_MAX} bytes, and not be . or .."
                )));
            }
        }
        ShardId::try_from(self.shards).map_err(|err| invalid(err.to_string()))
    }

    /// The descriptors that a shard keeps in a table of its own.
    fn kept(
        &self,
        bells: &[RawFd],
        dealing: Option<&Dealing>,
        shard: ShardId,
    ) -> Option<Vec<RawFd>> {
        let dealing = dealing.map_or(Vec::new(), |dealing| dealing.descriptors(shard));
        self.own_tables
            .then(|| [bells, &self.keep, &dealing].concat())
    }

    /// The settings of one shard: its share of what is limited for all.
    fn shard_config(&self, shards: ShardId) -> Config {
        let mut config = self.config.clone();
        config.accept_rate = config.accept_rate.map(|rate| rate.share(shards));
        config.keep_addresses |= log::log_enabled!(log::Level::Debug);
        config.connections_max = config.connections_max.min(self.admitted());
        config.memory_bytes_max = Some(self.memory_share());
        config
    }

    /// How much lanes between shards hold, and those from outside.
    fn lanes(&self, shards: usize) -> (Capacity, Capacity) {
        let inbox = self.memory_share() / INBOX_SHARE;
        let between = Capacity::between(shards).within(inbox, shards);
        (between, Capacity::outside().within(inbox, 1))
    }

    /// What clients can make one shard hold, in bytes.
    fn memory_share(&self) -> usize {
        let memory = match memory::total() {
            0 => MEMORY_BYTES_ASSUMED,
            total => total / MEMORY_SHARE,
        };
        self.config.memory_share(memory, self.shards)
    }

    /// Connections that one shard's descriptors allow. All shards together admit no more than
    /// was asked for; how many of them one takes is the kernel's choice, which spreads by hash, but
    /// for listeners that deal.
    fn admitted(&self) -> usize {
        let count = self.shards.max(1);
        let tables = if self.own_tables { 1 } else { count };
        let limit = usize::try_from(descriptors::limit()).unwrap_or(usize::MAX);
        let of_table = (limit / tables).saturating_sub(DESCRIPTORS_RESERVED + self.ends(count));
        of_table.max(1)
    }

    /// What a shard keeps of the starter's: the doorbells of all, and the handoffs to all where
    /// connections are dealt.
    fn ends(&self, shards: usize) -> usize {
        let deals = self.listen.iter().any(Listener::is_dealt);
        shards * (1 + usize::from(deals))
    }

    /// Connections that the server admits: what was asked for, or what its descriptors allow.
    pub fn capacity(&self) -> usize {
        let all = self.admitted().saturating_mul(self.shards.max(1));
        all.min(self.connections_max.unwrap_or(usize::MAX))
    }

    /// How many shards would admit so many connections with the limit of open files that there
    /// is; `None` where no number would, as there are too few or all share one table.
    pub fn shards_for(&self, connections: usize) -> Option<usize> {
        let limit = usize::try_from(descriptors::limit()).unwrap_or(usize::MAX);
        let of_table = limit.saturating_sub(DESCRIPTORS_RESERVED + self.ends(SHARDS_MAX));
        let shards = connections.div_ceil(of_table.max(1)).max(self.shards);
        (self.own_tables && shards <= SHARDS_MAX).then_some(shards)
    }

    /// The limit of open files with which its shards would admit so many connections.
    pub fn open_files_for(&self, connections: usize) -> usize {
        let count = self.shards.max(1);
        let tables = if self.own_tables { 1 } else { count };
        let each = connections.div_ceil(count) + DESCRIPTORS_RESERVED + self.ends(count);
        each.saturating_mul(tables)
    }
}

/// Starts the thread of a shard.
fn spawn<H: Handler>(
    seed: Seed,
    make: impl FnOnce(ShardId) -> H + Send + 'static,
    watch: Watch,
) -> io::Result<JoinHandle<io::Result<()>>> {
    let Seed { shard, shards, .. } = seed;
    let thread = thread::Builder::new().name(format!("corecast-{shard}"));
    let thread = thread.spawn(|| shard::run(seed, make, watch));
    thread.map_err(|err| {
        let what = format!("cannot start the thread of shard {shard} of {shards}");
        while_starting(&what, &err)
    })
}

/// The ports of the listeners that speak HTTP, or of the others.
fn ports_of(listen: &[Listener], http: bool) -> Vec<SocketAddr> {
    let chosen = listen
        .iter()
        .filter(|listener| listener.speaks_http() == http);
    chosen.filter_map(|listener| listener.addr.tcp()).collect()
}

/// Waits for all shards to have bound, lets them listen, and waits for that.
fn bring_up(
    reports: &Receiver<io::Result<()>>,
    proceed: Vec<Sender<()>>,
    count: usize,
) -> io::Result<()> {
    let all = || {
        let ended = || io::Error::other("a shard's thread has ended while it started");
        (0..count).try_for_each(|_| reports.recv().unwrap_or_else(|_| Err(ended())))
    };
    all()?;
    for go in proceed {
        // One that is gone says so in its report.
        let _sent = go.send(());
    }
    all()
}
