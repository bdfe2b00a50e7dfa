//! Accepting: a bounded number of connections per turn, as fast as the rate allows.
//!
//! A shard has a socket of its own for each listener that can be shared, and a `Source` for each
//! of these. Where one socket serves all shards, the [`Balancer`](balancer::Balancer), a thread of
//! its own, accepts; what it gives a shard is one more source.

pub(crate) mod accept_rate;
pub(crate) mod admit;
pub mod balancer;
pub mod bind;
pub(crate) mod fd_exhaustion;
pub mod keys;
pub mod listener;
pub(crate) mod proxy_header;
pub(crate) mod source;

use std::io;

use mio::{Registry, Token};
use rustix::io::Errno;

use crate::auth::{Auth, Places};
use crate::config::{Config, Namespaces};
use crate::handler::Handler;
use crate::id::ConnId;
use crate::limits::{ACCEPTS_PER_TURN, DEFERRED_GRACE};
use crate::renewal::Renewals;
use crate::shard::core::ShardCore;
use crate::shard::shell::accept::accept_rate::{AcceptRate, Accepted};
use crate::shard::shell::accept::admit::{Destination, begin, open};
use crate::shard::shell::accept::fd_exhaustion::{FdExhaustion, is_of_connection};
use crate::shard::shell::accept::listener::Listener;
use crate::shard::shell::accept::proxy_header::ClientAddr;
use crate::shard::shell::accept::source::Source;
use crate::shard::shell::tls::Sessions;
use crate::time::{Now, Rate};
use crate::tls;

/// Tells of what is replaced while the shard runs.
#[derive(Debug)]
pub(crate) struct Renewable {
    /// Other certificates for listeners with TLS.
    pub(crate) certificates: tls::Renewals,
    /// Other identities and rules for new connections, and where clients put their credentials.
    pub(crate) identities: Renewals<(Auth, Places)>,
    /// Other settings of topics.
    pub(crate) namespaces: Renewals<Namespaces>,
    /// Other limits and times.
    pub(crate) configs: Renewals<Config>,
}

/// Accepts the connections of one shard.
#[derive(Debug)]
pub(crate) struct Acceptor {
    /// All listeners, also those of the balancer.
    listeners: Vec<Listener>,
    /// The balancer's last, if it is one.
    sources: Vec<Source>,
    renewals: Renewable,
    rate: AcceptRate,
    exhaustion: FdExhaustion,
    /// The source to begin with.
    first: usize,
    /// When the listeners are closed, once it is known that they will be.
    closes_at: Option<Now>,
    /// The listeners are about to be closed: what is queued now is served or reset.
    closing: bool,
}

impl Acceptor {
    /// Accepts from these sources, at most so fast.
    pub(crate) fn new(
        listeners: Vec<Listener>,
        sources: Vec<Source>,
        renewals: Renewable,
        rate: Option<Rate>,
    ) -> Self {
        Self {
            listeners,
            sources,
            renewals,
            rate: AcceptRate::new(rate),
            exhaustion: FdExhaustion::new(),
            first: 0,
            closes_at: None,
            closing: false,
        }
    }

    /// Registers the sources.
    ///
    /// # Errors
    ///
    /// Out of memory for a registration.
    pub(crate) fn register(&mut self, registry: &Registry) -> io::Result<()> {
        let mut sources = self.sources.iter_mut().enumerate();
        sources.try_for_each(|(number, source)| source.register(number, registry))
    }

    /// Notes that a source has connections.
    pub(crate) fn note(&mut self, token: Token) {
        self.sources
            .iter_mut()
            .for_each(|source| source.note(token));
    }

    /// Whether there may be connections to accept at once.
    pub(crate) fn is_ready(&self, now: Now) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// When there is something to do without an event.
    pub(crate) fn deadline(&self) -> Option<Now> {
        let is_ready = self.sources.iter().any(|source| source.ready);
        let at_once = is_ready.then(Now::default);
        let next = self.rate.held_until().or(at_once);
        let accepts = self.exhaustion.pause().or(next);
        let closes = self.closes_at.filter(|_| !self.closing);
        [accepts, closes].into_iter().flatten().min()
    }

    /// Whether connections may still come.
    pub(crate) fn is_open(&self) -> bool {
        !self.sources.is_empty()
    }

    /// Puts what was replaced into use.
    fn renew<H: Handler>(&mut self, core: &mut ShardCore<H>) {
        if let Some(certificates) = self.renewals.certificates.take() {
            keys::renew(&mut self.listeners, &certificates);
        }
        if let Some((auth, places)) = self.renewals.identities.take() {
            core.set_auth(auth, places);
        }
        if let Some(namespaces) = self.renewals.namespaces.take() {
            core.set_namespaces(namespaces);
        }
        if let Some(config) = self.renewals.configs.take() {
            // Not once the listeners close: they do without a rate.
            if !self.closing {
                self.rate.set(config.accept_rate);
            }
            core.set_config(config);
        }
    }

    /// Accepts a turn's worth of connections.
    pub(crate) fn accept<H: Handler>(&mut self, into: &mut Destination<'_, H>) {
        self.renew(into.core);
        if !self.is_ready(into.now) {
            return;
        }
        if let Some(exhausted) = self.exhaustion.resume(into.now) {
            into.shared.set_exhausted(into.shard, exhausted);
        }
        if let Some(due) = self.rate.take_due(into.now) {
            self.serve(due, into);
        }
        // Each turn begins with another source, so that none takes all that the rate allows.
        self.first += 1;
        let count = self.sources.len();
        for index in (self.first..self.first + count).map(|index| index % count) {
            for _ in 0..ACCEPTS_PER_TURN {
                if !self.accept_from(index, into) {
                    break;
                }
            }
        }
        self.exhaustion.plan_resume(into.now);
    }

    /// Accepts a connection from a source; whether there may be more.
    fn accept_from<H: Handler>(&mut self, index: usize, into: &mut Destination<'_, H>) -> bool {
        let waits = self.exhaustion.pause().is_some() || self.rate.held_until().is_some();
        let Some(source) = self.sources.get(index).filter(|_| !waits) else {
            return false;
        };
        if !source.ready || !self.closing && self.awaits_handshakes(source, into.sessions) {
            return false;
        }
        let accepted = source.accept();
        if source.is_handoff() && !matches!(accepted, Ok(None) | Err(Errno::AGAIN | Errno::INTR)) {
            // The balancer has counted it.
            into.shared.take_load(into.shard);
        }
        match accepted {
            Ok(Some(accepted)) => self.serve(accepted, into),
            Ok(None) => drop(self.sources.remove(index)),
            Err(Errno::AGAIN) => self.sources[index].ready = false,
            Err(err) if is_of_connection(err) => {}
            Err(err) => self.fail(err, index, into),
        }
        true
    }

    /// Whether a source with TLS waits until some handshakes are over. From the balancer come
    /// connections of all its listeners, in one order.
    fn awaits_handshakes(&self, source: &Source, sessions: &Sessions) -> bool {
        let mut listeners = (0..).zip(&self.listeners);
        let shakes = |(index, listener): (_, &Listener)| {
            listener.keys.is_some() && source.may_have(index, listener)
        };
        sessions.is_full() && listeners.any(shakes)
    }

    /// Serves a connection, or holds it until the rate allows that.
    fn serve<H: Handler>(&mut self, mut accepted: Accepted, into: &mut Destination<'_, H>) {
        let Some(listener) = self.listeners.get(usize::from(accepted.listener)) else {
            return;
        };
        if self.rate.is_limited() {
            if accepted.is_over(listener.client_begins()) {
                return into.core.count_accept_over();
            }
            match self.rate.admit(accepted, into.now) {
                Some(admitted) => accepted = admitted,
                None => return into.core.count_accept_wait(),
            }
        }
        open(into, accepted, listener);
    }

    fn fail<H: Handler>(&mut self, err: Errno, index: usize, into: &mut Destination<'_, H>) {
        let source = &mut self.sources[index];
        if self.exhaustion.fail(err, into.now) {
            into.shared.set_exhausted(into.shard, true);
            // An accept fails before it looks into the queue, which may be empty.
            if !self.exhaustion.with_spare(|| source.turn_away()) {
                source.ready = false;
                return;
            }
        }
        into.core.count_accept_error();
        self.exhaustion.log(err, into.now);
    }

    /// When to [close](Self::close) the listeners of a server that closes now: at once, unless the
    /// kernel keeps connections back, whose first bytes may be on their way.
    pub(crate) fn closes_at(&mut self, now: Now) -> Now {
        *self.closes_at.get_or_insert_with(|| {
            let prepared = self
                .sources
                .iter()
                .map(|source| source.prepare_close(&self.listeners));
            let deferred = prepared.filter(|deferred| *deferred).count();
            now.plus(DEFERRED_GRACE * u32::from(0 < deferred))
        })
    }

    /// Takes what is queued, as closing the listeners would reset it, and closes them. The balancer
    /// may give more until it has closed its own: call it again while this [is
    /// open](Self::is_open).
    pub(crate) fn close<H: Handler>(&mut self, into: &mut Destination<'_, H>) {
        self.closing = true;
        self.exhaustion.end_pause();
        self.rate.set(None);
        self.sources
            .iter_mut()
            .for_each(|source| source.ready = true);
        for _ in 0..QUEUE_ROUNDS_MAX {
            if !self.is_ready(into.now) {
                break;
            }
            self.accept(into);
        }
        self.sources.retain(Source::is_handoff);
    }

    /// It is known where a connection to a listener with PROXY headers comes from.
    pub(crate) fn begin<H: Handler>(
        &self,
        into: &mut Destination<'_, H>,
        id: ConnId,
        client: ClientAddr,
        listener: u16,
    ) {
        let listener = self.listeners.get(usize::from(listener));
        match (listener.filter(|_| self.is_open()), into.sockets.get(id)) {
            (Some(listener), Some(link)) => begin(into, id, link.fd(), client, listener),
            // The server drains.
            _ => into.core.handle_reset(id),
        }
    }
}

/// Rounds of accepts when the listeners close: more than any backlog holds.
const QUEUE_ROUNDS_MAX: usize = 1_024;
