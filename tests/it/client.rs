//! The client of this package over real sockets: with its own server, and with servers that are
//! silent, gone, or something else.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use corecast::client::{
    Client, ClientBuilder, CloseError, Event, Late, Reason, RecvError, SendError,
};
use corecast::{Config, Kind, Relay, Server};

use crate::support::length_prefix::LengthPrefix;
use crate::support::server::{ANY, Running, builder};
use crate::support::socket::dial;
use crate::support::wait::{in_a_while, now, wait_until};
use crate::support::ws::Ws;

const SHORT: Duration = Duration::from_millis(20);

fn to(url: &str) -> ClientBuilder {
    Client::builder(url).unwrap().backoff(SHORT, SHORT)
}

fn ws(addr: SocketAddr, path: &str) -> Client {
    greeted(to(&format!("ws://{addr}{path}")))
}

fn tcp(addr: SocketAddr) -> Client {
    greeted(to(&format!("tcp://{addr}")))
}

fn greeted(builder: ClientBuilder) -> Client {
    let mut client = builder.connect().unwrap();
    match next(&mut client) {
        Event::Connected { attempts: 1, .. } => client,
        other => panic!("not connected: {other:?}"),
    }
}

fn next(client: &mut Client) -> Event {
    client.recv(in_a_while()).expect("an event")
}

fn message(client: &mut Client) -> (Kind, Vec<u8>) {
    match next(client) {
        Event::Message { kind, payload } => (kind, payload),
        other => panic!("not a message: {other:?}"),
    }
}

/// Why it is not connected, which must be next.
fn reason(client: &mut Client) -> (Reason, Option<Duration>) {
    match next(client) {
        Event::Disconnected { reason, retry_in } => (reason, retry_in),
        other => panic!("not disconnected: {other:?}"),
    }
}

#[test]
fn both_protocols_carry_both_kinds_and_large_messages() {
    let server = Running::start(builder(2));
    let mut web = ws(server.http(), "/ws/lobby");
    let mut device = tcp(server.tcp());
    let large: Vec<u8> = (0..=u8::MAX).cycle().take(1 << 20).collect();
    for (kind, payload) in [
        (Kind::Text, "grüße".as_bytes()),
        (Kind::Binary, b"\xff"),
        (Kind::Binary, &large),
    ] {
        web.send(kind, payload, in_a_while()).unwrap();
        assert_eq!(message(&mut web), (kind, payload.to_vec()));
        assert_eq!(message(&mut device), (Kind::Binary, payload.to_vec()));
        device.send(kind, payload, in_a_while()).unwrap();
        assert_eq!(message(&mut web), (Kind::Binary, payload.to_vec()));
        assert_eq!(message(&mut device), (Kind::Binary, payload.to_vec()));
    }
    web.send(Kind::Binary, b"", in_a_while()).unwrap();
    assert_eq!(message(&mut web), (Kind::Binary, Vec::new()));
    assert_eq!(
        device.send(Kind::Binary, b"", in_a_while()),
        Err(SendError::Empty)
    );
    for client in [&mut web, &mut device] {
        assert_eq!(
            client.send(Kind::Text, b"\xff", in_a_while()),
            Err(SendError::NotText)
        );
        let too_big = vec![0; large.len() + 1];
        assert_eq!(
            client.send(Kind::Binary, &too_big, in_a_while()),
            Err(SendError::TooBig)
        );
        assert!(matches!(client.recv(now()), Err(RecvError::Timeout)));
    }
    assert_eq!(web.close(in_a_while()), Ok(()));
    assert_eq!(device.close(in_a_while()), Ok(()));
    wait_until("both are gone", || server.counters().connections == 0);
}

#[test]
fn many_messages_arrive_in_their_order() {
    const MESSAGES: u32 = 20_000;
    let server = Running::start(builder(2));
    let mut from = ws(server.http(), "/pub/lobby");
    let mut at = tcp(server.tcp());
    let receiver = thread::spawn(move || {
        for n in 0..MESSAGES {
            assert_eq!(message(&mut at).1, n.to_be_bytes());
        }
    });
    for n in 0..MESSAGES {
        let payload = n.to_be_bytes();
        from.send(Kind::Binary, &payload, in_a_while()).unwrap();
    }
    receiver.join().unwrap();
}

#[test]
fn other_threads_send_while_one_waits() {
    const EACH: u32 = 2_000;
    let server = Running::start(builder(1));
    let mut client = ws(server.http(), "/echo");
    let senders: Vec<_> = (0..3_u32)
        .map(|thread| {
            let sender = client.sender();
            thread::spawn(move || {
                for n in 0..EACH {
                    let payload = [thread.to_be_bytes(), n.to_be_bytes()].concat();
                    wait_until("there is room", || {
                        match sender.send(Kind::Binary, payload.clone()) {
                            Ok(()) => true,
                            Err(SendError::Busy) => false,
                            Err(other) => panic!("{other}"),
                        }
                    });
                }
            })
        })
        .collect();
    let mut nexts = [0_u32; 3];
    for _ in 0..3 * EACH {
        let (_, payload) = message(&mut client);
        let (thread, n) = payload.split_at(4);
        let thread = u32::from_be_bytes(thread.try_into().unwrap()) as usize;
        assert_eq!(n, nexts[thread].to_be_bytes());
        nexts[thread] += 1;
    }
    for sender in senders {
        sender.join().unwrap();
    }
    let sender = client.sender();
    drop(client);
    assert_eq!(sender.send(Kind::Text, "x"), Err(SendError::Ended));
}

#[test]
fn a_queue_is_bounded_and_waits_for_a_connection() {
    let server = Running::start(builder(1));
    let mut sub = Ws::connect(server.http(), "/sub/room");
    let url = format!("ws://{}/pub/room", server.http());
    let client = to(&url).connect().unwrap();
    let sender = client.sender();
    let mut taken = 0_u32;
    while sender.send(Kind::Binary, taken.to_be_bytes()) == Ok(()) {
        taken += 1;
        assert!(taken < 1_000_000, "a queue without bounds");
    }
    assert!(0 < taken);
    assert_eq!(client.close(in_a_while()), Ok(()), "it sends them first");
    for n in 0..taken {
        assert_eq!(sub.next_payload(), n.to_be_bytes());
    }
}

#[test]
fn it_comes_back_to_another_server_on_the_same_address() {
    let server = Running::start(builder(2));
    let (http, tcp_addr) = (server.http(), server.tcp());
    let mut clients = [ws(http, "/ws/lobby"), tcp(tcp_addr)];
    drop(server);
    for client in &mut clients {
        let (why, retry_in) = reason(client);
        assert!(retry_in.is_some(), "{why}");
    }
    // Their attempts meanwhile must not keep the port busy.
    let mut another = None;
    wait_until("the ports are free", || {
        let server = Server::builder().shards(2).pin(false);
        let server = server.http(http).tcp(tcp_addr, "lobby");
        another = server.start(|_| Relay).ok();
        another.is_some()
    });
    let another = another.expect("it has started");
    for client in &mut clients {
        let attempts = loop {
            match next(client) {
                Event::Connected { attempts, .. } => break attempts,
                Event::Disconnected { retry_in, .. } => assert!(retry_in.is_some()),
                other => panic!("{other:?}"),
            }
        };
        assert!(1 <= attempts);
    }
    let [web, device] = &mut clients;
    web.send(Kind::Text, b"again", in_a_while()).unwrap();
    assert_eq!(message(device).1, b"again");
    another.handle().stop();
    another.join().unwrap();
}

#[test]
fn a_drained_server_says_so() {
    let server = Running::start(builder(1));
    let mut client = ws(server.http(), "/ws");
    server.handle().drain();
    let (why, retry_in) = reason(&mut client);
    assert!(
        matches!(
            why,
            Reason::Closed {
                code: Some(1001),
                ..
            }
        ),
        "{why}"
    );
    assert!(retry_in.is_some());
    assert!(why.to_string().contains("server shuts down"), "{why}");
    server.join();
}

#[test]
fn what_would_be_refused_again_is_the_end() {
    let server = Running::start(builder(1));
    let mut client = to(&format!("ws://{}/nowhere", server.http()))
        .connect()
        .unwrap();
    let (why, retry_in) = reason(&mut client);
    match why {
        Reason::Refused { status: 404, body } => assert!(body.starts_with(b"not found")),
        other => panic!("{other}"),
    }
    assert_eq!(retry_in, None);
    assert!(matches!(client.recv(in_a_while()), Err(RecvError::Ended)));
    let send = client.send(Kind::Text, b"x", in_a_while());
    assert_eq!(send, Err(SendError::Ended));
    assert_eq!(client.sender().send(Kind::Text, "x"), Err(SendError::Ended));
    assert_eq!(client.close(in_a_while()), Err(CloseError::Disconnected));

    let mut client = ws(server.http(), "/sub/room");
    client.send(Kind::Text, b"not here", in_a_while()).unwrap();
    let (why, retry_in) = reason(&mut client);
    assert!(
        matches!(
            why,
            Reason::Closed {
                code: Some(1008),
                ..
            }
        ),
        "{why}"
    );
    assert_eq!(retry_in, None);
}

#[test]
fn one_try_is_one_try() {
    // Bound and not listening: nobody else's, and refused.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&ANY.into()).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    let mut client = to(&format!("tcp://{addr}"))
        .reconnect(false)
        .connect()
        .unwrap();
    let (why, retry_in) = reason(&mut client);
    assert!(matches!(why, Reason::Connect(_)), "{why}");
    assert_eq!(retry_in, None);
    assert!(matches!(client.recv(in_a_while()), Err(RecvError::Ended)));
    let mut client = to(&format!("tcp://{addr}")).connect().unwrap();
    let sent = client.send(Kind::Text, b"x", now() + 5 * SHORT);
    assert_eq!(sent, Err(SendError::Timeout));
}

#[test]
fn names_and_both_families_are_connected_to() {
    let v6 = "[::1]:0".parse().unwrap();
    let server = Running::start(builder(1).http(v6));
    let v6 = *server.http_addrs().last().unwrap();
    let mut clients = [
        greeted(to(&format!(
            "ws://localhost:{}/ws/lobby",
            server.http().port()
        ))),
        ws(v6, "/ws/lobby"),
        greeted(to(&format!("tcp://localhost:{}", server.tcp().port()))),
    ];
    for n in 0..clients.len() {
        clients[n].send(Kind::Text, b"here", in_a_while()).unwrap();
        for client in &mut clients {
            assert_eq!(message(client).1, b"here");
        }
    }
    let unknown = "ws://no-such-host.invalid/";
    let mut client = to(unknown).reconnect(false).connect().unwrap();
    let (why, _) = reason(&mut client);
    assert!(
        matches!(why, Reason::Resolve(_) | Reason::Timeout(Late::Connect)),
        "{why}"
    );
}

#[test]
fn the_first_subprotocol_is_agreed_on_and_headers_arrive() {
    let server = Running::start(builder(1));
    let url = format!("ws://{}/ws", server.http());
    let client = to(&url)
        .protocol("b.v2")
        .protocol("a.v1")
        .header("X-Id", "7");
    let mut client = client.connect().unwrap();
    match next(&mut client) {
        Event::Connected { protocol, .. } => assert_eq!(protocol.as_deref(), Some("b.v2")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pings_of_the_server_are_answered_while_it_waits() {
    let server = Running::start(builder(1).config(Config {
        ping_interval: Duration::from_millis(50),
        ..Config::default()
    }));
    let mut client = ws(server.http(), "/ws/lobby");
    wait_until("it was pinged often", || {
        match client.recv(now() + SHORT) {
            Err(RecvError::Timeout) => {}
            other => panic!("{other:?}"),
        }
        5 < server.counters().pings
    });
    assert!(client.is_connected());
}

#[test]
fn silence_over_tcp_is_late_if_said_so_and_heartbeats_keep_a_server_patient() {
    let server = Running::start(builder(1).config(Config {
        tcp_idle_timeout: Some(Duration::from_millis(300)),
        ..Config::default()
    }));
    let url = format!("tcp://{}", server.tcp());
    let mut client = greeted(to(&url).idle_timeout(Duration::from_millis(50)));
    let (why, retry_in) = reason(&mut client);
    assert!(matches!(why, Reason::Timeout(Late::Idle)), "{why}");
    assert!(retry_in.is_some());
    assert!(matches!(next(&mut client), Event::Connected { .. }));

    // A busy machine may keep it from its heartbeats: then it tries again.
    let patience = Duration::from_secs(1);
    wait_until("it stays for longer than the server's patience", || {
        let mut client = greeted(to(&url).keepalive(SHORT, in_a_while() - now()));
        matches!(client.recv(now() + patience), Err(RecvError::Timeout))
    });
}

/// A server that takes a request for WebSocket, grants it or not, and says nothing more.
fn silent_server(grants: bool) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind(ANY).unwrap();
    let addr = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut stream = if grants {
            tungstenite::accept(stream)
                .unwrap()
                .get_ref()
                .try_clone()
                .unwrap()
        } else {
            stream
        };
        // To the end, which is the client's.
        let mut all = Vec::new();
        let _ended = stream.read_to_end(&mut all);
    });
    (addr, server)
}

#[test]
fn a_server_that_gives_no_sign_of_life_is_given_up() {
    for (grants, expected) in [(true, Late::Pong), (false, Late::Handshake)] {
        let (addr, server) = silent_server(grants);
        let client = to(&format!("ws://{addr}/"))
            .reconnect(false)
            .handshake_timeout(if grants { in_a_while() - now() } else { SHORT })
            .keepalive(SHORT, SHORT);
        let mut client = client.connect().unwrap();
        let (why, _) = loop {
            match next(&mut client) {
                Event::Connected { .. } => assert!(grants),
                Event::Disconnected { reason, retry_in } => break (reason, retry_in),
                other => panic!("{other:?}"),
            }
        };
        assert!(
            matches!(why, Reason::Timeout(late) if late == expected),
            "{why}"
        );
        drop(client);
        server.join().unwrap();
    }
}

#[test]
fn a_message_that_the_server_does_not_take_is_late_and_not_lost_in_silence() {
    let listener = TcpListener::bind(ANY).unwrap();
    let addr = listener.local_addr().unwrap();
    let client = to(&format!("tcp://{addr}")).reconnect(false);
    let mut client = client.message_bytes_max(64 << 20).connect().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&[0; 4]).unwrap();
        stream
    });
    assert!(matches!(next(&mut client), Event::Connected { .. }));
    let stream = server.join().unwrap();
    let large = vec![0; 32 << 20];
    let begun = client.send(Kind::Binary, &large, now() + SHORT);
    assert_eq!(begun, Ok(()), "begun, and the rest waits");
    let next_one = client.send(Kind::Binary, b"x", now() + SHORT);
    assert_eq!(next_one, Err(SendError::Timeout), "there is no room");
    drop(stream);
    let after = client.send(Kind::Binary, b"x", in_a_while());
    assert_eq!(after, Err(SendError::Ended));
    let (why, _) = reason(&mut client);
    assert!(
        matches!(why, Reason::Lost(_) | Reason::EndOfStream),
        "{why}"
    );
}

#[test]
fn it_does_not_take_the_wrong_port_for_the_right_one() {
    let server = Running::start(builder(1));
    let web = to(&format!("ws://{}/ws", server.tcp())).reconnect(false);
    let (why, _) = reason(&mut web.connect().unwrap());
    assert!(
        matches!(why, Reason::Handshake(_) | Reason::EndOfStream),
        "{why}"
    );
    let device = to(&format!("tcp://{}", server.http()))
        .reconnect(false)
        .handshake_timeout(10 * SHORT);
    let (why, _) = reason(&mut device.connect().unwrap());
    assert!(matches!(why, Reason::Timeout(Late::Handshake)), "{why}");
    // Both ports serve on.
    assert!(
        LengthPrefix::greeted(dial(server.tcp()))
            .into_stream()
            .peer_addr()
            .is_ok()
    );
}
