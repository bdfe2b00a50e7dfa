//! What is kept of connections with a user, beside what all connections have.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use std::collections::VecDeque;
use std::sync::Arc;

use slab::Slab;

use crate::handler::ConnectionInfo;
use crate::id::{ConnKey, UserKey};
use crate::shard::core::conns::Conns;
use crate::shard::mail::{Look, Survey};
use crate::topic::tables::GiveBack;
use crate::user::UserHash;

/// What is kept of one connection with a user.
#[derive(Debug)]
pub(crate) struct UserRecord {
    words: Words,
    /// Seconds since the beginning of 1970 when the connection got its user.
    pub(crate) since: u32,
    /// Messages that have come.
    pub(crate) messages: u32,
}

// It is kept for each connection with a user.
const _: () = assert!(size_of::<Option<UserRecord>>() == 56);

/// The user's name behind the client's address, without gaps. A UUID, as text, behind an address of
/// IPv4 needs no allocation.
#[derive(Debug)]
enum Words {
    Short { len: u8, bytes: [u8; WORDS_SHORT] },
    Long(Box<[u8]>),
}

/// All that there is space for beside what a pointer takes.
const WORDS_SHORT: usize = 46;

impl From<&[u8]> for Words {
    fn from(words: &[u8]) -> Self {
        let mut bytes = [0; WORDS_SHORT];
        match (bytes.get_mut(..words.len()), u8::try_from(words.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(words);
                Self::Short { len, bytes }
            }
            _ => Self::Long(words.into()),
        }
    }
}

impl Words {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::Long(words) => words,
        }
    }
}

/// What is kept of connections with a user.
#[derive(Debug, Default)]
pub(crate) struct UserRecords {
    records: Slab<UserRecord>,
    /// Lists that lack the traffic of their connections, which the shell knows.
    lists: VecDeque<ConnectionList>,
    /// What operators have looked at, which lacks the same.
    looks: VecDeque<Box<Look>>,
}

/// A list of connections of this shard, and where it goes.
#[derive(Debug)]
pub(crate) struct ConnectionList {
    pub(crate) survey: Arc<Survey>,
    pub(crate) infos: Vec<ConnectionInfo>,
}

impl UserRecord {
    fn new(user: &str, addr: Option<SocketAddr>, since: u64) -> Self {
        let (v4, v6);
        let octets: &[u8] = match addr.map(|addr| addr.ip()) {
            None => &[],
            Some(IpAddr::V4(ip)) => {
                v4 = ip.octets();
                &v4
            }
            Some(IpAddr::V6(ip)) => {
                v6 = ip.octets();
                &v6
            }
        };
        let port = addr.map_or(0, |addr| addr.port()).to_le_bytes();
        let len = u8::try_from(octets.len()).unwrap_or_default();
        let words = [&[len][..], &port, octets, user.as_bytes()].concat();
        Self {
            words: Words::from(&*words),
            since: u32::try_from(since).unwrap_or(u32::MAX),
            messages: 0,
        }
    }

    /// Its user.
    pub(crate) fn user(&self) -> &str {
        let user = self.parts().map_or(&[][..], |(_, _, user)| user);
        std::str::from_utf8(user).unwrap_or_default()
    }

    /// Its client's address, if it has one.
    pub(crate) fn addr(&self) -> Option<SocketAddr> {
        let (port, octets, _) = self.parts()?;
        let v4 = <[u8; 4]>::try_from(octets).map(|ip| IpAddr::V4(Ipv4Addr::from(ip)));
        let v6 = || <[u8; 16]>::try_from(octets).map(|ip| IpAddr::V6(Ipv6Addr::from(ip)));
        let ip = v4.or_else(|_| v6()).ok()?;
        Some(SocketAddr::new(ip, port))
    }

    fn parts(&self) -> Option<(u16, &[u8], &[u8])> {
        let (&[len, low, high], rest) = self.words.as_slice().split_first_chunk()?;
        let (octets, user) = rest.split_at_checked(len.into())?;
        Some((u16::from_le_bytes([low, high]), octets, user))
    }
}

impl UserRecords {
    pub(crate) fn get(&self, key: UserKey) -> Option<&UserRecord> {
        self.records.get(key.index())
    }

    pub(crate) fn remove(&mut self, key: Option<UserKey>) {
        if let Some(key) = key {
            self.records.try_remove(key.index());
        }
    }

    /// Has the shell say what traffic these connections have had, before the list goes where it
    /// belongs.
    pub(crate) fn ask_traffic(&mut self, survey: Arc<Survey>, infos: Vec<ConnectionInfo>) {
        self.lists.push_back(ConnectionList { survey, infos });
    }

    /// Whether the shell is to be asked.
    pub(crate) fn has_lists(&self) -> bool {
        !self.lists.is_empty() || !self.looks.is_empty()
    }

    /// The same for what an operator has looked at.
    pub(crate) fn finish_look(&mut self, look: Box<Look>) {
        self.looks.push_back(look);
    }

    pub(crate) fn next_look(&mut self) -> Option<Box<Look>> {
        self.looks.pop_front()
    }

    pub(crate) fn next_list(&mut self) -> Option<ConnectionList> {
        self.lists.pop_front()
    }

    /// The table grows with the number of connections that have a user.
    pub(crate) fn table(&mut self) -> &mut impl GiveBack {
        &mut self.records
    }

    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }
}

impl<D> Conns<D> {
    /// Notes the user of a connection.
    pub(crate) fn set_user(
        &mut self,
        key: ConnKey,
        user: &str,
        addr: Option<SocketAddr>,
        since: u64,
    ) {
        let record = UserRecord::new(user, addr, since);
        if let Some(conn) = self.slab.get_mut(key.index()) {
            self.users.remove(conn.user);
            conn.user = Some(UserKey::new(self.users.records.insert(record)));
        }
    }

    /// A connection has no user after all.
    pub(crate) fn forget_user(&mut self, key: ConnKey) {
        if let Some(conn) = self.slab.get_mut(key.index()) {
            self.users.remove(conn.user.take());
        }
    }

    /// What is kept of the user of a connection.
    pub(crate) fn user(&self, key: ConnKey) -> Option<&UserRecord> {
        self.users.get(self.get(key)?.user?)
    }

    /// The user of a connection, as its home knows it.
    pub(crate) fn user_hash(&self, key: ConnKey) -> Option<UserHash> {
        Some(UserHash::of(self.user(key)?.user()))
    }

    /// A message of a connection has come.
    pub(crate) fn count_message(&mut self, key: ConnKey) {
        let Some(user) = self.get(key).and_then(|conn| conn.user) else {
            return;
        };
        if let Some(record) = self.users.records.get_mut(user.index()) {
            record.messages = record.messages.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_gives_back_its_user_and_address() {
        let addrs = ["192.0.2.1:80", "[2001:db8::1]:65535", "0.0.0.0:0"];
        let addrs = addrs.map(|addr| Some(addr.parse().unwrap()));
        for addr in addrs.into_iter().chain([None]) {
            for len in 0..=255 {
                let user = &*"x".repeat(len);
                let record = UserRecord::new(user, addr, 7);
                assert_eq!((record.user(), record.addr()), (user, addr));
                assert_eq!((record.since, record.messages), (7, 0));
            }
        }
    }
}
