//! The system calls that no safe crate offers.
#![expect(
    unsafe_code,
    reason = "the fence: no other file of this package has unsafe code"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// Gives the calling thread a file-descriptor table of its own with 0 to 2 and `keep` in it.
///
/// `RLIMIT_NOFILE` then counts for this thread alone, close_range(2). To be called first thing in
/// a thread: a descriptor that the thread was handed and that is not in `keep` no longer exists
/// here, though it does for the others.
///
/// # Errors
///
/// What the kernel says, `EPERM` under a strict seccomp profile; the table is then still shared
/// and nothing was closed.
pub(crate) fn own_fd_table(keep: &[RawFd]) -> io::Result<()> {
    let mut keep = keep.to_vec();
    keep.sort_unstable();
    let last = keep.last().copied().unwrap_or(2).max(2);
    close_range(last + 1, RawFd::MAX, libc::CLOSE_RANGE_UNSHARE)?;
    let mut from = 3;
    for fd in keep {
        if fd > from {
            close_range(from, fd - 1, 0)?;
        }
        from = from.max(fd + 1);
    }
    Ok(())
}

fn close_range(first: RawFd, last: RawFd, flags: u32) -> io::Result<()> {
    let flags = libc::c_int::try_from(flags).map_err(io::Error::other)?;
    // SAFETY: no pointers. The first call of `own_fd_table` closes in a table that the same call
    // made private, the others in that table, so no descriptor that another thread owns is closed.
    let result = unsafe { libc::close_range(first.unsigned_abs(), last.unsigned_abs(), flags) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Lets `bind` choose an address and `connect` the port, ip(7) `IP_BIND_ADDRESS_NO_PORT`: a port
/// is then free or not per destination, so that each source address has all of them.
///
/// # Errors
///
/// As setsockopt(2).
pub(crate) fn bind_address_no_port(socket: BorrowedFd<'_>) -> io::Result<()> {
    set_to_one(socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT)
}

/// Has a listener pass a connection on when its first bytes have come, tcp(7) `TCP_DEFER_ACCEPT`;
/// after a second at the latest.
///
/// # Errors
///
/// As setsockopt(2).
pub(crate) fn defer_accept(listener: BorrowedFd<'_>) -> io::Result<()> {
    set_to_one(listener, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT)
}

fn set_to_one(socket: BorrowedFd<'_>, level: libc::c_int, option: libc::c_int) -> io::Result<()> {
    let one: libc::c_int = 1;
    let len = libc::socklen_t::try_from(size_of::<libc::c_int>()).map_err(io::Error::other)?;
    // SAFETY: `one` lives across the call and `len` is its size.
    let result = unsafe {
        let value = (&raw const one).cast();
        libc::setsockopt(socket.as_raw_fd(), level, option, value, len)
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
///
/// # Errors
///
/// As recv(2); `WouldBlock` where there is nothing to read.
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
    let room = libc::c_int::try_from(events.len()).unwrap_or(libc::c_int::MAX);
    // SAFETY: the pointer and the length are those of a live, exclusively borrowed slice.
    let count = unsafe { libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), room, -1) };
    usize::try_from(count).ok()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::thread;

    use super::*;

    #[test]
    fn a_table_of_its_own_has_what_is_kept_and_takes_nothing_from_others() {
        let files: Vec<File> = (0..3).map(|_| File::open("/dev/null").unwrap()).collect();
        let [first, kept, last] = [0, 1, 2].map(|index: usize| files[index].as_raw_fd());
        let here = |fd: RawFd| fs::exists(format!("/proc/thread-self/fd/{fd}")).unwrap();
        let in_thread =
            thread::spawn(move || own_fd_table(&[kept]).map(|()| [first, kept, last].map(here)));
        assert_eq!(in_thread.join().unwrap().unwrap(), [false, true, false]);
        assert_eq!([first, kept, last].map(here), [true, true, true]);
    }
}
