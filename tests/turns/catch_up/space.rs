//! Space for pages: which clients have it, and which give way to others that wait for it.

use corecast::limits::{PAGE_PATIENCE, PAGES_ASKED_MAX};
use corecast::{CloseReason, Config, Since, SlowConsumer, Topic};

use crate::catch_up::races::{config, history};
use crate::catch_up::scenes::{EVENTS, at, published};
use crate::catch_up::world::World;

/// A history of messages of 3,000 bytes, and so little backlog that a quarter of it are four pages.
fn config_of_four_pages() -> Config {
    Config {
        backlog_bytes_max: Some(1 << 20),
        ..config(history(2_000), SlowConsumer::DropOldest)
    }
}

#[test]
fn as_few_of_the_clients_that_do_not_read_their_pages_as_are_enough_give_way_to_others() {
    let (mut world, start) = published(&config_of_four_pages(), 3_000, 300);
    let idle = [0, 0, 1, 2, 3, 4].map(|offset| {
        let idle = world.connect(0, EVENTS, at(start, offset));
        world.let_read(idle, Some(1_000));
        world.rest();
        world.clients[idle].id
    });
    let reader = world.connect(0, EVENTS, at(start, 200));
    world.rest();
    assert!(!world.clients[reader].is_open(), "it waits for its page");
    world.wait(PAGE_PATIENCE);
    world.rest();
    assert_eq!(world.clients[reader].at.unwrap().offset, 300);
    let (_, net) = &world.shards[0];
    let ends = idle.map(|id| net.ended.get(&id).copied());
    // Those that share a page have it longer than others, and hold less.
    let ended = Some(CloseReason::Overload);
    assert_eq!(ends, [None, None, ended, ended, None, None]);
    world.end();
}

/// Where a topic has its home, of two shards.
fn home(topic: &str) -> usize {
    Topic::new(topic).unwrap().home(2).index()
}

/// Topics with their home there.
fn topics_at(shard: usize) -> impl Iterator<Item = String> {
    let topics = (3..).map(|number| format!("game:{number}"));
    topics.filter(move |topic| home(topic) == shard)
}

#[test]
fn a_client_of_many_topics_does_not_wait_for_space_that_its_own_pages_take() {
    let mut world = World::new(2, 1_000, &config_of_four_pages(), || None);
    world.padding = 3_000;
    let topics: Vec<String> = topics_at(1).take(8).collect();
    let all = topics.join(",");
    let first = world.connect_to(&all, 0, None, Since::Default);
    world.rest();
    for topic in topics.iter().cycle().take(8 * 20) {
        assert!(world.publish_to(topic, 0));
        world.rest();
    }
    // Five of its requests are sent with those of others: as many as fill the space.
    for _ in 5..PAGES_ASKED_MAX {
        world.connect_to(&topics[0], 0, None, Since::Last(1));
    }
    let last = world.connect_to(&all, 0, None, Since::Last(20));
    world.rest();
    for client in [first, last] {
        assert_eq!(world.clients[client].got.len(), 8 * 20);
    }
    world.end();
}

#[test]
fn corked_clients_with_pages_give_way_to_others_that_wait() {
    let mut world = World::new(2, 100, &config_of_four_pages(), || None);
    world.padding = 3_000;
    // Clients over WebSocket join that topic as well: from a shard that will stand still.
    let far = home("game:2");
    let near = 1 - far;
    let topic = topics_at(near).next().unwrap();
    for events in [EVENTS, None] {
        world.connect_to(&topic, near, events, Since::Default);
        world.rest();
    }
    for _ in 0..200 {
        assert!(world.publish_to(&topic, near));
        world.rest();
    }
    let turns = |world: &mut World| (0..100).for_each(|_| world.turn(near));
    for last in [180, 179, 178, 177, 176, 175] {
        world.connect_to(&topic, near, None, Since::Last(last));
        turns(&mut world);
    }
    let reader = world.connect_to(&topic, near, EVENTS, Since::Last(150));
    turns(&mut world);
    assert!(!world.clients[reader].is_open(), "it waits for its page");
    world.wait(PAGE_PATIENCE);
    turns(&mut world);
    assert_eq!(world.clients[reader].got.len(), 150);
    let (_, net) = &world.shards[near];
    let ends: Vec<_> = net.ended.values().copied().collect();
    assert_eq!(ends, [CloseReason::Overload; 2], "as many as are enough");
}
