//! A well-behaved WebSocket client, by tungstenite.

use std::net::{SocketAddr, TcpStream};

use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Response;
use tungstenite::http::HeaderValue;
use tungstenite::{Error, Message, WebSocket};

use crate::support::socket::{RetryStream, dial, dial_small};
use crate::support::wait::{in_a_while, now};

/// A well-behaved WebSocket client: it answers pings while it waits for messages.
#[derive(Debug)]
pub(crate) struct Ws(WebSocket<RetryStream<TcpStream>>);

impl Ws {
    /// Connects and waits for the 101: subscriptions are live.
    pub(crate) fn connect(addr: SocketAddr, path: &str) -> Self {
        Self::over(dial(addr), path)
    }

    /// A client of `lobby` that has published more than sockets hold, and a subscriber that has
    /// read nothing of it, and holds up a drain.
    pub(crate) fn with_slow(http: SocketAddr) -> (Self, Self) {
        let slow = Self::over(dial_small(http), "/sub/lobby");
        let mut ws = Self::connect(http, "/ws/lobby");
        for _ in 0..100 {
            ws.send_binary(&[0; 5_000]);
            ws.next_payload();
        }
        (ws, slow)
    }

    /// The same over a socket of the caller's.
    pub(crate) fn over(stream: TcpStream, path: &str) -> Self {
        Self::upgrade(stream, path, &[]).0
    }

    /// The same with header fields, and the answer.
    pub(crate) fn upgrade(
        stream: TcpStream,
        path: &str,
        fields: &[(&'static str, &'static str)],
    ) -> (Self, Response) {
        // A Unix-domain socket has no address for `Host`.
        let host = stream
            .peer_addr()
            .map_or_else(|_| "localhost".to_owned(), |addr| addr.to_string());
        let mut request = format!("ws://{host}{path}").into_client_request().unwrap();
        for (name, value) in fields {
            let value = HeaderValue::from_static(value);
            request.headers_mut().append(*name, value);
        }
        let (client, answer) = tungstenite::client(request, RetryStream(stream)).unwrap();
        (Self(client), answer)
    }

    pub(crate) fn send_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    pub(crate) fn send_binary(&mut self, bytes: &[u8]) {
        self.0.send(Message::binary(bytes.to_vec())).unwrap();
    }

    /// The next message, or close frame.
    pub(crate) fn next(&mut self) -> Message {
        let deadline = in_a_while();
        loop {
            match self.0.read().expect("the next message") {
                Message::Ping(_) | Message::Pong(_) => assert!(now() < deadline, "but pings"),
                message => return message,
            }
        }
    }

    /// The payload of the next message.
    pub(crate) fn next_payload(&mut self) -> Vec<u8> {
        match self.next() {
            Message::Close(close) => panic!("the server has closed: {close:?}"),
            message => message.into_data().to_vec(),
        }
    }

    /// The text of the next message, which must be one.
    pub(crate) fn next_text(&mut self) -> String {
        match self.next() {
            Message::Text(text) => text.as_str().to_owned(),
            other => panic!("not a text: {other:?}"),
        }
    }

    /// Reads to the close frame, which must be next, and to the end of the stream after it.
    pub(crate) fn expect_close(&mut self) -> (u16, String) {
        let close = match self.next() {
            Message::Close(Some(close)) => (close.code.into(), close.reason.as_str().to_owned()),
            other => panic!("not a close frame: {other:?}"),
        };
        let end = self.0.read().expect_err("nothing follows a close frame");
        assert!(matches!(end, Error::ConnectionClosed), "{end}");
        close
    }
}
