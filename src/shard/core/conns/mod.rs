//! The connections of a shard: the table, and what is kept of them beside it. It knows no topic,
//! and tells neither handler nor socket: what is to be done it keeps on lists.

pub(crate) mod client_addrs;
pub(crate) mod contexts;
pub(crate) mod ends;
pub mod grace;
pub(crate) mod lingering;
pub(crate) mod outbox_pool;
pub mod questions;
pub(crate) mod read_queue;
mod throttled;
pub(crate) mod timers;
pub(crate) mod turned_away;
pub(crate) mod unfinished;
pub(crate) mod users;
pub(crate) mod waits;

use std::collections::VecDeque;

use slab::Slab;

use crate::config::Config;
use crate::id::{ConnId, ConnKey};
use crate::proto::centrifuge::DisconnectCode;
use crate::shard::core::conn::http::Http;
use crate::shard::core::conn::session::Session;
use crate::shard::core::conn::state::State;
use crate::shard::core::conn::{Conn, DIRTY};
use crate::shard::core::conns::client_addrs::Clients;
use crate::shard::core::conns::contexts::Contexts;
use crate::shard::core::conns::ends::Ends;
use crate::shard::core::conns::lingering::Lingering;
use crate::shard::core::conns::outbox_pool::OutboxPool;
use crate::shard::core::conns::read_queue::ReadQueue;
use crate::shard::core::conns::timers::Timers;
use crate::shard::core::conns::turned_away::TurnedAway;
use crate::shard::core::conns::unfinished::Holders;
use crate::shard::core::conns::users::UserRecords;
use crate::shard::core::conns::waits::Waits;
use crate::shard::core::env::Env;
use crate::shard::core::ingress::protocol::Protocol;
use crate::shard::core::lifetimes::Lifetimes;
use crate::shard::core::meters::Meters;
use crate::time::{Now, Stamp};
use crate::topic::sink::Sock;
use crate::topic::tables::GiveBack;

/// The connections of a shard.
#[derive(Debug)]
pub(crate) struct Conns<D> {
    slab: Slab<Conn<D>>,
    next_generation: u32,
    /// When each began, by key: for operators alone, so not in `Conn`, which each message touches.
    began: Vec<Stamp>,
    /// Connections to write, each once.
    dirty: VecDeque<ConnKey>,
    /// Connections to read from.
    pub(crate) reads: ReadQueue,
    /// Connections that are not read, by what they wait for.
    pub(crate) waits: Waits,
    pub(crate) timers: Timers,
    pub(crate) outboxes: OutboxPool,
    /// Connections that hold what is unfinished.
    pub(crate) holders: Holders,
    /// What their next compressed messages may refer to.
    pub(crate) contexts: Contexts,
    /// Where connections come from.
    pub(crate) clients: Clients,
    /// What is kept of connections with a user.
    pub(crate) users: UserRecords,
    pub(crate) lingering: Lingering,
    /// How fast they send.
    pub(crate) meters: Meters,
    /// How long they live.
    pub(crate) lifetimes: Lifetimes,
    pub(crate) turned_away: TurnedAway,
    pub(crate) ends: Ends,
}

impl<D> Conns<D> {
    pub(crate) fn new(shards: u16, config: &Config, now: Now) -> Self {
        Self {
            slab: Slab::new(),
            next_generation: 0,
            began: Vec::new(),
            dirty: VecDeque::new(),
            reads: ReadQueue::default(),
            waits: Waits::new(shards),
            timers: Timers::new(now),
            outboxes: OutboxPool::default(),
            holders: Holders::default(),
            contexts: Contexts::default(),
            clients: Clients::new(config),
            users: UserRecords::default(),
            lingering: Lingering::default(),
            meters: Meters::new(config),
            lifetimes: Lifetimes::new(config),
            turned_away: TurnedAway::default(),
            ends: Ends::default(),
        }
    }

    /// A new connection.
    pub(crate) fn add(&mut self, sock: Sock, protocol: Protocol, now: Now) -> ConnId {
        self.next_generation = self.next_generation.wrapping_add(1);
        let generation = self.next_generation;
        let conn = Conn::new(sock, generation, protocol, now.stamp());
        let key = ConnKey::new(self.slab.insert(conn));
        if self.began.len() <= key.index() {
            self.began.resize(key.index() + 1, Stamp::NEVER);
        }
        self.began[key.index()] = now.stamp();
        self.reads.begin(key);
        self.meters.begin(key);
        self.lifetimes.begin(key, generation, now);
        ConnId { key, generation }
    }

    /// Frees a dead connection, and its key for another.
    pub(crate) fn remove(&mut self, key: ConnKey) -> Option<Conn<D>> {
        let conn = self.slab.try_remove(key.index())?;
        debug_assert!(conn.state == State::Dead);
        self.clients.leave(key);
        self.users.remove(conn.user);
        if conn.is_overflow {
            self.turned_away.note_gone();
        }
        Some(conn)
    }

    /// The key that the next connection gets.
    pub(crate) fn next_key(&self) -> ConnKey {
        ConnKey::new(self.slab.vacant_key())
    }

    /// The connection of this key, dead or not.
    pub(crate) fn get(&self, key: ConnKey) -> Option<&Conn<D>> {
        self.slab.get(key.index())
    }

    /// When the connection of this key began.
    pub(crate) fn began(&self, key: ConnKey) -> Now {
        let began = self.began.get(key.index());
        began.map_or_else(Now::default, |began| began.moment())
    }

    /// The connection of this key, dead or not.
    pub(crate) fn get_mut(&mut self, key: ConnKey) -> Option<&mut Conn<D>> {
        self.slab.get_mut(key.index())
    }

    /// The connection of this key, unless it is dead.
    pub(crate) fn live(&mut self, key: ConnKey) -> Option<&mut Conn<D>> {
        self.get_mut(key).filter(|conn| conn.state != State::Dead)
    }

    /// The connection of this id, unless it is dead, and its key may be that of another.
    pub(crate) fn current(&mut self, id: ConnId) -> Option<&mut Conn<D>> {
        self.live(id.key)
            .filter(|conn| conn.generation == id.generation)
    }

    /// The same if the handler has not accepted it yet.
    pub(crate) fn unopened(&mut self, id: ConnId) -> Option<&mut Conn<D>> {
        self.current(id).filter(|conn| conn.state.is_opening())
    }

    /// What a connection keeps that speaks HTTP.
    pub(crate) fn http(&mut self, key: ConnKey) -> Option<&mut Http> {
        self.live(key)?.protocol.http_mut()
    }

    /// What a connection keeps that speaks the structured protocol, unless it is about to end.
    pub(crate) fn session(&mut self, key: ConnKey) -> Option<&mut Session> {
        let conn = self.live(key).filter(|conn| !conn.state.is_closing())?;
        conn.protocol.session_mut()
    }

    /// A session is to end with this code, as soon as its time is looked at.
    pub(crate) fn end_session(&mut self, env: &Env, key: ConnKey, code: DisconnectCode) {
        let armed = self.timers.arm(key, env.now);
        if let Some(session) = self.session(key) {
            (session.end, session.until) = (Some(code), env.now.stamp());
        }
        if let Some(conn) = self.live(key) {
            conn.armed = armed;
        }
    }

    /// Whether a connection speaks the structured protocol.
    pub(crate) fn has_session(&self, key: ConnKey) -> bool {
        self.get(key)
            .is_some_and(|conn| conn.protocol.session().is_some())
    }

    pub(crate) fn id(&self, key: ConnKey) -> ConnId {
        let generation = self.get(key).map_or(0, |conn| conn.generation);
        ConnId { key, generation }
    }

    /// All of them, the dead too.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConnKey, &Conn<D>)> {
        let conns = self.slab.iter();
        conns.map(|(key, conn)| (ConnKey::new(key), conn))
    }

    /// All of them, the dead too.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Conn<D>> {
        self.slab.iter_mut().map(|(_, conn)| conn)
    }

    /// All keys that a connection may have now.
    pub(crate) fn keys(&self) -> impl Iterator<Item = ConnKey> + use<D> {
        (0..self.slots()).map(ConnKey::new)
    }

    /// How many keys that are.
    pub(crate) fn slots(&self) -> usize {
        self.slab.capacity()
    }

    /// How many connections there are.
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    /// Gives back what is kept of connections that are gone.
    pub(crate) fn give_back_began(&mut self) {
        self.began.truncate(self.slab.capacity());
        self.began.give_back();
        self.lifetimes.give_back(self.slab.capacity());
    }

    /// The table grows with the number of connections.
    pub(crate) fn table(&mut self) -> &mut impl GiveBack {
        &mut self.slab
    }

    /// Puts a connection on the list of those to write; `false` if it is there already.
    pub(crate) fn mark_dirty(&mut self, key: ConnKey) -> bool {
        let Some(conn) = self.get_mut(key).filter(|conn| !conn.is(DIRTY)) else {
            return false;
        };
        conn.set(DIRTY, true);
        self.dirty.push_back(key);
        true
    }

    /// Has a connection that is to be written later written in this turn.
    pub(crate) fn end_delay(&mut self, key: ConnKey) {
        let conn = self.get_mut(key);
        if conn.is_some_and(|conn| conn.subs.set_delayed(false)) {
            self.mark_dirty(key);
        }
    }

    /// The next connection to write.
    pub(crate) fn next_dirty(&mut self) -> Option<ConnKey> {
        self.dirty.pop_front()
    }

    /// How many connections are to be written.
    pub(crate) fn dirty_len(&self) -> usize {
        self.dirty.len()
    }

    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn is_to_be_written(&self, key: ConnKey) -> bool {
        self.dirty.contains(&key)
    }

    /// Whether something of them needs another turn at once.
    pub(crate) fn has_work(&self) -> bool {
        !self.dirty.is_empty()
            || !self.reads.is_empty()
            || self.waits.has_work()
            || self.ends.has_work()
            || self.users.has_lists()
    }
}
