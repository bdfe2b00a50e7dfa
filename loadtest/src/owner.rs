//! Whether a process is the one that listens where load goes: its figures would be another's.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// Says so where `pid` is not what listens at one of these addresses.
///
/// Where the kernel does not tell, as of a process in a container or one of another user, it is
/// taken at its word.
pub(crate) fn check(pid: u32, addrs: &[SocketAddr]) -> Result<(), String> {
    if !Path::new(&format!("/proc/{pid}")).exists() {
        return Err(format!("--server-pid {pid}: there is no such process"));
    }
    let is_elsewhere = namespace(pid).is_some() && namespace(pid) != namespace(std::process::id());
    let Some(own) = sockets(pid).filter(|_| !is_elsewhere) else {
        return Ok(());
    };
    for addr in addrs {
        let listening = listening(*addr);
        if listening.is_empty() || !listening.is_disjoint(&own) {
            continue;
        }
        let holder = processes().find(|other| {
            let sockets = sockets(*other).unwrap_or_default();
            !sockets.is_disjoint(&listening)
        });
        let holder = match holder {
            Some(other) => format!("; process {other} ({}) does", name(other)),
            None => String::new(),
        };
        return Err(format!(
            "--server-pid {pid}: that process ({}) does not listen on {addr}{holder}",
            name(pid)
        ));
    }
    Ok(())
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn name(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

fn namespace(pid: u32) -> Option<String> {
    let link = fs::read_link(format!("/proc/{pid}/ns/net")).ok()?;
    Some(link.display().to_string())
}

/// The inodes of a process's sockets. Threads may have descriptors of their own, as those of
/// corecast's shards have.
fn sockets(pid: u32) -> Option<BTreeSet<u64>> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let tables = threads.flatten().map(|thread| thread.path().join("fd"));
    let tables: Vec<fs::ReadDir> = tables.flat_map(fs::read_dir).collect();
    if tables.is_empty() {
        return None;
    }
    let links = tables.into_iter().flatten().flatten();
    let links = links.filter_map(|entry| fs::read_link(entry.path()).ok());
    Some(
        links
            .filter_map(|link| inode(link.to_str()?))
            .collect::<BTreeSet<u64>>(),
    )
}

/// `socket:[4026531840]`
fn inode(link: &str) -> Option<u64> {
    let inode = link.strip_prefix("socket:[")?.strip_suffix(']')?;
    inode.parse().ok()
}

/// The inodes of the sockets that listen where connections to `addr` go.
fn listening(addr: SocketAddr) -> BTreeSet<u64> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let tables = tables.into_iter().flatten();
    tables
        .flat_map(|table| listeners(&table, addr))
        .collect::<BTreeSet<u64>>()
}

fn listeners(table: &str, addr: SocketAddr) -> Vec<u64> {
    let lines = table.lines().skip(1);
    let found = lines.filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (local, state, inode) = (words.get(1)?, words.get(3)?, words.get(9)?);
        let (ip, port) = local.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let ip = address(ip)?;
        let is_it = *state == LISTEN && port == addr.port();
        let is_here = ip == addr.ip() || ip.is_unspecified();
        (is_it && is_here).then(|| inode.parse().ok())?
    });
    found.collect()
}

/// Words of 32 bits in hexadecimal, each in the byte order of the host.
fn address(hex: &str) -> Option<IpAddr> {
    let words: Option<Vec<u32>> = (0..hex.len() / 8)
        .map(|word| u32::from_str_radix(hex.get(8 * word..8 * word + 8)?, 16).ok())
        .collect();
    let bytes: Vec<u8> = words?.iter().flat_map(|word| word.to_ne_bytes()).collect();
    if let Ok(bytes) = <[u8; 4]>::try_from(&bytes[..]) {
        return Some(IpAddr::V4(Ipv4Addr::from(bytes)));
    }
    let bytes = <[u8; 16]>::try_from(&bytes[..]).ok()?;
    Some(IpAddr::V6(Ipv6Addr::from(bytes)))
}

/// `TCP_LISTEN`, as `/proc/net/tcp` writes it (proc(5)).
const LISTEN: &str = "0A";

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_process_that_listens_is_told_from_another() {
        let own = std::process::id();
        for ip in ["127.0.0.1", "0.0.0.0"] {
            let listener = TcpListener::bind((ip, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let addr = SocketAddr::from(([127, 0, 0, 1], port));
            check(own, &[addr]).unwrap();
            let mut other = Command::new("cat")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            let told = check(other.id(), &[addr]).unwrap_err();
            let does = format!("does not listen on {addr}; process {own} (");
            assert!(told.contains("(cat) ") && told.contains(&does), "{told}");
            other.kill().unwrap();
            other.wait().unwrap();
        }
        let told = check(u32::MAX, &[]).unwrap_err();
        assert!(told.contains("no such process"), "{told}");
    }

    #[test]
    fn listeners_of_a_port_are_found_at_the_address_or_at_all() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0\n\
             1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0 100 0 0 10 0\n\
             2: 0200007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 13 1 0 100 0 0 10 0\n\
             3: 0100007F:1F90 0100007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 14 1 0 100 0 0 10 0\n\
             4: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 15 1 0 100 0 0 10 0\n";
        let addr = "127.0.0.1:8080".parse().unwrap();
        let expected: &[u64] = if cfg!(target_endian = "little") {
            &[11, 12]
        } else {
            &[12]
        };
        assert_eq!(listeners(table, addr), expected);
        assert_eq!(listeners("", addr), [0; 0]);
        assert_eq!(inode("socket:[17]"), Some(17));
        assert_eq!(inode("pipe:[17]"), None);
    }
}
