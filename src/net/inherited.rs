//! Listening on an inherited socket.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;

use socket2::{Domain, Socket, Type};

use crate::net::ListenAddr;
use crate::net::listener::set_inherited;

/// Prepares a socket for the shard that accepts for all, and returns its address.
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
