//! What a connection of the structured protocol keeps.

mod client;
mod framed;
mod name;
pub(crate) mod pending;
mod rare;
mod stream;
pub(crate) mod subs;

use std::sync::Arc;
use std::time::Duration;

use crate::id::{ConnectionId, TopicKey};
use crate::payload::Structured;
use crate::proto::centrifuge::{
    Answer, ClientInfo, ConnectResult, DisconnectCode, Reply, ServerSub, Wire, Wrap,
};
use crate::proto::ws::Decoder;
use crate::shard::core::conn::PeerInfo;
use crate::shard::core::conn::session::client::Client;
pub(crate) use crate::shard::core::conn::session::name::{find_session, node_name, session_name};
use crate::shard::core::conn::session::pending::Pending;
use crate::shard::core::conn::session::rare::Rare;
use crate::shard::core::conn::session::stream::Stream;
use crate::shard::core::conn::session::subs::Subscriptions;
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
    /// When it ends, unless its client has connected by then, or has sent another token.
    pub(crate) until: Stamp,
    /// Bytes of the message in hand whose commands are carried out.
    pub(crate) done: usize,
    /// By the rate of messages, the command behind them is paid for.
    pub(crate) is_paid: bool,
    /// Its client, once it is identified.
    pub(crate) client: Client,
    pub(crate) subs: Subscriptions,
    /// Why it is about to end, if that is not that its time is over.
    pub(crate) end: Option<DisconnectCode>,
    rare: Option<Box<Rare>>,
}

// Each connection of the structured protocol has one, whatever it does.
const _: () = assert!(size_of::<Session>() <= 152);

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
            until: Stamp::NEVER,
            done: 0,
            is_paid: false,
            client: Client::default(),
            subs: Subscriptions::default(),
            end: None,
            rare: None,
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

    /// Whether it is known which client it has: it is connected, or about to be.
    pub(crate) fn has_client(&self) -> bool {
        matches!(self.phase, Phase::Connecting(_) | Phase::Connected)
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
                    let subs = self.take_told_later().into_iter();
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

    /// The client, which has this name, as subscribers of a topic see it.
    pub(crate) fn info_in(
        &mut self,
        name: ConnectionId,
        topic: Option<TopicKey>,
    ) -> Arc<ClientInfo> {
        let info = self.client.info(name);
        match topic.and_then(|topic| self.subs.chan_info(topic)) {
            None => info,
            Some(chan_info) => Arc::new(ClientInfo {
                chan_info: chan_info.to_vec(),
                ..(*info).clone()
            }),
        }
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
        self.client = Client::default();
        self.rare = None;
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

    /// What a command waits for that has asked for a subscription, if it does.
    pub(crate) fn take_waiting(&mut self, topic: TopicKey) -> Option<Box<Pending>> {
        let pending = self.subs.take_pending(topic);
        pending.filter(|pending| pending.id != 0)
    }
}
