//! An identity provider: a key set over HTTP, and tokens.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ED25519};
use serde_json::json;

/// A key of the provider, with its id.
pub(super) struct Pair {
    id: String,
    pair: KeyPair,
}

impl Pair {
    pub(super) fn new(id: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let id = id.to_owned();
        Self { id, pair }
    }

    /// A token of the user Ann, signed with this key.
    pub(super) fn token(&self) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.id.clone());
        let key = EncodingKey::from_ed_der(&self.pair.serialize_der());
        jsonwebtoken::encode(&header, &json!({"sub": "ann"}), &key).unwrap()
    }

    fn jwk(&self) -> serde_json::Value {
        let x = BASE64URL_NOPAD.encode(self.pair.public_key_raw());
        json!({"kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": x, "use": "sig"})
    }
}

/// An answer of the provider.
pub(super) enum Reply {
    /// A status and a body.
    Http(u16, String),
    /// The end of the connection.
    Nothing,
    /// No answer while the provider is there.
    Silence,
}

/// The key set with these keys.
pub(super) fn set(pairs: &[&Pair]) -> Reply {
    let keys: Vec<_> = pairs.iter().map(|pair| pair.jwk()).collect();
    Reply::Http(200, json!({ "keys": keys }).to_string())
}

/// A server that gives one of several replies, and counts the requests.
pub(super) struct Provider {
    pub(super) addr: SocketAddr,
    reply: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
}

impl Provider {
    pub(super) fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (reply, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (current, count) = (Arc::clone(&reply), Arc::clone(&asked));
        thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                match &replies[current.load(Ordering::SeqCst)] {
                    Reply::Http(status, body) => answer(stream, *status, body),
                    Reply::Nothing => drop(stream),
                    Reply::Silence => silent.push(stream),
                }
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { addr, reply, asked }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/keys", self.addr)
    }

    /// Gives another reply from now on.
    pub(super) fn turn_to(&self, reply: usize) {
        self.reply.store(reply, Ordering::SeqCst);
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Answers the first request of a connection; a client that has gone is no concern.
fn answer(mut stream: TcpStream, status: u16, body: &str) {
    let mut head = [0; 4096];
    let _read = stream.read(&mut head);
    let len = body.len();
    let fields = format!("Content-Length: {len}\r\nLocation: /keys\r\nConnection: close");
    let answer = format!("HTTP/1.1 {status} Reply\r\n{fields}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).ok();
}
