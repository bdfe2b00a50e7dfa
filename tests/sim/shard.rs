//! Drives one `ShardCore` exactly as the event loop does, and no more often than it would.

use std::collections::HashMap;
use std::sync::Arc;

use corecast::id::ShardId;
use corecast::proto::Frames;
use corecast::shard::core::ShardCore;
use corecast::shard::core::conns::questions::Answered;
use corecast::shard::mail::{FromHome, Outgoing, ToHome, Weigh};
use corecast::time::Now;
use corecast::topic::sink::Sock;
use corecast::{ConnId, counters::Counters};
use crossbeam_channel::Receiver;

use crate::handler::App;
use crate::net::{Event, Lane, Net};

/// What a listener for TCP says of its connections.
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    pub(crate) topic: Arc<str>,
    pub(crate) frames: Frames,
}

/// A shard and what its thread would keep beside the core.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) core: ShardCore<App>,
    at: usize,
    /// Sockets that wait to be accepted, with what their listener says; `None`: HTTP.
    pub(crate) accepts: Vec<(usize, Option<Tcp>)>,
    /// Sockets with something in their `event`.
    pub(crate) events: Vec<usize>,
    socks: HashMap<ConnId, usize>,
    returns: Receiver<Answered<bool>>,
    pub(crate) rung: bool,
    left_over: bool,
    asked: Vec<Option<ToHome>>,
    told: Vec<Option<FromHome>>,
    /// Connections accepted.
    pub(crate) accepted: u64,
}

/// The lanes between all shards, by sender and receiver.
#[derive(Debug)]
pub(crate) struct Mesh {
    to_home: Vec<Vec<Lane<ToHome>>>,
    from_home: Vec<Vec<Lane<FromHome>>>,
}

/// The bounds of a turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) mail_per_lane: usize,
    pub(crate) read_buffer: usize,
}

impl Mesh {
    pub(crate) fn new(shards: usize, messages: usize, bytes: usize) -> Self {
        fn lanes<M: Weigh>(shards: usize, messages: usize, bytes: usize) -> Vec<Vec<Lane<M>>> {
            let row = || (0..shards).map(|_| Lane::new(messages, bytes)).collect();
            (0..shards).map(|_| row()).collect()
        }
        Self {
            to_home: lanes(shards, messages, bytes),
            from_home: lanes(shards, messages, bytes),
        }
    }

    /// Mail on all lanes.
    pub(crate) fn len(&self) -> usize {
        let asked = self.to_home.iter().flatten().map(|lane| lane.queue.len());
        let told = self.from_home.iter().flatten().map(|lane| lane.queue.len());
        asked.chain(told).sum()
    }
}

impl Shard {
    pub(crate) fn new(
        core: ShardCore<App>,
        at: usize,
        shards: usize,
        returns: Receiver<Answered<bool>>,
    ) -> Self {
        Self {
            core,
            at,
            accepts: Vec::new(),
            events: Vec::new(),
            socks: HashMap::new(),
            returns,
            rung: false,
            left_over: true,
            asked: (0..shards).map(|_| None).collect(),
            told: (0..shards).map(|_| None).collect(),
            accepted: 0,
        }
    }

    /// Whether a poll would return now.
    pub(crate) fn is_awake(&self, now: Now) -> bool {
        self.rung
            || self.left_over
            || !self.accepts.is_empty()
            || !self.events.is_empty()
            || !self.returns.is_empty()
            || self.core.has_work()
            || self
                .core
                .next_deadline()
                .is_some_and(|deadline| deadline <= now)
    }

    /// Mail that was given back.
    pub(crate) fn stuck(&self) -> usize {
        self.asked.iter().flatten().count() + self.told.iter().flatten().count()
    }

    pub(crate) fn counters(&mut self) -> Counters {
        *self.core.counters()
    }

    /// One turn; returns the peers to ring.
    pub(crate) fn turn(
        &mut self,
        now: Now,
        net: &mut Net,
        mesh: &mut Mesh,
        pace: Pace,
    ) -> Vec<usize> {
        let mut ring = Vec::new();
        self.core.begin_turn(now);
        self.take_mail(mesh, pace, &mut ring);
        while let Ok(answered) = self.returns.try_recv() {
            self.core.handle_answer(answered);
        }
        self.accept(net);
        self.read(net, pace);
        self.core.handle_resumed();
        self.core.handle_timeouts();
        self.send_mail(mesh, &mut ring);
        self.core.flush(net);
        self.reap(net);
        self.core.audit();
        ring
    }

    fn take_mail(&mut self, mesh: &mut Mesh, pace: Pace, ring: &mut Vec<usize>) {
        let look = std::mem::take(&mut self.rung) | std::mem::take(&mut self.left_over);
        let core = &mut self.core;
        for peer in (0..self.told.len()).filter(|&peer| peer != self.at) {
            let told = &mut mesh.from_home[peer][self.at];
            let give = |mail| core.handle_from_home(mail);
            self.left_over |= pass(look, pace, &mut self.told[peer], told, give);
            let asked = &mut mesh.to_home[peer][self.at];
            let give = |mail| core.handle_to_home(mail);
            self.left_over |= pass(look, pace, &mut self.asked[peer], asked, give);
            let relieved = [asked.relieved(), told.relieved()];
            if relieved.contains(&true) {
                ring.push(peer);
            }
        }
    }

    fn send_mail(&mut self, mesh: &mut Mesh, ring: &mut Vec<usize>) {
        let mut moved = false;
        for (peer, mail) in self.core.mail().iter_mut().enumerate() {
            if peer == self.at {
                continue;
            }
            let mut sent = false;
            moved |= put(
                &mut mail.to_home,
                &mut mesh.to_home[self.at][peer],
                &mut sent,
            );
            moved |= put(
                &mut mail.from_home,
                &mut mesh.from_home[self.at][peer],
                &mut sent,
            );
            if sent {
                ring.push(peer);
            }
        }
        if moved {
            self.core.note_room();
        }
    }

    fn accept(&mut self, net: &mut Net) {
        for (at, listener) in self.accepts.drain(..) {
            let sock = Sock(i32::try_from(at).unwrap());
            let id = match listener {
                Some(Tcp { topic, frames }) => {
                    self.core.handle_tcp_open(sock, frames, &topic, None)
                }
                None => self.core.handle_http_open(sock, None),
            };
            self.accepted += 1;
            self.socks.insert(id, at);
            let socket = &mut net.sockets[at];
            socket.id = Some(id);
            // The first poll reports whatever is ready.
            socket.event.writable = true;
            self.events.push(at);
        }
    }

    fn read(&mut self, net: &mut Net, pace: Pace) {
        for at in std::mem::take(&mut self.events) {
            let socket = &mut net.sockets[at];
            let event = std::mem::take(&mut socket.event);
            let Some(id) = socket.id.filter(|_| !socket.closed) else {
                continue;
            };
            if event.writable {
                socket.blocked = false;
                self.core.handle_writable(id);
            }
            if event
                != (Event {
                    writable: event.writable,
                    ..Event::default()
                })
            {
                let ends = event.read_closed || event.error;
                self.core.note_readable(id, ends);
            }
        }
        while let Some((id, to_the_end)) = self.core.take_readable() {
            self.read_from(id, to_the_end, net, pace);
        }
    }

    fn read_from(&mut self, id: ConnId, to_the_end: bool, net: &mut Net, pace: Pace) {
        while self.core.wants_bytes(id) {
            let Some(&at) = self.socks.get(&id) else {
                return;
            };
            let socket = &mut net.sockets[at];
            if socket.broken {
                return self.core.handle_reset(id);
            }
            let len = pace.read_buffer.min(self.core.read_len());
            let n = socket.rx.len().min(len);
            if n == 0 && socket.fin_arrived {
                return self.core.handle_read_end(id);
            }
            if n == 0 {
                return;
            }
            let mut bytes: Vec<u8> = socket.rx.drain(..n).collect();
            self.core.handle_bytes(id, &mut bytes);
            if n < len && !to_the_end {
                return;
            }
        }
    }

    fn reap(&mut self, net: &mut Net) {
        while let Some(id) = self.core.take_finished() {
            if let Some(&at) = self.socks.get(&id) {
                assert!(!net.sockets[at].shut, "shut down twice");
                net.sockets[at].shut = true;
            }
        }
        while let Some(id) = self.core.take_asked() {
            if let Some(&at) = self.socks.get(&id) {
                self.core.handle_unsent(id, net.sockets[at].tx.len());
            }
        }
        self.core.settle(|_, _, _| {});
        let socks = &mut self.socks;
        self.core.reap(|id, sock, _| {
            let at = socks.remove(&id).expect("closed twice, or never opened");
            assert_eq!(usize::try_from(sock.0), Ok(at), "another's socket");
            net.sockets[at].closed = true;
        });
    }
}

/// Passes mail on until there is none, or no room, or the turn's share is taken: `true`.
fn pass<M: Weigh>(
    look: bool,
    pace: Pace,
    stuck: &mut Option<M>,
    lane: &mut Lane<M>,
    mut give: impl FnMut(M) -> Option<M>,
) -> bool {
    let look = look || stuck.is_some();
    for _ in 0..pace.mail_per_lane {
        let next = || if look { lane.receive() } else { None };
        let Some(mail) = stuck.take().or_else(next) else {
            return false;
        };
        *stuck = give(mail);
        if stuck.is_some() {
            return false;
        }
    }
    true
}

/// Empties an outgoing box; `true` if somebody had found no room in the lane and there is some now.
fn put<M: Weigh>(outgoing: &mut Outgoing<M>, lane: &mut Lane<M>, sent: &mut bool) -> bool {
    if !outgoing.is_touched() {
        return false;
    }
    while let Some(mail) = outgoing.pop() {
        lane.send(mail);
        *sent = true;
    }
    let found = outgoing.take_starved() && lane.ready();
    outgoing.set_room(lane.room());
    found
}

/// The id of the shard at this index.
pub(crate) fn shard_id(at: usize) -> ShardId {
    ShardId::try_from(at).unwrap()
}
