//! Commands for a session whose client sends them by requests of their own, on any shard.

use crate::close_reason::CloseReason;
use crate::handler::Busy;
use crate::id::{ConnId, ConnectionId};
use crate::proto::centrifuge::DisconnectCode;
use crate::shard::core::conn::PINGED;
use crate::shard::core::shard::Shard;
use crate::shard::mail::ToHome;

impl<D, A> Shard<D, A> {
    /// Forwards commands to the session of a connection. If there is none, they are dropped.
    pub(crate) fn forward_commands(
        &mut self,
        to: ConnectionId,
        commands: &[u8],
    ) -> Result<(), Busy> {
        if to.shard == self.env.shard {
            self.receive_commands(to.conn, commands);
        } else if let Some(mail) = self.pubsub.mail.get_mut(to.shard.index()) {
            if !mail.to_home.has_space() {
                return Err(Busy::at(to.shard));
            }
            let commands = commands.into();
            let conn = to.conn;
            mail.to_home.push(ToHome::Commands { conn, commands });
        }
        Ok(())
    }

    /// Takes commands for a session, which carries them out when it has its turn. A client that
    /// sends more than it may, while it waits, is cut off.
    pub(crate) fn receive_commands(&mut self, id: ConnId, commands: &[u8]) {
        let (max, stamp) = (self.env.config.message_bytes_max, self.env.now.stamp());
        let Some(conn) = self.conns.current(id) else {
            return;
        };
        if conn.state.is_closing() {
            return;
        }
        let Some(session) = conn.protocol.session_mut() else {
            return;
        };
        let wire = session.wire();
        if session.is_one_way() && !session.is_new() {
            return;
        }
        let Some(stream) = session.stream.as_mut() else {
            return;
        };
        if !stream.push(wire, commands, max) {
            let code = DisconnectCode::TooManyRequests;
            return self.close(id.key, CloseReason::Session(code));
        }
        conn.heard = stamp;
        conn.set(PINGED, false);
        if !conn.is_paused() {
            self.conns.wait_for_turn(&mut self.env, id.key);
            self.env.moved = true;
        }
        self.account(id.key);
    }
}
