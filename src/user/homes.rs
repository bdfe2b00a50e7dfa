//! The users whose home is this shard: which connections each has, on any shard, and which of them
//! give way where there are too many.

use std::collections::HashMap;

use hashbrown::HashTable;
use slab::Slab;

use crate::config::BeyondUserLimit;
use crate::id::{ConnectionId, OthersKey, key32};
use crate::topic::tables::{GiveBack, is_sparse};
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
    user: UserHash,
    oldest: ConnectionId,
    others: Option<OthersKey>,
}

// What a user costs at its home, with 5 to 12 bytes of the index.
const _: () = assert!(size_of::<Option<Home>>() == 24);

/// The users whose home is this shard.
#[derive(Debug, Default)]
pub(crate) struct UserHomes {
    /// Places in `homes`, by the hash of the user.
    index: HashTable<u32>,
    homes: Slab<Home>,
    /// Further connections of users, each with its age: the smaller number is older.
    others: Slab<HashMap<ConnectionId, u64>>,
    next_age: u64,
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
        match (beyond, oldest.map(|home| home.oldest)) {
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
        let Some(at) = self.find(user) else {
            return;
        };
        let home = &mut self.homes[at];
        let others = home.others.map(|key| &mut self.others[key.index()]);
        if home.oldest != conn {
            others.map(|others| others.remove(&conn));
        } else if let Some(others) = others {
            let next = others.iter().min_by_key(|(_, age)| **age);
            if let Some((&next, _)) = next {
                others.remove(&next);
                home.oldest = next;
            }
        } else {
            self.forget(user, at);
            return;
        }
        if let Some(key) = home.others
            && self.others[key.index()].is_empty()
        {
            home.others = None;
            self.others.remove(key.index());
        }
    }

    /// The connections of a user, the oldest first.
    pub(crate) fn connections(&self, user: UserHash) -> Vec<ConnectionId> {
        let Some(home) = self.find(user).map(|at| &self.homes[at]) else {
            return Vec::new();
        };
        let others = home.others.map(|key| &self.others[key.index()]);
        let others = others.into_iter().flatten();
        let mut others: Vec<_> = others.map(|(conn, age)| (*age, *conn)).collect();
        others.sort_unstable();
        let others = others.into_iter().map(|(_, conn)| conn);
        [home.oldest].into_iter().chain(others).collect()
    }

    /// Calls `visit` with each table that grows with the number of users.
    pub(crate) fn each_table(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        visit(&mut self.homes);
        visit(&mut self.others);
        let Self { index, homes, .. } = self;
        if is_sparse(index.len(), index.capacity()) {
            index.shrink_to(2 * index.len(), |at| hash_of(homes, *at));
        }
    }

    /// All connections of all users.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn all(&self) -> Vec<(UserHash, ConnectionId)> {
        let homes = self.homes.iter().map(|(_, home)| home.user);
        homes
            .flat_map(|user| {
                self.connections(user)
                    .into_iter()
                    .map(move |conn| (user, conn))
            })
            .collect()
    }

    fn count(&self, user: UserHash) -> usize {
        let home = self.find(user).map(|at| &self.homes[at]);
        home.map_or(0, |home| {
            1 + home.others.map_or(0, |key| self.others[key.index()].len())
        })
    }

    fn find(&self, user: UserHash) -> Option<usize> {
        let is_it = |at: &u32| {
            self.homes
                .get(*at as usize)
                .is_some_and(|home| home.user == user)
        };
        let at = self.index.find(user.get(), is_it)?;
        Some(*at as usize)
    }

    fn add(&mut self, user: UserHash, conn: ConnectionId) {
        self.next_age += 1;
        if let Some(at) = self.find(user) {
            let home = &mut self.homes[at];
            let others = &mut self.others;
            let key = home
                .others
                .get_or_insert_with(|| OthersKey::new(others.insert(HashMap::new())));
            others[key.index()].insert(conn, self.next_age);
            return;
        }
        let at = self.homes.insert(Home {
            user,
            oldest: conn,
            others: None,
        });
        let Self { index, homes, .. } = self;
        index.insert_unique(user.get(), key32(at), |at| hash_of(homes, *at));
    }

    fn forget(&mut self, user: UserHash, at: usize) {
        if let Ok(entry) = self
            .index
            .find_entry(user.get(), |other| *other as usize == at)
        {
            entry.remove();
        }
        self.homes.remove(at);
    }
}

fn hash_of(homes: &Slab<Home>, at: u32) -> u64 {
    homes.get(at as usize).map_or(0, |home| home.user.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ConnId, ConnKey, ShardId};
    use crate::internals::Rng;

    fn conn(number: usize) -> ConnectionId {
        let number = u32::try_from(number).unwrap();
        ConnectionId {
            shard: ShardId::new(u16::try_from(number % 3).unwrap()),
            conn: ConnId {
                key: ConnKey(number / 3),
                generation: number,
            },
        }
    }

    /// What the homes must say, by a list of each user's connections.
    fn expected(
        list: &mut Vec<ConnectionId>,
        new: ConnectionId,
        limit: Option<u32>,
        beyond: BeyondUserLimit,
    ) -> Entry {
        let is_full = limit.is_some_and(|limit| limit as usize <= list.len());
        if is_full && beyond == BeyondUserLimit::Refuse {
            return Entry::Refused;
        }
        list.push(new);
        match is_full {
            true => Entry::InPlaceOf(list.remove(0)),
            false => Entry::Counted,
        }
    }

    #[test]
    fn homes_agree_with_a_list_of_each_users_connections() {
        for seed in 0..400 {
            let mut rng = Rng::new(seed);
            let limit = [None, Some(1), Some(2), Some(5)][rng.below(4)];
            let beyond = [BeyondUserLimit::CloseOldest, BeyondUserLimit::Refuse][rng.below(2)];
            let users = ["a", "b", "c"].map(UserHash::of);
            let mut lists = [const { Vec::new() }; 3];
            let mut homes = UserHomes::default();
            for number in 0..200 {
                let at = rng.below(users.len());
                let (user, list) = (users[at], &mut lists[at]);
                if rng.below(2) == 0 {
                    let entry = homes.enter(user, conn(number), limit, beyond);
                    let expected = expected(list, conn(number), limit, beyond);
                    assert_eq!(entry, expected, "seed {seed}");
                } else {
                    // One of this user, of another, or of none.
                    let left = conn(rng.below(number + 1));
                    homes.leave(user, left);
                    list.retain(|other| *other != left);
                }
                assert_eq!(homes.connections(user), *list, "seed {seed}");
            }
            for (user, list) in users.into_iter().zip(lists) {
                list.into_iter().for_each(|conn| homes.leave(user, conn));
            }
            assert!(homes.homes.is_empty() && homes.others.is_empty() && homes.index.is_empty());
        }
    }

    #[test]
    fn tables_are_small_again_when_users_are_gone() {
        let mut homes = UserHomes::default();
        let users: Vec<UserHash> = (0..20_000)
            .map(|number| UserHash::of(&number.to_string()))
            .collect();
        let enter = |homes: &mut UserHomes, user| {
            homes.enter(user, conn(0), None, BeyondUserLimit::default());
        };
        users.iter().for_each(|user| enter(&mut homes, *user));
        users[10..]
            .iter()
            .for_each(|user| homes.leave(*user, conn(0)));
        homes.each_table(|table| {
            table.give_back();
        });
        assert!(homes.index.capacity() < 2_000 && homes.homes.capacity() < 2_000);
        for user in &users[..10] {
            assert_eq!(homes.connections(*user), [conn(0)]);
        }
    }
}
