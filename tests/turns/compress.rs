//! Messages that go out compressed.

use std::sync::Arc;

use corecast::internals::Rng;
use corecast::limits::{
    COMPRESSION_LEVEL, COMPRESSION_OF_MESSAGE, COMPRESSION_PER_SHARE, work_of_compression,
};
use corecast::payload::Payload;
use corecast::proto::ws::deflate::{Compression, Deflater, Window};
use corecast::shard::mail::{FromHome, Origin, Publication, Space, ToHome};
use corecast::{Config, Kind, Relay, RelaySettings, Topic};

use crate::shard::{Shard, topics_at, upgrade_request};
use crate::{DEFLATE, frame};

/// Three cost more than a phase has time for.
const LEN: usize = 39_000;
/// FIN, text, and the same with RSV1.
const TEXT: u8 = 0x81;
const COMPRESSED: u8 = 0xc1;

fn text() -> Vec<u8> {
    vec![b'a'; LEN]
}

/// How many messages of this length a phase begins, each compressed with so many windows.
fn in_a_phase(len: usize, windows: usize) -> u64 {
    let phase = usize::try_from(COMPRESSION_PER_SHARE).unwrap();
    let each = windows * work_of_compression(COMPRESSION_LEVEL, len);
    phase.div_ceil(each).try_into().unwrap()
}

#[test]
fn publishers_wait_for_time_to_compress_and_nothing_is_lost() {
    assert_eq!(in_a_phase(LEN, 1), 3);
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
fn a_publisher_without_compressed_subscribers_does_not_wait() {
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
    let text = [b'a'; 5_000];
    assert_eq!(in_a_phase(text.len(), 3), 6);
    for writer in writers {
        shard.read(writer, frame(TEXT, &text));
    }
    assert_eq!(
        shard.counters().ordered,
        6,
        "five, and one that goes over it"
    );
    shard.rest();
    assert_eq!(shard.counters().ordered, 12);
}

#[test]
fn mail_beyond_the_time_to_compress_is_given_back_until_the_next_turn() {
    let mut shard = Shard::new(Config::default());
    shard.upgrade("/sub/a", DEFLATE);
    let publish = || {
        ToHome::Publish(Publication::new(
            Topic::new("a").unwrap(),
            Payload {
                kind: Kind::Text,
                bytes: Arc::from(text()),
            },
            Origin::Handle,
        ))
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
fn replies_beyond_the_time_to_compress_are_sent_uncompressed() {
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

#[test]
fn mail_from_homes_does_not_take_the_time_of_mail_to_homes() {
    let [here, there] = [0, 1].map(|home| topics_at(home).next().unwrap());
    let relay = Relay::new(RelaySettings::default());
    let mut shard = Shard::one(0, 2, Config::default(), relay);
    let relay = Relay::new(RelaySettings::default());
    let mut peer = Shard::one(1, 2, Config::default(), relay);
    let room = Space {
        messages: 1_000,
        bytes: 1 << 30,
    };
    shard.core.mail()[1].to_home.set_space(room);
    peer.core.mail()[0].from_home.set_space(room);
    // One topic has its home elsewhere, the other here, and both have a reader here.
    let client = shard.connect();
    shard.read(client, upgrade(&there));
    let want = shard.core.mail()[1].to_home.pop().expect("it is wanted");
    assert!(peer.core.handle_to_home(want).is_none());
    let live = peer.core.mail()[0].from_home.pop().expect("it is live");
    assert!(shard.core.handle_from_home(live).is_none());
    shard.upgrade(&format!("/sub/{here}"), DEFLATE);
    let publish = |topic: &Topic| {
        ToHome::Publish(Publication::new(
            topic.clone(),
            Payload {
                kind: Kind::Text,
                bytes: Arc::from(text()),
            },
            Origin::Handle,
        ))
    };
    let mut deliver = || {
        assert!(peer.core.handle_to_home(publish(&there)).is_none());
        peer.core.mail()[0]
            .from_home
            .pop()
            .expect("it is passed on")
    };
    let mut stuck: Option<FromHome> = None;
    for _ in 0..10 {
        // As much as there is comes from the other home, and goes first.
        for _ in 0..10 {
            let mail = stuck.take().unwrap_or_else(&mut deliver);
            stuck = shard.core.handle_from_home(mail);
        }
        assert!(stuck.is_some(), "more than there is time for");
        let back = shard.core.handle_to_home(publish(&here));
        assert!(back.is_none(), "it has its own time");
        shard.turn();
    }
    assert_eq!(shard.counters().ordered, 10);
}

fn upgrade(topic: &Topic) -> String {
    upgrade_request(&format!("/sub/{topic}"), DEFLATE)
}

#[test]
fn a_long_message_is_compressed_at_a_level_that_is_quick_enough() {
    let mut shard = Shard::new(Config {
        compression: Some(Compression {
            level: 9,
            ..Compression::default()
        }),
        message_bytes_max: 4 << 20,
        ..Config::default()
    });
    let reader = shard.upgrade("/sub/a", DEFLATE);
    let writer = shard.upgrade("/pub/a", "");
    let mut rng = Rng::new(1);
    let letters: Vec<u8> = (0..2_000_000).map(|_| b'a' + rng.byte() % 2).collect();
    let mut sent = |len: usize| {
        shard.read(writer, frame(TEXT, &letters[..len]));
        shard.rest();
        shard.take(reader)
    };
    let compressed = |level, len| {
        Deflater::new(level)
            .once(&letters[..len])
            .compressed(Window::LARGEST)
            .unwrap()
            .to_vec()
    };
    for (len, level) in [
        (1_000, 9),
        (7_000, 9),
        (9_000, 6),
        (100_000, 6),
        (1_000_000, 1),
    ] {
        let expected = compressed(level, len);
        assert!(sent(len).ends_with(&expected), "{len} bytes at {level}");
        assert!(work_of_compression(level, len) <= COMPRESSION_OF_MESSAGE);
    }
    assert!(sent(2_000_000).ends_with(&letters), "it is sent as it is");
}
