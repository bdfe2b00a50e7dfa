//! Worlds without chance, for what chance meets too seldom or cannot judge.

use std::time::Duration;

use corecast::{Config, SlowConsumer};

use crate::checker;
use crate::client::{Client, Place};
use crate::profile::Profile;
use crate::world::{Action, World};

const PUBLISHERS: usize = 700;

#[test]
fn all_publishers_that_wait_for_space_on_a_lane_go_on_when_there_is_some() {
    // More than are resumed in a turn, on a lane that has space for all of them.
    let mut profile = Profile::still(2);
    profile.lane_messages = 300;
    let mut world = World::with_profile(1, profile);
    for _ in 0..PUBLISHERS {
        world.connect_to(0, Client::new(Place::Pub, Vec::new(), 1));
    }
    world.come_to_rest();
    for at in 0..PUBLISHERS {
        world.act(Action::Publish(at, 0));
        world.act(Action::Deliver(at, usize::MAX));
    }
    // All of them are read before the home has its turn.
    while world.is_enabled(Action::Turn(0)) {
        world.act(Action::Turn(0));
    }
    world.come_to_rest();
    checker::check_at_rest(&mut world);
}

#[test]
fn a_ring_of_one_lane_wakes_publishers_that_wait_behind_many_for_another() {
    // Both topics are at home on the first shard; their subscribers are on the others.
    let mut profile = Profile::still(3);
    (profile.home, profile.topics, profile.lane_messages) = (Some(0), 2, 4);
    let mut world = World::with_profile(1, profile);
    for topic in 0..2 {
        world.connect_to(1 + topic, Client::new(Place::Sub, vec![topic], 2));
    }
    // More for the first topic than are resumed in a turn, and behind them some for the second.
    let topic_of = |at: usize| usize::from(PUBLISHERS <= at);
    let publishers: Vec<usize> = (0..PUBLISHERS + 8)
        .map(|_| world.connect_to(0, Client::new(Place::Pub, Vec::new(), 2)))
        .collect();
    world.come_to_rest();
    for (at, publisher) in publishers.into_iter().enumerate() {
        world.act(Action::Publish(publisher, topic_of(at)));
        world.act(Action::Deliver(publisher, usize::MAX));
    }
    // The subscribers of the first topic never have a turn.
    let (home, reader) = (Action::Turn(0), Action::Turn(2));
    while let Some(turn) = [home, reader]
        .into_iter()
        .find(|turn| world.is_enabled(*turn))
    {
        world.act(turn);
    }
    let book = world.ledger.borrow();
    let waiting = book.messages.iter().filter(|message| !message.accepted);
    let topics: Vec<usize> = waiting.map(|message| message.topic).collect();
    assert!(PUBLISHERS / 2 < topics.len(), "the first lane is full");
    assert!(topics.iter().all(|topic| *topic == 0), "{topics:?}");
}

#[test]
#[should_panic(expected = "mail to shard 1 is stuck")]
fn a_lost_wake_up_leaves_mail_on_a_lane() {
    let mut world = World::with_profile(1, Profile::still(2));
    let publisher = world.connect_to(0, Client::new(Place::Pub, Vec::new(), 1));
    world.come_to_rest();
    world.shards[1].driver.alarm().lose_one();
    world.act(Action::Publish(publisher, 0));
    world.come_to_rest();
    checker::check_at_rest(&mut world);
}

/// What a reader that stops after the first message has of eleven, once it reads on.
fn check_policy(policy: SlowConsumer, log_bytes_max: usize, expected: &[usize]) {
    let mut profile = Profile::still(1);
    profile.config = Config {
        slow_consumer: policy,
        log_bytes_max,
        ..profile.config
    };
    let mut world = World::with_profile(1, profile);
    let reader = world.connect_to(0, Client::new(Place::Tcp, vec![0], 1));
    let writer = world.connect_to(0, Client::new(Place::Pub, Vec::new(), 1));
    world.come_to_rest();
    // Space for the first message and half of the second.
    world.net.sockets[reader].tx_max = 30;
    world.clients[reader].healthy = false;
    world.act(Action::Stall(reader, true));
    for _ in 0..11 {
        world.act(Action::Publish(writer, 0));
        world.come_to_rest();
    }
    world.act(Action::Stall(reader, false));
    world.come_to_rest();
    let seen: Vec<usize> = world.clients[reader].seen[0]
        .iter()
        .map(|s| s.name)
        .collect();
    assert_eq!(seen, expected, "{policy:?}");
    assert_eq!(
        world.clients[reader].ended,
        policy == SlowConsumer::Disconnect && log_bytes_max < 200
    );
}

#[test]
fn a_slow_reader_misses_nothing_of_a_log_that_keeps_all() {
    let all = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    check_policy(SlowConsumer::DropOldest, 1000, &all);
    check_policy(SlowConsumer::DropNewest, 1000, &all);
    check_policy(SlowConsumer::Disconnect, 1000, &all);
}

#[test]
fn latest_goes_on_with_the_newest_message() {
    check_policy(SlowConsumer::Latest, 1000, &[0, 1, 10]);
    check_policy(SlowConsumer::Latest, 50, &[0, 1, 10]);
}

#[test]
fn drop_oldest_goes_on_with_the_oldest_kept() {
    // A frame has 20 bytes: the log holds two, and lets go of both at once.
    check_policy(SlowConsumer::DropOldest, 50, &[0, 1, 9, 10]);
}

#[test]
fn drop_newest_keeps_what_the_log_held_and_misses_the_rest() {
    check_policy(SlowConsumer::DropNewest, 50, &[0, 1, 2]);
}

#[test]
fn disconnect_closes_a_reader_whose_frames_the_log_frees() {
    check_policy(SlowConsumer::Disconnect, 50, &[0, 1]);
}

/// Pings in ten seconds of a reader whose topic has a message every `gap` milliseconds, with a
/// ping after a second of silence.
fn pings(gap: u64) -> u64 {
    let mut profile = Profile::still(1);
    profile.config.ping_interval = Duration::from_secs(1);
    profile.config.pong_timeout = Duration::from_millis(500);
    let mut world = World::with_profile(1, profile);
    let reader = world.connect_to(0, Client::new(Place::Sub, vec![0], 1));
    let writer = world.connect_to(0, Client::new(Place::Tcp, vec![0], 1));
    world.come_to_rest();
    let mut seen = 0;
    for millis in 0..10_000 {
        if millis % gap == gap - 1 {
            world.act(Action::Publish(writer, 0));
        }
        world.act(Action::Pass(1));
        world.come_to_rest();
        let pings = world.shards[0].counters().pings;
        if seen < pings {
            // As good a sign of life as a pong.
            world.act(Action::Ping(reader));
            seen = pings;
        }
    }
    world.shards[0].counters().pings
}

#[test]
fn a_message_puts_a_ping_off_but_once() {
    // Each of the reader's turns is up to a quarter of the interval early.
    let (silent, busy) = (pings(20_000), pings(100));
    assert!(
        (9..=14).contains(&silent),
        "{silent} pings to a reader of a silent topic"
    );
    assert!(
        (4..=7).contains(&busy),
        "{busy} pings to a reader of a busy topic"
    );
}
