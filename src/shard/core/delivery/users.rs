//! What is to be done with the connections of a user: at the user's home passed on to the shards
//! that have some, and done there.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use crate::close_reason::CloseReason;
use crate::handler::{Busy, ConnectionInfo, Selection, UserError, Wait};
use crate::id::{ConnId, ConnectionId, ShardId};
use crate::limits::{
    BYTES_PER_WORK, CONNECTIONS_PER_ORDER, WORK_OF_END, WORK_OF_LISTED, WORK_OF_MESSAGE,
    WORK_OF_STEP,
};
use crate::proto::centrifuge::Wire;
use crate::shard::core::conn::state::State;
use crate::shard::core::ingress::protocol::LastWord;
use crate::shard::core::pubsub::user_queue::Pending;
use crate::shard::core::shard::Shard;
use crate::shard::mail::{FromHome, ToHome, UserAct, UserCommand, UserOrder, Weigh};

impl<D, A> Shard<D, A> {
    /// Does something with connections of a user, or has it done, when no callback runs.
    pub(crate) fn command(&mut self, command: UserCommand) -> Result<(), UserError> {
        // One callback may give any number of commands.
        if self.env.work.is_overdrawn() {
            return Err(UserError::Busy(Busy(Wait::Turn)));
        }
        let home = command.home(self.env.shards);
        let weight = command.weight();
        if home == self.env.shard {
            let back = self.take_command(command);
            back.map_or(Ok(()), |_| Err(UserError::Busy(Busy::at(home))))?;
        } else {
            let lane = &mut self.pubsub.mail[home.index()].to_home;
            if !lane.has_space() {
                return Err(UserError::Busy(Busy::at(home)));
            }
            lane.push(ToHome::Command(command));
        }
        self.env
            .work
            .charge(WORK_OF_MESSAGE + weight / BYTES_PER_WORK);
        Ok(())
    }

    /// As the home of a user: takes a command, or gives it back while there is no space for it.
    pub(crate) fn take_command(&mut self, command: UserCommand) -> Option<UserCommand> {
        let users = &mut self.pubsub.users;
        if !users.commands.has_space() {
            return Some(command);
        }
        let ages = 0..users.homes.next_age();
        users.commands.push(Pending { command, ages });
        self.env.moved = true;
        None
    }

    /// As the home of users: passes commands on to the shards that have their connections, in their
    /// order, as far as there is time and space.
    pub(crate) fn pass_commands(&mut self) {
        while !self.env.work.is_spent()
            && let Some(mut pending) = self.pubsub.users.commands.pop()
        {
            let is_passed = self.pass_command(&mut pending);
            if !is_passed || !pending.ages.is_empty() {
                self.pubsub.users.commands.put_back(pending);
            }
            if !is_passed {
                return;
            }
            // Another command may wait for that.
            self.env.moved = true;
        }
        self.env.moved |= !self.pubsub.users.commands.is_empty();
    }

    /// Passes a command on for some of the connections, to all shards that have some of them, or to
    /// none while one has no space: then returns `false`.
    fn pass_command(&mut self, pending: &mut Pending) -> bool {
        let Pending { command, ages } = pending;
        let (user, homes) = (command.hash(), &self.pubsub.users.homes);
        let mut of_shards = BTreeMap::<ShardId, Vec<ConnId>>::new();
        let mut add = |ConnectionId { shard, conn }| of_shards.entry(shard).or_default().push(conn);
        let (mut looked_at, mut next) = (1, ages.end);
        if let Selection::Only(only) = command.which {
            let is_anonymous = command.user.is_empty() && only.shard == self.env.shard;
            (is_anonymous || homes.has(user, only)).then(|| add(only));
        } else {
            for (age, conn) in homes.connections(user, ages.clone()) {
                if CONNECTIONS_PER_ORDER < looked_at {
                    next = age;
                    break;
                }
                looked_at += 1;
                command.which.has(conn).then(|| add(conn));
            }
        }
        self.env.work.charge(looked_at * WORK_OF_STEP);
        let has_space = |shard: &ShardId| match self.pubsub.lane_to(*shard) {
            _ if *shard == self.env.shard => self.pubsub.users.orders.has_space(),
            Some(lane) => lane.has_space(),
            None => true,
        };
        if !of_shards.keys().all(has_space) {
            return false;
        }
        ages.start = next;
        if let UserAct::List(survey) = &command.act {
            ages.start = ages.end;
            if of_shards.is_empty() {
                self.conns.users.ask_traffic(Arc::clone(survey), Vec::new());
            }
        }
        for (shard, mut conns) in of_shards {
            // The next one is taken from the end.
            conns.reverse();
            let order = UserOrder {
                user: Arc::clone(&command.user),
                conns,
                act: command.act.clone(),
            };
            if shard == self.env.shard {
                self.pubsub.users.orders.push(order);
            } else if let Some(lane) = self.pubsub.lane_to(shard) {
                lane.push(FromHome::Order(order));
            }
        }
        true
    }

    /// Takes an order for connections of this shard, or gives it back while there is no space for
    /// it. What it asks for may take many turns: the mail behind it does not wait for that.
    pub(crate) fn take_order(&mut self, order: UserOrder) -> Option<UserOrder> {
        let orders = &mut self.pubsub.users.orders;
        if !orders.has_space() {
            return Some(order);
        }
        orders.push(order);
        None
    }

    /// Carries out orders, as far as there is time.
    pub(crate) fn carry_out_orders(&mut self) {
        while let Some(mut order) = self.pubsub.users.orders.pop() {
            while let Some(id) = order.conns.pop() {
                if self.env.work.is_spent() {
                    order.conns.push(id);
                    return self.pubsub.users.orders.put_back(order);
                }
                self.env.work.charge(WORK_OF_STEP);
                if self.has_user(id, &order.user) {
                    self.act(id, &order);
                }
            }
            if let UserAct::List(survey) = order.act {
                let infos = mem::take(&mut self.pubsub.users.infos);
                self.conns.users.ask_traffic(survey, infos);
            }
        }
    }

    fn act(&mut self, id: ConnId, order: &UserOrder) {
        match &order.act {
            UserAct::Disconnect(disconnect) => {
                self.env.work.charge(WORK_OF_END);
                let word = LastWord::Given {
                    code: Some(disconnect.code()),
                    reason: disconnect.reason(),
                };
                self.close_with(id.key, CloseReason::Disconnected, &word);
            }
            UserAct::Send(payload) => {
                let work = payload.bytes.len() / BYTES_PER_WORK;
                self.env.work.charge(WORK_OF_MESSAGE + work);
                let _dropped = self.send(id.key, payload.kind, &payload.bytes);
            }
            UserAct::Refresh(refresh) => {
                self.env.work.charge(WORK_OF_MESSAGE);
                self.expire_at(id.key, refresh.expire_at);
                self.tell_expiry(id.key, refresh.expire_at);
                if let Some(info) = &refresh.info {
                    self.describe(id.key, Arc::clone(info));
                }
            }
            UserAct::Subscribe(subscription) => {
                self.env.work.charge(WORK_OF_MESSAGE);
                self.subscribe_later(id.key, subscription);
            }
            UserAct::Unsubscribe(topic) => {
                self.env.work.charge(WORK_OF_MESSAGE);
                self.unsubscribe_later(id.key, topic);
            }
            UserAct::List(_) => {
                let info = self.info(id, &order.user);
                let topics = info.as_ref().map_or(0, |info| info.topics.len());
                self.env.work.charge(WORK_OF_LISTED + topics * WORK_OF_STEP);
                self.pubsub.users.infos.extend(info);
            }
        }
    }

    /// Whether a connection of this shard is there, and is that user's: homes compare hashes alone.
    /// One without a user is there as soon as it is open, and a session when it has connected.
    fn has_user(&mut self, id: ConnId, user: &str) -> bool {
        let Some(conn) = self.conns.current(id) else {
            return false;
        };
        let session = conn.protocol.session_mut();
        let is_known = session.is_none_or(|session| session.has_client());
        let (is_entered, is_open) = (conn.is_entered, is_known && conn.state == State::Open);
        match self.conns.user(id.key) {
            Some(record) => is_entered && record.user() == user,
            None => is_open && user.is_empty(),
        }
    }

    fn info(&self, id: ConnId, user: &str) -> Option<ConnectionInfo> {
        let record = self.conns.user(id.key)?;
        let info = self.describe_connection(id, usize::MAX)?;
        Some(ConnectionInfo {
            user: user.to_owned(),
            addr: record.addr(),
            ..info
        })
    }

    /// What is known of a connection, with some of its topics.
    pub(super) fn describe_connection(
        &self,
        id: ConnId,
        topics_max: usize,
    ) -> Option<ConnectionInfo> {
        let conn = self.conns.get(id.key)?;
        let record = self.conns.user(id.key);
        let topics = conn.subs.as_slice().iter();
        let topics = topics.filter_map(|sub| self.pubsub.fanout.topic(sub.topic));
        let topics = topics.filter(|local| !local.is_of_events).take(topics_max);
        let addr = record.and_then(|record| record.addr());
        Some(ConnectionInfo {
            id: ConnectionId {
                shard: self.env.shard,
                conn: id,
            },
            user: record.map_or_else(String::new, |record| record.user().to_owned()),
            addr: addr.or_else(|| self.conns.clients.addr(id.key)),
            listener: None,
            protocol: conn.protocol.name(),
            format: match conn.form.wire() {
                Some(Wire::Json) => "json",
                Some(Wire::Protobuf) => "protobuf",
                None => "raw",
            },
            topics: topics.map(|local| local.topic.clone()).collect(),
            since: record.map_or(0, |record| record.since.into()),
            messages_in: record.map_or(0, |record| record.messages.into()),
            bytes_in: None,
            bytes_out: None,
        })
    }
}
