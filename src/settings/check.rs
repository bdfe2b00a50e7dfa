//! Checks of values that depend on each other.

use core::net::SocketAddr;

use crate::net::ListenAddr;
use crate::proto::http::is_topic_name;
use crate::settings::draft::{Draft, listener_key};
use crate::settings::listeners::keys::LISTENER_KEYS;
use crate::settings::tables::table;
use crate::settings::value::units::show_size;
use crate::settings::{ClientAuth, Listen, Protocol, Settings, Source};
use crate::shard::Balance;

impl Draft {
    /// Complains of values that contradict each other.
    pub(super) fn check(&mut self) {
        self.check_sizes();
        self.check_api_key();
        self.check_auth();
        self.check_cluster();
        self.check_namespaces();
        self.check_listeners();
        self.check_addresses();
        self.check_exposure();
    }

    fn check_sizes(&mut self) {
        let config = self.settings.config.clone();
        let parts = [
            ("limits.backlog", config.backlog_bytes_max),
            ("limits.replies", config.replies_bytes_max),
            ("limits.assembly", config.assembly_bytes_max),
            ("limits.history", config.history_bytes_max),
        ];
        for (part, size) in parts {
            if let (Some(memory), Some(size)) = (config.memory_bytes_max, size)
                && memory < size
            {
                let [memory, size] = [memory, size].map(show_size);
                let what = format!("{size} is more than limits.memory, {memory}");
                let remedy = "must be a part of it, on each shard";
                self.complain_of(&[part, "limits.memory"], &what, remedy);
            }
        }
        for (whole, room, part, need, words) in [
            (
                "limits.assembly",
                config.assembly_bytes_max,
                "limits.message",
                config.message_bytes_max,
                ["message", "publishers"],
            ),
            (
                "limits.replies",
                config.replies_bytes_max,
                "limits.message",
                config.message_bytes_max,
                ["message", "clients"],
            ),
            (
                "limits.assembly",
                config.assembly_bytes_max,
                "limits.body",
                config.body_bytes_max,
                ["body", "publishers"],
            ),
            (
                "limits.backlog",
                config.backlog_bytes_max,
                "limits.log",
                config.log_bytes_max,
                ["log", "topics"],
            ),
        ] {
            if let Some(room) = room.filter(|room| *room < need) {
                let [one, many] = words;
                let (room, need) = (show_size(room), show_size(need));
                let what = format!("{room} is less than one {one} of {part}, {need}");
                let remedy = format!("must be at least as much, and much more for many {many}");
                self.complain_of(&[whole, part], &what, &remedy);
            }
        }
    }

    fn check_api_key(&mut self) {
        if !self.settings.api_key.is_word() {
            self.complain_of(&["api.key"], NO_WORD, ONE_WORD);
        }
    }

    fn check_listeners(&mut self) {
        if self.settings.listeners.is_empty() && self.problems.is_empty() {
            let remedy = "add a table with the header [[listener]]";
            self.complain_of(&["listener"], "there is none", remedy);
        }
        for index in 0..self.settings.listeners.len() {
            let source = self.settings.source(&table::<Listen>(index));
            let is_new = source != Source::Default;
            for key in LISTENER_KEYS.iter().filter(|key| key.is_required && is_new) {
                let name = listener_key(index, key.name);
                if self.settings.source(&name) == Source::Default {
                    let listen = &self.settings.listeners[index];
                    let remedy = format!("must be {}", key.field.expects(listen));
                    self.complain(&source, &name, "is missing", remedy);
                }
            }
            self.check_listener(index);
            self.check_tls(index);
        }
    }

    fn check_listener(&mut self, index: usize) {
        let listen = self.settings.listeners[index].clone();
        self.check_protocol(index, listen.protocol);
        let topic = listener_key(index, "topic");
        if !is_topic_name(&listen.topic) && listen.protocol.framing().is_some() {
            let what = "no URL can name this topic";
            let remedy = "must be another name than \".\" and \"..\"";
            self.complain_of(&[&topic], what, remedy);
        }
        let namespaces = self.settings.topic_settings();
        if namespaces.is_unknown(&listen.topic) && listen.protocol.framing().is_some() {
            let remedy = "add a [[namespace]] for it, or set require_namespace = false";
            let keys = [&*topic, "topics.require_namespace"];
            self.complain_of(&keys, "is in no namespace", remedy);
        }
        self.check_address(index, &listen);
        let trusts_none = self.settings.config.trusted_proxies.is_empty();
        // A program that reaches a path runs on this host and has the permission.
        if listen.proxy_protocol && trusts_none && !listen.address.is_single() {
            let key = listener_key(index, "proxy_protocol");
            let remedy = "name them in trusted_proxies, or leave it out";
            self.complain_of(&[&key, "trusted_proxies"], "no proxy is trusted", remedy);
        }
        let mut before = self.settings.listeners[..index].iter();
        if !listen.name.is_empty() && before.any(|other| other.name == listen.name) {
            let what = format!("{:?} is another listener's name", listen.name);
            let name = listener_key(index, "name");
            self.complain_of(&[&name], &what, "must be unique, or left out");
        }
    }

    /// Complains of keys that belong to other protocols.
    fn check_protocol(&mut self, index: usize, speaks: Protocol) {
        let protocol = listener_key(index, "protocol");
        for (key, over_http, by_commands) in ONLY_FRAMES {
            let key = listener_key(index, key);
            let (what, instead) = match speaks {
                Protocol::Http => ("http listeners have none", over_http),
                Protocol::Centrifuge => ("centrifuge listeners have none", by_commands),
                Protocol::LengthPrefix | Protocol::Line | Protocol::Varint => continue,
            };
            if self.settings.source(&key) != Source::Default {
                let remedy = format!("leave it out: {instead}");
                self.complain_of(&[&key, &protocol], what, &remedy);
            }
        }
        let format = listener_key(index, "format");
        if self.settings.source(&format) != Source::Default && speaks != Protocol::Centrifuge {
            let remedy = "leave it out: messages are bytes";
            self.complain_of(
                &[&format, &protocol],
                "only centrifuge listeners have one",
                remedy,
            );
        }
    }

    /// Complains of keys that belong to the other kind of address.
    fn check_address(&mut self, index: usize, listen: &Listen) {
        let [address, mode, balance] =
            ["address", "unix_mode", "balance"].map(|key| listener_key(index, key));
        if !listen.address.is_unix() && self.settings.source(&mode) != Source::Default {
            let remedy = "leave it out, or make the address a path, as in unix:/run/corecast.sock";
            self.complain_of(&[&mode, &address], "only paths have permissions", remedy);
        }
        let is_given = self.settings.source(&balance) != Source::Default;
        if listen.address.is_single() && is_given && listen.balance == Balance::Hash {
            let remedy = "must be \"even\", or left out";
            self.complain_of(
                &[&balance, &address],
                "only a port can be accepted by every shard",
                remedy,
            );
        }
    }

    /// Complains of addresses that others reach, if everyone may do everything there.
    fn check_exposure(&mut self) {
        for key in self.settings.exposed(ListenAddr::tcp) {
            self.complain_of(&[&key], EXPOSED, UNEXPOSED);
        }
        let Settings { admin, auth, .. } = &self.settings;
        let is_word = admin.token.is_word();
        if admin.is_exposed() && !auth.insecure {
            let remedy = "set admin.token (or CORECAST_ADMIN_TOKEN), for example to what `openssl \
                          rand -hex 16` prints; or let all have it with --insecure";
            let what = "other hosts reach this address, and could disconnect clients and drain";
            self.complain_of(&["admin.address", "admin.token"], what, remedy);
        }
        if !is_word {
            self.complain_of(&["admin.token"], NO_WORD, ONE_WORD);
        }
    }

    /// Complains of two listeners with the same address.
    fn check_addresses(&mut self) {
        let listeners = self.settings.listeners.iter().enumerate();
        let of_listeners = listeners
            .map(|(index, listen)| (listener_key(index, "address"), listen.address.clone()));
        let of_admin = self
            .settings
            .admin
            .address
            .map(|address| ("admin.address".to_owned(), address.into()));
        let all: Vec<_> = of_listeners.chain(of_admin).collect();
        for (at, (key, address)) in all.iter().enumerate() {
            let mut before = all[..at].iter();
            // Port 0 is a different port each time.
            if let Some((other, _)) = before.find(|(_, other)| other == address)
                && address.tcp().is_none_or(|address| address.port() != 0)
            {
                let what = format!("{address} is the address of {other}, too");
                self.complain_of(&[key, other], &what, "must be another address");
            }
        }
    }

    /// Complains of keys that contradict each other, at the place of the first that was given. If
    /// one of them is invalid by itself, that error is enough: its intended value is unknown.
    pub(super) fn complain_of(&mut self, keys: &[&str], what: &str, remedy: &str) {
        if self
            .problems
            .iter()
            .any(|problem| keys.contains(&problem.key.as_str()))
        {
            return;
        }
        let given = keys.iter().map(|key| self.settings.source(key));
        let source = given.into_iter().find(|source| *source != Source::Default);
        let key = keys.first().copied().unwrap_or_default();
        self.complain(&source.unwrap_or_default(), key, what, remedy);
    }
}

impl Settings {
    /// The keys of addresses that others reach, if everyone may do everything there; `tcp` tells
    /// the address and port.
    pub(super) fn exposed(&self, tcp: impl Fn(&ListenAddr) -> Option<SocketAddr>) -> Vec<String> {
        let is_exposed = |(_, listen): &(usize, &Listen)| {
            let is_reached = tcp(&listen.address).is_some_and(|addr| !addr.ip().is_loopback());
            is_reached && listen.tls.client_auth != ClientAuth::Required
        };
        let listeners = self.listeners.iter().enumerate().filter(is_exposed);
        let keys = listeners.map(|(index, _)| listener_key(index, "address"));
        keys.filter(|_| !self.auth.has_identity()).collect()
    }
}

/// What is wrong with a secret that is no word, and what to do.
const NO_WORD: &str = "contains a character that HTTP header fields do not allow";
const ONE_WORD: &str = "use ASCII letters, digits and punctuation, without spaces";
/// Both ways out of [`EXPOSED`].
pub(super) const UNEXPOSED: &str = "configure the identity of clients ([auth], see docs/AUTH.md), or let all \
                         of them do everything with --insecure (auth.insecure = true)";
pub(super) const EXPOSED: &str =
    "other hosts reach this address, and every client could do everything";

/// Keys that only listeners for messages have, and what takes their place over HTTP and in the
/// structured protocol.
const ONLY_FRAMES: &[(&str, &str, &str)] = &[
    (
        "topic",
        "the path of each request names the topic",
        "clients name topics",
    ),
    (
        "role",
        "the path of each request decides: /ws, /pub or /sub",
        "clients subscribe and publish as rules allow",
    ),
    (
        "last",
        "a client asks for them with ?last=",
        "a client says where it was, and asks for history",
    ),
    (
        "text",
        "each message of a client says whether it is text",
        "its format says what a message is",
    ),
    (
        "token",
        "a request has its token in a header field",
        "the first command has the token",
    ),
];
