use std::time::Duration;

use crate::client::core::Core;
use crate::client::core::event::Event;
use crate::client::core::settings::Settings;
use crate::client::core::tests::{
    FIRST_DELAY, START, connected, dial, disconnected, events, frame, grant, half, live, live_with,
    read, secs, sent, tcp, websocket,
};
use crate::limits::CLIENT_INBOX_BYTES_HIGH;
use crate::proto::Kind;
use crate::time::Now;

fn refused(status: u16, body: &str) -> String {
    let body = body.as_bytes();
    format!("Refused {{ status: {status}, body: {body:?}, retry_after: None }}")
}

#[test]
fn a_refusal_has_its_status_and_its_body_however_it_ends() {
    let body = |head: &str, body: &str| format!("HTTP/1.1 {head}\r\n{body}").into_bytes();
    for (bytes, ends, status, text, is_final) in [
        (
            body("404 x\r\nContent-Length: 2\r\n", "no, more"),
            false,
            404,
            "no",
            true,
        ),
        (body("403 x\r\n", "no"), true, 403, "no", true),
        (
            body("429 x\r\nContent-Length: 0\r\n", ""),
            false,
            429,
            "",
            false,
        ),
        (
            body("503 x\r\nContent-Length: 9\r\n", "no"),
            true,
            503,
            "no",
            false,
        ),
        (
            body(
                "200 x\r\nTransfer-Encoding: chunked\r\n",
                "2\r\nno\r\n0\r\n\r\n",
            ),
            false,
            200,
            "no",
            false,
        ),
    ] {
        for step in [1, 3, 1000] {
            let mut core = connected(websocket());
            sent(&mut core);
            let early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
            for piece in [&early[..], &bytes].concat().chunks(step) {
                core.handle_bytes(&mut piece.to_vec(), START);
            }
            if ends {
                core.handle_end(None, START);
            }
            let reason = refused(status, text);
            let retry_in = if is_final { None } else { FIRST_DELAY };
            assert_eq!(
                events(&mut core),
                disconnected(&reason, retry_in),
                "step {step}"
            );
        }
    }
    let mut core = connected(websocket());
    core.handle_bytes(&mut body("500 x\r\n", "half"), START);
    core.handle_timeout(secs(10));
    let reason = refused(500, "half");
    assert_eq!(
        events(&mut core),
        disconnected(&reason, FIRST_DELAY),
        "in its time"
    );
    let mut core = connected(websocket());
    core.handle_bytes(&mut body("500 x\r\n", &"x".repeat(100_000)), START);
    assert_eq!(events(&mut core).len(), 1, "a long body is cut");
}

#[test]
fn a_server_that_is_none_is_no_reason_to_stop() {
    let mut core = connected(websocket());
    core.handle_bytes(&mut b"\0\0\0\0".to_vec(), START);
    let reason = "Handshake(Head(NotHttp))";
    assert_eq!(events(&mut core), disconnected(reason, FIRST_DELAY));
    let mut core = connected(tcp());
    core.handle_bytes(&mut b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), START);
    let reason = "Protocol(FrameTooLong { len: 1213486160, limit: 1048576 })";
    assert_eq!(events(&mut core), disconnected(reason, None));
    let mut core = connected(tcp());
    core.handle_bytes(&mut b"\0\0\0\x01x".to_vec(), START);
    let reason = "Handshake(NotLive)";
    assert_eq!(events(&mut core), disconnected(reason, FIRST_DELAY));
}

#[test]
fn delays_grow_until_a_connection_has_lasted() {
    let mut core = Core::new(websocket(), half, START);
    let mut now = START;
    let attempt = |core: &mut Core, now: &mut Now, lasts: u64| {
        dial(core, *now);
        let mut bytes = grant(core);
        core.handle_bytes(&mut bytes, *now);
        *now = now.plus(Duration::from_secs(lasts));
        core.handle_end(None, *now);
        let (_, last) = (core.take_event(), core.take_event());
        let Some(Event::Disconnected {
            retry_in: Some(delay),
            ..
        }) = last
        else {
            panic!("{last:?}");
        };
        *now = now.plus(delay);
        assert_eq!(core.next_deadline(), Some(*now));
        u64::try_from(delay.as_millis()).unwrap()
    };
    for most in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        let delay = attempt(&mut core, &mut now, 29);
        assert_eq!(
            delay / 10,
            most * 128 / 255 / 10,
            "a server that accepts and closes"
        );
    }
    assert_eq!(attempt(&mut core, &mut now, 30), 250, "one that lasted");
    assert_eq!(attempt(&mut core, &mut now, 0), 501);
}

#[test]
fn attempts_are_counted_and_late_ones_end() {
    let mut core = Core::new(websocket(), half, START);
    core.handle_timeout(START);
    assert!(core.take_dial());
    core.handle_timeout(secs(10));
    let late = disconnected("Timeout(Connect)", FIRST_DELAY);
    assert_eq!(events(&mut core), late);
    dial(&mut core, secs(11));
    core.handle_timeout(secs(21));
    assert!(events(&mut core)[0].contains("Timeout(Handshake)"));
    dial(&mut core, secs(30));
    let mut bytes = grant(&mut core);
    core.handle_bytes(&mut bytes, secs(30));
    assert_eq!(
        events(&mut core),
        ["Connected { protocol: None, attempts: 3 }"]
    );
}

#[test]
fn switches_decide_whether_to_come_back() {
    let once = Settings {
        reconnect: false,
        ..websocket()
    };
    let mut core = live_with(once);
    core.handle_end(None, START);
    assert_eq!(events(&mut core), disconnected("EndOfStream", None));
    let stubborn = Settings {
        retry_refusals: true,
        ..websocket()
    };
    let mut core = connected(stubborn);
    core.handle_bytes(
        &mut b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n".to_vec(),
        START,
    );
    let reason = refused(404, "");
    assert_eq!(events(&mut core), disconnected(&reason, FIRST_DELAY));
}

#[test]
fn a_silent_server_is_pinged_and_given_up() {
    let mut core = live();
    assert_eq!(core.next_deadline(), Some(secs(25)));
    core.handle_timeout(secs(24));
    assert!(core.out().is_empty());
    core.handle_timeout(secs(25));
    assert_eq!(read(&mut core), ["Ping([])"]);
    core.handle_bytes(&mut b"\x8a\0".to_vec(), secs(34));
    core.handle_timeout(secs(58));
    assert!(core.out().is_empty(), "it lives");
    core.handle_timeout(secs(59));
    assert_eq!(read(&mut core), ["Ping([])"]);
    core.handle_timeout(secs(68));
    assert_eq!(events(&mut core), [""; 0]);
    core.handle_timeout(secs(69));
    assert!(events(&mut core)[0].contains("Timeout(Pong)"));
}

#[test]
fn a_client_that_does_not_read_does_not_declare_the_server_dead() {
    let mut core = live();
    let mut big = frame(Kind::Binary, &vec![0; CLIENT_INBOX_BYTES_HIGH]);
    core.handle_bytes(&mut big, START);
    assert!(!core.wants_bytes());
    core.handle_timeout(secs(100));
    assert!(core.out().is_empty());
    assert!(core.take_event().is_some() && core.wants_bytes());
    assert_eq!(core.next_deadline(), Some(secs(125)));
}

#[test]
fn over_tcp_an_empty_frame_shows_life_and_silence_is_only_late_if_said_so() {
    let mut core = live_with(tcp());
    core.handle_bytes(&mut b"\0\0\0\x01x".to_vec(), secs(20));
    core.handle_timeout(secs(25));
    assert_eq!(sent(&mut core), [0; 4]);
    assert_eq!(
        core.next_deadline(),
        Some(secs(50)),
        "and not again at once"
    );
    core.send(Kind::Binary, b"x", secs(30)).unwrap();
    assert_eq!(core.next_deadline(), Some(secs(55)));
    core.handle_timeout(secs(1_000));
    core.handle_timeout(secs(2_000));
    assert!(core.has_socket());
    let mut core = live_with(Settings {
        idle_timeout: Some(Duration::from_secs(7)),
        ..tcp()
    });
    assert_eq!(core.next_deadline(), Some(secs(7)));
    core.handle_timeout(secs(7));
    assert_eq!(
        events(&mut core),
        disconnected("Timeout(Idle)", FIRST_DELAY)
    );
}
