//! TCP listeners: sharing a port between shards, and the options that accepted sockets inherit.
//!
//! Binding has three steps, so that either every shard has the port or there is an error before the
//! first connection: the starting thread claims the address, each shard binds a socket of its own
//! beside it, and when all have bound, they listen and the claim is dropped.

use std::io::{self, ErrorKind};
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with, getpeername};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::limits;
use crate::net::addr::ListenAddr;
use crate::net::error::remedy;

/// Binds `addr` for the starting thread, and returns the socket with its address; port 0 is
/// replaced by a free port.
///
/// It fails if another server listens on the port, even one of the same user that shares its ports:
/// this socket has no `SO_REUSEPORT`. The shards can still bind beside it with `SO_REUSEADDR` as
/// long as it does not listen. Keep it until they have, so that no other process takes a free port
/// meanwhile.
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
/// more bytes.
///
/// # Errors
///
/// Those of [`bind_probe`], or there are no descriptors left.
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

/// Binds `addr` like [`bind_probe`], with the options that accepted sockets inherit: the only
/// socket of a listener for all shards.
///
/// # Errors
///
/// Those of [`bind_probe`].
pub fn bind_single(addr: SocketAddr, notsent_lowat: u32) -> io::Result<(Socket, SocketAddr)> {
    let (socket, bound) = bind_probe(addr)?;
    let set = || {
        socket.set_nonblocking(true)?;
        set_inherited(&socket, notsent_lowat)
    };
    set().map_err(|err| at(addr, &err))?;
    Ok((socket, bound))
}

/// Prepares an inherited socket for the balancer, and returns its address.
///
/// # Errors
///
/// `InvalidInput` if it is not a stream socket of TCP or a Unix-domain stream socket.
pub fn adopt(socket: OwnedFd, notsent_lowat: u32) -> io::Result<(Socket, ListenAddr)> {
    let socket = Socket::from(socket);
    let invalid = |what: &str| io::Error::new(ErrorKind::InvalidInput, what);
    let kind = socket.r#type();
    if kind.map_err(|_| invalid("it is no socket"))? != Type::STREAM {
        return Err(invalid("it is no stream socket"));
    }
    if socket.peer_addr().is_ok() {
        return Err(invalid("it is a connection, and not a socket to listen on"));
    }
    let local = socket.local_addr()?;
    let addr = match (local.as_socket(), local.as_pathname()) {
        (Some(addr), _) => ListenAddr::Tcp(addr),
        (None, Some(path)) => ListenAddr::Unix(path.to_owned()),
        (None, None) => return Err(invalid("it has no port and no path")),
    };
    if socket.domain()? != Domain::UNIX {
        set_inherited(&socket, notsent_lowat)?;
    }
    socket.set_nonblocking(true)?;
    Ok((socket, addr))
}

/// Starts to listen on a bound socket. Call it when every shard has bound: the kernel spreads
/// connections over the listening sockets.
///
/// # Errors
///
/// `AddrInUse` if another server began to listen after the address was claimed.
pub fn listen(socket: Socket) -> io::Result<OwnedFd> {
    socket.listen(limits::LISTEN_BACKLOG)?;
    Ok(socket.into())
}

/// Accepts a connection as non-blocking, and returns the peer's address; the peer of a Unix-domain
/// socket has none.
///
/// # Errors
///
/// `accept(2)`: `EAGAIN` if there is none.
pub fn accept(listener: impl AsFd) -> Result<(OwnedFd, Option<SocketAddr>), Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (socket, peer) = acceptfrom_with(listener, flags)?;
    Ok((socket, peer.and_then(|peer| peer.try_into().ok())))
}

/// The peer's address of a connection that another shard has accepted.
///
/// # Errors
///
/// `ENOTCONN` if it has already ended.
pub fn peer_of(socket: impl AsFd) -> Result<Option<SocketAddr>, Errno> {
    let peer = getpeername(socket)?;
    Ok(peer.and_then(|peer| peer.try_into().ok()))
}

/// Binds `addr` and listens for the admin port; accepting does not wait.
///
/// # Errors
///
/// Those of [`bind_probe`], without the address in the text.
pub fn bind_admin(addr: SocketAddr) -> io::Result<net::TcpListener> {
    let socket = new_socket(addr)?;
    socket.bind(&addr.into())?;
    socket.set_nonblocking(true)?;
    socket.listen(limits::ADMIN_BACKLOG)?;
    Ok(socket.into())
}

/// A socket that may bind although connections of an earlier server are in `TIME_WAIT`.
fn new_socket(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        // Otherwise `net.ipv6.bindv6only` decides whether [::] also takes the port of 0.0.0.0.
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// Sets the options that accepted connections inherit; `tcp(7)`.
fn set_inherited(socket: &Socket, notsent_lowat: u32) -> io::Result<()> {
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
#[path = "listener_tests.rs"]
mod tests;
