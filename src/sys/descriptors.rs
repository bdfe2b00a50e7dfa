//! File descriptor tables: their limits, and a table for each thread.
//!
//! `RLIMIT_NOFILE` applies to each descriptor table, not to the process (`getrlimit(2)`: it is "one
//! greater than the maximum file descriptor number"). So a shard with its own table has the whole
//! limit for itself.

use std::ffi::c_uint;
use std::io;
use std::os::fd::{AsFd, RawFd};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit on descriptors of one table to the hard limit and returns it.
///
/// # Errors
///
/// A sandbox refuses `setrlimit(2)`; then the soft limit is unchanged.
pub fn raise_soft_limit() -> io::Result<u64> {
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: hard,
            maximum: hard,
        },
    )?;
    Ok(limit())
}

/// Whether what is written here can be read by no process any more: the other end of a pipe is
/// closed, or a terminal is gone (`poll(2)`: POLLERR and POLLHUP).
pub fn has_no_reader(output: &impl AsFd) -> bool {
    let mut fds = [PollFd::new(output, PollFlags::empty())];
    let polled = poll(&mut fds, Some(&Timespec::default()));
    let [fd] = fds;
    polled.is_ok() && fd.revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

/// The soft limit on descriptors of one table.
pub fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Gives the calling thread its own descriptor table, with descriptors 0 to 2 and those in `keep`.
///
/// Call it first on a new thread. From then on, only these numbers mean the same file on this
/// thread and on others. A descriptor opened here is open only on this thread and on threads that
/// it spawns. A descriptor opened elsewhere is not open here, and its number may soon be that of a
/// connection. So every older descriptor that this thread uses, such as a logger's file, must be in
/// `keep`, and this thread must not drop the last owner of anything created before.
///
/// # Errors
///
/// The kernel is older than Linux 5.9, or a sandbox refuses. Then the table is shared as before,
/// and nothing was closed.
pub fn own_table(keep: &[RawFd]) -> io::Result<()> {
    let mut keep: Vec<c_uint> = keep.iter().filter_map(|fd| (*fd).try_into().ok()).collect();
    keep.push(LAST_STANDARD);
    keep.sort_unstable();
    let last = keep.last().copied().unwrap_or(LAST_STANDARD);
    // The first call creates the table and must cover its end, so that the kernel copies nothing
    // above `last`. The gaps below were copied; closing them affects only this table.
    close_range(last + 1, c_uint::MAX, UNSHARE)?;
    for pair in keep.windows(2) {
        let &[before, after] = pair else { continue };
        if LAST_STANDARD <= before && before + 1 < after {
            close_range(before + 1, after - 1, 0)?;
        }
    }
    Ok(())
}

/// Whether a thread can have its own descriptor table here: one tries, and ends.
pub fn can_own_table() -> bool {
    let trying = thread::Builder::new().spawn(|| own_table(&[]).is_ok());
    trying.is_ok_and(|thread| thread.join().unwrap_or(false))
}

/// Standard error: 0 to 2 are always kept.
const LAST_STANDARD: c_uint = 2;
const UNSHARE: c_uint = libc::CLOSE_RANGE_UNSHARE;

/// `close_range(2)`: closes every descriptor from `first` to `last`, both included.
fn close_range(first: c_uint, last: c_uint, flags: c_uint) -> io::Result<()> {
    // SAFETY: The call takes three integers and no memory. Descriptors it closes have owners on
    // other threads, whose table is not touched: the first call makes a copy or fails, and only
    // after it do others follow. There is no safe way: rustix has no close_range, its unshare is
    // unsafe as well and copies every open descriptor, and Docker's default seccomp profile
    // allows this call and refuses that one.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Open descriptors in the calling thread's table (`proc_pid_task(5)`).
#[cfg(test)]
pub fn count_open() -> usize {
    let listed = std::fs::read_dir("/proc/thread-self/fd").unwrap().count();
    let of_the_listing = 1;
    listed - of_the_listing
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
    use std::os::unix::net::UnixStream;

    use rustix::io::{Errno, fcntl_getfd};

    use super::*;

    fn state_of(fd: RawFd) -> Result<(), Errno> {
        // SAFETY: Only asks whether the number is open.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        fcntl_getfd(fd).map(|_| ())
    }

    fn open_pairs(count: usize) -> Vec<OwnedFd> {
        (0..count)
            .flat_map(|_| {
                let (left, right) = UnixStream::pair().unwrap();
                [left.into(), right.into()]
            })
            .collect()
    }

    #[test]
    fn the_soft_limit_can_be_raised_to_the_hard_one() {
        let raised = raise_soft_limit().unwrap();
        assert_eq!(raised, limit());
        assert_eq!(Some(raised), getrlimit(Resource::Nofile).maximum);
    }

    #[test]
    fn a_table_of_its_own_has_what_was_kept_and_nothing_else() {
        let fds = open_pairs(5);
        let numbers: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        let keep = [numbers[7], numbers[2], numbers[3], 1, -1, numbers[3]];
        let seen = numbers.clone();
        let standard = (0..3).filter(|fd| state_of(*fd).is_ok()).count();
        thread::spawn(move || {
            own_table(&keep).unwrap();
            assert_eq!(count_open(), standard + 3);
            for (at, fd) in seen.into_iter().enumerate() {
                let expected = if [2, 3, 7].contains(&at) {
                    Ok(())
                } else {
                    Err(Errno::BADF)
                };
                assert_eq!(state_of(fd), expected, "descriptor at {at}");
            }
        })
        .join()
        .unwrap();
        for fd in numbers {
            assert_eq!(state_of(fd), Ok(()), "still open where it was opened");
        }
    }

    #[test]
    fn a_kept_descriptor_works_on_both_sides() {
        let (mut left, right) = UnixStream::pair().unwrap();
        let number = right.as_raw_fd();
        thread::spawn(move || {
            own_table(&[number]).unwrap();
            assert_eq!(crate::sys::socket::send(number, b"here"), Ok(4));
        })
        .join()
        .unwrap();
        let mut buffer = [0; 4];
        left.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"here");
    }

    #[test]
    fn what_is_closed_elsewhere_is_not_held_open_here() {
        let (left, mut right) = UnixStream::pair().unwrap();
        let (mut go, wait) = UnixStream::pair().unwrap();
        let (ready, is_ready) = crossbeam_channel::bounded(1);
        let waiting = wait.as_raw_fd();
        let shard = thread::spawn(move || {
            own_table(&[waiting]).unwrap();
            ready.send(()).unwrap();
            // SAFETY: `wait` outlives the thread, and its number was kept.
            let wait = unsafe { BorrowedFd::borrow_raw(waiting) };
            rustix::io::read(wait, &mut [0; 1]).unwrap();
        });
        is_ready.recv().unwrap();
        drop(left);
        assert_eq!(right.read(&mut [0; 1]).unwrap(), 0, "the peer sees the end");
        go.write_all(b"x").unwrap();
        shard.join().unwrap();
    }

    #[test]
    fn a_table_ends_with_its_thread() {
        for _ in 0..100 {
            let (mut left, right) = UnixStream::pair().unwrap();
            let number = right.as_raw_fd();
            thread::spawn(move || own_table(&[number]).unwrap())
                .join()
                .unwrap();
            drop(right);
            assert_eq!(left.read(&mut [0; 1]).unwrap(), 0, "no copy is left");
        }
    }
}
