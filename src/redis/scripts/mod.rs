//! The scripts that Redis runs, each without another command in between.

use ::redis::{Cmd, Script, cmd};

use crate::config::HistorySettings;
use crate::position::{Epoch, Position};
use crate::redis::settings::RedisSettings;
use crate::shard::mail::Outbound;

/// The scripts with their hashes.
#[derive(Debug)]
pub(crate) struct Scripts {
    publish: Known,
    pass: Known,
    range: Known,
    top: Known,
    remove: Known,
}

#[derive(Debug)]
struct Known {
    code: &'static str,
    hash: String,
}

/// How long the counter of a topic without history is kept after its last message.
const COUNTER_TTL_MS: u64 = 60 * 60 * 1000;
/// How long the key of a publish is known, as on one server.
const ONCE_TTL_MS: u64 = 5 * 60 * 1000;
/// How long the place of a topic stays if its settings are not known.
const META_TTL_MS: u64 = 24 * 60 * 60 * 1000;

impl Known {
    fn new(code: &'static str) -> Self {
        let hash = Script::new(code).get_hash().to_owned();
        Self { code, hash }
    }

    fn call(&self, keys: &[String]) -> Cmd {
        let mut call = cmd("EVALSHA");
        call.arg(&self.hash).arg(keys.len()).arg(keys);
        call
    }
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            publish: Known::new(include_str!("publish.lua")),
            pass: Known::new(include_str!("pass.lua")),
            range: Known::new(include_str!("range.lua")),
            top: Known::new(include_str!("top.lua")),
            remove: Known::new(include_str!("remove.lua")),
        }
    }

    /// The commands that make Redis know them.
    pub(crate) fn load(&self) -> Vec<Cmd> {
        let all = [
            &self.publish,
            &self.pass,
            &self.range,
            &self.top,
            &self.remove,
        ];
        let load = |known: &Known| {
            let mut load = cmd("SCRIPT");
            load.arg("LOAD").arg(known.code);
            load
        };
        all.into_iter().map(load).collect()
    }

    /// Gives a message its place.
    pub(crate) fn publish(
        &self,
        settings: &RedisSettings,
        outbound: &Outbound,
        body: &[u8],
        epoch: Epoch,
    ) -> Cmd {
        let topic = outbound.topic.name();
        let once = outbound.once();
        let once = once.map(|key| settings.key(topic, &format!("once:{key}")));
        let channel = settings.channel(topic);
        let Some(history) = &outbound.history else {
            let keys: Vec<String> = [settings.key(topic, "n")].into_iter().chain(once).collect();
            let mut call = self.pass.call(&keys);
            call.arg(body)
                .arg(channel)
                .arg(COUNTER_TTL_MS)
                .arg(ONCE_TTL_MS);
            return call;
        };
        let keys = [settings.key(topic, "m"), settings.key(topic, "s")];
        let keys: Vec<String> = keys.into_iter().chain(once).collect();
        let mut call = self.publish.call(&keys);
        call.arg(body)
            .arg(channel)
            .arg(epoch.to_string())
            .arg(history.entries_max)
            .arg(millis(history.ttl))
            .arg(millis(history.meta_ttl))
            .arg(u8::from(!outbound.skips_history()))
            .arg(ONCE_TTL_MS);
        call
    }

    /// Reads what follows `since`, or all that is kept.
    pub(crate) fn range(
        &self,
        settings: &RedisSettings,
        topic: &str,
        history: &HistorySettings,
        since: Option<Position>,
        epoch: Epoch,
    ) -> Cmd {
        let keys = [settings.key(topic, "m"), settings.key(topic, "s")];
        let mut call = self.range.call(&keys);
        let since_epoch = since.map_or_else(String::new, |since| since.epoch.to_string());
        call.arg(epoch.to_string())
            .arg(millis(history.meta_ttl))
            .arg(history.entries_max)
            .arg(since_epoch)
            .arg(since.map_or(0, |since| since.offset));
        call
    }

    /// Asks where a topic stands.
    pub(crate) fn top(&self, settings: &RedisSettings, topic: &str) -> Cmd {
        self.top.call(&[settings.key(topic, "m")])
    }

    /// Removes the messages of a topic.
    pub(crate) fn remove(&self, settings: &RedisSettings, topic: &str, epoch: Epoch) -> Cmd {
        let keys = [settings.key(topic, "m"), settings.key(topic, "s")];
        let mut call = self.remove.call(&keys);
        call.arg(settings.channel(topic))
            .arg(epoch.to_string())
            .arg(META_TTL_MS);
        call
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .clamp(1, 1 << 42)
}
