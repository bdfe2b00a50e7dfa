//! What a server runs with: checked values, the same for every shard.

use std::time::Duration;

use crate::address::Networks;
use crate::limits;
use crate::proto::http::{HeadLimits, Origins};
use crate::proto::ws::deflate::Compression;
use crate::time::Rate;

/// What happens to a subscriber whose socket is blocked when the topic's log must let go of
/// messages it has not had. One whose socket takes what it is given never loses anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowConsumer {
    /// It goes on with the oldest message still kept.
    #[default]
    DropOldest,
    /// It goes on with the newest message, as soon as its socket takes bytes again.
    Latest,
    /// It keeps what it has not had, up to the log's bound, and misses what comes after.
    DropNewest,
    /// It is closed.
    Disconnect,
}

/// What happens to a message beyond the rate of its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BeyondRate {
    /// It is kept, and the connection read no further, until the rate allows it: TCP slows the
    /// client.
    #[default]
    Wait,
    /// It goes nowhere, and is counted.
    Drop,
    /// The connection is closed with 1008.
    Close,
}

/// The settings of a shard's core.
#[derive(Clone, Debug)]
pub struct Config {
    /// Longest message in bytes; at most [`limits::MESSAGE_BYTES_CEILING`].
    pub message_bytes_max: usize,
    /// Connections that one shard admits.
    pub connections_max: usize,
    /// Connections that one address has on the whole node, of IPv6 the first 64 bits; more are
    /// answered with 429, or closed. `None`: as many as there is room for. Does not count those of
    /// `trusted_proxies`, but for whom they speak.
    pub connections_per_address_max: Option<u32>,
    /// Connections that the whole node accepts in a second. Each shard has an equal share; what
    /// comes faster waits in the kernel (`LISTEN_BACKLOG`). `None`: as fast as they come.
    pub accept_rate: Option<Rate>,
    /// Messages that one connection may send. Pings count as well, and so do empty frames, pongs
    /// that were not asked for, and short fragments. Requests do not count.
    pub message_rate: Option<Rate>,
    /// Payload bytes that one connection may send, those of pings of WebSocket as well.
    pub byte_rate: Option<Rate>,
    /// What happens to those who send more.
    pub beyond_rate: BeyondRate,
    /// Proxies that are believed: on listeners with the PROXY protocol they must say whom they
    /// speak for, and over HTTP they may (`X-Forwarded-For`).
    pub trusted_proxies: Networks,
    /// Whether each connection's address is kept for the log, some 40 bytes for each. A server
    /// does where it logs the ends of connections.
    pub keep_addresses: bool,
    /// Bytes of encoded frames a topic's log keeps; always at least its newest frame.
    pub log_bytes_max: usize,
    /// Bytes that clients can make the whole node hold, whatever of; each shard has an equal
    /// share. `None`: half of the memory that the host and the control groups around the process
    /// allow.
    pub memory_bytes_max: Option<usize>,
    /// Bytes of encoded frames that all logs of one shard keep. `None`: half of its share of
    /// `memory_bytes_max`.
    pub backlog_bytes_max: Option<usize>,
    /// Bytes of replies that clients of one shard have not read. `None`: a quarter of its share of
    /// `memory_bytes_max`, up to [`limits::REPLIES_BYTES_MAX`].
    pub replies_bytes_max: Option<usize>,
    /// Bytes that one shard keeps of messages and bodies that are unfinished or wait. `None`: a
    /// quarter of its share of `memory_bytes_max`, up to [`limits::ASSEMBLY_BYTES_MAX`].
    pub assembly_bytes_max: Option<usize>,
    /// A message that has begun to come has this long, however slowly it comes.
    pub message_grace: Duration,
    /// Beyond that it must have brought so many bytes for each second, or its connection is
    /// closed; 0: it may take as long as it likes.
    pub message_progress: usize,
    /// What happens to those who fall behind.
    pub slow_consumer: SlowConsumer,
    /// How messages are compressed for the WebSocket clients that offer permessage-deflate
    /// (RFC 7692), each once on each shard; `None`: for nobody.
    pub compression: Option<Compression>,
    /// How large the head of a request may be.
    pub head: HeadLimits,
    /// A request's head must be complete this long after the accept, or after its first byte if
    /// it is not the first; what it waits for must come, and its subscriptions be live, this long
    /// after that.
    pub handshake_timeout: Duration,
    /// Longest body of a request in bytes. A connection keeps it until the request is answered.
    pub body_bytes_max: usize,
    /// A request's body must be complete this long after its head.
    pub body_timeout: Duration,
    /// A connection whose last answer was this long ago, and that asks nothing more, is closed.
    pub keep_alive_timeout: Duration,
    /// Requests answered on one connection; the last answer says that it closes.
    pub requests_per_conn_max: u32,
    /// The origins whose pages may use the server.
    pub origins: Origins,
    /// A WebSocket connection that sent nothing for this long is pinged; what it was sent
    /// meanwhile puts that off, to at most twice this time.
    pub ping_interval: Duration,
    /// A pinged connection that still sends nothing for this long is closed.
    pub pong_timeout: Duration,
    /// A TCP connection that sent nothing for this long is closed; `None`: it may stay silent.
    pub tcp_idle_timeout: Option<Duration>,
    /// A connection whose socket takes no byte for this long, while some wait, is closed.
    pub stall_timeout: Duration,
    /// A drain takes this long at the most: it waits for subscribers that take what was published
    /// before, however slowly, and then cuts what is left.
    pub drain_timeout: Duration,
    /// In a drain, those who keep up are told within this time, spread over it if they are many.
    pub drain_window: Duration,
    /// Interest in a topic outlives its last subscriber by this long.
    pub interest_linger: Duration,
}

impl Config {
    /// A shard's share of the budget of a node with so many, where `memory` bytes are for that if
    /// nobody has chosen. It has the longest messages and bodies in any case, one of each kind.
    pub(crate) fn memory_share(&self, memory: usize, shards: usize) -> usize {
        let memory = self.memory_bytes_max.unwrap_or(memory) / shards.max(1);
        memory.max(limits::MEMORY_MESSAGES_MIN * self.longest())
    }

    /// What each part of what clients make a shard hold may be.
    pub(crate) fn parts(&self) -> Parts {
        let memory = self.memory_bytes_max;
        let memory = memory.unwrap_or(limits::MEMORY_BYTES_ASSUMED);
        let quarter = |most: usize| (memory / 4).min(most).max(self.longest());
        let replies = quarter(limits::REPLIES_BYTES_MAX);
        let assembly = quarter(limits::ASSEMBLY_BYTES_MAX);
        Parts {
            memory,
            backlog: self.backlog_bytes_max.unwrap_or(memory / 2),
            replies: self.replies_bytes_max.unwrap_or(replies),
            assembly: self.assembly_bytes_max.unwrap_or(assembly),
        }
    }

    /// The longest message or body.
    fn longest(&self) -> usize {
        self.message_bytes_max.max(self.body_bytes_max)
    }
}

/// What clients can make one shard hold, in bytes: all of it, and each part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) memory: usize,
    /// Frames for those who are behind.
    pub(crate) backlog: usize,
    /// Replies that are not read.
    pub(crate) replies: usize,
    /// Messages and bodies that are unfinished, or wait.
    pub(crate) assembly: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            message_bytes_max: limits::MESSAGE_BYTES_MAX,
            connections_max: usize::MAX,
            connections_per_address_max: None,
            accept_rate: None,
            message_rate: None,
            byte_rate: None,
            beyond_rate: BeyondRate::default(),
            trusted_proxies: Networks::default(),
            keep_addresses: false,
            log_bytes_max: limits::LOG_BYTES_MAX,
            memory_bytes_max: None,
            backlog_bytes_max: None,
            replies_bytes_max: None,
            assembly_bytes_max: None,
            message_grace: limits::MESSAGE_GRACE,
            message_progress: limits::MESSAGE_PROGRESS,
            slow_consumer: SlowConsumer::default(),
            compression: Some(Compression::default()),
            head: HeadLimits::default(),
            handshake_timeout: limits::HANDSHAKE_TIMEOUT,
            body_bytes_max: limits::BODY_BYTES_MAX,
            body_timeout: limits::BODY_TIMEOUT,
            keep_alive_timeout: limits::KEEP_ALIVE_TIMEOUT,
            requests_per_conn_max: limits::REQUESTS_PER_CONN_MAX,
            origins: Origins::default(),
            ping_interval: limits::PING_INTERVAL,
            pong_timeout: limits::PONG_TIMEOUT,
            tcp_idle_timeout: None,
            stall_timeout: limits::STALL_TIMEOUT,
            drain_timeout: limits::DRAIN_TIMEOUT,
            drain_window: limits::DRAIN_WINDOW,
            interest_linger: limits::INTEREST_LINGER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_the_budget_and_what_was_chosen_is_taken_as_it_is() {
        let mib = 1 << 20;
        let mut config = Config {
            memory_bytes_max: Some(100 * mib),
            ..Config::default()
        };
        let of = |config: &Config| {
            let parts = config.parts();
            [parts.backlog, parts.replies, parts.assembly].map(|bytes| bytes / mib)
        };
        assert_eq!(of(&config), [50, 25, 25]);
        config.memory_bytes_max = Some(100 << 30);
        assert_eq!(of(&config), [50 << 10, 64, 256]);
        config.backlog_bytes_max = Some(mib);
        config.replies_bytes_max = Some(2 * mib);
        config.assembly_bytes_max = Some(3 * mib);
        assert_eq!(of(&config), [1, 2, 3]);
    }

    #[test]
    fn a_shard_has_its_share_and_some_messages_at_least() {
        let mib = 1 << 20;
        let mut config = Config::default();
        assert_eq!(config.memory_share(150 * mib, 2), 75 * mib);
        assert_eq!(config.memory_share(150 * mib, 0), 150 * mib);
        let least = config.memory_share(mib, 64);
        config.memory_bytes_max = Some(least);
        assert!(config.body_bytes_max <= config.parts().assembly);
        assert!(config.body_bytes_max <= config.parts().replies);
        config.memory_bytes_max = Some(200 * mib);
        assert_eq!(config.memory_share(150 * mib, 2), 100 * mib, "chosen");
    }
}
