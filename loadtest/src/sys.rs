//! The system calls that no safe crate offers.
#![expect(
    unsafe_code,
    reason = "the fence: no other file of this package has unsafe code"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Lets `bind` choose an address and `connect` the port, ip(7) `IP_BIND_ADDRESS_NO_PORT`: a port
/// is then free or not per destination, so that each source address has all of them.
pub(crate) fn bind_address_no_port(socket: BorrowedFd<'_>) -> io::Result<()> {
    let one: libc::c_int = 1;
    let len = libc::socklen_t::try_from(size_of::<libc::c_int>()).map_err(io::Error::other)?;
    let option = libc::IP_BIND_ADDRESS_NO_PORT;
    // SAFETY: `one` lives across the call and `len` is its size.
    let result = unsafe {
        let value = (&raw const one).cast();
        libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_IP, option, value, len)
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// `send(2)` through libc's function: bytes taken, `None` for any error.
#[inline(always)]
pub(crate) fn libc_send(socket: BorrowedFd<'_>, bytes: &[u8]) -> Option<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the pointer and the length are those of a live slice, which the kernel only reads.
    let taken = unsafe {
        libc::send(
            socket.as_raw_fd(),
            bytes.as_ptr().cast(),
            bytes.len(),
            flags,
        )
    };
    usize::try_from(taken).ok()
}

/// `recv(2)` through libc's function: bytes read, 0 at the end.
/// The error is `WouldBlock` where there is nothing to read.
#[inline(always)]
pub(crate) fn libc_recv(socket: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    let (start, len) = (buf.as_mut_ptr().cast(), buf.len());
    // SAFETY: the pointer and the length are those of a live, exclusively borrowed slice.
    let read = unsafe { libc::recv(socket.as_raw_fd(), start, len, libc::MSG_DONTWAIT) };
    usize::try_from(read).map_err(|_| io::Error::last_os_error())
}

/// `epoll_wait(2)` through libc's function, without a timeout: events written, `None` for any
/// error.
#[inline(always)]
pub(crate) fn libc_epoll_wait(
    epoll: BorrowedFd<'_>,
    events: &mut [libc::epoll_event],
) -> Option<usize> {
    let space = libc::c_int::try_from(events.len()).unwrap_or(libc::c_int::MAX);
    // SAFETY: the pointer and the length are those of a live, exclusively borrowed slice.
    let count = unsafe { libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), space, -1) };
    usize::try_from(count).ok()
}
