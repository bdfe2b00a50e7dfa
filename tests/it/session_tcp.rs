//! The structured protocol over TCP, with the codec of a client that is made by hand.

use corecast::{Config, Framing, Listener, SessionFormat};
use serde_json::{Value, json};

use crate::support::framed::Framed;
use crate::support::server::{ANY, Running, builder};
use crate::support::socket::dial;
use crate::support::ws::Ws;

fn server(format: SessionFormat) -> Running {
    Running::start(builder(3).listen(Listener::session(ANY, format)))
}

/// A client whose lines are commands.
struct Client(Framed);

impl Client {
    fn connect(server: &Running) -> Self {
        let mut client = Self(Framed::over(dial(server.tcp_addrs()[1]), Framing::Line));
        client.say(&json!({"id": 1, "connect": {}}));
        let told = client.next();
        assert!(told["connect"]["client"].is_string(), "{told}");
        client
    }

    fn say(&mut self, command: &Value) {
        self.0.send(command.to_string().as_bytes());
    }

    fn next(&mut self) -> Value {
        serde_json::from_slice(&self.0.next()).unwrap()
    }
}

#[test]
fn clients_over_tcp_and_websocket_hear_each_other() {
    let server = server(SessionFormat::Json);
    let mut clients: Vec<Client> = (0..6).map(|_| Client::connect(&server)).collect();
    for client in &mut clients {
        client.say(&json!({"id": 2, "subscribe": {"channel": "news"}}));
        assert_eq!(client.next(), json!({"id": 2, "subscribe": {}}));
    }
    let mut ws = Ws::connect(server.http(), "/ws/news");
    ws.send_text(r#"{"from":"ws"}"#);
    for client in &mut clients {
        let push = client.next();
        assert_eq!(push["push"]["pub"], json!({"data": {"from": "ws"}}));
    }
    clients[0].say(&json!({"id": 3, "publish": {"channel": "news", "data": "tcp"}}));
    for client in &mut clients[1..] {
        assert_eq!(client.next()["push"]["pub"]["data"], "tcp");
    }
    assert_eq!(ws.next_text(), r#"{"from":"ws"}"#);
    assert_eq!(ws.next_text(), r#""tcp""#);
}

#[test]
fn protobuf_comes_back_byte_for_byte() {
    let server = server(SessionFormat::Protobuf);
    let mut client = Framed::over(dial(server.tcp_addrs()[1]), Framing::Varint);
    client.send(&[8, 1, 0x22, 0]);
    assert_eq!(client.next()[..3], [8, 1, 0x2a]);
    // Subscribe to `n`.
    client.send(&[8, 2, 0x2a, 3, 0x0a, 1, b'n']);
    assert_eq!(client.next(), [8, 2, 0x32, 0]);
    server.publish("n", corecast::Kind::Binary, &[0xff, b'\n']);
    let publication = [0x22, 4, 0x22, 2, 0xff, b'\n'];
    let push = [&[0x22, 9, 0x12, 1, b'n'], &publication[..]].concat();
    assert_eq!(client.next(), push);
}

#[test]
fn a_drain_says_why_before_it_closes() {
    let server = server(SessionFormat::Json);
    let mut client = Client::connect(&server);
    server.handle().drain();
    let disconnect = json!({"push": {"disconnect": {"code": 3001, "reason": "shutdown"}}});
    assert_eq!(client.next(), disconnect);
    assert_eq!(client.0.next_or_end(), None);
}

#[test]
fn a_client_that_writes_and_closes_its_side_is_heard_and_answered() {
    let server = server(SessionFormat::Json);
    let mut listener = Client::connect(&server);
    listener.say(&json!({"id": 2, "subscribe": {"channel": "news"}}));
    listener.next();
    let mut client = Client::connect(&server);
    client.say(&json!({"id": 2, "publish": {"channel": "news", "data": 1}}));
    let stream = client.0.into_stream();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut client = Client(Framed::over(stream, Framing::Line));
    assert_eq!(client.next(), json!({"id": 2, "publish": {}}));
    client.next();
    assert_eq!(client.0.next_or_end(), None);
    assert_eq!(listener.next()["push"]["pub"]["data"], 1);
}

#[test]
fn a_client_beyond_the_limit_is_closed() {
    let config = Config {
        connections_per_address_max: Some(1),
        ..Config::default()
    };
    let listener = Listener::session(ANY, SessionFormat::Json);
    let server = Running::start(builder(1).config(config).listen(listener));
    let _first = Client::connect(&server);
    let mut second = Framed::over(dial(server.tcp_addrs()[1]), Framing::Line);
    assert_eq!(second.next_or_end(), None);
}
