//! Binding the addresses of all listeners before any shard starts.

use core::net::SocketAddr;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use socket2::Socket;

use crate::limits::{HANDOFF_BYTES, NOTSENT_BYTES};
use crate::net::{ListenAddr, ListenError, bind_unix, listener};
use crate::shard::shell::accept::balancer::{Balancer, SingleSocket};
use crate::shard::shell::accept::listener::{Balance, Listener};
use crate::shard::shell::status::Shared;
use crate::sys::deferred::defer_accept;
use crate::sys::handoff;
use crate::sys::service::inherited::inherited;

/// What the starter has bound for the listeners.
#[derive(Debug, Default)]
pub struct Bound {
    /// Held until the shards listen beside them: until then no other program gets a port that
    /// was 0.
    probes: Vec<Socket>,
    /// Those that serve all shards.
    single: Vec<SingleSocket>,
}

/// Binds the address of each listener; where the port was 0, the one that it has become.
///
/// # Errors
///
/// An address that cannot be bound, or that was given twice: a [`ListenError`].
pub fn bind(asked: &[Listener]) -> io::Result<(Bound, Vec<Listener>)> {
    let mut bound = Bound::default();
    let mut listen: Vec<Listener> = Vec::new();
    for (index, listener) in (0..).zip(asked) {
        let failed = |kind, text| ListenError::of(usize::from(index), kind, text);
        let addr = bound
            .bind(index, listener)
            .map_err(|err| failed(err.kind(), format!("cannot listen on {err}")))?;
        if listen.iter().any(|other| other.addr == addr) {
            let twice = format!("cannot listen on {addr} twice");
            return Err(failed(io::ErrorKind::AddrInUse, twice));
        }
        let mut listener = listener.clone();
        if listener.is_single() {
            // Whatever its address has become.
            listener.balance = Balance::Even;
        }
        listen.push(Listener { addr, ..listener });
    }
    Ok((bound, listen))
}

/// The address and port of a listener before it starts: of an inherited socket, that to which it
/// is bound, if there is one.
pub fn bound_addr(addr: &ListenAddr) -> Option<SocketAddr> {
    let ListenAddr::Inherited(name) = addr else {
        return addr.tcp();
    };
    let socket = Socket::from(inherited(name).ok()?);
    socket.local_addr().ok()?.as_socket()
}

impl Bound {
    /// The balancer, if there is one socket for all shards anywhere, and the end of each shard
    /// from which it takes its connections.
    ///
    /// # Errors
    ///
    /// Out of descriptors.
    pub fn take_balancer(
        &mut self,
        shards: usize,
        shared: &Arc<Shared>,
    ) -> io::Result<(Option<Balancer>, Vec<OwnedFd>)> {
        if self.single.is_empty() {
            return Ok((None, Vec::new()));
        }
        let pairs = (0..shards).map(|_| handoff::pair(HANDOFF_BYTES));
        let pairs = pairs.collect::<io::Result<Vec<_>>>()?;
        let (giving, taking) = pairs.into_iter().unzip();
        let sockets = std::mem::take(&mut self.single);
        Ok((
            Some(Balancer::new(sockets, giving, Arc::clone(shared))),
            taking,
        ))
    }

    /// Binds the address of a listener, and returns the one that it has become.
    fn bind(&mut self, index: u16, listener: &Listener) -> io::Result<ListenAddr> {
        let (socket, path, addr) = match &listener.addr {
            ListenAddr::Tcp(addr) if !listener.is_single() => {
                let (socket, addr) = listener::bind_probe(*addr)?;
                self.probes.push(socket);
                return Ok(addr.into());
            }
            ListenAddr::Tcp(addr) => {
                let (socket, addr) = listener::bind_single(*addr, NOTSENT_BYTES)?;
                defer_accept(&socket, listener.defers())?;
                (socket, None, addr.into())
            }
            ListenAddr::Unix(path) => {
                let (socket, path) = bind_unix(path, listener.mode)?;
                (socket, Some(path), listener.addr.clone())
            }
            ListenAddr::Inherited(name) => {
                let adopted =
                    inherited(name).and_then(|socket| listener::adopt(socket, NOTSENT_BYTES));
                let at = |err: io::Error| {
                    io::Error::new(err.kind(), format!("{}: {err}", listener.addr))
                };
                let (socket, addr) = adopted.map_err(at)?;
                (socket, None, addr)
            }
        };
        self.single.push(SingleSocket {
            _path: path,
            socket,
            listener: index,
            defers: listener.defers(),
        });
        Ok(addr)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn at(path: PathBuf) -> Listener {
        Listener::http(ListenAddr::Unix(path))
    }

    #[test]
    fn a_path_is_taken_from_the_first_moment_on_however_it_is_written() {
        let name = format!("corecast-bind-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("x.sock");
        let first = bind(&[at(path.clone())]).unwrap();
        let again = folder.join("..").join(folder.file_name().unwrap());
        for path in [path.clone(), again.join("x.sock")] {
            let err = bind(&[at(path)]).expect_err("it is taken");
            assert_eq!(err.kind(), io::ErrorKind::AddrInUse, "{err}");
        }
        assert!(path.exists());
        drop(first);
        assert!(!path.exists());
        std::fs::remove_dir(folder).unwrap();
    }
}
