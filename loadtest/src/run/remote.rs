//! Load that leaves this host: only where it may, and never without saying so first.

use std::collections::BTreeSet;
use std::io::{Write, stderr};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};

use crate::client::socket::Sources;
use crate::clock::rest;
use crate::run::leader::RunError;
use crate::url::{Permit, Target};

/// What is asked for of hosts beside this one, and of this one towards them.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RemoteArgs {
    /// Host that may be loaded, exactly as it stands in a URL; without it only this host's loopback
    /// is. Loading a server without permission of its owner is an attack. May be repeated.
    #[arg(long, value_name = "HOST")]
    pub(crate) i_may_load: Vec<String>,
    /// Begin at once, without three seconds to interrupt a load that leaves this host.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Addresses of this host that connections come from, in turn, a list. Each has as many
    /// connections to one address and port as there are local ports [default: the kernel's choice;
    /// 127.0.0.0/8 for targets in it].
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    pub(crate) source: Vec<IpAddr>,
    /// The server's admin port, for what it says of itself: turns, connections, memory. No token is
    /// sent: a port that wants one answers only with admin.open_metrics.
    #[arg(long, value_name = "ADDR")]
    pub(crate) admin: Option<SocketAddr>,
}

/// Time to interrupt a load that leaves this host.
const TIME_TO_STOP: Duration = Duration::from_secs(3);

impl RemoteArgs {
    /// Reads a URL that may be loaded.
    pub(crate) fn target(&self, url: &str, topic: &str) -> Result<Target, RunError> {
        Target::read(url, topic, Permit(&self.i_may_load)).map_err(RunError::Usage)
    }

    /// Where connections come from; refused if any is another host's.
    pub(crate) fn sources(&self) -> Result<Sources, RunError> {
        let sources = Sources::new(&self.source);
        match sources.foreign() {
            None => Ok(sources),
            Some((from, error)) => Err(RunError::Usage(format!(
                "--source {from}: {error}; is it an address of this host? `ip address add` gives \
                 it more"
            ))),
        }
    }

    /// Says what load is about to leave this host, if any is, and leaves time to interrupt it.
    pub(crate) fn announce(&self, command: &str, flags: &Map<String, Value>, urls: &[String]) {
        let targets = urls.iter().filter_map(|url| self.target(url, "").ok());
        let remote = targets.filter(Target::is_remote);
        let hosts: BTreeSet<String> = remote
            .map(|target| match target.host.parse::<IpAddr>() {
                Ok(_) => target.host,
                Err(_) => format!("{} ({})", target.host, target.addr.ip()),
            })
            .collect();
        if hosts.is_empty() {
            return;
        }
        let hosts = hosts.into_iter().collect::<Vec<_>>().join(", ");
        let load = load(command, flags);
        // Where stderr is closed there is no one to interrupt it.
        drop(writeln!(
            stderr(),
            "loadtest: {command} is about to load {hosts}: {load}"
        ));
        if !self.yes {
            let seconds = TIME_TO_STOP.as_secs();
            drop(writeln!(
                stderr(),
                "loadtest: Ctrl-C within {seconds} s stops it"
            ));
            rest(TIME_TO_STOP);
        }
    }
}

/// What a run will do, from its flags: connections, rate, time, bytes a second.
fn load(command: &str, flags: &Map<String, Value>) -> String {
    let number = |name: &str| flags.get(name).and_then(Value::as_f64);
    let text = |name: &str| {
        flags
            .get(name)
            .map(|value| value.to_string().replace('"', ""))
    };
    if command == "capacity" {
        let most = text("max-connections").unwrap_or_default();
        let time = text("time").unwrap_or_default();
        return format!(
            "raised step by step until it breaks, up to {most} connections, for {time}"
        );
    }
    let conns = number("connections").unwrap_or(0.0) + number("steady").unwrap_or(0.0);
    let mut parts = vec![format!("{conns} connections")];
    let rate = number("rate");
    match (command, rate) {
        ("connect", Some(rate)) => parts.push(format!("{rate} of them a second")),
        ("connect", None) => parts.push("as fast as they are taken".to_owned()),
        (_, None) => parts.push("messages as fast as they come back".to_owned()),
        (_, Some(rate)) => {
            let receivers = match command {
                "topics" => conns / number("topics").unwrap_or(1.0).max(1.0),
                "storm" => number("steady").unwrap_or(0.0),
                _ => conns,
            };
            let deliveries = rate * receivers;
            let mb = deliveries * number("payload").unwrap_or(0.0) / 1e6;
            parts.push(format!(
                "{rate} messages a second, {deliveries:.0} deliveries and {mb:.1} MB of payload a \
                 second"
            ));
        }
    }
    let times = number("messages")
        .zip(rate)
        .filter(|_| number("duration").is_none());
    let time = match times {
        Some((messages, rate)) => Some(format!("{:.0} s", messages / rate)),
        None => text("duration").or_else(|| text("hold")).map(|time| {
            let unit = if time.ends_with(char::is_alphabetic) {
                ""
            } else {
                " s"
            };
            format!("{time}{unit}")
        }),
    };
    parts.extend(time.map(|time| format!("for {time}")));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_run_will_do_is_said_from_its_flags() {
        let said = |command, flags: Value| load(command, flags.as_object().unwrap());
        let flags = json!({ "connections": 1000, "rate": 10, "payload": 500, "messages": 50 });
        assert_eq!(
            said("fanout", flags),
            "1000 connections, 10 messages a second, 10000 deliveries and 5.0 MB of payload a \
             second, for 5 s"
        );
        let flags = json!({ "connections": 1000, "topics": 100, "rate": 10, "payload": 500,
            "duration": "2h" });
        assert!(
            said("topics", flags)
                .ends_with("100 deliveries and 0.1 MB of payload a second, for 2h")
        );
        let flags = json!({ "connections": 9, "hold": 30 });
        assert_eq!(
            said("connect", flags),
            "9 connections, as fast as they are taken, for 30 s"
        );
    }
}
