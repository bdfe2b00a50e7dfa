//! Asking for positions: what a client offers and asks for, and what it may not have.

use corecast::{First, Kind, Namespaces};
use tungstenite::Message;

use crate::positions::{expect, keeping, publish, with};
use crate::support::http::{ask, upgrade_request};
use crate::support::positions::{Over, Reader, Told};
use crate::support::server::{Running, builder};
use crate::support::socket::dial;
use crate::support::ws::Ws;

const PROTOCOL: &str = "sec-websocket-protocol";

/// The subprotocol that the server selects.
fn selected(server: &Running, path: &str, offer: &'static str) -> (Ws, Option<String>) {
    let (client, answer) = Ws::upgrade(dial(server.http()), path, &[(PROTOCOL, offer)]);
    let selected = answer.headers().get(PROTOCOL);
    let selected = selected.map(|name| name.to_str().unwrap().to_owned());
    (client, selected)
}

#[test]
fn clients_that_receive_get_the_subprotocol_that_they_offer_anywhere() {
    let server = Running::start(with(1, keeping(10, First::Nothing)));
    let select = |path, offer| selected(&server, path, offer).1;
    let positions = Some("corecast.positions".to_owned());
    let chat = Some("chat".to_owned());
    for path in ["/ws/a", "/sub/a", "/ws"] {
        assert_eq!(select(path, "corecast.positions"), positions, "{path}");
        assert_eq!(
            select(path, "bearer.a.b.c, chat, corecast.positions"),
            positions
        );
        assert_eq!(
            select(path, "corecast.positions, chat"),
            positions,
            "{path}"
        );
        assert_eq!(select(path, "chat, corecast.position"), chat, "{path}");
        assert_eq!(select(path, "bearer.a.b.c, chat"), chat, "{path}");
    }
    for path in ["/pub/a", "/echo"] {
        // Nothing with a position comes here.
        assert_eq!(select(path, "corecast.positions, chat"), chat, "{path}");
    }
}

#[test]
fn a_message_keeps_its_kind_and_what_a_client_sends_has_no_line() {
    let server = Running::start(with(1, keeping(10, First::Nothing)));
    let (mut client, _) = selected(&server, "/ws/a", "corecast.positions");
    let start = client.next_text();
    let epoch = start.strip_suffix(":0").expect("where it stands");
    client.send_text("one\ntwo");
    client.send_binary(b"\xff\0");
    client.send_text("");
    assert_eq!(client.next_text(), format!("{epoch}:1\none\ntwo"));
    let binary = [epoch.as_bytes(), b":2\n\xff\0"].concat();
    assert_eq!(client.next(), Message::binary(binary));
    assert_eq!(client.next_text(), format!("{epoch}:3\n"));
    let mut plain = Ws::connect(server.http(), "/sub/a");
    client.send_text("three");
    assert_eq!(plain.next_text(), "three", "without it nothing changes");
}

#[test]
fn a_topic_without_history_has_empty_lines_and_a_position_is_a_gap() {
    let server = Running::start(builder(2));
    let here = "mzxw6ytb:42".parse().unwrap();
    for over in Over::EACH {
        let mut new = Reader::connect(over, server.http(), "a", None);
        let mut back = Reader::connect(over, server.http(), "a", Some(here));
        assert_eq!(back.next(), Told::Gap(None));
        let path = format!("{}?last=5", over.path("a"));
        let mut asking = Reader::asking(server.http(), over, &path, "");
        server.publish("a", Kind::Text, b"new");
        for reader in [&mut new, &mut back, &mut asking] {
            assert_eq!(reader.next(), Told::Message(None, "new".to_owned()));
        }
    }
}

#[test]
fn the_last_event_goes_before_the_query_of_the_beginning() {
    let server = Running::start(with(2, keeping(10, First::Nothing)));
    let here = Reader::connect(Over::Events, server.http(), "a", None).next_position();
    publish(&server, "a", 1..=5);
    let mut later = here;
    later.offset = 3;
    for query in [
        "since=mzxw6ytb:42".to_owned(),
        format!("since={here}"),
        "last=1".to_owned(),
    ] {
        let path = format!("/sse/a?{query}");
        let field = format!("Last-Event-ID: {later}\r\n");
        let mut reader = Reader::asking(server.http(), Over::Events, &path, &field);
        expect(&mut reader, later, 4..=5);
    }
    let path = format!(
        "/sse/a?token=x&since={}",
        later.to_string().replace(':', "%3A")
    );
    let mut reader = Reader::asking(server.http(), Over::Events, &path, "");
    expect(&mut reader, later, 4..=5);
    let mut reader = Reader::asking(
        server.http(),
        Over::Events,
        "/sse/a",
        "Last-Event-ID: 7\r\n",
    );
    assert!(
        matches!(reader.next(), Told::Gap(Some(_))),
        "an id of another server"
    );
}

#[test]
fn a_connection_publishes_with_the_key_that_it_names() {
    let mut config = keeping(10, First::Last(10));
    let mut settings = config.namespaces.of("a").clone();
    settings.history.as_mut().unwrap().is_keyed = true;
    config.namespaces = Namespaces::new(settings, Vec::new());
    let server = Running::start(with(2, config));
    for (path, text) in [
        ("/pub/a?key=x", "old x"),
        ("/ws/a?last=0&key=y%20", "y"),
        ("/pub/a?key=x", "new x"),
    ] {
        let mut witness = Ws::connect(server.http(), "/sub/a?last=0");
        Ws::connect(server.http(), path).send_text(text);
        assert_eq!(witness.next_text(), text);
    }
    let mut late = Ws::connect(server.http(), "/sub/a");
    assert_eq!([late.next_text(), late.next_text()], ["y", "new x"]);
    let answer = ask(server.http(), upgrade_request("/pub/a?key="));
    let key = "key must be one text of 1 to 255 bytes\n";
    assert_eq!((answer.status, answer.body.as_str()), (400, key));
}

#[test]
fn nonsense_is_refused_with_what_is_wrong() {
    let server = Running::start(with(1, keeping(10, First::Nothing)));
    let events = |query: &str| {
        let request =
            format!("GET /sse/a?{query} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        let answer = ask(server.http(), request);
        (answer.status, answer.body)
    };
    let since = "since must be one position, EPOCH:OFFSET, and without last\n";
    assert_eq!(events("since=7"), (400, since.to_owned()));
    assert_eq!(events("since="), (400, since.to_owned()));
    let last = "last must be one number of messages, and without since\n";
    assert_eq!(events("last=all"), (400, last.to_owned()));
    assert_eq!(events("last=1&last=2"), (400, last.to_owned()));
    let untold = "since needs the subprotocol corecast.positions, which tells of gaps\n";
    let answer = ask(server.http(), upgrade_request("/ws/a?since=mzxw6ytb:1"));
    assert_eq!((answer.status, answer.body.as_str()), (400, untold));
    let answer = ask(server.http(), upgrade_request("/ws/a?last=-1"));
    assert_eq!((answer.status, answer.body.as_str()), (400, last));
    // Nothing is received there.
    let answer = Ws::upgrade(dial(server.http()), "/pub/a?since=7&last=x", &[]).1;
    assert_eq!(answer.status(), 101);
}
