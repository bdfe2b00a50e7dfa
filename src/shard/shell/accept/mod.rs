//! Accepting: a bounded number per turn, and what to do when the kernel has no more to give.

pub(crate) mod accept_rate;
pub(crate) mod admit;
pub(crate) mod balancer;
pub mod bind;
pub(crate) mod fd_exhaustion;
pub(crate) mod listen_socket;
pub mod listener;
mod paced;
pub(crate) mod proxy_header;
pub(crate) mod sources;

use core::net::SocketAddr;
use std::io;

use mio::{Registry, Token};
use rustix::io::Errno;

use crate::handler::Handler;
use crate::id::ConnId;
use crate::limits::{ACCEPT_PAUSE, ACCEPTS_PER_TURN, DEFERRED_GRACE};
use crate::net::listener::peer_of;
use crate::shard::shell::accept::accept_rate::{Accepted, Pace};
use crate::shard::shell::accept::admit::{Entrance, Intake, begin, open};
use crate::shard::shell::accept::fd_exhaustion::{Scarcity, is_of_connection, is_scarcity};
use crate::shard::shell::accept::listen_socket::{Came, Source};
use crate::shard::shell::accept::listener::Listener;
use crate::shard::shell::accept::sources::Gates;
use crate::time::Now;
use crate::tls::Renewals;

/// Who accepts the connections of one shard, or of all.
#[derive(Debug)]
pub(crate) struct Acceptor {
    listeners: Vec<Listener>,
    gates: Gates,
    /// Other certificates for those with TLS.
    renewals: Renewals,
    pace: Pace,
    /// The gate to begin with.
    first: usize,
    /// When the listeners are closed, once it is known that they will be.
    closes_at: Option<Now>,
    /// The listeners are about to be closed, and who is queued now is served or reset.
    closing: bool,
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
    pub(crate) fn new(entrance: Entrance, registry: &Registry) -> io::Result<Self> {
        Ok(Self {
            listeners: entrance.listeners,
            gates: Gates::new(entrance.sources, entrance.deals, registry)?,
            renewals: entrance.renewals,
            pace: entrance.pace,
            first: 0,
            closes_at: None,
            closing: false,
            scarcity: Scarcity::new(),
        })
    }

    /// Whether an event's token is one of the listeners'.
    pub(crate) fn owns(&self, token: Token) -> bool {
        self.gates.owns(token)
    }

    /// Notes that a listener has connections.
    pub(crate) fn note(&mut self, token: Token) {
        self.gates.note(token);
    }

    /// Whether there may be connections to accept at once.
    pub(crate) fn is_ready(&self, now: Now) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// When accepting goes on, if there may be connections to accept, or may be descriptors again.
    pub(crate) fn deadline(&self) -> Option<Now> {
        let goes_on = self.scarcity.goes_on_at();
        let deals = self.gates.may_deal().then_some(goes_on);
        let served = self
            .pace
            .holds()
            .then(|| goes_on.max(self.pace.goes_on_at()));
        let takes = (!self.pace.holds() && self.gates.may_take()).then_some(goes_on);
        let closes = self.closes_at.filter(|_| !self.closing);
        let all = [deals, served, takes, self.scarcity.looks_at(), closes];
        all.into_iter().flatten().min()
    }

    /// Whether new connections are taken at all.
    pub(crate) fn is_open(&self) -> bool {
        self.gates.is_open()
    }

    /// Accepts a turn's worth of connections.
    pub(crate) fn accept<H: Handler>(&mut self, into: &mut Intake<'_, H>, now: Now) {
        if let Some(renewed) = self.renewals.take() {
            listener::renew(&mut self.listeners, &renewed);
        }
        if !self.is_ready(now) {
            return;
        }
        if let Some(is_over) = self.scarcity.go_on(now) {
            into.shared.set_scarce(into.shard, !is_over);
        }
        if !self.serve_held(into, now) && !self.gates.may_deal() {
            return;
        }
        let count = self.gates.count();
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
        let (is_inbox, deals) = (source.is_inbox(), source.deals());
        // Those that are dealt are counted where they are served.
        if !deals && self.pace.holds() {
            return self.go_on_after(index, Next::Done);
        }
        let taken = self.gates.take(index, into.shared);
        if is_inbox && listen_socket::was_taken(&taken) {
            // It was on its way to this shard, and so counted already.
            into.shared.take_load(into.shard);
        }
        match taken {
            Ok(came) => self.pass_on(came, index, into, now),
            Err(err) => self.meet(err, index, into, now),
        }
    }

    /// The next turn begins with another gate, so that one does not take it all.
    fn go_on_after(&mut self, index: usize, next: Next) -> Next {
        self.first = index + 1;
        next
    }

    /// Whether a source with TLS has to wait until some handshakes are over.
    fn must_wait<H: Handler>(&self, source: &Source, into: &Intake<'_, H>) -> bool {
        let waits = into.sessions.is_full() && !source.deals() && !self.closing;
        waits && listener::may_shake(&self.listeners, source.listener())
    }

    fn pass_on<H: Handler>(
        &mut self,
        came: Came,
        index: usize,
        into: &mut Intake<'_, H>,
        now: Now,
    ) -> Next {
        match came {
            Came::Here {
                socket,
                peer,
                listener,
            } => {
                let accepted = Accepted {
                    socket,
                    peer,
                    listener,
                };
                self.serve(accepted, into, now);
            }
            Came::ToDeal { .. } | Came::Elsewhere => {}
            Came::ToNobody => return self.go_on_after(index, Next::Done),
            Came::Undealt if !self.may_serve(now, into) => {
                // No event tells when the kernel carries more.
                self.scarcity.pause_until(now.plus(ACCEPT_PAUSE));
                return self.go_on_after(index, Next::Pause);
            }
            Came::Undealt => {
                if let Some((socket, listener)) = self.gates.keep()
                    && let Ok(peer) = peer_of(&socket)
                {
                    open(into, socket.into(), peer, &self.listeners, listener);
                }
            }
            Came::End => {
                self.gates.end(index);
                return Next::Done;
            }
        }
        Next::More
    }

    fn meet<H: Handler>(
        &mut self,
        err: Errno,
        index: usize,
        into: &mut Intake<'_, H>,
        now: Now,
    ) -> Next {
        if is_of_connection(err) {
            return Next::More;
        }
        let Some(source) = self.gates.ready(index).filter(|_| err != Errno::AGAIN) else {
            return self.note_empty(index);
        };
        if is_scarcity(err) {
            into.shared.set_scarce(into.shard, true);
            self.scarcity.begin(now);
            let deals = source.deals();
            // It fails before it looks into the queue: there may be nobody.
            if !deals && !self.scarcity.turn_away(source) {
                return self.note_empty(index);
            }
            let (gates, shared) = (&mut self.gates, into.shared);
            match deals.then(|| self.scarcity.deal(|| gates.take(index, shared))) {
                Some(Ok(Came::Elsewhere)) => return Next::More,
                Some(Err(Errno::AGAIN)) => return self.note_empty(index),
                _ => {}
            }
        }
        into.core.count_accept_error();
        self.scarcity.log(err, now);
        self.scarcity.pause_until(now.plus(ACCEPT_PAUSE));
        self.go_on_after(index, Next::Pause)
    }

    fn note_empty(&mut self, index: usize) -> Next {
        self.gates.note_empty(index);
        Next::Done
    }

    /// When to [close](Self::close) the listeners of a server that closes now: at once, unless the
    /// kernel keeps connections back, whose first bytes may be on their way.
    pub(crate) fn closes_at(&mut self, now: Now) -> Now {
        let (gates, listeners) = (&self.gates, &self.listeners);
        let grace = || DEFERRED_GRACE * u32::from(gates.stop_deferring(listeners));
        *self.closes_at.get_or_insert_with(|| now.plus(grace()))
    }

    /// Takes what is queued, as closing the listeners would reset it, and closes them. What is
    /// dealt may go on to come, until the shard that deals has closed its own: call it again while
    /// this [is open](Self::is_open).
    pub(crate) fn close<H: Handler>(&mut self, into: &mut Intake<'_, H>, now: Now) {
        self.closing = true;
        self.scarcity.go_on(now);
        self.pace.lift();
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
    pub(crate) fn begin<H: Handler>(
        &self,
        into: &mut Intake<'_, H>,
        id: ConnId,
        from: (Option<SocketAddr>, bool),
        index: usize,
    ) {
        let listener = self.listeners.get(index).filter(|_| self.is_open());
        match (listener, into.sockets.get(id)) {
            (Some(listener), Some(link)) => {
                let fd = link.fd();
                begin(into, id, fd, from, listener);
            }
            // The server drains.
            _ => into.core.handle_reset(id),
        }
    }
}

/// Rounds of accepts when a listener closes: more than any backlog holds.
const QUEUE_ROUNDS_MAX: usize = 1_024;
