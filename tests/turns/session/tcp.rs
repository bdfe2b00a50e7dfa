//! Sessions over TCP: a frame for each command and reply, and the end as a push.

use std::time::Duration;

use corecast::limits::{HANDSHAKE_TIMEOUT, PING_INTERVAL, SESSION_PONG_TIMEOUT};
use corecast::{
    Busy, Config, ConnId, Cx, Halt, Handler, Message, Opening, Rate, Refusal, SessionFormat,
};

use super::CONNECT;
use crate::shard::{Answer, Shard};

/// Connect with the number 1, in protobuf.
const CONNECT_PROTOBUF: &[u8] = &[4, 8, 1, 0x22, 0];

/// A client that says so.
fn saying(shard: &mut Shard, lines: &str) -> (ConnId, Vec<String>) {
    let id = shard.connect_session(SessionFormat::Json);
    let told = ask(shard, id, lines);
    (id, told)
}

/// The lines that these are answered with.
fn ask<C>(shard: &mut Shard<C>, id: ConnId, lines: &str) -> Vec<String> {
    shard.read(id, lines);
    shard.rest();
    hear(shard, id)
}

fn hear<C>(shard: &mut Shard<C>, id: ConnId) -> Vec<String> {
    let told = String::from_utf8(shard.take(id)).unwrap();
    assert!(told.is_empty() || told.ends_with('\n'), "{told}");
    told.lines().map(str::to_owned).collect()
}

fn disconnect(code: u16, reason: &str) -> String {
    format!(r#"{{"push":{{"disconnect":{{"code":{code},"reason":"{reason}"}}}}}}"#)
}

#[test]
fn each_line_is_a_command_and_each_reply_and_push_is_one() {
    let mut shard = Shard::new(Config::default());
    let subscribe = r#"{"id":2,"subscribe":{"channel":"news"}}"#;
    let (id, told) = saying(&mut shard, &format!("{CONNECT}\r\n\n{subscribe}\n"));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains(r#""ping":25,"pong":true"#), "{told:?}");
    assert!(
        !told[0].contains("session"),
        "no other way to send: {told:?}"
    );
    assert_eq!(told[1], r#"{"id":2,"subscribe":{}}"#);
    let publish = r#"{"id":3,"publish":{"channel":"news","data":{"a":"\n"}}}"#;
    let told = ask(&mut shard, id, &format!("{publish}\n"));
    let push = r#"{"push":{"channel":"news","pub":{"data":{"a":"\n"},"info":"#;
    assert!(told.iter().any(|told| told.starts_with(push)), "{told:?}");
    assert!(told.contains(&r#"{"id":3,"publish":{}}"#.to_owned()));
}

#[test]
fn commands_may_be_cut_at_every_byte() {
    let lines = format!("{CONNECT}\n{{\"id\":2,\"rpc\":{{}}}}\n");
    for (format, bytes) in [
        (SessionFormat::Json, lines.as_bytes()),
        (
            SessionFormat::Protobuf,
            &[4, 8, 1, 0x22, 0, 4, 8, 2, 0x6a, 0],
        ),
    ] {
        let mut shard = Shard::new(Config::default());
        let id = shard.connect_session(format);
        shard.read(id, bytes);
        shard.rest();
        let whole = shard.take(id).len();
        assert!(40 < whole, "{format:?}: both are answered");
        for cut in 1..bytes.len() {
            let mut shard = Shard::new(Config::default());
            let id = shard.connect_session(format);
            for part in [&bytes[..cut], &bytes[cut..]] {
                shard.read(id, part);
                shard.rest();
            }
            assert_eq!(shard.take(id).len(), whole, "{format:?} cut at {cut}");
        }
    }
}

#[test]
fn protobuf_has_lengths_and_an_empty_one_is_a_ping_or_a_pong() {
    let mut shard = Shard::new(Config::default());
    let id = shard.connect_session(SessionFormat::Protobuf);
    shard.read(id, CONNECT_PROTOBUF);
    shard.rest();
    let told = shard.take(id);
    assert_eq!(usize::from(told[0]), told.len() - 1);
    assert_eq!(told[1..4], [8, 1, 0x2a]);
    shard.wait(PING_INTERVAL + Duration::from_secs(1));
    assert_eq!(shard.take(id), [0]);
    shard.read(id, [0]);
    shard.wait(SESSION_PONG_TIMEOUT + Duration::from_secs(1));
    assert_eq!(shard.take(id), b"");
    // None was asked for: 3501.
    shard.read(id, [0]);
    shard.rest();
    let told = shard.take(id);
    assert_eq!(told[..4], [20, 0x22, 18, 0x5a]);
    assert!(told.ends_with(b"bad request"), "{told:?}");
}

#[test]
fn the_end_is_a_push_with_code_and_reason() {
    let mut shard = Shard::new(Config::default());
    for first in ["{}\n", "[]\n", "x\n", "{\"id\":1,\"rpc\":{}}\n"] {
        let (_, told) = saying(&mut shard, first);
        assert_eq!(told, [disconnect(3501, "bad request")], "{first}");
    }
    let (silent, told) = saying(&mut shard, "\n");
    assert_eq!(told, [""; 0]);
    shard.wait(HANDSHAKE_TIMEOUT + Duration::from_secs(1));
    assert_eq!(hear(&mut shard, silent), [disconnect(3502, "stale")]);
    let (id, _) = saying(&mut shard, &format!("{CONNECT}\n"));
    shard.wait(PING_INTERVAL + Duration::from_secs(1));
    assert_eq!(hear(&mut shard, id), ["{}"]);
    shard.wait(SESSION_PONG_TIMEOUT + Duration::from_secs(1));
    assert_eq!(hear(&mut shard, id), [disconnect(3012, "no pong")]);
}

#[test]
fn a_command_that_is_too_long_is_refused_before_it_is_there() {
    let config = Config {
        message_bytes_max: 100,
        ..Config::default()
    };
    let mut shard = Shard::new(config);
    let (id, _) = saying(&mut shard, &format!("{CONNECT}\n"));
    let told = ask(&mut shard, id, &"{".repeat(103));
    assert_eq!(told, [disconnect(1009, "protocol error")]);
}

#[test]
fn a_rate_slows_commands_down_as_it_does_messages() {
    let config = Config {
        message_rate: Rate::per_second(2),
        ..Config::default()
    };
    let mut shard = Shard::new(config);
    let (id, told) = saying(&mut shard, &format!("{CONNECT}\n"));
    assert_eq!(told.len(), 1);
    let rpc = "{\"id\":2,\"rpc\":{}}\n".repeat(4);
    let told = ask(&mut shard, id, &rpc).len();
    assert!(told < 4, "{told}");
    shard.wait(Duration::from_secs(3));
    assert_eq!(told + hear(&mut shard, id).len(), 4);
}

#[test]
fn a_client_that_closes_its_side_is_answered_first() {
    let mut shard = Shard::new(Config::default());
    let (id, _) = saying(&mut shard, &format!("{CONNECT}\n"));
    shard.read(id, "{\"id\":2,\"rpc\":{}}\n");
    shard.core.handle_read_end(id);
    shard.rest();
    let told = hear(&mut shard, id);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with(r#"{"id":2,"error":"#), "{told:?}");
}

/// Has no space for connections, until time has passed.
struct Full(bool);

impl Handler for Full {
    type Conn = ();
    type Answer = Answer;

    fn on_open(
        &mut self,
        _: &mut Cx<'_, (), Answer>,
        opening: &Opening<'_>,
    ) -> Result<(), Refusal> {
        assert!(matches!(opening, Opening::TcpSession));
        if std::mem::take(&mut self.0) {
            return Err(Busy::outside().into());
        }
        Ok(())
    }

    fn on_message(&mut self, _: &mut Cx<'_, (), Answer>, _: Message<'_>) -> Result<(), Halt> {
        panic!("a session has commands");
    }
}

#[test]
fn commands_wait_until_the_connection_is_accepted() {
    let mut shard = Shard::of(Config::default(), Full(true));
    let id = shard.connect_session(SessionFormat::Json);
    assert!(!shard.core.wants_bytes(id));
    shard.wait(Duration::from_secs(1));
    let told = ask(&mut shard, id, &format!("{CONNECT}\n"));
    assert_eq!(told.len(), 1, "{told:?}");
}
