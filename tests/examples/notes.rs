//! A user reads and writes its own notes, and a client without a token nothing.

use std::io::{Read, Write};
use std::net::TcpStream;

use corecast::auth::create;
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Error, HandshakeError};

use crate::example::Example;

/// The example's.
const SECRET: &[u8] = b"only for this example: 32 bytes.";

#[test]
fn notes_are_for_their_user_and_health_is_for_everyone() {
    let notes = Example::start("notes", &[]);
    let token = create(SECRET, r#"{"sub":"ann"}"#).unwrap();
    let open = |path: &str, token: Option<&str>| {
        let mut request = format!("ws://{}{path}", notes.http)
            .into_client_request()
            .unwrap();
        if let Some(token) = token {
            let bearer = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
            request.headers_mut().insert("Authorization", bearer);
        }
        let stream = TcpStream::connect(notes.http).unwrap();
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(socket),
            Err(HandshakeError::Failure(Error::Http(response))) => Err(response.status().as_u16()),
            Err(other) => panic!("{other:?}"),
        }
    };
    let mut own = open("/ann", Some(&token)).unwrap();
    own.send("a note".into()).unwrap();
    assert_eq!(own.read().unwrap().into_text().unwrap(), "a note");
    assert_eq!(open("/bob", Some(&token)).unwrap_err(), 403);
    assert_eq!(open("/ann", None).unwrap_err(), 401);
    let mut health = TcpStream::connect(notes.http).unwrap();
    health
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    health.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    notes.end();
}
