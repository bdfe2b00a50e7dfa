//! Client sockets: non-blocking, each from a source address that still has ports.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::{AsFd, OwnedFd};

use socket2::{Domain, Protocol, Socket, Type};

use crate::sys;

/// Connections from one source address. The default range has 28,232 ports, and finding a free
/// one takes long when more than half of them are taken.
pub(crate) const CONNS_PER_ADDRESS: u32 = 8192;
/// Connections to one IPv6 target: `::1` is the only source address there, and the default range
/// of ports (ip(7), `ip_local_port_range`) has 28,232.
pub(crate) const IPV6_CONNS_MAX: usize = 28_000;

/// The source address of the n-th connection, in 127.0.0.0/8.
pub(crate) fn source(index: u32) -> Ipv4Addr {
    let first = u32::from(Ipv4Addr::LOCALHOST);
    Ipv4Addr::from(first + index / CONNS_PER_ADDRESS)
}

/// Begins to connect. It is done when the socket becomes writable, connect(2) `EINPROGRESS`.
/// `from` is the source address for IPv4; a `receive_buffer` of zero is left to the kernel.
pub(crate) fn connect(
    to: SocketAddr,
    from: Ipv4Addr,
    receive_buffer: usize,
) -> io::Result<OwnedFd> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(to), kind, Some(Protocol::TCP))?;
    if to.is_ipv4() {
        sys::bind_address_no_port(socket.as_fd())?;
        socket.bind(&SocketAddrV4::new(from, 0).into())?;
    }
    socket.set_tcp_nodelay(true)?;
    if receive_buffer > 0 {
        // Before connecting, so that the window is advertised to fit.
        socket.set_recv_buffer_size(receive_buffer)?;
    }
    match socket.connect(&to.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(socket.into()),
    }
}
