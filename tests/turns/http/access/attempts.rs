//! Credentials that are not accepted are throttled, where an address has a rate.

use corecast::auth::Denial;
use corecast::throttle::{Throttle, Throttles};
use corecast::{Config, Rate};

use crate::http::access::{OTHER, SECRET, ann, auth, server_with, status, token};
use crate::http::server::Server;

/// The status of a request for the head of a stream, which opens nothing.
fn ask(server: &mut Server, addr: &str, token: &str) -> u16 {
    let client = server.connect_from(addr.parse().ok());
    let request =
        format!("HEAD /sse/read HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
    server.send(client, request);
    status(&server.take(client))
}

#[test]
fn tokens_cannot_be_tried_faster_than_connections_may_be_opened() {
    let mut server = server_with(auth(), Config::default());
    server.limit_openings(Throttles {
        addresses: Rate::per_second(2).map(|rate| Throttle::new(rate, 16)),
        users: None,
    });
    let here = "192.0.2.1:1000";
    let claims = r#"{"sub":"ann","iss":"us","aud":"here"}"#;
    for _ in 0..5 {
        assert_eq!(ask(&mut server, here, &ann()), 200);
    }
    let expired = token(SECRET, r#"{"sub":"ann","iss":"us","aud":"here","exp":1}"#);
    assert_eq!(ask(&mut server, here, &token(OTHER, claims)), 401);
    assert_eq!(ask(&mut server, here, &expired), 401);
    assert_eq!(ask(&mut server, here, &expired), 429);
    assert_eq!(ask(&mut server, here, &ann()), 429, "nothing is checked");
    assert_eq!(ask(&mut server, "192.0.2.2:1000", &ann()), 200);
    let denied = server.counters().denied;
    assert_eq!(denied[Denial::Expired.index()], 1);
    assert_eq!(denied[Denial::Throttled.index()], 2);
}
