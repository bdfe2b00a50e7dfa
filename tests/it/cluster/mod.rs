//! Servers that share topics through a Redis, while that is cut off, emptied, stopped and killed.

mod redis;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use corecast::backplane::BackplaneCounters;
use corecast::redis::{RedisBackplane, RedisSettings};
use corecast::{Kind, Position, Publish};
use rustix::process::Signal;

use crate::cluster::redis::Redis;
use crate::history::keeping;
use crate::support::positions::{Over, Reader, Told};
use crate::support::server::Running;
use crate::support::wait::{in_a_while, wait_until};
use crate::support::ws::Ws;

type Node = (Running, Arc<BackplaneCounters>);

/// A server with topics `kept:…` that have a history.
fn node(redis: &Redis) -> Node {
    let mut settings = RedisSettings::new("127.0.0.1", redis.port());
    settings.timeout = Duration::from_secs(2);
    settings.probe = Duration::from_secs(1);
    let backplane = RedisBackplane::new(settings);
    let counters = backplane.counters();
    let builder = keeping(2, 100_000).backplane(backplane);
    (Running::start(builder), counters)
}

/// Publishes and waits until it has its place; `None` if Redis has not given it one.
fn try_place((server, _): &Node, topic: &str, text: &str) -> Option<Position> {
    let (bytes, deadline) = (text.as_bytes(), in_a_while());
    let handle = server.handle();
    let at = handle.publish_positioned(topic, Kind::Text, bytes, Publish::new(), deadline);
    at.ok().flatten()
}

fn place(node: &Node, topic: &str, text: &str) -> Position {
    try_place(node, topic, text).expect("Redis gives it a place")
}

/// Publishes with a key, so that it may be sent again, until it has its place.
fn insist((server, _): &Node, topic: &str, text: &str) {
    wait_until("it has its place", || {
        let once = Publish::new().once(text);
        let handle = server.handle();
        let at = handle.publish_positioned(topic, Kind::Text, text.as_bytes(), once, in_a_while());
        at.is_ok_and(|at| at.is_some())
    });
}

/// Publishes to `kept:a` until a client hears of it: what is read in another epoch it is not sent,
/// because it has no position.
fn hear_again(node: &Node, client: &mut Ws) {
    let is_heard = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0.. {
                if is_heard.load(Relaxed) {
                    return;
                }
                insist(node, "kept:a", &format!("again {n}"));
            }
        });
        client.next_text();
        is_heard.store(true, Relaxed);
    });
}

#[test]
fn servers_have_one_order_and_one_history() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let nodes = [node(&redis), node(&redis)];
    let mut clients = nodes
        .each_ref()
        .map(|(server, _)| Ws::connect(server.http(), "/sub/kept:a"));
    std::thread::scope(|scope| {
        for (at, node) in nodes.iter().enumerate() {
            scope.spawn(move || {
                for n in 0..200 {
                    place(node, "kept:a", &format!("{at} {n}"));
                }
            });
        }
    });
    let orders = clients
        .each_mut()
        .map(|client| (0..400).map(|_| client.next_text()).collect::<Vec<_>>());
    assert_eq!(orders[0], orders[1]);
    // One that was at the first server goes on at the second.
    let since = place(&nodes[0], "kept:b", "1");
    place(&nodes[0], "kept:b", "2");
    let mut reader = Reader::connect(Over::WebSocket, nodes[1].0.http(), "kept:b", Some(since));
    loop {
        match reader.next() {
            Told::Message(position, text) => {
                assert_eq!((position.unwrap().offset, &*text), (2, "2"));
                break;
            }
            Told::Position(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn offsets_that_redis_has_lost_are_not_given_out_again() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let node = node(&redis);
    let _client = Ws::connect(node.0.http(), "/sub/kept:a");
    let before = (0..5).map(|n| place(&node, "kept:a", &n.to_string()));
    let before = before.max_by_key(|at| at.offset).unwrap();
    // As a replica that was behind, and is the primary now.
    assert_eq!(redis.tell("HSET corecast:{kept:a}:m s 2"), ":0");
    assert_eq!(redis.tell("DEL corecast:{kept:a}:s"), ":1");
    redis.tell("CLIENT KILL TYPE pubsub");
    let epoch = "EVAL \"return {ok=redis.call('HGET','corecast:{kept:a}:m','e')}\" 0";
    wait_until("the epoch is another", || {
        redis.tell(epoch) != format!("+{}", before.epoch)
    });
    assert_ne!(place(&node, "kept:a", "after").epoch, before.epoch);
}

#[test]
fn what_a_replica_refuses_waits_for_a_primary() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let node = node(&redis);
    place(&node, "kept:a", "1");
    assert_eq!(redis.tell("REPLICAOF 127.0.0.1 1"), "+OK");
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| try_place(&node, "kept:a", "2"));
        let (_, counters) = &node;
        wait_until("it was refused", || counters.trips().0 > 1);
        assert_eq!(redis.tell("REPLICAOF NO ONE"), "+OK");
        assert_eq!(waits.join().unwrap().map(|at| at.offset), Some(2));
    });
}

#[test]
fn topics_without_history_pass_from_server_to_server() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let nodes = [node(&redis), node(&redis)];
    let mut client = Ws::connect(nodes[1].0.http(), "/sub/plain");
    for n in 0..100 {
        let handle = nodes[0].0.handle();
        let text = n.to_string();
        handle
            .publish_deadline("plain", Kind::Text, text.as_bytes(), in_a_while())
            .unwrap();
    }
    for n in 0..100 {
        assert_eq!(client.next_text(), n.to_string());
    }
}

#[test]
fn what_a_lost_connection_has_missed_is_mended() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let nodes = [node(&redis), node(&redis)];
    let mut client = Ws::connect(nodes[1].0.http(), "/sub/kept:a");
    for n in 0..1_000 {
        if n % 100 == 50 {
            redis.tell("CLIENT KILL TYPE pubsub");
        }
        place(&nodes[0], "kept:a", &n.to_string());
    }
    for n in 0..1_000 {
        assert_eq!(client.next_text(), n.to_string());
    }
    let counters = &nodes[1].1;
    assert_ne!((counters.mended(), counters.reconnects()), (0, 0));
}

#[test]
fn an_emptied_redis_begins_another_epoch() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let nodes = [node(&redis), node(&redis)];
    let mut client = Ws::connect(nodes[1].0.http(), "/sub/kept:a");
    let before = place(&nodes[0], "kept:a", "before");
    assert_eq!(client.next_text(), "before");
    assert_eq!(redis.tell("FLUSHALL"), "+OK");
    let after = place(&nodes[0], "kept:a", "1");
    assert_eq!(after.offset, 1);
    assert_ne!(after.epoch, before.epoch);
    // The scripts as well.
    assert_eq!(redis.tell("SCRIPT FLUSH"), "+OK");
    hear_again(&nodes[0], &mut client);
}

#[test]
fn a_redis_that_stands_still_loses_nothing() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let nodes = [node(&redis), node(&redis)];
    let mut client = Ws::connect(nodes[1].0.http(), "/sub/kept:a");
    insist(&nodes[0], "kept:a", "0");
    redis.signal(Signal::STOP);
    assert_eq!(try_place(&nodes[0], "kept:b", "in vain"), None);
    redis.signal(Signal::CONT);
    for n in 1..50 {
        insist(&nodes[0], "kept:a", &n.to_string());
    }
    for n in 0..50 {
        assert_eq!(client.next_text(), n.to_string());
    }
}

#[test]
fn a_redis_that_dies_and_comes_back_is_used_again() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let nodes = [node(&redis), node(&redis)];
    let mut client = Ws::connect(nodes[1].0.http(), "/sub/kept:a");
    place(&nodes[0], "kept:a", "before");
    assert_eq!(client.next_text(), "before");
    redis.kill();
    assert_eq!(try_place(&nodes[0], "kept:a", "in vain"), None);
    redis.restart();
    insist(&nodes[0], "kept:a", "after");
    hear_again(&nodes[0], &mut client);
}
