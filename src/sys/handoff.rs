//! Handing descriptors from one thread's table to another's: `SCM_RIGHTS`, `unix(7)`.
//!
//! A handoff is a pair of connected sockets, both made in the starter's table; threads with
//! tables of their own use the ends by numbers that they have kept. What is on its way belongs to
//! no table, and is lost only with both ends of the pair.

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

/// Two ends: what is given to one is taken from the other, in order.
#[derive(Debug)]
pub struct Handoff {
    giving: OwnedFd,
    taking: OwnedFd,
}

/// A descriptor that was handed over, with the word that came with it.
#[derive(Debug)]
pub struct Taken {
    /// It belongs to the calling thread's table now.
    pub descriptor: OwnedFd,
    /// What the giver had to say of it.
    pub word: u16,
}

impl Handoff {
    /// Makes a pair in the calling thread's table. About `bytes` wait between its ends, and each
    /// descriptor takes somewhat under a KiB of them.
    ///
    /// # Errors
    ///
    /// Out of descriptors.
    pub fn new(bytes: usize) -> io::Result<Self> {
        // Keeps one message apart from the next, and has an end.
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

/// Hands a descriptor over; it stays open here, too.
///
/// # Errors
///
/// `EAGAIN` when no more can wait, which becomes writable again; `ETOOMANYREFS` when the user has
/// as many descriptors on their way as may be open, and `ENOBUFS` or `ENOMEM`: nothing tells when
/// those are over.
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

/// Takes what was handed over; `None` when there will be nothing more.
///
/// # Errors
///
/// `EAGAIN` when there is nothing now; `EMFILE` when the table had no place for it: it is closed.
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

/// Gives nothing more: who has taken all is told that it was.
pub fn end(giving: RawFd) {
    // It fails for a number that is no handoff's.
    let _ended = socket::shutdown_write(giving);
}

/// Takes nothing more than what is on its way: who gives is refused from now on.
pub fn refuse(taking: RawFd) {
    // It fails for a number that is no handoff's.
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
