//! The subscribers of a floor: an array of descriptors and a loop of send, and nothing else.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use crate::commands::floor::calls::Calls;

/// Subscribers that speak one protocol and whose sockets are not full.
#[derive(Debug, Default)]
pub(super) struct Members {
    fds: Vec<OwnedFd>,
    /// Where the latest pass fell short: place and bytes taken, places rising.
    short: Vec<(usize, usize)>,
}

impl Members {
    /// Adds one and says where it stands.
    pub(super) fn add(&mut self, fd: OwnedFd) -> usize {
        self.fds.push(fd);
        self.fds.len() - 1
    }

    /// Takes one out, and names the one that now stands there.
    pub(super) fn remove(&mut self, place: usize) -> (OwnedFd, Option<(RawFd, usize)>) {
        let fd = self.fds.swap_remove(place);
        (
            fd,
            self.fds.get(place).map(|moved| (moved.as_raw_fd(), place)),
        )
    }

    pub(super) fn fd(&self, place: usize) -> Option<&OwnedFd> {
        self.fds.get(place)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fds.is_empty()
    }

    /// Sends the same bytes to all members, which is all that a floor does.
    #[inline(never)]
    pub(super) fn send<C: Calls>(&mut self, bytes: &[u8]) {
        let Self { fds, short } = self;
        for (place, fd) in fds.iter().enumerate() {
            let taken = C::send(fd.as_fd(), bytes);
            if taken != Some(bytes.len()) {
                note(short, place, taken);
            }
        }
    }

    /// A place that the latest pass fell short of, with the bytes taken there. From the last to
    /// the first, so that taking one out leaves the places before it as they are.
    pub(super) fn take_short(&mut self) -> Option<(usize, usize)> {
        self.short.pop()
    }
}

#[cold]
#[inline(never)]
fn note(short: &mut Vec<(usize, usize)>, place: usize, taken: Option<usize>) {
    short.push((place, taken.unwrap_or(0)));
}
