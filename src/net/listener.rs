//! How the shards share a TCP port, and what accepted sockets inherit from its listeners.
//!
//! Binding goes in three steps, so that a port is either the server's on every shard or an error
//! before the first connection: the starter claims the address, each shard binds a socket of its
//! own beside it, and once all have, all listen and the claim is dropped.

use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

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

/// Binds `addr` and listens there for the admin port; no accept waits.
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
#[path = "listener_tests.rs"]
mod tests;
