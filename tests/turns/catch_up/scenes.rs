//! What one reader gets, step by step.

use std::time::Duration;

use corecast::limits::PAGE_LINGER;
use corecast::{
    CloseReason, Config, Kind, Message, Position, Publisher, Room, RoomCx, Sent, SharedMessage,
    Since, SlowConsumer, TopicSettings,
};

use crate::catch_up::races::{config, history};
use crate::catch_up::world::World;

pub(crate) const EVENTS: Option<bool> = Some(true);

/// One shard on which so many messages of these lengths are published, and the position before
/// them.
pub(crate) fn published(config: &Config, padding: usize, count: u64) -> (World, Position) {
    let mut world = World::new(1, 100, config, || None);
    world.padding = padding;
    let first = world.connect(0, EVENTS, Since::Default);
    world.rest();
    let start = world.clients[first].at.unwrap();
    assert_eq!(start.offset, 0);
    publish(&mut world, count);
    world.cut(first);
    world.rest();
    (world, start)
}

pub(crate) fn publish(world: &mut World, count: u64) {
    for _ in 0..count {
        while !world.publish(0) {
            world.rest();
        }
        world.rest();
    }
}

pub(crate) fn at(position: Position, offset: u64) -> Since {
    let epoch = position.epoch;
    Since::Position(Position { epoch, offset })
}

#[test]
fn a_long_history_comes_in_order_as_its_reader_takes_it() {
    let config = config(history(2_000), SlowConsumer::DropOldest);
    let (mut world, start) = published(&config, 300, 1_000);
    let slow = world.connect(0, EVENTS, Since::Position(start));
    world.let_read(slow, Some(1_000));
    let mut most = 0;
    while world.clients[slow].at.is_none_or(|at| at.offset < 1_000) {
        world.rest();
        let (driver, _) = &mut world.shards[0];
        most = most.max(driver.core.counters().backlog_bytes);
        world.let_read(slow, Some(10_000));
        // Pages that no other reader has asked for are not kept for long.
        world.wait(PAGE_LINGER);
    }
    assert!(world.clients[slow].gaps.is_empty());
    assert!(most < 200_000, "{most} bytes for one reader");
    publish(&mut world, 1);
    world.read_all();
    assert_eq!(world.clients[slow].got.len(), 1_001);
    world.end();
}

#[test]
fn a_reader_that_the_history_overtakes_is_told_a_gap() {
    let config = config(history(400), SlowConsumer::DropOldest);
    let (mut world, start) = published(&config, 30, 400);
    let slow = world.connect(0, EVENTS, Since::Position(start));
    world.let_read(slow, Some(1_000));
    world.rest();
    publish(&mut world, 1_000);
    world.read_all();
    let client = &world.clients[slow];
    assert_eq!(client.gaps.len(), 1);
    let (before, after) = client.gaps[0];
    assert_eq!((before.unwrap().offset, after.offset), (300, 1_400));
    publish(&mut world, 1);
    assert_eq!(world.clients[slow].at.unwrap().offset, 1_401);
    world.end();
}

#[test]
fn readers_that_ask_for_the_same_share_its_bytes() {
    let config = config(history(400), SlowConsumer::DropOldest);
    let (mut world, start) = published(&config, 100, 300);
    for _ in 0..50 {
        let reader = world.connect(0, EVENTS, Since::Position(start));
        world.let_read(reader, Some(1_000));
    }
    world.rest();
    let (driver, _) = &mut world.shards[0];
    let bytes = driver.core.counters().backlog_bytes;
    assert!((30_000..60_000).contains(&bytes), "{bytes} bytes of pages");
    world.read_all();
    assert!(world.clients.iter().all(|client| client.got.len() == 300));
    world.end();
}

#[test]
fn what_is_for_one_connection_alone_does_not_wait_for_a_page() {
    let config = config(history(2_000), SlowConsumer::DropOldest);
    let (mut world, start) = published(&config, 3_000, 300);
    let reader = world.connect(0, EVENTS, Since::Position(start));
    world.let_read(reader, Some(1_000));
    world.rest();
    let id = world.clients[reader].id;
    let (driver, _) = &mut world.shards[0];
    let sent = driver.core.shard_cx(|cx| {
        let mut conn = cx.connection(id).unwrap();
        assert!(conn.buffered() < 1_000);
        conn.send(Kind::Text, b"1")
    });
    assert_eq!(sent, Sent::Queued);
}

#[test]
fn a_client_that_is_too_slow_is_closed_where_that_is_the_policy() {
    let config = config(history(400), SlowConsumer::Disconnect);
    let (mut world, _) = published(&config, 30, 1);
    let slow = world.connect(0, EVENTS, Since::Default);
    world.let_read(slow, Some(400));
    world.rest();
    assert!(world.clients[slow].is_open());
    publish(&mut world, 100);
    let (_, net) = &world.shards[0];
    let ends: Vec<_> = net.ended.values().copied().collect();
    assert!(ends.contains(&CloseReason::Slow), "{ends:?}");
}

#[test]
fn a_client_that_was_blocked_gets_the_newest_of_each_key_and_nothing_old_after_it() {
    for events in [EVENTS, None] {
        let mut settings = history(100);
        settings.slow_consumer = Some(SlowConsumer::Latest);
        if let Some(history) = &mut settings.history {
            // Messages without a key are those of one.
            history.is_keyed = true;
        }
        let mut config = config(settings, SlowConsumer::DropOldest);
        config.log_bytes_max = 1 << 20;
        let mut world = World::new(1, 100, &config, || None);
        let slow = world.connect(0, events, Since::Default);
        world.clients[slow].is_keyed = true;
        world.rest();
        world.let_read(slow, Some(100));
        publish(&mut world, 100);
        let before = world.clients[slow].got.len();
        assert!(before < 5);
        world.read_all();
        let got: Vec<u64> = world.clients[slow].got.iter().map(|got| got.1).collect();
        assert!(got.is_sorted() && got.ends_with(&[99]), "{got:?}");
        assert!(got.len() <= before + 2, "{got:?}");
        publish(&mut world, 1);
        assert_eq!(world.clients[slow].got.last().map(|got| got.1), Some(100));
        world.end();
    }
}

#[test]
fn a_place_in_a_topic_without_history_means_nothing() {
    let config = config(TopicSettings::default(), SlowConsumer::DropOldest);
    let mut world = World::new(2, 1, &config, || None);
    let client = world.connect(1, None, Since::Last(10));
    world.rest();
    publish(&mut world, 2);
    assert_eq!(world.clients[client].got, [(None, 0), (None, 1)]);
    world.end();
}

#[test]
fn a_drain_closes_a_client_when_it_has_caught_up() {
    let config = config(history(2_000), SlowConsumer::DropOldest);
    let (mut world, start) = published(&config, 300, 1_000);
    let reader = world.connect(0, EVENTS, Since::Position(start));
    world.let_read(reader, Some(1_000));
    world.rest();
    world.shards[0].0.core.begin_drain();
    for _ in 0..20 {
        world.wait(Duration::from_millis(100));
        world.rest();
    }
    assert!(world.shards[0].1.ended.len() < 2, "only the first is gone");
    world.let_read(reader, None);
    for _ in 0..20 {
        world.rest();
        world.wait(Duration::from_millis(100));
    }
    assert_eq!(world.clients[reader].at.unwrap().offset, 1_000);
    assert!(world.clients[reader].is_over);
}

/// Has the newest number as its state, and is told of joins.
pub(crate) struct Newest(pub(crate) Vec<u8>);

impl Room for Newest {
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, message: Message<'_>) {
        self.0 = message.payload.to_vec();
        cx.pass();
    }

    fn wants_joins(&self) -> bool {
        true
    }

    fn on_join(&mut self, cx: &mut RoomCx<'_>, joiner: Publisher, tag: &[u8]) {
        assert_eq!(tag, b"tag");
        let _ = (cx, joiner);
    }

    fn snapshot(&mut self) -> Option<SharedMessage> {
        SharedMessage::new(Kind::Text, &self.0).ok()
    }
}

#[test]
fn a_room_answers_with_its_state_in_place_of_messages_and_of_a_gap() {
    for shards in [1, 2] {
        let config = config(history(3), SlowConsumer::DropOldest);
        let room = || Some(Box::new(Newest(b"0".to_vec())) as Box<dyn Room>);
        let mut world = World::new(shards, 1, &config, room);
        let last = usize::from(shards) - 1;
        let first = world.connect(last, EVENTS, Since::Default);
        world.rest();
        assert_eq!(world.clients[first].got.len(), 1);
        let start = world.clients[first].at.unwrap();
        publish(&mut world, 10);
        let cases = [
            (Since::Default, vec![9]),
            (Since::Foreign, vec![9]),
            (Since::Last(3), vec![9]),
            (at(start, 8), vec![8, 9]),
            (at(start, 2), vec![9]),
        ];
        for (since, expected) in cases {
            let client = world.connect(last, EVENTS, since);
            if let Since::Position(Position { offset: 2, .. }) = since {
                // What comes is no message that follows.
                world.clients[client].at = None;
            }
            world.rest();
            let client = &world.clients[client];
            let got: Vec<u64> = client.got.iter().map(|(_, number)| *number).collect();
            assert_eq!(got, expected, "{since:?}");
            assert_eq!(client.at.unwrap().offset, 10);
            assert!(client.gaps.is_empty());
        }
        publish(&mut world, 1);
        for client in &world.clients {
            assert_eq!(client.at.unwrap().offset, 11);
        }
        world.end();
    }
}
