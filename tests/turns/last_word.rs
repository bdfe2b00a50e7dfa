//! After its last word a connection is read on: its client may write before it reads.

use std::sync::Arc;

use corecast::limits::{BODY_BYTES_MAX, LINGER_BYTES_PER_STEP};
use corecast::payload::Payload;
use corecast::shard::mail::{Origin, Publication, ToHome};
use corecast::time::Rate;
use corecast::{CloseReason, Config, ConnId, Kind, SlowConsumer, Topic};

use crate::frame;
use crate::server::Server;
use crate::shard::Shard;

/// A subscriber that publishes faster than it may, and has been told by an event that it has more.
fn paused() -> (Server, ConnId) {
    let mut server = Server::with(Config {
        message_rate: Rate::per_second(1),
        slow_consumer: SlowConsumer::Disconnect,
        log_bytes_max: 64 << 10,
        ..Config::default()
    });
    server.begin();
    let client = server.shard.upgrade("/ws/a", "");
    server.shard.block(true, &[]);
    for _ in 0..2 {
        server.arrive(client, &frame(0x81, b"x").repeat(3));
        server.rest();
    }
    assert_eq!(server.shard.counters().paused, 1);
    assert_ne!(
        server.shard.sockets.received[&client].len(),
        0,
        "it is not read"
    );
    (server, client)
}

fn publish(shard: &mut Shard, bytes: usize) {
    let publish = ToHome::Publish(Publication::new(
        Topic::new("a").unwrap(),
        Payload {
            kind: Kind::Text,
            bytes: Arc::from(vec![b'x'; bytes]),
        },
        Origin::Handle,
    ));
    assert!(shard.core.handle_to_home(publish).is_none());
}

#[test]
fn a_paused_client_that_is_closed_and_does_not_read_is_read_on() {
    let (mut server, client) = paused();
    for _ in 0..100 {
        publish(&mut server.shard, 8 << 10);
        server.rest();
    }
    assert_eq!(server.shard.counters().closed[CloseReason::Slow.index()], 1);
    assert_eq!(
        server.shard.sockets.received[&client].len(),
        0,
        "it writes first"
    );
}

#[test]
fn a_connection_that_waits_for_its_rate_is_waiting() {
    let (mut server, client) = paused();
    assert!(server.shard.core.is_waiting(client));
}

#[test]
fn a_lingering_connection_beyond_its_rate_is_not_waiting() {
    let mut server = Server::new();
    server.begin();
    let client = server.shard.connect();
    let length = BODY_BYTES_MAX + 1;
    let head = format!("POST /api/publish HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    server.arrive(client, head.as_bytes());
    server.rest();
    assert!(server.shard.take(client).starts_with(b"HTTP/1.1 413 "));
    server.arrive(client, &vec![0; LINGER_BYTES_PER_STEP + 1]);
    server.rest();
    assert_eq!(
        server.shard.sockets.received[&client].len(),
        1,
        "it is over its rate"
    );
    // With our own side closed, the kernel tells of its end as of a reset.
    assert!(!server.shard.core.is_waiting(client), "it is reset");
}
