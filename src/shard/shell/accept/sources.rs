//! The sources of a shard's connections, each with whether it may have some.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use mio::{Registry, Token};
use rustix::io::Errno;

use crate::shard::shell::accept::balancer::{DEALER, Dealer};
use crate::shard::shell::accept::listen_socket::{Came, Source};
use crate::shard::shell::accept::listener::Listener;
use crate::shard::shell::status::Shared;
use crate::sys::handoff::Handoff;

/// The sources of a shard's connections.
#[derive(Debug)]
pub(crate) struct Gates {
    /// By their tokens; `None` once one is over.
    gates: Vec<Option<Gate>>,
    /// Its tokens come after those of the gates.
    dealer: Option<Dealer>,
    tokens: usize,
}

/// A source, and whether it may have connections.
#[derive(Debug)]
struct Gate {
    source: Source,
    ready: bool,
}

impl Gates {
    /// Registers the sources, and the handoffs of a shard that deals.
    ///
    /// # Errors
    ///
    /// Out of memory for the registrations.
    pub(crate) fn new(
        sources: Vec<Source>,
        deals: Option<Arc<[Handoff]>>,
        registry: &Registry,
    ) -> io::Result<Self> {
        for (index, source) in sources.iter().enumerate() {
            source.register(token(index), registry)?;
        }
        let gate = |source| {
            let ready = true;
            Some(Gate { source, ready })
        };
        let gates: Vec<_> = sources.into_iter().map(gate).collect();
        let shards = deals.as_ref().map_or(0, |handoffs| handoffs.len());
        let of_dealer = (gates.len()..).map(token);
        let dealer = deals.map(|handoffs| Dealer::new(handoffs, of_dealer, registry));
        Ok(Self {
            tokens: gates.len() + shards,
            gates,
            dealer: dealer.transpose()?,
        })
    }

    /// How many there are, or were.
    pub(crate) fn count(&self) -> usize {
        self.gates.len()
    }

    /// Whether an event's token is one of those given here.
    pub(crate) fn owns(&self, token: Token) -> bool {
        usize::MAX - self.tokens <= token.0 && token.0 != usize::MAX
    }

    /// Notes that a source has connections, or that a shard has room for some.
    pub(crate) fn note(&mut self, token: Token) {
        let index = usize::MAX - 1 - token.0;
        match (self.gates.get_mut(index), &mut self.dealer) {
            (Some(Some(gate)), _) => gate.ready = true,
            (None, Some(dealer)) => dealer.note_room(index - self.gates.len()),
            _ => {}
        }
    }

    /// Whether any may have connections for other shards, that have room.
    pub(crate) fn may_deal(&self) -> bool {
        let is_stuck = self.dealer.as_ref().is_some_and(Dealer::is_stuck);
        let mut gates = self.gates.iter().flatten();
        !is_stuck && gates.any(|gate| gate.ready && gate.source.deals())
    }

    /// Whether any may have connections for this shard.
    pub(crate) fn may_take(&self) -> bool {
        let mut gates = self.gates.iter().flatten();
        gates.any(|gate| gate.ready && !gate.source.deals())
    }

    /// Whether any is not over.
    pub(crate) fn is_open(&self) -> bool {
        self.gates.iter().any(Option::is_some)
    }

    /// A source, if it may have connections.
    pub(crate) fn ready(&self, index: usize) -> Option<&Source> {
        let gate = self.gates.get(index)?.as_ref();
        gate.filter(|gate| gate.ready).map(|gate| &gate.source)
    }

    /// Takes the next connection of a source. One that is to be dealt is dealt.
    ///
    /// # Errors
    ///
    /// Those of [`Source::take`].
    pub(crate) fn take(&mut self, index: usize, shared: &Shared) -> Result<Came, Errno> {
        let taken = self.take_or_deal(index, shared);
        if matches!(taken, Ok(Came::Elsewhere)) {
            // It may be for this shard, and while a server closes no event tells of it.
            let mut gates = self.gates.iter_mut().flatten();
            if let Some(inbox) = gates.find(|gate| gate.source.is_inbox()) {
                inbox.ready = true;
            }
        }
        taken
    }

    fn take_or_deal(&mut self, index: usize, shared: &Shared) -> Result<Came, Errno> {
        let Some(Some(Gate { source, .. })) = self.gates.get(index) else {
            return Ok(Came::End);
        };
        let Some(dealer) = &mut self.dealer else {
            return source.take();
        };
        if source.is_inbox() {
            // Before any event tells of it: there are none while a server closes.
            dealer.note_room(DEALER);
        }
        if source.deals() && !dealer.has_hands_free() {
            // What is in hand goes first.
            return Ok(match dealer.go_on(shared) {
                Ok(()) if dealer.has_hands_free() => Came::Elsewhere,
                Ok(()) => Came::ToNobody,
                Err(_) => Came::Undealt,
            });
        }
        Ok(match source.take()? {
            Came::ToDeal { socket, listener } => match dealer.deal(socket, listener, shared) {
                Ok(()) => Came::Elsewhere,
                Err(_) => Came::Undealt,
            },
            came => came,
        })
    }

    /// What could not be dealt, for this shard to serve it.
    pub(crate) fn keep(&mut self) -> Option<(OwnedFd, u16)> {
        self.dealer.as_mut()?.keep()
    }

    /// A source has no more connections for now.
    pub(crate) fn note_empty(&mut self, index: usize) {
        if let Some(Some(gate)) = self.gates.get_mut(index) {
            gate.ready = false;
        }
    }

    /// Any may have connections.
    pub(crate) fn note_all(&mut self) {
        for gate in self.gates.iter_mut().flatten() {
            gate.ready = true;
        }
    }

    /// A source is over.
    pub(crate) fn end(&mut self, index: usize) {
        if let Some(gate) = self.gates.get_mut(index) {
            *gate = None;
        }
    }

    /// Has the kernel keep no connections back any more; whether it did.
    pub(crate) fn stop_deferring(&self, listeners: &[Listener]) -> bool {
        let sources = self.gates.iter().flatten().map(|gate| &gate.source);
        let did = sources.filter(|source| source.stop_deferring(listeners));
        0 < did.count()
    }

    /// Closes all but what is dealt to this shard, and tells the shards that they have had
    /// everything if this one deals.
    pub(crate) fn close(&mut self) {
        for gate in &mut self.gates {
            gate.take_if(|gate| !gate.source.is_inbox());
        }
        if let Some(dealer) = self.dealer.take() {
            dealer.end();
        }
    }
}

/// Below the doorbell's.
fn token(index: usize) -> Token {
    Token(usize::MAX - 1 - index)
}
