//! How the shards share a TCP port, and what accepted sockets inherit from its listeners.
//!
//! Binding goes in three steps, so that a port is either the server's on every shard or an error
//! before the first connection: the starter claims the address, each shard binds a socket of its
//! own beside it, and once all have, all listen and the claim is dropped.

use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with, getpeername};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::limits;
use crate::net::error::remedy;

/// Binds `addr` for the starter, and returns the socket with the address it has: port 0 has become
/// a free one.
///
/// It fails where another server listens, even one of the same user that shares its ports: it has
/// no `SO_REUSEPORT`. The shards can bind beside it all the same, by `SO_REUSEADDR`, as long as it
/// does not listen. Keep it until they have: a port that was 0 is then nobody else's.
///
/// # Errors
///
/// `AddrInUse`, `PermissionDenied` below port 1024, `AddrNotAvailable` for another host's address;
/// the text names the address.
pub fn bind_probe(addr: SocketAddr) -> io::Result<(Socket, SocketAddr)> {
    let bind = || {
        let socket = new_socket(addr)?;
        socket.bind(&addr.into())?;
        let bound = socket.local_addr()?.as_socket().unwrap_or(addr);
        Ok((socket, bound))
    };
    bind().map_err(|err| at(addr, &err))
}

/// Binds one shard's socket to `addr`, beside those of the other shards, with the options that
/// accepted sockets inherit: the kernel then sets them without a system call for each.
///
/// `notsent_lowat` is the number of unsent bytes of a connection above which the kernel takes no
/// more.
///
/// # Errors
///
/// Those of [`bind_probe`], or out of descriptors.
pub fn bind_shard(addr: SocketAddr, notsent_lowat: u32) -> io::Result<Socket> {
    let bind = || {
        let socket = new_socket(addr)?;
        socket.set_reuse_port(true)?;
        socket.set_nonblocking(true)?;
        set_inherited(&socket, notsent_lowat)?;
        socket.bind(&addr.into())?;
        Ok(socket)
    };
    bind().map_err(|err| at(addr, &err))
}

/// Binds `addr` as [`bind_probe`] does, with the options that accepted sockets inherit: the one
/// socket of a listener whose connections are dealt to the shards.
///
/// # Errors
///
/// Those of [`bind_probe`].
pub fn bind_alone(addr: SocketAddr, notsent_lowat: u32) -> io::Result<(Socket, SocketAddr)> {
    let (socket, bound) = bind_probe(addr)?;
    let set = || {
        socket.set_nonblocking(true)?;
        set_inherited(&socket, notsent_lowat)
    };
    set().map_err(|err| at(addr, &err))?;
    Ok((socket, bound))
}

/// Starts to take connections on what was bound. Call it when every shard has bound: connections
/// are spread over those that listen.
///
/// # Errors
///
/// `AddrInUse` when another server began to listen since the address was claimed.
pub fn listen(socket: Socket) -> io::Result<OwnedFd> {
    socket.listen(limits::LISTEN_BACKLOG)?;
    Ok(socket.into())
}

/// Accepts a connection, non-blocking, and says where it comes from; who connects to a path has
/// no address.
///
/// # Errors
///
/// `accept(2)`: `EAGAIN` when there is none.
pub fn accept(listener: impl AsFd) -> Result<(OwnedFd, Option<SocketAddr>), Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (socket, peer) = acceptfrom_with(listener, flags)?;
    Ok((socket, peer.and_then(|peer| peer.try_into().ok())))
}

/// The same of a connection that somebody else has accepted.
///
/// # Errors
///
/// `ENOTCONN` when it is over already.
pub fn peer_of(socket: impl AsFd) -> Result<Option<SocketAddr>, Errno> {
    let peer = getpeername(socket)?;
    Ok(peer.and_then(|peer| peer.try_into().ok()))
}

/// Binds `addr` and listens there for a thread that may wait; an accept gives up after `patience`.
///
/// # Errors
///
/// Those of [`bind_probe`], without the address in the text.
pub fn bind_blocking(addr: SocketAddr, patience: Duration) -> io::Result<net::TcpListener> {
    let socket = new_socket(addr)?;
    socket.bind(&addr.into())?;
    // accept(2) goes by it, too (socket(7), `SO_RCVTIMEO`).
    socket.set_read_timeout(Some(patience))?;
    socket.listen(limits::ADMIN_BACKLOG)?;
    Ok(socket.into())
}

/// A socket that may bind where connections of a former server are in `TIME_WAIT`.
fn new_socket(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        // Otherwise [::] takes the port from 0.0.0.0 or not depending on net.ipv6.bindv6only.
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// Sets what `accept(2)` hands on to connections; `tcp(7)`.
pub(super) fn set_inherited(socket: &Socket, notsent_lowat: u32) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(limits::KEEPALIVE_IDLE)
        .with_interval(limits::KEEPALIVE_INTERVAL)
        .with_retries(limits::KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(limits::TCP_USER_TIMEOUT))?;
    socket.set_tcp_notsent_lowat(notsent_lowat)
}

fn at(addr: SocketAddr, err: &io::Error) -> io::Error {
    let remedy = remedy(addr, err);
    io::Error::new(err.kind(), format!("{addr}: {err}{remedy}"))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    use mio::unix::SourceFd;
    use mio::{Events, Interest, Poll, Token};

    use super::*;

    const ANY: &str = "127.0.0.1:0";
    const PATIENCE: Duration = Duration::from_secs(10);

    fn bind_shards(count: usize) -> (Socket, Vec<Socket>, SocketAddr) {
        let (probe, addr) = bind_probe(ANY.parse().unwrap()).unwrap();
        let shards = (0..count)
            .map(|_| bind_shard(addr, limits::NOTSENT_BYTES).unwrap())
            .collect();
        (probe, shards, addr)
    }

    fn check_in_use(result: io::Result<(Socket, SocketAddr)>, addr: SocketAddr) {
        let err = result.expect_err("the port is taken");
        assert_eq!(err.kind(), ErrorKind::AddrInUse);
        assert!(err.to_string().starts_with(&format!("{addr}: ")), "{err}");
    }

    /// docs/CONFIG.md says so of `[::]`.
    #[test]
    fn all_addresses_of_ipv6_are_none_of_ipv4() {
        let any: SocketAddr = "[::]:0".parse().unwrap();
        // A host without IPv6 has nothing to show.
        let Ok((probe, addr)) = bind_probe(any) else {
            return;
        };
        let shard = bind_shard(addr, limits::NOTSENT_BYTES).unwrap();
        for socket in [probe, shard] {
            assert!(socket.only_v6().unwrap());
        }
    }

    #[test]
    fn a_free_port_is_found_and_shared_by_all_shards() {
        let (probe, shards, addr) = bind_shards(3);
        assert_ne!(addr.port(), 0);
        let mut poll = Poll::new().unwrap();
        let listeners: Vec<OwnedFd> = shards
            .into_iter()
            .map(|socket| listen(socket).unwrap())
            .collect();
        drop(probe);
        for (index, listener) in listeners.iter().enumerate() {
            let registry = poll.registry();
            let mut source = SourceFd(&listener.as_raw_fd());
            registry
                .register(&mut source, Token(index), Interest::READABLE)
                .unwrap();
        }
        let clients: Vec<TcpStream> = (0..64).map(|_| TcpStream::connect(addr).unwrap()).collect();
        let mut accepted = vec![0; listeners.len()];
        let mut events = Events::with_capacity(8);
        while accepted.iter().sum::<usize>() < clients.len() {
            poll.poll(&mut events, Some(PATIENCE)).unwrap();
            assert!(!events.is_empty(), "only {accepted:?} came");
            for (listener, count) in listeners.iter().zip(&mut accepted) {
                while accept(listener).is_ok() {
                    *count += 1;
                }
            }
        }
        // Each of 64 misses one of three with 2 to 3: none gets none but once in 10^11.
        assert!(accepted.iter().all(|count| 0 < *count), "{accepted:?}");
    }

    #[test]
    fn a_second_server_on_the_port_is_an_error() {
        let (probe, shards, addr) = bind_shards(2);
        let _listeners: Vec<OwnedFd> = shards
            .into_iter()
            .map(|socket| listen(socket).unwrap())
            .collect();
        check_in_use(bind_probe(addr), addr);
        drop(probe);
        check_in_use(bind_probe(addr), addr);
    }

    #[test]
    fn a_server_that_does_not_share_its_port_is_an_error() {
        let other = TcpListener::bind(ANY).unwrap();
        let addr = other.local_addr().unwrap();
        check_in_use(bind_probe(addr), addr);
        let err = bind_shard(addr, limits::NOTSENT_BYTES).err().unwrap();
        assert_eq!(err.kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn a_port_can_be_bound_again_right_after_its_server_closed_a_connection() {
        let (probe, mut shards, addr) = bind_shards(1);
        let listener = listen(shards.remove(0)).unwrap();
        drop(probe);
        let client = TcpStream::connect(addr).unwrap();
        let (served, _) = accept_one(&listener);
        // The side that closes first is left in TIME_WAIT.
        drop(served);
        drop(client);
        drop(listener);
        bind_probe(addr).unwrap();
    }

    #[test]
    fn accepted_sockets_inherit_every_option() {
        let (_probe, mut shards, addr) = bind_shards(1);
        let listener = listen(shards.remove(0)).unwrap();
        let _client = TcpStream::connect(addr).unwrap();
        let (accepted, _) = accept_one(&listener);
        let accepted = socket2::SockRef::from(&accepted);
        assert!(accepted.tcp_nodelay().unwrap());
        assert!(accepted.keepalive().unwrap());
        assert_eq!(
            accepted.tcp_keepalive_time().unwrap(),
            limits::KEEPALIVE_IDLE
        );
        let interval = accepted.tcp_keepalive_interval().unwrap();
        assert_eq!(interval, limits::KEEPALIVE_INTERVAL);
        let probes = accepted.tcp_keepalive_retries().unwrap();
        assert_eq!(probes, limits::KEEPALIVE_PROBES);
        let timeout = accepted.tcp_user_timeout().unwrap();
        assert_eq!(timeout, Some(limits::TCP_USER_TIMEOUT));
        assert_eq!(accepted.tcp_notsent_lowat().unwrap(), limits::NOTSENT_BYTES);
    }

    #[test]
    fn both_families_have_the_same_port() {
        let Ok((_probe, addr)) = bind_probe("[::]:0".parse().unwrap()) else {
            return; // A host without IPv6.
        };
        let _six = listen(bind_shard(addr, limits::NOTSENT_BYTES).unwrap()).unwrap();
        let four = SocketAddr::from(([0, 0, 0, 0], addr.port()));
        bind_probe(four).unwrap();
    }

    #[test]
    fn an_address_of_another_host_is_named_in_the_error() {
        let addr = "192.0.2.1:80".parse().unwrap();
        let err = bind_probe(addr).err().unwrap();
        assert!(err.to_string().starts_with("192.0.2.1:80: "), "{err}");
    }

    fn accept_one(listener: &OwnedFd) -> (OwnedFd, SocketAddr) {
        let waiting = socket2::SockRef::from(listener);
        waiting.set_nonblocking(false).unwrap();
        waiting.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, peer) = accept(listener).unwrap();
        assert_eq!(peer_of(&socket), Ok(peer));
        (socket, peer.unwrap())
    }
}
