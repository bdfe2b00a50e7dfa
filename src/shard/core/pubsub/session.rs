//! Subscriptions of sessions: their clients are told when they are live, before anything of their
//! topics, and when they end by themselves.

use crate::id::{ConnKey, TopicKey};
use crate::limits::{BYTES_PER_WORK, WORK_OF_UNSUBSCRIBING};
use crate::proto::centrifuge::{
    Answer, DisconnectCode, ErrorCode, Event, Push, Reply, Subscribe, SubscribeResult, Unsubscribe,
    UnsubscribeCode,
};
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::topic::history::Start;

impl PubSub {
    /// A subscription is live, and begins with this, if its topic has a history: if a command waits
    /// for that, it is answered now. The answer takes the page of what the client has missed, as
    /// SDKs tell programs whether there was something. Returns `false` if the client does not want
    /// the subscription so.
    pub(super) fn announce<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        (key, topic): (ConnKey, TopicKey),
        start: Option<&mut Start>,
    ) -> bool {
        let Some(session) = conns.session(key) else {
            return true;
        };
        let wire = session.wire();
        let Some(pending) = session.subs.take_pending(topic) else {
            return true;
        };
        let has_asked = pending.id != 0;
        // What is kept until all is told at once counts nowhere, and a push has no pages.
        let takes_page = has_asked && session.is_connected();
        let reply = pending.finish(wire, start, takes_page);
        if let Some(Answer::Subscribe(result)) = &reply.answer {
            env.counters.messages_out += result.publications.len() as u64;
        }
        let is_refused = matches!(reply.answer, Some(Answer::Error(_)));
        match reply.answer {
            Some(Answer::Subscribe(result)) if !has_asked => {
                self.tell_of_server(conns, env, (key, topic), result);
            }
            _ => self.tell_session(conns, env, key, &reply),
        }
        !is_refused
    }

    /// Tells the client of a session of a subscription that it has not asked for: with the answer
    /// to connect, if that is still to come.
    fn tell_of_server<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        (key, topic): (ConnKey, TopicKey),
        result: SubscribeResult,
    ) {
        let Some(local) = self.fanout.topic(topic) else {
            return;
        };
        let channel = local.topic.name().to_owned();
        match conns.session(key) {
            Some(session) if !session.is_connected() => session.tell_later(&channel, result),
            _ => {
                let event = Event::Subscribe(Subscribe {
                    recoverable: result.recoverable,
                    epoch: result.epoch,
                    offset: result.offset,
                    positioned: result.positioned,
                    data: result.data,
                });
                self.tell_session(conns, env, key, &Reply::push(Push::of(&channel, event)));
            }
        }
    }

    /// Whether the client of a session counts on the server to tell it of a gap.
    pub(super) fn is_watched<D>(
        &self,
        conns: &mut Conns<D>,
        (key, topic): (ConnKey, TopicKey),
    ) -> bool {
        let session = conns.session(key);
        session
            .and_then(|session| session.subs.get(topic))
            .is_some_and(|sub| sub.is_positioned)
    }

    /// Messages are missing that the client of a session counts on: it subscribes again, or
    /// connects again, and so learns what it lacks.
    pub(super) fn lose<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        (key, topic): (ConnKey, TopicKey),
    ) {
        let session = conns.session(key);
        let sub = session.and_then(|session| session.subs.get(topic));
        if sub.is_some_and(|sub| sub.is_of_server) {
            conns.end_session(env, key, DisconnectCode::InsufficientState);
            self.unsubscribe(conns, env, key, topic);
        } else {
            let code = UnsubscribeCode::InsufficientState;
            self.end_session_sub(conns, env, (key, topic), code);
        }
    }

    /// The application ends a subscription, of which a session tells its client.
    pub(crate) fn end_sub<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        (key, topic): (ConnKey, TopicKey),
    ) {
        let session = conns.session(key);
        if session.is_some_and(|session| session.subs.get(topic).is_some()) {
            self.end_session_sub(conns, env, (key, topic), UnsubscribeCode::Server);
        } else {
            self.unsubscribe(conns, env, key, topic);
        }
    }

    /// Ends a subscription of a session, and tells its client why: by the answer to its command, if
    /// that waits.
    pub(crate) fn end_session_sub<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        (key, topic): (ConnKey, TopicKey),
        code: UnsubscribeCode,
    ) {
        env.work.charge(WORK_OF_UNSUBSCRIBING);
        let asked = conns
            .session(key)
            .and_then(|session| session.take_waiting(topic));
        if let Some(pending) = asked {
            let error = match code {
                UnsubscribeCode::Expired => ErrorCode::TokenExpired,
                _ => ErrorCode::PermissionDenied,
            };
            self.tell_session(conns, env, key, &Reply::error(pending.id, error));
        } else if let Some(local) = self.fanout.topic(topic) {
            let event = Event::Unsubscribe(Unsubscribe {
                code: code.code().into(),
                reason: code.reason().to_owned(),
            });
            let push = Push::of(local.topic.name(), event);
            self.tell_session(conns, env, key, &Reply::push(push));
        }
        self.unsubscribe(conns, env, key, topic);
    }

    /// The topic of a subscription that waits has no space for it: the command is answered so, and
    /// the subscription ends. `false` if the connection is no session.
    pub(crate) fn refuse_session_sub<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        (key, topic): (ConnKey, TopicKey),
    ) -> bool {
        let Some(session) = conns.session(key) else {
            return false;
        };
        // One that the client has not asked for is not told of.
        if let Some(pending) = session.take_waiting(topic) {
            let refusal = Reply::error(pending.id, ErrorCode::LimitExceeded);
            self.tell_session(conns, env, key, &refusal);
        } else if let Some(local) = self.fanout.topic(topic)
            && session.subs.get(topic).is_some_and(|sub| sub.is_of_token)
        {
            session.note_refused(local.topic.name());
        }
        self.unsubscribe(conns, env, key, topic);
        true
    }

    /// Tells the client of a session something, behind all that is in the outbox.
    pub(crate) fn tell_session<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        key: ConnKey,
        reply: &Reply,
    ) {
        let message = conns.encode_reply(key, reply);
        env.work.charge(message.len() / BYTES_PER_WORK);
        if let Some(outbox) = conns.outbox(key) {
            outbox.append(|out| out.extend_from_slice(&message));
        }
        self.mark_dirty(conns, key);
    }
}
