//! The structured protocol over real sockets, between several shards.

use std::collections::BTreeMap;
use std::time::Duration;

use corecast::{Config, HistorySettings, Namespaces, Selection, ServerSubscription, TopicSettings};
use crossbeam_channel::bounded;
use serde_json::{Value, json};
use tungstenite::Message;

use crate::support::server::{Running, builder};
use crate::support::wait::in_a_while;
use crate::support::ws::Ws;

/// Topics keep their newest messages, and tell their clients.
fn server() -> Running {
    let settings = TopicSettings {
        history: Some(HistorySettings {
            entries_max: 1000,
            bytes_max: 1 << 20,
            ttl: Duration::from_secs(60),
            meta_ttl: Duration::from_secs(600),
            is_keyed: false,
        }),
        presence: true,
        ..TopicSettings::default()
    };
    let config = Config {
        namespaces: Namespaces::new(settings, Vec::new()),
        ..Config::default()
    };
    Running::start(builder(3).config(config))
}

struct Client {
    ws: Ws,
    /// What its client is called.
    id: String,
    last_id: u64,
    /// What was pushed.
    pushes: Vec<Value>,
}

impl Client {
    fn connect(server: &Running) -> Self {
        let ws = Ws::connect(server.http(), "/connection/websocket");
        let mut client = Self {
            ws,
            id: String::new(),
            last_id: 0,
            pushes: Vec::new(),
        };
        let connected = client.ask(json!({"connect": {}}));
        client.id = connected["connect"]["client"].as_str().unwrap().to_owned();
        client
    }

    /// The next reply or push. The server's pings are not answered: no test takes as long.
    fn next(&mut self) -> Value {
        serde_json::from_str(&self.ws.next_text()).unwrap()
    }

    /// The answer to a command; what is pushed before it is kept.
    fn ask(&mut self, mut command: Value) -> Value {
        self.last_id += 1;
        command["id"] = self.last_id.into();
        self.ws.send_text(&command.to_string());
        loop {
            let told = self.next();
            if told["id"] == self.last_id {
                return told;
            }
            self.pushes.push(told);
        }
    }

    fn next_push(&mut self) -> Value {
        if self.pushes.is_empty() {
            return self.next();
        }
        self.pushes.remove(0)
    }
}

#[test]
fn clients_of_several_shards_see_the_same_order_and_come_back_to_where_they_were() {
    let server = server();
    let mut clients: Vec<Client> = (0..8).map(|_| Client::connect(&server)).collect();
    let mut epoch = Value::Null;
    for client in &mut clients {
        let answer = client.ask(json!({"subscribe": {"channel": "news", "recoverable": true}}));
        epoch = answer["subscribe"]["epoch"].clone();
        assert!(epoch.is_string(), "{answer}");
    }
    let stats = clients[3].ask(json!({"presence_stats": {"channel": "news"}}));
    assert_eq!(stats["presence_stats"]["num_clients"], 8);
    for client in &mut clients {
        for n in 0..5 {
            client.ask(json!({"publish": {"channel": "news", "data": {"n": n}}}));
        }
    }
    let seen = clients.iter_mut().map(|client| {
        let pushes = (0..40).map(|_| client.next_push()["push"]["pub"].clone());
        pushes.collect::<Vec<Value>>()
    });
    let seen: Vec<Vec<Value>> = seen.collect();
    assert!(seen.iter().all(|own| *own == seen[0]));
    let offsets = seen[0].iter().map(|message| message["offset"].as_u64());
    assert!(offsets.eq((1..=40).map(Some)));

    let mut back = Client::connect(&server);
    let answer = back.ask(json!({"subscribe": {
        "channel": "news", "recover": true, "offset": 30, "epoch": &epoch,
    }}));
    let answer = &answer["subscribe"];
    assert_eq!(answer["recovered"], true, "{answer}");
    let missed = answer["publications"].as_array().unwrap();
    assert_eq!(missed[..], seen[0][30..]);
    // The first message of an epoch names it where it is pushed.
    let mut all = seen[0].clone();
    assert_eq!(all[0].as_object_mut().unwrap().remove("epoch"), Some(epoch));
    let page = back.ask(json!({"history": {"channel": "news", "limit": -1}}));
    assert_eq!(
        page["history"]["publications"].as_array().unwrap()[..],
        all[..]
    );
}

#[test]
fn a_client_that_was_away_for_long_gets_more_than_an_answer_has_and_misses_nothing() {
    let server = server();
    let mut client = Client::connect(&server);
    for n in 1..=900 {
        let publish = json!({"publish": {"channel": "news", "data": n}});
        client.ask(publish);
    }
    let answer = client.ask(json!({"subscribe": {"channel": "news", "recover": true}}));
    let first = answer["subscribe"]["publications"]
        .as_array()
        .unwrap()
        .len();
    assert!((1..900).contains(&first), "{first}");
    client.ask(json!({"publish": {"channel": "news", "data": 901}}));
    for n in first + 1..=901 {
        let push = client.next_push();
        assert_eq!(push["push"]["pub"]["data"], n);
    }
}

#[test]
fn a_drain_tells_clients_to_come_back() {
    let server = server();
    let mut client = Client::connect(&server);
    client.ask(json!({"subscribe": {"channel": "news"}}));
    server.handle().drain();
    match client.ws.next() {
        Message::Close(Some(close)) => {
            assert_eq!(u16::from(close.code), 3001);
            assert_eq!(close.reason.as_str(), "shutdown");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn any_thread_subscribes_clients_and_asks_what_the_server_has() {
    let server = server();
    let mut clients: Vec<Client> = (0..6).map(|_| Client::connect(&server)).collect();
    for client in &clients {
        let which = Selection::Only(client.id.parse().unwrap());
        let subscription = ServerSubscription::new("news");
        let subscribed = server.handle().subscribe_user("", which, subscription);
        subscribed.unwrap();
    }
    for client in &mut clients {
        let push = &client.next_push()["push"];
        assert_eq!(
            (&push["channel"], push["subscribe"].is_object()),
            (&json!("news"), true)
        );
    }
    let (reply, census) = bounded(1);
    let asked = server.handle().census_of(
        |topic| topic == "news",
        move |census| reply.send(census).unwrap(),
    );
    asked.unwrap();
    let census = census.recv_deadline(in_a_while()).unwrap();
    assert_eq!((census.connections, census.subscriptions), (6, 6));
    assert_eq!(census.subscribers, BTreeMap::from([("news".to_owned(), 6)]));
    for client in &mut clients {
        let which = Selection::Only(client.id.parse().unwrap());
        server.handle().unsubscribe_user("", which, "news").unwrap();
        assert_eq!(client.next_push()["push"]["unsubscribe"]["code"], 2000);
    }
}
