//! Handing descriptors from one thread's table to another's: `SCM_RIGHTS`, `unix(7)`.
//!
//! A descriptor on its way belongs to no table. It is closed when no table has the taking end.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd, RawFd};

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
    sockopt,
};

use crate::sys::socket;

/// Makes a giving and a taking end in the calling thread's table. About `bytes` wait between them,
/// and each descriptor needs somewhat less than a KiB.
///
/// # Errors
///
/// Out of descriptors.
pub fn pair(bytes: usize) -> io::Result<(OwnedFd, OwnedFd)> {
    // Keeps messages apart, and has an end.
    let kind = SocketType::SEQPACKET;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (giving, taking) = socketpair(AddressFamily::UNIX, kind, flags, None)?;
    sockopt::set_socket_send_buffer_size(&giving, bytes)?;
    Ok((giving, taking))
}

/// The calling thread's own copy of a descriptor that its table has under this number.
///
/// # Errors
///
/// Out of descriptors.
pub fn copy(number: RawFd) -> io::Result<OwnedFd> {
    Ok(fcntl_dupfd_cloexec(socket::borrow(number)?, 0)?)
}

/// Gives a descriptor and a word about it; it stays open here, too.
///
/// # Errors
///
/// `EAGAIN` if the pair is full; poll(2) reports when it is writable again. `ETOOMANYREFS` if the
/// user has as many descriptors on their way as may be open, `ENOBUFS`, `ENOMEM`: nothing reports
/// the end of these. `EPIPE` or `ECONNRESET` if the taking end is
/// closed.
pub fn give(giving: impl AsFd, descriptor: impl AsFd, word: u16) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor.as_fd()];
    rights.push(SendAncillaryMessage::ScmRights(&descriptors));
    let word = word.to_ne_bytes();
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    sendmsg(giving, &[IoSlice::new(&word)], &mut rights, flags)?;
    Ok(())
}

/// Takes a descriptor and its word; `None` if the giving end is closed and all was taken.
///
/// # Errors
///
/// `EAGAIN` if nothing waits; `EMFILE` if the table had no place for the descriptor: it is closed.
pub fn take(taking: impl AsFd) -> Result<Option<(OwnedFd, u16)>, Errno> {
    let mut word = [0; 2];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(
        taking,
        &mut [IoSliceMut::new(&mut word)],
        &mut rights,
        flags,
    )?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let descriptor = rights.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    let descriptor = descriptor.ok_or(Errno::MFILE)?;
    Ok(Some((descriptor, u16::from_ne_bytes(word))))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;
    use crate::sys::descriptors::own_table;

    const BYTES: usize = 64 << 10;

    #[test]
    fn a_descriptor_reaches_a_thread_with_a_table_of_its_own() {
        let (giving, taking) = pair(BYTES).unwrap();
        let (given, mut kept) = UnixStream::pair().unwrap();
        give(&giving, given, 7).unwrap();
        let number = taking.as_raw_fd();
        thread::spawn(move || {
            own_table(&[number]).unwrap();
            let (taken, word) = take(copy(number).unwrap()).unwrap().unwrap();
            assert_eq!(word, 7);
            UnixStream::from(taken).write_all(b"x").unwrap();
        })
        .join()
        .unwrap();
        let mut received = Vec::new();
        kept.read_to_end(&mut received).unwrap();
        assert_eq!(received, b"x", "and no other table has it open");
    }

    #[test]
    fn descriptors_are_taken_in_order_and_then_the_end() {
        let (giving, taking) = pair(BYTES).unwrap();
        let mut kept = Vec::new();
        for word in 0..3 {
            let (given, other) = UnixStream::pair().unwrap();
            give(&giving, given, word).unwrap();
            kept.push(other);
        }
        drop(giving);
        for (expected, mut other) in (0..).zip(kept) {
            let (taken, word) = take(&taking).unwrap().unwrap();
            assert_eq!(word, expected);
            UnixStream::from(taken).write_all(b"x").unwrap();
            other.read_exact(&mut [0]).unwrap();
        }
        assert!(take(&taking).unwrap().is_none());
    }

    #[test]
    fn a_bounded_number_waits_and_is_closed_with_the_taking_end() {
        let (giving, taking) = pair(BYTES).unwrap();
        assert_eq!(take(&taking).unwrap_err(), Errno::AGAIN);
        let (given, mut kept) = UnixStream::pair().unwrap();
        let mut waiting = 0;
        let refused = loop {
            match give(&giving, &given, 0) {
                Ok(()) => waiting += 1,
                Err(err) => break err,
            }
        };
        assert_eq!(refused, Errno::AGAIN);
        assert!((32..1024).contains(&waiting), "{waiting}");
        take(&taking).unwrap().unwrap();
        give(&giving, &given, 0).unwrap();
        drop((taking, given));
        assert_eq!(kept.read(&mut [0]).unwrap(), 0, "all copies are closed");
        let (given, _kept) = UnixStream::pair().unwrap();
        let refused = give(&giving, given, 0).unwrap_err();
        assert!(
            matches!(refused, Errno::PIPE | Errno::CONNRESET),
            "{refused}"
        );
    }
}
