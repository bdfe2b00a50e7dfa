//! Where a run was made: what has to be the same for two runs to be compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;

use procfs::{CpuInfo, Current, Meminfo};
use rustix::process::{Resource, getrlimit};
use rustix::system::uname;
use serde::{Deserialize, Serialize};

use crate::client::tokens::{HIDDEN, SECRET_FLAGS};
use crate::clock::wall_clock;
use crate::host::procfs::process;

/// Where a run was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Environment {
    /// When it began, as `2026-01-31T12:00:00Z`.
    pub(crate) started: String,
    /// As it was given to the shell, quoted where needed.
    pub(crate) command_line: String,
    pub(crate) loadtest_version: String,
    /// The server's process, as it was started, if it is known.
    pub(crate) server_command_line: Option<String>,
    pub(crate) kernel: String,
    pub(crate) cpu_model: String,
    /// CPUs that this process may use.
    pub(crate) cpus: usize,
    pub(crate) memory_bytes: u64,
    /// Soft and hard; none is without a limit.
    pub(crate) descriptors_soft: Option<u64>,
    pub(crate) descriptors_hard: Option<u64>,
    /// Settings of the kernel that matter here.
    pub(crate) sysctls: BTreeMap<String, String>,
}

/// Settings that decide how many connections there can be and how fast they are made.
const SYSCTLS: &[&str] = &[
    "fs.file-max",
    "fs.nr_open",
    "net.core.netdev_max_backlog",
    "net.core.rmem_max",
    "net.core.somaxconn",
    "net.core.wmem_max",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_mem",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_wmem",
    "vm.overcommit_memory",
];

impl Environment {
    /// What is now; `words` is the command line.
    pub(crate) fn read(words: &[String], server_pid: Option<u32>) -> Self {
        let limits = getrlimit(Resource::Nofile);
        let system = uname();
        let kernel = [system.sysname(), system.release(), system.machine()];
        let cpus = CpuInfo::current().ok();
        let model = cpus.and_then(|cpus| cpus.model_name(0).map(str::to_owned));
        let memory = Meminfo::current().map_or(0, |memory| memory.mem_total);
        let server = server_pid.and_then(|pid| process(pid).ok()?.cmdline().ok());
        let settings = SYSCTLS.iter();
        let settings = settings.filter_map(|name| Some(((*name).to_owned(), sysctl(name)?)));
        Self {
            started: wall_clock(),
            command_line: shell(&shown(words)),
            loadtest_version: env!("CARGO_PKG_VERSION").to_owned(),
            server_command_line: server.map(|words| shell(&words)),
            kernel: kernel.map(|part| part.to_string_lossy()).join(" "),
            cpu_model: model.unwrap_or_default(),
            cpus: thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: memory,
            descriptors_soft: limits.current,
            descriptors_hard: limits.maximum,
            sysctls: settings.collect(),
        }
    }
}

/// A setting of the kernel, by its name with dots.
pub(crate) fn sysctl(name: &str) -> Option<String> {
    let path = Path::new("/proc/sys").join(name.replace('.', "/"));
    let text = fs::read_to_string(path).ok()?;
    Some(text.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
}

/// The command line without the values that no report shows.
fn shown(words: &[String]) -> Vec<String> {
    let is_secret = |word: &str| {
        let name = word.strip_prefix("--");
        name.is_some_and(|name| SECRET_FLAGS.contains(&name))
    };
    let mut shown: Vec<String> = Vec::new();
    for word in words {
        let flag = word.split_once('=').map(|(flag, _)| flag);
        shown.push(match flag.filter(|flag| is_secret(flag)) {
            Some(flag) => format!("{flag}={HIDDEN}"),
            None if shown.last().is_some_and(|last| is_secret(last)) => HIDDEN.to_owned(),
            None => word.clone(),
        });
    }
    shown
}

/// Words as they can be given to a shell.
fn shell(words: &[String]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@%".contains(c);
    let quote = |word: &String| match !word.is_empty() && word.chars().all(is_plain) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    };
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_not_shown() {
        let words = "connect --token a.b --token-command=x --token-file f -n 2".split(' ');
        let words: Vec<String> = words.map(str::to_owned).collect();
        let expected = "connect --token (hidden) --token-command=(hidden) --token-file f -n 2";
        assert_eq!(shown(&words).join(" "), expected);
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_take_them_apart() {
        let words = [
            "fanout",
            "--url",
            "ws://127.0.0.1:1/sub/{topic}",
            "it's",
            "",
        ];
        let expected = r"fanout --url 'ws://127.0.0.1:1/sub/{topic}' 'it'\''s' ''";
        assert_eq!(shell(&words.map(str::to_owned)), expected);
    }

    #[test]
    fn this_host_is_described() {
        let here = Environment::read(&["loadtest".to_owned()], Some(std::process::id()));
        assert!(here.kernel.starts_with("Linux "), "{here:?}");
        assert!(here.memory_bytes > 0 && here.cpus > 0);
        assert!(here.server_command_line.is_some());
        assert!(here.sysctls.contains_key("net.ipv4.tcp_mem"));
    }
}
