//! Starting a server: all of it runs, or nothing does.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::{io, thread};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::address::admission::PerAddress;
use crate::auth::{Auth, Places};
use crate::error::Error;
use crate::handler::Handler;
use crate::id::ShardId;
use crate::limits::{
    DEFERRED_HANDSHAKE_TIMEOUT_MIN, MESSAGE_BYTES_CEILING, SHARDS_MAX, TOPIC_BYTES_MAX,
    WRITE_DELAY_MAX,
};
use crate::mesh::{self, Mesh};
use crate::renewal::{Renewals, Renewer};
use crate::server::backplane::BackplaneThread;
use crate::server::handle::Handle;
use crate::server::reload::Renewal;
use crate::server::{Server, ServerBuilder};
use crate::shard::shell::status::{Phase, Shared};
use crate::shard::{self, Balancer, Listener, MODE_MAX, Seed, Speaks, Watch};
use crate::sys::affinity;
use crate::sys::startup::while_starting;
use crate::throttle::{Throttle, Throttles};
use crate::time::Rate;
use crate::topic::Topic;

impl ServerBuilder {
    /// Starts the server; `make` creates each shard's handler on the shard's own thread.
    ///
    /// # Errors
    ///
    /// An address cannot be bound, a setting is out of its range, a TLS file cannot be used, or the
    /// host has no more descriptors or threads. Then nothing runs.
    pub fn start<H: Handler>(
        self,
        make: impl Fn(ShardId) -> H + Send + Clone + 'static,
    ) -> Result<Server, Error> {
        let shards = self.check()?;
        // Held until the shards listen, so that no other process can take a port that the kernel
        // has chosen.
        let (mut bound, mut listen) = shard::bind(&self.listeners())?;
        let reloader = shard::load_keys(&mut listen)
            .map_err(|err| io::Error::new(io::ErrorKind::InvalidInput, err))?;
        let mut renewal = Renewal::new(reloader);
        let count = usize::from(shards);
        let (between, outside) = self.lanes(count);
        let mesh = mesh::build(shards, between, outside)
            .map_err(|err| while_starting("cannot connect the shards", &err))?;
        let shared = Arc::new(self.shared(shards));
        // The shards have copies when they have bound.
        let (balancer, handoffs) = bound
            .take_balancer(count, &shared)
            .map_err(|err| while_starting("cannot balance connections", &err))?;
        let bells = mesh.descriptors();
        let Mesh {
            ports,
            outside,
            doorbells,
        } = mesh;
        let (mut engine_ports, backplane) = self.take_backplane(&shared, &doorbells)?;
        let (report, reports) = bounded(count);
        let pins = self.pins();
        let (mut threads, mut proceed) = (Vec::new(), Vec::new());
        let (renewer, identities) = self.identities(count);
        let ports = ShardId::all(shards).zip(ports).zip(identities);
        for ((shard, port), identities) in ports {
            let (go, proceeds) = bounded(1);
            proceed.push(go);
            let seed = Seed {
                shard,
                shards,
                config: self.shard_config(shards),
                identities,
                namespaces: renewal.namespaces.add_shard(),
                configs: renewal.configs.add_shard(),
                port,
                backplane: engine_ports.next(),
                shared: Arc::clone(&shared),
                listen: listen.clone(),
                handoff: handoff(&handoffs, shard),
                renewals: renewal.certificates.add_shard(),
                has_cores: count <= affinity::cores(),
                pin: pins.then_some(shard.index()),
                keep: self.kept(&bells, handoff(&handoffs, shard)),
                report: report.clone(),
                proceed: proceeds,
            };
            let watch = Watch::new(&shared, &doorbells);
            threads.push(spawn(seed, make.clone(), watch)?);
        }
        drop(report);
        let watch = Watch::new(&shared, &doorbells);
        let auth = self.auth.as_ref().map(|(auth, _)| auth);
        let handle = Handle::new(outside, shared, doorbells, renewal, auth, renewer);
        match bring_up(&reports, proceed, count, (balancer, backplane), watch) {
            Ok(others) => threads.extend(others),
            Err(err) => {
                handle.advance(Phase::Stop);
                threads.into_iter().for_each(|thread| drop(thread.join()));
                return Err(err.into());
            }
        }
        Ok(Server {
            handle,
            http: ports_of(&listen, true),
            tcp: ports_of(&listen, false),
            addrs: listen.into_iter().map(|listener| listener.addr).collect(),
            shards: count,
            threads,
        })
    }

    /// What tells the shards of identity, and already has, if there is any.
    fn identities(&self, count: usize) -> (Renewer<Identity>, Vec<Renewals<Identity>>) {
        let mut renewer = Renewer::default();
        let renewals = (0..count).map(|_| renewer.add_shard()).collect();
        if let Some(identity) = &self.auth {
            renewer.send(renewer.next_number(), identity);
        }
        (renewer, renewals)
    }

    /// What the shards share.
    fn shared(&self, shards: u16) -> Shared {
        let (config, capacity) = (&self.config, self.capacity());
        let per_address = config.connections_per_address_max;
        let throttle = |rate: Rate| Throttle::new(rate, capacity);
        Shared::new(
            shards,
            self.connections_max.unwrap_or(usize::MAX),
            per_address.map(|max| PerAddress::new(max, capacity)),
            Throttles {
                addresses: config.open_rate_per_address.map(throttle),
                users: config.open_rate_per_user.map(throttle),
            },
        )
    }

    /// The listeners to start. If the handshake timeout is short, no accept is deferred: a client
    /// that sends nothing is accepted a second later then, and would have much more time for its
    /// handshake.
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
    pub(super) fn check(&self) -> io::Result<u16> {
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
            ("history_bytes_max", config.history_bytes_max == Some(0)),
            (
                "connections_per_address_max",
                config.connections_per_address_max == Some(0),
            ),
            (
                "connections_per_user_max",
                config.connections_per_user_max == Some(0),
            ),
            ("connections_max", self.connections_max == Some(0)),
        ];
        if let Some((name, _)) = none.into_iter().find(|(_, is_none)| *is_none) {
            return Err(invalid(format!("{name} is 0: must be more")));
        }
        if WRITE_DELAY_MAX < config.write_delay {
            return Err(invalid(format!(
                "write_delay of {:?}: must be 0 to {WRITE_DELAY_MAX:?}",
                config.write_delay
            )));
        }
        for listener in &self.listen {
            if MODE_MAX < listener.mode {
                let mode = listener.mode;
                return Err(invalid(format!(
                    "mode {mode:#o}: must be 0 to {MODE_MAX:#o}"
                )));
            }
            if let Speaks::Frames { topic, .. } = &listener.speaks
                && Topic::new(topic.name()).is_err()
            {
                return Err(invalid(format!(
                    "topic {topic:?}: must have 1 to {TOPIC_BYTES_MAX} bytes, and not be . or .."
                )));
            }
        }
        u16::try_from(self.shards).map_err(|err| invalid(err.to_string()))
    }

    /// The descriptors that a shard keeps in a table of its own.
    fn kept(&self, bells: &[RawFd], handoff: Option<RawFd>) -> Option<Vec<RawFd>> {
        self.own_tables
            .then(|| [bells, &self.keep, handoff.as_slice()].concat())
    }
}

/// What decides about clients, and where they put their credentials.
type Identity = (Auth, Places);

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

/// The addresses of the listeners that speak HTTP, or of the others.
fn ports_of(listen: &[Listener], http: bool) -> Vec<SocketAddr> {
    let chosen = listen
        .iter()
        .filter(|listener| listener.speaks_http() == http);
    chosen.filter_map(|listener| listener.addr.tcp()).collect()
}

/// The number of a shard's end of its handoff, if there is a balancer.
fn handoff(handoffs: &[OwnedFd], shard: ShardId) -> Option<RawFd> {
    handoffs.get(shard.index()).map(AsRawFd::as_raw_fd)
}

/// Waits until all shards have bound their addresses, lets them and the balancer listen, waits
/// until they do, and starts the other threads.
fn bring_up(
    reports: &Receiver<io::Result<()>>,
    proceed: Vec<Sender<()>>,
    count: usize,
    (balancer, backplane): (Option<Balancer>, Option<BackplaneThread>),
    watch: Watch,
) -> io::Result<Vec<JoinHandle<io::Result<()>>>> {
    let all = || {
        let ended = || io::Error::other("a shard's thread has ended while it started");
        (0..count).try_for_each(|_| reports.recv().unwrap_or_else(|_| Err(ended())))
    };
    all()?;
    balancer.as_ref().map_or(Ok(()), Balancer::listen)?;
    for go in proceed {
        // A shard that has ended says so in its report.
        let _sent = go.send(());
    }
    all()?;
    let backplane = backplane.map(BackplaneThread::spawn).transpose()?;
    let Some(balancer) = balancer else {
        watch.dismiss();
        return Ok(backplane.into_iter().collect());
    };
    let thread = balancer.spawn(watch);
    let thread =
        thread.map_err(|err| while_starting("cannot start the balancer's thread", &err))?;
    Ok(backplane.into_iter().chain([thread]).collect())
}
