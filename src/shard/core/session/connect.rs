//! Connect, the first command of a session: which client it is, and what it is told.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::Principal;
use crate::handler::{Busy, Connected, Failure, Handler, ServerSubscription, Wait};
use crate::id::ConnKey;
use crate::limits::{SESSION_GRACE, SUBSCRIPTIONS_MAX, WORK_OF_MESSAGE};
use crate::proto::centrifuge::{
    ClientInfo, ConnectRequest, ConnectResult, DisconnectCode, SubscribeRequest,
};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::session::{node_name, session_name, whole_secs};
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::session::Answered;
use crate::shard::core::shard::Shard;

impl<H: Handler> ShardCore<H> {
    pub(super) fn connect(&mut self, key: ConnKey, id: u32, request: &ConnectRequest) -> Answered {
        // What is sent meanwhile goes behind the answer, and what is unsent now before it.
        if self.shard.wait_until_answered(key) {
            return Err(Busy(Wait::Paused).into());
        }
        let mut connected = self.ask_to_connect(key, request)?;
        let session = self.shard.conns.session(key);
        if session.is_some_and(|session| session.is_one_way()) {
            self.ask_to_subscribe_all(key, request, &mut connected)?;
        }
        self.shard.begin_session(key, id, request, connected)?;
        Ok(None)
    }

    /// A client that cannot subscribe later says at once what it wants.
    fn ask_to_subscribe_all(
        &mut self,
        key: ConnKey,
        request: &ConnectRequest,
        connected: &mut Connected,
    ) -> Result<(), Failure> {
        let wishes = connected.subscriptions.len() + request.subs.len();
        if SUBSCRIPTIONS_MAX < wishes {
            return Err(DisconnectCode::ChannelLimit.into());
        }
        for (channel, wish) in &request.subs {
            self.shard.env.work.charge(WORK_OF_MESSAGE);
            let subscriptions = &mut connected.subscriptions;
            if subscriptions.iter().any(|given| given.channel == *channel) {
                continue;
            }
            let wish = SubscribeRequest {
                channel: channel.clone(),
                ..wish.clone()
            };
            let subscribed = self.ask_to_subscribe(key, &wish)?;
            connected.subscriptions.push(ServerSubscription {
                subscribed,
                ..ServerSubscription::new(wish.channel)
            });
        }
        Ok(())
    }
}

impl<D, A> Shard<D, A> {
    /// The application has accepted the client of a session, which is told so once the home of its
    /// user has counted it.
    fn begin_session(
        &mut self,
        key: ConnKey,
        id: u32,
        request: &ConnectRequest,
        connected: Connected,
    ) -> Result<(), Failure> {
        let name = self.client_id(key);
        let (ping, next_ping) = (self.env.config.ping_interval, self.first_ping(key));
        let today = self.env.today();
        let Some(session) = self.conns.session(key) else {
            return Ok(());
        };
        let client = session.principal.as_deref();
        let end = client.and_then(|client| client.expires_at);
        let token_left = end.map(|end| self.env.left_until(end));
        session.info = Some(Arc::new(ClientInfo {
            user: client
                .and_then(Principal::user)
                .unwrap_or_default()
                .to_owned(),
            client: name.to_string(),
            conn_info: client.map(Principal::info).unwrap_or_default(),
            chan_info: Vec::new(),
        }));
        let (has_pings, answers_pings) = (session.has_pings(), session.answers_pings());
        let (is_one_way, is_streamed) = (session.is_one_way(), session.stream.is_some());
        // By its session a backend names a client that cannot name itself.
        let has_name = is_one_way || is_streamed;
        let has_node = is_streamed && !is_one_way;
        let result = ConnectResult {
            client: name.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            expires: token_left.is_some(),
            ttl: token_left.map_or(0, whole_secs),
            data: connected.data,
            ping: if has_pings { whole_secs(ping) } else { 0 },
            pong: answers_pings,
            session: if has_name {
                session_name(name)
            } else {
                String::new()
            },
            node: if has_node { node_name() } else { String::new() },
            ..ConnectResult::default()
        };
        session.begin_pings(next_ping);
        let came_from = session.begin(id, result);
        let addr = came_from.and_then(|peer_info| peer_info.peer);
        let client = session.principal.clone();
        let user = client.as_ref().and_then(|client| client.user());
        if let Some(user) = user {
            self.conns.set_user(key, user, addr, today);
        }
        self.expire_session(key);
        let stamp = self.env.now.stamp();
        if let Some(conn) = self.conns.live(key) {
            conn.move_to(State::Corked);
            conn.heard = stamp;
        }
        self.conns.pause_for(&mut self.env, key, Pause::Corked);
        for subscription in connected.subscriptions {
            let before = request.subs.get(&subscription.channel);
            self.subscribe_for_client(key, before, &subscription)?;
        }
        self.enter_session(key, client)
    }

    /// The home of a session's user counts it; without one, its client is connected as soon as its
    /// subscriptions are live.
    fn enter_session(
        &mut self,
        key: ConnKey,
        client: Option<Box<Principal>>,
    ) -> Result<(), Failure> {
        if !self.enter_user(key, None, client) {
            return Err(DisconnectCode::ConnectionLimit.into());
        }
        if self.conns.live(key).is_some_and(|conn| conn.waiting == 0) {
            let Self {
                pubsub, conns, env, ..
            } = self;
            pubsub.uncork(conns, env, key);
        }
        Ok(())
    }

    /// Has a session end some time after its token, or not at all; of the token is kept what rules
    /// ask for.
    pub(super) fn expire_session(&mut self, key: ConnKey) {
        let today = self.env.today();
        let Self { conns, auth, .. } = self;
        let session = conns.session(key);
        let client = session.and_then(|session| session.principal.as_mut());
        let left = auth.as_ref().zip(client).and_then(|(auth, client)| {
            auth.keep_named_claims(client);
            auth.lifetime(client, today)
        });
        let end = left.map_or(Duration::MAX, |left| left.saturating_add(SESSION_GRACE));
        self.close_after(key, end);
    }
}
