//! Clients are counted, and a client that asks finds what it has seen happen.

use corecast::PresenceError;
use corecast::shard::mail::Space;

use crate::clients::{Pair, namespaces};

#[test]
fn clients_and_their_users_are_counted_on_all_shards() {
    let mut pair = Pair::new(true);
    let users = [(0, "ann"), (1, "ann"), (0, "bob"), (1, ""), (0, "")];
    let clients = users.map(|(at, user)| pair.open(at, user));
    let expected = [(1, 1), (2, 1), (3, 2), (4, 3), (5, 3)];
    for (client, expected) in clients.into_iter().zip(expected) {
        pair.does(client, "+");
        pair.does(clients[0], "?");
        assert_eq!(pair.counts(), expected);
    }
    let list = pair.list();
    assert_eq!(list.stats().clients, 5);
    for info in list.clients() {
        let at = usize::from(info.client.shard.get());
        let of_client = clients.iter().zip(users);
        let mut of_client = of_client.filter(|(client, _)| **client == (at, info.client.conn));
        assert_eq!(
            of_client.next().map(|(_, (_, user))| user),
            Some(&*info.user)
        );
        assert_eq!(info.conn_info.as_deref(), Some(&b"{}"[..]));
        assert_eq!(info.chan_info.as_deref(), Some(&b"1"[..]));
    }
    pair.shards[1].core.handle_reset(clients[1].1);
    pair.shards[0].core.handle_reset(clients[2].1);
    pair.settle();
    pair.does(clients[0], "?");
    assert_eq!(pair.counts(), (3, 2));
}

#[test]
fn a_client_that_asks_behind_its_own_join_or_leave_finds_it_counted() {
    for at in [0, 1] {
        let mut pair = Pair::new(true);
        let [other, client] = ["ann", "bob"].map(|user| pair.open(at, user));
        pair.does(other, "+");
        for _ in 0..3 {
            pair.does(client, "+");
            pair.does(client, "?");
            pair.does(client, "-?");
            assert_eq!(pair.counts(), (2, 2));
            assert_eq!(pair.counts(), (1, 1));
            pair.does(client, "+-?");
            assert_eq!(pair.counts(), (1, 1));
        }
    }
}

/// The lane of the shard that asks is looked at first.
#[test]
fn a_client_that_asks_over_another_shard_finds_what_another_has_seen_happen() {
    let mut pair = Pair::new(true);
    let [guest, own] = [0, 1].map(|at| pair.open(at, ""));
    pair.does(guest, "+");
    pair.says(own, "?");
    pair.says(guest, "-");
    // The leave is in the lane when the turn of the question begins.
    let [first, home] = &mut pair.shards;
    first.turn();
    let leave = first.core.mail()[1].to_home.pop().unwrap();
    assert!(home.core.handle_to_home(leave).is_none());
    assert!(
        pair.answers.try_recv().is_err(),
        "it waits for the mail of the turn"
    );
    pair.settle();
    assert_eq!(pair.counts(), (0, 0));
}

#[test]
fn a_question_about_clients_waits_for_space_behind_leaves_that_do() {
    let mut pair = Pair::new(true);
    let client = pair.open(0, "");
    pair.does(client, "+");
    pair.shards[0].core.mail()[1]
        .to_home
        .set_space(Space::default());
    pair.says(client, "-?");
    assert!(pair.answers.try_recv().is_err());
    pair.settle();
    assert_eq!(pair.counts(), (0, 0));
}

#[test]
fn a_topic_without_presence_has_none_to_tell() {
    let mut pair = Pair::new(false);
    let client = pair.open(0, "");
    pair.does(client, "+?");
    let answer = pair.answers.try_recv().unwrap();
    assert_eq!(answer, Err(PresenceError::Off));
    assert_eq!(pair.shards[1].core.clients_at_home(), []);
}

#[test]
fn a_reload_gives_presence_to_topics_without_subscribers_and_takes_it_from_all() {
    let mut pair = Pair::new(false);
    let client = pair.open(0, "");
    pair.does(client, "+");
    let reload = |pair: &mut Pair, presence| {
        for shard in &mut pair.shards {
            shard.core.set_namespaces(namespaces(presence));
        }
    };
    reload(&mut pair, true);
    pair.does(client, "?");
    let answer = pair.answers.try_recv().unwrap();
    assert_eq!(
        answer,
        Err(PresenceError::Off),
        "it has a subscriber that is not counted"
    );
    pair.does(client, "-");
    pair.linger();
    pair.does(client, "?+");
    pair.does(client, "?");
    assert_eq!((pair.counts(), pair.counts()), ((0, 0), (1, 1)));
    reload(&mut pair, false);
    pair.does(client, "?");
    assert_eq!(pair.answers.try_recv().unwrap(), Err(PresenceError::Off));
    reload(&mut pair, true);
    pair.does(client, "?");
    assert_eq!(pair.counts(), (1, 1), "it was counted all the time");
}
