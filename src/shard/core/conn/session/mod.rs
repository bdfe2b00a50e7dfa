//! What a connection of the structured protocol keeps.

mod framed;
mod name;
mod stream;
pub(crate) mod subscription;

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::Principal;
use crate::id::TopicKey;
use crate::payload::Structured;
use crate::proto::centrifuge::{
    Answer, ClientInfo, ConnectResult, DisconnectCode, Reply, ServerSub, SubscribeResult, Wire,
    Wrap,
};
use crate::proto::ws::Decoder;
use crate::shard::core::conn::PeerInfo;
pub(crate) use crate::shard::core::conn::session::name::{find_session, node_name, session_name};
use crate::shard::core::conn::session::stream::Stream;
use crate::shard::core::conn::session::subscription::{Pending, Subscription};
use crate::time::{Now, Stamp};

/// What a connection of the structured protocol keeps.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) decoder: Decoder,
    carrier: Structured,
    /// Where its client sends by requests of their own.
    pub(crate) stream: Option<Box<Stream>>,
    pub(crate) phase: Phase,
    /// It is pinged by frames of WebSocket, as its client has asked for.
    has_frame_pings: bool,
    /// A ping was not answered by a pong.
    awaits_pong: bool,
    /// When it is pinged next.
    next_ping: Stamp,
    /// Bytes of the message in hand whose commands are carried out.
    pub(crate) done: usize,
    /// Its client, once it is identified.
    pub(crate) principal: Option<Box<Principal>>,
    /// The client as others see it, once it is connected.
    pub(crate) info: Option<Arc<ClientInfo>>,
    /// What its command has asked the home of a topic.
    pub(crate) asked: Option<Box<dyn Any>>,
    /// The subscription that its command asks for, until its topic has a key.
    pub(crate) subscribing: Option<Subscription>,
    /// What the client is told, when it is connected, of subscriptions that it has not asked for.
    told_later: BTreeMap<String, SubscribeResult>,
    /// Why it is about to end, if that is not that its time is over.
    pub(crate) end: Option<DisconnectCode>,
    /// In no order.
    subs: Vec<Subscription>,
    /// When the first of them ends.
    soonest: Stamp,
}

/// How far a session has come.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Its client has to connect first; for that is known where it comes from.
    New(Option<Arc<PeerInfo>>),
    /// The client is told that it is connected, by this, when its user's home has counted it.
    Connecting(Box<Reply>),
    Connected,
    /// The client could not connect, and can do nothing more.
    Refused,
}

/// As the protocol counts: less than a second is one.
pub(crate) fn whole_secs(time: Duration) -> u32 {
    let secs = time.as_secs().max(1);
    u32::try_from(secs).unwrap_or(u32::MAX)
}

impl Session {
    pub(crate) fn new(
        decoder: Decoder,
        carrier: Structured,
        has_frame_pings: bool,
        peer_info: Option<Arc<PeerInfo>>,
    ) -> Self {
        Self {
            decoder,
            carrier,
            stream: None,
            phase: Phase::New(peer_info),
            has_frame_pings,
            awaits_pong: false,
            next_ping: Stamp::NEVER,
            done: 0,
            principal: None,
            info: None,
            asked: None,
            subscribing: None,
            told_later: BTreeMap::new(),
            end: None,
            subs: Vec::new(),
            soonest: Stamp::NEVER,
        }
    }

    /// One whose client sends by requests of their own.
    pub(crate) fn streamed(carrier: Structured, peer_info: Option<Arc<PeerInfo>>) -> Self {
        Self {
            stream: Some(Box::default()),
            ..Self::new(Decoder::default(), carrier, false, peer_info)
        }
    }

    pub(crate) fn wire(&self) -> Wire {
        self.carrier.wire()
    }

    pub(crate) fn carrier(&self) -> Structured {
        self.carrier
    }

    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected)
    }

    pub(crate) fn is_new(&self) -> bool {
        matches!(self.phase, Phase::New(_))
    }

    /// The client is about to be connected: it is told so by this later. Returns where it comes
    /// from.
    pub(crate) fn begin(&mut self, id: u32, result: ConnectResult) -> Option<Arc<PeerInfo>> {
        let reply = Box::new(Reply::new(id, Answer::Connect(result)));
        match std::mem::replace(&mut self.phase, Phase::Connecting(reply)) {
            Phase::New(peer_info) => peer_info,
            _ => None,
        }
    }

    /// The client is connected now, if it was about to be: what tells it so.
    pub(crate) fn connect(&mut self) -> Option<Reply> {
        let phase = std::mem::replace(&mut self.phase, Phase::Connected);
        match phase {
            Phase::Connecting(mut reply) => {
                if let Some(Answer::Connect(result)) = &mut reply.answer {
                    let subs = std::mem::take(&mut self.told_later).into_iter();
                    let subs = subs.map(|(channel, result)| ServerSub { channel, result });
                    result.subs = subs.collect();
                }
                Some(*reply)
            }
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// Its client is told of a subscription that it has not asked for when it is connected.
    pub(crate) fn tell_later(&mut self, channel: &str, result: SubscribeResult) {
        self.told_later.insert(channel.to_owned(), result);
    }

    /// Whether its client has only to connect, and then is sent pushes.
    pub(crate) fn is_one_way(&self) -> bool {
        self.carrier.wrap() == Wrap::Bare
    }

    /// Whether it is pinged by the protocol's own pings.
    pub(crate) fn has_pings(&self) -> bool {
        !self.has_frame_pings
    }

    /// Whether its client must answer pings by commands.
    pub(crate) fn answers_pings(&self) -> bool {
        self.has_pings() && !self.is_one_way()
    }

    /// The client as subscribers of one topic see it, of whose subscription this is said as well.
    pub(crate) fn info_in(&self, chan_info: Vec<u8>) -> Option<Arc<ClientInfo>> {
        let info = self.info.as_deref().filter(|_| !chan_info.is_empty())?;
        Some(Arc::new(ClientInfo {
            chan_info,
            ..info.clone()
        }))
    }

    /// The client as subscribers of a topic see it.
    pub(crate) fn info_of(&mut self, topic: Option<TopicKey>) -> Option<Arc<ClientInfo>> {
        let sub = topic.and_then(|topic| self.sub(topic));
        let own = sub.and_then(|sub| sub.info.clone());
        own.or_else(|| self.info.clone())
    }

    /// When it is to be pinged, once it is connected.
    pub(crate) fn next_ping(&self) -> Option<Now> {
        let is_pinged = self.is_connected() && self.next_ping != Stamp::NEVER;
        is_pinged.then(|| self.next_ping.moment())
    }

    /// It is pinged, and the next time then.
    pub(crate) fn note_ping(&mut self, next: Now) {
        self.awaits_pong = true;
        self.next_ping = next.stamp();
    }

    /// It is pinged for the first time then.
    pub(crate) fn begin_pings(&mut self, first: Now) {
        self.next_ping = first.stamp();
    }

    /// A pong has come; `false` if none was due.
    pub(crate) fn take_pong(&mut self) -> bool {
        std::mem::take(&mut self.awaits_pong)
    }

    /// Memory held by what its client has sent.
    pub(crate) fn held_bytes(&self) -> usize {
        let received = self.stream.as_ref().map_or(0, |stream| stream.held_bytes());
        self.decoder.held_bytes() + received
    }

    /// Its client has nothing more to say.
    pub(crate) fn clear(&mut self) {
        self.decoder = Decoder::default();
        self.stream = self.stream.take().map(|_| Box::default());
        self.principal = None;
    }

    /// Appends what the server says.
    pub(crate) fn encode(&self, out: &mut Vec<u8>, reply: &Reply) {
        self.carrier.encode_reply(out, reply);
    }

    /// Appends a ping.
    pub(crate) fn encode_ping(&self, out: &mut Vec<u8>) {
        if self.has_frame_pings {
            crate::proto::ws::encode_ping(out, b"");
        } else {
            self.encode(out, &Reply::PING);
        }
    }

    /// When the first subscription ends.
    pub(crate) fn sub_expiry(&self) -> Option<Now> {
        (self.soonest != Stamp::NEVER).then(|| self.soonest.moment())
    }

    /// A subscription whose time is over.
    pub(crate) fn expired_sub(&self, now: Now) -> Option<TopicKey> {
        self.sub_expiry().filter(|end| *end <= now)?;
        let is_over = |sub: &&Subscription| sub.until != Stamp::NEVER && sub.until.moment() <= now;
        self.subs.iter().find(is_over).map(|sub| sub.topic)
    }

    /// Has a subscription end then.
    pub(crate) fn expire_sub(&mut self, topic: TopicKey, until: Stamp) {
        if let Some(sub) = self.sub(topic) {
            sub.until = until;
        }
        self.find_soonest();
    }

    fn find_soonest(&mut self) {
        let ends = self.subs.iter().map(|sub| sub.until);
        self.soonest = ends.min().unwrap_or(Stamp::NEVER);
    }

    /// What a command waits for that has asked for a subscription, if it does.
    pub(crate) fn take_asked(&mut self, topic: TopicKey) -> Option<Box<Pending>> {
        let pending = self.sub(topic)?.pending.take();
        pending.filter(|pending| pending.id != 0)
    }

    /// The subscription to a topic.
    pub(crate) fn sub(&mut self, topic: TopicKey) -> Option<&mut Subscription> {
        self.subs.iter_mut().find(|sub| sub.topic == topic)
    }

    /// It has subscribed to a topic.
    pub(crate) fn note_sub(&mut self, topic: TopicKey) {
        let sub = self.subscribing.take().unwrap_or_default();
        self.soonest = self.soonest.min(sub.until);
        self.subs.push(Subscription { topic, ..sub });
    }

    /// A subscription has ended.
    pub(crate) fn forget_sub(&mut self, topic: TopicKey) {
        self.subs.retain(|sub| sub.topic != topic);
        if self.soonest != Stamp::NEVER {
            self.find_soonest();
        }
    }
}
