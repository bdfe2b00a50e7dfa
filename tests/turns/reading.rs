//! Reading: a turn takes so much, of whoever sends it, and the rest later.

use corecast::ConnId;
use corecast::limits::{READ_BYTES, WORK_OF_STEP, WORK_PER_PART, WORK_PER_SHARE};

use crate::frame;
use crate::server::Server;

/// FIN, text; FIN, pong.
const TEXT: u8 = 0x81;
const PONG: u8 = 0x8a;

#[test]
fn a_connection_that_events_tell_of_often_is_read_once() {
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
fn one_buffer_of_pieces_that_say_nothing_takes_several_turns() {
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

#[test]
fn one_that_says_little_does_not_wait_behind_a_thousand_that_flood() {
    let mut server = Server::new();
    let floods: Vec<ConnId> = (0..1000)
        .map(|_| server.shard.upgrade("/pub/void", ""))
        .collect();
    let honest = server.shard.upgrade("/echo", "");
    server.begin();
    let flood = frame(TEXT, b"x").repeat(READ_BYTES / 7);
    for &client in &floods {
        server.arrive(client, &flood);
    }
    // Each of them has had its part, of which most of a turn is for those that were idle.
    let parts = usize::try_from(WORK_PER_SHARE / WORK_PER_PART).unwrap();
    for _ in 0..=floods.len() / (parts * 2 / 3) {
        server.turn();
    }
    for _ in 0..10 {
        server.arrive(honest, &frame(TEXT, b"hi"));
        assert_eq!(server.turn()[0], honest);
        assert_eq!(server.shard.take(honest), [TEXT, 2, b'h', b'i']);
    }
    server.rest();
    let sent = 1000 * (READ_BYTES / 7) + 10;
    assert_eq!(server.shard.counters().messages_in, sent as u64);
}

#[test]
fn one_that_speaks_at_once_with_a_thousand_is_heard_within_some_turns() {
    let mut server = Server::new();
    let floods: Vec<ConnId> = (0..1000)
        .map(|_| server.shard.upgrade("/pub/void", ""))
        .collect();
    let honest = server.shard.upgrade("/echo", "");
    server.begin();
    let flood = frame(TEXT, b"x").repeat(READ_BYTES / 7);
    for &client in &floods {
        server.arrive(client, &flood);
    }
    server.arrive(honest, &frame(TEXT, b"hi"));
    let mut work = 0;
    while !server.turn().contains(&honest) {
        work += WORK_PER_SHARE;
    }
    // Their parts alone would take 50 ms.
    assert!(work < 15_000_000, "{work} ns");
    server.rest();
    let sent = 1000 * (READ_BYTES / 7) + 1;
    assert_eq!(server.shard.counters().messages_in, sent as u64);
}

#[test]
fn those_that_flood_have_equal_parts_beside_any_number_of_others() {
    let mut server = Server::new();
    let floods = [0; 10].map(|_| server.shard.upgrade("/echo", ""));
    let others: Vec<ConnId> = (0..2000)
        .map(|_| server.shard.upgrade("/pub/void", ""))
        .collect();
    server.begin();
    let flood = frame(TEXT, b"x").repeat(READ_BYTES / 7);
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
fn what_a_turn_leaves_of_a_buffer_comes_in_its_order() {
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
fn one_that_resets_while_it_is_behind_is_gone_at_once() {
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
