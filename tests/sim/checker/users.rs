//! That homes know the connections of their users, and that what users are sent arrives.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use corecast::{ConnectionId, Limit};

use crate::shard::shard_id;
use crate::world::World;

/// Checks a world that has come to rest.
pub(super) fn check_users(world: &mut World) {
    // Of what a client lacks that keeps up, its shard has said that there was no space for it.
    let outbox = Limit::Outbox.index();
    let shards = world.shards.iter_mut();
    let mut dropped: Vec<u64> = shards
        .map(|shard| shard.counters().limited[outbox])
        .collect();
    let world = &*world;
    let cores = || world.shards.iter().map(|shard| &shard.driver.core);
    let mut at_homes: Vec<_> = cores().flat_map(|core| core.users_at_home()).collect();
    let mut open: Vec<_> = cores().flat_map(|core| core.users_here()).collect();
    at_homes.sort_unstable();
    open.sort_unstable();
    assert_eq!(at_homes, open, "what homes know of users");
    let mut counts = HashMap::<u64, u32>::new();
    for (user, _) in at_homes {
        *counts.entry(user).or_default() += 1;
    }
    let max = world.profile.config.connections_per_user_max;
    let is_lawful = |count: &u32| max.is_none_or(|max| *count <= max);
    assert!(counts.values().all(is_lawful), "too many: {counts:?}");
    let lists = world.ledger.borrow().lists.load(Ordering::Relaxed);
    assert_eq!(lists, 0, "lists that were not given");
    for at in 0..world.clients.len() {
        let shard = world.net.sockets[at].shard;
        check_notes(world, at, &mut dropped[shard]);
    }
}

/// A client has what its user was sent: of each sender in order, and all if it keeps up, but for
/// some of those that were `dropped`.
fn check_notes(world: &World, at: usize, dropped: &mut u64) {
    let (client, socket) = (&world.clients[at], &world.net.sockets[at]);
    let book = world.ledger.borrow();
    let mut last = HashMap::new();
    for &note in &client.notes {
        let before = last.insert(book.notes[note].sender, note);
        assert!(before < Some(note), "client {at}: {note} behind {before:?}");
    }
    let id = socket.id.map(|conn| ConnectionId {
        shard: shard_id(socket.shard),
        conn,
    });
    let user = id.and_then(|id| book.users.get(&id));
    let (Some(user), true) = (user, client.keeps_up() && socket.short_writes == 0) else {
        return;
    };
    for (name, note) in book.notes.iter().enumerate() {
        let is_due = note.user == *user && client.live_at < note.sent_at;
        let has_it = client.notes.contains(&name);
        if is_due && !has_it {
            let left = dropped.checked_sub(1);
            *dropped = left.unwrap_or_else(|| panic!("client {at} lacks note {name}"));
        }
        assert!(!has_it || note.user == *user, "client {at} is another user");
    }
}
