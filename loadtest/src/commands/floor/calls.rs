//! The system calls of a floor in two forms: through libc's functions, and inlined.
//!
//! Generic code over [`Calls`] compiles to a loop for each form; in the inlined one the `syscall`
//! instruction stands in the loop itself (`objdump -d`, see README.md).

use std::io::ErrorKind;
use std::os::fd::BorrowedFd;

use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::sys;

/// How a floor speaks to the kernel. Nothing blocks but `wait`.
pub(super) trait Calls {
    type Event: Copy;
    /// An event that fills unused places.
    const NO_EVENT: Self::Event;

    /// Waits for events and says how many there are.
    fn wait(epoll: BorrowedFd<'_>, events: &mut [Self::Event]) -> usize;
    /// What was registered with the descriptor.
    fn data(event: &Self::Event) -> u64;
    /// Bytes taken; `None` for any error. One that is the end is told by epoll and `recv`.
    fn send(socket: BorrowedFd<'_>, bytes: &[u8]) -> Option<usize>;
    fn recv(socket: BorrowedFd<'_>, buf: &mut [u8]) -> Received;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// This many bytes, at least one.
    Bytes(usize),
    Nothing,
    /// The end, or an error that there is no way back from.
    End,
}

/// Through libc's functions, as a good C program does.
pub(super) struct Libc;

/// The instruction in the loop.
pub(super) struct Inline;

impl Calls for Libc {
    type Event = libc::epoll_event;
    const NO_EVENT: Self::Event = libc::epoll_event { events: 0, u64: 0 };

    #[inline(always)]
    fn wait(epoll: BorrowedFd<'_>, events: &mut [Self::Event]) -> usize {
        sys::libc_epoll_wait(epoll, events).unwrap_or(0)
    }

    #[inline(always)]
    fn data(event: &Self::Event) -> u64 {
        event.u64
    }

    #[inline(always)]
    fn send(socket: BorrowedFd<'_>, bytes: &[u8]) -> Option<usize> {
        sys::libc_send(socket, bytes)
    }

    #[inline(always)]
    fn recv(socket: BorrowedFd<'_>, buf: &mut [u8]) -> Received {
        match sys::libc_recv(socket, buf) {
            Ok(0) => Received::End,
            Ok(len) => Received::Bytes(len),
            Err(error) if is_passing(error.kind()) => Received::Nothing,
            Err(_) => Received::End,
        }
    }
}

impl Calls for Inline {
    type Event = Event;
    const NO_EVENT: Self::Event = Event {
        flags: EventFlags::empty(),
        data: EventData::new_u64(0),
    };

    #[inline(always)]
    fn wait(epoll: BorrowedFd<'_>, events: &mut [Self::Event]) -> usize {
        epoll::wait(epoll, events, None).unwrap_or(0)
    }

    #[inline(always)]
    fn data(event: &Self::Event) -> u64 {
        event.data.u64()
    }

    #[inline(always)]
    fn send(socket: BorrowedFd<'_>, bytes: &[u8]) -> Option<usize> {
        send(socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).ok()
    }

    #[inline(always)]
    fn recv(socket: BorrowedFd<'_>, buf: &mut [u8]) -> Received {
        match recv(socket, buf, RecvFlags::DONTWAIT) {
            Ok((_, 0)) => Received::End,
            Ok((_, len)) => Received::Bytes(len),
            Err(error) if is_passing(error.kind()) => Received::Nothing,
            Err(_) => Received::End,
        }
    }
}

/// A read that does not wait is not interrupted, so that leaves one error that is no end.
#[inline(always)]
fn is_passing(kind: ErrorKind) -> bool {
    kind == ErrorKind::WouldBlock
}
