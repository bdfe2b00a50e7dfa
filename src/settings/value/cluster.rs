//! The settings of several servers that share their topics, and their keys.

use std::time::Duration;

use crate::limits::{CLUSTER_PREFIX, CLUSTER_PROBE, CLUSTER_TIMEOUT};
#[cfg(feature = "cluster")]
use crate::redis::RedisSettings;
use crate::settings::draft::Draft;
use crate::settings::field::Field;
use crate::settings::keys::{Key, SHORT, key};
use crate::settings::value::list::PATH_BYTES_MAX;
use crate::settings::value::secret::Secret;
use crate::settings::{Settings, Source};

/// The engine that servers share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSettings {
    /// The URL of a Redis server; empty: this server shares nothing.
    pub address: String,
    /// The user that it is told; empty: none.
    pub user: String,
    /// The password; may be empty.
    pub password: Secret,
    /// What its keys and channels begin with.
    pub prefix: String,
    /// Time that a message may wait for the engine.
    pub publish_timeout: Duration,
    /// Time without messages after which the subscriptions are tried.
    pub probe: Duration,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            address: String::new(),
            user: String::new(),
            password: Secret::default(),
            prefix: CLUSTER_PREFIX.to_owned(),
            publish_timeout: CLUSTER_TIMEOUT,
            probe: CLUSTER_PROBE,
        }
    }
}

impl ClusterSettings {
    /// Whether there are other servers.
    pub fn is_on(&self) -> bool {
        !self.address.is_empty()
    }

    /// Host and port of the engine; an address of IPv6 stands in brackets.
    fn place(&self) -> Option<(&str, u16)> {
        let rest = self.address.strip_prefix("redis://")?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let end = rest.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match rest[end..].rfind(':') {
            Some(at) => (&rest[..end + at], rest[end + at + 1..].parse().ok()?),
            None => (rest, REDIS_PORT),
        };
        let host = host
            .strip_prefix('[')
            .map_or(Some(host), |host| host.strip_suffix(']'))?;
        let is_host = !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
        is_host.then_some((host, port))
    }

    /// The engine that these settings name, if they name one.
    #[cfg(feature = "cluster")]
    pub(in crate::settings) fn redis(&self) -> Option<RedisSettings> {
        let (host, port) = self.place()?;
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(RedisSettings {
            host: host.to_owned(),
            port,
            user: text(&self.user),
            password: text(&self.password.0),
            prefix: self.prefix.clone(),
            timeout: self.publish_timeout,
            probe: self.probe,
        })
    }
}

/// The port of Redis where an address has none.
const REDIS_PORT: u16 = 6379;

/// The keys of the section `cluster`.
pub(in crate::settings) static CLUSTER_KEYS: &[Key<Settings>] = &[
    key(
        "cluster.address",
        Field::Text(|s| &mut s.cluster.address, 0..=PATH_BYTES_MAX),
        "URL of the Redis server that all servers of the cluster share: `redis://HOST:PORT`. The \
         port may be left out; it is 6379 then. The URL has no user and no password. Empty: this \
         server shares nothing. TLS (`rediss://`) is not supported: keep Redis in a private \
         network, or reach it through a tunnel.",
    ),
    key(
        "cluster.user",
        Field::Text(|s| &mut s.cluster.user, 0..=NAME_BYTES_MAX),
        "User that Redis knows this server by (ACL). Empty: its default user.",
    ),
    key(
        "cluster.password",
        Field::Text(|s| &mut s.cluster.password.0, 0..=SECRET_BYTES_MAX),
        "Password for Redis. Set it as an environment variable, or protect the file. Empty: Redis \
         wants none.",
    )
    .secret(),
    key(
        "cluster.prefix",
        Field::Text(|s| &mut s.cluster.prefix, 1..=NAME_BYTES_MAX),
        "What the names of keys and channels in Redis begin with. All servers of a cluster have \
         the same; clusters that share a Redis server have different ones.",
    ),
    key(
        "cluster.publish_timeout",
        Field::Time(|s| &mut s.cluster.publish_timeout, SHORT),
        "Time that a message waits for Redis at most. Then it is refused, as far as its publisher \
         is answered: the API says 503, the structured protocol error 100.",
    ),
    key(
        "cluster.probe",
        Field::Time(|s| &mut s.cluster.probe, SHORT),
        "Time without a message from Redis after which the server sends itself one. If that does \
         not come back within `publish_timeout`, the connection is made anew: a subscription can \
         be dead and look alive.",
    ),
];

/// Bytes of a name.
const NAME_BYTES_MAX: usize = 64;
/// Bytes of a password.
const SECRET_BYTES_MAX: usize = 4096;

impl Draft {
    /// Complains of a cluster that cannot be reached, or that is half configured.
    pub(in crate::settings) fn check_cluster(&mut self) {
        let cluster = self.settings.cluster.clone();
        let address = &["cluster.address"];
        if cluster.is_on() && !cfg!(feature = "cluster") {
            let remedy = "leave it out, or build with the cargo feature `cluster`";
            self.complain_of(address, "this program is built without clusters", remedy);
        } else if cluster.address.contains('@') {
            let remedy = "set cluster.user and cluster.password, which are never shown";
            self.complain_of(address, "has a user or a password", remedy);
        } else if cluster.address.starts_with("rediss://") {
            let remedy = "must be redis://, in a private network or through a tunnel";
            self.complain_of(address, "TLS to Redis is not supported", remedy);
        } else if cluster.is_on() && cluster.place().is_none() {
            let remedy = "must be as \"redis://10.0.0.5:6379\"";
            self.complain_of(address, "is no URL of Redis", remedy);
        }
        if cluster.prefix.contains(['{', '}']) || cluster.prefix.contains(char::is_whitespace) {
            let remedy = "must be without spaces and braces, such as \"corecast\"";
            self.complain_of(&["cluster.prefix"], "has a space or a brace", remedy);
        }
        let is_given = |key: &&Key<Settings>| self.settings.source(key.name) != Source::Default;
        let given = CLUSTER_KEYS.iter().filter(is_given).map(|key| key.name);
        let given: Vec<&str> = given.collect();
        if !cluster.is_on() && !given.is_empty() && !given.contains(&"cluster.address") {
            let remedy = "set cluster.address as well, or leave it out";
            self.complain_of(&given, "has no effect alone", remedy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ClusterSettings;
    use crate::settings::{Input, Settings};

    fn problems(text: &str) -> String {
        let input = Input {
            file: Some(("corecast.toml", text)),
            ..Input::default()
        };
        let problems = Settings::load(&input).err().unwrap_or_default();
        let texts = problems.iter().map(ToString::to_string);
        texts.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_cluster_that_cannot_work_is_refused() {
        for (text, expected) in [
            ("address = \"redis:6379\"", "is no URL of Redis"),
            ("address = \"redis://\"", "is no URL of Redis"),
            ("address = \"redis://h:x\"", "is no URL of Redis"),
            ("address = \"redis://h/2\"", "is no URL of Redis"),
            ("address = \"redis://[::1\"", "is no URL of Redis"),
            ("address = \"redis://:x@h\"", "cluster.password"),
            ("address = \"rediss://h\"", "TLS"),
            ("password = \"x\"", "cluster.address as well"),
            ("address = \"redis://h\"\nprefix = \"a{b\"", "brace"),
            ("address = \"redis://h\"\nprobe = \"0s\"", "cluster.probe"),
        ] {
            let found = problems(&format!("[cluster]\n{text}\n"));
            assert!(found.contains(expected), "{text}: {found}");
        }
        for text in [
            "",
            "address = \"\"",
            "address = \"redis://h:6380\"\nuser = \"u\"",
        ] {
            assert_eq!(problems(&format!("[cluster]\n{text}\n")), "");
        }
    }

    #[test]
    fn the_place_of_redis_is_read() {
        for (address, place) in [
            ("redis://h", ("h", 6379)),
            ("redis://10.0.0.5:7/", ("10.0.0.5", 7)),
            ("redis://[::1]", ("::1", 6379)),
            ("redis://[::1]:7", ("::1", 7)),
        ] {
            let address = address.to_owned();
            let cluster = ClusterSettings {
                address,
                ..ClusterSettings::default()
            };
            assert_eq!(cluster.place(), Some(place));
        }
    }
}
