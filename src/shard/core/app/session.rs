//! Commands of sessions, offered to the handler.

use std::borrow::Cow;

use crate::auth::places::Found;
use crate::auth::{Credential, Principal};
use crate::denial::Denial;
use crate::handler::{
    ConnectCommand, Connected, Failure, Grant, Handler, PublishCommand, Query, RpcCommand,
    SubscribeCommand, Subscribed,
};
use crate::id::ConnKey;
use crate::proto::centrifuge::{ConnectRequest, DisconnectCode, ErrorCode, SubscribeRequest};
use crate::shard::core::ShardCore;
use crate::shard::core::app::admission::identity::Unidentified;
use crate::shard::core::app::cx::Cx;
use crate::shard::core::conn::session::Phase;
use crate::topic::patterns::TopicPattern;

impl<H: Handler> ShardCore<H> {
    /// Finds out which client a session has, and asks the handler about it.
    pub(in crate::shard::core) fn ask_to_connect(
        &mut self,
        key: ConnKey,
        request: &ConnectRequest,
    ) -> Result<Connected, Failure> {
        let session = self.shard.conns.session(key);
        let peer_info = session.and_then(|session| match &session.phase {
            Phase::New(peer_info) => peer_info.clone(),
            _ => None,
        });
        let shard = &mut self.shard;
        shard.callback.begin(peer_info, None);
        let connect = ConnectCommand {
            data: &request.data,
            name: &request.name,
            version: &request.version,
        };
        let connected = self.in_session(key, |handler, cx| {
            let was_known = cx.principal().is_some();
            cx.identify_session(&request.token)?;
            let counted = cx.count_opening(was_known);
            counted.map_err(|_| Failure::from(DisconnectCode::TooManyRequests))?;
            handler.on_connect(cx, &connect)
        });
        self.shard.callback.end();
        connected
    }

    /// Checks another token of a session's client.
    pub(in crate::shard::core) fn check_again(
        &mut self,
        key: ConnKey,
        token: &str,
    ) -> Result<Principal, Failure> {
        self.in_session(key, |_, cx| cx.check_again(token))
    }

    /// Checks another token for a subscription of a session; returns when it ends.
    pub(in crate::shard::core) fn check_grant_again(
        &mut self,
        key: ConnKey,
        channel: &str,
        token: &str,
    ) -> Result<Option<u64>, Failure> {
        self.in_session(key, |_, cx| {
            let grant = cx.check_grant(channel, token, refused_refresh)?;
            Ok(grant.and_then(|grant| grant.expires_at))
        })
    }

    /// Asks the handler about a subscription, whose token is checked before, if there is one.
    pub(in crate::shard::core) fn ask_to_subscribe(
        &mut self,
        key: ConnKey,
        request: &SubscribeRequest,
    ) -> Result<Subscribed, Failure> {
        self.check_given(&request.channel)?;
        let pattern = TopicPattern::parse(&request.channel).ok();
        self.in_session(key, |handler, cx| {
            let grant = cx.check_grant(&request.channel, &request.token, refused_grant)?;
            let command = SubscribeCommand {
                channel: &request.channel,
                pattern: pattern.as_ref(),
                data: &request.data,
                grant: grant.as_ref(),
            };
            let subscribed = handler.on_subscribe(cx, &command)?;
            if pattern.is_some() && !subscribed.allows_pattern {
                return Err(ErrorCode::NotAvailable.into());
            }
            Ok(subscribed)
        })
    }

    pub(in crate::shard::core) fn ask_to_publish(
        &mut self,
        key: ConnKey,
        publish: &PublishCommand<'_>,
    ) -> Result<(), Failure> {
        self.check_namespace(publish.channel)?;
        self.in_session(key, |handler, cx| handler.on_publish(cx, publish))
    }

    pub(in crate::shard::core) fn ask_query(
        &mut self,
        key: ConnKey,
        query: Query,
        channel: &str,
    ) -> Result<(), Failure> {
        self.check_namespace(channel)?;
        self.in_session(key, |handler, cx| handler.on_query(cx, query, channel))
    }

    /// Refuses a topic whose namespace must be configured and is not.
    pub(in crate::shard::core) fn check_namespace(&self, channel: &str) -> Result<(), Failure> {
        if self.shard.env.config.namespaces.is_unknown(channel) {
            return Err(ErrorCode::UnknownChannel.into());
        }
        Ok(())
    }

    /// The same for what is subscribed to: a topic, or a pattern.
    pub(in crate::shard::core) fn check_given(&self, channel: &str) -> Result<(), Failure> {
        let namespaces = &self.shard.env.config.namespaces;
        if TopicPattern::parse(channel).is_err() {
            return self.check_namespace(channel);
        }
        match namespaces.is_unknown_pattern(channel) {
            true => Err(ErrorCode::UnknownChannel.into()),
            false => Ok(()),
        }
    }

    pub(in crate::shard::core) fn ask_rpc(
        &mut self,
        key: ConnKey,
        rpc: &RpcCommand<'_>,
    ) -> Result<Vec<u8>, Failure> {
        self.in_session(key, |handler, cx| handler.on_rpc(cx, rpc))
    }

    pub(in crate::shard::core) fn ask_send(
        &mut self,
        key: ConnKey,
        data: &[u8],
    ) -> Result<(), Failure> {
        self.in_session(key, |handler, cx| handler.on_send(cx, data))
    }

    /// Makes a callback about the client of a session. Its identity is kept if that is to be made
    /// again.
    fn in_session<T>(
        &mut self,
        key: ConnKey,
        call: impl FnOnce(&mut H, &mut Cx<'_, H::Conn, H::Answer>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let shard = &mut self.shard;
        let session = shard.conns.session(key);
        shard.callback.principal = session.and_then(|session| session.client.take());
        let result = call(&mut self.handler, &mut Cx { shard, key });
        let principal = self.shard.callback.principal.take();
        if let Some(session) = self.shard.conns.session(key) {
            session.client.keep(principal);
        }
        self.settle_homes();
        result
    }
}

impl<D, A> Cx<'_, D, A> {
    /// Finds out which client a session has, where that is asked.
    fn identify_session(&mut self, token: &str) -> Result<(), Failure> {
        if self.shard.auth.is_none() {
            return Ok(());
        }
        let found = (!token.is_empty()).then_some(Found::Token(Cow::Borrowed(token)));
        let has_token = found.is_some();
        let found = self.find_client(Ok(found));
        found.map_err(|why| {
            self.refuse_session(why, |denial| match denial {
                Denial::Expired | Denial::NotYetValid => ErrorCode::TokenExpired.into(),
                // Its token names no user.
                Denial::Missing if has_token => DisconnectCode::PermissionDenied.into(),
                Denial::Missing => DisconnectCode::BadRequest.into(),
                _ => DisconnectCode::InvalidToken.into(),
            })
        })
    }

    /// Checks another token of the client.
    fn check_again(&mut self, token: &str) -> Result<Principal, Failure> {
        let credential = Some(Credential::Token(token));
        let checked = self.check_credential(credential, |cx| cx.verify(credential));
        let client = checked.map_err(|why| {
            self.refuse_session(why, |denial| match denial {
                Denial::Expired => DisconnectCode::Expired.into(),
                _ => DisconnectCode::InvalidToken.into(),
            })
        })?;
        let is_same = |own: &Principal| own.identity == client.identity;
        if !self.principal().is_some_and(is_same) {
            return Err(DisconnectCode::InvalidToken.into());
        }
        Ok(client)
    }

    /// What a token for a subscription says; `None` without one, and where no token is checked.
    /// `failure`: what becomes of one that is not accepted.
    fn check_grant(
        &mut self,
        channel: &str,
        token: &str,
        failure: fn(Denial) -> Failure,
    ) -> Result<Option<Grant>, Failure> {
        if token.is_empty() || self.shard.auth.is_none() {
            return Ok(None);
        }
        let credential = Some(Credential::Token(token));
        let checked = self.check_credential(credential, |cx| cx.verify_subscription(token));
        let token = checked.map_err(|why| self.refuse_session(why, failure))?;
        let user = self.principal().and_then(Principal::user);
        let client = self.shard.client_id(self.key).to_string();
        let is_of_client = ["", &*client].contains(&token.text("client"));
        if token.user() != user || !is_of_client || token.text("channel") != channel {
            return Err(DisconnectCode::InvalidToken.into());
        }
        Ok(Some(Grant {
            info: token.info(),
            expires_at: token.expires_at,
        }))
    }

    /// Denies what the client of a session asks for, because of a token.
    fn refuse_session(
        &mut self,
        why: Unidentified,
        failure: impl FnOnce(Denial) -> Failure,
    ) -> Failure {
        let denial = match why {
            Unidentified::Wait(busy) => return busy.into(),
            Unidentified::Throttled(_) => return DisconnectCode::TooManyRequests.into(),
            Unidentified::Denied(denial) => denial,
        };
        self.note_refusal(denial, "");
        match denial {
            // The keys of tokens may be fetched before it tries again.
            Denial::NoKeys => ErrorCode::Internal.into(),
            denial => failure(denial),
        }
    }
}

/// A subscription ends in "unsubscribed", or its client fetches a new token.
fn refused_grant(denial: Denial) -> Failure {
    match denial {
        Denial::Expired | Denial::NotYetValid => ErrorCode::TokenExpired.into(),
        _ => ErrorCode::PermissionDenied.into(),
    }
}

/// The same for another token of a subscription that is there.
fn refused_refresh(denial: Denial) -> Failure {
    match denial {
        Denial::Expired => ErrorCode::Expired.into(),
        _ => DisconnectCode::InvalidToken.into(),
    }
}
