//! Requests in a row on one connection.

use corecast::counters::{Limit, status_index};
use corecast::limits::{BODY_BYTES_MAX, DRAIN_GRACE, DRAIN_TIMEOUT, OUTBOX_BYTES_HIGH};
use corecast::{CloseReason, Config};

use crate::http::server::{KEY, Server};
use crate::http::{get, statuses};

/// Four requests, two of them with bodies, the last of which closes.
fn four() -> String {
    let publish = |framing: &str, body: &str| {
        format!(
            "POST /api/publish HTTP/1.1\r\nHost: here\r\nX-API-Key: {KEY}\r\n{framing}\r\n\r\n{body}"
        )
    };
    let body = r#"{"channel":"a","data":{}}"#;
    let chunks = format!(
        "5;x=y\r\n{}\r\n{:x}\r\n{}\r\n0\r\nX: y\r\n\r\n",
        &body[..5],
        body.len() - 5,
        &body[5..]
    );
    [
        get("/healthz"),
        publish(&format!("Content-Length: {}", body.len()), body),
        "\r\n".to_owned(),
        publish("Transfer-Encoding: chunked", &chunks),
        "HEAD /nowhere HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".to_owned(),
    ]
    .concat()
}

/// What the server says to requests that come in these pieces, and why it closes.
fn ask<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> (String, Option<CloseReason>) {
    let mut server = Server::new();
    let client = server.connect();
    for piece in pieces {
        server.send(client, piece);
    }
    let answers = server.take(client);
    (answers, server.ended(client))
}

#[test]
fn requests_are_answered_in_order_however_they_are_cut() {
    let requests = four();
    let bytes = requests.as_bytes();
    let whole = ask([bytes]);
    let (head, answers) = whole.0.rsplit_once("HTTP/1.1 404").unwrap();
    assert!(answers.contains("Connection: close\r\n"));
    assert!(!head.contains("Connection:"), "{head}");
    assert_eq!(statuses(head), [200, 200, 200]);
    assert_eq!(head.matches("{\"result\":{}}").count(), 2, "{head}");
    assert_eq!(whole.1, Some(CloseReason::Refused(404)));
    assert_eq!(ask(bytes.chunks(1)), whole);
    for cut in 1..bytes.len() {
        let (front, back) = bytes.split_at(cut);
        assert_eq!(ask([front, back]), whole, "cut at {cut}");
    }
}

#[test]
fn http_1_0_closes_unless_it_asks_not_to() {
    let ask = |fields: &str| {
        let request = format!("GET /healthz HTTP/1.0\r\n{fields}\r\n");
        ask([request.as_bytes()])
    };
    let (answer, ended) = ask("");
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
    assert_eq!(ended, Some(CloseReason::Answered));
    let (answer, ended) = ask("Connection: Keep-Alive\r\n");
    assert!(
        answer.contains("\r\nConnection: keep-alive\r\n"),
        "{answer}"
    );
    assert_eq!(ended, None);
    let (_, ended) = ask("Connection: keep-alive, close\r\n");
    assert_eq!(ended, Some(CloseReason::Answered));
}

#[test]
fn a_connection_has_a_limit_of_requests_and_says_so_with_the_last() {
    let mut server = Server::with(Config {
        requests_per_conn_max: 3,
        ..Config::default()
    });
    let client = server.connect();
    server.send(client, get("/healthz").repeat(5));
    let answers = server.take(client);
    assert_eq!(statuses(&answers), [200; 3]);
    assert_eq!(answers.matches("Connection: close").count(), 1);
    assert_eq!(server.ended(client), Some(CloseReason::Answered));
    assert_eq!(server.counters().requests, 3);
    assert_eq!(server.counters().limited[Limit::Requests.index()], 1);
}

#[test]
fn a_client_that_does_not_read_its_answers_is_not_read() {
    let mut server = Server::new();
    let client = server.connect();
    server.block(true, &[]);
    let pages = 2_000;
    server.send(client, get("/").repeat(pages));
    let answered = server.counters().requests;
    server.block(false, &[client]);
    let answers = server.take(client);
    assert_eq!(statuses(&answers), vec![200; pages]);
    let page = answers.len() / pages;
    let held = usize::try_from(answered).unwrap() * page;
    assert!(held <= OUTBOX_BYTES_HIGH + page, "{held} bytes of answers");
}

#[test]
fn the_end_of_a_clients_side_is_after_its_answers() {
    let mut server = Server::new();
    let client = server.connect();
    server.block(true, &[]);
    server.send(client, get("/healthz").repeat(3));
    server.end(client);
    server.block(false, &[client]);
    assert_eq!(statuses(&server.take(client)), [200; 3]);
    assert_eq!(server.ended(client), Some(CloseReason::Answered));
    let client = server.connect();
    server.send(
        client,
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx",
    );
    server.end(client);
    assert_eq!(server.ended(client), Some(CloseReason::Vanished));
    assert_eq!(server.take(client), "");
}

#[test]
fn the_end_of_a_clients_side_takes_no_answer_away_whatever_it_sent_after_the_request() {
    for (more, ended) in [
        ("\r", CloseReason::Answered),
        ("\r\n", CloseReason::Answered),
        ("\r\n\r\nG", CloseReason::Vanished),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx",
            CloseReason::Vanished,
        ),
    ] {
        let mut server = Server::new();
        let client = server.connect();
        server.block(true, &[]);
        server.send(client, get("/healthz") + more);
        server.end(client);
        server.block(false, &[client]);
        assert_eq!(statuses(&server.take(client)), [200], "{more:?}");
        assert_eq!(server.ended(client), Some(ended), "{more:?}");
        assert!(!server.is_there(client));
    }
}

#[test]
fn an_upgrade_or_a_stream_may_follow_other_requests() {
    let upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    for (last, status) in [(upgrade.to_owned(), "101"), (get("/sse/a"), "200")] {
        let mut server = Server::new();
        let client = server.connect();
        server.send(client, get("/healthz").repeat(2) + &last);
        let answers = server.take(client);
        let starts = answers
            .match_indices("HTTP/1.1 ")
            .map(|(at, _)| &answers[at + 9..at + 12]);
        assert!(starts.eq(["200", "200", status]), "{answers}");
        assert_eq!(server.counters().opened, 1);
        assert_eq!(server.ended(client), None);
    }
}

#[test]
fn a_client_that_waits_for_100_continue_gets_it() {
    let head = format!(
        "POST /api/publish HTTP/1.1\r\nHost: a\r\nX-API-Key: {KEY}\r\nExpect: 100-continue\r\n\
         Content-Length: 25\r\n\r\n"
    );
    let body = r#"{"channel":"a","data":{}}"#;
    let mut server = Server::new();
    let client = server.connect();
    server.send(client, &head);
    assert_eq!(server.take(client), "HTTP/1.1 100 Continue\r\n\r\n");
    server.send(client, body);
    assert_eq!(statuses(&server.take(client)), [200]);
    server.send(client, head.clone() + body);
    assert_eq!(
        statuses(&server.take(client)),
        [200],
        "who does not wait needs no leave"
    );
    server.send(client, head.replace("100-continue", "a miracle"));
    assert_eq!(statuses(&server.take(client)), [417]);
    let large = head.replace(": 25", &format!(": {}", BODY_BYTES_MAX + 1));
    let client = server.connect();
    server.send(client, large);
    assert_eq!(
        statuses(&server.take(client)),
        [413],
        "refused before it is sent"
    );
}

#[test]
fn a_body_over_the_limit_is_refused_as_soon_as_that_is_known() {
    let mut server = Server::with(Config {
        body_bytes_max: 10,
        ..Config::default()
    });
    for (framing, body) in [
        ("Content-Length: 11", ""),
        ("Transfer-Encoding: chunked", "b\r\n"),
        ("Transfer-Encoding: chunked", "a\r\n0123456789\r\n1\r\n"),
    ] {
        let client = server.connect();
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
        server.send(client, head + body);
        assert_eq!(statuses(&server.take(client)), [413], "{framing} {body}");
        assert_eq!(server.ended(client), Some(CloseReason::Refused(413)));
    }
    assert_eq!(server.counters().refused[status_index(413)], 3);
}

#[test]
fn a_drain_lets_no_request_follow() {
    let mut server = Server::new();
    let client = server.connect();
    server.drain();
    server.send(client, get("/healthz"));
    assert!(server.take(client).contains("Connection: close"));
}

/// A server whose drain is late before a body or an answer is.
fn patient() -> Server {
    Server::with(Config {
        body_timeout: 2 * DRAIN_TIMEOUT,
        stall_timeout: 2 * DRAIN_TIMEOUT,
        ..Config::default()
    })
}

#[test]
fn a_drain_waits_for_the_rest_of_a_body_and_its_answer() {
    let mut server = patient();
    let [client, slow, idle] = [(); 3].map(|()| server.connect());
    let body = r#"{"channel":"a","data":{}}"#;
    let head = format!(
        "POST /api/publish HTTP/1.1\r\nHost: a\r\nX-API-Key: {KEY}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    server.send(client, head.clone() + &body[..5]);
    server.send(slow, head + &body[..5]);
    server.send(idle, get("/healthz"));
    server.drain();
    server.wait(2 * DRAIN_GRACE);
    assert_eq!(server.ended(idle), Some(CloseReason::Shutdown));
    assert_eq!(server.ended(client), None);
    server.send(client, &body[5..]);
    let answer = server.take(client);
    assert_eq!(statuses(&answer), [200]);
    assert!(answer.contains("Connection: close"), "{answer}");
    server.wait(DRAIN_TIMEOUT);
    assert_eq!(server.ended(slow), Some(CloseReason::Shutdown), "late");
}

#[test]
fn a_late_drain_cuts_an_answer_that_is_not_taken() {
    let mut server = patient();
    let client = server.connect();
    server.drain();
    server.block(true, &[]);
    server.send(client, get("/"));
    server.wait(DRAIN_GRACE);
    assert!(server.is_there(client));
    server.wait(DRAIN_GRACE + DRAIN_TIMEOUT);
    assert!(!server.is_there(client));
}
