//! Sessions: what their clients are told by the server itself, and when they are pinged and end.

mod subscribe;

use crate::close_reason::CloseReason;
use crate::id::{ConnKey, ConnectionId};
use crate::limits::{EXPIRIES_PER_STEP, SESSION_GRACE, WORK_OF_PASS};
use crate::proto::centrifuge::{DisconnectCode, Event, Push, Refresh, Reply, UnsubscribeCode};
use crate::shard::core::life::deadlines::share_of;
use crate::shard::core::shard::Shard;
use crate::time::Now;

impl<D, A> Shard<D, A> {
    /// The name of a session's client, unique on the server.
    pub(crate) fn client_id(&self, key: ConnKey) -> ConnectionId {
        ConnectionId {
            shard: self.env.shard,
            conn: self.conns.id(key),
        }
    }

    /// Tells the client of a session something.
    pub(crate) fn tell(&mut self, key: ConnKey, reply: &Reply) {
        let Self {
            pubsub, conns, env, ..
        } = self;
        pubsub.tell_session(conns, env, key, reply);
    }

    /// Tells the client of a session when its token ends, in seconds since the beginning of 1970;
    /// 0 is never. It is given time to send another.
    pub(crate) fn tell_expiry(&mut self, key: ConnKey, at: u64) {
        let left = self.env.left_until(at);
        let is_over = at != 0 && left.is_zero();
        if is_over || self.conns.session(key).is_none() {
            return;
        }
        if at != 0 {
            self.end_session_after(key, left.saturating_add(SESSION_GRACE));
        }
        let refresh = Refresh {
            expires: at != 0,
            ttl: u32::try_from(left.as_secs()).unwrap_or(u32::MAX),
        };
        let push = Push::to_connection(Event::Refresh(refresh));
        self.tell(key, &Reply::push(push));
    }

    /// When a session is pinged for the first time: half an interval from now, or up to one, each
    /// its own, so that many that connect at once are not pinged at once for ever.
    pub(crate) fn first_ping(&self, key: ConnKey) -> Now {
        let half = self.env.config.ping_interval / 2;
        self.env.now.plus(half + half / 256 * share_of(key))
    }

    /// Ends subscriptions of a session whose time is over: its client subscribes again, with new
    /// tokens. If these are many, the next step goes on with the others.
    pub(super) fn expire_subs(&mut self, key: ConnKey, judged: Now) {
        let Self {
            pubsub, conns, env, ..
        } = self;
        let Some(session) = conns.session(key) else {
            return;
        };
        env.work
            .charge(session.subs.as_slice().len() * WORK_OF_PASS);
        for topic in session.subs.expired(judged, EXPIRIES_PER_STEP) {
            let Some(session) = conns.session(key) else {
                return;
            };
            if session.subs.get(topic).is_some_and(|sub| sub.is_of_server) {
                let code = DisconnectCode::SubscriptionExpired;
                return self.close(key, CloseReason::Session(code));
            }
            pubsub.end_session_sub(conns, env, (key, topic), UnsubscribeCode::Expired);
        }
        self.arm(key);
    }
}
