//! Where a run goes: its topic, its URLs, and whether there are ports for so many connections.

use std::process;

use crate::client::socket::Sources;
use crate::clock::now_ns;
use crate::flags::{ClientArgs, TopicArgs};
use crate::host;
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
pub(crate) fn targets(
    client: &ClientArgs,
    urls: &[String],
    topic: &str,
    conns: usize,
) -> Result<Vec<Target>, RunError> {
    let parse = |url: &String| client.remote.target(url, topic);
    let targets: Vec<Target> = urls.iter().map(parse).collect::<Result<_, _>>()?;
    check_ports(client, &targets, conns)?;
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
    pub(crate) fn start(&self, client: &ClientArgs, conns: u32) -> Result<Topic, RunError> {
        let run = client.run();
        let name = topic_of(run, self.topic.as_ref());
        let targets = targets(client, &self.url, &name, conns as usize)?;
        Ok(Topic { run, name, targets })
    }
}

/// Where a publisher connects: to the URL that was asked for, or to where the first subscriber
/// does, to publish.
pub(crate) fn publish_target(
    client: &ClientArgs,
    wanted: Option<&String>,
    topic: &Topic,
) -> Result<Target, RunError> {
    match wanted {
        Some(url) => client.remote.target(url, &topic.name),
        None => Ok(topic.targets[0].for_publishing()),
    }
}

/// The flags ask for something impossible.
pub(crate) fn usage<T>(text: &str) -> Result<T, RunError> {
    Err(RunError::Usage(text.to_owned()))
}

/// Refuses connections that would run out of source ports: a port is free or not for each source
/// address and each address and port of a server.
pub(crate) fn check_ports(
    client: &ClientArgs,
    targets: &[Target],
    conns: usize,
) -> Result<(), RunError> {
    let (sources, conns) = (
        client.remote.sources()?,
        conns.div_ceil(client.agents.hosts()),
    );
    let ports = usize::try_from(host::source_ports()).unwrap_or(usize::MAX);
    too_many(targets, conns, &sources, ports).map_or(Ok(()), |text| Err(RunError::Usage(text)))
}

/// Says so where connections are too many for the ports that each source address has.
fn too_many(targets: &[Target], conns: usize, sources: &Sources, ports: usize) -> Option<String> {
    for target in targets {
        let Some(addresses) = sources.count(target.addr) else {
            continue;
        };
        let kind = if target.addr.is_ipv4() {
            "IPv4"
        } else {
            "IPv6"
        };
        if addresses == 0 {
            return Some(format!("{target}: no --source is an address of {kind}"));
        }
        let same = targets.iter().filter(|other| other.addr == target.addr);
        let wanted = conns.div_ceil(targets.len()).saturating_mul(same.count());
        let space = addresses.saturating_mul(ports);
        if space < wanted {
            return Some(format!(
                "{target}: {wanted} connections to one address and port, and {addresses} source \
                 address{} of {kind} with {ports} ports allow {space}; ask for fewer, name more \
                 with --source, let the server listen on more ports and name each with --url, or \
                 widen the range: sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"",
                if addresses == 1 { "" } else { "es" },
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const PORTS: usize = 28_000;

    #[test]
    fn connections_are_no_more_than_sources_have_ports() {
        let is_much = |urls: &[&str], conns: usize, sources: &[&str]| {
            let parse = |url: &&str| Target::parse(url, "").unwrap();
            let targets: Vec<Target> = urls.iter().map(parse).collect();
            let sources: Vec<IpAddr> = sources.iter().map(|at| at.parse().unwrap()).collect();
            too_many(&targets, conns, &Sources::new(&sources), PORTS).is_some()
        };
        let (v6, v4) = ("ws://[::1]:1/sub/a", "ws://127.0.0.1:1/sub/a");
        assert!(!is_much(&[v6], PORTS, &[]) && is_much(&[v6], PORTS + 1, &[]));
        assert!(!is_much(&[v6, v4], 2 * PORTS, &[]));
        assert!(is_much(&[v6, "ws://[::1]:1/sub/b"], 2 * PORTS, &[]));
        assert!(!is_much(&[v6, "ws://[::1]:2/sub/b"], 2 * PORTS, &[]));
        assert!(!is_much(&[v4], 100 * PORTS, &[]));
        assert!(is_much(&[v4], PORTS + 1, &["127.0.0.5"]));
        assert!(!is_much(&[v4], 2 * PORTS, &["127.0.0.5", "127.0.0.6"]));
        assert!(is_much(&[v6], 1, &["127.0.0.5"]), "of another kind");
    }
}
