//! Accepting: a bounded number per turn, and what to do when the kernel has no more to give.

use core::net::SocketAddr;
use std::io;
use std::sync::Arc;

use mio::{Registry, Token};
use rustix::io::Errno;

use crate::handler::Handler;
use crate::id::ConnId;
use crate::limits::{ACCEPT_PAUSE, ACCEPTS_PER_TURN};
use crate::shard::gates::Gates;
use crate::shard::intake::{Intake, begin, open};
use crate::shard::links::Link;
use crate::shard::listener::Listener;
use crate::shard::pace::Pace;
use crate::shard::scarcity::{Scarcity, is_scarcity};
use crate::shard::source::{Came, Source};
use crate::sys::handoff::Handoff;
use crate::time::Now;
use crate::tls::Renewals;

/// How connections come to a shard.
#[derive(Debug)]
pub(super) struct Entrance {
    /// All listeners, whoever accepts for them.
    pub(super) listeners: Vec<Listener>,
    pub(super) sources: Vec<Source>,
    /// To all shards, if this one deals.
    pub(super) deals: Option<Arc<[Handoff]>>,
    /// Other certificates for those with TLS.
    pub(super) renewals: Renewals,
    pub(super) pace: Pace,
}

/// Who accepts the connections of one shard, or of all.
#[derive(Debug)]
pub(super) struct Acceptor {
    listeners: Vec<Listener>,
    gates: Gates,
    /// Other certificates for those with TLS.
    renewals: Renewals,
    pace: Pace,
    /// The gate to begin with.
    first: usize,
    /// The listeners are about to be closed, and who is queued now is served or reset.
    closing: bool,
    /// No accepts until then: the kernel had nothing to give, or the rate has.
    paused_until: Option<Now>,
    scarcity: Scarcity,
}

/// What is to become of the rest of a gate's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// There may be more.
    More,
    /// It has no more.
    Done,
    /// Nobody accepts any more in this turn.
    Pause,
}

impl Acceptor {
    /// Registers the sources.
    ///
    /// # Errors
    ///
    /// Out of memory for the registration.
    pub(super) fn new(entrance: Entrance, registry: &Registry) -> io::Result<Self> {
        Ok(Self {
            listeners: entrance.listeners,
            gates: Gates::new(entrance.sources, entrance.deals, registry)?,
            renewals: entrance.renewals,
            pace: entrance.pace,
            first: 0,
            closing: false,
            paused_until: None,
            scarcity: Scarcity::new(),
        })
    }

    /// Whether an event's token is one of the listeners'.
    pub(super) fn owns(&self, token: Token) -> bool {
        self.gates.owns(token)
    }

    /// Notes that a listener has connections.
    pub(super) fn note(&mut self, token: Token) {
        self.gates.note(token);
    }

    /// Whether there may be connections to accept at once.
    pub(super) fn is_ready(&self, now: Now) -> bool {
        self.paused_until.is_none_or(|until| until <= now) && self.gates.has_ready()
    }

    /// When accepting goes on, if it waits.
    pub(super) fn deadline(&self) -> Option<Now> {
        self.paused_until.filter(|_| self.gates.has_ready())
    }

    /// Whether new connections are taken at all.
    pub(super) fn is_open(&self) -> bool {
        self.gates.is_open()
    }

    /// Accepts a turn's worth of connections.
    pub(super) fn accept<H: Handler>(&mut self, into: &mut Intake<'_, H>, now: Now) {
        self.renew();
        if !self.is_ready(now) {
            return;
        }
        self.paused_until = None;
        let count = self.gates.count();
        // Where the rate ended it last, so that one listener does not take it all.
        let first = self.first;
        for index in (0..count).map(|step| (first + step) % count) {
            for _ in 0..ACCEPTS_PER_TURN {
                match self.accept_one(index, into, now) {
                    Next::More => {}
                    Next::Done => break,
                    Next::Pause => return,
                }
            }
        }
    }

    fn accept_one<H: Handler>(&mut self, index: usize, into: &mut Intake<'_, H>, now: Now) -> Next {
        let Some(source) = self.gates.ready(index) else {
            return Next::Done;
        };
        if self.must_wait(source, into) {
            return Next::Done;
        }
        let is_inbox = source.is_inbox();
        // Those that are dealt are counted where they are served.
        if !source.deals()
            && let Err(passes_at) = self.pace.check(now)
        {
            into.core.count_accept_wait();
            self.paused_until = Some(passes_at);
            self.first = index + 1;
            return Next::Pause;
        }
        let taken = self.gates.take(index, into.shared);
        if is_inbox
            && matches!(
                taken,
                Ok(Came::Here { .. } | Came::Elsewhere) | Err(Errno::MFILE)
            )
        {
            // It was on its way to this shard, and so counted already.
            into.shared.take_load(into.shard);
        }
        match taken {
            Ok(came) => self.pass_on(came, index, into),
            Err(err) => self.meet(err, index, into, now),
        }
    }

    /// Whether a source with TLS has to wait until some handshakes are over.
    fn must_wait<H: Handler>(&self, source: &Source, into: &Intake<'_, H>) -> bool {
        if self.closing || source.deals() || !into.sessions.is_full() {
            return false;
        }
        match source.listener() {
            Some(listener) => self.listeners[usize::from(listener)].keys.is_some(),
            None => {
                let mut dealt = self.listeners.iter().filter(|listener| listener.is_dealt());
                dealt.any(|listener| listener.keys.is_some())
            }
        }
    }

    fn pass_on<H: Handler>(&mut self, came: Came, index: usize, into: &mut Intake<'_, H>) -> Next {
        match came {
            Came::Here {
                socket,
                peer,
                listener,
            } => {
                self.pace.note();
                into.shared.add_load(into.shard);
                let index = usize::from(listener);
                if let Some(listener) = self.listeners.get(index) {
                    open(into, Link::from(socket), peer, listener, index);
                }
            }
            Came::ToDeal { .. } | Came::Elsewhere => {}
            Came::ToNobody => return Next::Done,
            Came::End => {
                self.gates.end(index);
                return Next::Done;
            }
        }
        Next::More
    }

    /// An accept failed, or the dealing of what was accepted.
    fn meet<H: Handler>(
        &mut self,
        err: Errno,
        index: usize,
        into: &mut Intake<'_, H>,
        now: Now,
    ) -> Next {
        let is_over = match err {
            Errno::AGAIN => true,
            // It fails before it looks into the queue: there may be nobody.
            err if is_scarcity(err) => {
                let source = self.gates.ready(index);
                !source.is_some_and(|source| self.scarcity.turn_away(source))
            }
            Errno::TOOMANYREFS => false,
            // The connection is gone before it was accepted (accept(2)).
            _ => return Next::More,
        };
        if is_over {
            self.gates.note_empty(index);
            return Next::Done;
        }
        into.core.count_accept_error();
        self.scarcity.log(err, now);
        self.paused_until = Some(now.plus(ACCEPT_PAUSE));
        Next::Pause
    }

    /// Gives those who come from now on what was loaded last.
    fn renew(&mut self) {
        let Some(renewed) = self.renewals.take() else {
            return;
        };
        let listeners = self.listeners.iter_mut();
        for (place, keys) in listeners.filter_map(|listener| listener.keys.as_mut()) {
            if let Some(renewed) = renewed.get(*place) {
                *keys = renewed.clone();
            }
        }
    }

    /// Takes what is queued, as closing the listeners would reset it, and closes them. What is
    /// dealt may go on to come, until the shard that deals has closed its own: call it again while
    /// this [is open](Self::is_open).
    pub(super) fn close<H: Handler>(&mut self, into: &mut Intake<'_, H>, now: Now) {
        self.closing = true;
        self.paused_until = None;
        self.pace = Pace::default();
        self.gates.note_all();
        for _ in 0..QUEUE_ROUNDS_MAX {
            if !self.is_ready(now) {
                break;
            }
            self.accept(into, now);
        }
        self.gates.close();
    }

    /// A connection to a listener has said where it comes from.
    pub(super) fn begin<H: Handler>(
        &self,
        into: &mut Intake<'_, H>,
        id: ConnId,
        peer: Option<SocketAddr>,
        index: usize,
    ) {
        let listener = self.listeners.get(index).filter(|_| self.is_open());
        match (listener, into.links.get(id)) {
            (Some(listener), Some(link)) => {
                let fd = link.fd();
                begin(into, id, fd, peer, listener);
            }
            // The server drains.
            _ => into.core.handle_reset(id),
        }
    }
}

/// Rounds of accepts when a listener closes: more than any backlog holds.
const QUEUE_ROUNDS_MAX: usize = 1_024;
