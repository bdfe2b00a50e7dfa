//! What the threads of a crew are told and asked: the plan, and the application of each.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::inflate::Compressed;
use crate::opener::Habits;
use crate::outbox::Outbox;
use crate::url::{Protocol, Target};

/// What a thread's connections are for.
pub(crate) trait App: Send + 'static {
    /// A connection became live, `took_ns` nanoseconds after connect(2).
    fn on_live(&mut self, _link: LinkName, _now: u64, _took_ns: u64, _out: &mut Outbox) {}
    /// A connection that was live is over: by our own wish, or for what the server did.
    fn on_end(&mut self, _link: LinkName, _by: EndedBy<'_>, _now: u64, _out: &mut Outbox) {}
    /// A message arrived.
    fn on_message(&mut self, link: LinkName, payload: &[u8], now: u64, out: &mut Outbox);
    /// All that was ready has been read; returns when to be called again at the latest.
    fn on_turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64>;
}

/// One connection of a thread, as its application sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkName {
    /// Number of the connection in its thread, from 0.
    pub(crate) index: usize,
    /// What is spoken on it.
    pub(crate) protocol: Protocol,
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndedBy<'a> {
    /// This side, as it wished.
    Us,
    /// The server, in the words of a report.
    Server(&'a str),
}

/// How a crew reads its live connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// All there is, as it comes.
    All,
    /// This many bytes per second of each, or none, while [`crate::control::Control::is_slow`].
    Slowly {
        /// Bytes per second.
        bytes_per_s: u32,
        /// Bytes of the sockets' receive buffers, `SO_RCVBUF` of socket(7).
        buffer: u32,
    },
}

/// What the threads of a crew are to do.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Name of the threads.
    pub(crate) name: &'static str,
    /// Where to connect, taken in turn.
    pub(crate) targets: Vec<Target>,
    /// Connections in all.
    pub(crate) conns: usize,
    /// Longest message expected, in bytes.
    pub(crate) payload_max: usize,
    /// Rest of a thread between turns, once its connections are open.
    pub(crate) gather: Duration,
    /// Source addresses are counted from this connection.
    pub(crate) first_source: usize,
    /// How insistently they connect.
    pub(crate) habits: Habits,
    /// How they read.
    pub(crate) reading: Reading,
    /// Asks WebSocket servers to compress, and insists on it.
    pub(crate) deflate: bool,
    /// The number in the place of `{number}` in a path, if there is one.
    pub(crate) numbering: Option<Numbering>,
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
    /// The topic of a connection.
    pub(crate) fn topic(self, conn: usize) -> usize {
        conn / self.in_a_row % self.topics
    }
}

impl Plan {
    /// Where a connection of a thread goes: to the targets in turn, from another one in each thread.
    pub(crate) fn target(&self, thread: usize, index: usize) -> &Target {
        &self.targets[(index + thread) % self.targets.len()]
    }

    /// Connections of one of `threads`: those whose number leaves `thread` as the remainder.
    pub(crate) fn share(conns: usize, thread: usize, threads: usize) -> usize {
        (conns + threads - 1 - thread) / threads
    }
}

/// What is left of a thread.
#[derive(Debug)]
pub(crate) struct Done<A> {
    /// Its application.
    pub(crate) app: A,
    /// What failed, and how often.
    pub(crate) failures: BTreeMap<String, u64>,
    /// Pings answered.
    pub(crate) pings: u64,
    /// What came compressed.
    pub(crate) compressed: Compressed,
}
