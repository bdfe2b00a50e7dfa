//! Memory that clients make a shard hold, and which connections end if it is too much.

use std::time::Duration;

use corecast::limits::{MESSAGE_GRACE, MESSAGE_PROGRESS, OUTBOX_BYTES_HIGH};
use corecast::{Config, ConnId, Limit};

use crate::shard::{KEY, Shard};
use crate::{DEFLATE, frame};

const MIB: usize = 1 << 20;
const SECOND: Duration = Duration::from_secs(1);

/// A budget of 16 MiB: 4 MiB of unread replies, and as much of unfinished messages.
fn small() -> Config {
    Config {
        memory_bytes_max: Some(16 * MIB),
        ..Config::default()
    }
}

/// Text.
fn text(size: usize) -> Vec<u8> {
    frame(0x81, &vec![b'a'; size])
}

fn limited(shard: &mut Shard, limit: Limit) -> u64 {
    shard.counters().limited[limit.index()]
}

/// The most that is held of replies while each client sends this, and reads nothing.
fn most_replies(shard: &mut Shard, clients: &[ConnId], bytes: &[u8]) -> usize {
    let mut most = 0;
    shard.block(true, &[]);
    for client in clients {
        if shard.core.wants_bytes(*client) {
            shard.read(*client, bytes);
        }
        for _ in 0..8 {
            shard.turn_and_wait(SECOND / 100);
            most = most.max(usize::try_from(shard.counters().replies_bytes).unwrap());
        }
    }
    most
}

#[test]
fn unread_replies_are_bounded_for_the_whole_shard() {
    let bomb = deflated(MIB).repeat(3);
    let pings = frame(0x89, &[7; 125]).repeat(500);
    let gets = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100).into_bytes();
    let names = vec!["\"a\""; 2000].join(",");
    let body = format!("{{\"channels\":[{names}],\"data\":1}}");
    let post = format!(
        "POST /api/broadcast HTTP/1.1\r\nHost: a\r\nX-API-Key: {KEY}\r\nContent-Length: {}\r\n\r\n\
         {body}",
        body.len()
    );
    let posts = post.repeat(3).into_bytes();
    for (path, fields, bytes, one) in [
        ("/echo", DEFLATE, &bomb, 2 * MIB),
        ("/echo", "", &text(60_000), 2 * OUTBOX_BYTES_HIGH),
        ("/pub/a", "", &pings, 1000),
        ("", "", &gets, 64 << 10),
        ("", "", &posts, 256 << 10),
    ] {
        let mut shard = Shard::new(small());
        let open = |shard: &mut Shard| match path {
            "" => shard.connect(),
            path => shard.upgrade(path, fields),
        };
        let clients: Vec<_> = (0..100).map(|_| open(&mut shard)).collect();
        let most = most_replies(&mut shard, &clients, bytes);
        assert!(most <= 4 * MIB + one, "{path:?}: {most} bytes");
        assert!(most != 0, "{path:?}");
        let counters = shard.counters();
        let held = counters.assembly_bytes + counters.waiting_bytes;
        assert!(held <= 4 << 20, "{path:?}: {held} bytes kept");
        // Clients that come now, and read, are served.
        shard.block(false, &[]);
        shard.rest();
        let honest = shard.upgrade("/echo", "");
        shard.read(honest, text(1000));
        shard.rest();
        assert_eq!(shard.take(honest).len(), 1004, "{path:?}");
    }
}

/// A compressed message of so many zeros.
fn deflated(size: usize) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; size]).unwrap();
    encoder.flush().unwrap();
    let mut bytes = encoder.get_ref().clone();
    bytes.truncate(bytes.len() - 4);
    frame(0xc2, &bytes)
}

#[test]
fn a_client_that_does_not_read_is_closed_before_one_that_does() {
    let mut shard = Shard::new(small());
    let idle = shard.upgrade("/echo", "");
    let clients: Vec<_> = (0..100).map(|_| shard.upgrade("/echo", "")).collect();
    most_replies(&mut shard, &clients, &text(100_000));
    assert_ne!(limited(&mut shard, Limit::Replies), 0);
    shard.block(false, &[]);
    shard.rest();
    shard.read(idle, text(10));
    shard.rest();
    assert_eq!(shard.take(idle).len(), 12);
}

#[test]
fn many_unfinished_messages_keep_no_other_client_from_sending() {
    let mut shard = Shard::new(small());
    let beginning = &text(MIB)[..3000];
    let others: Vec<_> = (0..2000).map(|_| shard.upgrade("/pub/a", "")).collect();
    for client in &others {
        shard.read(*client, beginning);
    }
    shard.wait(20 * SECOND);
    let honest = shard.upgrade("/echo", "");
    for _ in 0..3 {
        for piece in text(MIB - 1000).chunks(50_000) {
            shard.read(honest, piece);
            shard.turn_and_wait(SECOND / 20);
        }
        shard.rest();
        assert_eq!(shard.take(honest).len(), MIB - 1000 + 10);
    }
    assert_ne!(limited(&mut shard, Limit::Assembly), 0);
    let counters = shard.counters();
    assert!(counters.assembly_bytes <= 4 << 20);
}

#[test]
fn bodies_and_messages_share_a_limit_and_a_request_is_told_why_it_ends() {
    let mut shard = Shard::new(small());
    let head = format!(
        "POST /api/publish HTTP/1.1\r\nHost: a\r\nX-API-Key: {KEY}\r\n\
         Content-Length: 1000000\r\n\r\n"
    );
    let mut refused = 0;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let client = &shard.connect();
        clients.push(*client);
        shard.read(*client, &head);
        for _ in 0..9 {
            if shard.core.wants_bytes(*client) {
                shard.core.handle_bytes(*client, &mut vec![b' '; 100_000]);
            }
        }
        shard.turn_and_wait(SECOND / 2);
        assert!(shard.counters().assembly_bytes <= 5 << 20);
    }
    for client in &clients {
        refused += usize::from(shard.take(*client).starts_with(b"HTTP/1.1 503 "));
    }
    assert!(10 < refused, "{refused}");
}

#[test]
fn a_message_without_progress_ends_its_connection() {
    let step = 5 * SECOND;
    for (rate, is_there) in [(MESSAGE_PROGRESS * 2, true), (MESSAGE_PROGRESS / 2, false)] {
        let mut shard = Shard::new(Config::default());
        let sender = shard.upgrade("/pub/a", "");
        let tcp = shard.connect_tcp("a");
        shard.rest();
        shard.read(sender, &text(MIB)[..20]);
        shard.read(tcp, [0, 0x10, 0, 0]);
        let piece = vec![b'a'; rate * 5];
        let steps = 2 * MESSAGE_GRACE.as_secs() / step.as_secs();
        for _ in 0..steps {
            shard.wait(step);
            for client in [sender, tcp] {
                if shard.core.wants_bytes(client) {
                    shard.core.handle_bytes(client, &mut piece.clone());
                }
            }
        }
        shard.wait(step);
        let closes = shard.counters().closed[corecast::CloseReason::SlowMessage.index()];
        assert_eq!(
            closes,
            if is_there { 0 } else { 2 },
            "{rate} bytes a second"
        );
    }
}

#[test]
fn time_between_messages_is_unlimited_although_reads_end_inside_them() {
    let mut shard = Shard::new(Config::default());
    let sender = shard.upgrade("/pub/a", "");
    // Each read ends in the middle of a message.
    let stream = text(100).repeat(100);
    for piece in stream.chunks(70) {
        shard.read(sender, piece);
        shard.wait(SECOND);
    }
    assert_eq!(shard.counters().messages_in, 100);
    assert_eq!(shard.counters().connections, 1);
}
