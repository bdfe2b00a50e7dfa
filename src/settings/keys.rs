//! The table of keys: everything that a configuration can say, each in one place. Those of
//! listeners are in [`listener_keys`](super::listener_keys).

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::{BeyondRate, SlowConsumer};
use crate::limits::{
    ASSEMBLY_BYTES_CEILING, BACKLOG_BYTES_CEILING, BODY_BYTES_CEILING, HEAD_BYTES_CEILING,
    HEADERS_CEILING, LOG_BYTES_CEILING, MEMORY_BYTES_CEILING, MESSAGE_BYTES_CEILING,
    MESSAGE_PROGRESS_CEILING, REPLIES_BYTES_CEILING, SHARDS_MAX, TCP_USER_TIMEOUT,
};
use crate::settings::field::{Field, choice};
use crate::settings::rate::Per;
use crate::settings::{Level, Settings, Tables};

/// A key: its full name with its section, its type, and a sentence about it.
pub(super) struct Key<T: 'static> {
    /// As in `limits.message`; of a listener without the section.
    pub(super) name: &'static str,
    pub(super) field: Field<T>,
    /// The flag that sets it, too.
    pub(super) flag: Option<&'static str>,
    /// Whether its value is shown to nobody.
    pub(super) is_secret: bool,
    /// Whether somebody must give it, as no default would do.
    pub(super) is_required: bool,
    /// What it is, for `config doc` and the comments of `config default`.
    pub(super) doc: &'static str,
}

impl<T> Key<T> {
    pub(super) const fn new(name: &'static str, field: Field<T>, doc: &'static str) -> Self {
        Self {
            name,
            field,
            flag: None,
            is_secret: false,
            is_required: false,
            doc,
        }
    }

    const fn flag(self, flag: &'static str) -> Self {
        Self {
            flag: Some(flag),
            ..self
        }
    }

    const fn secret(self) -> Self {
        Self {
            is_secret: true,
            ..self
        }
    }

    pub(super) const fn required(self) -> Self {
        Self {
            is_required: true,
            ..self
        }
    }
}

/// The sections in the order of the documentation, each with what it is about. Keys before the
/// first header of a file belong to the section without a name.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    (
        "",
        "How the server is laid out on the host, and who is in front of it.",
    ),
    ("limits", "What the server admits and keeps."),
    ("timeouts", "How long it waits."),
    ("topics", "How topics behave."),
    ("http", "What is particular to HTTP."),
    (
        "compression",
        "For the WebSocket clients that offer permessage-deflate (RFC 7692).",
    ),
    (
        "api",
        "Publishing by HTTP: `/api/publish`, `/api/broadcast`, `/api/batch`.",
    ),
    (
        "admin",
        "The port for operators: `/metrics`, `/livez`, `/readyz`.",
    ),
    ("log", "What is logged, on standard error."),
];

/// Everything but the listeners.
pub(super) static KEYS: &[Key<Settings>] = &[
    key(
        "shards",
        Field::CountOr(|s| &mut s.shards, 1..=SHARDS_MAX, "auto"),
        "Threads, each with its own event loop and its own limit of open files; \
         `auto` is one for each core.",
    )
    .flag("--shards"),
    key(
        "pin",
        Field::SwitchOr(|s| &mut s.pin, "auto"),
        "Whether each shard runs on one core alone, of those that the process may use. `auto` is \
         true where there are as many shards as cores; otherwise the kernel places them, and so \
         two servers with fewer shards than cores do not meet on one core beside an idle one.",
    ),
    key(
        "fd_tables",
        Field::Choice(|s| &mut s.tables),
        "Whether each shard has a table of descriptors, and with it the limit of open files, of \
         its `own`, or all have one that is `shared`.",
    ),
    key(
        "trusted_proxies",
        Field::List(|s| &mut s.config.trusted_proxies),
        "Proxies whose statement of the client's address is believed: on listeners with \
         `proxy_protocol` they must make it, and over HTTP they may (`X-Forwarded-For`, or \
         `Forwarded` without that).",
    ),
    key(
        "limits.connections",
        Field::CountOr(|s| &mut s.connections, 1..=usize::MAX, "auto"),
        "Most connections; more are answered with 503, or closed where there are no words for \
         it. `auto` is what the limit of open files allows.",
    )
    .flag("--max-connections"),
    key(
        "limits.connections_per_address",
        Field::CountOr(
            |s| &mut s.config.connections_per_address_max,
            1..=u32::MAX as usize,
            "off",
        ),
        "Most connections of one address, of IPv6 of its first 64 bits; more are answered with \
         429, or closed. Those of `trusted_proxies` count for the client of the request in hand, \
         and for the proxy itself where it speaks for a client and does not name the address.",
    ),
    key(
        "limits.accept_rate",
        Field::RateOr(|s| &mut s.config.accept_rate, Per::Count, "off"),
        "Connections that are accepted, of all shards together; what comes faster waits in the \
         kernel. One that is over before its time does not count.",
    ),
    key(
        "limits.message_rate",
        Field::RateOr(|s| &mut s.config.message_rate, Per::Count, "off"),
        "Messages that one connection may send. Pings count as well, and so do empty frames, \
         pongs that were not asked for, and short fragments; what the publish API publishes does \
         not.",
    ),
    key(
        "limits.byte_rate",
        Field::RateOr(|s| &mut s.config.byte_rate, Per::Size, "off"),
        "Bytes of messages that one connection may send, and of pings of WebSocket; one larger than \
         all that may come at once passes, and is paid for afterwards.",
    ),
    key(
        "limits.beyond_rate",
        Field::Choice(|s| &mut s.config.beyond_rate),
        "What becomes of a message beyond these rates: it is kept and its connection read no \
         further until they allow it (`wait`), goes nowhere (`drop`), or its connection is closed \
         with 1008 (`close`).",
    ),
    key(
        "limits.message",
        Field::Size(
            |s| &mut s.config.message_bytes_max,
            1..=MESSAGE_BYTES_CEILING,
        ),
        "Longest message; a longer one closes its connection.",
    )
    .flag("--max-message"),
    key(
        "limits.memory",
        Field::SizeOr(
            |s| &mut s.config.memory_bytes_max,
            1..=MEMORY_BYTES_CEILING,
            "auto",
        ),
        "What clients can make the whole server hold: frames for subscribers that are behind, \
         replies that are not read, messages and bodies that have not come whole. Each shard has \
         an equal share, at least four of the longest messages. Where it is used up, the first of \
         these gives way first, and the last last. `auto` is half of the memory of the host, or \
         of the least limit of the control groups around the server.",
    ),
    key(
        "limits.log",
        Field::Size(|s| &mut s.config.log_bytes_max, 1..=LOG_BYTES_CEILING),
        "What a topic's log keeps for subscribers that are behind, on each shard and in each \
         encoding; always at least its newest message.",
    ),
    key(
        "limits.backlog",
        Field::SizeOr(
            |s| &mut s.config.backlog_bytes_max,
            1..=BACKLOG_BYTES_CEILING,
            "auto",
        ),
        "What all logs of one shard keep. Beyond it the oldest of what is kept for blocked \
         subscribers is let go of, and above twice as much, and more than eight messages, they \
         are closed. `auto` is half of the shard's share of `limits.memory`.",
    ),
    key(
        "limits.replies",
        Field::SizeOr(
            |s| &mut s.config.replies_bytes_max,
            1..=REPLIES_BYTES_CEILING,
            "auto",
        ),
        "What one shard keeps of replies that are not read: echoes, pongs, answers over HTTP. \
         Near it, connections that do not read theirs are closed, those first of which, and of \
         whose address, most waits longest; others wait a moment. `auto` is a quarter of the \
         shard's share of `limits.memory`, up to 64 MiB.",
    ),
    key(
        "limits.assembly",
        Field::SizeOr(
            |s| &mut s.config.assembly_bytes_max,
            1..=ASSEMBLY_BYTES_CEILING,
            "auto",
        ),
        "What one shard keeps of messages and bodies that have not come whole, or wait; beyond \
         it, connections are closed, those first that bring least in the time they take and whose \
         address has most of them. `auto` is a quarter of the shard's share of `limits.memory`, up \
         to 256 MiB.",
    ),
    key(
        "limits.message_progress",
        Field::Size(
            |s| &mut s.config.message_progress,
            0..=MESSAGE_PROGRESS_CEILING,
        ),
        "What a message over WebSocket or TCP must bring for each second that it takes beyond \
         `timeouts.message`, or its connection is closed; with 0 it may take as long as it likes.",
    ),
    key(
        "limits.head",
        Field::Size(
            |s| &mut s.config.head.bytes_max,
            HEAD_BYTES_LEAST..=HEAD_BYTES_CEILING,
        ),
        "Longest head of an HTTP request; a longer one is refused with 431.",
    ),
    key(
        "limits.header_fields",
        Field::Count(
            |s| &mut s.config.head.fields_max,
            HEADERS_LEAST..=HEADERS_CEILING,
        ),
        "Most header fields of an HTTP request; more are refused with 431.",
    ),
    key(
        "limits.body",
        Field::Size(|s| &mut s.config.body_bytes_max, 0..=BODY_BYTES_CEILING),
        "Longest body of an HTTP request; a longer one is refused with 413. The messages in it \
         have the limit `limits.message` each.",
    ),
    key(
        "limits.requests_per_connection",
        Field::Count(
            |s| &mut s.config.requests_per_conn_max,
            1..=u32::MAX as usize,
        ),
        "HTTP requests answered on one connection; the last answer says that it closes.",
    ),
    key(
        "timeouts.handshake",
        Field::Time(|s| &mut s.config.handshake_timeout, SHORT),
        "A request must be complete this long after the connection was accepted.",
    ),
    key(
        "timeouts.message",
        Field::Time(|s| &mut s.config.message_grace, SHORT),
        "A message over WebSocket or TCP that has begun to come has this long, and longer only if \
         it makes progress (`limits.message_progress`).",
    ),
    key(
        "timeouts.body",
        Field::Time(|s| &mut s.config.body_timeout, SHORT),
        "The body of an HTTP request must be complete this long after its head.",
    ),
    key(
        "timeouts.keep_alive",
        Field::Time(|s| &mut s.config.keep_alive_timeout, SHORT),
        "A connection whose last HTTP answer was this long ago, and that asks nothing more, is \
         closed.",
    ),
    key(
        "timeouts.ping",
        Field::Time(|s| &mut s.config.ping_interval, SHORT),
        "A WebSocket connection that sent nothing for this long is pinged; what it was sent \
         meanwhile puts that off, to at most twice this time.",
    ),
    key(
        "timeouts.pong",
        Field::Time(|s| &mut s.config.pong_timeout, SHORT),
        "A pinged connection that still sends nothing for this long is closed.",
    ),
    key(
        "timeouts.tcp_idle",
        Field::TimeOr(|s| &mut s.config.tcp_idle_timeout, SHORT, "off"),
        "A TCP connection that sent nothing for this long is closed; `off` lets it be silent.",
    ),
    key(
        "timeouts.stall",
        Field::Time(|s| &mut s.config.stall_timeout, BELOW_TCP),
        "A connection whose socket takes no byte for this long, while some wait, is closed.",
    ),
    key(
        "timeouts.drain",
        Field::Time(|s| &mut s.config.drain_timeout, SHORT),
        "A drain takes this long at the most: it waits for subscribers that take what was \
         published before, however slowly, and then cuts what is left.",
    ),
    key(
        "timeouts.drain_window",
        Field::Time(|s| &mut s.config.drain_window, SHORT),
        "In a drain, clients that keep up are told within this time, spread over it if they are \
         many; when all of them close, the server has stopped by then. Docker kills after 10s.",
    ),
    key(
        "timeouts.drain_listen",
        Field::TimeOr(|s| &mut s.drain_listen, SHORT, "off"),
        "Before it drains, the program says 503 on `/readyz` for this long and goes on as ever, so \
         that balancers send nobody any more.",
    ),
    key(
        "topics.slow_consumer",
        Field::Choice(|s| &mut s.config.slow_consumer),
        "What becomes of a subscriber whose socket is blocked when the topic's log is full: it \
         goes on with the oldest message kept (`drop-oldest`) or the newest (`latest`), keeps \
         what it has not had and misses what comes after (`drop-newest`), or is closed \
         (`disconnect`).",
    )
    .flag("--slow-consumer"),
    key(
        "topics.linger",
        Field::Time(|s| &mut s.config.interest_linger, FROM_ZERO),
        "A topic stays live this long after its last subscriber, so that one who comes back at \
         once need not wait for it.",
    ),
    key(
        "http.origins",
        Field::List(|s| &mut s.config.origins),
        "The origins whose pages browsers let use the server: `self` for the server's own, \
         `https://example.com`, `https://*.example.com` for all below it, `http://localhost:*` \
         for all ports, `file://` and `app://.` as boards and WebViews send them, \
         `chrome-extension://*` for all of a scheme, `null` for files and sandboxes, `*` for all. \
         Credentials such as cookies are for origins listed exactly by name, other than `null` and \
         `file:`, and never for `self` or a pattern with `*`. A request without an origin is not \
         asked for one.",
    ),
    key(
        "compression.enabled",
        Field::Switch(|s| &mut s.compress),
        "Whether anything is compressed. Each message is, once on each shard, if anyone there \
         wants it so.",
    ),
    key(
        "compression.level",
        Field::Count(|s| &mut s.compression.level, 1..=9),
        "How hard, from 1, the fastest, to 9, the smallest. What would take too long is compressed \
         at level 6 or 1: at 9 beyond some 8 kB, at 6 beyond 120 kB, at 2 beyond 600 kB.",
    ),
    key(
        "compression.threshold",
        Field::Size(|s| &mut s.compression.threshold, 0..=MESSAGE_BYTES_CEILING),
        "Messages of this many bytes or less are sent as they are.",
    ),
    key(
        "api.key",
        Field::Text(|s| &mut s.api_key.0, 0..=API_KEY_BYTES_MAX),
        "What publishers send in `X-API-Key`, or as `Authorization: apikey`; empty, there is no \
         publish API. Give it as a variable, or keep the file from others. Who has it is trusted: \
         `limits.message_rate` and `limits.byte_rate` do not hold for what is published so.",
    )
    .secret(),
    key(
        "admin.address",
        Field::AddressOr(|s| &mut s.admin, "off"),
        "Where it listens. Nobody is asked who they are: keep it on the loopback interface or a \
         network of your own.",
    )
    .flag("--admin"),
    key(
        "log.level",
        Field::Choice(|s| &mut s.level),
        "The least severe lines that are logged. `RUST_LOG` goes before it, and can tell modules \
         apart.",
    ),
];

/// A key of [`KEYS`].
const fn key(name: &'static str, field: Field<Settings>, doc: &'static str) -> Key<Settings> {
    Key::new(name, field, doc)
}

/// Times of what a client is to do. Finer than some tens of milliseconds they mean nothing, and
/// a day is as good as never.
const SHORT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(86_400);
const FROM_ZERO: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3_600);
/// The kernel ends the connection after its own time, and counts it as nobody's decision.
const BELOW_TCP: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(TCP_USER_TIMEOUT.as_secs() - 1);

/// What browsers send without cookies, and proxies add.
const HEAD_BYTES_LEAST: usize = 4 << 10;
const HEADERS_LEAST: usize = 32;

/// Longer than anybody makes one, and with room for the rest in the head of a request.
const API_KEY_BYTES_MAX: usize = 1024;

choice!(SlowConsumer {
    "drop-oldest" => Self::DropOldest,
    "latest" => Self::Latest,
    "drop-newest" => Self::DropNewest,
    "disconnect" => Self::Disconnect,
});

choice!(BeyondRate {
    "wait" => Self::Wait,
    "drop" => Self::Drop,
    "close" => Self::Close,
});

choice!(Tables {
    "own" => Self::Own,
    "shared" => Self::Shared,
});

choice!(Level {
    "off" => Self::Off,
    "error" => Self::Error,
    "warn" => Self::Warn,
    "info" => Self::Info,
    "debug" => Self::Debug,
});
