//! What must be true of a world in which every connection has ended.

use corecast::SlowConsumer;

use crate::client::{Client, Place, Stage};
use crate::world::World;

/// Checks a world in which every connection has ended.
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

/// A client that was told of the shutdown has received every message accepted before it.
fn check_delivered(world: &World, at: usize, client: &Client) {
    let keeps_up = client.healthy && world.net.sockets[at].short_writes == 0;
    if world.profile.histories.is_some()
        || client.stage != Stage::Told(1001)
        || client.rude
        || !keeps_up
    {
        return;
    }
    let book = world.ledger.borrow();
    for &topic in &client.topics {
        let taken = book.messages.iter().enumerate().filter(|(_, message)| {
            let is_due = client.live_at < message.begun && message.accepted;
            message.topic == topic && is_due && Some(message.accepted_at) <= book.drained_at
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
    let has_pages = world.profile.histories.is_some() && world.profile.is_tight;
    match client.stage {
        Stage::Told(1000) => assert!(client.leaving, "client {at} was closed"),
        Stage::Told(1001) => assert!(world.draining, "client {at} was told of a shutdown"),
        // Its pages had the space that others waited for.
        Stage::Told(1013) | Stage::Opening if has_pages => {}
        Stage::Told(1013) => assert!(disconnects && !client.healthy, "client {at} was slow"),
        Stage::Told(200) => assert_eq!(client.place, Place::Page),
        // It was disconnected, or one too many of its user; if it was corked still, without a word.
        Stage::Told(3503 | 3504 | 429) | Stage::Opening if world.profile.ends_users => {}
        // Its token was not accepted, or is not any more.
        Stage::Told(401 | 3005) if world.profile.tokens => {}
        Stage::Opening if world.draining => {}
        // It had joined one topic, whose log was full before it had joined the others.
        Stage::Opening if world.profile.has_joins() && client.place == Place::Many => {}
        stage => panic!("client {at} ended without a last word: {stage:?}"),
    }
}
