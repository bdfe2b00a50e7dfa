//! New tokens: of the session, and of one of its subscriptions.

use std::collections::HashSet;

use crate::auth::Principal;
use crate::handler::{Failure, Handler};
use crate::id::{ConnKey, TopicKey};
use crate::proto::centrifuge::{
    Answer, DisconnectCode, ErrorCode, RefreshRequest, RefreshResult, SubRefreshRequest,
    SubRefreshResult, UnsubscribeCode,
};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::session::whole_secs;
use crate::shard::core::session::Answered;
use crate::shard::core::shard::Shard;

impl<H: Handler> ShardCore<H> {
    pub(super) fn refresh(&mut self, key: ConnKey, request: &RefreshRequest) -> Answered {
        if request.token.is_empty() {
            return Err(DisconnectCode::BadRequest.into());
        }
        if self.shard.auth.is_none() {
            return Err(ErrorCode::NotAvailable.into());
        }
        let client = self.check_again(key, &request.token)?;
        // It is to connect again, with the topics of the new token.
        if !self.shard.has_topics_of(key, &client) {
            return Err(DisconnectCode::InsufficientState.into());
        }
        self.shard.end_subs_without(key, &client);
        let left = client.expires_at.map(|end| self.shard.env.left_until(end));
        let name = self.shard.client_id(key);
        self.shard.expire_session(key, Some(Box::new(client)));
        Ok(Some(Answer::Refresh(RefreshResult {
            client: name.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            expires: left.is_some(),
            ttl: left.map_or(0, whole_secs),
        })))
    }

    pub(super) fn sub_refresh(&mut self, key: ConnKey, request: &SubRefreshRequest) -> Answered {
        if !self.shard.has_session_sub(key, &request.channel)? {
            return Err(ErrorCode::PermissionDenied.into());
        }
        if request.r#type != 0 || self.shard.auth.is_none() {
            return Err(ErrorCode::NotAvailable.into());
        }
        if request.token.is_empty() {
            return Err(ErrorCode::BadRequest.into());
        }
        let end = self.check_grant_again(key, &request.channel, &request.token)?;
        self.shard.expire_sub(key, &request.channel, end)?;
        let left = end.map(|end| self.shard.env.left_until(end));
        Ok(Some(Answer::SubRefresh(SubRefreshResult {
            expires: left.is_some(),
            ttl: left.map_or(0, whole_secs),
        })))
    }
}

impl<D, A> Shard<D, A> {
    /// Whether a session is subscribed to all topics that a token names, of which some may have had
    /// no space.
    fn has_topics_of(&self, key: ConnKey, client: &Principal) -> bool {
        let session = self.conns.get(key).and_then(|conn| conn.protocol.session());
        let was_refused = |topic| session.is_some_and(|session| session.was_refused(topic));
        let mut topics = client.topics();
        topics.all(|topic| self.has_session_sub(key, topic).unwrap_or(true) || was_refused(topic))
    }

    /// Ends the subscriptions to topics that the token before this one has named, and this one does
    /// not.
    fn end_subs_without(&mut self, key: ConnKey, client: &Principal) {
        let Self {
            pubsub, conns, env, ..
        } = self;
        let named: HashSet<&str> = client.topics().collect();
        let is_named = |topic: TopicKey| {
            let local = pubsub.fanout.topic(topic);
            local.is_some_and(|local| named.contains(local.topic.name()))
        };
        let Some(session) = conns.session(key) else {
            return;
        };
        let subs = session.subs.as_slice().iter();
        let of_token = subs.filter(|sub| sub.is_of_token).map(|sub| sub.topic);
        let ended: Vec<TopicKey> = of_token.filter(|topic| !is_named(*topic)).collect();
        for topic in ended {
            pubsub.end_session_sub(conns, env, (key, topic), UnsubscribeCode::Server);
        }
    }

    /// Has a subscription of a session end some time after this, or not at all.
    fn expire_sub(&mut self, key: ConnKey, channel: &str, end: Option<u64>) -> Result<(), Failure> {
        let topic = self.pubsub.find_channel(channel)?;
        let until = self.env.sub_until(end);
        if let Some(topic) = topic
            && let Some(session) = self.conns.session(key)
        {
            session.subs.expire(topic, until);
        }
        self.arm(key);
        Ok(())
    }
}
