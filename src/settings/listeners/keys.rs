//! The configuration keys of listeners.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::limits::{HISTORY_ENTRIES_CEILING, TOPIC_BYTES_MAX};
use crate::proto::Role;
use crate::proto::centrifuge::Wire;
use crate::settings::field::{Field, choice};
use crate::settings::keys::Key;
use crate::settings::value::list::PATH_BYTES_MAX;
use crate::settings::{Listen, Protocol};
use crate::shard::Balance;

/// The subject of the listeners' tables.
pub(in crate::settings) const LISTENERS: &str = "\
Where clients connect: one table for each listener. The listeners of a file replace the two \
default listeners, `http` on `127.0.0.1:8080` and `length-prefix` on `127.0.0.1:9000`. Variables \
change these listeners or add others.";

/// The keys of a listener's table.
pub(in crate::settings) static LISTENER_KEYS: &[Key<Listen>] = &[
    of_listener(
        "name",
        Field::Text(|l| &mut l.name, 0..=64),
        "Name of the listener in error messages and log lines. It is optional, and two listeners \
         cannot have the same name.",
    ),
    of_listener(
        "protocol",
        Field::Choice(|l| &mut l.protocol),
        "Protocol of the connections. `http` is HTTP and WebSocket. The others are TCP: \
         `length-prefix` has a 4-byte big-endian length before each message, `varint` has the \
         length as a varint, and `line` has a line feed after each message. `centrifuge` has \
         commands and replies of the structured protocol (PROTOCOL.md).",
    )
    .required(),
    of_listener(
        "address",
        Field::Listen(|l| &mut l.address),
        "Where the listener accepts connections. This is an IP address with a port (port 0 takes a \
         free port and logs it), the path of a Unix-domain socket (the server replaces a socket \
         file that a stopped server left there), or a socket that systemd has opened, by its name \
         or by its number from 0. `0.0.0.0` is all IPv4 addresses. `[::]` is all IPv6 addresses \
         and no IPv4, whatever the sysctl `net.ipv6.bindv6only` says; for both, use two listeners \
         with the same port. A program that may connect to the path of a Unix-domain socket is \
         trusted like `trusted_proxies`.",
    )
    .required(),
    of_listener(
        "unix_mode",
        Field::Mode(|l| &mut l.unix_mode),
        "Permissions of the file of a Unix-domain socket, which decide which programs may connect \
         to it. For a socket of systemd, `SocketMode=` sets them; by default every program may \
         connect.",
    ),
    of_listener(
        "balance",
        Field::Choice(|l| &mut l.balance),
        "How connections to a port are spread over the shards. `hash`: the kernel chooses the \
         shard by a hash of both addresses (`SO_REUSEPORT`, `socket(7)`), and the shard accepts \
         the connection itself. `even`: one thread accepts all connections and gives each to the \
         shard that has the fewest connections. Unix-domain sockets and sockets of systemd are \
         always `even`.",
    ),
    of_listener(
        "defer_accept",
        Field::Switch(|l| &mut l.defer_accept),
        "Whether the kernel holds a connection to a port back until its first bytes arrive \
         (`TCP_DEFER_ACCEPT`, `tcp(7)`). This makes accepting cheaper. It is used where the client \
         speaks first: with `http`, `centrifuge`, TLS and the role `publish`. A client that sends \
         nothing is accepted one second after it connects. The kernel may then send its `SYN-ACK` \
         twice: turn this off if a firewall or balancer on the way does not accept that. It is \
         always off if `timeouts.handshake` is below 2s. A socket of systemd has `DeferAcceptSec=` \
         instead.",
    ),
    of_listener(
        "format",
        Field::Choice(|l| &mut l.format),
        "How commands and replies are written, with `centrifuge`. `json`: a line of JSON for each. \
         `protobuf`: each has its length before it, as a varint.",
    ),
    of_listener(
        "topic",
        Field::Text(|l| &mut l.topic, 1..=TOPIC_BYTES_MAX),
        "Topic that all connections publish to and receive from, as `role` allows. Not for `http`, \
         where the path names the topic, and not for `centrifuge`, where commands do.",
    ),
    of_listener(
        "role",
        Field::Choice(|l| &mut l.role),
        "What connections may do. `both`: they publish and receive. `publish`, for devices that \
         only report: they only publish, and need not read, because the server sends them nothing. \
         `subscribe`: they only receive, and a connection that sends a message is closed. Not for \
         `http`, where the path decides, and not for `centrifuge`.",
    ),
    of_listener(
        "last",
        Field::Count(|l| &mut l.last, 0..=HISTORY_ENTRIES_CEILING),
        "How many of the newest messages a connection first receives, if its role allows that and \
         the topic has a history. 0: what `first` in the topic's settings says. Not for `http`, \
         where a client asks for them with `?last=`, and not for `centrifuge`.",
    ),
    of_listener(
        "text",
        Field::Switch(|l| &mut l.text),
        "Whether all messages are text. If so, a message that is not UTF-8 closes its connection. \
         If not, `line` messages in UTF-8 are text and all other messages are binary. Not for \
         `http`, where each message has its kind, and not for `centrifuge`.",
    ),
    of_listener(
        "token",
        Field::Switch(|l| &mut l.token),
        "Whether the first frame of each connection is a credential: a token, or what would be the \
         value of `Authorization`, such as `apikey KEY`. It must arrive within \
         `timeouts.handshake`, and it is not published. `[auth]` must configure an identity \
         (AUTH.md). Not for `http`, where requests carry credentials, and not for `centrifuge`, \
         where the first command does.",
    ),
    of_listener(
        "proxy_protocol",
        Field::Switch(|l| &mut l.proxy_protocol),
        "Whether each connection from `trusted_proxies` begins with a PROXY protocol header, \
         version 1 or 2, before TLS if there is any. On a Unix-domain socket, every connection \
         does. Connections from other addresses are served as usual, but must not send such a \
         header.",
    ),
    of_listener(
        "tls_chain",
        Field::List(|l| &mut l.tls.chains),
        "PEM files, each with a certificate and then its intermediate certificates. A listener \
         with this key uses TLS. A client that names a host (SNI) gets the certificate with that \
         name, otherwise the first one. SIGHUP loads all TLS files again.",
    ),
    of_listener(
        "tls_key",
        Field::List(|l| &mut l.tls.keys),
        "PEM files with the private keys of these certificates: one for each, in the same order.",
    ),
    of_listener(
        "tls_client_auth",
        Field::Choice(|l| &mut l.tls.client_auth),
        "Whether clients are asked for a certificate. `none`: no. `optional`: yes, and if they \
         send one, it must be valid. `required`: yes, and a connection without a valid one is \
         refused.",
    ),
    of_listener(
        "tls_client_ca",
        Field::Text(|l| &mut l.tls.client_ca, 0..=PATH_BYTES_MAX),
        "PEM file with the certificate authorities (CA) that may sign client certificates.",
    ),
    of_listener(
        "tls_min_version",
        Field::Choice(|l| &mut l.tls.min_version),
        "Lowest TLS version that is allowed. The highest is 1.3.",
    ),
];

/// Makes a key of [`LISTENER_KEYS`].
const fn of_listener(name: &'static str, field: Field<Listen>, doc: &'static str) -> Key<Listen> {
    Key::new(name, field, doc)
}

choice!(Balance {
    "hash" => Self::Hash,
    "even" => Self::Even,
});

choice!(Role {
    "both" => Self::Both,
    "publish" => Self::Publish,
    "subscribe" => Self::Subscribe,
});

choice!(Wire {
    "json" => Self::Json,
    "protobuf" => Self::Protobuf,
});

choice!(Protocol {
    "http" => Self::Http,
    "length-prefix" => Self::LengthPrefix,
    "line" => Self::Line,
    "varint" => Self::Varint,
    "centrifuge" => Self::Centrifuge,
});

/// The address of a listener for which none was given.
pub(in crate::settings) const NO_ADDRESS: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
