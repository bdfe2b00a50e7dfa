//! What TCP has counted of a connection (`TCP_INFO`, tcp(7)), which no safe crate offers.

use std::io;
use std::mem::{MaybeUninit, offset_of};
use std::os::fd::{AsFd, AsRawFd};

/// Bytes of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that have come.
    pub received: u64,
    /// Bytes that were sent, and that the peer's host has confirmed.
    pub confirmed: u64,
}

/// What a connection that was accepted has received and sent.
///
/// # Errors
///
/// `getsockopt(2)`: it is no TCP connection; or the kernel, before Linux 4.1, does not count bytes.
pub fn traffic(socket: impl AsFd) -> io::Result<Traffic> {
    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut len = libc::socklen_t::try_from(size_of_val(&info)).map_err(io::Error::other)?;
    // SAFETY: The pointer and the length are those of `info`; the kernel writes no more than that,
    // and to `len` how much it was.
    let got = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    if got != 0 {
        return Err(io::Error::last_os_error());
    }
    let counted = offset_of!(libc::tcp_info, tcpi_bytes_received) + size_of::<u64>();
    if (len as usize) < counted {
        return Err(io::ErrorKind::Unsupported.into());
    }
    // SAFETY: All of it was zero at first, which numbers may be.
    let info = unsafe { info.assume_init() };
    Ok(Traffic {
        received: info.tcpi_bytes_received,
        confirmed: info.tcpi_bytes_acked,
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn bytes_of_both_directions_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(b"hello").unwrap();
        client.read_exact(&mut [0; 5]).unwrap();
        client.write_all(b"hi").unwrap();
        server.read_exact(&mut [0; 2]).unwrap();
        // What the client has answered confirms what it has received.
        let expected = Traffic {
            received: 2,
            confirmed: 5,
        };
        assert_eq!(traffic(&server).unwrap(), expected);
    }

    #[test]
    fn a_socket_that_is_no_tcp_connection_has_no_counts() {
        let (socket, _other) = UnixStream::pair().unwrap();
        assert!(traffic(&socket).is_err());
    }
}
