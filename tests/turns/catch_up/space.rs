//! Space for pages: which clients have it, and which give way to others that wait for it.

use corecast::limits::{PAGE_PATIENCE, PAGES_ASKED_MAX};
use corecast::{CloseReason, Config, Position, Room, Since, SlowConsumer, Topic};

use crate::catch_up::races::{config, history};
use crate::catch_up::scenes::{EVENTS, Newest, at, publish, published};
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

/// A room whose state is the newest message, one shard, and the position before the messages, which
/// have 100,000 bytes: three of them are more than the space for pages.
fn world_with_states() -> (World, Position) {
    let room = || Some(Box::new(Newest(b"0".to_vec())) as Box<dyn Room>);
    let mut world = World::new(1, 100, &config_of_four_pages(), room);
    world.padding = 100_000;
    let first = world.connect(0, EVENTS, Since::Default);
    world.rest();
    let start = world.clients[first].at.unwrap();
    publish(&mut world, 10);
    world.cut(first);
    world.rest();
    (world, start)
}

/// What a client got, by offset.
fn offsets(world: &World, client: usize) -> Vec<u64> {
    let got = world.clients[client].got.iter();
    got.map(|(at, _)| at.unwrap().offset).collect()
}

#[test]
fn the_state_of_a_room_is_one_page_for_all_that_get_it() {
    let (mut world, _) = world_with_states();
    let readers = [(); 50].map(|()| {
        let reader = world.connect(0, EVENTS, Since::Default);
        world.let_read(reader, Some(1_000));
        reader
    });
    world.rest();
    let (driver, _) = &mut world.shards[0];
    let bytes = driver.core.counters().backlog_bytes;
    assert!((100_000..110_000).contains(&bytes), "{bytes} bytes");
    world.read_all();
    publish(&mut world, 1);
    for reader in readers {
        assert_eq!(offsets(&world, reader), [10, 11]);
    }
    world.end();
}

#[test]
fn a_client_waits_for_space_for_the_state_of_a_room() {
    let (mut world, _) = world_with_states();
    let holders = [(); 3].map(|()| {
        let holder = world.connect(0, EVENTS, Since::Default);
        world.let_read(holder, Some(1_000));
        world.rest();
        publish(&mut world, 1);
        holder
    });
    let last = world.connect(0, EVENTS, Since::Default);
    world.rest();
    assert!(world.clients[last].got.is_empty(), "there is no space");
    world.let_read(holders[0], None);
    world.rest();
    assert_eq!(offsets(&world, last), [13]);
    world.read_all();
    assert_eq!(offsets(&world, holders[1]), [11, 12, 13]);
    world.end();
}

#[test]
fn a_client_gets_the_state_of_a_room_for_which_there_was_no_space_at_first() {
    let (mut world, start) = world_with_states();
    // All of them ask before any of them has its page.
    let holders = [1, 2, 3].map(|offset| {
        let holder = world.connect(0, EVENTS, at(start, offset));
        world.let_read(holder, Some(1_000));
        holder
    });
    let [new, far] = [Since::Default, Since::Foreign].map(|since| {
        let client = world.connect(0, EVENTS, since);
        assert!(world.clients[client].gaps.is_empty());
        client
    });
    world.rest();
    assert!(world.clients[new].is_open() && world.clients[new].got.is_empty());
    publish(&mut world, 1);
    world.read_all();
    for client in [new, far] {
        assert_eq!(offsets(&world, client), [11]);
        assert!(world.clients[client].gaps.is_empty());
    }
    for (holder, first) in holders.into_iter().zip(2..) {
        assert_eq!(offsets(&world, holder), (first..=11).collect::<Vec<_>>());
    }
    world.end();
}
