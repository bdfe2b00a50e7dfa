//! Users: what callbacks may say and ask of them.

use crate::handler::{
    ConnectionInfo, Disconnect, Selection, ServerSubscription, UserError, check_message, user_calls,
};
use crate::limits::USER_BYTES_MAX;
use crate::payload::Payload;
use crate::proto::Kind;
use crate::shard::core::app::cx::Cx;
use crate::shard::core::app::shard_cx::ShardCx;
use crate::shard::core::conn::state::State;
use crate::shard::mail::{UserAct, UserCommand};
use crate::topic::{Topic, TopicName};

impl<D, A> Cx<'_, D, A> {
    /// Names the user of the connection, in [`on_open`](crate::Handler::on_open): the client hears
    /// that it is connected when the user's home has counted it, against
    /// [`connections_per_user_max`](crate::Config::connections_per_user_max) if there is such a
    /// limit. The same name a second time changes nothing.
    ///
    /// # Errors
    ///
    /// The name is empty or longer than [`USER_BYTES_MAX`]; the connection has another user; the
    /// callback is another one.
    pub fn set_user(&mut self, user: &str) -> Result<(), UserError> {
        if !(1..=USER_BYTES_MAX).contains(&user.len()) {
            return Err(UserError::Name);
        }
        match self.user() {
            Some(known) if known == user => return Ok(()),
            Some(_) => return Err(UserError::Another),
            None => {}
        }
        let conn = self.shard.conns.live(self.key);
        let opens = |state| matches!(state, State::Opening | State::Deferred);
        if !conn.is_some_and(|conn| opens(conn.state)) {
            return Err(UserError::NotOpening);
        }
        let (addr, since) = (self.peer(), self.time_of_day());
        self.shard.conns.set_user(self.key, user, addr, since);
        Ok(())
    }

    /// The user of the connection, if it has one.
    pub fn user(&self) -> Option<&str> {
        Some(self.shard.conns.user(self.key)?.user())
    }

    user_calls!(self: &mut Self);

    fn command(&mut self, command: UserCommand) -> Result<(), UserError> {
        self.shard.command(command)
    }

    fn shards(&self) -> u16 {
        self.shard.env.shards
    }
}

impl<D, A> ShardCx<'_, D, A> {
    user_calls!(self: &mut Self);

    fn command(&mut self, command: UserCommand) -> Result<(), UserError> {
        self.shard.command(command)
    }

    fn shards(&self) -> u16 {
        self.shard.env.shards
    }
}
