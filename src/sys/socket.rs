//! Sending and receiving by descriptor number, with the system call in the caller's own loop.
//!
//! No function here waits or raises `SIGPIPE`. `EAGAIN` means that the socket takes or has no more
//! now; `EPIPE` and `ECONNRESET` mean that the connection has ended. The numbers are those of the
//! calling thread's descriptor table.

use std::io::IoSlice;
use std::os::fd::{BorrowedFd, RawFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown};

/// Sends as much of `bytes` as the socket takes now, and returns how many bytes that was.
///
/// # Errors
///
/// `send(2)`: `EAGAIN` if it takes none now; other errors mean that the connection has ended.
#[expect(
    clippy::inline_always,
    reason = "in the loop itself a send costs 3.2 us, behind a call 3.8"
)]
#[inline(always)]
pub fn send(fd: RawFd, bytes: &[u8]) -> Result<usize, Errno> {
    rustix::net::send(borrow(fd)?, bytes, SEND)
}

/// Sends as much of `slices`, in order, as the socket takes now, and returns how many bytes that
/// was.
///
/// # Errors
///
/// `sendmsg(2)`: as [`send`].
#[inline]
pub fn send_vectored(fd: RawFd, slices: &[IoSlice<'_>]) -> Result<usize, Errno> {
    let mut none = SendAncillaryBuffer::default();
    rustix::net::sendmsg(borrow(fd)?, slices, &mut none, SEND)
}

/// Receives into the front of `space` and returns the number of bytes; 0 is the end of the stream.
///
/// # Errors
///
/// `recv(2)`: `EAGAIN` if there are none now; other errors mean that the connection has ended.
#[expect(
    clippy::inline_always,
    reason = "as for send: what returns after a system call is paid for"
)]
#[inline(always)]
pub fn recv(fd: RawFd, space: &mut [u8]) -> Result<usize, Errno> {
    let (received, _) = rustix::net::recv(borrow(fd)?, space, RecvFlags::DONTWAIT)?;
    Ok(received)
}

/// Copies the next bytes of the socket into the front of `space`; a later [`recv`] receives them.
///
/// # Errors
///
/// As [`recv`].
pub fn peek(fd: RawFd, space: &mut [u8]) -> Result<usize, Errno> {
    let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
    let (seen, _) = rustix::net::recv(borrow(fd)?, space, flags)?;
    Ok(seen)
}

/// Sends the end of the stream after the bytes sent before; receiving is still possible
/// (`shutdown(2)`).
///
/// # Errors
///
/// `ENOTCONN` if the connection has already ended.
pub fn shutdown_write(fd: RawFd) -> Result<(), Errno> {
    rustix::net::shutdown(borrow(fd)?, Shutdown::Write)
}

/// Sent bytes, including the end of the stream, that the peer's host has not acknowledged (tcp(7),
/// `SIOCOUTQ`). On a Unix-domain socket: bytes that the peer has not received.
///
/// # Errors
///
/// The descriptor is not such a socket.
pub fn unsent(fd: RawFd) -> Result<usize, Errno> {
    // SAFETY: SIOCOUTQ writes one int, which is what this getter has space for.
    let getter = unsafe { rustix::ioctl::Getter::<SIOCOUTQ, core::ffi::c_int>::new() };
    // SAFETY: The request does nothing else.
    let unsent = unsafe { rustix::ioctl::ioctl(borrow(fd)?, getter)? };
    Ok(usize::try_from(unsent).unwrap_or_default())
}

/// The same number as `TIOCOUTQ`, on all architectures but alpha, MIPS, PowerPC and SPARC.
const SIOCOUTQ: rustix::ioctl::Opcode = 0x5411;

/// Whether the socket has an error that no call has returned yet; clears the error.
pub fn has_failed(fd: RawFd) -> bool {
    let error = borrow(fd).and_then(rustix::net::sockopt::socket_error);
    !matches!(error, Ok(Ok(())))
}

/// Whether the connection has ended in both directions: it was reset, or timed out, or both sides
/// have closed it (`POLLHUP`, poll(2)). It consumes nothing: bytes that have arrived can still be
/// received.
pub fn is_over(fd: RawFd) -> bool {
    let Ok(fd) = borrow(fd) else { return true };
    let mut polled = [PollFd::from_borrowed_fd(fd, PollFlags::empty())];
    let is_over = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    poll(&mut polled, Some(&Timespec::default())).is_ok() && polled[0].revents().intersects(is_over)
}

const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

/// Lends a descriptor to one system call.
#[expect(clippy::inline_always, reason = "part of send, which must not call")]
#[inline(always)]
pub(crate) fn borrow<'fd>(fd: RawFd) -> Result<BorrowedFd<'fd>, Errno> {
    if fd < 0 {
        return Err(Errno::BADF);
    }
    // SAFETY: The number is not -1, the one value that `BorrowedFd` must not hold. Whether it is
    // open is for the kernel to say: a closed one gives EBADF and touches no memory. That it is
    // still the connection's own is up to the shard, which alone opens and closes descriptors in
    // its table, and forgets a connection's number in the turn that closes it. The safe way, a
    // `BorrowedFd` from the socket's owner, would load the connection for each subscriber, where
    // the walk over the members has only the number.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn what_is_sent_is_received() {
        let (left, right) = UnixStream::pair().unwrap();
        assert_eq!(send(left.as_raw_fd(), b"one "), Ok(4));
        let slices = [IoSlice::new(b"tw"), IoSlice::new(b"o")];
        assert_eq!(send_vectored(left.as_raw_fd(), &slices), Ok(3));
        let mut buffer = [0; 16];
        assert_eq!(recv(right.as_raw_fd(), &mut buffer), Ok(7));
        assert_eq!(&buffer[..7], b"one two");
    }

    #[test]
    fn what_is_only_looked_at_is_still_there() {
        let (left, right) = UnixStream::pair().unwrap();
        assert_eq!(send(left.as_raw_fd(), b"one"), Ok(3));
        let mut buffer = [0; 16];
        for _ in 0..2 {
            assert_eq!(peek(right.as_raw_fd(), &mut buffer), Ok(3));
            assert_eq!(&buffer[..3], b"one");
        }
        assert_eq!(recv(right.as_raw_fd(), &mut buffer), Ok(3));
        assert_eq!(peek(right.as_raw_fd(), &mut buffer), Err(Errno::AGAIN));
    }

    #[test]
    fn nothing_waits_on_a_blocking_socket() {
        let (left, right) = UnixStream::pair().unwrap();
        let mut buffer = [0; 1];
        assert_eq!(recv(right.as_raw_fd(), &mut buffer), Err(Errno::AGAIN));
        let chunk = [0; 4096];
        let mut sent = 0;
        let refused = loop {
            match send(left.as_raw_fd(), &chunk) {
                Ok(n) => sent += n,
                Err(err) => break err,
            }
        };
        assert!(0 < sent);
        assert_eq!(refused, Errno::AGAIN);
        let slices = [IoSlice::new(&chunk)];
        assert_eq!(send_vectored(left.as_raw_fd(), &slices), Err(Errno::AGAIN));
    }

    #[test]
    fn bytes_that_the_peer_has_not_received_are_unsent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let left = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (right, _) = listener.accept().unwrap();
        assert_eq!(unsent(left.as_raw_fd()), Ok(0));
        // More than a host takes for a program that does not read.
        let chunk = [0; 1 << 16];
        while send(left.as_raw_fd(), &chunk).is_ok() {}
        assert!(0 < unsent(left.as_raw_fd()).unwrap());
        drop(right);
        let (left, right) = UnixStream::pair().unwrap();
        send(left.as_raw_fd(), b"x").unwrap();
        assert_ne!(unsent(left.as_raw_fd()), Ok(0));
        recv(right.as_raw_fd(), &mut [0; 1]).unwrap();
        assert_eq!(unsent(left.as_raw_fd()), Ok(0));
    }

    #[test]
    fn a_shut_down_writer_still_receives() {
        let (left, mut right) = UnixStream::pair().unwrap();
        shutdown_write(left.as_raw_fd()).unwrap();
        assert_eq!(right.read(&mut [0; 1]).unwrap(), 0);
        right.write_all(b"late").unwrap();
        let mut buffer = [0; 16];
        assert_eq!(recv(left.as_raw_fd(), &mut buffer), Ok(4));
    }

    #[test]
    fn a_lost_connection_is_an_error_and_no_signal() {
        let (left, right) = UnixStream::pair().unwrap();
        drop(right);
        assert_eq!(send(left.as_raw_fd(), b"x"), Err(Errno::PIPE));
        let slices = [IoSlice::new(b"x")];
        assert_eq!(send_vectored(left.as_raw_fd(), &slices), Err(Errno::PIPE));
        assert_eq!(recv(left.as_raw_fd(), &mut [0; 1]), Ok(0));
    }

    #[test]
    fn a_connection_is_over_when_both_directions_are() {
        let (left, right) = UnixStream::pair().unwrap();
        assert!(!is_over(left.as_raw_fd()));
        shutdown_write(right.as_raw_fd()).unwrap();
        assert!(!is_over(left.as_raw_fd()));
        assert_eq!(send(right.as_raw_fd(), b"x"), Err(Errno::PIPE));
        drop(right);
        assert!(is_over(left.as_raw_fd()));
        assert!(is_over(-1));
    }

    #[test]
    fn no_descriptor_is_a_bad_descriptor() {
        for fd in [-1, RawFd::MIN, RawFd::MAX] {
            assert_eq!(send(fd, b"x"), Err(Errno::BADF));
            assert_eq!(send_vectored(fd, &[]), Err(Errno::BADF));
            assert_eq!(recv(fd, &mut [0; 1]), Err(Errno::BADF));
            assert_eq!(shutdown_write(fd), Err(Errno::BADF));
        }
    }
}
