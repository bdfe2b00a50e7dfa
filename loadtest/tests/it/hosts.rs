//! Hosts of a test: network namespaces on one bridge, with iproute2. They need root.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, process};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::run::ends;

/// Hosts with the addresses 10.77.0.1 and so on. The first has the bridge.
pub(crate) struct Hosts {
    names: Vec<String>,
}

impl Hosts {
    /// As many; none where they cannot be made, and the test is to be skipped.
    pub(crate) fn new(count: usize) -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = |host| format!("lt-{}-{number}-{host}", process::id());
        let mut hosts = Self { names: Vec::new() };
        for host in 0..count {
            if let Err(why) = ip(&format!("netns add {}", name(host))) {
                return skip(&why);
            }
            hosts.names.push(name(host));
            if let Err(why) = hosts.connect(host) {
                return skip(&why);
            }
        }
        Some(hosts)
    }

    fn connect(&self, host: usize) -> Result<(), String> {
        let (hub, own) = (&self.names[0], &self.names[host]);
        ip(&format!("-n {own} link set lo up"))?;
        let address = format!("{}/24", Self::address(host));
        if host == 0 {
            ip(&format!("-n {own} link add br0 type bridge"))?;
            ip(&format!("-n {own} address add {address} dev br0"))?;
            return ip(&format!("-n {own} link set br0 up"));
        }
        ip(&format!(
            "-n {own} link add eth0 type veth peer name v{host} netns {hub}"
        ))?;
        ip(&format!("-n {hub} link set v{host} master br0 up"))?;
        ip(&format!("-n {own} address add {address} dev eth0"))?;
        ip(&format!("-n {own} link set eth0 up"))
    }

    pub(crate) fn address(host: usize) -> String {
        format!("10.77.0.{}", host + 1)
    }

    /// A command that runs on a host.
    pub(crate) fn command(&self, host: usize, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[host]]);
        command.arg(program.as_ref());
        command
    }

    /// Moves the calling thread to a host: sockets that it and its threads open are the host's.
    pub(crate) fn enter(&self, host: usize) {
        let space = File::open(Path::new("/run/netns").join(&self.names[host])).unwrap();
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(space.as_fd(), kind).unwrap();
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in &self.names {
            drop(ip(&format!("netns delete {name}")));
        }
    }
}

fn ip(words: &str) -> Result<(), String> {
    if Command::new("ip").arg("-V").output().is_err() {
        return Err("it needs ip, of iproute2".to_owned());
    }
    match ends(Command::new("ip").args(words.split(' '))) {
        (Some(0), _) => Ok(()),
        (_, said) => Err(format!("ip {words}: {said}")),
    }
}

fn skip(why: &str) -> Option<Hosts> {
    let required = env::var_os("CORECAST_REQUIRE_TOOLS").is_some_and(|it| it == "1");
    assert!(!required, "network namespaces: {why}");
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    {
        eprintln!("skipped: it needs network namespaces: {why}");
    }
    None
}
