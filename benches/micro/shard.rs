//! A shard without sockets: all that the benches know of how its core is driven.

use std::hint::black_box;
use std::io::IoSlice;
use std::time::Duration;

use corecast::internals::driver::{Driver, Kernel, MeshEnd};
use corecast::limits::SUBSCRIPTIONS_MAX;
use corecast::time::Now;
use corecast::topic::sink::{Sink, Sock, WriteError};
use corecast::{Config, ConnId, HistorySettings, Namespaces, Relay, ShardId, TopicSettings};

use crate::decode::client_frame;

/// The only shard of its node, with the program's own application.
pub(crate) struct Shard {
    driver: Driver<Relay>,
    sockets: Sockets,
    publisher: ConnId,
    now: Now,
}

/// Sockets that take all, and count.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    sends: usize,
    bytes: usize,
}

const TEXT: u8 = 1;
const BINARY: u8 = 2;

impl Shard {
    /// With one publisher to a topic, and clients of the structured protocol that have subscribed
    /// to these channels.
    pub(crate) fn with_channels(topic: &str, channels: &[String]) -> Self {
        let now = Now::from_millis(0);
        let config = Config {
            patterns_max: channels.len(),
            ..Config::default()
        };
        let mut driver = new(config, now);
        let publisher = open(&mut driver, 0, &format!("/pub/{topic}"));
        let mut shard = Self {
            driver,
            sockets: Sockets::default(),
            publisher,
            now,
        };
        for (number, channels) in channels.chunks(SUBSCRIPTIONS_MAX).enumerate() {
            shard.turns();
            let id = open(&mut shard.driver, 1 + number, "/connection/websocket");
            shard.turns();
            let mut commands = r#"{"id":1,"connect":{}}"#.to_owned();
            for channel in channels {
                commands += &format!("\n{{\"id\":2,\"subscribe\":{{\"channel\":\"{channel}\"}}}}");
            }
            let mut frame = client_frame(TEXT, true, commands.as_bytes());
            shard.driver.core.begin_turn(shard.now);
            shard.driver.core.handle_bytes(id, &mut frame);
        }
        shard.turns();
        shard
    }

    /// With so many subscribers of one topic, all live, and one publisher.
    pub(crate) fn with_subscribers(subscribers: usize) -> Self {
        Self::of(Config::default(), subscribers, |driver, number| {
            open(driver, number, "/sub/bench");
        })
    }

    /// The same with sessions, which have subscribed by this command, in a topic with a history.
    pub(crate) fn with_sessions(subscribers: usize, subscribe: &str) -> Self {
        let settings = TopicSettings {
            history: Some(HistorySettings {
                entries_max: 10,
                bytes_max: 1 << 20,
                ttl: Duration::from_secs(60),
                meta_ttl: Duration::from_secs(60),
                is_keyed: false,
            }),
            delta: true,
            ..TopicSettings::default()
        };
        let config = Config {
            namespaces: Namespaces::new(settings, Vec::new()),
            ..Config::default()
        };
        Self::of(config, subscribers, |driver, number| {
            let id = open(driver, number, "/connection/websocket");
            for command in [r#"{"id":1,"connect":{}}"#, subscribe] {
                let mut frame = client_frame(TEXT, true, command.as_bytes());
                driver.core.handle_bytes(id, &mut frame);
                driver.finish_turn(&mut Sockets::default());
                driver.core.begin_turn(Now::from_millis(0));
            }
        })
    }

    fn of(
        config: Config,
        subscribers: usize,
        mut join: impl FnMut(&mut Driver<Relay>, usize),
    ) -> Self {
        let now = Now::from_millis(0);
        let end = MeshEnd::alone(ShardId::default(), 1);
        let mut driver = Driver::new(end, config, now, Relay::default());
        // Each in a turn of its own: what a turn has no time to read would wait for more bytes.
        for number in 0..subscribers {
            driver.core.begin_turn(now);
            join(&mut driver, number);
        }
        driver.core.begin_turn(now);
        let publisher = open(&mut driver, subscribers, "/pub/bench");
        let mut shard = Self {
            driver,
            sockets: Sockets::default(),
            publisher,
            now,
        };
        shard.turns();
        shard
    }

    /// Publishes one message and delivers it; returns how often something was sent.
    pub(crate) fn publish(&mut self, payload: &[u8]) -> usize {
        self.publish_as(BINARY, payload)
    }

    /// The same with a text.
    pub(crate) fn publish_text(&mut self, payload: &[u8]) -> usize {
        self.publish_as(TEXT, payload)
    }

    /// Bytes that were sent of the last message.
    pub(crate) fn bytes(&self) -> usize {
        self.sockets.bytes
    }

    fn publish_as(&mut self, opcode: u8, payload: &[u8]) -> usize {
        self.sockets = Sockets::default();
        let mut frame = client_frame(opcode, true, payload);
        self.driver.core.begin_turn(self.now);
        self.driver.core.handle_bytes(self.publisher, &mut frame);
        self.turns();
        self.sockets.sends
    }

    /// Turns until nothing is left to be done.
    fn turns(&mut self) {
        loop {
            self.driver.finish_turn(&mut self.sockets);
            if !self.driver.core.has_work() {
                return;
            }
            self.driver.core.begin_turn(self.now);
        }
    }
}

fn new(config: Config, now: Now) -> Driver<Relay> {
    let alone = MeshEnd::alone(ShardId::default(), 1);
    Driver::new(alone, config, now, Relay::default())
}

/// Opens a WebSocket; its answer goes out with the next flush.
pub(crate) fn open(driver: &mut Driver<Relay>, number: usize, path: &str) -> ConnId {
    let id = driver
        .core
        .handle_http_open(Sock(i32::try_from(number).unwrap()), None);
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes();
    driver.core.handle_bytes(id, &mut request);
    id
}

impl Kernel<Relay> for Sockets {}

impl Sink for Sockets {
    fn send(&mut self, sock: Sock, bytes: &[u8]) -> Result<usize, WriteError> {
        black_box((sock, bytes));
        self.sends += 1;
        self.bytes += bytes.len();
        Ok(bytes.len())
    }

    fn send_vectored(&mut self, sock: Sock, slices: &[IoSlice<'_>]) -> Result<usize, WriteError> {
        black_box((sock, slices));
        self.sends += 1;
        let len = slices.iter().map(|slice| slice.len()).sum();
        self.bytes += len;
        Ok(len)
    }
}
