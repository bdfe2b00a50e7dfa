//! Whether a process is the one that listens where load goes: its figures would be another's.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::{fs, process};

use procfs::net::{TcpState, tcp, tcp6};
use procfs::process::{FDTarget, Process, all_processes};

/// Says so where `pid` is not what listens at one of these addresses.
///
/// Where the kernel does not tell, as of a process in a container or one of another user, it is
/// taken at its word.
pub(crate) fn check(pid: u32, addrs: &[SocketAddr]) -> Result<(), String> {
    if !folder(pid).exists() {
        return Err(format!("--server-pid {pid}: there is no such process"));
    }
    let is_elsewhere = namespace(pid).is_some() && namespace(pid) != namespace(process::id());
    let Some(own) = sockets(pid).filter(|_| !is_elsewhere) else {
        return Ok(());
    };
    for addr in addrs {
        let listening = listening(*addr);
        if listening.is_empty() || !listening.is_disjoint(&own) {
            continue;
        }
        let pids = all_processes().into_iter().flatten().flatten();
        let mut pids = pids.map(|process| process.pid.unsigned_abs());
        let holds = |pid: &u32| !sockets(*pid).unwrap_or_default().is_disjoint(&listening);
        let holder = pids.find(holds);
        let holder = holder.map(|other| format!("; process {other} ({}) does", name(other)));
        return Err(format!(
            "--server-pid {pid}: that process ({}) does not listen on {addr}{}",
            name(pid),
            holder.unwrap_or_default()
        ));
    }
    Ok(())
}

fn folder(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}"))
}

fn name(pid: u32) -> String {
    let name = fs::read_to_string(folder(pid).join("comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

fn namespace(pid: u32) -> Option<PathBuf> {
    fs::read_link(folder(pid).join("ns/net")).ok()
}

/// The inodes of a process's sockets. Threads may have descriptors of their own, as those of
/// corecast's shards have.
fn sockets(pid: u32) -> Option<BTreeSet<u64>> {
    let threads = fs::read_dir(folder(pid).join("task")).ok()?.flatten();
    let threads = threads.flat_map(|thread| Process::new_with_root(thread.path()));
    let mut tables = threads.flat_map(|thread| thread.fd()).peekable();
    tables.peek()?;
    let targets = tables.flatten().flatten().map(|fd| fd.target);
    let sockets = targets.filter_map(|target| match target {
        FDTarget::Socket(inode) => Some(inode),
        _ => None,
    });
    Some(sockets.collect())
}

/// The inodes of the sockets that listen where connections to `addr` go.
fn listening(addr: SocketAddr) -> BTreeSet<u64> {
    let sockets = [tcp(), tcp6()].into_iter().flatten().flatten();
    let listeners = sockets.filter(|socket| {
        let at = socket.local_address;
        let is_here = at.ip() == addr.ip() || at.ip().is_unspecified();
        socket.state == TcpState::Listen && at.port() == addr.port() && is_here
    });
    listeners.map(|socket| socket.inode).collect()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_process_that_listens_is_told_from_another() {
        let own = process::id();
        for ip in [[127, 0, 0, 1], [0; 4]] {
            let listener = TcpListener::bind((Ipv4Addr::from(ip), 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let addr = SocketAddr::from(([127, 0, 0, 1], port));
            check(own, &[addr]).unwrap();
            let mut other = Command::new("cat");
            let other = other.stdin(Stdio::piped()).stdout(Stdio::null());
            let mut other = other.spawn().unwrap();
            let told = check(other.id(), &[addr]).unwrap_err();
            let does = format!("does not listen on {addr}; process {own} (");
            assert!(told.contains("(cat) ") && told.contains(&does), "{told}");
            other.kill().unwrap();
            other.wait().unwrap();
            // One that does not listen there, and one that does not listen.
            let elsewhere = SocketAddr::from(([127, 0, 0, 2], port));
            assert_eq!(listening(elsewhere).is_empty(), ip != [0; 4]);
            drop(listener);
            assert!(listening(addr).is_empty());
        }
        let told = check(u32::MAX, &[]).unwrap_err();
        assert!(told.contains("no such process"), "{told}");
    }
}
