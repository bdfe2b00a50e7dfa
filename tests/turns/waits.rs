//! Requests and messages that wait for something that no event reports: they ask again from one
//! moment to the next.

use std::sync::Arc;
use std::time::Duration;

use corecast::counters::status_index;
use corecast::limits::{EVENTS_RETRY_REFUSED, HANDSHAKE_TIMEOUT};
use corecast::throttle::{Throttle, Throttles};
use corecast::{
    Busy, CloseReason, Config, Cx, Halt, Handler, Kind, Message, Opening, Origins, Rate, Refusal,
    Request, Response,
};

use crate::frame;
use crate::shard::Shard;

/// Is busy for every request and message that names it.
struct Full;

const ORIGIN: &str = "https://app.example.com";
const MOMENT: Duration = Duration::from_millis(100);
/// More than a request may wait for space.
const QUESTION: Duration = Duration::from_secs(12);

impl Full {
    fn ask(name: &str) -> Result<(), Busy> {
        match name {
            "/full" | "full" => Err(Busy::outside()),
            _ => Ok(()),
        }
    }
}

impl Handler for Full {
    type Conn = ();
    type Answer = crate::shard::Answer;

    fn on_open(
        &mut self,
        _: &mut Cx<'_, (), Self::Answer>,
        opening: &Opening<'_>,
    ) -> Result<(), Refusal> {
        let name = match opening {
            Opening::Tcp { topic, .. } => topic.name(),
            Opening::WebSocket(request) | Opening::Events(request) => request.path,
            _ => panic!("{opening:?}"),
        };
        Ok(Self::ask(name)?)
    }

    fn on_message(
        &mut self,
        _: &mut Cx<'_, (), Self::Answer>,
        message: Message<'_>,
    ) -> Result<(), Halt> {
        Ok(Self::ask(str::from_utf8(message.payload).unwrap())?)
    }

    fn on_request(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        let Some(path) = request.path.strip_prefix("/asks") else {
            Self::ask(request.path)?;
            return Ok(Response::empty());
        };
        if cx.answer().is_none() {
            let (question, wait) = cx.defer(QUESTION);
            // Its answer is on its way, as long as the test has it be.
            drop(question);
            return Err(wait.into());
        }
        Self::ask(path)?;
        // One of so many is at home on the other shard.
        for topic in 0..64 {
            cx.publish(&format!("topic {topic}"), Kind::Text, b"x")?;
        }
        Ok(Response::empty())
    }
}

fn shard() -> Shard<()> {
    let config = Config {
        origins: Origins::parse([ORIGIN]).unwrap(),
        ping_interval: Duration::from_secs(3600),
        ..Config::default()
    };
    Shard::of(config, Full)
}

/// Lets time pass moment by moment, until shortly before, and until after, a request is late.
fn pass(shard: &mut Shard<()>, mut between: impl FnMut(&mut Shard<()>)) {
    let moments = u32::try_from(HANDSHAKE_TIMEOUT.as_millis() / MOMENT.as_millis()).unwrap();
    for _ in 0..moments - 2 {
        shard.wait(MOMENT);
    }
    between(shard);
    for _ in 0..4 {
        shard.wait(MOMENT);
    }
}

#[test]
fn a_request_waits_for_space_up_to_a_limit_and_its_page_may_read_the_reason() {
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (method, fields, body) in [
        ("GET", "", ""),
        ("GET", upgrade, ""),
        ("POST", "Content-Length: 1\r\n", "x"),
    ] {
        let mut shard = shard();
        let client = shard.connect();
        let head = format!("{method} /full HTTP/1.1\r\nHost: a\r\nOrigin: {ORIGIN}\r\n");
        shard.read(client, format!("{head}{fields}\r\n{body}"));
        let mut before = Vec::new();
        pass(&mut shard, |shard| before = shard.take(client));
        assert_eq!(before, b"", "{method} {fields}");
        let answer = String::from_utf8(shard.take(client)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 "), "{method}: {answer}");
        let says = |field: &str| answer.contains(&format!("\r\n{field}\r\n"));
        assert!(
            says("Retry-After: 1") && says("Connection: close"),
            "{answer}"
        );
        assert!(
            says(&format!("Access-Control-Allow-Origin: {ORIGIN}")),
            "{answer}"
        );
        let counters = shard.counters();
        assert_eq!(
            (counters.requests, counters.refused[status_index(503)]),
            (1, 1)
        );
        assert_eq!(counters.paused, 0);
    }
}

#[test]
fn an_opening_that_is_asked_for_again_and_again_counts_once() {
    let mut shard = shard();
    shard.core.limit_openings(Arc::new(Throttles {
        addresses: Rate::per_second(1).map(|rate| Throttle::new(rate, 16)),
        users: None,
    }));
    let client = shard.connect_from("192.0.2.1:1000".parse().ok());
    shard.read(
        client,
        "GET /full HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    let mut before = Vec::new();
    pass(&mut shard, |shard| before = shard.take(client));
    assert_eq!(before, b"");
    assert!(shard.take(client).starts_with(b"HTTP/1.1 503 "));
}

#[test]
fn an_event_source_that_is_refused_for_the_moment_is_told_when_to_come_back() {
    for (method, accept, is_postponed) in [
        ("GET", "text/event-stream", true),
        ("GET", "text/html, text/event-stream", true),
        ("GET", "*/*", false),
        ("POST", "text/event-stream", false),
    ] {
        let mut shard = shard();
        let client = shard.connect();
        let head = format!("{method} /full HTTP/1.1\r\nHost: a\r\nOrigin: {ORIGIN}\r\n");
        shard.read(client, format!("{head}Accept: {accept}\r\n\r\n"));
        pass(&mut shard, |_| {});
        let answer = String::from_utf8(shard.take(client)).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("\r\nAccess-Control-Allow-Origin: {ORIGIN}")),
            "{answer}"
        );
        // Operators see the refusal all the same.
        assert_eq!(shard.counters().refused[status_index(503)], 1);
        if !is_postponed {
            assert!(
                head.starts_with("HTTP/1.1 503 "),
                "{method} {accept}: {head}"
            );
            continue;
        }
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(
            head.contains("\r\nContent-Type: text/event-stream\r\n"),
            "{answer}"
        );
        let (retry, comment) = body.split_once('\n').unwrap();
        let millis = retry.strip_prefix("retry: ").unwrap().parse().unwrap();
        assert!(EVENTS_RETRY_REFUSED.contains(&Duration::from_millis(millis)));
        assert!(comment.starts_with(": 503 "), "{comment}");
        assert!(comment.ends_with("\n\n"), "an event without data");
    }
}

#[test]
fn the_wait_of_a_request_for_space_begins_when_its_question_is_over() {
    for path in ["/asks/full", "/asks/home"] {
        for is_answered in [true, false] {
            let mut shard = Shard::among(2, Config::default(), Full);
            let client = shard.connect();
            shard.read(client, format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
            shard.rest();
            for _ in 0..119 {
                shard.wait(MOMENT);
            }
            if is_answered {
                assert_eq!(shard.answer(), 1);
            }
            let mut before = Vec::new();
            pass(&mut shard, |shard| before = shard.take(client));
            assert_eq!(before, b"", "{path}");
            // An unanswered question ends a moment later.
            shard.wait(4 * MOMENT);
            let after = String::from_utf8(shard.take(client)).unwrap();
            assert!(after.starts_with("HTTP/1.1 503 "), "{path}: {after}");
        }
    }
}

#[test]
fn a_tcp_connection_waits_to_open_as_long_as_a_request() {
    let mut shard = shard();
    shard.connect_tcp("full");
    let mut before = 0;
    pass(&mut shard, |shard| before = shard.counters().paused);
    let late = CloseReason::HandshakeTimeout.index();
    assert_eq!((before, shard.counters().closed[late]), (1, 1));
}

#[test]
fn a_message_waits_for_space_without_a_limit() {
    let mut shard = shard();
    let client = shard.upgrade("/room", "");
    shard.read(client, frame(0x81, b"full"));
    pass(&mut shard, |_| {});
    pass(&mut shard, |_| {});
    let counters = shard.counters();
    assert_eq!(
        (counters.paused, counters.closed.iter().sum::<u64>()),
        (1, 0)
    );
    assert!(100 < counters.pauses, "it was offered now and then");
}
