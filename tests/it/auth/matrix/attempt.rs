//! One client: it connects, shows its credential, and looks at what comes.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use corecast::auth::Denial;

use super::scene::{Scene, key, token};
use super::{Answer, Fault, Listener, Place};
use crate::support::framed::frame;
use crate::support::http::{read_head, upgrade_request};
use crate::support::socket::is_reset;
use crate::support::tls::shake;

/// A client with its credential.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) listener: Listener,
    pub(super) place: Place,
    pub(super) fault: Fault,
    /// Where the place has one.
    pub(super) token: String,
    /// The page that sends a cookie.
    pub(super) origin: &'static str,
}

impl Attempt {
    /// That of a cell of the table.
    pub(super) fn new(listener: Listener, place: Place, fault: Fault) -> Self {
        Self {
            listener,
            place,
            fault,
            token: token(fault),
            origin: "https://app.example",
        }
    }

    /// What the client sees; whether an end was a denial is not seen.
    pub(super) fn run(&self, scene: &Scene) -> Answer {
        let mut plain = scene.dial(self.listener, self.place);
        if !self.listener.is_tls() {
            return self.speak(&mut plain, |plain| plain.shutdown(Shutdown::Write).unwrap());
        }
        let client = scene.client(self.place, self.fault);
        // Over TLS 1.3 the client has shaken hands before the server looks at its certificate.
        let mut tls = shake(plain, client, "localhost").unwrap();
        self.speak(&mut tls, |tls| {
            tls.conn.send_close_notify();
            tls.flush().unwrap();
            tls.sock.shutdown(Shutdown::Write).unwrap();
        })
    }

    fn speak<S: Read + Write>(&self, stream: &mut S, end: impl FnOnce(&mut S)) -> Answer {
        let Some(framing) = self.listener.framing() else {
            let sent = stream.write_all(self.request().as_bytes());
            return match sent.and_then(|()| peek(stream)) {
                Ok(Some(first)) => status(&mut [first].as_slice().chain(stream)),
                other => answer_of(other),
            };
        };
        let credential = match self.place {
            Place::FirstFrame => Some(self.token.clone()),
            Place::FirstFrameKey => Some(format!("apikey {}", key(self.fault))),
            _ => None,
        };
        match credential {
            Some(_) if self.fault == Fault::Missing => end(stream),
            Some(credential) => {
                let credential = frame(framing, credential.as_bytes());
                stream.write_all(&credential).unwrap();
            }
            None => {}
        }
        answer_of(peek(stream))
    }

    /// A request with the credential in its place.
    fn request(&self) -> String {
        let has_credential = self.fault != Fault::Missing;
        let (token, key) = (&self.token, key(self.fault));
        let mut path = match self.listener {
            Listener::Events | Listener::EventsTls => "/sse/room".to_owned(),
            _ => "/ws/room".to_owned(),
        };
        let mut fields = String::new();
        match self.place {
            _ if !has_credential => {}
            Place::Bearer => fields = format!("Authorization: Bearer {token}\r\n"),
            Place::ApikeyScheme => fields = format!("Authorization: apikey {key}\r\n"),
            Place::ApiKeyField => fields = format!("X-API-Key: {key}\r\n"),
            Place::Cookie => {
                let origin = self.origin;
                fields = format!("Origin: {origin}\r\nCookie: a=b; token={token}\r\n");
            }
            Place::Query => path.push_str(&format!("?token={token}")),
            Place::Subprotocol => {
                fields = format!("Sec-WebSocket-Protocol: chat, bearer.{token}\r\n");
            }
            Place::FirstFrame | Place::FirstFrameKey | Place::Certificate => {}
        }
        let request = match self.listener {
            Listener::Events | Listener::EventsTls => {
                format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")
            }
            _ => upgrade_request(&path),
        };
        request.replacen("Host:", &format!("{fields}Host:"), 1)
    }
}

/// The first byte, or `None` at the end of the stream.
fn peek(stream: &mut impl Read) -> io::Result<Option<u8>> {
    let mut first = [0];
    match stream.read(&mut first) {
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(first[0])),
        Err(err) if is_reset(&err) || err.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(err) => Err(err),
    }
}

fn answer_of(first: io::Result<Option<u8>>) -> Answer {
    match first {
        Ok(Some(_)) => Answer::Open,
        Ok(None) => Answer::End(None),
        Err(err) => Answer::Alert(alert(&err)),
    }
}

/// The alert of TLS that an error tells of.
fn alert(err: &io::Error) -> String {
    let inner = err.get_ref().and_then(|err| err.downcast_ref());
    match inner {
        Some(rustls::Error::AlertReceived(alert)) => format!("{alert:?}"),
        _ => panic!("no alert: {err}"),
    }
}

/// The answer to a request.
fn status(stream: &mut impl Read) -> Answer {
    let head = read_head(stream);
    if [101, 200].contains(&head.status) {
        return Answer::Open;
    }
    let len: usize = head.field("content-length").unwrap().parse().unwrap();
    let mut body = vec![0; len];
    stream.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    let has_reason = |denial: &Denial| denial.to_string() == body.trim_end();
    let denial = Denial::ALL.into_iter().find(has_reason);
    let has_challenge = head.field("www-authenticate").is_some();
    assert_eq!(has_challenge, head.status == 401, "{}", head.head);
    Answer::Status(head.status, denial)
}
