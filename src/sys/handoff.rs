//! Handing descriptors from one thread's table to another's: `SCM_RIGHTS`, `unix(7)`.
//!
//! A handoff is a pair of connected sockets, both created in the table of the starting thread.
//! Threads with their own tables use the ends by numbers that they have kept. A descriptor on its
//! way belongs to no table, and is lost only if both ends of the pair are closed.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType, recvmsg, sendmsg, shutdown,
    socketpair, sockopt,
};

use crate::sys::socket;

/// Two ends: descriptors put into one are taken from the other, in order.
#[derive(Debug)]
pub struct Handoff {
    giving: OwnedFd,
    taking: OwnedFd,
}

/// A received descriptor and the word that came with it.
#[derive(Debug)]
pub struct Taken {
    /// The descriptor, now in the calling thread's table.
    pub descriptor: OwnedFd,
    /// The word that the sender attached.
    pub word: u16,
}

impl Handoff {
    /// Creates a pair in the calling thread's table. It holds about `bytes` bytes; a descriptor on
    /// its way takes somewhat less than a KiB.
    ///
    /// # Errors
    ///
    /// There are no descriptors left.
    pub fn new(bytes: usize) -> io::Result<Self> {
        // Keeps messages apart, and reports the end.
        let kind = SocketType::SEQPACKET;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (giving, taking) = socketpair(AddressFamily::UNIX, kind, flags, None)?;
        sockopt::set_socket_send_buffer_size(&giving, bytes)?;
        Ok(Self { giving, taking })
    }

    /// The number of the end that [`give`] wants.
    pub fn giving(&self) -> RawFd {
        self.giving.as_raw_fd()
    }

    /// The number of the end that [`take`] wants.
    pub fn taking(&self) -> RawFd {
        self.taking.as_raw_fd()
    }
}

/// Sends a descriptor. It stays open in this table as well.
///
/// # Errors
///
/// `EAGAIN` if the pair is full; then it becomes writable later. `ETOOMANYREFS` if the user has as
/// many descriptors on their way as may be open, `ENOBUFS` or `ENOMEM`: there is no event when
/// these are over.
pub fn give(giving: RawFd, descriptor: impl AsFd, word: u16) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor.as_fd()];
    rights.push(SendAncillaryMessage::ScmRights(&descriptors));
    let word = word.to_ne_bytes();
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    sendmsg(
        socket::borrow(giving)?,
        &[IoSlice::new(&word)],
        &mut rights,
        flags,
    )?;
    Ok(())
}

/// Receives a descriptor; `None` if there will be no more.
///
/// # Errors
///
/// `EAGAIN` if there is none now; `EMFILE` if the table had no place for it: then it is closed.
pub fn take(taking: RawFd) -> Result<Option<Taken>, Errno> {
    let mut word = [0; 2];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(
        socket::borrow(taking)?,
        &mut [IoSliceMut::new(&mut word)],
        &mut rights,
        flags,
    )?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut messages = rights.drain();
    let descriptor = messages.find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    let word = u16::from_ne_bytes(word);
    match descriptor {
        Some(descriptor) => Ok(Some(Taken { descriptor, word })),
        None => Err(Errno::MFILE),
    }
}

/// Ends the sending side. The receiver gets `None` after the last descriptor.
pub fn end(giving: RawFd) {
    // It fails only for a number that does not belong to a handoff.
    let _ended = socket::shutdown_write(giving);
}

/// Receives nothing more than what is on its way: the sender gets an error from now on.
pub fn refuse(taking: RawFd) {
    // It fails only for a number that does not belong to a handoff.
    let _refused = socket::borrow(taking).and_then(|end| shutdown(end, Shutdown::Read));
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;
    use crate::sys::descriptors::own_table;

    const BYTES: usize = 64 << 10;

    fn say_and_hear(taken: Taken, mut other: UnixStream) {
        let mut stream = UnixStream::from(taken.descriptor);
        stream.write_all(b"x").unwrap();
        other.read_exact(&mut [0]).unwrap();
    }

    #[test]
    fn a_descriptor_reaches_a_thread_with_a_table_of_its_own() {
        let handoff = Handoff::new(BYTES).unwrap();
        let (given, mut kept) = UnixStream::pair().unwrap();
        give(handoff.giving(), &given, 7).unwrap();
        drop(given);
        let taking = handoff.taking();
        thread::spawn(move || {
            own_table(&[taking]).unwrap();
            let taken = take(taking).unwrap().unwrap();
            assert_eq!(taken.word, 7);
            UnixStream::from(taken.descriptor).write_all(b"x").unwrap();
        })
        .join()
        .unwrap();
        let mut said = Vec::new();
        kept.read_to_end(&mut said).unwrap();
        assert_eq!(said, b"x", "and nobody else holds it open");
    }

    #[test]
    fn what_was_given_is_taken_in_order_and_then_the_end() {
        let handoff = Handoff::new(BYTES).unwrap();
        let mut others = Vec::new();
        for word in 0..3 {
            let (given, kept) = UnixStream::pair().unwrap();
            give(handoff.giving(), given, word).unwrap();
            others.push(kept);
        }
        end(handoff.giving());
        for (word, other) in (0..).zip(others) {
            let taken = take(handoff.taking()).unwrap().unwrap();
            assert_eq!(taken.word, word);
            say_and_hear(taken, other);
        }
        assert!(take(handoff.taking()).unwrap().is_none());
    }

    #[test]
    fn a_bounded_number_waits() {
        let handoff = Handoff::new(BYTES).unwrap();
        assert_eq!(take(handoff.taking()).unwrap_err(), Errno::AGAIN);
        let (given, _kept) = UnixStream::pair().unwrap();
        let mut waiting = 0;
        let refused = loop {
            match give(handoff.giving(), &given, 0) {
                Ok(()) => waiting += 1,
                Err(err) => break err,
            }
        };
        assert_eq!(refused, Errno::AGAIN);
        assert!((32..1024).contains(&waiting), "{waiting}");
        take(handoff.taking()).unwrap().unwrap();
        give(handoff.giving(), &given, 0).unwrap();
        refuse(handoff.taking());
        assert_eq!(give(handoff.giving(), &given, 0), Err(Errno::PIPE));
        for _ in 0..waiting {
            take(handoff.taking()).unwrap().unwrap();
        }
        assert!(take(handoff.taking()).unwrap().is_none());
    }
}
