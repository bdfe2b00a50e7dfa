//! Deferred accepts (`TCP_DEFER_ACCEPT`, tcp(7)), which no safe crate offers.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Makes a listener pass a connection on only when its first bytes or its end have arrived, when
/// that takes too long, or at once during a SYN flood (`SYN` cookies). With `false`, it passes each
/// connection on as soon as it is established, including those that it has held back.
///
/// A client that sends nothing is passed on a second after it has connected: the kernel counts
/// retransmissions of its `SYN-ACK`, and one is the minimum. Until then it costs no descriptor.
///
/// # Errors
///
/// `setsockopt(2)`: the socket is not a TCP socket.
pub fn defer_accept(listener: impl AsFd, deferred: bool) -> io::Result<()> {
    let seconds = libc::c_int::from(deferred);
    let len = libc::socklen_t::try_from(size_of_val(&seconds)).map_err(io::Error::other)?;
    // SAFETY: The pointer and the length are those of `seconds`, which the kernel only reads.
    let set = unsafe {
        libc::setsockopt(
            listener.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_DEFER_ACCEPT,
            (&raw const seconds).cast(),
            len,
        )
    };
    match set {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn listen() -> TcpListener {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        defer_accept(&listener, true).unwrap();
        listener
    }

    fn connect(listener: &TcpListener) -> TcpStream {
        TcpStream::connect(listener.local_addr().unwrap()).unwrap()
    }

    fn is_empty(listener: &TcpListener) -> bool {
        listener.set_nonblocking(true).unwrap();
        let accepted = listener.accept();
        listener.set_nonblocking(false).unwrap();
        accepted.is_err_and(|err| err.kind() == ErrorKind::WouldBlock)
    }

    #[test]
    fn a_connection_is_passed_on_with_its_first_bytes() {
        let listener = listen();
        let mut client = connect(&listener);
        assert!(is_empty(&listener));
        client.write_all(b"x").unwrap();
        listener.accept().unwrap();
    }

    #[test]
    fn a_connection_that_ends_without_a_byte_is_passed_on() {
        let listener = listen();
        let client = connect(&listener);
        client.shutdown(Shutdown::Write).unwrap();
        listener.accept().unwrap();
    }

    #[test]
    fn a_silent_connection_is_passed_on_after_a_while() {
        let listener = listen();
        let _client = connect(&listener);
        assert!(is_empty(&listener));
        listener.accept().unwrap();
    }

    #[test]
    fn what_was_kept_back_is_passed_on_when_nothing_is_deferred_any_more() {
        let listener = listen();
        let mut client = connect(&listener);
        defer_accept(&listener, false).unwrap();
        assert!(is_empty(&listener), "but not before it is heard of again");
        client.write_all(b"x").unwrap();
        listener.accept().unwrap();
    }

    #[test]
    fn a_path_defers_nothing() {
        let (socket, _) = UnixStream::pair().unwrap();
        assert!(defer_accept(&socket, true).is_err());
    }
}
