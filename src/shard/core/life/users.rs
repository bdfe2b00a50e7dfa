//! Users: what their homes say of new connections, and of those that give way.

use crate::auth::Principal;
use crate::auth::challenge::answer_to;
use crate::close_reason::CloseReason;
use crate::denial::Denial;
use crate::id::{ConnId, ConnKey, ConnectionId};
use crate::limits::EVENTS_RETRY_REFUSED;
use crate::proto::http::{After, Date, Manner, Reader};
use crate::proto::sse;
use crate::shard::core::pubsub::users::Page;
use crate::shard::core::shard::Shard;
use crate::shard::mail::FromHome;
use crate::user::UserHash;
use crate::user::homes::Entry;

impl<D, A> Shard<D, A> {
    /// The handler has accepted a connection: if it has a user, the user's home counts it. `false`
    /// if that has refused it. `client`: it was identified.
    pub(crate) fn enter_user(
        &mut self,
        key: ConnKey,
        page: Option<Reader<'_>>,
        client: Option<Box<Principal>>,
    ) -> bool {
        let Self {
            pubsub, conns, env, ..
        } = self;
        let entry = pubsub.enter_user(conns, env, key, page, client);
        self.displace_own(entry);
        let is_refused = entry == Some(Entry::Refused);
        if entry.is_some() && !is_refused {
            self.env.note_opened(self.conns.id(key));
        }
        !is_refused
    }

    /// As the home of a user: counts a connection of another shard; `false` while that cannot be
    /// answered.
    pub(crate) fn take_entry(&mut self, user: UserHash, conn: ConnectionId) -> bool {
        if !self.pubsub.can_answer(&self.env, conn.shard) {
            return false;
        }
        let entry = self.pubsub.count_user(&mut self.env, user, conn);
        let entered = FromHome::Entered {
            conn: conn.conn,
            is_refused: entry == Entry::Refused,
        };
        if let Some(lane) = self.pubsub.lane_to(conn.shard) {
            lane.push(entered);
        }
        self.displace_own(Some(entry));
        true
    }

    fn displace_own(&mut self, entry: Option<Entry>) {
        if let Some(Entry::InPlaceOf(ConnectionId { shard, conn })) = entry
            && shard == self.env.shard
        {
            self.displace(conn);
        }
    }

    /// Closes a connection that its user's home does not count any more.
    pub(crate) fn displace(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.current(id) {
            conn.is_entered = false;
            self.note_denial(id.key, Denial::UserLimit);
            self.close(id.key, CloseReason::UserLimit);
        }
    }

    /// The home of a connection's user has answered. What was revoked before the connection was
    /// known there was not disconnected, and is refused here.
    pub(crate) fn user_entered(&mut self, id: ConnId, is_refused: bool) {
        if self.conns.current(id).is_none() {
            return;
        }
        let client = self.pubsub.users.entering_client(id.key);
        if let Some((client, page)) = client
            && !is_refused
            && self.has_revoked(client)
        {
            let page = page.cloned();
            let reader = page.as_ref().map(Page::reader);
            return self.refuse_accepted(id.key, reader, Denial::Revoked);
        }
        let Self {
            pubsub, conns, env, ..
        } = self;
        if let Some(page) = pubsub.user_entered(conns, env, id, is_refused) {
            let reader = page.as_ref().map(Page::reader);
            self.refuse_accepted(id.key, reader, Denial::UserLimit);
        }
    }

    /// Whether the token of a client is revoked by now.
    pub(crate) fn has_revoked(&self, client: &Principal) -> bool {
        let auth = self.auth.as_ref();
        let now = self.env.date.map_or(0, Date::secs);
        auth.is_some_and(|auth| auth.has_revoked(client, now))
    }

    /// Denies a connection that was not sent its greeting: it is sent the answer to that in place
    /// of it.
    pub(crate) fn refuse_accepted(
        &mut self,
        key: ConnKey,
        reader: Option<Reader<'_>>,
        denial: Denial,
    ) {
        self.note_denial(key, denial);
        let response = answer_to(denial);
        let reason = CloseReason::Refused(response.status);
        let manner = Manner {
            head_only: false,
            after: After::Close,
            reader,
            date: self.env.date,
        };
        let delay = sse::spread(EVENTS_RETRY_REFUSED, self.conns.id(key).generation);
        let mut refusal = Vec::new();
        if self.conns.session(key).is_some() {
            return self.close(key, denial.session_reason());
        }
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        conn.protocol
            .encode_refusal(&response, delay, &manner, &mut refusal);
        if refusal.is_empty() {
            return self.kill(key, reason);
        }
        self.env.counters.requests += 1;
        self.conns.discard_outbox(key);
        self.close_saying(key, reason, &refusal);
    }

    /// Counts, and now and then logs, that a connection that was accepted is denied.
    pub(crate) fn note_denial(&mut self, key: ConnKey, denial: Denial) {
        let conns = &self.conns;
        self.env.deny(denial, || {
            let (id, record) = (conns.id(key), conns.user(key));
            let addr = record.and_then(|record| record.addr());
            let from = addr.map_or_else(String::new, |addr| format!(" from {addr}"));
            let user = record.map(|record| record.user());
            let user = user.map_or_else(String::new, |user| format!(": user {user:?}"));
            format!("conn {id}{from}: {denial}{user}")
        });
    }
}
