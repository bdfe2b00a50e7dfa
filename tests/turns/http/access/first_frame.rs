//! TCP listeners that take the first frame as a token.

use std::time::Duration;

use corecast::auth::Denial;
use corecast::limits::TOKEN_BYTES_MAX;
use corecast::{CloseReason, Config};

use crate::http::access::{ann, server};
use crate::http::server::{Client, Server};

fn frame(payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap();
    [&len.to_be_bytes()[..], payload].concat()
}

/// A heartbeat, the token, and a message.
fn opening() -> Vec<u8> {
    [frame(b""), frame(ann().as_bytes()), frame(b"17")].concat()
}

fn connect() -> (Server, Client) {
    let mut server = server();
    let client = server.connect_asking();
    (server, client)
}

#[test]
fn a_token_in_the_first_frame_opens_wherever_it_is_cut() {
    let bytes = opening();
    for cut in 0..bytes.len() {
        let (mut server, client) = connect();
        for part in [&bytes[..cut], &bytes[cut..]] {
            server.send(client, part);
        }
        let expected = [frame(b""), frame(b"17")].concat();
        assert_eq!(server.take_bytes(client), expected, "cut at {cut}");
        assert_eq!(server.counters().messages_in, 1, "the token is no message");
    }
}

#[test]
fn a_client_that_sends_no_token_in_time_is_closed() {
    let timeout = Config::default().handshake_timeout;
    let bytes = opening();
    for (sent, closed) in [(0, true), (4, true), (20, true), (bytes.len(), false)] {
        let (mut server, client) = connect();
        server.send(client, &bytes[..sent]);
        server.wait(timeout.saturating_sub(Duration::from_secs(1)));
        assert!(server.is_there(client), "{sent} bytes");
        // A drop now and then gives it no more time.
        if closed && 0 < sent {
            server.send(client, &bytes[sent..=sent]);
        }
        server.wait(Duration::from_secs(2));
        let reason = closed.then_some(CloseReason::HandshakeTimeout);
        assert_eq!(server.ended(client), reason, "{sent} bytes");
    }
}

#[test]
fn a_wrong_token_and_a_frame_that_is_too_long_close_without_an_answer() {
    let (mut server, client) = connect();
    server.send(client, frame(b"nonsense"));
    assert_eq!(server.take_bytes(client), b"");
    assert_eq!(server.ended(client), Some(CloseReason::Refused(401)));
    assert_eq!(server.counters().denied[Denial::Malformed.index()], 1);
    let (mut server, client) = connect();
    // One byte more than the longest token behind a scheme: refused by its length.
    let len = TOKEN_BYTES_MAX + "apikey ".len() + 1;
    server.send(client, u32::try_from(len).unwrap().to_be_bytes());
    assert_eq!(server.ended(client), Some(CloseReason::Refused(401)));
    assert_eq!(server.counters().denied[Denial::TooLong.index()], 1);
}

#[test]
fn a_first_frame_is_a_token_or_what_a_request_would_have_as_authorization() {
    let token = ann();
    for (first, denial) in [
        (token.clone(), None),
        (format!(" {token}\r"), None),
        (format!("Bearer {token}"), None),
        // The key may only publish, and the listener's clients subscribe as well.
        ("apikey test".to_owned(), Some(Denial::Forbidden)),
        ("apikey tesT".to_owned(), Some(Denial::ApiKey)),
        ("test".to_owned(), Some(Denial::Malformed)),
        (format!("Basic {token}"), Some(Denial::Malformed)),
        (format!("{token} {token}"), Some(Denial::Malformed)),
    ] {
        let (mut server, client) = connect();
        server.send(client, frame(first.as_bytes()));
        let Some(denial) = denial else {
            assert_eq!(server.take_bytes(client), frame(b""), "{first}");
            continue;
        };
        let refused = CloseReason::Refused(denial.status());
        assert_eq!(server.ended(client), Some(refused), "{first}");
        assert_eq!(server.counters().denied[denial.index()], 1, "{first}");
    }
}

#[test]
fn a_client_that_closes_its_side_before_its_token_is_gone() {
    let (mut server, client) = connect();
    server.send(client, &opening()[..10]);
    server.end(client);
    assert_eq!(server.ended(client), Some(CloseReason::Client));
}
