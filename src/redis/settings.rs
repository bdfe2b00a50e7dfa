//! How Redis is reached, and what this server is called there.

use std::time::Duration;

use crate::limits::{CLUSTER_PREFIX, CLUSTER_PROBE, CLUSTER_TIMEOUT};

/// Where Redis is, and how it is used.
#[derive(Clone)]
pub struct RedisSettings {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user of its ACL; without one, the default user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// What all keys and channels begin with.
    pub prefix: String,
    /// How long a publish waits for Redis, a connection is made, and an answer takes, at most.
    pub timeout: Duration,
    /// After how long a silence the server looks whether its subscriptions live.
    pub probe: Duration,
}

impl std::fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = f.debug_struct("RedisSettings");
        text.field("host", &self.host).field("port", &self.port);
        text.field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl RedisSettings {
    /// Redis at this host and port, with the defaults.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            user: None,
            password: None,
            prefix: CLUSTER_PREFIX.to_owned(),
            timeout: CLUSTER_TIMEOUT,
            probe: CLUSTER_PROBE,
        }
    }

    pub(crate) fn channel(&self, topic: &str) -> String {
        format!("{}:{{{topic}}}", self.prefix)
    }

    /// A key of a topic. All of a topic have the same hash tag.
    pub(crate) fn key(&self, topic: &str, suffix: &str) -> String {
        format!("{}:{{{topic}}}:{suffix}", self.prefix)
    }

    /// The topic of a channel.
    pub(crate) fn topic_of<'c>(&self, channel: &'c str) -> Option<&'c str> {
        let rest = channel.strip_prefix(&*self.prefix)?;
        rest.strip_prefix(":{")?.strip_suffix('}')
    }

    pub(crate) fn probe_channel(&self, node: u64) -> String {
        format!("{}:probe:{node:016x}", self.prefix)
    }
}
