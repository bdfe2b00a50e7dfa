//! The configuration of the program: a file, the environment and flags, to checked values.
//!
//! Pure: texts go in, and [`Settings`] come out, or the list of all that is wrong. A value is
//! taken from a flag before the environment, from there before the file, and is the default
//! where nobody gives it. Defaults are those of [`Config`], and so of `limits`.
//!
//! A new key is one entry in the table of `keys`: its name, where its value stands in
//! [`Settings`] (or in [`Listen`], for a key of listeners), what it may be, and a sentence. What
//! reads files, the environment and flags, and what writes the documentation, goes by that table
//! alone. Beyond the entry it may need:
//!
//! - a field in [`Settings`], with its default, and a line in [`Settings::builder`], if it is
//!   none of [`Config`]'s;
//! - a field in `cli::Serve` of the same name as its flag, if it has one;
//! - a rule in `check`, if it does not go together with every value of other keys;
//! - a variant of `Field`, if it is of a new type; an enum of words is a `choice!`;
//! - `corecast config doc > docs/CONFIG.md`, of which a test reminds.

mod check;
mod draft;
mod field;
mod file;
mod files;
mod given;
mod keys;
mod listen;
mod listener_keys;
mod problem;
#[cfg(test)]
mod tests;
mod value;
mod write;

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::config::Config;
use crate::net::ListenError;
use crate::proto::ws::deflate::Compression;
use crate::relay::{Relay, RelaySettings};
use crate::server::{Server, ServerBuilder};
use crate::settings::draft::Draft;
pub use crate::settings::listen::{Listen, Protocol};
pub use crate::settings::problem::{Problem, Source};
pub use crate::settings::value::list::Paths;
pub use crate::settings::value::secret::Secret;
pub use crate::settings::value::tls::{ClientAuth, Tls, TlsVersion};
pub use crate::settings::write::{default_file, reference};

/// Checked values for the whole program.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many shards; `None` for one for each core.
    pub shards: Option<usize>,
    /// Whether each shard runs on one core; `None` if there are as many shards as cores.
    pub pin: Option<bool>,
    /// Whose the tables of descriptors are.
    pub tables: Tables,
    /// Most connections; `None` for what the limit of open files allows.
    pub connections: Option<usize>,
    /// What the shards run with, but for `compression`.
    pub config: Config,
    /// Whether anything is compressed.
    pub compress: bool,
    /// How it is.
    pub compression: Compression,
    /// Who has it may publish over HTTP; empty, nobody may.
    pub api_key: Secret,
    /// Where the admin port listens, if there is one.
    pub admin: Option<SocketAddr>,
    /// How long a drain is announced before it begins.
    pub drain_listen: Option<Duration>,
    /// What is logged.
    pub level: Level,
    /// Where clients connect.
    pub listeners: Vec<Listen>,
    /// Where each value comes from, by the full name of its key; what is not here is a default.
    sources: BTreeMap<String, Source>,
}

/// Whose the tables of descriptors are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// One for each shard.
    Own,
    /// One for the process.
    Shared,
}

/// The least severe lines that are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// None at all.
    Off,
    /// Somebody must act.
    Error,
    /// Something degraded and went on.
    Warn,
    /// Start, stop, drain.
    Info,
    /// The end of each connection.
    Debug,
}

/// What a configuration is read from.
#[derive(Clone, Debug, Default)]
pub struct Input<'a> {
    /// The file: its name, for messages, and its text.
    pub file: Option<(&'a str, &'a str)>,
    /// The environment, or what of it begins with [`PREFIX`].
    pub env: Vec<(String, String)>,
    /// Flags with their values, as `("--shards", "4")`.
    pub flags: Vec<(&'static str, String)>,
}

/// What the names of all variables begin with.
pub const PREFIX: &str = "CORECAST_";

/// The variable that names the file.
pub const FILE_VARIABLE: &str = "CORECAST_CONFIG";

impl Settings {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub fn load(input: &Input<'_>) -> Result<Self, Vec<Problem>> {
        let mut draft = Draft::default();
        if let Some((name, text)) = input.file {
            draft.read_file(name, text);
        }
        draft.read_env(&input.env);
        draft.read_flags(&input.flags);
        draft.check();
        draft.finish()
    }

    /// The server that they describe.
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
        for listen in &self.listeners {
            builder = builder.listen(listen.listener());
        }
        builder
    }

    fn config(&self) -> Config {
        Config {
            compression: self.compress.then_some(self.compression),
            ..self.config.clone()
        }
    }

    /// The application that they describe; the same on every shard.
    pub fn relay(&self) -> Relay {
        let settings = RelaySettings::default();
        Relay::new(if self.api_key.is_empty() {
            settings
        } else {
            settings.with_api_key(self.api_key.0.as_str())
        })
    }

    /// Where each listener of a server that was made by them is, as in `https 127.0.0.1:443`.
    pub fn places(&self, server: &Server) -> Vec<String> {
        let places = self.listeners.iter().zip(server.addrs());
        let places = places.map(|(listen, addr)| format!("{} {addr}", listen.word()));
        places.collect()
    }

    /// Says of an error of [`ServerBuilder::start`] which key it is about, if it is about one.
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

    /// A key with where its value comes from, for messages: `corecast.toml:3: admin.address`.
    pub fn name(&self, key: &str) -> String {
        match self.source(key) {
            Source::Default => match draft::flag_of(self, key) {
                Some(flag) => format!("{key} (by default; {flag} sets it)"),
                None => format!("{key} (by default)"),
            },
            source => format!("{source}: {key}"),
        }
    }

    /// Where the value of a key comes from, given its full name, as in `listener.0.address`.
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
            compress: Config::default().compression.is_some(),
            compression: Compression::default(),
            api_key: Secret::default(),
            admin: None,
            drain_listen: None,
            level: Level::Info,
            listeners: vec![
                Listen::new(Protocol::Http, on_loopback(HTTP_PORT)),
                Listen::new(Protocol::LengthPrefix, on_loopback(TCP_PORT)),
            ],
            sources: BTreeMap::new(),
        }
    }
}

impl Level {
    /// As a filter of the log.
    pub fn word(self) -> &'static str {
        use crate::settings::field::Choice;
        self.words()[self.chosen()]
    }
}

/// Every flag that sets a key.
pub fn flags() -> impl Iterator<Item = &'static str> {
    let of_keys = keys::KEYS.iter().filter_map(|key| key.flag);
    of_keys.chain(draft::LISTENER_FLAGS.iter().map(|(flag, ..)| *flag))
}

/// Where a server without a configuration listens for HTTP.
const HTTP_PORT: u16 = 8080;
/// The same for length-prefixed TCP.
const TCP_PORT: u16 = 9000;
