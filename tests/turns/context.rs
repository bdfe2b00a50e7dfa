//! Compressed messages that refer to those before them.

use corecast::limits::MESSAGE_BYTES_MAX;
use corecast::{Compression, Config, ConnId};
use flate2::{Compress, FlushCompress};

use crate::frame;
use crate::shard::{Shard, upgrade_request};

/// What Netty offers.
const NETTY: &str = "Sec-WebSocket-Extensions: permessage-deflate;client_max_window_bits\r\n";
/// FIN, RSV1, text.
const COMPRESSED: u8 = 0xc1;
const WINDOW: usize = 32 << 10;

/// Echoes come as they are.
fn plain_replies() -> Config {
    let threshold = MESSAGE_BYTES_MAX;
    Config {
        compression: Some(Compression {
            threshold,
            ..Compression::default()
        }),
        ..Config::default()
    }
}

/// A client that keeps its compressor from one message to the next.
struct Client {
    id: ConnId,
    deflater: Compress,
}

impl Client {
    fn connect(shard: &mut Shard, path: &str) -> Self {
        Self {
            id: shard.upgrade(path, NETTY),
            deflater: Compress::new_with_window_bits(flate2::Compression::new(6), false, 15),
        }
    }

    fn compressed(&mut self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() + 1_000);
        let flush = FlushCompress::Sync;
        self.deflater.compress_vec(text, &mut out, flush).unwrap();
        // RFC 7692 7.2.3.6: of nothing comes an empty block.
        let empty = [0, 0, 0, 0xff, 0xff];
        let out = if text.is_empty() { &empty[..] } else { &out };
        let out = out.strip_suffix(&[0, 0, 0xff, 0xff]).unwrap();
        out.to_vec()
    }

    fn send(&mut self, shard: &mut Shard, text: &[u8]) -> usize {
        let compressed = self.compressed(text);
        shard.read(self.id, frame(COMPRESSED, &compressed));
        shard.rest();
        compressed.len()
    }

    fn got(&self, shard: &mut Shard) -> Vec<u8> {
        let sent = shard.take(self.id);
        let len = match sent.get(1).copied().unwrap_or_default() {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        sent[len.min(sent.len())..].to_vec()
    }
}

fn text(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + u8::try_from(state >> 24 & 15).unwrap()
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn a_compressed_message_may_refer_to_those_before_it() {
    let mut shard = Shard::new(plain_replies());
    let mut client = Client::connect(&mut shard, "/echo");
    let long = text(1, 5_000);
    let first = client.send(&mut shard, &long);
    assert!(client.got(&mut shard) == long);
    // Messages that are not compressed stand between, and are no part of what is referred to.
    for round in 0..20 {
        shard.read(client.id, frame(0x81, b"plain"));
        shard.rest();
        assert_eq!(client.got(&mut shard), b"plain");
        let again = client.send(&mut shard, &long);
        assert!(client.got(&mut shard) == long, "round {round}");
        assert!(again < first / 10, "it refers to the one before");
    }
    // What is longer than a window, and what refers as far back as there may be.
    let longest = text(2, 100_000);
    client.send(&mut shard, &longest);
    assert!(client.got(&mut shard) == longest);
    let end = &longest[longest.len() - 32_000..];
    client.send(&mut shard, end);
    assert!(client.got(&mut shard) == end);
    client.send(&mut shard, b"");
    assert_eq!(client.got(&mut shard), b"");
    client.send(&mut shard, end);
    assert!(client.got(&mut shard) == end);
}

#[test]
fn a_context_is_kept_from_the_first_message_to_the_end_and_counted() {
    let mut shard = Shard::new(Config::default());
    let mut client = Client::connect(&mut shard, "/pub/a");
    shard.read(client.id, frame(0x81, b"plain"));
    shard.rest();
    assert_eq!(shard.counters().assembly_bytes, 0);
    client.send(&mut shard, b"hello");
    let held = shard.counters().assembly_bytes;
    assert!((1..100).contains(&held), "{held} for a word");
    for seed in 0..20 {
        client.send(&mut shard, &text(seed, 10_000));
    }
    assert_eq!(
        shard.counters().assembly_bytes,
        WINDOW as u64,
        "and no more"
    );
    shard.core.handle_reset(client.id);
    shard.rest();
    assert_eq!(shard.counters().assembly_bytes, 0);
}

#[test]
fn no_context_is_kept_for_a_client_that_offers_to_keep_none() {
    let mut shard = Shard::new(Config::default());
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n";
    let id = shard.upgrade("/pub/a", offer);
    let mut deflater = Client::connect(&mut shard, "/pub/a");
    let first = deflater.compressed(b"hello hello hello");
    shard.read(id, frame(COMPRESSED, &first));
    shard.rest();
    assert_eq!(shard.counters().messages_in, 1);
    assert_eq!(shard.counters().assembly_bytes, 0);
    let second = deflater.compressed(b"hello hello hello");
    shard.read(id, frame(COMPRESSED, &second));
    shard.rest();
    assert_eq!(shard.counters().messages_in, 1, "it refers to nothing");
}

#[test]
fn connections_that_share_a_decompressor_share_no_context() {
    let mut shard = Shard::new(plain_replies());
    let mut clients = [0; 5].map(|_| Client::connect(&mut shard, "/echo"));
    for round in 0..10 {
        for (at, client) in (0..).zip(&mut clients) {
            let message = text(at, 3_000 + round);
            client.send(&mut shard, &message);
            assert!(client.got(&mut shard) == message, "{round} {at}");
        }
    }
    // A key may have another tenant, which begins with nothing.
    shard.core.handle_reset(clients[0].id);
    shard.rest();
    let mut tenant = Client::connect(&mut shard, "/echo");
    tenant.send(&mut shard, b"hello");
    assert_eq!(tenant.got(&mut shard), b"hello");
}

#[test]
fn no_client_is_promised_a_context_without_memory_for_it() {
    let mut shard = Shard::new(Config {
        assembly_bytes_max: Some(3 * WINDOW),
        ..Config::default()
    });
    let mut client = Client::connect(&mut shard, "/pub/a");
    for seed in 0..10 {
        client.send(&mut shard, &text(seed, 10_000));
    }
    let answer = |shard: &mut Shard, offer: &str| {
        let id = shard.connect();
        let request = upgrade_request("/pub/a", offer);
        shard.read(id, request);
        shard.rest();
        String::from_utf8(shard.take(id)).unwrap()
    };
    assert!(answer(&mut shard, NETTY).contains("permessage-deflate"));
    let mut second = Client::connect(&mut shard, "/pub/a");
    for seed in 0..10 {
        second.send(&mut shard, &text(seed, 10_000));
    }
    let declined = answer(&mut shard, NETTY);
    assert!(declined.starts_with("HTTP/1.1 101 "), "{declined}");
    assert!(!declined.contains("permessage-deflate"), "{declined}");
    let nothing = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n";
    assert!(answer(&mut shard, nothing).contains("permessage-deflate"));
}

#[test]
fn a_bomb_is_refused_whatever_was_sent_before_it() {
    let mut shard = Shard::new(Config::default());
    let mut client = Client::connect(&mut shard, "/pub/a");
    client.send(&mut shard, &text(1, 50_000));
    let zeros = vec![b'0'; MESSAGE_BYTES_MAX];
    client.send(&mut shard, &zeros);
    assert_eq!(shard.counters().messages_in, 2, "as long as there may be");
    client.send(&mut shard, &[&zeros[..], b"0"].concat());
    assert_eq!(shard.counters().messages_in, 2);
    assert_eq!(shard.counters().assembly_bytes, 0, "it is closed");
}
