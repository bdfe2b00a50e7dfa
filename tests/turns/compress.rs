//! Messages that go out compressed.

use std::sync::Arc;

use corecast::limits::COMPRESS_COST_PER_TURN;
use corecast::payload::Payload;
use corecast::shard::mail::ToHome;
use corecast::{Config, Kind};

use crate::shard::Shard;
use crate::{DEFLATE, frame};

/// Three cost more than a phase has time for.
const LEN: usize = COMPRESS_COST_PER_TURN * 2 / 5;
/// FIN, text, and the same with RSV1.
const TEXT: u8 = 0x81;
const COMPRESSED: u8 = 0xc1;

fn text() -> Vec<u8> {
    vec![b'a'; LEN]
}

#[test]
fn publishers_wait_for_time_to_compress_and_nothing_is_lost() {
    let mut shard = Shard::new(Config::default());
    let reader = shard.upgrade("/sub/a", DEFLATE);
    let writers = [0; 8].map(|_| shard.upgrade("/pub/a", ""));
    for writer in writers {
        shard.read(writer, frame(TEXT, &text()));
    }
    assert_eq!(shard.counters().ordered, 3, "read");
    assert!(shard.turn(), "the next is due at once");
    assert_eq!(shard.counters().ordered, 6, "and resumed");
    shard.turn();
    assert_eq!(shard.counters().ordered, 8);
    assert_eq!(shard.counters().paused, 0);
    assert!(shard.take(reader).len() < LEN / 10, "all compressed");
}

#[test]
fn who_needs_nothing_compressed_does_not_wait() {
    let mut shard = Shard::new(Config::default());
    shard.upgrade("/sub/a", DEFLATE);
    shard.upgrade("/sub/b", "");
    let writers = [0; 8].map(|_| shard.upgrade("/pub/a", ""));
    let other = shard.upgrade("/pub/b", "");
    let brief = shard.upgrade("/pub/a", "");
    for writer in writers {
        shard.read(writer, frame(TEXT, &text()));
    }
    shard.read(other, frame(TEXT, &text()));
    shard.read(brief, frame(TEXT, b"hello"));
    assert_eq!(shard.counters().ordered, 3 + 2);
}

#[test]
fn a_message_for_every_window_costs_three_times_as_much() {
    let mut shard = Shard::new(Config::default());
    for bits in 9..=15 {
        let window = format!("server_max_window_bits={bits}");
        let field = format!("Sec-WebSocket-Extensions: permessage-deflate; {window}\r\n");
        shard.upgrade("/sub/a", &field);
    }
    let writers = [0; 12].map(|_| shard.upgrade("/pub/a", ""));
    let text = vec![b'a'; COMPRESS_COST_PER_TURN / 20];
    for writer in writers {
        shard.read(writer, frame(TEXT, &text));
    }
    assert_eq!(
        shard.counters().ordered,
        7,
        "six, and one that goes over it"
    );
    shard.rest();
    assert_eq!(shard.counters().ordered, 12);
}

#[test]
fn mail_is_given_back_until_the_next_turn() {
    let mut shard = Shard::new(Config::default());
    shard.upgrade("/sub/a", DEFLATE);
    let publish = || ToHome::Publish {
        topic: Arc::from("a"),
        payload: Payload {
            kind: Kind::Text,
            bytes: Arc::from(text()),
        },
        publisher: None,
        once: None,
    };
    for _ in 0..3 {
        assert!(shard.core.handle_to_home(publish()).is_none());
    }
    let back = shard.core.handle_to_home(publish()).unwrap();
    assert!(shard.turn(), "it comes at once");
    assert!(shard.core.handle_to_home(back).is_none());
    shard.rest();
    assert_eq!(shard.counters().ordered, 4);
}

#[test]
fn replies_beyond_that_are_sent_as_they_are() {
    let mut shard = Shard::new(Config::default());
    let clients = [0; 5].map(|_| shard.upgrade("/echo", DEFLATE));
    for client in clients {
        shard.read(client, frame(TEXT, &text()));
    }
    shard.rest();
    // They have taken nothing from what is published.
    shard.upgrade("/sub/a", DEFLATE);
    let writer = shard.upgrade("/pub/a", "");
    for client in clients {
        shard.read(client, frame(TEXT, &text()));
    }
    shard.read(writer, frame(TEXT, &text()));
    assert_eq!(shard.counters().ordered, 1);
    let firsts = clients.map(|client| shard.take(client)[0]);
    assert_eq!(firsts, [COMPRESSED, COMPRESSED, COMPRESSED, TEXT, TEXT]);
}
