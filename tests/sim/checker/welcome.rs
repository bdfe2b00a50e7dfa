//! That a room's answer to a new subscriber and the messages after it have no gap.

use crate::room::Rooms;
use crate::world::World;

/// For each client that joined a room's topic: the messages that the room listed, and those that
/// came after, are the topic's order, without a gap and with no message twice.
pub(super) fn check_welcomes(world: &World, topic: usize) {
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
        // Rooms are not told of patterns.
        if 0 < world.net.sockets[at].short_writes || client.by_pattern {
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
