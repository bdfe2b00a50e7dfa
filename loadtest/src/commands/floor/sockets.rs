//! All sockets of a floor, found by descriptor number, and where each stands.

use std::mem;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use crate::commands::floor::backlog::Backlog;
use crate::commands::floor::calls::Calls;
use crate::commands::floor::members::Members;
use crate::url::Protocol;

#[derive(Default)]
pub(super) struct Sockets {
    places: Vec<Place>,
    web_sockets: Audience,
    length_prefixed: Audience,
}

/// The subscribers of one protocol.
#[derive(Debug, Default)]
struct Audience {
    members: Members,
    /// For those that are blocked.
    backlog: Backlog,
}

/// Where a socket stands.
#[derive(Default)]
enum Place {
    #[default]
    Empty,
    /// Here: it does not subscribe.
    Own(OwnedFd),
    /// In the array of its protocol, at this index.
    Member(Protocol, usize),
    /// Here, until it has taken the rest; then it goes back to the array, if it subscribes.
    Blocked(Blocked),
}

struct Blocked {
    fd: OwnedFd,
    /// What is for it alone, and comes first.
    own: Vec<u8>,
    /// Bytes of `own` that it has taken.
    own_taken: usize,
    /// Of a subscriber: its protocol and its place in the backlog.
    subscribes: Option<(Protocol, u64)>,
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
            Place::Own(fd) => Place::Member(protocol, self.audience(protocol).members.add(fd)),
            Place::Blocked(blocked) => {
                let backlog = &mut self.audience(protocol).backlog;
                backlog.add_reader();
                Place::Blocked(Blocked {
                    subscribes: Some((protocol, backlog.end())),
                    ..blocked
                })
            }
            other => other,
        };
    }

    /// Closes a socket.
    pub(super) fn remove(&mut self, index: usize) {
        match mem::take(&mut self.places[index]) {
            Place::Member(protocol, at) => {
                let (_fd, moved) = self.audience(protocol).members.remove(at);
                self.note_move(protocol, moved);
            }
            Place::Blocked(Blocked {
                subscribes: Some((protocol, _)),
                ..
            }) => self.audience(protocol).backlog.remove_reader(),
            Place::Blocked(_) | Place::Empty | Place::Own(_) => {}
        }
    }

    /// The socket by this number.
    #[inline]
    pub(super) fn socket(&self, index: usize) -> Option<&OwnedFd> {
        match self.places.get(index)? {
            Place::Empty => None,
            Place::Own(fd) | Place::Blocked(Blocked { fd, .. }) => Some(fd),
            Place::Member(Protocol::WebSocket, at) => self.web_sockets.members.fd(*at),
            Place::Member(Protocol::LengthPrefix, at) => self.length_prefixed.members.fd(*at),
        }
    }

    /// Whether there are subscribers with this protocol.
    pub(super) fn has_subscribers(&mut self, protocol: Protocol) -> bool {
        let audience = self.audience(protocol);
        !audience.members.is_empty() || audience.backlog.has_readers()
    }

    /// Sends the same bytes to all subscribers of a protocol; the blocked get them later.
    pub(super) fn send_all<C: Calls>(&mut self, protocol: Protocol, bytes: &[u8]) {
        let Audience { members, backlog } = self.audience(protocol);
        members.send::<C>(bytes);
        let mut kept = backlog.has_readers().then(|| backlog.append(bytes));
        while let Some((place, taken)) = self.audience(protocol).members.take_short() {
            let Audience { members, backlog } = self.audience(protocol);
            let (fd, moved) = members.remove(place);
            let start = *kept.get_or_insert_with(|| backlog.append(bytes));
            backlog.add_reader();
            let index = number(fd.as_raw_fd());
            self.places[index] = Place::Blocked(Blocked {
                fd,
                own: Vec::new(),
                own_taken: 0,
                subscribes: Some((protocol, start + taken as u64)),
            });
            self.note_move(protocol, moved);
        }
        if kept.is_some() && self.audience(protocol).backlog.wants_trim() {
            self.trim(protocol);
        }
    }

    /// Sends to one socket that does not subscribe yet.
    #[inline]
    pub(super) fn send_one<C: Calls>(&mut self, index: usize, bytes: &[u8]) {
        if let Some(Place::Blocked(Blocked { own, .. })) = self.places.get_mut(index) {
            return own.extend_from_slice(bytes);
        }
        let Some(Place::Own(fd)) = self.places.get(index) else {
            return;
        };
        let taken = C::send(fd.as_fd(), bytes).unwrap_or(0);
        if taken == bytes.len() {
            return;
        }
        if let Place::Own(fd) = mem::take(&mut self.places[index]) {
            self.places[index] = Place::Blocked(Blocked {
                fd,
                own: bytes[taken..].to_vec(),
                own_taken: 0,
                subscribes: None,
            });
        }
    }

    /// A socket may have space again.
    #[inline]
    pub(super) fn unblock<C: Calls>(&mut self, index: usize) {
        if matches!(self.places.get(index), Some(Place::Blocked(_))) {
            self.send_rest::<C>(index);
        }
    }

    fn send_rest<C: Calls>(&mut self, index: usize) {
        let Self {
            places,
            web_sockets,
            length_prefixed,
        } = self;
        let Some(Place::Blocked(blocked)) = places.get_mut(index) else {
            return;
        };
        let fd = blocked.fd.as_fd();
        let own = &blocked.own[blocked.own_taken..];
        if !own.is_empty() {
            let taken = C::send(fd, own).unwrap_or(0);
            blocked.own_taken += taken;
            if taken < own.len() {
                return;
            }
        }
        let subscribes = blocked.subscribes.as_mut();
        let protocol = subscribes.as_ref().map(|(protocol, _)| *protocol);
        if let Some((protocol, at)) = subscribes {
            let backlog = match protocol {
                Protocol::WebSocket => &mut web_sockets.backlog,
                Protocol::LengthPrefix => &mut length_prefixed.backlog,
            };
            let rest = backlog.from(*at);
            let taken = C::send(fd, rest).unwrap_or(0);
            *at += taken as u64;
            if taken < rest.len() {
                return;
            }
            backlog.remove_reader();
        }
        if let Place::Blocked(Blocked { fd, .. }) = mem::take(&mut self.places[index]) {
            self.places[index] = Place::Own(fd);
        }
        if let Some(protocol) = protocol {
            self.subscribe(index, protocol);
        }
    }

    fn trim(&mut self, protocol: Protocol) {
        let place = |place: &Place| match place {
            Place::Blocked(Blocked {
                subscribes: Some((of, at)),
                ..
            }) if *of == protocol => Some(*at),
            _ => None,
        };
        if let Some(slowest) = self.places.iter().filter_map(place).min() {
            self.audience(protocol).backlog.trim(slowest);
        }
    }

    fn audience(&mut self, protocol: Protocol) -> &mut Audience {
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
