//! A connection ends with its token.

use std::time::Duration;

use corecast::{CloseReason, Config};

use crate::http::access::{NOW, SECRET, UPGRADE, ask, auth, server_with, status, token};

/// A config in which silent clients are not closed.
fn patient() -> Config {
    Config {
        ping_interval: Duration::from_secs(86_400),
        ..Config::default()
    }
}

fn opened_with(claims: &str) -> (crate::http::server::Server, crate::http::server::Client) {
    let mut server = server_with(auth(), patient());
    let claims = format!(r#"{{"sub":"ann","iss":"us","aud":"here",{claims}}}"#);
    let bearer = format!("Authorization: Bearer {}\r\n", token(SECRET, &claims));
    let (client, answer) = ask(&mut server, "/ws/room", &format!("{UPGRADE}{bearer}"));
    assert_eq!(status(&answer), 101);
    (server, client)
}

/// Below and above the time that its token gives a connection, with the leeway of 30 s.
#[test]
fn a_connection_is_closed_with_3005_when_its_token_is_not_accepted_any_more() {
    for (claims, end) in [
        (format!(r#""exp":{}"#, NOW + 60), 90),
        (
            format!(r#""exp":{},"expire_at":{}"#, NOW + 60, NOW + 600),
            630,
        ),
        // Within the leeway already.
        (format!(r#""exp":{}"#, NOW - 20), 10),
    ] {
        let (mut server, client) = opened_with(&claims);
        server.wait(Duration::from_secs(end - 1));
        assert_eq!(server.take_bytes(client), b"", "{claims}");
        server.wait(Duration::from_secs(2));
        let reason = b"the token has expired; connect with a new one";
        let len = u8::try_from(2 + reason.len()).unwrap();
        let close = [&[0x88, len, 0x0b, 0xbd], &reason[..]].concat();
        assert_eq!(server.take_bytes(client), close, "{claims}");
        let count = server.counters().closed[CloseReason::Expired.index()];
        assert!(count <= 1, "counted when it has ended");
    }
}

#[test]
fn a_token_without_expiry_and_one_that_does_not_end_its_connection_have_no_end() {
    let endless = format!(r#""exp":{},"expire_at":0"#, NOW + 60);
    for claims in [r#""jti":"x""#, &endless, r#""exp":9223372036854775808"#] {
        let (mut server, client) = opened_with(claims);
        server.wait(Duration::from_secs(80_000));
        assert_eq!(server.take_bytes(client), b"", "{claims}");
    }
}
