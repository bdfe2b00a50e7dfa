//! What is to be done with the connections of a user: at the user's home passed on to the shards
//! that have some, and done there.

use std::collections::BTreeMap;

use crate::close_reason::CloseReason;
use crate::handler::{Busy, ConnectionInfo, UserError};
use crate::id::{ConnId, ConnectionId, ShardId};
use crate::limits::{CONNECTIONS_LISTED_MAX, WORK_OF_END, WORK_OF_MESSAGE};
use crate::shard::core::ingress::protocol::LastWord;
use crate::shard::core::shard::Shard;
use crate::shard::mail::{FromHome, ToHome, UserAct, UserCommand, UserOrder};

impl<D, A> Shard<D, A> {
    /// Does something with connections of a user, or has it done.
    pub(crate) fn command(&mut self, command: UserCommand) -> Result<(), UserError> {
        let home = command.hash().home(self.env.shards);
        if home == self.env.shard {
            let back = self.command_at_home(command);
            return back.map_or(Ok(()), |_| Err(UserError::Busy(Busy::at(home))));
        }
        let lane = &mut self.pubsub.mail[home.index()].to_home;
        if !lane.has_space() {
            return Err(UserError::Busy(Busy::at(home)));
        }
        lane.push(ToHome::Command(command));
        Ok(())
    }

    /// As the home of a user: passes on what is to be done with its connections to all shards that
    /// have some of them, or gives it back while one of them has no space.
    pub(crate) fn command_at_home(&mut self, command: UserCommand) -> Option<UserCommand> {
        let homes = &self.pubsub.users.homes;
        let conns = homes.connections(command.hash(), 0..u64::MAX);
        let conns = conns.map(|(_, conn)| conn);
        let mut conns: Vec<_> = conns.filter(|conn| command.which.has(*conn)).collect();
        if let UserAct::List(_) = command.act {
            conns.truncate(CONNECTIONS_LISTED_MAX);
        }
        let mut of_shards = BTreeMap::<ShardId, Vec<ConnId>>::new();
        // The next one is taken from the end.
        for ConnectionId { shard, conn } in conns.into_iter().rev() {
            of_shards.entry(shard).or_default().push(conn);
        }
        let has_space = |shard: &ShardId| match self.pubsub.lane_to(*shard) {
            _ if *shard == self.env.shard => self.pubsub.users.left.is_none(),
            Some(lane) => lane.has_space(),
            None => true,
        };
        if !of_shards.keys().all(has_space) {
            return Some(command);
        }
        let UserCommand { user, act, .. } = command;
        if of_shards.is_empty()
            && let UserAct::List(survey) = act
        {
            survey.put(self.env.shard, Vec::new());
            return None;
        }
        let own = of_shards.remove(&self.env.shard);
        let order = |conns| UserOrder {
            user: user.clone(),
            conns,
            act: act.clone(),
        };
        let own = own.map(order);
        for (shard, conns) in of_shards {
            if let Some(lane) = self.pubsub.lane_to(shard) {
                lane.push(FromHome::Order(order(conns)));
            }
        }
        drop(act);
        self.pubsub.users.left = own.and_then(|order| self.carry_out(order));
        None
    }

    /// Goes on with an order of which the last turn had no time for all.
    pub(crate) fn resume_order(&mut self) {
        if let Some(order) = self.pubsub.users.left.take() {
            self.pubsub.users.left = self.carry_out(order);
            // A command may wait for that.
            self.env.moved = true;
        }
    }

    /// Does what is to be done with connections of this shard; gives back what the turn has no time
    /// for.
    pub(crate) fn carry_out(&mut self, mut order: UserOrder) -> Option<UserOrder> {
        if let UserAct::List(survey) = order.act {
            let conns = order.conns.iter().rev();
            let infos = conns.filter_map(|conn| self.info(*conn, &order.user));
            let infos = infos.collect();
            self.conns.users.ask_traffic(survey, infos);
            return None;
        }
        while let Some(id) = order.conns.pop() {
            if self.env.work.is_spent() {
                order.conns.push(id);
                self.env.moved = true;
                return Some(order);
            }
            if self.has_user(id, &order.user) {
                self.act(id, &order.act);
            }
        }
        None
    }

    fn act(&mut self, id: ConnId, act: &UserAct) {
        match act {
            UserAct::Disconnect(disconnect) => {
                self.env.work.charge(WORK_OF_END);
                let word = LastWord::Given {
                    code: Some(disconnect.code()),
                    reason: disconnect.reason(),
                };
                self.close_with(id.key, CloseReason::Disconnected, &word);
            }
            UserAct::Send(payload) => {
                self.env.work.charge(WORK_OF_MESSAGE);
                let _dropped = self.send(id.key, payload.kind, &payload.bytes);
            }
            UserAct::ExpireAt(at) => {
                self.env.work.charge(WORK_OF_MESSAGE);
                self.expire_at(id.key, *at);
            }
            UserAct::List(_) => {}
        }
    }

    /// Whether a connection of this shard is there, and is that user's: homes compare hashes alone.
    fn has_user(&mut self, id: ConnId, user: &str) -> bool {
        let is_there = self.conns.current(id).is_some_and(|conn| conn.is_entered);
        let record = self.conns.user(id.key);
        is_there && record.is_some_and(|record| record.user() == user)
    }

    fn info(&mut self, id: ConnId, user: &str) -> Option<ConnectionInfo> {
        if !self.has_user(id, user) {
            return None;
        }
        let conn = self.conns.get(id.key)?;
        let record = self.conns.user(id.key)?;
        let topics = conn.subs.as_slice().iter();
        let topics = topics.filter_map(|sub| self.pubsub.fanout.topic(sub.topic));
        Some(ConnectionInfo {
            id: ConnectionId {
                shard: self.env.shard,
                conn: id,
            },
            user: user.to_owned(),
            addr: record.addr(),
            listener: None,
            protocol: conn.protocol.name(),
            topics: topics.map(|local| local.topic.clone()).collect(),
            since: record.since.into(),
            messages_in: record.messages.into(),
            bytes_in: None,
            bytes_out: None,
        })
    }
}
