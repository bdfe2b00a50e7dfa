//! What a client sends and gets, from one thread and from several.

use std::thread;

use corecast::Kind;
use corecast::client::{Event, Reason, RecvError, SendError, TimeoutKind};

use crate::client::{check_order, greeted, message, next, reason, tcp, to, ws};
use crate::support::server::{Running, builder};
use crate::support::wait::{in_a_while, now, wait_until};
use crate::support::ws::Ws;

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
    // Over TCP a server notices when it sends the next time.
    wait_until("it is gone", || server.counters().connections == 1);
    assert_eq!(device.close(in_a_while()), Ok(()));
}

#[test]
fn many_messages_arrive_in_their_order() {
    const MESSAGES: u32 = 20_000;
    let server = Running::start(builder(2));
    let mut from = ws(server.http(), "/pub/lobby");
    let at = tcp(server.tcp());
    check_order(&mut from, at, MESSAGES);
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
        matches!(
            why,
            Reason::Resolve(_) | Reason::Timeout(TimeoutKind::Connect)
        ),
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
