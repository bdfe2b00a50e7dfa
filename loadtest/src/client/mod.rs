//! The client: crews of threads, each with an event loop over its connections, and an application
//! that says what they are for.

pub(crate) mod control;
pub(crate) mod crew;
pub(crate) mod frame;
pub(crate) mod inflate;
pub(crate) mod link;
pub(crate) mod opener;
pub(crate) mod outbox;
pub(crate) mod request;
pub(crate) mod socket;
pub(crate) mod structured;
pub(crate) mod tls;
pub(crate) mod tokens;
mod worker;

use std::time::Duration;

use crate::agents::wire::Part;
use crate::client::inflate::Compressed;
use crate::client::link::Link;
use crate::client::opener::Habits;
use crate::client::outbox::Outbox;
use crate::client::socket::Sources;
use crate::client::structured::{ENVELOPE_BYTES_MAX, Standing};
use crate::client::tokens::Tokens;
use crate::report::Counts;
use crate::url::{Protocol, Target};

pub(crate) use crate::client::worker::CLOSED;

/// What a thread's connections are for.
pub(crate) trait App: Send + 'static {
    /// A connection became live, `took_ns` nanoseconds after connect(2).
    fn on_live(&mut self, _link: LinkName, _now: u64, _took_ns: u64, _out: &mut Outbox) {}
    /// A connection that was live is over, or one that never was is given up.
    fn on_end(&mut self, _link: LinkName, _by: EndedBy<'_>, _now: u64, _out: &mut Outbox) {}
    fn on_message(&mut self, _link: LinkName, _payload: &[u8], _now: u64, _out: &mut Outbox) {}
    /// A subscription of the structured protocol stands here when it begins.
    fn on_standing(&mut self, _index: usize, _standing: Standing<'_>) {}
    /// The next message of the structured protocol has this offset, or none if it is zero.
    fn on_offset(&mut self, _index: usize, _offset: u64) {}
    /// All that was ready has been read; returns when to be called again at the latest.
    fn on_turn(&mut self, _now: u64, _out: &mut Outbox) -> Option<u64> {
        None
    }

    /// The target of a connection.
    fn target<'a>(&'a self, plan: &'a Plan, thread: usize, index: usize) -> &'a Target {
        plan.target(thread, index)
    }
    /// The position from which a connection goes on.
    fn since(&self, _index: usize) -> Option<String> {
        None
    }
    /// Whether what arrives on a connection is read.
    fn reads(&self, _index: usize) -> bool {
        true
    }
    /// A raw connection is made ([`Plan::raw`]).
    fn on_connected(&mut self, _index: usize, _now: u64, _out: &mut Outbox) {}
    /// The socket of a raw connection took some bytes of a piece, the last of it if `is_whole`.
    fn on_taken(&mut self, _index: usize, _bytes: usize, _is_whole: bool, _out: &mut Outbox) {}
    /// Bytes arrived on a raw connection.
    fn on_bytes(&mut self, _index: usize, _link: &mut Link, _bytes: &[u8], _out: &mut Outbox) {}
}

/// One connection of a thread, as its application sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkName {
    /// Number of the connection in its thread, from 0.
    pub(crate) index: usize,
    pub(crate) protocol: Protocol,
}

/// What ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndedBy<'a> {
    /// This side, as it wished.
    Us,
    /// The server, in the words of a report.
    Server(&'a str),
    /// It was never live and is given up, for this reason.
    Failure(&'a str),
}

/// How a crew reads its live connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reading {
    /// All there is, as it comes.
    #[default]
    All,
    /// This many bytes per second of each, or none, while [`control::Control::is_slow`].
    Slowly {
        bytes_per_s: u32,
        /// Bytes of the sockets' receive buffers, `SO_RCVBUF` of socket(7).
        buffer: u32,
    },
}

/// What the threads of a crew are to do.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    /// Where to connect, taken in turn.
    pub(crate) targets: Vec<Target>,
    /// Connections in all, of which this process has its part.
    pub(crate) conns: usize,
    pub(crate) part: Part,
    /// Longest message expected, in bytes.
    pub(crate) payload_max: usize,
    /// Rest of a thread between turns, once its connections are open.
    pub(crate) gather: Duration,
    /// Where its connections come from; addresses are counted from this connection.
    pub(crate) sources: Sources,
    pub(crate) first_source: usize,
    pub(crate) habits: Habits,
    pub(crate) reading: Reading,
    /// Asks WebSocket servers to compress, and insists on it.
    pub(crate) deflate: bool,
    /// What WebSocket servers are asked to speak.
    pub(crate) subprotocol: Option<&'static str>,
    /// The number in the place of `{number}` in a path, if there is one.
    pub(crate) numbering: Option<Numbering>,
    /// What its connections show; those of a raw crew show none.
    pub(crate) tokens: Tokens,
    /// The application sends all bytes itself and is given all that arrive. TLS is not spoken.
    pub(crate) raw: bool,
    /// Its connections end with a reset, so that their ports are free at once.
    pub(crate) resets: bool,
    /// Priority of the threads, if it is not that of this process, nice(2).
    pub(crate) nice: Option<i32>,
}

/// Which topic each connection of a crew is for, by the number of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbering {
    /// Connections in a row with the same topic.
    pub(crate) in_a_row: usize,
    /// Topics; after the last comes the first.
    pub(crate) topics: usize,
}

impl Numbering {
    pub(crate) fn topic(self, conn: usize) -> usize {
        conn / self.in_a_row % self.topics
    }
}

/// The number of a thread, and of all threads of its crew. Connections are dealt out to them in
/// turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) thread: usize,
    pub(crate) threads: usize,
}

impl Place {
    pub(crate) fn of(thread: usize, threads: usize) -> Self {
        Self { thread, threads }
    }

    /// How many of all connections this thread has: those whose number leaves its own as the
    /// remainder.
    pub(crate) fn share(self, conns: usize) -> usize {
        (conns + self.threads - 1 - self.thread) / self.threads
    }

    /// The number among all connections of one of this thread.
    pub(crate) fn number(self, index: usize) -> usize {
        index * self.threads + self.thread
    }
}

/// What a connection has missed comes in messages of fewer publications than this: Centrifuge has
/// 300 at most.
const TOGETHER_MAX: usize = 512;
/// Bytes of payload that are expected in one.
const TOGETHER_BYTES_MAX: usize = 64 << 20;

impl Plan {
    /// Where a connection of a thread goes: to the targets in turn, from another one in each
    /// thread.
    pub(crate) fn target(&self, thread: usize, index: usize) -> &Target {
        &self.targets[(index + thread) % self.targets.len()]
    }

    /// Publications that one message may have: what a connection has missed comes together.
    fn at_once(&self) -> usize {
        let fit = TOGETHER_BYTES_MAX / self.payload_max.max(1);
        self.subprotocol.map_or(1, |_| fit.clamp(1, TOGETHER_MAX))
    }

    /// Longest message on the wire, in bytes.
    fn message_max(&self) -> usize {
        match self.targets.iter().any(|target| target.wire.is_some()) {
            // As base64, RFC 4648 4.
            true => self.payload_max.div_ceil(3) * 4 * self.at_once() + ENVELOPE_BYTES_MAX,
            false => self.payload_max,
        }
    }
}

/// What is left of a thread.
pub(crate) struct Done<A> {
    pub(crate) app: A,
    /// What failed, and how often.
    pub(crate) failures: Counts,
    pub(crate) pings: u64,
    pub(crate) compressed: Compressed,
}
