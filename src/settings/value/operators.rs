//! What operators have: the admin port, and the program's log; and their keys.

use core::net::SocketAddr;

use crate::settings::Settings;
use crate::settings::field::{Field, choice};
use crate::settings::keys::{API_KEY_BYTES_MAX, Key, key};
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

/// The keys of the sections `admin` and `log`.
pub(in crate::settings) static OPERATOR_KEYS: &[Key<Settings>] = &[
    key(
        "admin.address",
        Field::AddressOr(|s| &mut s.admin.address, "off"),
        "Address of the admin port. One that other hosts reach needs `admin.token`, or \
         `--insecure`.",
    )
    .flag("--admin"),
    key(
        "admin.token",
        Field::Text(|s| &mut s.admin.token.0, 0..=API_KEY_BYTES_MAX),
        "What requests to the admin port must send, as `Authorization: Bearer TOKEN`, on the \
         loopback interface as well; empty: nothing. `/livez` and `/readyz` never need it. Set it \
         as an environment variable, or protect the file. Use 16 random bytes or more: `openssl \
         rand -hex 16`.",
    )
    .secret(),
    key(
        "admin.open_metrics",
        Field::Switch(|s| &mut s.admin.open_metrics),
        "Whether `/metrics` needs no token.",
    ),
    key(
        "log.level",
        Field::Choice(|s| &mut s.log.level),
        "Lowest severity that is logged. The environment variable `RUST_LOG` takes precedence and \
         can set a level for each module. `PUT /admin/log` changes it at once.",
    ),
    key(
        "log.format",
        Field::Choice(|s| &mut s.log.format),
        "`json`: each line is an object with `time`, `level`, `target` and `message`. Where the \
         journal of systemd reads standard error, each line begins with its priority \
         (`sd-daemon(3)`), and as text it has no time.",
    ),
];
