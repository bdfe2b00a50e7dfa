//! HTTP over real sockets and several shards; `tests/turns/http` has every cut and limit.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use corecast::{Kind, Relay, RelaySettings};

use crate::support::http::{read_answer, read_head};
use crate::support::length_prefix::LengthPrefix;
use crate::support::server::{Running, builder};
use crate::support::socket::dial;
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

const SHARDS: usize = 3;
const KEY: &str = "a key";

fn start() -> Running {
    let relay = Relay::new(RelaySettings::default().with_api_key(KEY));
    Running::with(builder(SHARDS), move |_| relay.clone())
}

/// The stream of a subscriber.
struct Events(TcpStream);

impl Events {
    /// The next event, which is a chunk.
    fn next(&mut self) -> String {
        let mut line = String::new();
        while !line.ends_with("\r\n") {
            line.push(char::from(self.read(1)[0]));
        }
        let len = usize::from_str_radix(line.trim_end(), 16).unwrap();
        let chunk = self.read(len + 2);
        let event = chunk.strip_suffix(b"\r\n").expect("a chunk ends");
        String::from_utf8(event.to_vec()).unwrap()
    }

    fn read(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }
}

/// A subscriber that has read the head of its stream.
fn stream(server: &Running, topic: &str) -> Events {
    let mut stream = dial(server.http());
    let request = format!("GET /sse/{topic} HTTP/1.1\r\nHost: test\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let head = read_head(&mut stream);
    assert_eq!(head.status, 200, "{head:?}");
    assert_eq!(head.field("content-type"), Some("text/event-stream"));
    assert_eq!(head.field("transfer-encoding"), Some("chunked"));
    assert!(
        head.field("date")
            .is_some_and(|date| date.ends_with(" GMT"))
    );
    let mut events = Events(stream);
    let first = events.next();
    assert!(first.starts_with(":\nretry: "), "{first}");
    events
}

/// The next events are these.
fn expect<const N: usize>(events: &mut Events, expected: [&str; N]) {
    assert_eq!([(); N].map(|()| events.next()), expected);
}

fn publish(body: &str) -> Vec<u8> {
    let len = body.len();
    format!(
        "POST /api/publish HTTP/1.1\r\nHost: test\r\nX-API-Key: {KEY}\r\n\
         Content-Length: {len}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[test]
fn subscribers_of_every_protocol_get_what_is_published_over_every_other() {
    let server = start();
    let mut events: Vec<Events> = (0..2 * SHARDS).map(|_| stream(&server, "lobby")).collect();
    let mut ws = Ws::connect(server.http(), "/ws/lobby");
    let mut tcp = LengthPrefix::connect(server.tcp());
    ws.send_text("one\ntwo");
    ws.send_binary(b"\0\xff");
    tcp.send(b"device");
    let mut api = dial(server.http());
    api.write_all(&publish(r#"{"channel":"lobby","data":{"a":1}}"#))
        .unwrap();
    assert_eq!(read_answer(&mut api).body, r#"{"result":{}}"#);
    // Publishers differ, so all four may have any order; it is the same for all.
    let mut orders = events.iter_mut().map(|stream| {
        let events: Vec<String> = (0..4).map(|_| stream.next()).collect();
        events
    });
    let first = orders.next().unwrap();
    for event in [
        "data: one\ndata: two\n\n",
        "event: binary\ndata: AP8=\n\n",
        "event: binary\ndata: ZGV2aWNl\n\n",
        "data: {\"a\":1}\n\n",
    ] {
        assert!(first.iter().any(|got| got == event), "{event:?}: {first:?}");
    }
    assert!(orders.all(|order| order == first));
}

#[test]
fn messages_keep_their_order_and_a_stream_ends_with_its_client() {
    let server = start();
    let mut events = stream(&server, "news");
    for number in 0..500 {
        server.publish("news", Kind::Text, number.to_string().as_bytes());
    }
    for number in 0..500 {
        expect(&mut events, [&format!("data: {number}\n\n")]);
    }
    drop(events);
    wait_until("the stream is gone", || server.counters().connections == 0);
}

#[test]
fn a_key_counts_on_whichever_shard_it_comes() {
    let server = start();
    let mut events = stream(&server, "news");
    // The kernel spreads them over the shards.
    let mut apis = [(); 8].map(|()| dial(server.http()));
    let mut publish_by_all = |body: &str| {
        for api in &mut apis {
            api.write_all(&publish(body)).unwrap();
            assert_eq!(read_answer(api).body, r#"{"result":{}}"#);
        }
    };
    for number in 0..4 {
        publish_by_all(&format!(
            r#"{{"channel":"news","data":{number},"idempotency_key":"k{number}"}}"#
        ));
        expect(&mut events, [&*format!("data: {number}\n\n")]);
    }
    // Behind all that each connection has published.
    publish_by_all(r#"{"channel":"news","data":"end"}"#);
    expect(&mut events, ["data: \"end\"\n\n"; 8]);
}

#[test]
fn a_broadcast_of_many_is_complete_and_each_message_is_published_once() {
    let server = start();
    let mut watchers: Vec<Events> = [0, 1_499, 2_999]
        .map(|n| stream(&server, &format!("c{n}")))
        .into();
    let channels: Vec<String> = (0..3_000).map(|n| format!("\"c{n}\"")).collect();
    let body = format!(r#"{{"channels":[{}],"data":1}}"#, channels.join(","));
    let request = publish(&body);
    let request = String::from_utf8(request).unwrap();
    let mut api = dial(server.http());
    api.write_all(request.replace("/api/publish", "/api/broadcast").as_bytes())
        .unwrap();
    let answer = read_answer(&mut api);
    assert_eq!(answer.body.matches(r#"{"result":{}}"#).count(), 3_000);
    // By the same connection: only the messages of one publisher have an order among them.
    for n in [0, 1_499, 2_999] {
        let body = format!(r#"{{"channel":"c{n}","data":2}}"#);
        api.write_all(&publish(&body)).unwrap();
        assert_eq!(read_answer(&mut api).body, r#"{"result":{}}"#);
    }
    for watcher in &mut watchers {
        expect(watcher, ["data: 1\n\n", "data: 2\n\n"]);
    }
}

#[test]
fn a_text_that_is_all_line_ends_arrives_though_its_event_is_larger_than_a_log() {
    let server = start();
    let mut events = stream(&server, "news");
    let len = 200_000;
    server.publish("news", Kind::Text, &vec![b'\n'; len]);
    expect(&mut events, [&*("data: \n".repeat(len + 1) + "\n")]);
}

#[test]
fn the_date_of_an_answer_is_that_of_the_clock_and_goes_on() {
    let server = start();
    let mut stream = dial(server.http());
    let mut ask = || {
        let second = || {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_secs()
        };
        let before = second();
        let request = b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n";
        stream.write_all(request).unwrap();
        let answer = read_answer(&mut stream);
        let date = httpdate::parse_http_date(answer.field("date").unwrap()).unwrap();
        let date = date.duration_since(UNIX_EPOCH).unwrap().as_secs();
        // The clock of turns is another one than that of dates.
        assert!(
            (before - 2..=second() + 2).contains(&date),
            "{before} {date}"
        );
        date
    };
    let first = ask();
    wait_until("two seconds later", || first + 2 <= ask());
}
