//! Subscriptions of sessions: their clients are told when they are live, before anything of their
//! topics, and when they end by themselves.

use crate::id::{ConnKey, TopicKey};
use crate::limits::BYTES_PER_WORK;
use crate::proto::centrifuge::{Answer, Event, Push, Reply, Unsubscribe, UnsubscribeCode};
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
        let pending = session.sub(topic).and_then(|sub| sub.pending.take());
        let Some(pending) = pending else {
            return true;
        };
        let reply = pending.finish(wire, start);
        self.tell_session(conns, key, &reply);
        if let Some(Answer::Subscribe(result)) = &reply.answer {
            let bytes = result.publications.iter().map(|message| message.data.len());
            env.work.charge(bytes.sum::<usize>() / BYTES_PER_WORK);
            env.counters.messages_out += result.publications.len() as u64;
        }
        !matches!(reply.answer, Some(Answer::Error(_)))
    }

    /// Whether the client of a session counts on the server to tell it of a gap.
    pub(super) fn is_watched<D>(
        &self,
        conns: &mut Conns<D>,
        (key, topic): (ConnKey, TopicKey),
    ) -> bool {
        let session = conns.session(key);
        session
            .and_then(|session| session.sub(topic))
            .is_some_and(|sub| sub.is_positioned)
    }

    /// Ends a subscription of a session, and tells its client why.
    pub(crate) fn end_session_sub<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        (key, topic): (ConnKey, TopicKey),
        code: UnsubscribeCode,
    ) {
        if let Some(local) = self.fanout.topic(topic) {
            let event = Event::Unsubscribe(Unsubscribe {
                code: code.code().into(),
                reason: code.reason().to_owned(),
            });
            let push = Push::of(local.topic.name(), event);
            self.tell_session(conns, key, &Reply::push(push));
        }
        self.unsubscribe(conns, env, key, topic);
    }

    fn tell_session<D>(&mut self, conns: &mut Conns<D>, key: ConnKey, reply: &Reply) {
        let mut message = Vec::new();
        if let Some(session) = conns.session(key) {
            session.encode(&mut message, reply);
        }
        if let Some(outbox) = conns.outbox(key) {
            outbox.append(|out| out.extend_from_slice(&message));
        }
        self.mark_dirty(conns, key);
    }
}
