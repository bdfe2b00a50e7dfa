//! Connections come and go, and their user's home counts them.

use std::time::Duration;

use corecast::auth::Denial;
use corecast::shard::mail::Space;
use corecast::{BeyondUserLimit, CloseReason, Config};

use crate::users::{Pair, closes_with, give_space, go_on, id, limited};

#[test]
fn a_connection_is_greeted_when_the_home_of_its_user_has_counted_it() {
    let mut pair = Pair::new(Config::default());
    let client = pair.ask(0);
    assert_eq!(pair.take(0, client), b"");
    pair.tell_home();
    go_on(&mut pair.shards[0]);
    assert_eq!(pair.take(0, client), b"");
    pair.hear_home();
    assert!(pair.take(0, client).starts_with(b"HTTP/1.1 101 "));
    let own = pair.ask(1);
    assert!(pair.take(1, own).starts_with(b"HTTP/1.1 101 "), "no mail");
    pair.settle();
    assert_eq!(pair.shards[1].core.users_at_home().len(), 2);
}

#[test]
fn the_home_does_not_hear_of_a_connection_that_goes_before_it_was_told() {
    let mut pair = Pair::new(Config::default());
    pair.shards[0].core.mail()[1]
        .to_home
        .set_space(Space::default());
    let client = pair.ask(0);
    pair.shards[0].core.handle_reset(client);
    go_on(&mut pair.shards[0]);
    assert!(pair.shards[0].core.is_empty(), "nothing is left to tell");
    pair.settle();
    assert_eq!(pair.ended(), [CloseReason::Vanished]);
}

#[test]
fn a_connection_that_goes_while_the_home_answers_is_not_counted() {
    for told in [false, true] {
        let mut pair = Pair::new(Config::default());
        let client = pair.ask(0);
        if told {
            pair.tell_home();
            assert_eq!(pair.shards[1].core.users_at_home().len(), 1);
        }
        pair.shards[0].core.handle_reset(client);
        pair.settle();
        assert_eq!(pair.shards[1].core.users_at_home(), []);
        assert!(pair.shards[0].core.is_empty());
        assert_eq!(pair.ended(), [CloseReason::Vanished]);
    }
}

#[test]
fn one_connection_more_than_a_user_may_have_closes_the_oldest_wherever_it_is() {
    for order in [[0, 0, 0], [0, 1, 0], [1, 0, 1], [1, 1, 0], [0, 1, 1]] {
        let mut pair = Pair::new(limited(2, BeyondUserLimit::CloseOldest));
        let clients = order.map(|at| (at, pair.open(at)));
        pair.settle();
        let (at, oldest) = clients[0];
        let word = pair.take(at, oldest);
        assert!(closes_with(&word, 3504, "connection limit"), "{order:?}");
        assert_eq!(pair.ended(), [CloseReason::UserLimit]);
        let mut left = clients[1..].iter().map(|(at, conn)| id(*at, *conn));
        let known: Vec<_> = pair.shards[1].core.users_at_home();
        assert!(left.all(|id| known.iter().any(|(_, known)| *known == id)));
        for (at, client) in clients {
            pair.shards[at].core.handle_reset(client);
        }
        pair.settle();
        assert_eq!(pair.ended().len(), 3, "each end is told once");
    }
}

/// The tabs of a user would close each other for ever.
#[test]
fn an_event_stream_that_gives_way_does_not_come_back_the_same_day() {
    for (version, word) in [
        ("1.1", "11\r\nretry: 86400000\n\n\r\n0\r\n\r\n"),
        ("1.0", "retry: 86400000\n\n"),
    ] {
        let mut pair = Pair::new(limited(1, BeyondUserLimit::CloseOldest));
        let events = pair.shards[0].connect();
        let request = format!(
            "GET /{} HTTP/{version}\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n",
            pair.user
        );
        pair.shards[0].read(events, request);
        pair.settle();
        assert!(pair.take(0, events).starts_with(b"HTTP/1.1 200 "));
        pair.open(1);
        let rest = String::from_utf8(pair.take(0, events)).unwrap();
        assert_eq!(rest, word);
    }
}

#[test]
fn of_two_connections_at_once_on_two_shards_one_stays() {
    for beyond in [BeyondUserLimit::CloseOldest, BeyondUserLimit::Refuse] {
        for first in [0, 1] {
            let mut pair = Pair::new(limited(1, beyond));
            // The home hears of its own connection behind the other, or before it.
            if first == 0 {
                pair.ask(0);
                pair.tell_home();
                pair.ask(1);
            } else {
                pair.ask(1);
                pair.ask(0);
            }
            pair.settle();
            assert_eq!(pair.shards[1].core.users_at_home().len(), 1);
            assert_eq!(pair.ended().len(), 1, "{beyond:?} {first}");
            let expected = match beyond {
                BeyondUserLimit::CloseOldest => CloseReason::UserLimit,
                BeyondUserLimit::Refuse => CloseReason::Refused(429),
            };
            assert_eq!(pair.ended(), [expected]);
        }
    }
}

#[test]
fn a_connection_too_many_is_refused_before_its_greeting() {
    for at in [0, 1] {
        let mut pair = Pair::new(limited(1, BeyondUserLimit::Refuse));
        let first = pair.open(1 - at);
        let second = pair.ask(at);
        pair.settle();
        let answer = String::from_utf8(pair.take(at, second)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
        assert!(answer.contains("Connection: close\r\n"), "{answer}");
        assert!(!answer.contains("101"), "{answer}");
        assert_eq!(pair.ended(), [CloseReason::Refused(429)]);
        assert_eq!(pair.shards[at].counters().refused.iter().sum::<u64>(), 1);

        let events = pair.shards[at].connect();
        let request = format!(
            "GET /{} HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n",
            pair.user
        );
        pair.shards[at].read(events, request);
        pair.settle();
        let answer = String::from_utf8(pair.take(at, events)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("retry: "));
        assert!(answer.contains(": 429 ") && answer.contains("Connection: close\r\n"));

        let user = pair.user.clone();
        let tcp = pair.shards[at].connect_tcp(&user);
        pair.settle();
        assert_eq!(pair.take(at, tcp), b"");
        assert!(pair.shards[at].sockets.closed.contains(&tcp));
        assert_eq!(pair.ended(), [CloseReason::Refused(429); 3]);
        assert_eq!(pair.take(1 - at, first), b"", "it is not touched");
    }
}

#[test]
fn a_connection_beyond_the_limit_of_its_user_is_a_denial_and_one_that_is_refused_not_opened() {
    for beyond in [BeyondUserLimit::CloseOldest, BeyondUserLimit::Refuse] {
        for at in [0, 1] {
            let mut pair = Pair::new(limited(1, beyond));
            pair.open(at);
            assert_eq!(pair.shards[at].counters().opened, 1);
            pair.ask(1 - at);
            pair.settle();
            // On the shard of the connection that has ended.
            let (denied_at, opened) = match beyond {
                BeyondUserLimit::CloseOldest => (at, 1),
                BeyondUserLimit::Refuse => (1 - at, 0),
            };
            let denied = pair.shards[denied_at].counters().denied;
            assert_eq!(denied[Denial::UserLimit.index()], 1, "{beyond:?} {at}");
            assert_eq!(denied.iter().sum::<u64>(), 1);
            assert_eq!(pair.shards[1 - at].counters().opened, opened);
            let words = pair.shards[denied_at].core.take_denial().unwrap();
            let of_user = format!(": the user has too many connections: user {:?}", pair.user);
            assert!(words.ends_with(&of_user), "{words}");
        }
    }
}

#[test]
fn a_connection_that_waits_for_its_home_is_closed_by_the_handshake_timeout() {
    let mut pair = Pair::new(Config::default());
    let client = pair.ask(0);
    pair.shards[0].pass(Duration::from_secs(60));
    go_on(&mut pair.shards[0]);
    assert!(pair.shards[0].sockets.closed.contains(&client));
    assert_eq!(pair.ended(), [CloseReason::HandshakeTimeout]);
    pair.settle();
    assert_eq!(pair.shards[1].core.users_at_home(), []);
}

#[test]
fn a_drain_tells_the_home_of_all_ends() {
    let mut pair = Pair::new(Config::default());
    let clients = [0, 1, 0].map(|at| (at, pair.open(at)));
    let late = pair.ask(0);
    for shard in &mut pair.shards {
        shard.core.begin_drain();
    }
    for _ in 0..100 {
        for shard in &mut pair.shards {
            shard.pass(Duration::from_millis(100));
            go_on(shard);
        }
        let [guest, home] = &mut pair.shards;
        while let Some(mail) = guest.core.mail()[1].to_home.pop() {
            assert!(home.core.handle_to_home(mail).is_none());
        }
        while let Some(mail) = guest.core.mail()[1].from_home.pop() {
            assert!(home.core.handle_from_home(mail).is_none());
        }
        while let Some(mail) = home.core.mail()[0].to_home.pop() {
            assert!(guest.core.handle_to_home(mail).is_none());
        }
        while let Some(mail) = home.core.mail()[0].from_home.pop() {
            assert!(guest.core.handle_from_home(mail).is_none());
        }
        give_space(guest);
        give_space(home);
        for (at, client) in clients.into_iter().chain([(0, late)]) {
            pair.shards[at].core.handle_read_end(client);
        }
    }
    assert_eq!(pair.ended().len(), 4);
    assert!(pair.shards.iter().all(|shard| shard.core.is_empty()));
    assert_eq!(pair.shards[1].core.users_at_home(), []);
}
