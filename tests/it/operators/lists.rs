//! Lists of connections and topics.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use corecast::Kind;
use serde_json::Value;

use crate::operators::{error, rows, see};
use crate::support::length_prefix::LengthPrefix;
use crate::support::server::{Running, builder, serve_admin};
use crate::support::socket::dial_small;
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

fn ids(json: &Value) -> BTreeSet<String> {
    let rows = rows(json, "connections").iter();
    rows.map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn connections_are_listed_with_what_is_known_of_them() {
    let server = Running::start(builder(2));
    let addr = serve_admin(&server);
    let mut ws = Ws::connect(server.http(), "/ws/lobby");
    let _device = LengthPrefix::connect(server.tcp());
    ws.send_text("hello");
    assert_eq!(ws.next_text(), "hello");
    wait_until("both are there", || {
        rows(&see(addr, "/admin/connections"), "connections").len() == 2
    });
    let found = see(addr, "/admin/connections?protocol=websocket");
    let [row] = &rows(&found, "connections")[..] else {
        panic!("{found}");
    };
    assert_eq!(row["topics"], serde_json::json!(["lobby"]));
    assert_eq!(row["subscriptions"], 1);
    assert_eq!(row["backlog_bytes"], 0);
    assert_eq!(row["paused"], false);
    assert_eq!(row["listener"], server.http().to_string());
    let from: SocketAddr = row["address"].as_str().unwrap().parse().unwrap();
    assert!(from.ip().is_loopback(), "{row}");
    assert!(row["bytes_in"].as_u64().unwrap() > 5, "{row}");
    assert!(row["age_seconds"].as_f64().unwrap() >= 0.0, "{row}");

    let id = row["id"].as_str().unwrap();
    let alone = see(addr, &format!("/admin/connections/{id}"));
    assert_eq!(alone["id"], row["id"]);
    assert_eq!(alone["topics"], row["topics"]);
    for (query, count) in [
        ("address=127.0.0.1", 2),
        ("address=192.0.2.1", 0),
        ("topic=lobby", 2),
        ("topic=elsewhere", 0),
        ("protocol=tcp", 1),
        ("protocol=tcp&address=127.0.0.1&topic=lobby", 1),
        ("user=ann", 0),
    ] {
        let found = see(addr, &format!("/admin/connections?{query}"));
        assert_eq!(rows(&found, "connections").len(), count, "{query}: {found}");
        assert!(found.get("cursor").is_none(), "{query}: {found}");
    }
}

#[test]
fn pages_of_connections_have_each_of_them_once() {
    let server = Running::start(builder(3));
    let addr = serve_admin(&server);
    let clients: Vec<_> = (0..40)
        .map(|_| Ws::connect(server.http(), "/sub/lobby"))
        .collect();
    for query in ["", "&address=127.0.0.1"] {
        let mut all = BTreeSet::new();
        let mut path = format!("/admin/connections?limit=7{query}");
        let mut pages = 0;
        loop {
            let page = see(addr, &path);
            let found = ids(&page);
            assert!(found.len() <= 7);
            pages += 1;
            let before = all.len();
            all.extend(found.iter().cloned());
            assert_eq!(
                all.len(),
                before + found.len(),
                "one is there twice: {page}"
            );
            let Some(cursor) = page.get("cursor") else {
                break;
            };
            let cursor = cursor.as_str().unwrap();
            path = format!("/admin/connections?limit=7{query}&cursor={cursor}");
        }
        assert_eq!(all.len(), clients.len(), "{query}");
        assert!(6 <= pages, "{pages}");
    }
}

#[test]
fn topics_are_listed_in_pages_and_by_their_numbers() {
    let server = Running::start(builder(3));
    let addr = serve_admin(&server);
    let mut clients = Vec::new();
    for topic in ["a", "b", "b", "c:1", "c:2", "c:2", "c:2", "d"] {
        clients.push(Ws::connect(server.http(), &format!("/sub/{topic}")));
    }
    for _ in 0..3 {
        server.publish("c:2", Kind::Text, b"tick");
    }
    clients[4].next_text();
    let names = |json: &Value| {
        let rows = rows(json, "topics").iter();
        let names = rows.map(|row| row["topic"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let all = see(addr, "/admin/topics");
    assert_eq!(names(&all), ["a", "b", "c:1", "c:2", "d"]);
    let most = see(addr, "/admin/topics?order=subscribers&limit=2");
    assert_eq!(names(&most), ["c:2", "b"]);
    assert_eq!(most["topics"][0]["subscribers"], 3);
    assert_eq!(most["more"], true);
    wait_until("all shards have them", || {
        see(addr, "/admin/topics?order=messages&limit=1")["topics"][0]["messages"] == 3
    });
    wait_until("it has a rate", || {
        server.publish("c:2", Kind::Text, b"tick");
        let found = see(addr, "/admin/topics?order=rate&limit=1");
        let first = &found["topics"][0];
        first["topic"] == "c:2" && first["messages_per_second"].as_f64() > Some(0.0)
    });
    assert_eq!(
        names(&see(addr, "/admin/topics?pattern=c:*")),
        ["c:1", "c:2"]
    );
    let first = see(addr, "/admin/topics?limit=3");
    assert_eq!(names(&first), ["a", "b", "c:1"]);
    assert_eq!(first["cursor"], "c:1");
    let second = see(addr, "/admin/topics?limit=3&cursor=c:1");
    assert_eq!(names(&second), ["c:2", "d"]);
    assert!(second.get("cursor").is_none(), "{second}");
}

/// A client that reads nothing is the slowest.
#[test]
fn the_slowest_consumer_is_found() {
    let server = Running::start(builder(2));
    let addr = serve_admin(&server);
    assert_eq!(rows(&see(addr, "/admin/slow"), "connections").len(), 0);
    let _quick = Ws::connect(server.http(), "/sub/other");
    let mut slow = dial_small(server.http());
    let request = crate::support::http::upgrade_request("/sub/lobby");
    std::io::Write::write_all(&mut slow, request.as_bytes()).unwrap();
    let mut found = Value::Null;
    wait_until("it is blocked", || {
        server.publish("lobby", Kind::Text, &[b'x'; 60_000]);
        found = see(addr, "/admin/slow");
        !rows(&found, "connections").is_empty()
    });
    let [row] = &rows(&found, "connections")[..] else {
        panic!("{found}");
    };
    assert_eq!(row["topics"], serde_json::json!(["lobby"]));
    assert!(0 < row["backlog_bytes"].as_u64().unwrap(), "{row}");
    assert!(row["blocked_seconds"].is_number(), "{row}");
    let topics = see(addr, "/admin/topics?order=backlog&limit=1");
    assert_eq!(topics["topics"][0]["topic"], "lobby");
    assert!(0 < topics["topics"][0]["backlog_bytes"].as_u64().unwrap());
}

#[test]
fn numbers_are_those_of_the_metrics() {
    let server = Running::start(builder(2));
    let addr = serve_admin(&server);
    let mut ws = Ws::connect(server.http(), "/ws/lobby");
    ws.send_text("hello");
    assert_eq!(ws.next_text(), "hello");
    wait_until("the copies are renewed", || {
        let stats = see(addr, "/admin/stats");
        let samples = crate::admin::scrape(addr);
        let shards = rows(&stats, "shards");
        let sum = |name: &str| {
            let numbers = shards.iter().map(|shard| shard[name].as_f64().unwrap());
            numbers.sum::<f64>()
        };
        assert_eq!(shards.len(), 2);
        assert_eq!(stats["ready"], true);
        sum("messages_in") == 1.0
            && sum("messages_out") == samples["corecast_messages_sent_total"]
            && sum("connections") == 1.0
    });
}

/// Requests, and the status and some words of their answers.
const WRONG: &[(&str, &str, &str, u16, &str)] = &[
    ("GET", "/admin/nothing", "", 404, "there are /admin/stats"),
    (
        "GET",
        "/admin/connections/3.17.2/x",
        "",
        404,
        "no such path",
    ),
    ("GET", "/admin/connections/all", "", 400, "3.17.2"),
    (
        "GET",
        "/admin/connections/0.0.9",
        "",
        404,
        "no such connection",
    ),
    (
        "GET",
        "/admin/connections/9.0.9",
        "",
        404,
        "no such connection",
    ),
    (
        "GET",
        "/admin/connections?usr=a",
        "",
        400,
        "there are user, address",
    ),
    ("GET", "/admin/connections?user=a&user=b", "", 400, "twice"),
    ("GET", "/admin/connections?limit=0", "", 400, "1 to 1000"),
    ("GET", "/admin/connections?limit=x", "", 400, "1 to 1000"),
    (
        "GET",
        "/admin/connections?address=here",
        "",
        400,
        "an IP address",
    ),
    (
        "GET",
        "/admin/connections?protocol=mqtt",
        "",
        400,
        "websocket, sse",
    ),
    ("GET", "/admin/connections?cursor=x", "", 400, "page before"),
    ("GET", "/admin/topics?pattern=[", "", 400, "a pattern has"),
    (
        "GET",
        "/admin/topics?order=size",
        "",
        400,
        "name, subscribers",
    ),
    ("GET", "/admin/slow?limit=101", "", 400, "1 to 100"),
    ("POST", "/admin/topics", "", 405, "use GET"),
    ("GET", "/admin/drain", "", 405, "use POST"),
    (
        "PUT",
        "/admin/log",
        r#"{"level":"loud"}"#,
        400,
        "off, error",
    ),
    ("PUT", "/admin/log", "loud", 400, "the body"),
    (
        "POST",
        "/admin/publish",
        r#"{"topic":"","data":"x"}"#,
        400,
        "topic",
    ),
];

#[test]
fn wrong_requests_are_told_what_is_wrong() {
    let server = Running::start(builder(1));
    let addr = serve_admin(&server);
    for (method, path, body, status, words) in WRONG {
        let told = error(addr, method, path, body, *status);
        assert!(told.contains(words), "{path}: {told}");
    }
}
