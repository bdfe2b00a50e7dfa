//! Clients that go on where they were, over connections that are cut again and again.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use corecast::client::{Client, Event};
use corecast::{Kind, Position, ServerBuilder};

use crate::client::{greeted, next, to};
use crate::history::keeping;
use crate::support::server::{ANY, Running};
use crate::support::wait::in_a_while;

/// Passes on what a client and a server say, and cuts each connection after some bytes of the
/// server, of which a part is lost.
fn cutting(server: SocketAddr, mut seed: u64) -> SocketAddr {
    let listener = TcpListener::bind(ANY).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let bytes = 200 + (seed >> 33) % 3_000;
            // The server is gone at the end of the test.
            if pass(client, server, bytes).is_err() {
                return;
            }
        }
    });
    addr
}

fn pass(mut client: TcpStream, server: SocketAddr, mut bytes: u64) -> io::Result<()> {
    let mut server = TcpStream::connect(server)?;
    let (mut from, mut into) = (client.try_clone()?, server.try_clone()?);
    let up = thread::spawn(move || io::copy(&mut from, &mut into).ok());
    let mut buffer = [0; 500];
    while 0 < bytes {
        let len = buffer
            .len()
            .min(usize::try_from(bytes).unwrap_or(usize::MAX));
        match server.read(&mut buffer[..len]) {
            Ok(len @ 1..) if client.write_all(&buffer[..len]).is_ok() => bytes -= len as u64,
            _ => break,
        }
    }
    for side in [&client, &server] {
        side.shutdown(Shutdown::Both).ok();
    }
    up.join().ok();
    Ok(())
}

const MESSAGES: u64 = 3_000;

/// Publishes messages that say their offsets.
fn publish(server: &Running) {
    for offset in 1..=MESSAGES {
        server.publish("kept:a", Kind::Text, offset.to_string().as_bytes());
    }
}

/// What a client was told until it had the last message.
#[derive(Debug, Default)]
struct Story {
    offsets: Vec<u64>,
    recovered: usize,
    gaps: usize,
}

/// Takes events until the last message; each message follows the one before, or a gap was told.
fn listen(mut client: Client) -> Story {
    let (mut story, mut at) = (Story::default(), 0);
    while at < MESSAGES {
        match next(&mut client) {
            Event::Message {
                payload,
                position: Some(position),
                ..
            } => {
                assert_eq!(payload, position.offset.to_string().as_bytes());
                assert_eq!(position.offset, at + 1, "{story:?}");
                at = position.offset;
                story.offsets.push(at);
            }
            Event::Recovered { from } => {
                assert_eq!(from.offset, at, "{story:?}");
                story.recovered += 1;
            }
            Event::Gap {
                position: Some(position),
            } => {
                assert!(at <= position.offset, "{story:?}");
                at = position.offset;
                story.gaps += 1;
            }
            Event::Connected { .. } => {}
            Event::Disconnected { retry_in, reason } => assert!(retry_in.is_some(), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
    story
}

fn story(builder: ServerBuilder, path: &str, seed: u64) -> Story {
    let server = Running::start(builder);
    let addr = cutting(server.http(), seed);
    let client = greeted(to(&format!("ws://{addr}{path}")).keep_positions());
    let listener = thread::spawn(move || listen(client));
    publish(&server);
    listener.join().unwrap()
}

#[test]
fn a_client_that_is_cut_again_and_again_has_every_message_once_and_in_order() {
    for (seed, path) in [(1, "/sub/kept:a"), (2, "/ws/kept:a?x=y")] {
        let story = story(keeping(3, 10_000), path, seed);
        let all: Vec<_> = (1..=MESSAGES).collect();
        assert_eq!(story.offsets, all);
        assert!(
            story.gaps == 0 && 3 < story.recovered,
            "{}",
            story.recovered
        );
    }
}

#[test]
fn a_client_is_told_of_each_gap_where_the_history_is_short() {
    let story = story(keeping(3, 5), "/sub/kept:a", 3);
    assert!(0 < story.gaps, "{}", story.recovered);
}

#[test]
fn another_server_has_another_epoch_and_says_so() {
    let server = Running::start(keeping(1, 100));
    let http = server.http();
    let mut client = greeted(to(&format!("ws://{http}/ws/kept:a")).keep_positions());
    client.send(Kind::Text, b"one", in_a_while()).unwrap();
    let first = position(&mut client);
    drop(server);
    let server = Running::start(keeping(1, 100).http(http));
    let gap = loop {
        match next(&mut client) {
            Event::Gap { position } => break position.unwrap(),
            Event::Connected { .. } | Event::Disconnected { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(gap.epoch != first.epoch && gap.offset == 0);
    client.send(Kind::Text, b"two", in_a_while()).unwrap();
    let second = position(&mut client);
    assert_eq!((second.epoch, second.offset), (gap.epoch, 1));
    assert_eq!(client.position(), Some(second));
    drop(server);
}

#[test]
fn a_client_of_another_process_goes_on_at_a_position_that_was_kept() {
    let server = Running::start(keeping(2, 100));
    let url = format!("ws://{}/ws/kept:a", server.http());
    let mut client = greeted(to(&url).keep_positions());
    for text in [b"1", b"2", b"3"] {
        client.send(Kind::Text, text, in_a_while()).unwrap();
    }
    let first = position(&mut client);
    drop(client);
    let mut client = greeted(to(&url).since(first));
    assert!(matches!(next(&mut client), Event::Recovered { from } if from == first));
    let offsets = [(); 2].map(|()| position(&mut client).offset);
    assert_eq!(offsets, [2, 3]);
}

fn position(client: &mut Client) -> Position {
    match next(client) {
        Event::Message {
            position: Some(position),
            ..
        } => position,
        other => panic!("{other:?}"),
    }
}
