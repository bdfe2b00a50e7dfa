//! Other processes of this program: which of them are servers, and a signal to one.

use std::fs;
use std::io;

use rustix::process::{Pid, Signal, getpid, kill_process};

/// The process ids of the servers that run here.
///
/// # Errors
///
/// `/proc` cannot be read.
pub fn servers() -> io::Result<Vec<i32>> {
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok());
        pids.extend(pid.filter(|pid| is_server(*pid)));
    }
    Ok(pids)
}

/// Sends SIGHUP to a server.
///
/// # Errors
///
/// It is none that runs, or this user may not.
pub fn hang_up(pid: i32) -> io::Result<()> {
    let none = || io::Error::other("it is not a corecast server that runs");
    let known = Pid::from_raw(pid).filter(|_| 0 < pid && is_server(pid));
    Ok(kill_process(known.ok_or_else(none)?, Signal::HUP)?)
}

/// Whether a process is a server of this program. Other commands of it do not handle the signal,
/// and it would end them.
fn is_server(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status"));
    let is_itself = pid == getpid().as_raw_nonzero().get();
    !is_itself && status.is_ok_and(|status| tells_a_server(&status))
}

/// Whether a process with this `/proc/PID/status` (`proc_pid_status(5)`) is one.
fn tells_a_server(status: &str) -> bool {
    let field = |name: &str| {
        let mut lines = status.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"))
    };
    let caught = field("SigCgt").and_then(|mask| u64::from_str_radix(mask, 16).ok());
    // Signal 1 is SIGHUP.
    field("Name") == Some("corecast") && caught.is_some_and(|caught| caught & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_from_other_processes() {
        let status = |name: &str, caught: &str| format!("Name:\t{name}\nSigCgt:\t{caught}\n");
        assert!(tells_a_server(&status("corecast", "0000000000004003")));
        assert!(!tells_a_server(&status("corecast", "0000000000004002")));
        assert!(!tells_a_server(&status("nginx", "0000000000004003")));
        assert!(!tells_a_server("Name:\tcorecast\n"));
    }
}
