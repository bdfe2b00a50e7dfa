//! Users over real sockets: what threads ask of a server about the connections of one.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;

use corecast::{
    CloseReason, Config, ConnectionInfo, Cx, Disconnect, Framing, Halt, Handler, Kind, Message,
    Opening, Refusal, Request, Selection, UserError,
};

use crate::support::framed::Framed;
use crate::support::http::read_head;
use crate::support::raw_ws::{CLOSE, FIN, RawWs, TEXT};
use crate::support::server::{Running, builder};
use crate::support::socket::{dial, read_to_the_end};
use crate::support::wait::wait_until;

/// All connections are ann's, and subscribe to one topic.
struct App;

impl Handler for App {
    type Conn = ();
    type Answer = ();

    fn on_open(&mut self, cx: &mut Cx<'_, ()>, _: &Opening<'_>) -> Result<(), Refusal> {
        cx.set_user("ann")?;
        Ok(cx.subscribe("news")?)
    }

    fn on_message(&mut self, _: &mut Cx<'_, ()>, _: Message<'_>) -> Result<(), Halt> {
        Ok(())
    }

    fn wants_events(&mut self, request: &Request<'_>) -> bool {
        request.path == "/events"
    }
}

/// One connection over each protocol.
struct Clients {
    websocket: RawWs,
    events: TcpStream,
    tcp: Framed,
}

impl Clients {
    fn connect(server: &Running) -> Self {
        let websocket = RawWs::connect(server.http(), "/");
        let mut events = dial(server.http());
        let request = "GET /events HTTP/1.0\r\nHost: a\r\n\r\n";
        events.write_all(request.as_bytes()).unwrap();
        assert_eq!(read_head(&mut events).status, 200);
        Self {
            websocket,
            events,
            tcp: Framed::connect(server.tcp(), Framing::LengthPrefix),
        }
    }
}

fn list(server: &Running, user: &str) -> Vec<ConnectionInfo> {
    let (sender, receiver) = mpsc::channel();
    let reply = move |list| sender.send(list).unwrap();
    server.handle().connections_of(user, reply).unwrap();
    receiver.recv().unwrap()
}

fn read_until(stream: &mut TcpStream, end: &[u8]) {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
}

#[test]
fn the_connections_of_a_user_are_listed_with_what_they_are() {
    let server = Running::with(builder(2), |_| App);
    let mut clients = Clients::connect(&server);
    clients.websocket.send(FIN | TEXT, b"hello");
    wait_until("it came", || server.counters().messages_in == 1);
    let list_of = |protocol: &str| {
        let mut list = list(&server, "ann");
        assert_eq!(list.len(), 3);
        list.retain(|info| info.protocol == protocol);
        assert_eq!(list.len(), 1);
        list.remove(0)
    };
    let [websocket, events, tcp] = ["websocket", "sse", "tcp"].map(list_of);
    assert_eq!(websocket.messages_in, 1);
    for info in [&websocket, &events, &tcp] {
        assert_eq!(info.user, "ann");
        assert!(info.addr.is_some_and(|addr| addr.ip().is_loopback()));
        assert_eq!(info.topics.len(), 1);
        assert_eq!(info.topics[0].name(), "news");
        assert!(1_700_000_000 < info.since, "{info:?}");
        assert_eq!(info.id.to_string().parse(), Ok(info.id));
        assert!(info.bytes_out.is_some_and(|bytes| 4 <= bytes), "{info:?}");
    }
    let came = |info: &ConnectionInfo| info.bytes_in.unwrap();
    assert!(came(&websocket) > 100 && came(&events) > 30 && came(&tcp) == 0);
    assert_eq!(websocket.listener, Some(server.http().to_string()));
    assert_eq!(tcp.listener, Some(server.tcp().to_string()));
    assert!(list(&server, "bob").is_empty());
}

#[test]
fn a_user_is_sent_to_and_disconnected_over_every_protocol() {
    let server = Running::with(builder(2), |_| App);
    let mut clients = Clients::connect(&server);
    for text in ["one", "two"] {
        let sent = server
            .handle()
            .send_to_user("ann", Kind::Text, text.as_bytes());
        assert_eq!(sent, Ok(()));
    }
    assert_eq!(clients.websocket.next(), (FIN | TEXT, b"one".to_vec()));
    assert_eq!(clients.websocket.next(), (FIN | TEXT, b"two".to_vec()));
    read_until(&mut clients.events, b"data: one\n\ndata: two\n\n");
    assert_eq!(clients.tcp.next(), b"one");
    assert_eq!(clients.tcp.next(), b"two");

    let keep = list(&server, "ann").into_iter();
    let keep = keep
        .filter(|info| info.protocol == "tcp")
        .map(|info| info.id);
    let which = Selection::AllBut(keep.collect());
    let disconnect = Disconnect::new(4001, "go away").unwrap();
    server
        .handle()
        .disconnect_user("ann", which, disconnect)
        .unwrap();
    let word = [&4001_u16.to_be_bytes()[..], b"go away"].concat();
    assert_eq!(clients.websocket.next(), (FIN | CLOSE, word));
    assert_eq!(read_to_the_end(&mut clients.events), b"");
    server
        .handle()
        .send_to_user("ann", Kind::Text, b"still here")
        .unwrap();
    assert_eq!(clients.tcp.next(), b"still here");
    server
        .handle()
        .refresh_user("ann", Selection::All, 1)
        .unwrap();
    assert_eq!(clients.tcp.next_or_end(), None);
    let closed = |reason: CloseReason| server.counters().closed[reason.index()];
    wait_until("counted", || closed(CloseReason::Expired) == 1);
    assert_eq!(closed(CloseReason::Disconnected), 2);
    wait_until("all gone", || list(&server, "ann").is_empty());
}

#[test]
fn calls_about_users_that_cannot_be_right_are_errors() {
    let server = Running::with(builder(1), |_| App);
    let handle = server.handle();
    let long = "x".repeat(256);
    for user in ["", &long] {
        let refreshed = handle.refresh_user(user, Selection::All, 1);
        assert_eq!(refreshed, Err(UserError::Name));
    }
    let sent = handle.send_to_user("ann", Kind::Text, b"\xff");
    assert_eq!(sent, Err(UserError::Message));
    for (code, reason) in [(1000, ""), (2999, ""), (5000, ""), (3000, &long[..124])] {
        assert_eq!(Disconnect::new(code, reason), Err(UserError::Disconnect));
    }
    assert_eq!(Disconnect::default().code(), 3503);
    handle.drain();
    wait_until("it drains", || !handle.is_serving());
    let sent = handle.send_to_user("ann", Kind::Text, b"late");
    assert_eq!(sent, Err(UserError::Stopped));
}

#[test]
fn one_more_connection_of_a_user_closes_the_oldest_whatever_it_speaks() {
    let config = Config {
        connections_per_user_max: Some(3),
        ..Config::default()
    };
    let server = Running::with(builder(2).config(config), |_| App);
    let mut clients = Clients::connect(&server);
    let _fourth = RawWs::connect(server.http(), "/");
    let word = [&3504_u16.to_be_bytes()[..], b"connection limit"].concat();
    assert_eq!(clients.websocket.next(), (FIN | CLOSE, word));
    let _fifth = RawWs::connect(server.http(), "/");
    read_to_the_end(&mut clients.events);
    let _sixth = RawWs::connect(server.http(), "/");
    assert_eq!(clients.tcp.next_or_end(), None);
    assert_eq!(list(&server, "ann").len(), 3);
    let closed = || server.counters().closed[CloseReason::UserLimit.index()];
    wait_until("counted", || closed() == 3);
}
