//! A shard's thread: what it does before its first turn.

use std::io;
use std::os::fd::RawFd;
use std::sync::{Arc, Weak};

use crossbeam_channel::{Receiver, Sender};
use socket2::Socket;

use crate::auth::{Auth, Places};
use crate::config::{Config, Namespaces};
use crate::handler::Handler;
use crate::id::ShardId;
use crate::limits::NOTSENT_BYTES;
use crate::mesh::backplane::BackplanePort;
use crate::mesh::{Doorbell, Port, ReturnSender, Wake, returns};
use crate::net::listener;
use crate::renewal::Renewals;
use crate::shard::core::ShardCore;
use crate::shard::core::conns::questions::{Answered, Answers};
use crate::shard::mail::{FromHome, Inward, Outward, ToHome};
use crate::shard::shell::accept::listener::Listener;
use crate::shard::shell::accept::proxy_header::ProxyHeaders;
use crate::shard::shell::accept::source::Source;
use crate::shard::shell::accept::{Acceptor, Renewable};
use crate::shard::shell::event_loop::EventLoop;
use crate::shard::shell::lanes::Lanes;
use crate::shard::shell::spin_wait::SpinWait;
use crate::shard::shell::status::{Control, Phase, Shared};
use crate::sys::deferred::defer_accept;
use crate::sys::{affinity, descriptors, handoff, signals};
use crate::time::Now;
use crate::tls;

/// What a shard's thread is made of. Nothing in it holds a descriptor but the doorbells.
#[derive(Debug)]
pub struct Seed {
    /// Which shard it is.
    pub shard: ShardId,
    /// How many there are.
    pub shards: u16,
    /// Settings of the core.
    pub config: Config,
    /// Tells of what decides about clients, if anything, and where they put their credentials.
    pub identities: Renewals<(Auth, Places)>,
    /// Tells of what holds for topics.
    pub namespaces: Renewals<Namespaces>,
    /// Tells of limits and times.
    pub configs: Renewals<Config>,
    /// Its side of the mesh.
    pub port: Port<ToHome, FromHome>,
    /// Its ways to a backplane, if there is one.
    pub backplane: Option<BackplanePort<Inward, Outward>>,
    /// The server's state.
    pub shared: Arc<Shared>,
    /// What to listen on: addresses that the starter holds.
    pub listen: Vec<Listener>,
    /// The number of the end from which it takes connections of the balancer, if there is one.
    pub handoff: Option<RawFd>,
    /// Tells of other certificates for those with TLS.
    pub renewals: tls::Renewals,
    /// Whether there is a core for each shard.
    pub has_cores: bool,
    /// Run on this core alone, if any.
    pub pin: Option<usize>,
    /// The descriptors to keep in a table of its own; `None` to share the starter's.
    pub keep: Option<Vec<RawFd>>,
    /// Tells the starter of each of the two steps: bound, listening.
    pub report: Sender<io::Result<()>>,
    /// The starter's word to go on after the first; closed if it is not to.
    pub proceed: Receiver<()>,
}

/// Stops the whole server if a thread ends otherwise than it should.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    /// Weak: a shard must not be the last to drop them.
    doorbells: Weak<[Doorbell]>,
    dismissed: bool,
}

impl Watch {
    /// Watches over the thread that it is moved to.
    pub fn new(shared: &Arc<Shared>, doorbells: &Arc<[Doorbell]>) -> Self {
        Self {
            shared: Arc::clone(shared),
            doorbells: Arc::downgrade(doorbells),
            dismissed: false,
        }
    }

    /// The thread ends as it should.
    pub(crate) fn dismiss(mut self) {
        self.dismissed = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.dismissed {
            return;
        }
        // After a regular end the phase is this already.
        self.shared.advance(Phase::Stop);
        let doorbells = self.doorbells.upgrade();
        doorbells
            .iter()
            .for_each(|doorbells| doorbells.iter().for_each(Doorbell::ring));
    }
}

impl<A: Send, W: Wake + Send + Sync> Answers<A> for ReturnSender<Answered<A>, W> {
    fn put(&self, answered: Answered<A>) {
        self.send(answered);
    }
}

/// Runs a shard on the calling thread until the server stops.
///
/// # Errors
///
/// The poll failed: the shard is useless. What fails before the first turn is reported.
pub fn run<H: Handler>(
    mut seed: Seed,
    make: impl FnOnce(ShardId) -> H,
    _watch: Watch,
) -> io::Result<()> {
    signals::block_all();
    // While no descriptor has been opened here.
    if let Some(keep) = seed.keep.take()
        && let Err(err) = descriptors::own_table(&keep)
    {
        // All shards share the table now, and what it holds.
        seed.config.connections_max /= usize::from(seed.shards);
        if seed.shard == ShardId::default() {
            log::warn!(
                "cannot give each shard a descriptor table of its own: {err}; \
                 the limit of open files is for all shards together"
            );
        }
    }
    if let Some(core) = seed.pin
        && !affinity::pin_to(core)
    {
        log::warn!("shard {}: cannot pin its thread to core {core}", seed.shard);
    }
    let shard = seed.shard;
    let report = seed.report.clone();
    match prepare(seed, make) {
        Ok(Some(event_loop)) => {
            // Once the shard listens the starter waits for nothing more.
            let _listening = report.send(Ok(()));
            drop(report);
            event_loop
                .run()
                .inspect_err(|err| log::error!("shard {shard}: stopped: {err}"))
        }
        Ok(None) => Ok(()),
        Err(err) => {
            let text = format!("shard {shard} cannot start: {err}");
            let _failed = report.send(Err(io::Error::new(err.kind(), text)));
            Ok(())
        }
    }
}

/// Binds, waits for the other shards to have bound, then listens; `None` if one of them could not.
fn prepare<H: Handler>(
    seed: Seed,
    make: impl FnOnce(ShardId) -> H,
) -> io::Result<Option<EventLoop<H>>> {
    let Seed {
        shard,
        shards,
        config,
        mut identities,
        namespaces,
        configs,
        port,
        backplane,
        shared,
        listen,
        handoff,
        renewals,
        has_cores,
        report,
        proceed,
        ..
    } = seed;
    let bound = bind(&listen)?;
    let handoff = handoff.map(handoff::copy).transpose()?;
    let _bound = report.send(Ok(()));
    if proceed.recv().is_err() {
        return Ok(None);
    }
    let mut sources = Vec::new();
    for (listener, socket) in bound {
        sources.push(Source::new(listener::listen(socket)?, Some(listener)));
    }
    sources.extend(handoff.map(|taking| Source::new(taking, None)));
    let headers = ProxyHeaders::new(config.trusted_proxies.clone());
    let listen = listen.into_iter().map(Listener::for_shard).collect();
    let identity = identities.take();
    let rate = config.accept_rate;
    let renewals = Renewable {
        certificates: renewals,
        identities,
        namespaces,
        configs,
    };
    let acceptor = Acceptor::new(listen, sources, renewals, rate);
    let (per_address, throttles) = (shared.per_address(), shared.throttles());
    let (sender, receiver) = returns(port.bell());
    let mut core = ShardCore::new(
        shard,
        shards,
        config,
        Now::default(),
        make(shard),
        Arc::new(sender),
    );
    if let Some((auth, places)) = identity {
        core.set_auth(auth, places);
    }
    if let Some(limit) = per_address {
        core.limit_addresses(limit);
    }
    core.limit_openings(throttles);
    if backplane.is_some() {
        core.set_backplane();
    }
    EventLoop::new(
        core,
        Lanes::new(port).with_backplane(backplane),
        receiver,
        SpinWait::new(has_cores),
        Control::new(shared, shard),
        acceptor,
        headers,
    )
    .map(Some)
}

/// Binds a socket of the shard's own for each listener that can have several.
fn bind(listen: &[Listener]) -> io::Result<Vec<(u16, Socket)>> {
    let mut bound = Vec::with_capacity(listen.len());
    for (index, listener) in (0..).zip(listen) {
        if let Some(addr) = listener.addr.tcp().filter(|_| !listener.is_single()) {
            let socket = listener::bind_shard(addr, NOTSENT_BYTES)?;
            defer_accept(&socket, listener.defers())?;
            bound.push((index, socket));
        }
    }
    Ok(bound)
}
