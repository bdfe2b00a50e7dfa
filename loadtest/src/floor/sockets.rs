//! All sockets of a floor, found by descriptor number, and where each stands.

use std::mem;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use crate::floor::calls::Calls;
use crate::floor::members::Members;
use crate::url::Protocol;

/// All sockets of a floor.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    places: Vec<Place>,
    web_sockets: Members,
    length_prefixed: Members,
    /// Those whose place is `Blocked`.
    blocked: Vec<usize>,
}

/// Where a socket stands.
#[derive(Debug, Default)]
enum Place {
    #[default]
    Empty,
    /// Here: it does not subscribe.
    Own(OwnedFd),
    /// In the array of its protocol, at this index.
    Member(Protocol, usize),
    /// Here, until it has taken the rest; then it goes back to the array, if it subscribes.
    Blocked {
        fd: OwnedFd,
        rest: Vec<u8>,
        subscribes: Option<Protocol>,
    },
}

impl Sockets {
    /// Takes a socket in and says by what number it is found.
    pub(super) fn add(&mut self, fd: OwnedFd) -> usize {
        let index = number(fd.as_raw_fd());
        if self.places.len() <= index {
            self.places.resize_with(index + 1, Place::default);
        }
        self.places[index] = Place::Own(fd);
        index
    }

    /// From now on a socket gets what is sent to all.
    pub(super) fn subscribe(&mut self, index: usize, protocol: Protocol) {
        self.places[index] = match mem::take(&mut self.places[index]) {
            Place::Own(fd) => Place::Member(protocol, self.members(protocol).add(fd)),
            Place::Blocked { fd, rest, .. } => Place::Blocked {
                fd,
                rest,
                subscribes: Some(protocol),
            },
            other => other,
        };
    }

    /// Closes a socket.
    pub(super) fn remove(&mut self, index: usize) {
        match mem::take(&mut self.places[index]) {
            Place::Member(protocol, at) => {
                let (_fd, moved) = self.members(protocol).remove(at);
                self.note_move(protocol, moved);
            }
            Place::Blocked { .. } => self.blocked.retain(|blocked| *blocked != index),
            Place::Empty | Place::Own(_) => {}
        }
    }

    /// The socket by this number.
    #[inline]
    pub(super) fn socket(&self, index: usize) -> Option<&OwnedFd> {
        match self.places.get(index)? {
            Place::Empty => None,
            Place::Own(fd) | Place::Blocked { fd, .. } => Some(fd),
            Place::Member(Protocol::WebSocket, at) => self.web_sockets.fd(*at),
            Place::Member(Protocol::LengthPrefix, at) => self.length_prefixed.fd(*at),
        }
    }

    /// Subscribers of a protocol whose sockets are not full.
    pub(super) fn member_count(&mut self, protocol: Protocol) -> usize {
        self.members(protocol).len()
    }

    /// Whether anyone subscribes with this protocol.
    pub(super) fn has_subscribers(&mut self, protocol: Protocol) -> bool {
        self.members(protocol).len() > 0 || !self.blocked.is_empty()
    }

    /// Sends the same bytes to the subscribers of a protocol at these places of the array, and to
    /// all who are blocked.
    pub(super) fn send_all<C: Calls>(
        &mut self,
        protocol: Protocol,
        at: Range<usize>,
        bytes: &[u8],
    ) {
        self.members(protocol).send::<C>(at, bytes);
        for index in &self.blocked {
            if let Place::Blocked {
                rest, subscribes, ..
            } = &mut self.places[*index]
                && *subscribes == Some(protocol)
            {
                rest.extend_from_slice(bytes);
            }
        }
        while let Some((place, taken)) = self.members(protocol).take_short() {
            let (fd, moved) = self.members(protocol).remove(place);
            let index = number(fd.as_raw_fd());
            let rest = bytes[taken..].to_vec();
            self.places[index] = Place::Blocked {
                fd,
                rest,
                subscribes: Some(protocol),
            };
            self.blocked.push(index);
            self.note_move(protocol, moved);
        }
    }

    /// Sends to one socket.
    #[inline]
    pub(super) fn send_one<C: Calls>(&mut self, index: usize, bytes: &[u8]) {
        if let Some(Place::Blocked { rest, .. }) = self.places.get_mut(index) {
            return rest.extend_from_slice(bytes);
        }
        let Some(fd) = self.socket(index) else { return };
        let taken = C::send(fd.as_fd(), bytes).unwrap_or(0);
        if taken == bytes.len() {
            return;
        }
        if let Place::Own(fd) = mem::take(&mut self.places[index]) {
            let rest = bytes[taken..].to_vec();
            self.places[index] = Place::Blocked {
                fd,
                rest,
                subscribes: None,
            };
            self.blocked.push(index);
        }
    }

    /// A socket may have room again.
    #[inline]
    pub(super) fn unblock<C: Calls>(&mut self, index: usize) {
        let Some(Place::Blocked {
            fd,
            rest,
            subscribes,
        }) = self.places.get_mut(index)
        else {
            return;
        };
        let taken = C::send(fd.as_fd(), rest).unwrap_or(0);
        if taken < rest.len() {
            rest.drain(..taken);
            return;
        }
        let protocol = *subscribes;
        if let Place::Blocked { fd, .. } = mem::take(&mut self.places[index]) {
            self.places[index] = Place::Own(fd);
        }
        self.blocked.retain(|blocked| *blocked != index);
        if let Some(protocol) = protocol {
            self.subscribe(index, protocol);
        }
    }

    fn members(&mut self, protocol: Protocol) -> &mut Members {
        match protocol {
            Protocol::WebSocket => &mut self.web_sockets,
            Protocol::LengthPrefix => &mut self.length_prefixed,
        }
    }

    fn note_move(&mut self, protocol: Protocol, moved: Option<(RawFd, usize)>) {
        if let Some((fd, at)) = moved {
            self.places[number(fd)] = Place::Member(protocol, at);
        }
    }
}

fn number(fd: RawFd) -> usize {
    usize::try_from(fd).unwrap_or(0)
}
