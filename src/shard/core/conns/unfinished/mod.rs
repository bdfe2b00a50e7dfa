//! Connections that hold something unfinished: what, since when, and which of them gives way.

use core::net::IpAddr;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use slab::Slab;

use crate::address::client_of;
use crate::config::Config;
use crate::id::{ConnKey, key32};
use crate::limits::PROGRESS_FAST;
use crate::shard::core::conn::{Conn, Held, Tab, UNPROCESSED};
use crate::shard::core::conns::Conns;
use crate::time::{Now, Stamp};

/// Connections that hold something: the front of a message, a body, or a message that waits.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    of: Slab<Holder>,
    /// What all of them hold.
    sum: Sum,
    /// Of the addresses of clients.
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    unfinished: usize,
    waiting: usize,
    context: usize,
}

#[derive(Debug)]
struct Holder {
    key: ConnKey,
    /// The client of that connection; see [`Tab::client`].
    client: u32,
    /// When the oldest of it began to come.
    since: Stamp,
    held: Held,
}

impl Holders {
    /// Bytes of incomplete messages and bodies.
    pub(crate) fn unfinished(&self) -> usize {
        self.sum.unfinished
    }

    /// Bytes of messages that wait to be taken.
    pub(crate) fn waiting(&self) -> usize {
        self.sum.waiting
    }

    /// Bytes of earlier messages, to which compressed ones may refer.
    pub(crate) fn context(&self) -> usize {
        self.sum.context
    }

    /// Bytes of all that.
    pub(crate) fn bytes(&self) -> usize {
        self.unfinished() + self.waiting() + self.context()
    }

    /// Notes what a connection holds now; `true` if a message begins with that.
    fn note(&mut self, key: ConnKey, tab: &mut Tab, held: Held, now: Stamp) -> bool {
        let before = match tab.place() {
            Some(index) => self.of[index as usize].held,
            None if held.is_nothing() => return false,
            None => Held::default(),
        };
        let begins = before.sum() == 0 && held.sum() != 0;
        let Sum {
            unfinished,
            waiting,
            context,
        } = &mut self.sum;
        *context = *context + held.context as usize - before.context as usize;
        *unfinished = *unfinished + held.unfinished as usize - before.unfinished as usize;
        *waiting = *waiting + held.waiting as usize - before.waiting as usize;
        match tab.place() {
            Some(index) if held.is_nothing() => {
                *tab = Tab::client(self.of.remove(index as usize).client);
            }
            Some(index) => {
                let holder = &mut self.of[index as usize];
                holder.held = held;
                if begins {
                    holder.since = now;
                }
            }
            None => {
                let client = tab.0;
                let since = now;
                let index = self.of.insert(Holder {
                    key,
                    client,
                    since,
                    held,
                });
                *tab = Tab::at(key32(index));
            }
        }
        begins
    }

    /// What a connection is known to hold.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn held(&self, tab: Tab) -> Held {
        self.get(tab)
            .map_or_else(Held::default, |holder| holder.held)
    }

    /// The client of a connection.
    pub(crate) fn client(&self, tab: Tab) -> u32 {
        self.get(tab).map_or(tab.0, |holder| holder.client)
    }

    fn set_client(&mut self, tab: &mut Tab, client: Tab) {
        match tab.place() {
            Some(index) => self.of[index as usize].client = client.0,
            None => *tab = client,
        }
    }

    fn get(&self, tab: Tab) -> Option<&Holder> {
        self.of.get(tab.place()? as usize)
    }

    /// Another message begins, or the same goes on after a pause that was ours.
    fn restart(&mut self, tab: Tab, now: Stamp) {
        if let Some(index) = tab.place() {
            self.of[index as usize].since = now;
        }
    }

    /// All connections that hold something, that which gives way last first.
    ///
    /// The slowest goes first, and an address that has many of them before one that has few: the
    /// score is how far a message is from being fast enough, times the holders of its client. By
    /// their number and not their bytes, or one large message would go before a thousand small ones
    /// that come to no end. Of those that are alike, the largest.
    pub(crate) fn ranked(&self, now: Now) -> Vec<(u64, u32, ConnKey)> {
        let mut of_client: HashMap<u32, u64> = HashMap::new();
        let of_messages = || self.of.iter().filter(|(_, holder)| holder.held.sum() != 0);
        for (_, holder) in of_messages() {
            *of_client.entry(holder.client).or_default() += 1;
        }
        let score = |holder: &Holder| {
            let millis = now.since(holder.since.moment()).as_millis();
            let millis = u64::try_from(millis).unwrap_or(u64::MAX);
            // How fast one comes that has only begun is not known.
            let rate = match millis {
                ..1000 => PROGRESS_FAST,
                _ => u64::from(holder.held.sum()) * 1000 / millis,
            };
            let slowness = (PROGRESS_FAST << 10) / rate.clamp(1, PROGRESS_FAST);
            slowness * of_client.get(&holder.client).copied().unwrap_or(1)
        };
        let mut ranked: Vec<_> = of_messages()
            .map(|(_, holder)| (score(holder), holder.held.sum(), holder.key))
            .collect();
        ranked.sort_unstable();
        ranked
    }
}

impl<D> Conns<D> {
    /// Notes the client of a connection: those of one address are taken together.
    pub(crate) fn note_client(&mut self, key: ConnKey, addr: IpAddr) {
        let hash = self.holders.hasher.hash_one(client_of(addr));
        let client = Tab::client(u32::try_from(hash >> 32).unwrap_or_default());
        if let Some(conn) = self.slab.get_mut(key.index()) {
            self.holders.set_client(&mut conn.tab, client);
        }
    }

    /// What a connection holds.
    pub(crate) fn held(&self, key: ConnKey, conn: &Conn<D>) -> Held {
        let context = self.contexts.held_bytes(key);
        let context = u32::try_from(context).unwrap_or(u32::MAX);
        Held {
            context,
            ..conn.held()
        }
    }

    /// Keeps count of what a connection holds; `true` if a message begins with that.
    pub(crate) fn note_held(&mut self, key: ConnKey, now: Now) -> bool {
        let Some(conn) = self.get(key) else {
            return false;
        };
        let held = self.held(key, conn);
        let Some(conn) = self.slab.get_mut(key.index()) else {
            return false;
        };
        self.holders.note(key, &mut conn.tab, held, now.stamp())
    }

    /// A connection is on its way out, and holds nothing more.
    pub(crate) fn forget_holder(&mut self, key: ConnKey, now: Now) {
        if let Some(conn) = self.slab.get_mut(key.index()) {
            let nothing = Held::default();
            self.holders.note(key, &mut conn.tab, nothing, now.stamp());
        }
    }

    /// A message of a connection is complete, or goes on after a pause: the next has its own
    /// time.
    pub(crate) fn restart_progress(&mut self, key: ConnKey, now: Now) {
        if let Some(conn) = self.slab.get(key.index()) {
            self.holders.restart(conn.tab, now.stamp());
        }
    }

    /// When the message that a connection has begun has come too slowly, if nothing more comes.
    pub(crate) fn progress_deadline(&self, config: &Config, conn: &Conn<D>) -> Option<Now> {
        let rate = u64::try_from(config.message_progress).ok()?;
        let holder = self.holders.get(conn.tab)?;
        if rate == 0
            || holder.held.sum() == 0
            || !conn.state.is_accepted()
            || conn.is_paused()
            || conn.is(UNPROCESSED)
        {
            return None;
        }
        let millis = (conn.arrived() as u64).saturating_mul(1000) / rate;
        let earned = Duration::from_millis(millis);
        let grace = config.message_grace;
        Some(holder.since.moment().plus(grace.saturating_add(earned)))
    }
}

#[cfg(test)]
mod tests;
