//! A shard without sockets: all that the benches know of how its core is driven.

use std::hint::black_box;
use std::io::IoSlice;

use corecast::config::Config;
use corecast::internals::driver::{Driver, Kernel, MeshEnd};
use corecast::limits::SUBSCRIPTIONS_MAX;
use corecast::time::Now;
use corecast::topic::sink::{Sink, Sock, WriteError};
use corecast::{ConnId, Relay, ShardId};

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
        let now = Now::from_millis(0);
        let mut driver = new(Config::default(), now);
        // Each in a turn of its own: what a turn has no time to read would wait for more bytes.
        for number in 0..subscribers {
            driver.core.begin_turn(now);
            open(&mut driver, number, "/sub/bench");
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
        self.sockets.sends = 0;
        let mut frame = client_frame(BINARY, true, payload);
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
        Ok(bytes.len())
    }

    fn send_vectored(&mut self, sock: Sock, slices: &[IoSlice<'_>]) -> Result<usize, WriteError> {
        black_box((sock, slices));
        self.sends += 1;
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }
}
