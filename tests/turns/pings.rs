//! Pings beyond the rate of their connection.

use std::num::NonZeroU32;
use std::time::Duration;

use corecast::{BeyondRate, CloseReason, Config, ConnId, Limit, Rate};

use crate::frame;
use crate::shard::Shard;

/// FIN, ping; and the byte that its pong begins with, whose payload has no mask.
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// Messages at once.
const BURST: NonZeroU32 = NonZeroU32::new(3).unwrap();

/// A shard where a connection may send three messages at once, and then one in a second.
fn open(beyond_rate: BeyondRate) -> (Shard, ConnId) {
    let mut shard = Shard::new(Config {
        message_rate: Rate::per_second(1).map(|rate| Rate {
            burst: BURST,
            ..rate
        }),
        beyond_rate,
        ..Config::default()
    });
    let client = shard.upgrade("/pub/a", "");
    (shard, client)
}

/// Ten pings, numbered.
fn pings() -> Vec<u8> {
    (0..10).flat_map(|at| frame(PING, &[at])).collect()
}

/// The numbers of pongs.
fn pongs(shard: &mut Shard, client: ConnId) -> Vec<u8> {
    let sent = shard.take(client);
    let pongs = sent.chunks(3);
    pongs
        .map(|pong| {
            assert_eq!(pong[..2], [PONG, 1]);
            pong[2]
        })
        .collect()
}

#[test]
fn pings_beyond_the_rate_are_answered_later() {
    let (mut shard, client) = open(BeyondRate::Wait);
    shard.read(client, pings());
    shard.rest();
    // The one that waits has its pong; what comes after it has not.
    assert_eq!(pongs(&mut shard, client), [0, 1, 2, 3]);
    assert_eq!(shard.counters().paused, 1);
    let mut later = Vec::new();
    for _ in 0..8 {
        shard.wait(Duration::from_millis(1100));
        let more = pongs(&mut shard, client);
        assert!(more.len() <= 2, "{more:?} in a second");
        later.extend(more);
    }
    assert_eq!(later, [4, 5, 6, 7, 8, 9]);
    assert_eq!(shard.counters().paused, 0);
    assert!(0 < shard.counters().limited[Limit::RateWait.index()]);
}

#[test]
fn dropped_pings_have_no_pong() {
    let (mut shard, client) = open(BeyondRate::Drop);
    shard.read(client, [pings(), frame(0x81, b"hello")].concat());
    shard.rest();
    assert_eq!(pongs(&mut shard, client), [0, 1, 2]);
    let counters = shard.counters();
    assert_eq!(counters.limited[Limit::RateDrop.index()], 8);
    assert_eq!(counters.published, 0, "they are of one rate");
}

#[test]
fn a_flood_beyond_the_rate_is_closed_if_so_configured() {
    for flood in [
        pings(),
        frame(PONG, b"").repeat(10),
        [frame(0x01, b""), frame(0x00, b"").repeat(10)].concat(),
    ] {
        let (mut shard, client) = open(BeyondRate::Close);
        shard.read(client, flood);
        shard.rest();
        assert_eq!(shard.counters().closed[CloseReason::RateLimit.index()], 1);
    }
}

#[test]
fn frames_that_say_nothing_wait_for_the_rate() {
    for flood in [
        frame(PONG, b"").repeat(10),
        [frame(0x01, b""), frame(0x00, b"").repeat(10)].concat(),
    ] {
        let (mut shard, client) = open(BeyondRate::Wait);
        shard.read(client, flood);
        shard.rest();
        assert_eq!(shard.counters().paused, 1);
        assert_eq!(shard.counters().limited[Limit::RateWait.index()], 1);
    }
}

#[test]
fn a_pong_that_was_asked_for_is_free() {
    let (mut shard, client) = open(BeyondRate::Close);
    // All that it may send at once.
    shard.read(client, frame(0x81, b"hello").repeat(3));
    shard.rest();
    shard.wait(Config::default().ping_interval);
    shard.read(client, frame(0x81, b"hello").repeat(3));
    shard.rest();
    assert_eq!(shard.counters().closed.iter().sum::<u64>(), 0);
    shard.wait(Config::default().ping_interval);
    assert_eq!(shard.counters().pings, 2);
    shard.read(
        client,
        [frame(PONG, b""), frame(0x81, b"hello").repeat(3)].concat(),
    );
    shard.rest();
    assert_eq!(shard.counters().closed.iter().sum::<u64>(), 0);
}

#[test]
fn long_fragments_are_no_messages_of_their_own() {
    let (mut shard, client) = open(BeyondRate::Close);
    let piece = vec![b'x'; 1 << 10];
    let pieces = [
        frame(0x01, &piece),
        frame(0x00, &piece).repeat(10),
        frame(0x80, b"end"),
    ];
    shard.read(client, pieces.concat());
    shard.rest();
    assert_eq!(shard.counters().closed.iter().sum::<u64>(), 0);
    assert_eq!(shard.counters().published, 1);
}
