//! One connection without its socket.

pub(crate) mod arrival;
mod by_topic;
pub(crate) mod http;
pub(crate) mod linger;
pub(crate) mod outbox;
pub(crate) mod session;
pub(crate) mod state;
pub(crate) mod subs;
mod tab;

use core::net::SocketAddr;

use crate::close_reason::CloseReason;
use crate::id::UserKey;
use crate::payload::Form;
use crate::proto::Kind;
use crate::proto::centrifuge::DisconnectCode;
use crate::shard::core::conn::arrival::Arrival;
use crate::shard::core::conn::outbox::Outbox;
use crate::shard::core::conn::session::Phase;
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::conn::subs::Subs;
pub(crate) use crate::shard::core::conn::tab::{Held, Tab};
use crate::shard::core::ingress::protocol::Protocol;
use crate::time::{Now, Stamp};
use crate::topic::sink::Sock;

/// One connection. Idle and subscribed it owns nothing on the heap but the application's data.
#[derive(Debug)]
pub(crate) struct Conn<D> {
    pub(crate) sock: Sock,
    pub(crate) generation: u32,
    pub(crate) protocol: Protocol,
    /// Bytes that came and could not be taken yet.
    pub(crate) input: Option<Box<Input>>,
    /// Bytes for this connection alone.
    pub(crate) outbox: Option<Box<Outbox>>,
    pub(crate) subs: Subs,
    pub(crate) data: Option<D>,
    /// The last sign of life, or the ping that asks for one; while opening and closing, when that
    /// began.
    pub(crate) heard: Stamp,
    /// When the wheel hands it out.
    pub(crate) armed: Stamp,
    /// When the application has it closed.
    pub(crate) until: Stamp,
    /// Since when the socket has taken nothing.
    pub(crate) blocked_at: Stamp,
    /// Its client, and what it holds of messages that are not whole.
    pub(crate) tab: Tab,
    pub(crate) flags: u8,
    pub(crate) state: State,
    /// Why it is not read.
    pub(crate) pause: Pause,
    /// One too many: it is there only to be told so.
    pub(crate) is_overflow: bool,
    /// Its user's home counts it, and is to be told of its end.
    pub(crate) is_entered: bool,
    /// Answers of homes that its greeting waits for: one for each subscription, and its user's.
    pub(crate) waiting: u16,
    /// What is kept of its user.
    pub(crate) user: Option<UserKey>,
    /// The wire form of what it is sent. Must not change while it has subscriptions.
    pub(crate) form: Form,
}

/// Bytes that came and could not be taken yet.
#[derive(Debug, Default)]
pub(crate) struct Input {
    /// The front of an incomplete head or frame, or all that came after a message in waiting.
    pub(crate) bytes: Vec<u8>,
    /// To be offered before `bytes`.
    pub(crate) message: Option<WaitingMessage>,
    /// A connection to the TCP port that the handler could not open; to be offered again before
    /// anything else.
    pub(crate) arrival: Option<Arrival>,
}

/// A message that waits to be offered, for the first time or again.
#[derive(Debug)]
pub(crate) struct WaitingMessage {
    pub(crate) kind: Kind,
    pub(crate) payload: Vec<u8>,
    /// It is to be inflated, and then offered for the first time.
    pub(crate) is_compressed: bool,
}

impl WaitingMessage {
    pub(crate) fn whole(kind: Kind, payload: Vec<u8>) -> Self {
        Self {
            kind,
            payload,
            is_compressed: false,
        }
    }
}

/// Where a connection comes from, and the subject of its certificate; kept until the handler has
/// opened it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerInfo {
    /// The client's address, if it has one.
    pub peer: Option<SocketAddr>,
    /// The subject of the certificate that the client has shown (RFC 4514).
    pub identity: Option<String>,
}

/// On the list of connections to write.
pub(crate) const DIRTY: u8 = 1 << 0;
/// The socket takes no more for now.
pub(crate) const BLOCKED: u8 = 1 << 1;
/// It has sent more than its part of a turn: the rest is in its input, and is processed when it has
/// its turn again.
pub(crate) const UNPROCESSED: u8 = 1 << 2;
/// The client has closed its side.
pub(crate) const READ_ENDED: u8 = 1 << 3;
/// A ping is unanswered.
pub(crate) const PINGED: u8 = 1 << 4;
/// The handler has accepted it, and was not told of its end yet.
pub(crate) const ACCEPTED: u8 = 1 << 5;
/// Unread frames have gone from a log to its outbox (policy `drop-newest`).
pub(crate) const SPILLED: u8 = 1 << 6;
/// The handler is to be told when the outbox is empty.
pub(crate) const DRAINS: u8 = 1 << 7;

impl<D> Conn<D> {
    pub(crate) fn new(sock: Sock, generation: u32, protocol: Protocol, now: Stamp) -> Self {
        let form = protocol.form();
        Self {
            sock,
            generation,
            protocol,
            input: None,
            outbox: None,
            subs: Subs::None,
            data: None,
            heard: now,
            armed: Stamp::NEVER,
            until: Stamp::NEVER,
            blocked_at: now,
            tab: Tab::client(0),
            flags: 0,
            state: State::Opening,
            pause: Pause::None,
            is_overflow: false,
            is_entered: false,
            waiting: 0,
            user: None,
            form,
        }
    }

    /// Whether any of `flags` is set.
    pub(crate) fn is(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// Whether its next write, and not a walk, sends what its topics have.
    pub(crate) fn writes_first(&self) -> bool {
        let is_awaited = self.is_to_be_written() && self.subs.found().is_none();
        is_awaited || self.is(BLOCKED) || self.state.is_corked()
    }

    /// Whether it is to be written, now or later.
    pub(crate) fn is_to_be_written(&self) -> bool {
        self.is(DIRTY) || self.subs.is_delayed()
    }

    /// Sets or clears `flags`.
    pub(crate) fn set(&mut self, flags: u8, on: bool) {
        if on {
            self.flags |= flags;
        } else {
            self.flags &= !flags;
        }
    }

    /// Goes on to another state, by a legal move.
    pub(crate) fn move_to(&mut self, next: State) {
        debug_assert!(self.state.may_become(next), "{:?} to {next:?}", self.state);
        self.state = next;
    }

    /// When the application has it closed, or its session ends, if it is open.
    pub(crate) fn expiry(&self) -> Option<Now> {
        let session = self.protocol.session();
        let until = self
            .until
            .min(session.map_or(Stamp::NEVER, |session| session.until));
        let has_end = until != Stamp::NEVER && self.state == State::Open;
        has_end.then(|| until.moment())
    }

    /// When the first subscription of its session ends.
    pub(crate) fn sub_expiry(&self) -> Option<Now> {
        let session = self
            .protocol
            .session()
            .filter(|_| self.state == State::Open);
        session.and_then(|session| session.subs.expiry())
    }

    /// Why it is closed then: a session that has not connected was given no longer than that. Its
    /// client comes back if it was the server that had no time.
    pub(crate) fn end_reason(&self) -> CloseReason {
        let Some(session) = self.protocol.session() else {
            return match self.state {
                State::Corked => CloseReason::HandshakeTimeout,
                _ => CloseReason::Expired,
            };
        };
        match (session.end, &session.phase) {
            (Some(code), _) => CloseReason::Session(code),
            (None, Phase::Connected) => CloseReason::Expired,
            (None, Phase::New(_)) if self.until < session.until => CloseReason::Expired,
            (None, Phase::Connecting(_)) => CloseReason::Session(DisconnectCode::ServerError),
            (None, Phase::New(_)) if self.is_paused() => {
                CloseReason::Session(DisconnectCode::ServerError)
            }
            (None, Phase::New(_) | Phase::Refused) => CloseReason::HandshakeTimeout,
        }
    }

    pub(crate) fn is_expired(&self, now: Now) -> bool {
        self.expiry().is_some_and(|end| end <= now)
    }

    /// Whether it is not read.
    pub(crate) fn is_paused(&self) -> bool {
        self.pause != Pause::None
    }

    /// Whether it is tried again at a moment of its own, or when another thread has answered.
    pub(crate) fn is_asking(&self) -> bool {
        matches!(self.pause, Pause::Answer | Pause::Moment)
    }

    /// Whether a message of it waits to be inflated, or is being.
    pub(crate) fn waits_to_inflate(&self) -> bool {
        let message = self.input.as_ref().and_then(|input| input.message.as_ref());
        message.is_some_and(|kept| kept.is_compressed)
    }

    /// Unsent bytes for this connection alone.
    pub(crate) fn outbox_len(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.len())
    }

    /// The same without pages of history.
    pub(crate) fn own_len(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.own_len())
    }

    /// Unsent bytes of pages of history.
    pub(crate) fn pages_len(&self) -> usize {
        self.outbox_len() - self.own_len()
    }

    /// Memory held by what has come and was not taken yet.
    pub(crate) fn held(&self) -> Held {
        let decoder = self.protocol.held_bytes();
        let input = self.input.as_ref();
        let bytes = input.map_or(0, |input| input.bytes.capacity());
        let message = input.and_then(|input| input.message.as_ref());
        let waiting = message.map_or(0, |kept| kept.payload.capacity()) + self.client_bytes();
        let number = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        Held {
            unfinished: number(decoder + bytes),
            waiting: number(waiting),
            context: 0,
        }
    }

    /// Memory held by what is known of its client, while its opening or its request waits.
    fn client_bytes(&self) -> usize {
        let http = self.protocol.http();
        let of_request = http.and_then(|http| http.principal.as_ref());
        let arrival = self.input.as_ref().and_then(|input| input.arrival.as_ref());
        of_request.map_or(0, |client| client.held_bytes())
            + arrival.map_or(0, Arrival::client_bytes)
    }

    /// Bytes that have come of what is not whole yet.
    pub(crate) fn arrived(&self) -> usize {
        let input = self.input.as_ref().map_or(0, |input| input.bytes.len());
        self.protocol.arrived_bytes() + input
    }
}

const _: () = assert!(size_of::<Conn<[usize; 3]>>() <= 120);
