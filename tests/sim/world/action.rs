//! What happens in a world, one thing at a time.

use std::hash::Hash;

use corecast::time::Now;
use corecast::{Framing, Kind};

use crate::client::Place;
use crate::world::World;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Turn(usize),
    Connect(usize, Place),
    Deliver(usize, usize),
    Receive(usize, usize),
    Space(usize),
    Publish(usize, usize),
    Echo(usize),
    Ping(usize),
    Subscribe(usize, usize),
    Unsubscribe(usize, usize),
    Stall(usize, bool),
    Close(usize),
    HalfClose(usize),
    Vanish(usize),
    Reset(usize),
    Leave(usize),
    /// Of the open questions this one is answered, or dropped.
    Answer(usize, bool),
    /// A shard sends something to a user.
    Note(usize, usize),
    /// A shard disconnects a user, or one connection of it.
    Disconnect(usize, usize, bool),
    /// All tokens of a user are revoked, and a shard ends its connections.
    Revoke(usize, usize),
    /// A shard lists the connections of a user.
    List(usize, usize),
    /// A shard removes the messages of a topic's history.
    Remove(usize, usize),
    /// A topic has other settings from now on.
    Reload(usize),
    Pass(u64),
    Drain,
}

/// Actions kept for the report of a failure.
const TRACE_LEN: usize = 40;

impl World {
    fn note(&mut self, action: Action) {
        let mut book = self.ledger.borrow_mut();
        book.step += 1;
        (book.step, self.now, action).hash(&mut self.digest);
        if self.trace.len() == TRACE_LEN {
            self.trace.pop_front();
        }
        self.trace.push_back((book.step, self.now, action));
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.note(action);
        match action {
            Action::Turn(at) => self.turn(at),
            Action::Connect(..) => {}
            Action::Answer(at, says) => {
                let question = self.ledger.borrow_mut().questions.swap_remove(at);
                if says {
                    question.answer(true);
                }
            }
            Action::Deliver(at, n) => {
                self.net.sockets[at].deliver(n);
                self.report(at);
            }
            Action::Receive(at, n) => self.receive(at, n),
            Action::Space(at) => {
                self.net.sockets[at].event.writable = true;
                self.report(at);
            }
            Action::Publish(at, topic) => self.publish(at, topic),
            Action::Echo(at) => {
                let payload = (0..self.filler()).map(|at| at.to_le_bytes()[0]).collect();
                let bytes = self.clients[at].echo(payload, &mut self.rng);
                self.net.sockets[at].outgoing.extend(bytes);
            }
            Action::Ping(at) => {
                let bytes = self.clients[at].ping(&mut self.rng);
                self.net.sockets[at].outgoing.extend(bytes);
            }
            Action::Subscribe(at, topic) => self.command(at, '+', topic),
            Action::Unsubscribe(at, topic) => self.command(at, '-', topic),
            Action::Note(shard, user) => self.send_note(shard, user),
            Action::Disconnect(shard, user, all) => self.disconnect(shard, user, all),
            Action::Revoke(shard, user) => self.revoke(shard, user),
            Action::List(shard, user) => self.list(shard, user),
            Action::Remove(shard, topic) => self.remove_history(shard, topic),
            Action::Reload(topic) => self.reload(topic),
            Action::Stall(at, stalled) => self.clients[at].stalled = stalled,
            Action::Pass(millis) => {
                self.now += millis;
                if let Some(orders) = &self.ledger.borrow().places {
                    orders.set_time(self.now);
                }
            }
            Action::Drain => {
                for shard in &mut self.shards {
                    shard.driver.core.begin_drain();
                }
            }
            leave => self.leave(leave),
        }
    }

    fn leave(&mut self, action: Action) {
        match action {
            Action::Close(at) => {
                let bytes = self.clients[at].close(&mut self.rng);
                self.net.sockets[at].outgoing.extend(bytes);
                self.clients[at].leaving = true;
            }
            Action::HalfClose(at) => {
                self.net.sockets[at].fin = true;
                self.clients[at].half_closed = true;
            }
            Action::Vanish(at) => {
                let bytes = self.clients[at].message(Kind::Binary, &[b'x'; 300], &mut self.rng);
                let cut = 1 + self.rng.below(bytes.len() - 1);
                let socket = &mut self.net.sockets[at];
                if !socket.fin {
                    socket.outgoing.extend_from_slice(&bytes[..cut]);
                    socket.fin = true;
                }
                let client = &mut self.clients[at];
                client.leaving = true;
                client.rude = true;
                if client.place == Place::Tcp {
                    // A half-close to the server: it goes on sending until this.
                    self.reset(at);
                }
            }
            Action::Reset(at) => self.reset(at),
            Action::Leave(at) => self.net.sockets[at].fin = true,
            _ => unreachable!("{action:?}"),
        }
    }

    fn reset(&mut self, at: usize) {
        let socket = &mut self.net.sockets[at];
        socket.broken = true;
        socket.event.error = true;
        let client = &mut self.clients[at];
        client.leaving = true;
        client.rude = true;
        client.ended = true;
        self.report(at);
    }

    /// Puts a socket on the list of those that its shard's next poll reports.
    fn report(&mut self, at: usize) {
        let socket = &self.net.sockets[at];
        let host = &mut self.shards[socket.shard].host;
        if socket.id.is_some() && !host.events.contains(&at) {
            host.events.push(at);
        }
    }

    fn turn(&mut self, at: usize) {
        self.shards[at].turn(Now::from_millis(self.now), &mut self.net);
    }

    fn receive(&mut self, at: usize, n: usize) {
        let socket = &mut self.net.sockets[at];
        let client = &mut self.clients[at];
        let n = n.min(socket.tx.len());
        let bytes: Vec<u8> = socket.tx.drain(..n).collect();
        bytes.hash(&mut self.digest);
        let answers = client.take(&bytes, &self.ledger.borrow(), &mut self.rng);
        if !socket.fin && !client.leaving {
            socket.outgoing.extend(answers);
        }
        if socket.tx.is_empty() && (socket.shut || socket.closed) {
            client.ended = true;
            assert!(
                client.rude || !client.is_mid_frame(),
                "ended inside a frame"
            );
        }
    }

    fn filler(&mut self) -> usize {
        let max = self.profile.filler_max;
        match self.rng.below(4) {
            0 => self.rng.below(max + 1),
            1 => self.rng.below(max.min(200) + 1),
            _ => self.rng.below(max.min(30) + 1),
        }
    }

    fn publish(&mut self, at: usize, topic: usize) {
        let filler = self.filler();
        let client = &mut self.clients[at];
        client.todo = client.todo.saturating_sub(1);
        let kind = match client.place {
            Place::Tcp if client.framing == Framing::Line => Kind::Text,
            Place::Tcp => Kind::Binary,
            _ => [Kind::Text, Kind::Binary][self.rng.below(2)],
        };
        let mut book = self.ledger.borrow_mut();
        let payload = book.begin(topic, Some(at), kind, filler);
        let bytes = client.message(kind, &payload, &mut self.rng);
        self.net.sockets[at].outgoing.extend(bytes);
    }

    fn command(&mut self, at: usize, sign: char, topic: usize) {
        let name = self.clients[at].name(topic, &self.names);
        let mut text = format!("{sign}{name}");
        let reader = self.clients[at].readers.get(topic).cloned();
        if sign == '+'
            && let Some(reader) = reader
        {
            if let Some(position) = reader.position {
                text += &format!(" {position}");
            }
            self.clients[at].asked_with.push_back(reader);
        }
        let bytes = self.clients[at].message(Kind::Text, text.as_bytes(), &mut self.rng);
        self.net.sockets[at].outgoing.extend(bytes);
    }
}
