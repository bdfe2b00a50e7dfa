//! A shard without sockets: all that the benches know of how its core is driven.

use std::collections::hash_map::RandomState;
use std::hint::black_box;
use std::io::IoSlice;
use std::sync::Arc;

use corecast::config::Config;
use corecast::id::ShardId;
use corecast::shard::core::ShardCore;
use corecast::shard::core::conns::questions::{Answered, Answers};
use corecast::time::Now;
use corecast::topic::sink::{Sink, Sock, WriteError};
use corecast::{ConnId, Relay};

use crate::decode::client_frame;

/// The only shard of its node, with the program's own application.
pub(crate) struct Shard {
    core: ShardCore<Relay>,
    sockets: Sockets,
    publisher: ConnId,
    now: Now,
}

/// Where nobody asks, nobody answers.
struct Nobody;

/// Sockets that take all, and count.
#[derive(Debug, Default)]
struct Sockets {
    sends: usize,
}

const BINARY: u8 = 2;

impl Shard {
    /// With so many subscribers of one topic, all live, and one publisher.
    pub(crate) fn with_subscribers(subscribers: usize) -> Self {
        let now = Now::from_millis(0);
        let only = ShardId::try_from(0).unwrap();
        let shards = ShardId::try_from(1).unwrap();
        let hasher = RandomState::new();
        let config = Config::default();
        let answers = Arc::new(Nobody);
        let mut core = ShardCore::new(only, shards, config, hasher, now, Relay::default(), answers);
        core.begin_turn(now);
        for number in 0..subscribers {
            open(&mut core, number, "/sub/bench");
        }
        let publisher = open(&mut core, subscribers, "/pub/bench");
        let mut shard = Self {
            core,
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
        self.core.begin_turn(self.now);
        self.core.handle_bytes(self.publisher, &mut frame);
        self.turns();
        self.sockets.sends
    }

    /// Turns until nothing is left to be done.
    fn turns(&mut self) {
        loop {
            self.core.handle_resumed();
            self.core.handle_timeouts();
            self.core.flush(&mut self.sockets);
            if !self.core.has_work() {
                return;
            }
            self.core.begin_turn(self.now);
        }
    }
}

/// Opens a WebSocket; its answer goes out with the next flush.
fn open(core: &mut ShardCore<Relay>, number: usize, path: &str) -> ConnId {
    let id = core.handle_http_open(Sock(i32::try_from(number).unwrap()), None);
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes();
    core.handle_bytes(id, &mut request);
    id
}

impl Answers<()> for Nobody {
    fn put(&self, _: Answered<()>) {}
}

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
