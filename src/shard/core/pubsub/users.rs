//! Users: a connection with one is counted at the user's home, from before its greeting to its end.
//!
//! That a connection has come or gone is state, not mail: at most one of each waits for the lane,
//! and of a connection that goes before its home has heard of it none.

use std::collections::hash_map::RandomState;

use hashbrown::HashMap;

use crate::auth::Principal;
use crate::handler::ConnectionInfo;
use crate::id::{ConnId, ConnKey, ConnectionId};
use crate::proto::http::Reader;
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::shard::core::pubsub::user_queue::{Pending, UserQueue};
use crate::shard::mail::{ToHome, UserOrder};
use crate::topic::tables::GiveBack;
use crate::user::UserHash;
use crate::user::homes::{Entry, UserHomes};

/// The users whose home is here, and connections of which other homes are to be told.
#[derive(Debug, Default)]
pub(crate) struct Users {
    pub(crate) homes: UserHomes,
    /// Connections that wait for the answer of their user's home.
    entering: HashMap<ConnKey, Entering, RandomState>,
    last_ticket: u64,
    /// Commands for users whose home is here, to be passed on.
    pub(crate) commands: UserQueue<Pending>,
    /// Orders for connections of this shard.
    pub(crate) orders: UserQueue<UserOrder>,
    /// What is known for the first of `orders`, if that is for a list.
    pub(crate) infos: Vec<ConnectionInfo>,
}

/// A connection that waits for the answer of its user's home.
#[derive(Debug)]
pub(crate) struct Entering {
    /// Of the question in `PeerMail::users`.
    ticket: u64,
    page: Option<Page>,
    /// If it was identified: it may be revoked meanwhile.
    client: Option<Box<Principal>>,
}

/// The page that may read the answer to a request: needed again if that is a refusal.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    origin: Box<str>,
    credentials: bool,
}

impl Page {
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            origin: &self.origin,
            credentials: self.credentials,
        }
    }
}

impl From<Reader<'_>> for Page {
    fn from(reader: Reader<'_>) -> Self {
        Self {
            origin: reader.origin.into(),
            credentials: reader.credentials,
        }
    }
}

impl Users {
    pub(crate) fn is_entering(&self, key: ConnKey) -> bool {
        !self.entering.is_empty() && self.entering.contains_key(&key)
    }

    /// Whether all commands and orders are carried out, as far as this shard is concerned.
    pub(crate) fn is_settled(&self) -> bool {
        self.commands.is_empty() && self.orders.is_empty()
    }

    /// Calls `visit` with each table that grows with the number of users.
    pub(crate) fn each_table(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        self.homes.each_table(&mut visit);
        visit(&mut self.entering);
    }

    /// Calls `visit` with each queue of work.
    pub(crate) fn each_queue(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        visit(self.commands.table());
        visit(self.orders.table());
    }

    /// The client of a connection that waits, and the page that may read its refusal.
    pub(crate) fn entering_client(&self, key: ConnKey) -> Option<(&Principal, Option<&Page>)> {
        let entering = self.entering.get(&key)?;
        Some((entering.client.as_deref()?, entering.page.as_ref()))
    }

    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn entering(&self) -> usize {
        self.entering.len()
    }

    fn next_ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }
}

impl PubSub {
    /// The handler has accepted a connection with a user: its home is asked; `None` if that is to
    /// answer.
    pub(crate) fn enter_user<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        key: ConnKey,
        page: Option<Reader<'_>>,
        client: Option<Box<Principal>>,
    ) -> Option<Entry> {
        let Some(user) = conns.user_hash(key) else {
            return Some(Entry::Counted);
        };
        let (shard, home) = (env.shard, user.home(env.shards));
        let id = conns.id(key);
        let conn = conns.live(key)?;
        let whole = ConnectionId { shard, conn: id };
        if home == shard {
            let entry = self.count_user(env, user, whole);
            conn.is_entered = entry != Entry::Refused;
            return Some(entry);
        }
        conn.waiting += 1;
        let (ticket, page) = (self.users.next_ticket(), page.map(Page::from));
        let client = client.map(|mut client| {
            client.keep_token_alone();
            client
        });
        let entering = Entering {
            ticket,
            page,
            client,
        };
        self.users.entering.insert(key, entering);
        let enter = ToHome::Enter { user, conn: whole };
        self.mail[home.index()].users.insert(ticket, enter);
        env.moved = true;
        None
    }

    /// As the home of a user: counts a connection, if the user may have one more. Another that
    /// gives way is told so by its shard, if that is not this one.
    pub(crate) fn count_user(
        &mut self,
        env: &mut Env,
        user: UserHash,
        conn: ConnectionId,
    ) -> Entry {
        let limit = env.config.connections_per_user_max;
        let beyond = env.config.beyond_user_limit;
        let entry = self.users.homes.enter(user, conn, limit, beyond);
        if entry != Entry::Counted {
            env.counters.hit(crate::counters::Limit::User);
        }
        if let Entry::InPlaceOf(ConnectionId { shard, conn }) = entry
            && shard != env.shard
        {
            self.mail[shard.index()].displaced.push_back(conn);
        }
        entry
    }

    /// The home of a connection's user has answered. Gives back a page for the refusal, if the
    /// connection is still there and is refused.
    pub(crate) fn user_entered<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        id: ConnId,
        is_refused: bool,
    ) -> Option<Option<Page>> {
        let conn = conns.current(id)?;
        // One that has ended meanwhile has told the home so.
        let entering = self.users.entering.remove(&id.key)?;
        if is_refused {
            conn.waiting -= 1;
            return Some(entering.page);
        }
        conn.is_entered = true;
        env.note_opened(id);
        self.is_live_for(conns, env, id.key);
        None
    }

    /// A connection has ended: the home of its user is told so, if it has heard of it.
    pub(crate) fn leave_user<D>(&mut self, conns: &mut Conns<D>, env: &mut Env, key: ConnKey) {
        let Some(user) = conns.user_hash(key) else {
            return;
        };
        let (shard, home) = (env.shard, user.home(env.shards));
        let id = conns.id(key);
        let Some(conn) = conns.get_mut(key) else {
            return;
        };
        let is_told = if let Some(entering) = self.users.entering.remove(&key) {
            conn.waiting -= 1;
            let question = self.mail[home.index()].users.remove(&entering.ticket);
            question.is_none()
        } else {
            std::mem::take(&mut conn.is_entered)
        };
        if !is_told {
            return;
        }
        let conn = ConnectionId { shard, conn: id };
        if home == shard {
            self.users.homes.leave(user, conn);
        } else {
            let ticket = self.users.next_ticket();
            let leave = ToHome::Leave { user, conn };
            self.mail[home.index()].users.insert(ticket, leave);
            env.moved = true;
        }
    }
}
