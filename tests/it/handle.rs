//! Publishing from threads that are no shards: order, refusals, waiting for room.

use std::thread;
use std::time::Duration;

use corecast::{Cx, Halt, Handler, Kind, Message, Opening, PublishError, Refusal, Relay};
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::support::length_prefix::LengthPrefix;
use crate::support::server::{Running, builder, try_with};
use crate::support::wait::{in_a_while, now};
use crate::support::ws::Ws;

#[test]
fn threads_publish_through_the_handle_each_in_its_order() {
    const THREADS: u32 = 4;
    const EACH: u32 = 5_000;
    let server = Running::start(builder(3));
    let mut ws = Ws::connect(server.http(), "/sub/lobby");
    let mut tcp = LengthPrefix::connect(server.tcp());
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let server = &server;
            scope.spawn(move || {
                for n in 0..EACH {
                    let payload = [thread.to_be_bytes(), n.to_be_bytes()].concat();
                    server.publish("lobby", Kind::Binary, &payload);
                }
            });
        }
        let mut next = [0_u32; THREADS as usize];
        for _ in 0..THREADS * EACH {
            let payload = ws.next_payload();
            assert_eq!(tcp.next(), payload, "one order for all");
            let (thread, n) = payload.split_at(4);
            let thread = u32::from_be_bytes(thread.try_into().unwrap()) as usize;
            assert_eq!(n, next[thread].to_be_bytes(), "thread {thread}");
            next[thread] += 1;
        }
    });
}

#[test]
fn a_handle_refuses_what_no_topic_takes() {
    let server = Running::start(builder(1));
    let publish = |topic: &str, kind, payload: &[u8]| server.handle().publish(topic, kind, payload);
    let long = "x".repeat(256);
    assert_eq!(publish("", Kind::Text, b""), Err(PublishError::TopicName));
    assert_eq!(
        publish(&long, Kind::Text, b""),
        Err(PublishError::TopicName)
    );
    assert_eq!(
        publish("t", Kind::Text, b"\xff"),
        Err(PublishError::Message)
    );
    assert_eq!(publish("t", Kind::Binary, b"\xff"), Ok(()));
    let handle = server.handle().clone();
    drop(server);
    assert_eq!(
        handle.publish("t", Kind::Text, b""),
        Err(PublishError::Stopped)
    );
    let late = handle.publish_deadline("t", Kind::Text, b"", in_a_while());
    assert_eq!(late, Err(PublishError::Stopped));
}

/// An application that stands still when told to: its shard empties no lane.
struct Standstill {
    relay: Relay,
    stands: Sender<()>,
    go_on: Receiver<()>,
}

impl Handler for Standstill {
    type Conn = <Relay as Handler>::Conn;
    type Answer = <Relay as Handler>::Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        opening: &Opening<'_>,
    ) -> Result<Self::Conn, Refusal> {
        self.relay.on_open(cx, opening)
    }

    fn on_message(
        &mut self,
        _: &mut Cx<'_, Self::Conn, Self::Answer>,
        _: Message<'_>,
    ) -> Result<(), Halt> {
        self.stands.send(()).unwrap();
        self.go_on.recv_deadline(in_a_while()).unwrap();
        Ok(())
    }
}

#[test]
fn a_handle_says_busy_at_once_or_at_its_deadline_and_loses_nothing() {
    let (stands, is_standing) = bounded(0);
    let (go, go_on) = bounded(0);
    let server = Running::with(builder(1), move |_| Standstill {
        relay: Relay::default(),
        stands: stands.clone(),
        go_on: go_on.clone(),
    });
    let mut sub = Ws::connect(server.http(), "/sub/room");
    Ws::connect(server.http(), "/pub/room").send_text("stand still");
    is_standing.recv_deadline(in_a_while()).unwrap();

    let mut taken: u32 = 0;
    let refused = loop {
        match server
            .handle()
            .publish("room", Kind::Binary, &taken.to_be_bytes())
        {
            Ok(()) => taken += 1,
            Err(err) => break err,
        }
        assert!(taken < 1_000_000, "a lane without bounds");
    };
    assert!(matches!(refused, PublishError::Busy(_)), "{refused}");
    let until = |deadline| {
        let payload = taken.to_be_bytes();
        server
            .handle()
            .publish_deadline("room", Kind::Binary, &payload, deadline)
    };
    let late = until(now() + Duration::from_millis(20));
    assert!(matches!(late, Err(PublishError::Busy(_))), "{late:?}");

    thread::scope(|scope| {
        // It may begin before the shard goes on or after: it finds room in time either way.
        let patient = scope.spawn(|| until(in_a_while()));
        go.send(()).unwrap();
        assert_eq!(patient.join().unwrap(), Ok(()));
    });
    for n in 0..=taken {
        assert_eq!(sub.next_payload(), n.to_be_bytes(), "none lost, none twice");
    }
}

/// A handler with a bug: it panics on any message.
struct Panics;

impl Handler for Panics {
    type Conn = ();
    type Answer = ();

    fn on_open(&mut self, _: &mut Cx<'_, ()>, _: &Opening<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn on_message(&mut self, _: &mut Cx<'_, ()>, _: Message<'_>) -> Result<(), Halt> {
        panic!("a bug in an application");
    }
}

#[test]
fn a_panic_on_one_shard_stops_the_server_and_is_an_error() {
    let server = try_with(builder(3), |_| Panics).unwrap();
    let mut client = LengthPrefix::connect(server.tcp_addrs()[0]);
    client.send(b"any");
    assert!(server.join().is_err());
}
