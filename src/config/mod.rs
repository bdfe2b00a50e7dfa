//! The configuration of a server: checked values, the same for every shard.

mod namespaces;
mod parts;

use std::time::Duration;

pub(crate) use namespaces::SettingsKey;
pub use namespaces::{First, Flush, HistorySettings, Namespaces, Scope, ScopeError, TopicSettings};
pub(crate) use parts::Parts;

use crate::address::Networks;
use crate::limits;
use crate::proto::http::{HeadLimits, Origins};
use crate::proto::ws::deflate::Compression;
use crate::time::Rate;

/// What happens to a subscriber with a blocked socket when the topic's log is full and must drop
/// messages that the subscriber has not received. A subscriber whose socket takes everything it is
/// sent never loses a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowConsumer {
    /// It continues with the oldest message in the log.
    #[default]
    DropOldest,
    /// It continues with the newest message as soon as its socket takes bytes again.
    Latest,
    /// It receives what was in the log, and misses the messages after that.
    DropNewest,
    /// It is closed.
    Disconnect,
}

/// What happens to a message beyond the rate of its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BeyondRate {
    /// It is kept, and the connection is not read until the rate allows it: TCP slows the client.
    #[default]
    Wait,
    /// It is dropped and counted.
    Drop,
    /// The connection is closed with 1008.
    Close,
}

/// What happens when a user opens one connection more than it may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BeyondUserLimit {
    /// The user's oldest connection is closed, over WebSocket with 3504.
    #[default]
    CloseOldest,
    /// The new connection is answered with 429, or closed.
    Refuse,
}

/// The configuration of a shard's core.
#[derive(Clone, Debug)]
pub struct Config {
    /// Maximum length of a message in bytes; at most [`limits::MESSAGE_BYTES_CEILING`].
    pub message_bytes_max: usize,
    /// Maximum number of connections of one shard.
    pub connections_max: usize,
    /// Maximum number of connections of one client address on the whole server; with IPv6, of its
    /// first 64 bits. Further connections are answered with 429, or closed. `None`: no limit.
    /// Connections from `trusted_proxies` count for the clients that they name.
    pub connections_per_address_max: Option<u32>,
    /// Maximum number of connections of one user on the whole server. `None`: no limit. Users are
    /// those that the application names ([`Cx::set_user`](crate::Cx::set_user)).
    pub connections_per_user_max: Option<u32>,
    /// What happens when a user opens a further connection.
    pub beyond_user_limit: BeyondUserLimit,
    /// Maximum number of patterns that clients of the whole server subscribe to at the same time;
    /// those of each shard may have an equal share. At most [`limits::PATTERNS_CEILING`].
    pub patterns_max: usize,
    /// Rate at which the whole server accepts connections. Each shard has an equal share; further
    /// connections wait in the kernel (`LISTEN_BACKLOG`). `None`: no limit.
    pub accept_rate: Option<Rate>,
    /// Rate at which one client address may open connections on the whole server: WebSocket
    /// connections, event streams and TCP connections; plain HTTP requests do not count. Addresses
    /// are those of [`connections_per_address_max`](Self::connections_per_address_max). Further
    /// ones are answered with 429, or closed. `None`: no limit.
    pub open_rate_per_address: Option<Rate>,
    /// Rate at which one user may open connections on the whole server, counted when its
    /// credential is verified ([`ServerBuilder::auth`](crate::ServerBuilder::auth)). `None`: no
    /// limit.
    pub open_rate_per_user: Option<Rate>,
    /// Maximum number of subscriptions of one connection; at most
    /// [`limits::SUBSCRIPTIONS_CEILING`].
    pub subscriptions_max: usize,
    /// Rate at which one connection may send messages. Pings, empty frames, unsolicited pongs and
    /// short fragments count as messages. HTTP requests do not.
    pub message_rate: Option<Rate>,
    /// Rate at which one connection may send payload bytes, including those of WebSocket pings.
    pub byte_rate: Option<Rate>,
    /// What happens to a message that exceeds these rates.
    pub beyond_rate: BeyondRate,
    /// Proxies that are trusted to name the client's address. On listeners with the PROXY protocol
    /// they must send its header; over HTTP they may send `X-Forwarded-For`.
    pub trusted_proxies: Networks,
    /// Whether each connection's address is kept for the log, some 40 bytes for each. A server does
    /// so if it logs the end of connections.
    pub keep_addresses: bool,
    /// Bytes of encoded frames that a topic's log keeps; it always keeps its newest frame.
    pub log_bytes_max: usize,
    /// Bytes that clients can make the whole server use, of all kinds together. Each shard has an
    /// equal share. `None`: half of the memory that the host and the control groups around the
    /// process allow.
    pub memory_bytes_max: Option<usize>,
    /// Bytes of encoded frames that all logs of one shard keep. `None`: half of its share of
    /// `memory_bytes_max`.
    pub backlog_bytes_max: Option<usize>,
    /// Bytes of replies that clients of one shard have not read. `None`: a quarter of its share of
    /// `memory_bytes_max`, up to [`limits::REPLIES_BYTES_MAX`].
    pub replies_bytes_max: Option<usize>,
    /// Bytes of incomplete or waiting messages and bodies that one shard keeps. `None`: a quarter
    /// of its share of `memory_bytes_max`, up to [`limits::ASSEMBLY_BYTES_MAX`].
    pub assembly_bytes_max: Option<usize>,
    /// Bytes of one shard for the histories of topics ([`TopicSettings::history`]): messages with
    /// their keys and tags, and positions. Above it, the topics to which nothing was published for
    /// longest lose messages first. `None`: a quarter of its share of `memory_bytes_max`.
    pub history_bytes_max: Option<usize>,
    /// A message may take this long to arrive, however slowly.
    pub message_grace: Duration,
    /// Beyond that time, this many bytes must have arrived for each second, or the connection is
    /// closed. 0: a message may take any time.
    pub message_progress: usize,
    /// What happens to subscribers that fall behind.
    pub slow_consumer: SlowConsumer,
    /// How messages are compressed for WebSocket clients that offer permessage-deflate (RFC 7692),
    /// once on each shard. `None`: they are not.
    pub compression: Option<Compression>,
    /// The limits of a request's head.
    pub head: HeadLimits,
    /// A request's head must be complete this long after the accept, or after its first byte if it
    /// is not the first on the connection. After that, the same time applies to space that the
    /// request waits for, and to its subscriptions to become live.
    pub handshake_timeout: Duration,
    /// Maximum length of a request's body in bytes. A connection keeps it until the request is
    /// answered.
    pub body_bytes_max: usize,
    /// A request's body must be complete this long after its head.
    pub body_timeout: Duration,
    /// An HTTP connection is closed this long after its last answer, if no further request begins.
    pub keep_alive_timeout: Duration,
    /// Maximum number of requests on one connection. The last answer says that the connection
    /// closes.
    pub requests_per_conn_max: u32,
    /// The origins whose pages may use the server.
    pub origins: Origins,
    /// A WebSocket connection that has sent nothing for this long is pinged. A message to it
    /// meanwhile postpones the ping, to at most twice this time.
    pub ping_interval: Duration,
    /// A pinged connection that still sends nothing for this long is closed.
    pub pong_timeout: Duration,
    /// A TCP connection that has sent nothing for this long is closed; `None`: it may be silent.
    pub tcp_idle_timeout: Option<Duration>,
    /// A connection whose socket takes no byte for this long, although bytes are waiting, is
    /// closed.
    pub stall_timeout: Duration,
    /// A connection with several subscriptions is written this much later than it could be, so that
    /// what its other topics bring meanwhile goes out in the same system call. At most
    /// [`WRITE_DELAY_MAX`](crate::limits::WRITE_DELAY_MAX).
    pub write_delay: Duration,
    /// Maximum duration of a drain. It waits for subscribers that read what was published before,
    /// however slowly, and then closes what is left.
    pub drain_timeout: Duration,
    /// In a drain, connections of clients that keep up are closed within this time, if they are
    /// many spread over the time that it takes to open them again. `None`: within
    /// [`drain_timeout`](Self::drain_timeout), which holds in any case.
    pub drain_window: Option<Duration>,
    /// A WebSocket, event stream or TCP connection is closed about this long after it was accepted,
    /// up to a tenth earlier or later, so that clients come back to other servers one after the
    /// other. `None`: it may stay.
    pub max_lifetime: Option<Duration>,
    /// A topic stays live on a shard this long after its last subscriber there.
    pub interest_linger: Duration,
    /// What holds for topics by their names.
    pub namespaces: Namespaces,
}

impl Config {
    /// A shard's share of the memory limit of a server with `shards` shards; `memory` is the limit
    /// if none is configured. The share is at least some of the longest messages and bodies, one of
    /// each kind.
    pub(crate) fn memory_share(&self, memory: usize, shards: usize) -> usize {
        let memory = self.memory_bytes_max.unwrap_or(memory) / shards.max(1);
        memory.max(limits::MEMORY_MESSAGES_MIN * self.longest())
    }

    /// The maximum length of a message or body.
    fn longest(&self) -> usize {
        self.message_bytes_max.max(self.body_bytes_max)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            message_bytes_max: limits::MESSAGE_BYTES_MAX,
            connections_max: usize::MAX,
            connections_per_address_max: None,
            connections_per_user_max: None,
            beyond_user_limit: BeyondUserLimit::default(),
            patterns_max: limits::PATTERNS_MAX,
            accept_rate: None,
            open_rate_per_address: None,
            open_rate_per_user: None,
            subscriptions_max: limits::SUBSCRIPTIONS_MAX,
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
            history_bytes_max: None,
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
            write_delay: limits::WRITE_DELAY,
            drain_timeout: limits::DRAIN_TIMEOUT,
            drain_window: Some(limits::DRAIN_WINDOW),
            max_lifetime: None,
            interest_linger: limits::INTEREST_LINGER,
            namespaces: Namespaces::default(),
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
            let Parts {
                backlog,
                replies,
                assembly,
                history,
                ..
            } = parts;
            [backlog, replies, assembly, history].map(|bytes| bytes / mib)
        };
        assert_eq!(of(&config), [50, 25, 25, 25]);
        config.memory_bytes_max = Some(100 << 30);
        assert_eq!(of(&config), [50 << 10, 64, 256, 25 << 10]);
        config.backlog_bytes_max = Some(mib);
        config.replies_bytes_max = Some(2 * mib);
        config.assembly_bytes_max = Some(3 * mib);
        config.history_bytes_max = Some(4 * mib);
        assert_eq!(of(&config), [1, 2, 3, 4]);
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
