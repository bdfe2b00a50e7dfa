use std::sync::Arc;
use std::time::Duration;

use super::{MALFORMED, Token, TokenSource};
use crate::client::core::event::Event;
use crate::client::core::settings::Settings;
use crate::client::core::tests::{
    FIRST_DELAY, START, connected, disconnected, events, grant, half, live_with, secs, sent, tcp,
    websocket,
};
use crate::client::core::{Core, State};
use crate::time::Now;

fn token(text: &str) -> Token {
    Token::parse(text.to_owned()).unwrap()
}

fn renewing() -> Settings {
    Settings {
        renews_token: true,
        ..websocket()
    }
}

/// An attempt with a token, up to the socket; what is sent first.
fn attempt(core: &mut Core, text: &str, now: Now) -> Vec<u8> {
    core.handle_timeout(now);
    assert!(core.take_dial());
    core.handle_token(token(text), now);
    core.handle_connected(now);
    core.out().to_vec()
}

fn refuse(core: &mut Core, head: &str) -> (String, Option<Duration>) {
    let answer = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n");
    core.handle_bytes(&mut answer.into_bytes(), START);
    match core.take_event() {
        Some(Event::Disconnected { reason, retry_in }) => (reason.to_string(), retry_in),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_goes_into_the_request_or_is_the_first_frame() {
    let mut core = Core::new(websocket(), half, START);
    let request = attempt(&mut core, "a.b.c", START);
    let request = String::from_utf8(request).unwrap();
    assert!(
        request.contains("\r\nAuthorization: Bearer a.b.c\r\n"),
        "{request}"
    );
    let mut core = Core::new(tcp(), half, START);
    assert_eq!(attempt(&mut core, "a.b.c", START), b"\0\0\0\x05a.b.c");
    sent(&mut core);
    core.handle_bytes(&mut [0; 4], START);
    assert_eq!(
        events(&mut core),
        ["Connected { protocol: None, attempts: 1 }"]
    );
    let core = connected(tcp());
    assert!(core.out().is_empty(), "no token, no frame");
}

#[test]
fn the_time_of_an_attempt_begins_when_it_has_its_token() {
    let mut core = Core::new(websocket(), half, START);
    core.handle_timeout(START);
    assert!(core.take_dial());
    core.handle_token(token("x"), secs(60));
    core.handle_timeout(secs(69));
    assert!(matches!(core.state, State::Dialing { .. }));
    core.handle_timeout(secs(70));
    assert!(events(&mut core)[0].contains("Timeout(Connect)"));
}

#[test]
fn a_refused_token_is_followed_by_another_and_a_forbidden_one_by_none() {
    let mut core = Core::new(renewing(), half, START);
    let mut now = START;
    for (failures, text) in ["one", "two", "three"].into_iter().enumerate() {
        let request = attempt(&mut core, text, now);
        let request = String::from_utf8(request).unwrap();
        assert!(request.contains(&format!("Bearer {text}\r\n")), "{request}");
        let (_, retry_in) = refuse(&mut core, "401 Unauthorized");
        let delay = FIRST_DELAY.unwrap() * (1 << failures);
        assert_eq!(retry_in.unwrap().as_millis(), delay.as_millis());
        now = core.next_deadline().unwrap();
    }
    attempt(&mut core, "four", now);
    assert_eq!(refuse(&mut core, "403 Forbidden").1, None);
    assert!(core.is_ended());
    let mut core = connected(websocket());
    assert_eq!(
        refuse(&mut core, "401 Unauthorized").1,
        None,
        "the same again"
    );
}

#[test]
fn an_expired_token_is_replaced_within_the_first_delay_and_an_ended_user_stays_away() {
    for (code, retry_in) in [
        (3005_u16, FIRST_DELAY),
        (3503, None),
        (3504, None),
        (3999, None),
        (1013, FIRST_DELAY),
    ] {
        let mut core = live_with(renewing());
        let [high, low] = code.to_be_bytes();
        core.handle_bytes(&mut [0x88, 2, high, low], secs(100));
        core.handle_end(None, secs(100));
        let reason = format!("Closed {{ code: Some({code}), text: \"\" }}");
        assert_eq!(events(&mut core), disconnected(&reason, retry_in));
    }
}

#[test]
fn a_server_that_goes_says_when_to_come_back() {
    for (text, asked) in [
        ("server shuts down; retry-after=7s", 7),
        ("retry-after=99999999999s", 3_600),
        ("later", 0),
    ] {
        let mut core = live_with(renewing());
        let mut frame = vec![0x88, 2 + u8::try_from(text.len()).unwrap(), 3, 0xE9];
        frame.extend_from_slice(text.as_bytes());
        core.handle_bytes(&mut frame, secs(100));
        core.handle_end(None, secs(100));
        let reason = format!("Closed {{ code: Some(1001), text: {text:?} }}");
        let retry_in = FIRST_DELAY.map(|delay| Duration::from_secs(asked) + delay);
        assert_eq!(events(&mut core), disconnected(&reason, retry_in));
    }
}

#[test]
fn a_server_that_is_busy_says_when_to_come_back() {
    let hour = Duration::from_secs(3600);
    for (head, asked) in [
        ("429 x\r\nRetry-After: 7", Duration::from_secs(7)),
        ("503 x\r\nRetry-After: 1", Duration::from_secs(1)),
        ("503 x\r\nRetry-After: 99999999999", hour),
        (
            "503 x\r\nRetry-After: Mon, 30 Nov 2026 08:00:00 GMT",
            Duration::ZERO,
        ),
        ("503 x\r\nRetry-After: -1", Duration::ZERO),
        ("500 x\r\nRetry-After: 7", Duration::ZERO),
        ("429 x", Duration::ZERO),
    ] {
        let mut core = connected(websocket());
        let (_, retry_in) = refuse(&mut core, head);
        assert_eq!(retry_in, FIRST_DELAY.map(|delay| asked + delay), "{head}");
    }
}

#[test]
fn a_token_that_is_malformed_or_not_made_is_no_token() {
    let made = |result: Result<&'static str, &'static str>| {
        let make = move || Ok(result.map(str::to_owned)?);
        TokenSource::Made(Arc::new(make)).token()
    };
    assert_eq!(made(Ok("a.b")).unwrap().text(), "a.b");
    for (result, why) in [(Ok("a\nb"), MALFORMED), (Err("no login"), "no login")] {
        let reason = made(result).unwrap_err();
        assert!(!reason.is_terminal());
        let expected = format!("there is no token to connect with: {why}");
        assert_eq!(reason.to_string(), expected);
    }
    let mut core = connected(websocket());
    grant(&mut core);
    assert!(core.token.is_none());
    assert_eq!(format!("{:?}", token("sesame")), "Token(..)");
}
