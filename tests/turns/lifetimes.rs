//! The time for which connections of every kind may live.

use std::time::Duration;

use corecast::{CloseReason, Config, ConnId, SessionFormat};

use crate::shard::Shard;
use crate::{frame, session};

const LIFETIME: Duration = Duration::from_secs(10);
/// Nothing else happens to a connection within it, not even a ping.
const EARLY: Duration = Duration::from_secs(9);
/// A lifetime may be longer than the key says.
const LATE: Duration = Duration::from_millis(1_200);

const EVENTS: &str = "GET /sse/a HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n";
const RAW_END: &[u8] = b"\x88\x32\x03\xe9the connection has lived its time; connect again";

fn config(max_lifetime: Option<Duration>) -> Config {
    Config {
        max_lifetime,
        ..Config::default()
    }
}

/// A client of each kind, and its last word.
fn one_of_each(shard: &mut Shard) -> Vec<(ConnId, Vec<u8>)> {
    let shutdown = br#"{"push":{"disconnect":{"code":3001,"reason":"shutdown"}}}"#;
    let raw = shard.upgrade("/ws/a", "");
    let tcp = shard.connect_tcp("a");
    let events = shard.connect();
    shard.read(events, EVENTS);
    let session = shard.upgrade("/connection/websocket", "");
    shard.read(session, frame(0x81, session::CONNECT.as_bytes()));
    let lines = shard.connect_session(SessionFormat::Json);
    shard.read(lines, format!("{}\n", session::CONNECT));
    shard.rest();
    vec![
        (raw, RAW_END.to_vec()),
        (tcp, Vec::new()),
        (events, b"0\r\n\r\n".to_vec()),
        (session, b"\x88\x0a\x0b\xb9shutdown".to_vec()),
        (lines, [&shutdown[..], b"\n"].concat()),
    ]
}

fn ended(shard: &mut Shard) -> u64 {
    shard.counters().closed[CloseReason::Lifetime.index()]
}

#[test]
fn connections_of_every_kind_live_their_time_and_are_told_to_come_back() {
    let mut shard = Shard::new(config(Some(LIFETIME)));
    let clients = one_of_each(&mut shard);
    // One with requests has deadlines of its own.
    shard.connect();
    for (client, _) in &clients {
        shard.take(*client);
    }
    shard.wait(EARLY - Duration::from_millis(100));
    for (client, _) in &clients {
        assert_eq!(shard.take(*client), b"");
    }
    assert_eq!(ended(&mut shard), 0);
    shard.wait(LATE + LATE);
    for (client, last_word) in &clients {
        let told = String::from_utf8_lossy(&shard.take(*client)).into_owned();
        assert_eq!(told, String::from_utf8_lossy(last_word));
    }
    assert_eq!(ended(&mut shard), clients.len() as u64);
}

#[test]
fn a_lifetime_that_is_loaded_later_ends_a_connection_that_has_no_other_deadline() {
    let mut shard = Shard::new(config(None));
    shard.connect_tcp("a");
    shard.wait(Duration::from_secs(3_600));
    shard.core.set_config(config(Some(LIFETIME)));
    shard.wait(LIFETIME + LATE);
    assert_eq!(ended(&mut shard), 1);
}
