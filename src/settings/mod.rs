//! The configuration of the program: reads a file, the environment and flags, and checks them.
//!
//! Pure: the input is text, and the result is [`Settings`] or the list of all errors. A flag
//! overrides the environment, the environment overrides the file, and the file overrides the
//! default. Defaults are those of [`Config`], which come from `limits`.
//!
//! A new key is one row in the table of `keys`: its name, the place of its value in [`Settings`]
//! (or in [`Listen`] or [`Namespace`], for a key of their tables), its range, and its description.
//! The readers of files, environment and flags and the writers of documentation follow this
//! table. Some keys also need:
//!
//! - a field in [`Settings`], with its default, and a line in [`Settings::builder`], if it is not a
//!   field of [`Config`];
//! - a field in `cli::Serve` with the name of its flag, if it has one;
//! - a rule in `check`, if some values contradict other keys;
//! - a variant of `Field`, if its type is new; an enum of words is a `choice!`;
//! - always: `corecast config doc > docs/CONFIG.md`. A test compares the page.

mod auth_keys;
mod changes;
mod check;
mod draft;
mod field;
mod file;
mod files;
mod keys;
mod listeners;
mod namespaces;
mod problem;
mod raw_value;
mod tables;
#[cfg(test)]
mod tests;
#[cfg(feature = "auth")]
mod token_keys;
mod value;
mod write;

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::auth::{Auth, Places};
use crate::config::Config;
use crate::net::ListenError;
use crate::proto::ws::deflate::Compression;
#[cfg(feature = "cluster")]
use crate::redis::RedisBackplane;
use crate::relay::RelaySettings;
use crate::server::{Server, ServerBuilder};
use crate::settings::draft::Draft;
pub use crate::settings::listeners::{Listen, Protocol};
pub use crate::settings::namespaces::first::FirstMessages;
pub use crate::settings::namespaces::{Namespace, TopicValues};
pub use crate::settings::problem::{Problem, Source};
pub use crate::settings::value::auth::AuthSettings;
pub use crate::settings::value::cluster::ClusterSettings;
pub use crate::settings::value::list::{Paths, Texts};
pub use crate::settings::value::operators::{AdminSettings, Level, LogFormat, LogSettings};
pub use crate::settings::value::secret::Secret;
pub use crate::settings::value::tls::{ClientAuth, Tls, TlsVersion};
pub(crate) use crate::settings::value::units::parse_time;
pub use crate::settings::write::{default_file, reference};

/// Checked values for the whole program.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Number of shards; `None` for one for each core.
    pub shards: Option<usize>,
    /// Whether shards are bound to cores; `None`: if there is one for each core.
    pub pin: Option<bool>,
    /// Whether shards share a file descriptor table.
    pub tables: Tables,
    /// Maximum number of connections; `None`: as many as the limit of open files allows.
    pub connections: Option<usize>,
    /// The configuration of the shards, except `compression`, `slow_consumer` and `namespaces`.
    pub config: Config,
    /// What holds for topics in no namespace.
    pub topics: TopicValues,
    /// What holds for the topics of namespaces.
    pub namespaces: Vec<Namespace>,
    /// Whether topics with a namespace must have one of these.
    pub require_namespace: bool,
    /// Whether messages are compressed.
    pub compress: bool,
    /// How messages are compressed.
    pub compression: Compression,
    /// The key of the publish API; empty: there is no API.
    pub api_key: Secret,
    /// Identity and permission.
    pub auth: AuthSettings,
    /// The other servers.
    pub cluster: ClusterSettings,
    /// The admin port.
    pub admin: AdminSettings,
    /// Time between the announcement of a drain and its beginning.
    pub drain_listen: Option<Duration>,
    /// The program's log.
    pub log: LogSettings,
    /// Where clients connect.
    pub listeners: Vec<Listen>,
    /// The source of each value by the full name of its key; a missing entry means the default.
    sources: BTreeMap<String, Source>,
}

/// Whether shards share a file descriptor table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// Each shard has its own.
    Own,
    /// All shards share the one of the process.
    Shared,
}

/// The input of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Input<'a> {
    /// The file: its name, for messages, and its text.
    pub file: Option<(&'a str, &'a str)>,
    /// The environment, or its part that begins with [`PREFIX`].
    pub env: Vec<(String, String)>,
    /// Flags with their values, as `("--shards", "4")`.
    pub flags: Vec<(&'static str, String)>,
}

/// The prefix of all variables.
pub const PREFIX: &str = "CORECAST_";

/// The variable that names the file.
pub const FILE_VARIABLE: &str = "CORECAST_CONFIG";

impl Settings {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// All errors of the configuration.
    pub fn load(input: &Input<'_>) -> Result<Self, Vec<Problem>> {
        let mut draft = Draft::default();
        if let Some((name, text)) = input.file {
            draft.read_file(name, text);
        }
        draft.read_env(&input.env);
        draft.read_flags(&input.flags);
        draft.inherit();
        draft.check();
        draft.finish()
    }

    /// The server with these settings.
    pub fn builder(&self) -> ServerBuilder {
        let mut builder = Server::builder()
            .config(self.config())
            .own_tables(self.tables == Tables::Own);
        if let Some(shards) = self.shards {
            builder = builder.shards(shards);
        }
        if let Some(pin) = self.pin {
            builder = builder.pin(pin);
        }
        if let Some(connections) = self.connections {
            builder = builder.connections_max(connections);
        }
        let listeners = self.listeners.iter().map(Listen::listener);
        listeners.fold(builder, ServerBuilder::listen)
    }

    /// What shares topics with other servers, if it is configured.
    #[cfg(feature = "cluster")]
    pub fn backplane(&self) -> Option<RedisBackplane> {
        self.cluster.redis().map(RedisBackplane::new)
    }

    fn config(&self) -> Config {
        Config {
            compression: self.compress.then_some(self.compression),
            slow_consumer: self.topics.slow_consumer,
            namespaces: self.topic_settings(),
            ..self.config.clone()
        }
    }

    /// What decides about clients, and where they put their credentials; `None` if no identity is
    /// configured. `before`: other settings of this process, and what they made of identity; a
    /// thread that fetches the same keys is kept.
    ///
    /// # Errors
    ///
    /// A file with keys for tokens cannot be used, or the thread that fetches keys not started.
    #[cfg_attr(
        not(feature = "auth"),
        expect(clippy::unnecessary_wraps, reason = "as with the feature")
    )]
    pub fn identity(&self, before: Option<(&Self, &Auth)>) -> io::Result<Option<(Auth, Places)>> {
        #[cfg(feature = "auth")]
        if let Some(auth) = self.auth(before)? {
            let places = Places::new(self.auth.cookie.as_str(), self.auth.query.as_str());
            return Ok(Some((auth, places)));
        }
        let _none = before;
        Ok(None)
    }

    /// The settings of the application, the same on every shard.
    pub fn relay(&self) -> RelaySettings {
        let mut settings = RelaySettings::default().with_user_topics(self.auth.user_topics);
        if !self.api_key.is_empty() {
            settings = settings.with_api_key(self.api_key.0.as_str());
        }
        settings
    }

    /// The address of each listener of a server with these settings, as in `https 127.0.0.1:443`.
    pub fn places(&self, server: &Server) -> Vec<String> {
        let places = self.listeners.iter().zip(server.addrs());
        places
            .map(|(listen, addr)| format!("{} {addr}", listen.word()))
            .collect()
    }

    /// Adds the key to an error of [`ServerBuilder::start`], if the error belongs to one.
    pub fn explain(&self, err: io::Error) -> io::Error {
        let Some(listen) = err
            .get_ref()
            .and_then(|err| err.downcast_ref::<ListenError>())
        else {
            return err;
        };
        let key = draft::listener_key(listen.listener(), "address");
        io::Error::new(err.kind(), format!("{}: {listen}", self.name(&key)))
    }

    /// A key with the source of its value, for messages: `corecast.toml:3: admin.address`.
    pub fn name(&self, key: &str) -> String {
        match self.source(key) {
            Source::Default => match draft::flag_of(self, key) {
                Some(flag) => format!("{key} (by default; {flag} sets it)"),
                None => format!("{key} (by default)"),
            },
            source => format!("{source}: {key}"),
        }
    }

    /// The source of a key's value, by the key's full name, as in `listener.0.address`.
    fn source(&self, key: &str) -> Source {
        self.sources.get(key).cloned().unwrap_or_default()
    }
}

impl Default for Settings {
    fn default() -> Self {
        let on_loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Self {
            shards: None,
            pin: None,
            tables: Tables::Own,
            connections: None,
            config: Config::default(),
            topics: TopicValues::default(),
            namespaces: Vec::new(),
            require_namespace: false,
            compress: Config::default().compression.is_some(),
            compression: Compression::default(),
            api_key: Secret::default(),
            auth: AuthSettings::default(),
            cluster: ClusterSettings::default(),
            admin: AdminSettings::default(),
            drain_listen: None,
            log: LogSettings::default(),
            listeners: vec![
                Listen::new(Protocol::Http, on_loopback(HTTP_PORT)),
                Listen::new(Protocol::LengthPrefix, on_loopback(TCP_PORT)),
            ],
            sources: BTreeMap::new(),
        }
    }
}

/// Every flag that sets a key.
pub fn flags() -> impl Iterator<Item = &'static str> {
    let of_keys = keys::keys().filter_map(|key| key.flag);
    of_keys.chain(draft::LISTENER_FLAGS.iter().map(|(flag, ..)| *flag))
}

/// The HTTP port of a server without configuration.
const HTTP_PORT: u16 = 8080;
/// The TCP port of a server without configuration.
const TCP_PORT: u16 = 9000;
