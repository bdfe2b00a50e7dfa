//! The table of configuration keys. Those of identity are in [`auth_keys`](super::auth_keys), and
//! those of listeners in [`listeners::keys`](super::listeners::keys).

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::limits::{
    ASSEMBLY_BYTES_CEILING, BACKLOG_BYTES_CEILING, BODY_BYTES_CEILING, HEAD_BYTES_CEILING,
    HEADERS_CEILING, HISTORIES_BYTES_CEILING, LOG_BYTES_CEILING, MEMORY_BYTES_CEILING,
    MESSAGE_BYTES_CEILING, MESSAGE_PROGRESS_CEILING, PATTERNS_CEILING, REPLIES_BYTES_CEILING,
    SHARDS_MAX, SUBSCRIPTIONS_CEILING, TCP_USER_TIMEOUT, WRITE_DELAY_MAX,
};
use crate::settings::Settings;
use crate::settings::auth_keys::AUTH_KEYS;
use crate::settings::field::Field;
use crate::settings::namespaces::keys::TOPIC_KEYS;
use crate::settings::value::cluster::CLUSTER_KEYS;
use crate::settings::value::operators::OPERATOR_KEYS;
use crate::settings::value::rate::Per;

/// A key: its full name with its section, its type, and its description.
pub(super) struct Key<T: 'static> {
    /// With the section, as in `limits.message`; a listener's key has no section.
    pub(super) name: &'static str,
    pub(super) field: Field<T>,
    /// The command-line flag that sets it as well.
    pub(super) flag: Option<&'static str>,
    /// Whether its value is never shown.
    pub(super) is_secret: bool,
    /// Whether it must be given: it has no default.
    pub(super) is_required: bool,
    /// Its description, for `config doc` and the comments of `config default`.
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

    pub(super) const fn flag(self, flag: &'static str) -> Self {
        Self {
            flag: Some(flag),
            ..self
        }
    }

    pub(super) const fn secret(self) -> Self {
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

/// The sections in the order of the documentation, each with its subject. Keys before the first
/// header of a file belong to the section without a name.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    (
        "",
        "Keys that stand before the first section of the file: threads, and proxies in front of \
         the server.",
    ),
    (
        "limits",
        "Limits of connections, requests, rates and memory.",
    ),
    ("timeouts", "How long the server waits."),
    (
        "topics",
        "Settings of all topics, unless a `[[namespace]]` has other settings for a topic: slow \
         subscribers, history, and topics without subscribers. After a reload, a topic gets its \
         new settings with its next message. If its history was turned off, it then loses its \
         messages and its position.",
    ),
    ("http", "Which pages may use the server from a browser."),
    (
        "compression",
        "Compression for WebSocket clients that offer permessage-deflate (RFC 7692).",
    ),
    (
        "api",
        "The publish API over HTTP, and its methods about users (API.md).",
    ),
    (
        "auth",
        "Identity and permission: tokens, API keys, and what each client may do. See [AUTH.md](AUTH.md).",
    ),
    (
        "cluster",
        "Several servers that share their topics ([CLUSTER.md](CLUSTER.md)).",
    ),
    (
        "admin",
        "The admin port for operators: `/metrics`, `/livez`, `/readyz`, and the API below `/admin/` \
         ([ADMIN.md](ADMIN.md)).",
    ),
    (
        "log",
        "The program's log, which is written to standard error.",
    ),
];

/// All keys except those of listeners.
pub(super) fn keys() -> impl Iterator<Item = &'static Key<Settings>> + Clone {
    let of_topics = KEYS.iter().chain(TOPIC_KEYS);
    let of_clients = of_topics.chain(AUTH_KEYS);
    of_clients.chain(CLUSTER_KEYS).chain(OPERATOR_KEYS)
}

static KEYS: &[Key<Settings>] = &[
    key(
        "shards",
        Field::CountOr(|s| &mut s.shards, 1..=SHARDS_MAX, "auto"),
        "Number of shards: threads with an event loop, connections and a limit of open files of \
         their own. `auto` is the number of CPU cores that the affinity mask of the process and \
         the quota of its control groups allow, rounded up.",
    )
    .flag("--shards"),
    key(
        "pin",
        Field::SwitchOr(|s| &mut s.pin, "auto"),
        "Whether each shard is bound to one CPU core (`sched_setaffinity(2)`). `auto` binds the \
         shards if there is one for each core. Otherwise the kernel places the shards: then two \
         servers on one host do not share a core while another core is idle.",
    ),
    key(
        "fd_tables",
        Field::Choice(|s| &mut s.tables),
        "`own`: each shard has its own table of file descriptors, so the limit of open files \
         applies to each shard alone. `shared`: all shards use one table and share this limit.",
    ),
    key(
        "trusted_proxies",
        Field::List(|s| &mut s.config.trusted_proxies),
        "Proxies that the server trusts to name the client's address. On a listener with \
         `proxy_protocol`, such a proxy must send a PROXY protocol header. Over HTTP it may send \
         `X-Forwarded-For`; without that field, `Forwarded` is read.",
    ),
    key(
        "limits.connections",
        Field::CountOr(|s| &mut s.connections, 1..=usize::MAX, "auto"),
        "Maximum number of connections of the whole server. Above it, HTTP requests are answered \
         with 503, and TCP connections are closed. `auto` is as many as the limit of open files \
         allows.",
    )
    .flag("--max-connections"),
    key(
        "limits.connections_per_address",
        Field::CountOr(
            |s| &mut s.config.connections_per_address_max,
            1..=u32::MAX as usize,
            "off",
        ),
        "Maximum number of connections from one client address: one IPv4 address, or one IPv6 \
         network of 64 bits. Above it, HTTP requests are answered with 429, and TCP connections \
         are closed. The addresses in `trusted_proxies` have no limit. A connection of such a \
         proxy counts for the client that its current request names, and between requests for no \
         client. If a request names a client without an address (`unknown`), the connection counts \
         for the proxy: all these connections of a proxy share one limit.",
    ),
    key(
        "limits.connections_per_user",
        Field::CountOr(
            |s| &mut s.config.connections_per_user_max,
            1..=u32::MAX as usize,
            "off",
        ),
        "Maximum number of connections of one user on the whole server. Connections without a user \
         are not counted.",
    ),
    key(
        "limits.beyond_user_limit",
        Field::Choice(|s| &mut s.config.beyond_user_limit),
        "What happens when a user opens one connection more than `connections_per_user`. \
         `close-oldest`: the user's oldest connection is closed, over WebSocket with code 3504. \
         `refuse`: the new one is answered with 429, or closed over TCP.",
    ),
    key(
        "limits.patterns",
        Field::Count(|s| &mut s.config.patterns_max, 0..=PATTERNS_CEILING),
        "Maximum number of different patterns that clients of the whole server subscribe to at the \
         same time; the clients of each shard may have an equal share. One more is refused with \
         error 106; a client that has not asked for it stays connected without it. A pattern that \
         has lost its last subscriber gives way at once. Each shard knows all of them, in at most \
         64 MiB.",
    ),
    key(
        "limits.accept_rate",
        Field::RateOr(|s| &mut s.config.accept_rate, Per::Count, "off"),
        "Rate at which the whole server accepts connections; each shard has an equal share of it. \
         Connections above the rate wait in the kernel's queue of the listener. A connection that \
         closes while it waits does not count.",
    ),
    key(
        "limits.open_rate_per_address",
        Field::RateOr(|s| &mut s.config.open_rate_per_address, Per::Count, "off"),
        "Rate at which one client address may open connections on the whole server: WebSocket \
         connections, event streams (also if the HTTP connection exists already) and TCP \
         connections. Other HTTP requests do not count. Above the rate, HTTP clients are answered \
         with 429 and `Retry-After`, and TCP connections are closed before their TLS handshake. \
         The same rate, counted separately, limits how often an address may send a credential that \
         is not accepted (401). Above it, the server answers 429 to all credentials of the \
         address, without checking them. Addresses are counted as for `connections_per_address`, \
         and those in `trusted_proxies` have no rate. All clients behind one address translator \
         (NAT) share one rate.",
    ),
    key(
        "limits.open_rate_per_user",
        Field::RateOr(|s| &mut s.config.open_rate_per_user, Per::Count, "off"),
        "Rate at which one user may open connections on the whole server, from all addresses \
         together. A connection counts after its token is verified. Above the rate, HTTP clients \
         are answered with 429 and `Retry-After`, and TCP connections are closed.",
    ),
    key(
        "limits.subscriptions",
        Field::Count(
            |s| &mut s.config.subscriptions_max,
            1..=SUBSCRIPTIONS_CEILING,
        ),
        "Maximum number of subscriptions of one connection. One more is answered with the error \
         106; if the client has not asked for it (`channels` and `subs` of a token), the \
         connection is closed with code 3505. With more than 64, a write looks only at those that \
         have something, unless the connection was blocked.",
    ),
    key(
        "limits.message_rate",
        Field::RateOr(|s| &mut s.config.message_rate, Per::Count, "off"),
        "Rate at which one connection may send messages. WebSocket pings, unsolicited pongs, empty \
         frames, fragments of less than 1 KiB and the commands of the structured protocol count as \
         messages. Messages sent through the publish API do not count.",
    ),
    key(
        "limits.byte_rate",
        Field::RateOr(|s| &mut s.config.byte_rate, Per::Size, "off"),
        "Rate at which one connection may send bytes of messages and WebSocket pings. A message \
         larger than the burst (`at once`) is accepted when the whole burst is available. The time \
         that its whole length takes at this rate must then pass before the next message is on \
         time.",
    ),
    key(
        "limits.beyond_rate",
        Field::Choice(|s| &mut s.config.beyond_rate),
        "What happens to a message that arrives too early for `message_rate` or `byte_rate`. \
         `wait`: it is kept, and its connection is not read until the rate allows it. `drop`: it \
         is discarded; a command of the structured protocol is answered with the error 111. \
         `close`: its connection is closed, over WebSocket with code 1008, or 3013 over the \
         structured protocol.",
    ),
    key(
        "limits.message",
        Field::Size(
            |s| &mut s.config.message_bytes_max,
            1..=MESSAGE_BYTES_CEILING,
        ),
        "Maximum length of a message. A longer message closes its connection.",
    )
    .flag("--max-message"),
    key(
        "limits.memory",
        Field::SizeOr(
            |s| &mut s.config.memory_bytes_max,
            1..=MEMORY_BYTES_CEILING,
            "auto",
        ),
        "Maximum memory that clients can make the whole server use: for frames kept for slow \
         subscribers, for replies that clients have not read, for incomplete messages and bodies, \
         for the histories of topics, and for presence. Each shard has an equal share, but at \
         least four times `limits.message` or `limits.body`, whichever is larger. If memory is \
         short, kept frames are dropped first; then clients that do not read their replies are \
         closed; then clients with incomplete messages are. Histories are limited by \
         `limits.history` alone, and presence by the numbers of connections and subscriptions. \
         `auto` is half of the host's memory, or of the smallest limit of the control groups \
         around the process; with `limits.connections`, what 4.5 KB for each leave, if less.",
    ),
    key(
        "limits.log",
        Field::Size(|s| &mut s.config.log_bytes_max, 1..=LOG_BYTES_CEILING),
        "Maximum size of a topic's log, which keeps frames for subscribers that are behind. Each \
         shard has one log for each topic and encoding: the same protocol and the same compression \
         window. A message that is larger than this size is kept as the only one of its log.",
    ),
    key(
        "limits.backlog",
        Field::SizeOr(
            |s| &mut s.config.backlog_bytes_max,
            1..=BACKLOG_BYTES_CEILING,
            "auto",
        ),
        "Maximum size of all logs of one shard together. Above it, the oldest messages kept for \
         subscribers that are behind are dropped. If the logs still hold more than twice this \
         size, and more than eight times `limits.message`, subscribers that have received only a \
         part of a large message are closed. `auto` is half of the shard's share of \
         `limits.memory`.",
    ),
    key(
        "limits.replies",
        Field::SizeOr(
            |s| &mut s.config.replies_bytes_max,
            1..=REPLIES_BYTES_CEILING,
            "auto",
        ),
        "Maximum size of the replies of one shard that clients have not read: echoes, pongs and \
         HTTP responses. Above seven eighths of this limit, connections that do not read are \
         closed, first those with the highest score: the unread bytes of all connections of their \
         address, times the time since they last read. At the limit, the server makes no further \
         replies: connections wait for them, or miss them. `auto` is a quarter of the shard's \
         share of `limits.memory`, up to 64 MiB.",
    ),
    key(
        "limits.assembly",
        Field::SizeOr(
            |s| &mut s.config.assembly_bytes_max,
            1..=ASSEMBLY_BYTES_CEILING,
            "auto",
        ),
        "Maximum memory of one shard for messages and bodies that are incomplete or wait to be \
         processed. Above it, connections are closed, first those with the highest product of two \
         numbers: how slowly their data arrives, and how many connections with such data their \
         client address has. `auto` is a quarter of the shard's share of `limits.memory`, up to \
         256 MiB.",
    ),
    key(
        "limits.history",
        Field::SizeOr(
            |s| &mut s.config.history_bytes_max,
            1..=HISTORIES_BYTES_CEILING,
            "auto",
        ),
        "Maximum memory of one shard for the histories of topics. A message counts as its length, \
         its key, its tags and 64 bytes. A topic counts as 176 bytes. If it keeps several \
         messages, or keys or tags, the free space of its list counts as well. Above the limit, \
         the topics to which nothing was published for longest lose their messages. If positions \
         alone take half of it, these topics lose their positions as well. A subscriber that asks \
         for what it missed then learns of a gap. `auto` is a quarter of the shard's share of \
         `limits.memory`.",
    ),
    key(
        "limits.message_progress",
        Field::Size(
            |s| &mut s.config.message_progress,
            0..=MESSAGE_PROGRESS_CEILING,
        ),
        "Minimum speed of a long WebSocket or TCP message, in bytes per second. A message may take \
         `timeouts.message`, and one second more each time that this number of bytes has arrived. \
         A slower message closes its connection. With 0, a message may take any time.",
    ),
    key(
        "limits.head",
        Field::Size(
            |s| &mut s.config.head.bytes_max,
            HEAD_BYTES_LEAST..=HEAD_BYTES_CEILING,
        ),
        "Maximum size of the head of an HTTP request: its request line and header fields. A larger \
         head is refused with 431.",
    ),
    key(
        "limits.header_fields",
        Field::Count(
            |s| &mut s.config.head.fields_max,
            HEADERS_LEAST..=HEADERS_CEILING,
        ),
        "Maximum number of header fields of an HTTP request. A request with more is refused with \
         431.",
    ),
    key(
        "limits.body",
        Field::Size(|s| &mut s.config.body_bytes_max, 0..=BODY_BYTES_CEILING),
        "Maximum size of the body of an HTTP request. A larger body is refused with 413. Each \
         message in the body is limited by `limits.message` as well.",
    ),
    key(
        "limits.requests_per_connection",
        Field::Count(
            |s| &mut s.config.requests_per_conn_max,
            1..=u32::MAX as usize,
        ),
        "Maximum number of HTTP requests on one connection. The last response says `Connection: \
         close`, and then the connection closes.",
    ),
    key(
        "timeouts.handshake",
        Field::Time(|s| &mut s.config.handshake_timeout, SHORT),
        "A connection must complete the PROXY protocol header, the TLS handshake and the head of \
         its first HTTP request within this time after it was accepted. For a later request on the \
         same connection, the time begins with its first byte. A publish request that waits for \
         space is answered with 503 after this time.",
    ),
    key(
        "timeouts.message",
        Field::Time(|s| &mut s.config.message_grace, SHORT),
        "Maximum time from the first byte of a WebSocket or TCP message to its last. A message \
         that makes progress may take longer (`limits.message_progress`).",
    ),
    key(
        "timeouts.body",
        Field::Time(|s| &mut s.config.body_timeout, SHORT),
        "Maximum time from the end of the head of an HTTP request to the end of its body.",
    ),
    key(
        "timeouts.keep_alive",
        Field::Time(|s| &mut s.config.keep_alive_timeout, SHORT),
        "An HTTP connection is closed if no request begins within this time after a response.",
    ),
    key(
        "timeouts.ping",
        Field::Time(|s| &mut s.config.ping_interval, SHORT),
        "The server pings a WebSocket connection that has sent nothing for this time. A message to \
         the connection delays the ping, to at most twice this time. On a stream of server-sent \
         events, the server sends a comment when it has sent nothing for this time. Each \
         connection has its own time, between three quarters of this value and the whole.",
    ),
    key(
        "timeouts.pong",
        Field::Time(|s| &mut s.config.pong_timeout, SHORT),
        "A WebSocket connection that sends nothing for this time after a ping is closed.",
    ),
    key(
        "timeouts.tcp_idle",
        Field::TimeOr(|s| &mut s.config.tcp_idle_timeout, SHORT, "off"),
        "A TCP connection that has sent nothing for this time is closed. `off` allows silent \
         connections.",
    ),
    key(
        "timeouts.stall",
        Field::Time(|s| &mut s.config.stall_timeout, BELOW_TCP),
        "A connection whose socket takes no byte for this time, although bytes are waiting, is \
         closed. The maximum is below 120s, after which the kernel would end the connection itself \
         (`TCP_USER_TIMEOUT`, `tcp(7)`).",
    ),
    key(
        "timeouts.write_delay",
        Field::Time(|s| &mut s.config.write_delay, WRITE_DELAYS),
        "How long a client with several subscriptions waits for a message, so that one write has \
         what its topics bring meanwhile: for topics that change together on several shards, or in \
         ticks of their own (`topics.flush`). One with one subscription does not wait, nor do \
         replies, which take along what waits. Without space for more, and in a drain, none does.",
    ),
    key(
        "timeouts.drain",
        Field::Time(|s| &mut s.config.drain_timeout, SHORT),
        "Maximum duration of a drain, the orderly shutdown. Until then, the server waits for \
         subscribers that still read messages published before the drain, however slowly. Then it \
         closes the connections that are left.",
    ),
    key(
        "timeouts.drain_window",
        Field::TimeOr(|s| &mut s.config.drain_window, SHORT, "auto"),
        "Time within which a drain closes the connections of clients that keep up. If there are \
         many, it spreads the closes: over the time in which as many can be opened again, at the \
         highest rate that the shard has seen or at `limits.accept_rate`, but within this time, \
         and at most up to two seconds before `timeouts.drain`; `auto` sets no other limit. \
         Each WebSocket client is told to come back after a time of its own (`retry-after=7s` in \
         the reason), each event stream by `retry`. If all clients keep up and answer the close, \
         the server ends within this time. The default is less than the 10s after which Docker \
         kills a container.",
    ),
    key(
        "timeouts.drain_listen",
        Field::TimeOr(|s| &mut s.drain_listen, SHORT, "off"),
        "Time before a drain in which `/readyz` answers 503 and everything else works as before, \
         so that load balancers stop sending new clients.",
    ),
    key(
        "timeouts.max_lifetime",
        Field::TimeOr(|s| &mut s.config.max_lifetime, LIFETIME, "off"),
        "Time after which a WebSocket connection, an event stream or a TCP connection is closed, up \
         to a tenth earlier or later: with code 1001, or 3001 over the structured protocol. Its \
         client comes back, perhaps to another server. So connections move to servers that were \
         started later, and a restart closes none that is older than this. `off` lets them stay.",
    ),
    key(
        "topics.linger",
        Field::Time(|s| &mut s.config.interest_linger, FROM_ZERO),
        "Time for which a shard keeps a topic live after its last subscriber on this shard has \
         left. A client that subscribes again within this time does not wait for the topic's home \
         shard (the shard that orders the topic's messages).",
    ),
    key(
        "topics.require_namespace",
        Field::Switch(|s| &mut s.require_namespace),
        "Whether a topic whose name has a namespace, as `chat:7` has, must be in one of the \
         `[[namespace]]` tables. If it is in none, it is refused: with error 102 over the \
         structured protocol and by the API, and with 404 in a path. The same holds for a pattern \
         such as `chat:#`, if no topic of a namespace can match it. The namespace ends at the \
         first `:` before any `/`; names without one, and those that list users before it \
         (`#acme:ann`), are in none. If false, such a topic has the settings of `[topics]`, and so \
         has a name that is mistyped. Subscriptions that are there stay when SIGHUP sets this.",
    ),
    key(
        "http.origins",
        Field::List(|s| &mut s.config.origins),
        "Origins whose pages may use the server from a browser. `self` allows the server's own \
         origin, `https://example.com` exactly this origin, `https://*.example.com` all its \
         subdomains, and `http://localhost:*` this host with any port. `file://` and `app://.` are \
         matched as they are written; libraries for boards and WebViews send such origins. \
         `chrome-extension://*` allows all origins of this scheme, `null` allows local files and \
         sandboxed pages, and `*` allows all origins. Credentials, such as cookies, are allowed \
         for origins listed by exact name, except `null` and `file:`; never for `self` or a \
         pattern with `*`. A request without an `Origin` field is accepted.",
    ),
    key(
        "compression.enabled",
        Field::Switch(|s| &mut s.compress),
        "Whether messages are compressed. Each message is compressed once on each shard that has a \
         subscriber with compression.",
    ),
    key(
        "compression.level",
        Field::Count(|s| &mut s.compression.level, 1..=9),
        "Compression level, from 1 (fastest) to 9 (smallest). A message that is too long for this \
         level is compressed at level 6 or 1, if that is lower: level 9 takes messages of up to 8 \
         kB, level 6 up to 120 kB, level 2 up to 600 kB, and level 1 up to 1.2 MB. Longer messages \
         are not compressed.",
    ),
    key(
        "compression.threshold",
        Field::Size(|s| &mut s.compression.threshold, 0..=MESSAGE_BYTES_CEILING),
        "Messages of up to this size are not compressed.",
    ),
    key(
        "api.key",
        Field::Text(|s| &mut s.api_key.0, 0..=API_KEY_BYTES_MAX),
        "Key that publishers send in `X-API-Key`, or as `Authorization: apikey KEY`. Without it, \
         the API needs `auth.api_keys` or `auth.insecure`. Set it as an environment variable, or \
         protect the file. Publishers with the key are trusted: `limits.message_rate` and \
         `limits.byte_rate` do not apply to their messages.",
    )
    .secret(),
];

/// Makes a key of the program.
pub(super) const fn key(
    name: &'static str,
    field: Field<Settings>,
    doc: &'static str,
) -> Key<Settings> {
    Key::new(name, field, doc)
}

/// Times that clients have for something. The timers are not finer than tens of milliseconds, and
/// a day is as good as no limit.
pub(super) const SHORT: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(86_400);
pub(super) const FROM_ZERO: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3_600);
/// Shorter, clients would do little else than connect; longer is as good as off.
const LIFETIME: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(365 * 86_400);
const WRITE_DELAYS: RangeInclusive<Duration> = Duration::ZERO..=WRITE_DELAY_MAX;
/// After `TCP_USER_TIMEOUT` the kernel ends the connection itself; ours must come first, so that
/// the close is counted with its reason.
const BELOW_TCP: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(TCP_USER_TIMEOUT.as_secs() - 1);

/// Enough for what browsers send without cookies and for what proxies add.
const HEAD_BYTES_LEAST: usize = 4 << 10;
const HEADERS_LEAST: usize = 32;

/// Longer than any real key, and short enough to leave space in the head of a request.
pub(super) const API_KEY_BYTES_MAX: usize = 1024;
