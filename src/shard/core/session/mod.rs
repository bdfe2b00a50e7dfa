//! The structured protocol: the commands of sessions, carried out in their order.
//!
//! What a command waits for holds up those behind it. A subscription is an exception: its command
//! is answered when it is live, and the next ones do not wait for that.

mod connect;
mod publish;
mod query;
mod refresh;
mod subscribe;

use std::borrow::Cow;

use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::handler::{Busy, Failure, Halt, Handler, Wait};
use crate::id::ConnKey;
use crate::limits::{CONNECT_BYTES_MAX, OUTBOX_BYTES_HIGH, REFUSALS_PER_MESSAGE, WORK_OF_MESSAGE};
use crate::proto::centrifuge::{Answer, Command, DisconnectCode, ErrorCode, Reply, Request};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::session::Phase;
use crate::shard::core::conn::state::State;
use crate::shard::core::meters::Verdict;
use crate::shard::core::shard::Shard;
use crate::topic::patterns::TopicPattern;

/// What a command is answered with; `None`: nothing, or later.
type Answered = Result<Option<Answer>, Failure>;

/// Whether a channel is a pattern: it has subscribers, and nothing else.
fn is_pattern(channel: &str) -> bool {
    TopicPattern::parse(channel).is_ok()
}

/// What becomes of the commands behind one.
enum Next {
    /// They are carried out.
    GoOn,
    /// They are of no use: the client could not connect.
    Drop,
    /// This one and they are to be offered again.
    Wait(Busy),
    /// The connection ends.
    Close(CloseReason),
}

impl<H: Handler> ShardCore<H> {
    /// Carries out the commands of a message; `None` if the connection has ended meanwhile. Those
    /// that have to wait are carried out when the same message is offered again.
    pub(in crate::shard::core) fn take_commands(
        &mut self,
        key: ConnKey,
        message: &[u8],
    ) -> Option<Result<(), Halt>> {
        let session = self.shard.conns.session(key)?;
        let done = std::mem::take(&mut session.done);
        // By the rate of messages, the message has paid for its first command.
        let mut is_paid = std::mem::take(&mut session.is_paid) || done == 0;
        // It may be read again and again, before the client is identified.
        if session.is_new() && CONNECT_BYTES_MAX < message.len() {
            let reason = CloseReason::Session(DisconnectCode::BadRequest);
            return Some(Err(Halt::Close(reason)));
        }
        let message = &*if session.is_one_way() {
            Cow::Owned(as_command(message))
        } else {
            Cow::Borrowed(message)
        };
        if done != 0 && done == message.len() {
            return Some(Ok(()));
        }
        let mut commands = session.wire().commands(message.get(done..)?);
        loop {
            let taken = done + commands.taken();
            if let Some(busy) = self.shard.must_wait(key, taken != done) {
                return Some(Err(self.shard.put_off(key, taken, is_paid, busy)));
            }
            let Some(command) = commands.next() else {
                return Some(Ok(()));
            };
            let verdict = match std::mem::take(&mut is_paid) {
                true => Verdict::Pass,
                false => self.shard.meter(key, 1, 0),
            };
            let next = match (command, verdict) {
                (_, Verdict::Wait(until)) => Next::Wait(Busy(Wait::Until(until))),
                (_, Verdict::Close) => return None,
                (Err(_), _) => Next::Close(CloseReason::Session(DisconnectCode::BadRequest)),
                (Ok(command), Verdict::Drop) => self.shard.refuse(key, &command),
                (Ok(command), Verdict::Pass) => self.carry_out(key, command),
            };
            self.shard.conns.session(key)?;
            match next {
                Next::GoOn => {}
                Next::Drop => return Some(Ok(())),
                Next::Wait(busy) => return Some(Err(self.shard.put_off(key, taken, true, busy))),
                Next::Close(reason) => return Some(Err(Halt::Close(reason))),
            }
        }
    }

    fn carry_out(&mut self, key: ConnKey, Command { id, request }: Command) -> Next {
        self.shard.env.work.charge(WORK_OF_MESSAGE);
        let is_connect = matches!(request, Request::Connect(_));
        let answered = self.answer_command(key, id, request);
        if !matches!(answered, Err(Failure::Wait(_))) {
            self.shard.questions.forget(key);
        }
        let answer = match answered {
            Ok(answer) => answer,
            Err(Failure::Wait(busy)) => return Next::Wait(busy),
            Err(Failure::Close(reason)) => return Next::Close(reason),
            Err(Failure::Error(error)) => Some(Answer::Error(error)),
        };
        let session = self.shard.conns.session(key);
        if let Some(Answer::Error(error)) = &answer
            && session.is_some_and(|session| session.is_one_way())
        {
            return Next::Close(CloseReason::Session(DisconnectCode::of_error(error)));
        }
        if let Some(answer) = answer.filter(|_| id != 0) {
            self.shard.tell(key, &Reply::new(id, answer));
        }
        let session = self.shard.conns.session(key);
        match session.filter(|session| is_connect && session.is_new()) {
            Some(session) => {
                session.phase = Phase::Refused;
                Next::Drop
            }
            None => Next::GoOn,
        }
    }

    fn answer_command(&mut self, key: ConnKey, id: u32, request: Request) -> Answered {
        let Some(session) = self.shard.conns.session(key) else {
            return Ok(None);
        };
        let may = match &request {
            Request::Connect(_) => session.is_new(),
            Request::Pong => session.is_connected() && session.take_pong(),
            _ => session.is_connected(),
        };
        // A client that names no channel where one is needed is broken.
        if !may || channel(&request) == Some("") {
            return Err(DisconnectCode::BadRequest.into());
        }
        match request {
            Request::Connect(request) => self.connect(key, id, &request),
            Request::Pong => Ok(None),
            Request::Subscribe(request) => self.subscribe(key, id, &request),
            Request::Unsubscribe(request) => self.unsubscribe(key, &request),
            Request::Publish(request) => self.publish_command(key, &request),
            Request::History(request) => self.history(key, &request),
            Request::Presence(request) => self.presence(key, &request),
            Request::PresenceStats(request) => self.presence_stats(key, &request),
            Request::Refresh(request) => self.refresh(key, &request),
            Request::SubRefresh(request) => self.sub_refresh(key, &request),
            Request::Rpc(request) => self.rpc(key, &request),
            Request::Send(request) => self.send(key, &request),
        }
    }
}

/// What the client of a session of one way sends, as the command that it is.
fn as_command(connect: &[u8]) -> Vec<u8> {
    let connect = connect.iter().map(|byte| match byte {
        b'\n' => b' ',
        byte => *byte,
    });
    let mut command = br#"{"id":1,"connect":"#.to_vec();
    command.extend(connect);
    command.push(b'}');
    command
}

/// The channel that a command is about.
fn channel(request: &Request) -> Option<&str> {
    match request {
        Request::Subscribe(request) => Some(&request.channel),
        Request::Unsubscribe(request) => Some(&request.channel),
        Request::Publish(request) => Some(&request.channel),
        Request::Presence(request) | Request::PresenceStats(request) => Some(&request.channel),
        Request::History(request) => Some(&request.channel),
        Request::SubRefresh(request) => Some(&request.channel),
        Request::Pong | Request::Connect(_) | Request::Send(_) => None,
        Request::Rpc(_) | Request::Refresh(_) => None,
    }
}

impl<D, A> Shard<D, A> {
    /// What the next command of a session waits for. `is_next`: another one was carried out in the
    /// same step.
    fn must_wait(&mut self, key: ConnKey, is_next: bool) -> Option<Busy> {
        let is_full = self.usage().is_full_of_replies();
        let conn = self.conns.live(key)?;
        let wait = if conn.state == State::Corked {
            Wait::Paused
        } else if OUTBOX_BYTES_HIGH < conn.own_len() || is_full {
            Wait::Outbox
        } else if is_next && self.env.work.is_part_spent() {
            Wait::Turn
        } else {
            return None;
        };
        Some(Busy(wait))
    }

    /// The commands behind the first `done` bytes of a message are to be carried out later. By the
    /// rates of the connection the first of them `is_paid`, or is not.
    fn put_off(&mut self, key: ConnKey, done: usize, is_paid: bool, busy: Busy) -> Halt {
        if let Some(session) = self.conns.session(key) {
            (session.done, session.is_paid) = (done, is_paid);
        }
        Halt::Wait(busy)
    }

    /// Drops a command that comes too early, and tells its client so.
    fn refuse(&mut self, key: ConnKey, command: &Command) -> Next {
        if command.id != 0 {
            let error = Reply::error(command.id, ErrorCode::TooManyRequests);
            self.tell(key, &error);
        }
        Next::GoOn
    }

    /// A message comes too early: its first commands are answered so, and none is carried out.
    pub(in crate::shard::core) fn refuse_commands(&mut self, key: ConnKey, message: &[u8]) {
        let Some(session) = self
            .conns
            .session(key)
            .filter(|session| session.is_connected())
        else {
            return;
        };
        let commands = session.wire().commands(message).take(REFUSALS_PER_MESSAGE);
        for command in commands.map_while(Result::ok) {
            self.env.work.charge(WORK_OF_MESSAGE);
            // One that reads nothing is told no more.
            if self.must_wait(key, false).is_some() {
                return self.env.counters.hit(Limit::Outbox);
            }
            self.refuse(key, &command);
        }
    }
}
