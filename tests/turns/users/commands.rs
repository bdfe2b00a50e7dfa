//! Messages to a user, disconnects and lists.

use std::sync::{Arc, OnceLock};

use corecast::shard::mail::Space;
use corecast::{CloseReason, Config, ConnectionId, ConnectionInfo};

use crate::users::{Pair, closes_with, go_on, id};

#[test]
fn a_message_to_a_user_reaches_each_connection_in_order() {
    let mut pair = Pair::new(Config::default());
    let clients = [0, 1, 0].map(|at| (at, pair.open(at)));
    for (at, client) in clients {
        pair.say(at, client, "one");
        pair.say(at, client, "two");
        pair.settle();
        for (at, client) in clients {
            assert_eq!(pair.take(at, client), b"\x81\x03one\x81\x03two", "{at}");
        }
    }
}

#[test]
fn all_other_connections_of_a_user_are_disconnected() {
    let mut pair = Pair::new(Config::default());
    let clients = [0, 1, 0].map(|at| (at, pair.open(at)));
    let (at, client) = clients[0];
    pair.say(at, client, "bye");
    pair.settle();
    assert_eq!(pair.take(at, client), b"");
    for (at, client) in &clients[1..] {
        let word = pair.take(*at, *client);
        assert!(closes_with(&word, 3503, "force disconnect"));
    }
    assert_eq!(pair.ended(), [CloseReason::Disconnected; 2]);
}

#[test]
fn a_command_finds_the_connections_that_entered_before_it() {
    for entered in [false, true] {
        let mut pair = Pair::new(Config::default());
        let witness = pair.open(0);
        pair.ask(1 - usize::from(entered));
        if entered {
            pair.tell_home();
        }
        pair.say(0, witness, "bye");
        pair.settle();
        // The other entered at its own home, or before the command that came over the same lane.
        assert_eq!(pair.ended(), [CloseReason::Disconnected]);
        assert_eq!(pair.shards[1].core.users_at_home().len(), 1);
    }
}

#[test]
fn a_command_for_which_a_shard_has_no_space_touches_no_connection() {
    let mut pair = Pair::new(Config::default());
    let clients = [0, 1].map(|at| (at, pair.open(at)));
    pair.shards[1].core.mail()[0]
        .from_home
        .set_space(Space::default());
    let (at, client) = clients[1];
    pair.say(at, client, "hello");
    assert_eq!(pair.take(1, client), b"");
    assert_eq!(pair.shards[1].counters().paused, 1, "its sender waits");
    pair.settle();
    for (at, client) in clients {
        assert_eq!(pair.take(at, client), b"\x81\x05hello");
    }
}

#[test]
fn a_list_has_the_connections_of_all_shards() {
    let mut pair = Pair::new(Config::default());
    let clients = [0, 1, 0].map(|at| (at, pair.open(at)));
    pair.say(0, clients[0].1, "x");
    pair.settle();
    for at in [0, 1] {
        let list = Arc::new(OnceLock::new());
        let given = Arc::clone(&list);
        let user = pair.user.clone();
        let reply = move |infos: Vec<ConnectionInfo>| given.set(infos).unwrap();
        pair.shards[at]
            .core
            .shard_cx(|cx| cx.connections_of(&user, reply))
            .unwrap();
        pair.settle();
        let list = list.get().unwrap();
        let ids: Vec<ConnectionId> = list.iter().map(|info| info.id).collect();
        let expected = [clients[0], clients[2], clients[1]].map(|(at, conn)| id(at, conn));
        assert_eq!(ids, expected);
        assert!(
            list.iter()
                .all(|info| info.user == user && info.protocol == "websocket")
        );
        assert_eq!(list[0].messages_in, 1);
    }
    let list = Arc::new(OnceLock::new());
    let given = Arc::clone(&list);
    let reply = move |infos: Vec<ConnectionInfo>| given.set(infos).unwrap();
    pair.shards[0]
        .core
        .shard_cx(|cx| cx.connections_of("nobody-else", reply))
        .unwrap();
    go_on(&mut pair.shards[0]);
    pair.settle();
    assert_eq!(list.get().map(Vec::len), Some(0));
}
