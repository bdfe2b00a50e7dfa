//! Clients of a TCP port that have closed their side: they may listen, or be gone.

use std::time::Duration;

use corecast::{Config, ConnId};

use crate::shard::Shard;

const SECOND: Duration = Duration::from_secs(1);
const EMPTY: [u8; 4] = [0; 4];

/// A client that has been there for a while, and has had its greeting.
fn connect(config: Config) -> (Shard, ConnId) {
    let mut shard = Shard::new(config);
    let client = shard.connect_tcp("a");
    shard.rest();
    assert_eq!(shard.take(client), EMPTY);
    for _ in 0..60 {
        shard.wait(SECOND);
    }
    assert_eq!(shard.take(client), b"", "one that may speak is not asked");
    (shard, client)
}

fn seconds(shard: &mut Shard, count: u32) {
    for _ in 0..count {
        shard.wait(SECOND);
    }
}

#[test]
fn a_half_closed_client_is_sent_a_heartbeat_each_time_it_was_sent_nothing_for_5_seconds() {
    let (mut shard, client) = connect(Config::default());
    shard.core.handle_read_end(client);
    // It had nothing for a minute.
    seconds(&mut shard, 2);
    assert_eq!(shard.take(client), EMPTY);
    seconds(&mut shard, 2);
    assert_eq!(shard.take(client), b"");
    seconds(&mut shard, 60);
    let sent = shard.take(client);
    assert!(sent.iter().all(|byte| *byte == 0), "{sent:?}");
    assert!((9..=12).contains(&(sent.len() / EMPTY.len())), "{sent:?}");
    assert_eq!(shard.counters().connections, 1);
}

#[test]
fn deliveries_take_the_place_of_heartbeats() {
    let (mut shard, client) = connect(Config::default());
    let publisher = shard.connect_tcp("a");
    shard.core.handle_read_end(client);
    for _ in 0..10 {
        shard.read(publisher, b"\0\0\0\x01x");
        shard.rest();
        seconds(&mut shard, 2);
    }
    assert_eq!(shard.take(client), b"\0\0\0\x01x".repeat(10));
}

#[test]
fn a_half_closed_client_is_idle_after_as_long_as_any_other() {
    let (mut shard, client) = connect(Config {
        tcp_idle_timeout: Some(90 * SECOND),
        ..Config::default()
    });
    shard.core.handle_read_end(client);
    seconds(&mut shard, 25);
    assert_ne!(shard.take(client), b"");
    seconds(&mut shard, 20);
    assert_eq!(shard.counters().connections, 0);
}
