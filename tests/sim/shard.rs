//! One shard of a world: a driven core, and the sockets that it has of the world's network.

use std::collections::HashMap;
use std::io::IoSlice;

use corecast::id::ShardId;
use corecast::internals::driver::{Driver, Kernel, Received};
use corecast::proto::Frames;
use corecast::shard::core::ShardCore;
use corecast::time::Now;
use corecast::topic::sink::{Sink, Sock, WriteError};
use corecast::{ConnId, SessionFormat, Topic, counters::Counters};

use crate::faults::Planted;
use crate::handler::App;
use crate::net::{Event, Net, Socket};

/// What a listener for TCP says of its connections.
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    pub(crate) topic: Topic,
    pub(crate) frames: Frames,
    /// They are sessions, in protobuf.
    pub(crate) is_of_sessions: bool,
}

/// A shard and its part of the network.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) driver: Driver<App>,
    pub(crate) host: Host,
}

/// The sockets of one shard, by their index in the network.
#[derive(Debug, Default)]
pub(crate) struct Host {
    /// Sockets that wait to be accepted, with what their listener says; `None`: HTTP.
    pub(crate) accepts: Vec<(usize, Option<Tcp>)>,
    /// Sockets with something in their `event`.
    pub(crate) events: Vec<usize>,
    socks: HashMap<ConnId, usize>,
    /// Connections accepted.
    pub(crate) accepted: u64,
    /// What is wrong with the shard's mail.
    pub(crate) planted: Option<Planted>,
}

/// A shard's sockets in a turn.
struct Sockets<'a> {
    host: &'a mut Host,
    net: &'a mut Net,
}

impl Shard {
    /// Whether a poll would return now.
    pub(crate) fn is_awake(&self, now: Now) -> bool {
        !self.host.accepts.is_empty() || !self.host.events.is_empty() || self.driver.is_awake(now)
    }

    pub(crate) fn counters(&mut self) -> Counters {
        *self.driver.core.counters()
    }

    pub(crate) fn turn(&mut self, now: Now, net: &mut Net) {
        let host = &mut self.host;
        self.driver.turn(now, &mut Sockets { host, net });
        self.driver.core.audit();
    }
}

impl Sockets<'_> {
    fn accept(&mut self, core: &mut ShardCore<App>) {
        for (at, listener) in self.host.accepts.drain(..) {
            let sock = Sock(i32::try_from(at).unwrap());
            let id = match listener {
                Some(tcp) if tcp.is_of_sessions => {
                    core.handle_session_open(sock, SessionFormat::Protobuf, None)
                }
                Some(Tcp { topic, frames, .. }) => core.handle_tcp_open(sock, frames, &topic, None),
                None => core.handle_http_open(sock, None),
            };
            self.host.accepted += 1;
            self.host.socks.insert(id, at);
            let socket = &mut self.net.sockets[at];
            socket.id = Some(id);
            // The first poll reports whatever is ready.
            socket.event.writable = true;
            self.host.events.push(at);
        }
    }

    fn socket(&mut self, id: ConnId) -> Option<&mut Socket> {
        let at = self.host.socks.get(&id)?;
        Some(&mut self.net.sockets[*at])
    }
}

impl Kernel<App> for Sockets<'_> {
    fn poll(&mut self, core: &mut ShardCore<App>) {
        self.accept(core);
        for at in std::mem::take(&mut self.host.events) {
            let socket = &mut self.net.sockets[at];
            let event = std::mem::take(&mut socket.event);
            let Some(id) = socket.id.filter(|_| !socket.closed) else {
                continue;
            };
            if event.writable {
                socket.blocked = false;
                core.handle_writable(id);
            }
            let writable = event.writable;
            let only_writable = Event {
                writable,
                ..Event::default()
            };
            if event != only_writable {
                core.note_readable(id, event.read_closed || event.error);
            }
        }
    }

    fn receive(&mut self, id: ConnId, buffer: &mut [u8]) -> Received {
        match self.socket(id) {
            None => Received::Nothing,
            Some(socket) => socket.receive(buffer),
        }
    }

    fn change_mail(&mut self, core: &mut ShardCore<App>) {
        if let Some(planted) = &self.host.planted {
            planted.change_mail(core);
        }
    }

    fn shut_down(&mut self, id: ConnId) {
        if let Some(socket) = self.socket(id) {
            assert!(!socket.shut, "shut down twice");
            socket.shut = true;
        }
    }

    fn unsent(&mut self, id: ConnId) -> usize {
        self.socket(id).map_or(0, |socket| socket.tx.len())
    }

    fn close(&mut self, id: ConnId, sock: Sock) {
        let at = self.host.socks.remove(&id);
        let at = at.expect("closed twice, or never opened");
        assert_eq!(usize::try_from(sock.0), Ok(at), "another's socket");
        self.net.sockets[at].closed = true;
    }
}

impl Sink for Sockets<'_> {
    fn send(&mut self, sock: Sock, bytes: &[u8]) -> Result<usize, WriteError> {
        self.net.send(sock, bytes)
    }

    fn send_vectored(&mut self, sock: Sock, slices: &[IoSlice<'_>]) -> Result<usize, WriteError> {
        self.net.send_vectored(sock, slices)
    }
}

/// The id of the shard at this index.
pub(crate) fn shard_id(at: usize) -> ShardId {
    ShardId::new(at.try_into().unwrap())
}
