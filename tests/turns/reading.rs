//! Reading: a turn takes a bounded amount from all clients together, and later turns the rest.

use std::time::Duration;

use corecast::limits::{READ_BYTES, WORK_OF_STEP, WORK_PER_PART, WORK_PER_SHARE};
use corecast::{Config, ConnId};

use crate::frame;
use crate::server::Server;
use crate::shard::{Shard, Timed};

/// FIN, text; FIN, pong.
const TEXT: u8 = 0x81;
const PONG: u8 = 0x8a;

#[test]
fn a_connection_with_several_events_is_read_once() {
    let mut server = Server::new();
    let client = server.shard.upgrade("/pub/a", "");
    server.begin();
    for _ in 0..3 {
        server.arrive(client, &frame(TEXT, b"hello"));
    }
    assert_eq!(server.turn(), [client]);
    assert_eq!(server.turn(), []);
    assert_eq!(server.shard.counters().messages_in, 3);
}

#[test]
fn a_buffer_of_empty_frames_takes_several_turns() {
    let heartbeats = vec![0; READ_BYTES];
    let pongs = frame(PONG, b"").repeat(READ_BYTES / 6);
    let messages = frame(TEXT, b"").repeat(READ_BYTES / 6);
    for bytes in [heartbeats, pongs, messages] {
        let mut server = Server::new();
        let is_tcp = bytes[0] == 0;
        let client = match is_tcp {
            true => server.shard.connect_tcp("a"),
            false => server.shard.upgrade("/pub/a", ""),
        };
        server.begin();
        let pieces = bytes.len() / if is_tcp { 4 } else { 6 };
        let in_a_turn = usize::try_from(WORK_PER_SHARE).unwrap() / WORK_OF_STEP;
        // Twice, so that the socket has some when the buffer is taken.
        for _ in 0..2 {
            server.arrive(client, &bytes);
        }
        let turns = server.rest();
        assert!(
            2 * pieces / in_a_turn <= turns,
            "{pieces} pieces in {turns} turns"
        );
        assert!(turns < 40, "{turns} turns");
        assert!(server.shard.sockets.received[&client].is_empty());
    }
}

/// Messages that fill a buffer.
const FLOOD: usize = READ_BYTES / 7;

/// A server that a thousand clients flood, and a client that echoes.
fn flooded() -> (Server, usize, ConnId) {
    let mut server = Server::new();
    let floods: Vec<ConnId> = (0..1000)
        .map(|_| server.shard.upgrade("/pub/void", ""))
        .collect();
    let honest = server.shard.upgrade("/echo", "");
    server.begin();
    let flood = frame(TEXT, b"x").repeat(FLOOD);
    for &client in &floods {
        server.arrive(client, &flood);
    }
    (server, floods.len(), honest)
}

/// Reads all that is left: every message of the floods and these others.
fn read_all(server: &mut Server, floods: usize, others: usize) {
    server.rest();
    let sent = floods * FLOOD + others;
    assert_eq!(server.shard.counters().messages_in, sent as u64);
}

#[test]
fn an_idle_client_does_not_wait_behind_a_thousand_floods() {
    let (mut server, floods, honest) = flooded();
    // Each flood has had its part; most of a turn is for connections that were idle.
    let parts = usize::try_from(WORK_PER_SHARE / WORK_PER_PART).unwrap();
    for _ in 0..=floods / (parts * 2 / 3) {
        server.turn();
    }
    for _ in 0..10 {
        server.arrive(honest, &frame(TEXT, b"hi"));
        assert_eq!(server.turn()[0], honest);
        assert_eq!(server.shard.take(honest), [TEXT, 2, b'h', b'i']);
    }
    read_all(&mut server, floods, 10);
}

#[test]
fn a_client_that_sends_with_a_thousand_floods_is_read_within_some_turns() {
    let (mut server, floods, honest) = flooded();
    server.arrive(honest, &frame(TEXT, b"hi"));
    let mut work = 0;
    while !server.turn().contains(&honest) {
        work += WORK_PER_SHARE;
    }
    // The parts of the floods alone would take 50 ms.
    assert!(work < 15_000_000, "{work} ns");
    read_all(&mut server, floods, 1);
}

#[test]
fn floods_have_equal_parts_beside_any_number_of_others() {
    let mut server = Server::new();
    let floods = [0; 10].map(|_| server.shard.upgrade("/echo", ""));
    let others: Vec<ConnId> = (0..2000)
        .map(|_| server.shard.upgrade("/pub/void", ""))
        .collect();
    server.begin();
    let flood = frame(TEXT, b"x").repeat(FLOOD);
    for &client in &floods {
        server.arrive(client, &flood);
    }
    for _ in 0..40 {
        for &other in &others {
            server.arrive(other, &frame(TEXT, b"hi"));
        }
        server.turn();
    }
    // A part is some three hundred messages, and five have theirs in the last quarter of a turn.
    let echoes = floods.map(|flood| server.shard.take(flood).len() / 3);
    let (least, most) = (echoes.iter().min(), echoes.iter().max());
    let [least, most] = [least, most].map(|count| *count.unwrap());
    assert!(4_000 < least && most - least < 400, "{least} to {most}");
}

#[test]
fn what_a_turn_leaves_of_a_buffer_is_read_in_order() {
    let mut server = Server::new();
    let client = server.shard.upgrade("/echo", "");
    server.begin();
    server.shard.core.limit_work(1_100, 1);
    let said: Vec<u8> = (0..100)
        .flat_map(|at| frame(TEXT, &[b'0' + at % 10]))
        .collect();
    server.arrive(client, &said);
    assert!(10 < server.rest());
    let heard = server.shard.take(client);
    let heard: Vec<u8> = heard.chunks(3).map(|frame| frame[2] - b'0').collect();
    let expected: Vec<u8> = (0..100).map(|at| at % 10).collect();
    assert_eq!(heard, expected);
}

#[test]
fn a_reset_ends_a_connection_that_waits_to_be_read() {
    let mut server = Server::new();
    let client = server.shard.upgrade("/pub/a", "");
    server.begin();
    server.arrive(client, &frame(TEXT, b"").repeat(READ_BYTES / 6));
    server.turn();
    assert!(server.shard.core.has_work(), "it is behind");
    server.shard.core.handle_reset(client);
    server.rest();
    assert!(server.shard.core.is_empty());
}

#[test]
fn a_client_that_always_has_more_to_read_does_not_outlive_its_time() {
    let mut shard = Shard::of(Config::default(), Timed(Duration::from_secs(1)));
    let client = shard.upgrade("/", "");
    shard.core.limit_work(1_100, 1);
    let mut turns = 0;
    let last_word = loop {
        let received = shard.sockets.received.entry(client).or_default();
        received.extend(frame(TEXT, b"x").repeat(FLOOD));
        shard.core.note_readable(client, false);
        shard.turn_and_wait(Duration::from_millis(100));
        let sent = shard.take(client);
        if !sent.is_empty() {
            break sent;
        }
        turns += 1;
        assert!(turns < 20, "it is there after 2 s");
    };
    assert!(10 <= turns, "{turns} turns");
    // A close frame with the code 3005.
    assert_eq!(
        [last_word[0], last_word[2], last_word[3]],
        [0x88, 0x0b, 0xbd]
    );
}
