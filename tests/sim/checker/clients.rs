//! That homes know the clients of their topics.

use crate::world::World;

/// Checks a world that has come to rest.
pub(super) fn check_clients(world: &World) {
    let cores = || world.shards.iter().map(|shard| &shard.driver.core);
    let by_name = |topic: &corecast::Topic| topic.to_string();
    let mut at_homes: Vec<_> = cores().flat_map(|core| core.clients_at_home()).collect();
    let mut here: Vec<_> = cores().flat_map(|core| core.clients_here()).collect();
    for clients in [&mut at_homes, &mut here] {
        clients.sort_unstable_by_key(|(topic, client)| (by_name(topic), *client));
    }
    assert_eq!(at_homes, here, "what homes know of clients");
    assert!(world.profile.presence || here.is_empty());
}
