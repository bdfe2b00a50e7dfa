//! Servers that share topics through a backplane: one order on all of them, and one history.

mod hub;

use corecast::{Config, HistoryFilter, Kind, Namespaces, Position, Publish, Scope, TopicSettings};

use crate::history::keeping;
use crate::shared::hub::Hub;
use crate::support::positions::{Over, Reader, Told};
use crate::support::server::{Running, builder};
use crate::support::wait::in_a_while;
use crate::support::ws::Ws;

/// Two servers with so many shards each; topics `kept:…` have a history.
fn two(shards: usize) -> [Running; 2] {
    let hub = Hub::new();
    [0, 1].map(|server| Running::start(keeping(shards, 1_000).backplane(hub.spoke(server))))
}

fn publish(server: &Running, topic: &str, text: &str) {
    let deadline = in_a_while();
    let handle = server.handle();
    handle
        .publish_deadline(topic, Kind::Text, text.as_bytes(), deadline)
        .unwrap();
}

/// Publishes and waits until it has its place.
fn place(server: &Running, topic: &str, text: &str) -> Position {
    let (bytes, deadline) = (text.as_bytes(), in_a_while());
    let handle = server.handle();
    let at = handle.publish_positioned(topic, Kind::Text, bytes, Publish::new(), deadline);
    at.unwrap().unwrap()
}

/// The next message; a session is told its position first.
fn next_message(reader: &mut Reader, over: Over) -> (Position, String) {
    loop {
        match reader.next() {
            Told::Message(position, text) => return (position.unwrap(), text),
            Told::Position(_) if over.is_session() => {}
            other => panic!("{over:?}: no message: {other:?}"),
        }
    }
}

#[test]
fn all_servers_have_one_order_of_each_topic() {
    const EACH: usize = 300;
    let servers = two(2);
    for topic in ["a", "b", "kept:c"] {
        let path = format!("/sub/{topic}");
        let mut clients = servers.each_ref().map(|server| {
            let connect = |_| Ws::connect(server.http(), &path);
            [0, 1].map(connect)
        });
        std::thread::scope(|scope| {
            for (at, server) in servers.iter().enumerate() {
                scope.spawn(move || {
                    (0..EACH).for_each(|n| publish(server, topic, &format!("{at} {n}")));
                });
            }
        });
        let mut take = |client: &mut Ws| -> Vec<String> {
            (0..2 * EACH).map(|_| client.next_text()).collect()
        };
        let orders: Vec<_> = clients.iter_mut().flatten().map(&mut take).collect();
        for order in &orders {
            assert_eq!(order, &orders[0], "{topic}");
        }
        for at in 0..2 {
            let prefix = format!("{at} ");
            let own = orders[0]
                .iter()
                .filter_map(|text| text.strip_prefix(&prefix));
            let numbers: Vec<usize> = own.map(|n| n.parse().unwrap()).collect();
            assert_eq!(numbers, (0..EACH).collect::<Vec<_>>(), "in its order");
        }
    }
}

#[test]
fn a_client_comes_back_to_another_server() {
    let servers = two(2);
    let all = Over::ALL.into_iter().filter(|over| *over != Over::Library);
    for (n, over) in all.enumerate() {
        let topic = format!("kept:{n}");
        let mut reader = Reader::connect(over, servers[0].http(), &topic, None);
        reader.next_position();
        publish(&servers[1], &topic, "1");
        let (position, text) = next_message(&mut reader, over);
        assert_eq!((position.offset, &*text), (1, "1"), "{over:?}");
        drop(reader);
        for text in ["2", "3"] {
            place(&servers[0], &topic, text);
        }
        let mut reader = Reader::connect(over, servers[1].http(), &topic, Some(position));
        for (offset, expected) in [(2, "2"), (3, "3")] {
            let (at, text) = next_message(&mut reader, over);
            assert_eq!(at, Position { offset, ..position }, "{over:?}");
            assert_eq!(text, expected, "{over:?}");
        }
    }
}

#[test]
fn a_history_is_read_where_no_client_is_subscribed() {
    let servers = two(3);
    let positions = ["1", "2", "3"].map(|text| place(&servers[0], "kept:a", text));
    assert_eq!(positions.map(|at| at.offset), [1, 2, 3]);
    for server in &servers {
        let filter = HistoryFilter::default().since(positions[0]);
        let handle = server.handle();
        let page = handle.history_deadline("kept:a", filter, in_a_while());
        let page = page.unwrap();
        assert_eq!(page.position(), positions[2]);
        let texts: Vec<_> = page.messages().map(|it| it.payload().to_vec()).collect();
        assert_eq!(texts, [b"2", b"3"]);
    }
}

#[test]
fn a_local_topic_is_of_one_server() {
    let hub = Hub::new();
    let local = TopicSettings {
        is_local: true,
        ..TopicSettings::default()
    };
    let named = vec![(Scope::name("own").unwrap(), local)];
    let config = Config {
        namespaces: Namespaces::new(TopicSettings::default(), named),
        ..Config::default()
    };
    let servers = [0, 1].map(|server| {
        let builder = builder(2).config(config.clone());
        Running::start(builder.backplane(hub.spoke(server)))
    });
    let mut clients = servers.each_ref().map(|server| {
        let addr = server.http();
        ["own:a", "all"].map(|topic| Ws::connect(addr, &format!("/sub/{topic}")))
    });
    publish(&servers[0], "own:a", "mine");
    publish(&servers[1], "own:a", "yours");
    publish(&servers[0], "all", "ours");
    for ([own, all], expected) in clients.iter_mut().zip(["mine", "yours"]) {
        assert_eq!(own.next_text(), expected);
        assert_eq!(all.next_text(), "ours");
    }
}

#[test]
fn what_was_published_before_a_drain_reaches_the_other_server() {
    let [one, other] = two(2);
    let mut client = Ws::connect(other.http(), "/sub/last");
    for n in 0..100 {
        publish(&one, "last", &n.to_string());
    }
    one.handle().drain();
    for n in 0..100 {
        assert_eq!(client.next_text(), n.to_string());
    }
    one.join();
}
