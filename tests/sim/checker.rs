//! What must be true of a world once it has come to rest.

use std::collections::{HashMap, HashSet};

use corecast::SlowConsumer;
use corecast::limits::OUTBOX_BYTES_HIGH;

use crate::client::{Client, Place, Seen, Stage};
use crate::handler::Rooms;
use crate::world::World;

/// Frames that slow subscribers missed: as few and as many as what was seen allows.
#[derive(Debug, Default)]
struct Missing {
    least: u64,
    most: u64,
}

/// All traffic has come to rest, and nobody has been told to go.
pub(crate) fn check_at_rest(world: &mut World) {
    for (at, shard) in world.shards.iter().enumerate() {
        assert!(shard.driver.has_all_mail(), "mail to shard {at} is stuck");
    }
    for at in 0..world.clients.len() {
        check_client(world, at);
    }
    let mut missing = Missing::default();
    for topic in 0..world.profile.topics {
        check_topic(world, topic, &mut missing);
    }
    check_counters(world, &missing);
}

/// Whoever is subscribed and fast has the message that every topic got last from a client; `first`
/// is that of the first topic.
pub(crate) fn check_probe(world: &World, first: usize) {
    for (at, client) in world.clients.iter().enumerate() {
        let fast = world.net.sockets[at].short_writes == 0;
        for topic in 0..world.profile.topics {
            if !client.keeps_up() || !client.is_subscribed(topic) || !fast {
                continue;
            }
            // A handler may publish a farewell after it.
            let has_probe = client.seen[topic]
                .iter()
                .any(|seen| seen.name == first + topic);
            assert!(has_probe, "client {at} is cut off from topic {topic}");
        }
    }
}

/// Everybody is gone.
pub(crate) fn check_at_end(world: &mut World) {
    let mut closed = 0;
    let mut accepted = 0;
    for (at, shard) in world.shards.iter_mut().enumerate() {
        let counters = shard.counters();
        closed += counters.closed.iter().sum::<u64>();
        accepted += shard.host.accepted;
        let left: Vec<_> = shard
            .driver
            .core
            .remains()
            .into_iter()
            .filter(|(_, n)| *n != 0)
            .collect();
        assert!(left.is_empty(), "shard {at} has left over {left:?}");
    }
    assert_eq!(closed, accepted, "every connection has ended for a reason");
    let book = world.ledger.borrow();
    assert_eq!(book.opened, book.closed, "on_open and on_close");
    assert!(
        book.present.is_empty(),
        "still in rooms: {:?}",
        book.present
    );
    for (at, socket) in world.net.sockets.iter().enumerate() {
        assert!(socket.closed, "socket {at} is still open");
    }
    for (at, client) in world.clients.iter().enumerate() {
        check_farewell(world, at, client);
        check_delivered(world, at, client);
    }
}

/// Whoever was told of the shutdown had all that was taken before it.
fn check_delivered(world: &World, at: usize, client: &Client) {
    let keeps_up = client.healthy && world.net.sockets[at].short_writes == 0;
    if client.stage != Stage::Told(1001) || client.rude || !keeps_up {
        return;
    }
    let book = world.ledger.borrow();
    for &topic in &client.topics {
        let taken = book.messages.iter().enumerate().filter(|(_, message)| {
            let is_due = client.live_at < message.begun && message.accepted;
            message.topic == topic && is_due && message.accepted_at <= book.drained_at
        });
        for (name, _) in taken {
            let has_it = client.seen[topic].iter().any(|seen| seen.name == name);
            assert!(has_it, "client {at} was told to go without message {name}");
        }
    }
}

fn check_farewell(world: &World, at: usize, client: &Client) {
    if client.rude || client.has_no_words() {
        return;
    }
    let disconnects = world.profile.config.slow_consumer == SlowConsumer::Disconnect;
    match client.stage {
        Stage::Told(1000) => assert!(client.leaving, "client {at} was closed"),
        Stage::Told(1001) => assert!(world.draining, "client {at} was told of a shutdown"),
        Stage::Told(1013) => assert!(disconnects && !client.healthy, "client {at} was slow"),
        Stage::Told(200) => assert_eq!(client.place, Place::Page),
        Stage::Opening if world.draining => {}
        // It had joined one topic, whose log was full before it had joined the others.
        Stage::Opening if world.profile.joins && client.place == Place::Many => {}
        stage => panic!("client {at} ended without a last word: {stage:?}"),
    }
}

fn check_client(world: &World, at: usize) {
    let (client, socket) = (&world.clients[at], &world.net.sockets[at]);
    let book = world.ledger.borrow();
    if client.place == Place::Page {
        assert_eq!(client.stage, Stage::Told(200), "client {at} has its page");
        return;
    }
    if !client.keeps_up() || world.draining {
        return;
    }
    assert!(
        socket.outgoing.is_empty() && socket.rx.is_empty(),
        "client {at} is not read"
    );
    assert!(!client.is_mid_frame(), "client {at} has a part of a frame");
    assert!(!socket.closed && !socket.shut);
    let (echoes, pongs) = client.awaited();
    assert_eq!(echoes, 0, "client {at} waits for echoes");
    let may_lack_pongs = OUTBOX_BYTES_HIGH < world.profile.filler_max || !client.healthy;
    assert!(may_lack_pongs || pongs == 0, "client {at} waits for pongs");
    let own = book
        .messages
        .iter()
        .enumerate()
        .filter(|(_, m)| m.publisher == Some(at));
    for (name, message) in own {
        assert!(
            message.accepted,
            "message {name} of client {at} was not published"
        );
    }
}

fn check_topic(world: &World, topic: usize, missing: &mut Missing) {
    let book = world.ledger.borrow();
    for client in &world.clients {
        let mut names = HashSet::new();
        let twice = client.seen[topic]
            .iter()
            .find(|seen| !names.insert(seen.name));
        assert!(twice.is_none(), "topic {topic}: twice: {twice:?}");
    }
    let accepted: Vec<usize> = (0..book.messages.len())
        .filter(|&name| book.messages[name].topic == topic && book.messages[name].accepted)
        .collect();
    drop(book);
    let order = match world.references[topic] {
        Some(at) if !world.draining => {
            let order: Vec<usize> = world.clients[at].seen[topic]
                .iter()
                .map(|s| s.name)
                .collect();
            let seen: HashSet<usize> = order.iter().copied().collect();
            let lost: Vec<_> = accepted
                .iter()
                .filter(|name| !seen.contains(name))
                .collect();
            assert!(
                lost.is_empty(),
                "topic {topic}: the reference lacks {lost:?}"
            );
            order
        }
        _ => merge(world, topic, &accepted),
    };
    assert_eq!(
        order.len(),
        accepted.len(),
        "topic {topic}: seen, but not published"
    );
    check_publishers(world, topic, &order);
    check_welcomes(world, topic);
    let known = world.references[topic].is_some() && !world.draining;
    for at in 0..world.clients.len() {
        check_stream(world, at, topic, &order, known, missing);
    }
}

/// For whoever joined a room's topic: what the room said had been published before, and what came
/// then, is the topic's order without a gap and with nothing twice.
fn check_welcomes(world: &World, topic: usize) {
    let book = world.ledger.borrow();
    let order = &book.orders[topic];
    let keeps = match world.profile.rooms {
        Rooms::None => false,
        Rooms::Some => topic.is_multiple_of(2),
        Rooms::All => true,
    };
    if !keeps || !world.profile.joins {
        return;
    }
    for (at, client) in world.clients.iter().enumerate() {
        if 0 < world.net.sockets[at].short_writes {
            continue;
        }
        let seen = &client.seen[topic];
        let mut welcomes = client.welcomes[topic].iter().peekable();
        let mut next = None;
        for place in 0..=seen.len() {
            // The last of several counts: of the others the subscription ended before it began.
            while let Some((_, names)) = welcomes.next_if(|(before, _)| *before == place) {
                assert_eq!(
                    names[..],
                    order[..names.len()],
                    "client {at}, topic {topic}"
                );
                next = Some(names.len());
            }
            let Some(live) = seen.get(place) else { break };
            let expected = next.expect("something was published to one that has not joined");
            assert_eq!(
                Some(&live.name),
                order.get(expected),
                "client {at}, topic {topic}: after {expected} of the order"
            );
            next = Some(expected + 1);
        }
        let stays = client.keeps_up() && !world.draining && client.is_subscribed(topic);
        assert!(
            !stays || next == Some(order.len()),
            "client {at}, topic {topic}: has {next:?} of {}",
            order.len()
        );
    }
}

/// Each publisher's messages stand in the order in which it began them.
fn check_publishers(world: &World, topic: usize, order: &[usize]) {
    let book = world.ledger.borrow();
    let mut last = HashMap::new();
    for &name in order {
        let Some(publisher) = book.messages[name].publisher else {
            continue;
        };
        if let Some(before) = last.insert(publisher, name) {
            assert!(
                before < name,
                "topic {topic}: {before} before {name} of client {publisher}"
            );
        }
    }
}

/// One order of all messages that agrees with what everybody saw, or a panic.
fn merge(world: &World, topic: usize, accepted: &[usize]) -> Vec<usize> {
    let book = world.ledger.borrow();
    let mut after: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut waits: HashMap<usize, usize> = accepted.iter().map(|&name| (name, 0)).collect();
    let mut chains: Vec<Vec<usize>> = world
        .clients
        .iter()
        .map(|client| client.seen[topic].iter().map(|seen| seen.name).collect())
        .collect();
    for publisher in 0..world.clients.len() {
        let own = |name: &usize| book.messages[*name].publisher == Some(publisher);
        chains.push(accepted.iter().copied().filter(own).collect());
    }
    for chain in &chains {
        for pair in chain.windows(2) {
            after.entry(pair[0]).or_default().push(pair[1]);
            *waits.get_mut(&pair[1]).expect("seen, but not published") += 1;
        }
    }
    let mut ready: Vec<usize> = accepted.iter().copied().filter(|n| waits[n] == 0).collect();
    let mut order = Vec::new();
    while let Some(name) = ready.pop() {
        order.push(name);
        for next in after.remove(&name).unwrap_or_default() {
            let left = waits.get_mut(&next).expect("known");
            *left -= 1;
            if *left == 0 {
                ready.push(next);
            }
        }
    }
    assert_eq!(
        order.len(),
        accepted.len(),
        "topic {topic}: no single order fits all"
    );
    order
}

/// One client's view of a topic against the order; `known`: the order is the true one.
fn check_stream(
    world: &World,
    at: usize,
    topic: usize,
    order: &[usize],
    known: bool,
    missing: &mut Missing,
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
            missing.most += order.len() as u64;
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
                missing.least += (next - here - 1) as u64;
            }
            missing.most += (next - here - 1) as u64;
        }
    }
    let may_skip = world.profile.config.slow_consumer != SlowConsumer::Disconnect;
    let allowed = if may_skip { short_writes } else { 0 };
    assert!(
        gaps <= allowed,
        "client {at}, topic {topic}: {gaps} gaps, {allowed} lawful"
    );
    check_edges(world, at, topic, order, stays, missing);
}

/// Whether a stream begins and ends where it must.
fn check_edges(
    world: &World,
    at: usize,
    topic: usize,
    order: &[usize],
    stays: bool,
    missing: &mut Missing,
) {
    let book = world.ledger.borrow();
    let client = &world.clients[at];
    let seen: &[Seen] = &client.seen[topic];
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
        missing.most += (first + after) as u64;
    }
    if !stays {
        return;
    }
    if slow {
        missing.least += (due_before + after) as u64;
        let misses_newest = match world.profile.config.slow_consumer {
            SlowConsumer::DropOldest | SlowConsumer::Latest => world.profile.is_tight,
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

fn check_counters(world: &mut World, missing: &Missing) {
    let mut published = 0;
    let mut ordered = 0;
    let mut skipped = 0;
    let mut short_writes = 0;
    for shard in &mut world.shards {
        let counters = shard.counters();
        published += counters.published;
        ordered += counters.ordered;
        skipped += counters.skipped;
        short_writes += counters.short_writes;
    }
    let book = world.ledger.borrow();
    let accepted = book
        .messages
        .iter()
        .filter(|message| message.accepted)
        .count() as u64;
    assert_eq!(published, accepted, "messages published");
    assert_eq!(ordered, accepted, "messages ordered");
    let short: u64 = world
        .net
        .sockets
        .iter()
        .map(|socket| socket.short_writes)
        .sum();
    assert_eq!(short_writes, short, "short writes");
    assert!(
        missing.least <= skipped,
        "skipped {skipped}, but seen to lack {missing:?}"
    );
    assert!(
        skipped <= missing.most,
        "skipped {skipped}, but seen to lack {missing:?}"
    );
}
