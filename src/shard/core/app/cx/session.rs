//! Sessions: what callbacks may ask for of them, and how the default ones decide.

use crate::auth::{Action, Forbidden};
use crate::denial::Denial;
use crate::handler::{Busy, Failure, PublishCommand, Query, SubscribeCommand, Subscribed};
use crate::id::ConnectionId;
use crate::payload::Form;
use crate::proto::centrifuge::{ErrorCode, Wire};
use crate::shard::core::app::cx::Cx;
use crate::shard::core::conn::session::{find_session, node_name};

impl<D, A> Cx<'_, D, A> {
    /// Has a WebSocket connection speak the structured protocol, in
    /// [`on_open`](crate::Handler::on_open): the public client protocol of Centrifuge. Its client
    /// connects, subscribes and asks by commands, about which the callbacks from
    /// [`on_connect`](crate::Handler::on_connect) on are made, and not
    /// [`on_message`](crate::Handler::on_message). Returns `false` if there is no upgrade.
    pub fn open_session(&mut self) -> bool {
        let callback = &mut self.shard.callback;
        let conn = self.shard.conns.live(self.key);
        let Some((wire, conn)) = callback.wire.zip(conn) else {
            return false;
        };
        // In an earlier callback about the same request it may have subscribed.
        if conn.subs.count() == 0 {
            conn.form = conn.form.structured(wire);
        }
        callback.session = Some(wire);
        true
    }

    /// The same for a connection of one way: the first message of its client is a request to
    /// connect, and then it is sent pushes.
    pub fn open_one_way_session(&mut self) -> bool {
        let is_open = self.open_session();
        let conn = self.shard.conns.live(self.key);
        if let Some(conn) = conn.filter(|conn| is_open && conn.subs.count() == 0) {
            conn.form = Form::Centrifuge(conn.form.session(Wire::Json).bare());
        }
        is_open
    }

    /// The connection whose client was told this name of its session: one over HTTP, or of one way.
    pub fn find_session(&self, session: &str) -> Option<ConnectionId> {
        find_session(session)
    }

    /// Passes commands on to a session over HTTP ([`Opening::Session`](crate::Opening::Session)),
    /// whose client has been told these names of the server and the session. Returns `false` if the
    /// server has another name. Commands for a session that has ended are dropped, and so are those
    /// for no session.
    ///
    /// # Errors
    ///
    /// There is no space for them now.
    pub fn pass_commands(
        &mut self,
        node: &str,
        session: &str,
        commands: &[u8],
    ) -> Result<bool, Busy> {
        if node != node_name() {
            return Ok(false);
        }
        if let Some(to) = find_session(session) {
            self.shard.forward_commands(to, commands)?;
        }
        Ok(true)
    }

    /// How [`on_subscribe`](crate::Handler::on_subscribe) decides by default: by a token
    /// for the subscription, or by [`permit`](Self::permit) and
    /// [`permit_pattern`](Self::permit_pattern).
    ///
    /// # Errors
    ///
    /// The client may not subscribe.
    pub fn decide_subscribe(
        &mut self,
        subscribe: &SubscribeCommand<'_>,
    ) -> Result<Subscribed, Failure> {
        if subscribe.grant.is_none() {
            let permitted = match subscribe.pattern {
                Some(pattern) => self.permit_pattern(pattern),
                None => self.permit(Action::Subscribe, subscribe.channel),
            };
            self.denied(permitted)?;
        }
        let grant = subscribe.grant.cloned().unwrap_or_default();
        Ok(Subscribed {
            info: grant.info,
            expires_at: grant.expires_at,
            allows_pattern: subscribe.pattern.is_some(),
            ..Subscribed::default()
        })
    }

    /// How [`on_publish`](crate::Handler::on_publish) decides by default.
    ///
    /// # Errors
    ///
    /// The client may not publish.
    pub fn decide_publish(&mut self, publish: &PublishCommand<'_>) -> Result<(), Failure> {
        self.decide(Action::Publish, publish.channel)
    }

    /// How [`on_query`](crate::Handler::on_query) decides by default.
    ///
    /// # Errors
    ///
    /// The client may not ask.
    pub fn decide_query(&mut self, query: Query, channel: &str) -> Result<(), Failure> {
        let action = match query {
            Query::Presence => Action::Presence,
            Query::History => Action::History,
        };
        self.decide(action, channel)
    }

    fn decide(&mut self, action: Action, channel: &str) -> Result<(), Failure> {
        let permitted = self.permit(action, channel);
        self.denied(permitted)
    }

    fn denied(&mut self, permitted: Result<(), Forbidden>) -> Result<(), Failure> {
        permitted.map_err(|words| {
            self.deny(Denial::Forbidden, &words.to_string());
            ErrorCode::PermissionDenied.into()
        })
    }
}
