//! Messages to a user, disconnects and lists.

use std::sync::{Arc, OnceLock};

use corecast::limits::{CONNECTIONS_PER_ORDER, USER_WORK_MAX, WORK_OF_END, WORK_OF_MESSAGE};
use corecast::shard::mail::Space;
use corecast::{
    CloseReason, Config, ConnId, ConnectionId, ConnectionInfo, Disconnect, Kind, Selection,
    UserError,
};

use crate::users::{Pair, closes_with, give_space, go_on, id, upgrade};

/// Disconnects a user by a call at the home.
fn disconnect(pair: &mut Pair, user: &str) {
    let called = pair.shards[1]
        .core
        .shard_cx(|cx| cx.disconnect_user(user, Selection::All, Disconnect::default()));
    called.unwrap();
}

/// Sends messages to a user until there is no space, and says how many those were.
fn send_until_busy(pair: &mut Pair, at: usize) -> usize {
    let user = pair.user.clone();
    pair.shards[at].core.shard_cx(|cx| {
        let mut send = || cx.send_to_user(&user, Kind::Text, b"x");
        let sent = (0..1_000).take_while(|_| match send() {
            Ok(()) => true,
            Err(err) => {
                assert!(matches!(err, UserError::Busy(_)));
                false
            }
        });
        sent.count()
    })
}

/// So many connections at the home.
fn open_many(pair: &mut Pair, count: usize) -> Vec<ConnId> {
    let request = upgrade(&pair.user, "");
    let shard = &mut pair.shards[1];
    let clients: Vec<ConnId> = (0..count).map(|_| shard.connect()).collect();
    for client in &clients {
        shard.read(*client, &request);
    }
    (0..4).for_each(|_| go_on(shard));
    for client in &clients {
        assert!(shard.take(*client).starts_with(b"HTTP/1.1 101 "));
    }
    clients
}

#[test]
fn a_command_for_no_connection_leaves_the_rest_of_an_earlier_one_to_be_done() {
    for elsewhere in [false, true] {
        let mut pair = Pair::new(Config::default());
        for _ in 0..3 {
            pair.open(1);
        }
        let other = (0..).map(|n| format!("other{n}"));
        let at_home = |user: &String| pair.shards[0].core.home_of_user(user).index() == 1;
        let other = other.into_iter().find(at_home).unwrap();
        if elsewhere {
            let request = upgrade(&other, "");
            let client = pair.shards[0].connect();
            pair.shards[0].read(client, request);
            pair.settle();
        }
        // A turn has time for one end.
        pair.shards[1].core.limit_work(WORK_OF_END, WORK_OF_END);
        let user = pair.user.clone();
        disconnect(&mut pair, &user);
        pair.shards[1].turn();
        disconnect(&mut pair, &other);
        (0..8).for_each(|_| pair.settle());
        let expected = 3 + usize::from(elsewhere);
        assert_eq!(pair.ended(), vec![CloseReason::Disconnected; expected]);
    }
}

#[test]
fn mail_behind_an_order_does_not_wait_for_the_ends_of_connections() {
    let mut pair = Pair::new(Config::default());
    for _ in 0..3 {
        pair.open(0);
    }
    let user = pair.user.clone();
    disconnect(&mut pair, &user);
    assert_ne!(send_until_busy(&mut pair, 1), 0);
    let [guest, home] = &mut pair.shards;
    go_on(home);
    guest.core.limit_work(WORK_OF_END / 10, WORK_OF_END / 10);
    let mut taken = 0;
    for _ in 0..5 {
        let mail = home.core.mail()[0].from_home.pop().unwrap();
        taken += usize::from(guest.core.handle_from_home(mail).is_none());
    }
    assert_eq!((taken, pair.ended().len()), (5, 0));
    (0..20).for_each(|_| go_on(&mut pair.shards[0]));
    assert_eq!(pair.ended(), [CloseReason::Disconnected; 3]);
}

#[test]
fn a_callback_that_has_given_many_commands_is_busy_until_the_next_turn() {
    let mut pair = Pair::new(Config::default());
    let limit = 10 * WORK_OF_MESSAGE;
    pair.shards[0].core.limit_work(limit, limit);
    assert_eq!(
        send_until_busy(&mut pair, 0),
        20,
        "a share and as much again"
    );
    give_space(&mut pair.shards[0]);
    assert_eq!(send_until_busy(&mut pair, 0), 0);
    go_on(&mut pair.shards[0]);
    assert_ne!(send_until_busy(&mut pair, 0), 0);
}

#[test]
fn a_home_keeps_so_many_commands_and_takes_more_when_they_are_passed_on() {
    let mut pair = Pair::new(Config::default());
    let client = pair.open(1);
    for _ in 0..2 {
        assert_eq!(send_until_busy(&mut pair, 1), USER_WORK_MAX);
        go_on(&mut pair.shards[1]);
        let sent = pair.take(1, client);
        assert_eq!(sent, b"\x81\x01x".repeat(USER_WORK_MAX));
    }
}

#[test]
fn a_command_for_very_many_connections_is_passed_on_in_pieces() {
    let mut pair = Pair::new(Config::default());
    let count = 2 * CONNECTIONS_PER_ORDER + 500;
    let clients = open_many(&mut pair, count);
    // A turn has time for one piece.
    pair.shards[1].core.limit_work(50_000, 50_000);
    let user = pair.user.clone();
    let sent = pair.shards[1]
        .core
        .shard_cx(|cx| cx.send_to_user(&user, Kind::Text, b"x"));
    sent.unwrap();
    pair.shards[1].turn();
    // Some that had their turn end, and others come.
    for client in &clients[..3] {
        assert_eq!(pair.take(1, *client), b"\x81\x01x");
        pair.shards[1].core.handle_reset(*client);
    }
    let late = pair.shards[1].connect();
    let request = upgrade(&user, "");
    pair.shards[1].read(late, request);
    (0..8).for_each(|_| go_on(&mut pair.shards[1]));
    for client in &clients[3..] {
        assert_eq!(pair.take(1, *client), b"\x81\x01x");
    }
    let greeting = pair.take(1, late);
    assert!(greeting.starts_with(b"HTTP/1.1 101 ") && greeting.ends_with(b"\r\n\r\n"));
}

#[test]
fn one_connection_of_several_is_disconnected_by_its_id() {
    let mut pair = Pair::new(Config::default());
    let clients = [0, 1, 0, 1].map(|at| (at, pair.open(at)));
    for (done, (at, client)) in clients.into_iter().enumerate() {
        let (user, which) = (pair.user.clone(), Selection::Only(id(at, client)));
        let called = pair.shards[0]
            .core
            .shard_cx(|cx| cx.disconnect_user(&user, which, Disconnect::default()));
        called.unwrap();
        pair.settle();
        assert_eq!(pair.ended().len(), done + 1);
        assert!(closes_with(
            &pair.take(at, client),
            3503,
            "force disconnect"
        ));
    }
}

#[test]
fn a_list_is_given_when_the_callback_that_asked_has_returned() {
    let mut pair = Pair::new(Config::default());
    let list = Arc::new(OnceLock::new());
    let given = Arc::clone(&list);
    let user = pair.user.clone();
    let reply = move |infos: Vec<ConnectionInfo>| given.set(infos).unwrap();
    pair.shards[1].core.shard_cx(|cx| {
        cx.connections_of(&user, reply).unwrap();
        assert_eq!(list.get(), None);
    });
    pair.settle();
    assert_eq!(list.get().map(Vec::len), Some(0));
}

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
    assert_eq!(pair.take(0, clients[0].1), b"");
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
