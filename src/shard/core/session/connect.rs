//! Connect, the first command of a session: which client it is, and what it is told.

use std::collections::HashSet;
use std::time::Duration;

use crate::auth::Principal;
use crate::handler::{Busy, Connected, Failure, Handler, ServerSubscription, Wait};
use crate::id::ConnKey;
use crate::limits::{SESSION_GRACE, WORK_OF_MESSAGE};
use crate::proto::centrifuge::{ConnectRequest, ConnectResult, DisconnectCode, SubscribeRequest};
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
        let mut given = connected.subscriptions.iter();
        given.try_for_each(|given| self.check_given(&given.channel))?;
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
        let given = connected.subscriptions.iter();
        let given: HashSet<String> = given.map(|given| given.channel.clone()).collect();
        if self.shard.env.config.subscriptions_max < given.len() + request.subs.len() {
            return Err(DisconnectCode::ChannelLimit.into());
        }
        for (channel, wish) in &request.subs {
            self.shard.env.work.charge(WORK_OF_MESSAGE);
            if given.contains(channel) {
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
        let client = session.client.take();
        let end = client.as_deref().and_then(|client| client.expires_at);
        let token_left = end.map(|end| self.env.left_until(end));
        let conn_info = client.as_deref().map(Principal::info);
        session
            .client
            .describe(conn_info.unwrap_or_default().into());
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
        let user = client.as_ref().and_then(|client| client.user());
        if let Some(user) = user {
            self.conns.set_user(key, user, addr, today);
        }
        self.expire_session(key, client.clone());
        let stamp = self.env.now.stamp();
        if let Some(conn) = self.conns.live(key) {
            conn.move_to(State::Corked);
            conn.heard = stamp;
        }
        self.conns.pause_for(&mut self.env, key, Pause::Corked);
        let of_token = client.iter().flat_map(|client| client.topics());
        let of_token: HashSet<&str> = of_token.collect();
        for subscription in connected.subscriptions {
            let before = request.subs.get(&subscription.channel);
            self.subscribe_for_client(key, before, &subscription)?;
            if of_token.contains(&*subscription.channel) {
                self.note_of_token(key, &subscription.channel)?;
            }
        }
        self.enter_session(key, client)
    }

    /// A session is subscribed to this because the token of its client names it, or has no space.
    fn note_of_token(&mut self, key: ConnKey, channel: &str) -> Result<(), Failure> {
        let topic = self.pubsub.find_channel(channel)?;
        let Some(session) = self.conns.session(key) else {
            return Ok(());
        };
        match topic {
            Some(topic) => session.subs.note_of_token(topic),
            None => session.note_refused(channel),
        }
        Ok(())
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
        let Self {
            pubsub, conns, env, ..
        } = self;
        match conns.live(key).map(|conn| conn.waiting) {
            Some(0) => pubsub.uncork(conns, env, key),
            _ => pubsub.ask_to_join_all(conns, env, key),
        }
        Ok(())
    }

    /// Keeps the client of a session, which ends some time after its token, or not at all; of the
    /// token is kept what rules ask for.
    pub(super) fn expire_session(&mut self, key: ConnKey, mut client: Option<Box<Principal>>) {
        let today = self.env.today();
        let known = self.auth.as_ref().zip(client.as_mut());
        let left = known.and_then(|(auth, client)| {
            auth.keep_named_claims(client);
            auth.lifetime(client, today)
        });
        if let Some(session) = self.conns.session(key) {
            session.client.keep(client);
        }
        let end = left.map_or(Duration::MAX, |left| left.saturating_add(SESSION_GRACE));
        self.end_session_after(key, end);
    }
}
