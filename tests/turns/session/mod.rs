//! The structured protocol: what each command is answered with, and what ends a session.

#[cfg(feature = "auth")]
mod api;
mod bounds;
mod connect;
mod delayed;
mod deltas;
mod hostile;
#[cfg(feature = "auth")]
mod identity;
mod joins;
mod life;
mod loss;
mod many;
#[cfg(feature = "auth")]
mod names;
mod one_way;
mod patterns;
mod presence;
mod recover;
mod server_side;
mod storms;
mod streams;
mod subscribe;
mod talk;
mod tcp;
#[cfg(feature = "auth")]
mod token_topics;
#[cfg(feature = "auth")]
mod tokens;

use std::time::Duration;

use corecast::proto::ws::{ClientDecoder, Event};
use corecast::{Config, ConnId, HistorySettings, Namespaces, TopicSettings};

use crate::frame;
use crate::shard::{RelayConn, Shard};

/// The parts of a handler that has nothing but sessions.
macro_rules! opens_sessions {
    () => {
        type Conn = ();
        type Answer = crate::shard::Answer;

        fn on_open(
            &mut self,
            cx: &mut Cx<'_, (), Self::Answer>,
            _: &corecast::Opening<'_>,
        ) -> Result<(), corecast::Refusal> {
            assert!(cx.open_session());
            Ok(())
        }

        fn on_message(
            &mut self,
            _: &mut Cx<'_, (), Self::Answer>,
            _: corecast::Message<'_>,
        ) -> Result<(), corecast::Halt> {
            panic!("a session has commands");
        }
    };
}
use opens_sessions;

/// A server with a client of the structured protocol.
struct Scene<C: 'static = RelayConn> {
    shard: Shard<C>,
    client: ConnId,
}

/// What a client is told: a message, or the end.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Text(String),
    Binary(Vec<u8>),
    Close(u16, String),
    Ping,
}

/// A message of a client, as text.
fn text(message: &str) -> Vec<u8> {
    frame(0x81, message.as_bytes())
}

/// What a client reads of these bytes.
fn heard(mut bytes: Vec<u8>) -> Vec<Told> {
    let mut decoder = ClientDecoder::default();
    let (mut told, mut taken) = (Vec::new(), 0);
    while taken < bytes.len() {
        let step = decoder.decode(&mut bytes[taken..], 1 << 20, false).unwrap();
        taken += step.taken;
        match step.event {
            Some(Event::Message { payload, kind }) => told.push(match kind {
                corecast::Kind::Text => Told::Text(String::from_utf8(payload.to_vec()).unwrap()),
                corecast::Kind::Binary => Told::Binary(payload.to_vec()),
            }),
            Some(Event::Close { code, reason }) => {
                told.push(Told::Close(code.unwrap(), reason.to_owned()));
            }
            Some(Event::Ping(_)) => told.push(Told::Ping),
            other => panic!("{other:?}"),
        }
    }
    told
}

fn close(code: u16, reason: &str) -> Told {
    Told::Close(code, reason.to_owned())
}

const PATH: &str = "/connection/websocket";
pub(crate) const CONNECT: &str = r#"{"id":1,"connect":{}}"#;

/// Topics keep their newest messages.
fn with_history(entries_max: u32) -> Config {
    let history = HistorySettings {
        entries_max,
        bytes_max: 1 << 20,
        ttl: Duration::from_secs(60),
        meta_ttl: Duration::from_secs(600),
        is_keyed: false,
    };
    let settings = TopicSettings {
        history: Some(history),
        ..TopicSettings::default()
    };
    of_all(settings)
}

/// What holds for all topics.
fn of_all(settings: TopicSettings) -> Config {
    Config {
        namespaces: Namespaces::new(settings, Vec::new()),
        ..Config::default()
    }
}

impl Scene {
    fn new(config: Config) -> Self {
        Self::of(Shard::new(config))
    }

    /// One whose client has connected.
    fn connected(config: Config) -> Self {
        let mut scene = Self::new(config);
        scene.say(CONNECT);
        let told = scene.hear();
        assert_eq!(told.len(), 1, "{told:?}");
        scene
    }
}

impl<C> Scene<C> {
    fn of(mut shard: Shard<C>) -> Self {
        let client = shard.upgrade(PATH, "");
        Self { shard, client }
    }

    /// Another client that has connected.
    fn another(&mut self) -> ConnId {
        let id = self.shard.upgrade(PATH, "");
        self.shard.read(id, text(CONNECT));
        self.shard.rest();
        self.shard.take(id);
        id
    }

    fn say(&mut self, message: &str) {
        self.say_as(self.client, message);
    }

    fn say_as(&mut self, client: ConnId, message: &str) {
        self.shard.read(client, text(message));
        self.shard.rest();
    }

    fn hear(&mut self) -> Vec<Told> {
        self.hear_as(self.client)
    }

    fn hear_as(&mut self, client: ConnId) -> Vec<Told> {
        heard(self.shard.take(client))
    }

    /// The texts that a command is answered with, and what came with the answer.
    fn ask(&mut self, message: &str) -> Vec<String> {
        self.say(message);
        self.texts()
    }

    fn texts(&mut self) -> Vec<String> {
        self.texts_as(self.client)
    }

    fn texts_as(&mut self, client: ConnId) -> Vec<String> {
        let told = self.hear_as(client).into_iter();
        let texts = told.map(|told| match told {
            Told::Text(text) => text,
            other => panic!("{other:?}"),
        });
        texts.collect()
    }
}
