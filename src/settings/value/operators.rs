//! What operators have: the admin port, and the program's log.

use core::net::SocketAddr;

use crate::settings::field::choice;
use crate::settings::value::secret::Secret;

/// The admin port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminSettings {
    /// Its address, if there is one.
    pub address: Option<SocketAddr>,
    /// What requests must show; empty: nothing.
    pub token: Secret,
    /// Whether `/metrics` needs no token.
    pub open_metrics: bool,
}

/// How lines of the log look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object for each line.
    Json,
}

/// The program's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The lowest severity that is logged.
    pub level: Level,
    /// How lines look.
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            level: Level::Info,
            format: LogFormat::Text,
        }
    }
}

/// The lowest severity that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Nothing.
    Off,
    /// An operator must act.
    Error,
    /// Something works less well than it should.
    Warn,
    /// Start, stop, drain.
    Info,
    /// The end of each connection.
    Debug,
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self {
            address: None,
            token: Secret::default(),
            open_metrics: true,
        }
    }
}

impl AdminSettings {
    /// Whether other hosts reach the port, and everything that does may do everything.
    pub(in crate::settings) fn is_exposed(&self) -> bool {
        let is_reached = |addr: SocketAddr| !addr.ip().is_loopback();
        self.address.is_some_and(is_reached) && self.token.is_empty()
    }

    /// The token, if there is one.
    #[cfg(feature = "cli")]
    pub fn token(&self) -> Option<&str> {
        let token = self.token.0.as_str();
        (!token.is_empty()).then_some(token)
    }
}

impl Level {
    /// The level as a filter of the log.
    pub fn filter(self) -> log::LevelFilter {
        match self {
            Self::Off => log::LevelFilter::Off,
            Self::Error => log::LevelFilter::Error,
            Self::Warn => log::LevelFilter::Warn,
            Self::Info => log::LevelFilter::Info,
            Self::Debug => log::LevelFilter::Debug,
        }
    }
}

choice!(LogFormat {
    "text" => Self::Text,
    "json" => Self::Json,
});

choice!(Level {
    "off" => Self::Off,
    "error" => Self::Error,
    "warn" => Self::Warn,
    "info" => Self::Info,
    "debug" => Self::Debug,
});
