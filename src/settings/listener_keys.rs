//! The keys of listeners, a part of the table of keys.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::limits::TOPIC_BYTES_MAX;
use crate::proto::Role;
use crate::settings::field::{Field, choice};
use crate::settings::keys::Key;
use crate::settings::list::PATH_BYTES_MAX;
use crate::settings::{Listen, Protocol};
use crate::shard::Balance;

/// What the listeners' tables are about.
pub(super) const LISTENERS: &str = "\
Where clients connect: a table for each place. Those of a file take the place of the two that \
there are by default, `http` on `127.0.0.1:8080` and `length-prefix` on `127.0.0.1:9000`.";

/// The keys of a listener's table.
pub(super) static LISTENER_KEYS: &[Key<Listen>] = &[
    of_listener(
        "name",
        Field::Text(|l| &mut l.name, 0..=64),
        "A name of its own, for people.",
    ),
    of_listener(
        "protocol",
        Field::Choice(|l| &mut l.protocol),
        "What its connections speak: `http` is HTTP and WebSocket; the others are TCP, with a \
         4-byte big-endian length before each message (`length-prefix`), its length as a varint \
         (`varint`), or a line feed after it (`line`).",
    )
    .required(),
    of_listener(
        "address",
        Field::Listen(|l| &mut l.address),
        "Where it listens: a port, of which 0 takes a free one and logs it; the path of a \
         Unix-domain socket, where the file of a server that is no more is replaced; or a socket \
         that systemd has opened, by its name or its number from 0. `0.0.0.0` is all addresses of \
         IPv4, and `[::]` all of IPv6 and none of IPv4, whatever the sysctl `net.ipv6.bindv6only` \
         says: for both, take two listeners with the same port. A program that may connect to a \
         path is trusted as `trusted_proxies` are.",
    )
    .required(),
    of_listener(
        "unix_mode",
        Field::Mode(|l| &mut l.unix_mode),
        "Who may connect to a path: the permissions of its file. Of one that systemd has opened \
         they are `SocketMode`, by default everybody's.",
    ),
    of_listener(
        "balance",
        Field::Choice(|l| &mut l.balance),
        "Which shard gets a connection to a port: one by a hash of both addresses, which the \
         kernel chooses and which accepts itself (`hash`), or the one that has the fewest, which \
         one shard chooses that accepts for all (`even`). Elsewhere it is always `even`.",
    ),
    of_listener(
        "defer_accept",
        Field::Switch(|l| &mut l.defer_accept),
        "Whether the kernel keeps a connection to a port back until its first bytes have come \
         (`TCP_DEFER_ACCEPT`), with `http`, with TLS and with the role `publish`, where the client \
         speaks first: accepting it costs less then. A client that says nothing is accepted a second after it has \
         connected; turn it off where something in between takes the kernel's second `SYN-ACK` \
         amiss. It is off where `timeouts.handshake` is below 2 s; a socket of systemd has \
         `DeferAcceptSec` instead.",
    ),
    of_listener(
        "topic",
        Field::Text(|l| &mut l.topic, 1..=TOPIC_BYTES_MAX),
        "The topic that all its connections publish on and get, as far as its `role` lets them; \
         not for `http`, where the path names it.",
    ),
    of_listener(
        "role",
        Field::Choice(|l| &mut l.role),
        "What its connections are for: they publish and get what is published (`both`); they \
         publish, are sent nothing at all, and may leave that unread (`publish`), as devices that \
         report; or they get what is published, and one that sends a message is closed \
         (`subscribe`). Not for `http`, where the path says it.",
    ),
    of_listener(
        "text",
        Field::Switch(|l| &mut l.text),
        "Whether every message is text, and one that is not UTF-8 closes its connection. \
         Otherwise a line is text if it is UTF-8, and everything else is binary. Not for `http`, \
         where the client says which it is.",
    ),
    of_listener(
        "proxy_protocol",
        Field::Switch(|l| &mut l.proxy_protocol),
        "Whether each connection of one of `trusted_proxies` begins with a header of the PROXY \
         protocol, version 1 or 2, before TLS where there is any; at a path everyone's does. \
         Others are served as anywhere, but must send none.",
    ),
    of_listener(
        "tls_chain",
        Field::List(|l| &mut l.tls.chains),
        "PEM files, each with a certificate and then those that lead from it to an authority; \
         with them it speaks TLS. A client that names a host gets a certificate with that name, \
         and otherwise the first. SIGHUP loads all files of TLS again.",
    ),
    of_listener(
        "tls_key",
        Field::List(|l| &mut l.tls.keys),
        "PEM files with their private keys, as many and in the same order.",
    ),
    of_listener(
        "tls_client_auth",
        Field::Choice(|l| &mut l.tls.client_auth),
        "Whether clients are asked for certificates: not at all (`none`), so that one that they \
         have must be valid (`optional`), or so that there is no connection without \
         (`required`).",
    ),
    of_listener(
        "tls_client_ca",
        Field::Text(|l| &mut l.tls.client_ca, 0..=PATH_BYTES_MAX),
        "PEM file with the authorities whose certificates of clients are valid.",
    ),
    of_listener(
        "tls_min_version",
        Field::Choice(|l| &mut l.tls.min_version),
        "The lowest version of TLS; the highest is 1.3.",
    ),
];

/// A key of [`LISTENER_KEYS`].
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

choice!(Protocol {
    "http" => Self::Http,
    "length-prefix" => Self::LengthPrefix,
    "line" => Self::Line,
    "varint" => Self::Varint,
});

/// The address of a listener that has not said one.
pub(super) const NO_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
