//! permessage-deflate over real sockets: negotiation, one message for all, and bombs.

use corecast::client::Client;
use corecast::proto::ws::deflate::{Deflater, Inflater, Window};
use corecast::{Compression, Config, Kind};

use crate::client::{greeted, message, to};
use crate::support::raw_ws::{BINARY, FIN, PING, PONG, RSV1, RawWs, TEXT};
use crate::support::server::{Running, builder, try_start};
use crate::support::socket::dial;
use crate::support::wait::{in_a_while, wait_until};
use crate::support::ws::Ws;

#[path = "../../src/proto/ws/deflate/far_tests.rs"]
mod far;

const FIELD: &str = "Sec-WebSocket-Extensions";

/// What the server answers to an offer.
fn answer(server: &Running, offer: &'static str) -> (Ws, Option<String>) {
    let (client, answer) = Ws::upgrade(dial(server.http()), "/ws/lobby", &[(FIELD, offer)]);
    let agreed = answer.headers().get(FIELD);
    (
        client,
        agreed.map(|agreed| agreed.to_str().unwrap().to_owned()),
    )
}

/// A client that has agreed on a window.
fn raw(server: &Running, path: &str, window: u8) -> RawWs {
    let field = format!("{FIELD}: permessage-deflate; server_max_window_bits={window}\r\n");
    RawWs::with_fields(dial(server.http()), path, &field)
}

fn ours(server: &Running, path: &str) -> Client {
    let url = format!("ws://{}{path}", server.http());
    greeted(to(&url).compression(Compression::default()))
}

/// A text that compresses well, of `len` bytes.
fn text(len: usize) -> Vec<u8> {
    let mut text: Vec<u8> = b"{\"sensor\":\"attic\",\"value\":21.5}, ".repeat(len / 30 + 1);
    text.truncate(len);
    text
}

#[test]
fn an_offer_is_granted_and_no_more_asked_of_the_client() {
    let server = Running::start(builder(1));
    let ours = "permessage-deflate";
    let both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let agreed = |offer| answer(&server, offer).1;
    assert_eq!(agreed("permessage-deflate").as_deref(), Some(ours));
    assert_eq!(agreed(both).as_deref(), Some(both));
    let chrome = agreed("permessage-deflate; client_max_window_bits");
    assert_eq!(chrome.as_deref(), Some(ours));
    let small = agreed("permessage-deflate; server_max_window_bits=9");
    assert_eq!(small, Some(format!("{ours}; server_max_window_bits=9")));
    let declined = agreed("permessage-deflate; server_max_window_bits=8");
    assert_eq!(declined, None);
    assert_eq!(agreed("permessage-bzip2"), None);
}

#[test]
fn a_server_without_compression_compresses_for_no_client() {
    let config = Config {
        compression: None,
        ..Config::default()
    };
    let server = Running::start(builder(1).config(config));
    let (mut client, agreed) = answer(&server, "permessage-deflate");
    assert_eq!(agreed, None);
    let long = String::from_utf8(text(5000)).unwrap();
    client.send_text(&long);
    assert_eq!(client.next_text(), long);
}

#[test]
fn levels_are_checked() {
    for level in [0, 10] {
        let threshold = 0;
        let config = Config {
            compression: Some(Compression { level, threshold }),
            ..Config::default()
        };
        let refused = try_start(builder(1).config(config));
        assert!(refused.is_err_and(|err| err.to_string().contains("1 to 9")));
    }
}

#[test]
fn one_message_reaches_every_window_and_those_without() {
    let server = Running::start(builder(2));
    let mut publisher = ours(&server, "/ws/lobby");
    let mut plain = Ws::connect(server.http(), "/sub/lobby");
    let mut windows: Vec<RawWs> = (9..=15)
        .map(|bits| raw(&server, "/sub/lobby", bits))
        .collect();
    let mut inflater = Inflater::default();
    let mut sizes = Vec::new();
    for len in [1, 100, 129, 512, 513, 40_000, 1 << 20] {
        let text = text(len);
        publisher.send(Kind::Text, &text, in_a_while()).unwrap();
        assert_eq!(message(&mut publisher), (Kind::Text, text.clone()));
        assert_eq!(plain.next_payload(), text);
        for client in &mut windows {
            let (first, payload) = client.next();
            if len <= Compression::default().threshold {
                assert_eq!((first, payload), (FIN | TEXT, text.clone()));
                continue;
            }
            assert_eq!(first, FIN | RSV1 | TEXT, "{len} bytes");
            sizes.push(payload.len());
            let message = inflater.inflate(Kind::Text, &payload, len);
            assert_eq!(message, Ok(&text[..]));
        }
    }
    assert!(sizes.iter().all(|size| *size < 1 << 17));
}

#[test]
fn each_window_is_kept_to_by_one_of_three_forms() {
    let server = Running::start(builder(1));
    let mut clients: Vec<(u8, RawWs)> = (9..=15)
        .map(|bits| (bits, raw(&server, "/sub/lobby", bits)))
        .collect();
    // Words that come again near and far.
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::from(seed.to_be_bytes()[0])
    };
    let words: Vec<String> = (0..256)
        .map(|_| (0..30).map(|_| char::from(b"abcd"[next() / 64])).collect())
        .collect();
    let text: String = (0..3_000).map(|_| &*words[next()]).collect();
    server.publish("lobby", Kind::Text, text.as_bytes());
    let mut forms = Vec::new();
    for (bits, client) in &mut clients {
        let (first, payload) = client.next();
        assert_eq!(first, FIN | RSV1 | TEXT);
        let (message, farthest) = far::read(&payload);
        assert!(message == text.as_bytes(), "{bits} bits");
        assert!(
            farthest <= 1 << *bits,
            "{farthest} bytes back in {bits} bits"
        );
        if forms.last().is_none_or(|(last, _)| *last != payload) {
            forms.push((payload, farthest));
        }
    }
    assert_eq!(forms.len(), 3);
    let makes_use = |(farther, nearer): (&(_, usize), &(_, usize))| nearer.1 < farther.1;
    assert!(forms.iter().skip(1).zip(&forms).all(makes_use));
}

#[test]
fn what_does_not_get_smaller_is_sent_as_it_is() {
    let server = Running::start(builder(1));
    let mut client = raw(&server, "/echo", 15);
    let mut seed = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed.to_be_bytes()[0]
    })
    .take(100_000)
    .collect();
    for _ in 0..3 {
        client.send(FIN | BINARY, &noise);
        assert_eq!(client.next(), (FIN | BINARY, noise.clone()));
        client.send(FIN | BINARY, &text(1000));
        let (first, payload) = client.next();
        assert!(first == FIN | RSV1 | BINARY && payload.len() < 500);
    }
}

#[test]
fn fragments_stay_compressed_with_pings_between() {
    let server = Running::start(builder(1));
    let mut client = raw(&server, "/echo", 12);
    let text = text(3000);
    let mut deflater = Deflater::new(6);
    let mut once = deflater.once(&text);
    let compressed = once.compressed(Window::LARGEST).unwrap();
    let (front, back) = compressed.split_at(compressed.len() / 2);
    client.send(RSV1 | TEXT, front);
    client.send(FIN | PING, b"between");
    assert_eq!(client.next(), (FIN | PONG, b"between".to_vec()));
    client.send(FIN, back);
    let (first, payload) = client.next();
    assert_eq!(first, FIN | RSV1 | TEXT);
    let mut inflater = Inflater::default();
    assert_eq!(inflater.inflate(Kind::Text, &payload, 3000), Ok(&text[..]));
}

#[test]
fn bombs_and_what_is_not_compressed_close_with_a_code() {
    let config = Config {
        message_bytes_max: 100_000,
        ..Config::default()
    };
    let server = Running::start(builder(1).config(config));
    let mut deflater = Deflater::new(9);
    let zeros = vec![0; 16 << 20];
    let mut once = deflater.once(&zeros);
    let bomb = once.compressed(Window::LARGEST).unwrap().to_vec();
    assert!(bomb.len() < 100_000);
    drop(once);
    let mut once = deflater.once(&[b'a'; 300]);
    let letters = once.compressed(Window::LARGEST).unwrap().to_vec();
    drop(once);
    let latin = [&b"a".repeat(300)[..], b"\xe9"].concat();
    let mut once = deflater.once(&latin);
    let latin = once.compressed(Window::LARGEST).unwrap();
    for (name, first, payload, code, words) in [
        ("a bomb", BINARY, &bomb[..], 1009, "100000 bytes"),
        ("a bomb of text", TEXT, &bomb, 1009, "100000 bytes"),
        (
            "cut short",
            BINARY,
            &letters[..letters.len() - 2],
            1007,
            "decompressed",
        ),
        ("not compressed", TEXT, b"hello", 1007, "decompressed"),
        ("no bytes at all", TEXT, b"", 1007, "decompressed"),
        ("no text", TEXT, latin, 1007, "UTF-8"),
    ] {
        let mut client = raw(&server, "/ws/lobby", 15);
        client.send(FIN | RSV1 | first, payload);
        let (got, reason) = client.expect_close();
        assert_eq!(got, code, "{name}: {reason}");
        assert!(reason.contains(words), "{name}: {reason}");
    }
    assert_eq!(server.counters().messages_in, 0);
    let mut client = raw(&server, "/echo", 15);
    client.send(FIN | RSV1 | TEXT, &letters);
    assert_eq!(client.next().0, FIN | RSV1 | TEXT, "that one was fine");
}

#[test]
fn many_large_messages_in_few_bytes_leave_turns_to_others() {
    let server = Running::start(builder(1));
    let mut deflater = Deflater::new(9);
    let zeros = vec![0; 1 << 20];
    let mut once = deflater.once(&zeros);
    let small = once.compressed(Window::LARGEST).unwrap();
    let mut flooder = raw(&server, "/pub/flood", 15);
    let mut other = Ws::connect(server.http(), "/echo");
    const MESSAGES: u64 = 100;
    for _ in 0..MESSAGES {
        flooder.send(FIN | RSV1 | BINARY, small);
    }
    for _ in 0..10 {
        other.send_text("still there?");
        assert_eq!(other.next_text(), "still there?");
    }
    wait_until("all are read", || {
        server.counters().messages_in == MESSAGES + 10
    });
}

#[test]
fn both_sides_of_this_package_understand_each_other() {
    let server = Running::start(builder(2));
    let mut client = ours(&server, "/echo");
    for len in [0, 1, 128, 129, 1000, 70_000, 1 << 20] {
        for kind in [Kind::Text, Kind::Binary] {
            let text = text(len);
            client.send(kind, &text, in_a_while()).unwrap();
            assert_eq!(message(&mut client), (kind, text));
        }
    }
    client.close(in_a_while()).unwrap();
}
