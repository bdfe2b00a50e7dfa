//! What one client publishes, every subscriber of the topic gets, whatever it speaks.

use corecast::Kind;
use tungstenite::Message as WsMessage;

use crate::support::length_prefix::{LengthPrefix, frame};
use crate::support::raw_ws::RawWs;
use crate::support::server::{ANY, Running, builder};
use crate::support::socket::{dial, send_with_end};
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

#[test]
fn tcp_and_websocket_meet_in_a_topic_and_kinds_are_kept() {
    let server = Running::start(builder(2));
    let mut tcp = LengthPrefix::connect(server.tcp());
    let mut ws = Ws::connect(server.http(), "/ws/lobby");

    ws.send_text("grüß dich");
    assert_eq!(tcp.next(), "grüß dich".as_bytes());
    assert_eq!(ws.next(), WsMessage::text("grüß dich"), "its own");

    ws.send_binary(&[0, 255, 1]);
    assert_eq!(tcp.next(), [0, 255, 1]);
    assert_eq!(ws.next(), WsMessage::binary(vec![0, 255, 1]));

    tcp.send(b"text, but nobody says so");
    assert_eq!(tcp.next(), b"text, but nobody says so", "its own");
    let expected = WsMessage::binary(b"text, but nobody says so".to_vec());
    assert_eq!(ws.next(), expected, "TCP is binary");

    server.publish("lobby", Kind::Text, b"from a thread");
    assert_eq!(tcp.next(), b"from a thread");
    assert_eq!(ws.next(), WsMessage::text("from a thread"));
}

#[test]
fn an_empty_message_reaches_websockets_and_is_counted_where_it_cannot_go() {
    let server = Running::start(builder(1));
    let mut tcp = LengthPrefix::connect(server.tcp());
    let mut ws = Ws::connect(server.http(), "/ws");
    ws.send_text("");
    ws.send_text("next");
    assert_eq!(ws.next(), WsMessage::text(""));
    assert_eq!(ws.next(), WsMessage::text("next"));
    assert_eq!(tcp.next(), b"next");
    wait_until("counted", || server.counters().not_carried == 1);
}

#[test]
fn a_message_to_sub_closes_with_1008_and_is_dropped() {
    let server = Running::start(builder(2));
    let mut witness = Ws::connect(server.http(), "/ws/room");
    let mut sub = Ws::connect(server.http(), "/sub/room");
    witness.send_text("for all");
    assert_eq!(sub.next_text(), "for all");
    assert_eq!(witness.next_text(), "for all");

    sub.send_text("not from here");
    let (code, reason) = sub.expect_close();
    assert_eq!(code, 1008);
    assert!(reason.contains("only receives"), "{reason}");
    witness.send_text("after");
    assert_eq!(witness.next_text(), "after");
}

#[test]
fn pub_publishes_and_gets_nothing() {
    let server = Running::start(builder(2));
    let mut publisher = RawWs::connect(server.http(), "/pub/room");
    let mut sub = Ws::connect(server.http(), "/sub/room");
    for text in ["one", "two", "three"] {
        publisher.send(0x81, text.as_bytes());
        assert_eq!(sub.next_text(), text);
    }
    // Whatever was on its way to the publisher would stand before the pong.
    publisher.send(0x89, b"anything for me?");
    assert_eq!(publisher.next(), (0x8A, b"anything for me?".to_vec()));
}

#[test]
fn echo_answers_only_its_own_connection() {
    let server = Running::start(builder(2));
    let mut one = Ws::connect(server.http(), "/echo");
    let mut other = Ws::connect(server.http(), "/echo");
    one.send_text("one");
    other.send_binary(b"other");
    one.send_text("");
    assert_eq!(one.next(), WsMessage::text("one"));
    assert_eq!(one.next(), WsMessage::text(""));
    assert_eq!(other.next(), WsMessage::binary(b"other".to_vec()));
}

#[test]
fn ws_alone_is_the_lobby() {
    let server = Running::start(builder(2));
    let mut short = Ws::connect(server.http(), "/ws");
    let mut long = Ws::connect(server.http(), "/ws/lobby?a=query");
    let mut elsewhere = Ws::connect(server.http(), "/ws/elsewhere");
    short.send_text("hello");
    elsewhere.send_text("here");
    assert_eq!(long.next_text(), "hello");
    assert_eq!(short.next_text(), "hello");
    assert_eq!(elsewhere.next_text(), "here", "topics are apart");
}

#[test]
fn topics_in_paths_are_percent_encoded() {
    let server = Running::start(builder(2));
    for (path, topic) in [
        ("/sub/a%20b%2Fc", "a b/c"),
        ("/sub/a/b", "a/b"),
        ("/sub/%C3%A4%25", "ä%"),
        ("/sub/a+b", "a+b"),
    ] {
        let mut sub = Ws::connect(server.http(), path);
        server.publish(topic, Kind::Text, topic.as_bytes());
        assert_eq!(sub.next_text(), topic);
    }
}

#[test]
fn the_first_subprotocol_offered_is_echoed() {
    let server = Running::start(builder(1));
    for (offered, echoed) in [
        (&["chat.v2, chat.v1"][..], Some("chat.v2")),
        (&["one", "two"], Some("one")),
        (&[], None),
    ] {
        let fields: Vec<_> = offered
            .iter()
            .map(|offer| ("Sec-WebSocket-Protocol", *offer))
            .collect();
        let (_client, answer) = Ws::upgrade(dial(server.http()), "/ws", &fields);
        let fields = answer.headers().get_all("sec-websocket-protocol");
        let got: Vec<&str> = fields.iter().map(|field| field.to_str().unwrap()).collect();
        assert_eq!(got, echoed.into_iter().collect::<Vec<_>>(), "{offered:?}");
    }
}

#[test]
fn the_first_frame_on_tcp_is_empty_and_heartbeats_are_ignored() {
    let server = Running::start(builder(2));
    let mut witness = LengthPrefix::connect(server.tcp());
    let mut tcp = LengthPrefix::over(dial(server.tcp()));
    assert_eq!(tcp.next(), b"");
    tcp.send_bytes(
        &[
            frame(b""),
            frame(b"one"),
            frame(b""),
            frame(b""),
            frame(b"two"),
        ]
        .concat(),
    );
    for client in [&mut tcp, &mut witness] {
        assert_eq!(client.next(), b"one");
        assert_eq!(client.next(), b"two");
    }
    wait_until("counted", || server.counters().messages_in == 2);
}

#[test]
fn data_and_end_in_one_segment_publish_and_deliveries_go_on() {
    let server = Running::start(builder(2));
    let mut witness = Ws::connect(server.http(), "/ws/lobby");
    for round in 0..50_u8 {
        let payload = [b'n', round];
        let mut client = if round % 2 == 0 {
            // Both are there before the server has accepted the connection.
            let mut stream = dial(server.tcp());
            send_with_end(&mut stream, &frame(&payload));
            LengthPrefix::greeted(stream)
        } else {
            let mut client = LengthPrefix::connect(server.tcp());
            client.send_last(&payload);
            client
        };
        assert_eq!(client.next(), payload, "its own");
        assert_eq!(witness.next_payload(), payload);
        witness.send_binary(&[b'w', round]);
        assert_eq!(client.next(), [b'w', round], "after the end of its side");
        assert_eq!(witness.next_payload(), [b'w', round]);
    }
}

#[test]
fn several_listeners_serve_the_same_topics() {
    let server = Running::start(builder(2).tcp(ANY, "other").tcp(ANY, "lobby"));
    let [first, other, second] = *server.tcp_addrs() else {
        panic!("three listeners");
    };
    let mut first = LengthPrefix::connect(first);
    let mut other = LengthPrefix::connect(other);
    let mut second = LengthPrefix::connect(second);
    first.send(b"to the lobby");
    other.send(b"to the other");
    assert_eq!(first.next(), b"to the lobby");
    assert_eq!(second.next(), b"to the lobby");
    assert_eq!(other.next(), b"to the other");
}
