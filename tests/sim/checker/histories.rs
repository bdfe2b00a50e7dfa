//! That each client has the messages of topics with histories, or was told of a gap, and that each
//! message has one place.

use std::collections::{HashMap, HashSet};

use corecast::Since;

use crate::client::Place;
use crate::order::Order;
use crate::world::World;

/// Checks a world that has come to rest; `false` if its topics have no history.
pub(super) fn check_histories(world: &mut World) -> bool {
    let Some(orders) = world.ledger.borrow().places.clone() else {
        return false;
    };
    let orders = orders.all();
    for (topic, order) in orders.iter().enumerate() {
        check_places(world, topic, order);
        if world.draining {
            continue;
        }
        for at in 0..world.clients.len() {
            check_reader(world, at, topic, order);
        }
    }
    let placed: usize = orders.iter().map(|order| order.placed.len()).sum();
    let counters = world.shards.iter_mut().map(|shard| shard.counters());
    let ordered: u64 = counters.map(|counters| counters.ordered).sum();
    assert_eq!(ordered, placed as u64, "messages ordered");
    true
}

/// Each message that was accepted has a place, unless a newer one has superseded it, and those of a
/// publisher are in their order.
fn check_places(world: &World, topic: usize, order: &Order) {
    let book = world.ledger.borrow();
    for (name, message) in book.messages.iter().enumerate() {
        if message.topic == topic && message.accepted {
            let has_place = order.of_name(name).is_some() || order.is_superseded(name);
            assert!(has_place, "message {name} of topic {topic} has no place");
        }
    }
    let mut last = HashMap::new();
    for placed in &order.placed {
        let publisher = book.messages[placed.name].publisher;
        let before = publisher.and_then(|publisher| last.insert(publisher, placed.name));
        assert!(before < Some(placed.name), "{placed:?} after {before:?}");
    }
}

fn check_reader(world: &World, at: usize, topic: usize, order: &Order) {
    let (client, socket) = (&world.clients[at], &world.net.sockets[at]);
    let reader = &client.readers[topic];
    let is_fast = socket.short_writes == 0;
    assert!(
        !is_fast || reader.lacks.is_empty(),
        "client {at}, topic {topic}: lacks {:?}",
        reader.lacks
    );
    if !client.keeps_up() || !client.is_subscribed(topic) {
        return;
    }
    // Those that do not read may have all the space for pages, for a while.
    if world.profile.is_tight && world.clients.iter().any(|client| client.stalled) {
        return;
    }
    let is_told = client.told_of() == Some(topic);
    // Of others, some may have been left out.
    if is_told && !order.had_none || is_fast {
        // What is kept no more is told to those that know of gaps.
        let is_lawful = |at: &usize| !is_told && order.may_be_gone(*at);
        let lack = reader.first_lack(order).filter(|at| !is_lawful(at));
        let lack = lack.map(|at| &order.placed[at]);
        assert!(
            lack.is_none(),
            "client {at}, topic {topic}: lacks {lack:?}, {reader:?}"
        );
    }
    // A session may not have been told, if nothing has come.
    let stands = reader.stands() || order.had_none || client.place == Place::Session;
    assert!(
        !is_told || stands,
        "client {at} does not know where it is: {reader:?}"
    );
    // A command is answered before its subscription is live.
    if is_fast && client.place != Place::Command {
        check_live(world, at, topic, order);
    }
}

/// What was begun when a client was live came to it, and what the history does not keep as well, if
/// it was a member from the start.
fn check_live(world: &World, at: usize, topic: usize, order: &Order) {
    let (book, client) = (world.ledger.borrow(), &world.clients[at]);
    let was_member =
        client.since == Since::Default && order.first_max == 0 && client.told_of() != Some(topic);
    if client.readers[topic].stands() && !was_member {
        return;
    }
    let seen: HashSet<usize> = client.seen[topic].iter().map(|seen| seen.name).collect();
    let lack = order.placed.iter().find(|placed| {
        let is_due = client.live_at < book.messages[placed.name].begun;
        let is_kept = was_member || !placed.said.skips_history;
        is_due && is_kept && !seen.contains(&placed.name)
    });
    assert!(lack.is_none(), "client {at}, topic {topic}: lacks {lack:?}");
}
