//! An application for tests of several shards: a connection learns its shard, and publishes on
//! any topic.

use corecast::{
    Cx, Halt, Handler, Message, Opening, Refusal, Relay, Request, SessionStream, ShardId,
};

use crate::support::server::Running;
use crate::support::ws::Ws;

/// Relays as the binary does, but for two kinds of messages: `shard?` is answered with the shard's
/// number, and `to {topic} {text}` is published on that topic.
#[derive(Clone, Debug)]
pub(crate) struct Switchboard(Relay);

impl Switchboard {
    pub(crate) fn new(_shard: ShardId) -> Self {
        Self(Relay::default())
    }
}

impl Handler for Switchboard {
    type Conn = <Relay as Handler>::Conn;
    type Answer = <Relay as Handler>::Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        opening: &Opening<'_>,
    ) -> Result<Self::Conn, Refusal> {
        self.0.on_open(cx, opening)
    }

    fn wants_events(&mut self, request: &Request<'_>) -> bool {
        self.0.wants_events(request)
    }

    fn wants_session(&mut self, request: &Request<'_>) -> Option<SessionStream> {
        self.0.wants_session(request)
    }

    fn on_message(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        message: Message<'_>,
    ) -> Result<(), Halt> {
        let text = std::str::from_utf8(message.payload).unwrap_or_default();
        if text == "shard?" {
            let shard = cx.shard().to_string();
            return Ok(cx.reply(message.kind, shard.as_bytes())?);
        }
        match text
            .strip_prefix("to ")
            .and_then(|rest| rest.split_once(' '))
        {
            Some((topic, text)) => Ok(cx.publish(topic, message.kind, text.as_bytes())?),
            None => self.0.on_message(cx, message),
        }
    }
}

/// One connection on each shard, in their order, each able to publish on any topic.
pub(crate) fn connect_to_each(server: &Running, shards: usize) -> Vec<Ws> {
    let mut found: Vec<Option<Ws>> = (0..shards).map(|_| None).collect();
    // The kernel spreads connections by their ports: all but certain to meet each soon.
    for _ in 0..200 {
        let mut client = Ws::connect(server.http(), "/pub/any");
        let shard = shard_of(&mut client);
        found[shard].get_or_insert(client);
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    let met = found.into_iter().flatten();
    let each: Vec<Ws> = met.collect();
    assert_eq!(each.len(), shards, "a shard gets no connections");
    each
}

/// The shard that a connection is on.
pub(crate) fn shard_of(client: &mut Ws) -> usize {
    client.send_text("shard?");
    client.next_text().parse().unwrap()
}
