//! Client sockets: non-blocking, each from a source address that still has ports.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, OwnedFd};

use socket2::{Domain, Protocol, Socket, Type};

use crate::sys;

/// Connections from one source address. The default range has 28,232 ports, and finding a free
/// one takes long when more than half of them are taken.
const CONNS_PER_ADDRESS: u32 = 8192;

/// The source address of the n-th connection, in 127.0.0.0/8.
pub(crate) fn source(index: u32) -> Ipv4Addr {
    let first = u32::from(Ipv4Addr::LOCALHOST);
    Ipv4Addr::from(first + index / CONNS_PER_ADDRESS)
}

/// Begins to connect. It is done when the socket becomes writable, connect(2) `EINPROGRESS`.
///
/// # Errors
///
/// As socket(2), bind(2) and connect(2).
pub(crate) fn connect(to: SocketAddrV4, from: Ipv4Addr) -> io::Result<OwnedFd> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::IPV4, kind, Some(Protocol::TCP))?;
    sys::bind_address_no_port(socket.as_fd())?;
    socket.bind(&SocketAddrV4::new(from, 0).into())?;
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&to.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(socket.into()),
    }
}
