//! Listening on a socket that somebody else has opened and bound.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;

use socket2::{Domain, Socket, Type};

use crate::net::ListenAddr;
use crate::net::listener::set_inherited;

/// Makes a socket ready for the shard that deals, and returns where it is.
///
/// # Errors
///
/// `InvalidInput` if it is no stream socket of TCP or of a path.
pub fn adopt(socket: OwnedFd, notsent_lowat: u32) -> io::Result<(Socket, ListenAddr)> {
    let socket = Socket::from(socket);
    let invalid = || io::Error::new(ErrorKind::InvalidInput, "it is no stream socket");
    if socket.r#type().map_err(|_| invalid())? != Type::STREAM {
        return Err(invalid());
    }
    let local = socket.local_addr()?;
    let addr = match (local.as_socket(), local.as_pathname()) {
        (Some(addr), _) => ListenAddr::Tcp(addr),
        (None, Some(path)) => ListenAddr::Unix(path.to_owned()),
        (None, None) => return Err(invalid()),
    };
    if socket.domain()? != Domain::UNIX {
        set_inherited(&socket, notsent_lowat)?;
    }
    socket.set_nonblocking(true)?;
    Ok((socket, addr))
}
