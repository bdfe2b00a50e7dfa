//! Requests with bodies.

use corecast::limits::{WORK_OF_BODY_BYTE, WORK_PER_SHARE};
use corecast::{Config, ConnId};

use crate::shard::{KEY, Shard};
use crate::{DEFLATE, frame};

/// Three are more than a phase has time for.
pub(crate) const LEN: usize = WORK_PER_SHARE.unsigned_abs() * 2 / 5 / WORK_OF_BODY_BYTE;
const CLIENTS: usize = 8;

/// Requests that wait all bodies long for their last byte; then it comes to all of them.
fn ask_all(shard: &mut Shard, channels: &str) -> [ConnId; CLIENTS] {
    let filler = " ".repeat(LEN);
    let body = format!("{{\"channels\":[{channels}],{filler}\"data\":1}}");
    let request = format!(
        "POST /api/broadcast HTTP/1.1\r\nHost: a\r\nX-API-Key: {KEY}\r\nContent-Length: {}\r\n\r\n\
         {body}",
        body.len()
    );
    let (most, last) = request.split_at(request.len() - 1);
    let clients = [0; CLIENTS].map(|_| shard.connect());
    for client in clients {
        shard.read(client, most);
    }
    shard.rest();
    let share = usize::try_from(WORK_PER_SHARE).unwrap();
    shard.core.limit_work(share, share);
    for client in clients {
        shard.read(client, last);
    }
    clients
}

#[test]
fn requests_with_bodies_beyond_the_time_of_a_turn_are_offered_later() {
    let mut shard = Shard::new(Config::default());
    let clients = ask_all(&mut shard, "\"a\"");
    assert_eq!(shard.counters().requests, 3, "read");
    assert!(shard.turn(), "the next is due at once");
    assert_eq!(shard.counters().requests, 6, "and resumed");
    shard.rest();
    for client in clients {
        assert!(shard.take(client).starts_with(b"HTTP/1.1 200 "));
    }
    assert_eq!(shard.counters().paused, 0);
}

#[test]
fn requests_that_find_no_space_are_offered_again_within_the_time_of_a_turn() {
    let mut shard = Shard::new(Config {
        log_bytes_max: 1,
        ..Config::default()
    });
    shard.upgrade("/sub/a", DEFLATE);
    // Each turn has space for one message.
    ask_all(&mut shard, "\"a\",\"a\",\"a\"");
    for _ in 0..5 {
        let before = shard.counters().pauses;
        assert!(shard.turn());
        let offered = shard.counters().pauses - before;
        assert!((2..=3).contains(&offered), "{offered} were offered");
    }
    shard.rest();
    assert_eq!(shard.counters().requests, CLIENTS as u64);
    assert_eq!(shard.counters().ordered, 3 * CLIENTS as u64);
}

#[test]
fn a_short_message_does_not_wait_behind_requests_with_bodies() {
    let mut shard = Shard::new(Config {
        log_bytes_max: 1,
        ..Config::default()
    });
    shard.upgrade("/sub/a", "");
    shard.upgrade("/sub/b", "");
    let brief = shard.upgrade("/pub/b", "");
    ask_all(&mut shard, "\"a\",\"a\",\"a\"");
    shard.read(brief, frame(0x81, b"first").repeat(2));
    assert!(!shard.core.wants_bytes(brief), "the second finds no space");
    shard.turn();
    shard.turn();
    assert!(shard.core.wants_bytes(brief));
}
