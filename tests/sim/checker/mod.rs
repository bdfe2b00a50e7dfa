//! What must be true of a world once it has come to rest.

mod clients;
mod end;
mod histories;
mod order;
mod stream;
mod tokens;
mod users;
mod welcome;

use corecast::limits::OUTBOX_BYTES_HIGH;

use crate::checker::clients::check_clients;
pub(crate) use crate::checker::end::check_at_end;
use crate::checker::histories::check_histories;
use crate::checker::order::check_topic;
use crate::checker::tokens::check_tokens;
use crate::checker::users::check_users;
use crate::client::{Place, Stage};
use crate::world::World;

/// Frames that slow subscribers missed: as few and as many as what was seen allows.
#[derive(Debug, Default)]
struct Losses {
    least: u64,
    most: u64,
}

/// Checks a world in which all traffic has come to rest, before the server closes connections.
pub(crate) fn check_at_rest(world: &mut World) {
    for (at, shard) in world.shards.iter().enumerate() {
        assert!(shard.driver.has_all_mail(), "mail to shard {at} is stuck");
    }
    for at in 0..world.clients.len() {
        check_client(world, at);
    }
    check_users(world);
    check_clients(world);
    check_tokens(world);
    if check_histories(world) {
        return;
    }
    let mut losses = Losses::default();
    for topic in 0..world.profile.topics {
        check_topic(world, topic, &mut losses);
    }
    check_counters(world, &losses);
}

/// Each subscriber that is fast has received the last message that a client published on each
/// topic; `first` is that of the first topic.
pub(crate) fn check_probe(world: &World, first: usize) {
    if world.profile.histories.is_some() {
        // It was checked at rest.
        return;
    }
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

fn check_client(world: &World, at: usize) {
    let (client, socket) = (&world.clients[at], &world.net.sockets[at]);
    let book = world.ledger.borrow();
    if client.place == Place::Page {
        // A drain may end a connection before its request is read.
        let is_late = world.draining && world.profile.histories.is_some();
        let has_page = client.stage == Stage::Told(200);
        assert!(has_page || is_late, "client {at} has its page");
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

fn check_counters(world: &mut World, losses: &Losses) {
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
        losses.least <= skipped,
        "skipped {skipped}, but seen to lack {losses:?}"
    );
    assert!(
        skipped <= losses.most,
        "skipped {skipped}, but seen to lack {losses:?}"
    );
}
