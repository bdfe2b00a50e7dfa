//! That what a client has seen of a topic is in its order, and has no gap but lawful ones.

use std::collections::HashMap;

use corecast::SlowConsumer;

use crate::checker::Losses;
use crate::client::Delivery;
use crate::world::World;

/// One client's view of a topic against the order; `known`: the order is the true one.
pub(super) fn check_stream(
    world: &World,
    at: usize,
    topic: usize,
    order: &[usize],
    known: bool,
    losses: &mut Losses,
) {
    let client = &world.clients[at];
    let seen = &client.seen[topic];
    let places: HashMap<usize, usize> = order
        .iter()
        .enumerate()
        .map(|(place, &name)| (name, place))
        .collect();
    let short_writes = world.net.sockets[at].short_writes;
    let stays = client.keeps_up() && !world.draining && client.topics.contains(&topic);
    if !known {
        if short_writes == 0 {
            check_each_publisher(world, at, topic, order, stays);
        } else {
            losses.most += order.len() as u64;
        }
        return;
    }
    let mut gaps = 0;
    for pair in seen.windows(2) {
        let (here, next) = (places[&pair[0].name], places[&pair[1].name]);
        assert!(
            here < next,
            "client {at}, topic {topic}: {pair:?} out of order"
        );
        if here + 1 != next {
            if pair[0].epoch == pair[1].epoch {
                gaps += 1;
                losses.least += (next - here - 1) as u64;
            }
            losses.most += (next - here - 1) as u64;
        }
    }
    let may_skip = world.profile.config.slow_consumer != SlowConsumer::Disconnect;
    let allowed = if may_skip { short_writes } else { 0 };
    assert!(
        gaps <= allowed,
        "client {at}, topic {topic}: {gaps} gaps, {allowed} lawful"
    );
    check_edges(world, at, topic, order, stays, losses);
}

/// Whether a stream begins and ends where it must.
fn check_edges(
    world: &World,
    at: usize,
    topic: usize,
    order: &[usize],
    stays: bool,
    losses: &mut Losses,
) {
    let book = world.ledger.borrow();
    let client = &world.clients[at];
    let seen: &[Delivery] = &client.seen[topic];
    let slow = 0 < world.net.sockets[at].short_writes;
    let place = |name: usize| {
        order
            .iter()
            .position(|&other| other == name)
            .expect("in the order")
    };
    let first = seen.first().map_or(order.len(), |first| place(first.name));
    let behind = seen.last().map_or(order.len(), |last| place(last.name) + 1);
    let is_due = |&&name: &&usize| client.live_at < book.messages[name].begun;
    let due_before = order[..first].iter().filter(is_due).count();
    let after = order.len() - behind;
    if slow {
        losses.most += (first + after) as u64;
    }
    if !stays {
        return;
    }
    if slow {
        losses.least += (due_before + after) as u64;
        let misses_newest = match world.profile.config.slow_consumer {
            SlowConsumer::DropOldest | SlowConsumer::Latest => {
                // The newest of a log is that of one topic.
                world.profile.is_tight || client.has_one_pattern()
            }
            SlowConsumer::DropNewest => true,
            SlowConsumer::Disconnect => false,
        };
        assert!(
            misses_newest || after == 0,
            "client {at}, topic {topic}: lacks the newest"
        );
        let may_skip = world.profile.config.slow_consumer != SlowConsumer::Disconnect;
        assert!(
            may_skip || due_before == 0,
            "client {at}, topic {topic}: lacks the first"
        );
        return;
    }
    assert_eq!(
        due_before, 0,
        "client {at}, topic {topic}: lacks messages begun after it was live"
    );
    assert_eq!(
        after, 0,
        "client {at}, topic {topic}: lacks the last messages"
    );
    let neighbours = world
        .clients
        .iter()
        .enumerate()
        .filter(|(other, _)| world.net.sockets[*other].shard == world.net.sockets[at].shard);
    for (other, neighbour) in neighbours {
        for old in neighbour.seen[topic]
            .iter()
            .filter(|old| old.step < client.opened_at)
        {
            let late = seen.iter().any(|seen| seen.name == old.name);
            assert!(
                !late,
                "client {at} saw {} long after client {other}",
                old.name
            );
        }
    }
}

/// Where the order is not known: no publisher's messages have a gap.
fn check_each_publisher(world: &World, at: usize, topic: usize, order: &[usize], stays: bool) {
    let book = world.ledger.borrow();
    let client = &world.clients[at];
    let epochs: HashMap<usize, u32> = client.seen[topic]
        .iter()
        .map(|seen| (seen.name, seen.epoch))
        .collect();
    for publisher in 0..world.clients.len() {
        let mut own: Vec<usize> = order.to_vec();
        own.retain(|&name| book.messages[name].publisher == Some(publisher));
        let mut last: Option<(usize, u32)> = None;
        for (place, name) in own.iter().enumerate() {
            let due = stays && client.live_at < book.messages[*name].begun;
            let Some(&epoch) = epochs.get(name) else {
                assert!(!due, "client {at}, topic {topic}: lacks message {name}");
                continue;
            };
            let gap = last.is_some_and(|(before, old)| old == epoch && before + 1 != place);
            assert!(
                !gap,
                "client {at}, topic {topic}: a gap before message {name}"
            );
            last = Some((place, epoch));
        }
    }
}
