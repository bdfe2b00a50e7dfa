//! The fan-out over TLS: many subscribers at once, stopped readers, and subscribers of many topics.

use corecast::{Config, Cx, Halt, Handler, Kind, Message, Opening, Refusal, SlowConsumer};

use crate::support::length_prefix::LengthPrefix;
use crate::support::raw_ws::{BINARY, CLOSE, FIN, RawWs};
use crate::support::socket::{dial, dial_small};
use crate::support::tls::{Tls, client, shake};
use crate::support::wait::wait_until;
use crate::tls::served::Scene;

#[test]
fn a_subscriber_that_stops_reading_pays_alone() {
    const MANY: u32 = 4_000;
    for slow_consumer in [
        SlowConsumer::DropOldest,
        SlowConsumer::Latest,
        SlowConsumer::Disconnect,
    ] {
        let config = Config {
            slow_consumer,
            log_bytes_max: 256 << 10,
            ..Config::default()
        };
        let scene = Scene::with(|builder| builder.config(config));
        let mut healthy = LengthPrefix::greeted(scene.dial(scene.tcps()));
        let small = shake(dial_small(scene.https()), &scene.config, "localhost").unwrap();
        let mut stopped = RawWs::over(small, "/sub/lobby");
        let mut message = vec![b'.'; 1_000];
        for number in 0..MANY {
            message[..4].copy_from_slice(&number.to_be_bytes());
            scene.server.publish("lobby", Kind::Binary, &message);
            assert_eq!(healthy.next(), message);
        }
        let mut got = Vec::new();
        let end = loop {
            let (first, payload) = stopped.next();
            if first != FIN | BINARY {
                break Some((first, payload));
            }
            assert!(payload[4..].iter().all(|&byte| byte == b'.'), "torn");
            got.push(u32::from_be_bytes(*payload.first_chunk().unwrap()));
            if got.last() == Some(&(MANY - 1)) {
                break None;
            }
        };
        assert!(got.is_sorted_by(|one, next| one < next));
        assert_eq!(got[0], 0, "what the socket took");
        if let Some((first, payload)) = end {
            assert_eq!(slow_consumer, SlowConsumer::Disconnect);
            assert_eq!(
                (first, &payload[..2]),
                (FIN | CLOSE, &[3, 0xF5][..]),
                "1013"
            );
            continue;
        }
        assert!(got.len() < MANY as usize, "{slow_consumer:?}");
        wait_until("skips are counted", || {
            scene.server.counters().skipped + got.len() as u64 == u64::from(MANY)
        });
    }
}

#[test]
fn a_storm_of_handshakes_serves_every_connection() {
    const MANY: usize = 300;
    let scene = Scene::new();
    let mut plain = RawWs::connect(scene.server.http(), "/sub/lobby");
    // All have said hello before anyone goes on.
    let mut waiting = Vec::new();
    for _ in 0..MANY {
        let mut tls = client(&scene.config, "localhost");
        let mut stream = dial(scene.tcps());
        tls.write_tls(&mut stream).unwrap();
        waiting.push((tls, stream));
    }
    scene
        .server
        .publish("lobby", Kind::Text, b"in the midst of it");
    assert_eq!(plain.next().1, b"in the midst of it");
    let mut devices = Vec::new();
    for (mut tls, mut stream) in waiting {
        while tls.is_handshaking() {
            tls.complete_io(&mut stream).unwrap();
        }
        devices.push(LengthPrefix::greeted(Tls::new(tls, stream)));
    }
    scene.server.publish("lobby", Kind::Text, b"to all");
    for device in &mut devices {
        assert_eq!(device.next(), b"to all");
    }
    let handshakes = || scene.server.counters().tls_handshakes;
    wait_until("all are counted", || handshakes() == MANY as u64);
}

/// A connection with several topics has what is small sent in one record, and the rest as it is.
#[test]
fn many_topics_share_a_record() {
    let scene = Scene::with_handler(|_| Gatherer);
    let mut ws = RawWs::over(scene.dial(scene.https()), "/");
    let mut expected = Vec::new();
    for round in 0..20_u8 {
        for (topic, len) in [("a", 10), ("b", 40_000), ("c", 3_000), ("d", 1)] {
            let payload = vec![round; len];
            scene.server.publish(topic, Kind::Binary, &payload);
            expected.push(payload);
        }
    }
    let mut got: Vec<Vec<u8>> = expected.iter().map(|_| ws.next().1).collect();
    // Each topic is in order; two topics have no common order.
    got.sort_by_key(Vec::len);
    expected.sort_by_key(Vec::len);
    assert!(got == expected);
}

/// Subscribes everyone to four topics.
struct Gatherer;

impl Handler for Gatherer {
    type Conn = ();
    type Answer = ();

    fn on_open(&mut self, cx: &mut Cx<'_, ()>, _opening: &Opening<'_>) -> Result<(), Refusal> {
        for topic in ["a", "b", "c", "d"] {
            cx.subscribe(topic)?;
        }
        Ok(())
    }

    fn on_message(&mut self, _cx: &mut Cx<'_, ()>, _message: Message<'_>) -> Result<(), Halt> {
        Ok(())
    }
}
