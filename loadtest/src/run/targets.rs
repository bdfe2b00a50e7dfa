//! Where a run goes: its topic, its URLs, and whether there are ports for so many connections.

use std::process;

use crate::client::socket::IPV6_CONNS_MAX;
use crate::clock::now_ns;
use crate::flags::TopicArgs;
use crate::run::leader::RunError;
use crate::url::Target;

/// Tells this run from others.
pub(crate) fn fresh_run() -> u32 {
    u32::try_from(now_ns() & u64::from(u32::MAX)).unwrap_or(0) ^ process::id()
}

/// The topic that was asked for, or a fresh one.
pub(crate) fn topic_of(run: u32, wanted: Option<&String>) -> String {
    wanted.map_or_else(|| format!("load-{run:08x}"), String::clone)
}

/// Reads URLs, with `topic` in the place of `{topic}`, for this many connections in all.
pub(crate) fn targets(urls: &[String], topic: &str, conns: usize) -> Result<Vec<Target>, RunError> {
    let parse = |url: &String| Target::parse(url, topic).map_err(RunError::Usage);
    let targets: Vec<Target> = urls.iter().map(parse).collect::<Result<_, _>>()?;
    check_ports(&targets, conns)?;
    Ok(targets)
}

/// A run with a topic of its own, unless one was asked for.
pub(crate) struct Topic {
    pub(crate) run: u32,
    pub(crate) name: String,
    pub(crate) targets: Vec<Target>,
}

impl TopicArgs {
    /// Where this many connections go in a new run.
    pub(crate) fn start(&self, conns: u32) -> Result<Topic, RunError> {
        let run = fresh_run();
        let name = topic_of(run, self.topic.as_ref());
        let targets = targets(&self.url, &name, conns as usize)?;
        Ok(Topic { run, name, targets })
    }
}

/// Where a publisher connects: to the URL that was asked for, or to where the first subscriber
/// does, to publish.
pub(crate) fn publish_target(wanted: Option<&String>, topic: &Topic) -> Result<Target, RunError> {
    match wanted {
        Some(url) => Target::parse(url, &topic.name).map_err(RunError::Usage),
        None => Ok(topic.targets[0].for_publishing()),
    }
}

/// The flags ask for something impossible.
pub(crate) fn usage<T>(text: &str) -> Result<T, RunError> {
    Err(RunError::Usage(text.to_owned()))
}

/// Refuses connections that would run out of source ports.
pub(crate) fn check_ports(targets: &[Target], conns: usize) -> Result<(), RunError> {
    let Some(target) = targets.iter().find(|target| target.addr.is_ipv6()) else {
        return Ok(());
    };
    let same = |other: &&Target| other.addr == target.addr;
    let share = targets.iter().filter(same).count();
    if conns.div_ceil(targets.len()).saturating_mul(share) <= IPV6_CONNS_MAX {
        return Ok(());
    }
    Err(RunError::Usage(format!(
        "{target}: IPv6 has one loopback address, whose ports are enough for {IPV6_CONNS_MAX} \
         connections to one target; ask for fewer, or take 127.0.0.1"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_target_has_one_source_address() {
        let urls = |urls: &[&str]| urls.iter().map(ToString::to_string).collect::<Vec<_>>();
        let v6 = urls(&["ws://[::1]:1/sub/a"]);
        assert!(targets(&v6, "", IPV6_CONNS_MAX).is_ok());
        assert!(targets(&v6, "", IPV6_CONNS_MAX + 1).is_err());
        let both = urls(&["ws://[::1]:1/sub/a", "ws://127.0.0.1:1/sub/a"]);
        assert!(targets(&both, "", 2 * IPV6_CONNS_MAX).is_ok());
        let twice = urls(&["ws://[::1]:1/sub/a", "ws://[::1]:1/sub/b"]);
        assert!(targets(&twice, "", 2 * IPV6_CONNS_MAX).is_err());
    }
}
