//! Clients with tokens, at a server that wants them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use corecast::auth::{ApiKeys, Auth, Key, Places, Rules, Verifier, create};
use corecast::client::{Event, Reason};
use corecast::sys::time_of_day::since_1970;
use corecast::{Kind, Listener, Relay, Server};

use crate::client::{message, next, reason, to};
use crate::support::server::{ANY, Running};
use crate::support::wait::in_a_while;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// A server where ann and bob may do everything with the topic `lobby`, and other clients nothing.
fn server() -> Running {
    let auth = Auth {
        verifier: Verifier::new(vec![Key::hmac(SECRET).unwrap()]).leeway(Duration::ZERO),
        api_keys: ApiKeys::default(),
        rules: Rules::parse(["users all lobby"]).unwrap(),
        anonymous: false,
        insecure: false,
    };
    let device = Listener::tcp(ANY, "lobby").credential(true);
    let builder = Server::builder().shards(1).pin(false).http(ANY);
    let builder = builder.listen(device).auth(auth, Places::default());
    Running::with(builder, |_| Relay::default())
}

/// A token of a user that expires in so many seconds.
fn token(user: &str, secs: u64) -> String {
    let exp = since_1970().as_secs() + secs;
    create(SECRET, &format!(r#"{{"sub":"{user}","exp":{exp}}}"#)).unwrap()
}

#[test]
fn a_fixed_token_opens_websocket_and_tcp() {
    let server = server();
    let web = to(&format!("ws://{}/ws/lobby", server.http())).token(token("ann", 600));
    let device = to(&format!("tcp://{}", server.tcp())).token(token("bob", 600));
    let mut clients = [web, device].map(|builder| builder.connect().unwrap());
    for client in &mut clients {
        assert!(matches!(next(client), Event::Connected { attempts: 1, .. }));
    }
    let [web, device] = &mut clients;
    device.send(Kind::Binary, b"21.5", in_a_while()).unwrap();
    assert_eq!(message(web).1, b"21.5");
}

#[test]
fn a_refused_token_ends_a_client_that_has_no_other() {
    let server = server();
    let url = |topic: &str| format!("ws://{}/ws/{topic}", server.http());
    for (builder, expected) in [
        (to(&url("lobby")), 401),
        (to(&url("lobby")).token("nonsense"), 401),
        (to(&url("elsewhere")).token(token("ann", 600)), 403),
        (
            to(&url("elsewhere")).token_with(|| Ok::<_, String>(token("ann", 600))),
            403,
        ),
    ] {
        let (why, retry_in) = reason(&mut builder.connect().unwrap());
        assert!(
            matches!(why, Reason::Refused { status, .. } if status == expected),
            "{why}"
        );
        assert_eq!(retry_in, None);
    }
}

/// The first call makes no token, the second a wrong one, and the others such that expire soon.
#[test]
fn a_client_comes_back_with_another_token() {
    let server = server();
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let web = to(&format!("ws://{}/ws/lobby", server.http())).token_with(move || {
        match counted.fetch_add(1, Ordering::Relaxed) {
            0 => Err("nobody has logged in"),
            1 => Ok("wrong".to_owned()),
            _ => Ok(token("ann", 2)),
        }
    });
    let mut client = web.connect().unwrap();
    let (why, retry_in) = reason(&mut client);
    assert!(matches!(why, Reason::Token(_)), "{why}");
    assert!(why.to_string().ends_with(": nobody has logged in"), "{why}");
    assert!(retry_in.is_some());
    let (why, retry_in) = reason(&mut client);
    assert!(matches!(why, Reason::Refused { status: 401, .. }), "{why}");
    assert!(retry_in.is_some());
    // A busy machine may show a token too late.
    let mut has_expired = false;
    let mut is_back = false;
    while !is_back {
        match next(&mut client) {
            Event::Connected { .. } => is_back = has_expired,
            Event::Disconnected { reason, retry_in } => {
                has_expired |= matches!(
                    reason,
                    Reason::Closed {
                        code: Some(3005),
                        ..
                    }
                );
                assert!(retry_in.is_some(), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(4 <= calls.load(Ordering::Relaxed));
}
