//! The users whose home is this shard: which connections each has, on any shard, and which of them
//! give way where there are too many.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::num::NonZeroU64;
use std::ops::Range;

use hashbrown::HashMap;
use slab::Slab;

use crate::config::BeyondUserLimit;
use crate::id::{ConnId, ConnectionId, ShardId, key32};
use crate::limits::SHARDS_MAX;
use crate::topic::index::HashIndex;
use crate::topic::tables::GiveBack;
use crate::user::UserHash;

/// What a home says to a new connection of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// It is one of the user's.
    Counted,
    /// It is one of the user's in place of this one, which is to be closed.
    InPlaceOf(ConnectionId),
    /// It is one too many.
    Refused,
}

/// A user with its oldest connection. Most have no other.
#[derive(Debug)]
struct Home {
    /// The user, and in the lowest byte the connection's shard.
    user_and_shard: NonZeroU64,
    conn: ConnId,
}

// What a user costs at its home, with 6 to 12 bytes of the index.
const _: () = assert!(size_of::<Option<Home>>() == 16);
const _: () = assert!(SHARDS_MAX <= 1 << 8, "the index of a shard is a byte");

impl Home {
    fn new(user: UserHash, oldest: ConnectionId) -> Self {
        let [shard, _] = oldest.shard.get().to_le_bytes();
        Self {
            user_and_shard: user.with(shard),
            conn: oldest.conn,
        }
    }

    fn user(&self) -> UserHash {
        UserHash::of_bits(self.user_and_shard.get())
    }

    fn oldest(&self) -> ConnectionId {
        let [shard, ..] = self.user_and_shard.get().to_le_bytes();
        ConnectionId {
            shard: ShardId::new(shard.into()),
            conn: self.conn,
        }
    }
}

/// The users whose home is this shard.
#[derive(Debug, Default)]
pub(crate) struct UserHomes {
    /// Places in `homes`, by the hash of the user.
    index: HashIndex<u32>,
    homes: Slab<Home>,
    /// How many connections users have beside their oldest, if they have any.
    others: HashMap<UserHash, u32, RandomState>,
    /// The connections of users that have, or had, several, by age: the smaller is older. A user
    /// may have any number of them, and clients choose which end first.
    by_age: BTreeMap<(UserHash, u64), ConnectionId>,
    /// The ages of those.
    ages: HashMap<ConnectionId, u64, RandomState>,
    last_age: u64,
}

impl UserHomes {
    /// A user has one connection more, if it may have so many.
    pub(crate) fn enter(
        &mut self,
        user: UserHash,
        conn: ConnectionId,
        limit: Option<u32>,
        beyond: BeyondUserLimit,
    ) -> Entry {
        let is_full = limit.is_some_and(|limit| limit as usize <= self.count(user));
        if !is_full {
            self.add(user, conn);
            return Entry::Counted;
        }
        let oldest = self.find(user).and_then(|at| self.homes.get(at));
        match (beyond, oldest.map(Home::oldest)) {
            (BeyondUserLimit::CloseOldest, Some(oldest)) => {
                self.leave(user, oldest);
                self.add(user, conn);
                Entry::InPlaceOf(oldest)
            }
            _ => Entry::Refused,
        }
    }

    /// A user has one connection less, unless this was none of its.
    pub(crate) fn leave(&mut self, user: UserHash, conn: ConnectionId) {
        let Some(at) = self.find(user).filter(|at| self.is_of(*at, conn)) else {
            return;
        };
        if let Some(age) = self.ages.remove(&conn) {
            self.by_age.remove(&(user, age));
        }
        let Some(others) = self.others.get_mut(&user) else {
            return self.forget(user, at);
        };
        *others -= 1;
        if *others == 0 {
            self.others.remove(&user);
        }
        let home = &mut self.homes[at];
        if home.oldest() == conn
            && let Some((_, next)) = self.by_age.range((user, 0)..).next()
        {
            *home = Home::new(user, *next);
        }
    }

    /// The age of a connection that enters now.
    pub(crate) fn next_age(&self) -> u64 {
        self.last_age + 1
    }

    /// The connections of a user with these ages, the oldest first. One that was the user's first
    /// has the age 0.
    pub(crate) fn connections(
        &self,
        user: UserHash,
        ages: Range<u64>,
    ) -> impl Iterator<Item = (u64, ConnectionId)> {
        let home = self.find(user).map(|at| &self.homes[at]);
        let oldest = home.map(Home::oldest).filter(|_| ages.contains(&0));
        let single = oldest.filter(|oldest| !self.ages.contains_key(oldest));
        let single = single.map(|oldest| (0, oldest));
        let several = self.by_age.range((user, ages.start)..(user, ages.end));
        let several = several.map(|((_, age), conn)| (*age, *conn));
        single.into_iter().chain(several)
    }

    /// How many users there are.
    pub(crate) fn count_users(&self) -> usize {
        self.homes.len()
    }

    /// Whether a connection is this user's.
    pub(crate) fn has(&self, user: UserHash, conn: ConnectionId) -> bool {
        self.find(user).is_some_and(|at| self.is_of(at, conn))
    }

    /// Calls `visit` with each table that grows with the number of users.
    pub(crate) fn each_table(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        visit(&mut self.homes);
        visit(&mut self.others);
        visit(&mut self.ages);
        let Self { index, homes, .. } = self;
        visit(&mut index.hashed_by(|at| hash_of(homes, *at)));
    }

    /// All connections of all users.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn all(&self) -> Vec<(UserHash, ConnectionId)> {
        let users = self.homes.iter().map(|(_, home)| home.user());
        let all = |user| {
            let conns = self.connections(user, 0..u64::MAX);
            conns.map(move |(_, conn)| (user, conn))
        };
        users.flat_map(all).collect()
    }

    fn count(&self, user: UserHash) -> usize {
        let others = self.others.get(&user).map_or(0, |others| *others as usize);
        self.find(user).map_or(0, |_| 1 + others)
    }

    fn is_of(&self, at: usize, conn: ConnectionId) -> bool {
        let home = &self.homes[at];
        let found = || {
            let age = self.ages.get(&conn)?;
            self.by_age.get(&(home.user(), *age))
        };
        home.oldest() == conn || found() == Some(&conn)
    }

    fn find(&self, user: UserHash) -> Option<usize> {
        let is_it = |at: &u32| {
            self.homes
                .get(*at as usize)
                .is_some_and(|home| home.user() == user)
        };
        let at = self.index.find(user.spread(), is_it)?;
        Some(*at as usize)
    }

    fn add(&mut self, user: UserHash, conn: ConnectionId) {
        self.last_age += 1;
        if let Some(at) = self.find(user) {
            *self.others.entry(user).or_default() += 1;
            let oldest = self.homes[at].oldest();
            for (conn, age) in [(oldest, 0), (conn, self.last_age)] {
                // The oldest may have an age since there were several before.
                let age = *self.ages.entry(conn).or_insert(age);
                self.by_age.insert((user, age), conn);
            }
            return;
        }
        let at = self.homes.insert(Home::new(user, conn));
        let Self { index, homes, .. } = self;
        index.insert(user.spread(), key32(at), |at| hash_of(homes, *at));
    }

    fn forget(&mut self, user: UserHash, at: usize) {
        let is_it = |other: &u32| *other as usize == at;
        self.index.remove(user.spread(), is_it);
        self.homes.remove(at);
    }
}

fn hash_of(homes: &Slab<Home>, at: u32) -> u64 {
    homes
        .get(at as usize)
        .map_or(0, |home| home.user().spread())
}

#[cfg(test)]
#[path = "homes_tests.rs"]
mod tests;
