//! A client for programs without an async runtime: WebSocket and length-prefixed TCP, with TLS or
//! without, with deadlines, and coming back by itself.
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use corecast::client::{Client, Event};
//! use corecast::{Kind, Relay, Server};
//!
//! let server = Server::builder()
//!     .http("127.0.0.1:0".parse()?)
//!     .shards(1)
//!     .start(|_shard| Relay::default())?;
//!
//! let url = format!("ws://{}/ws/lobby", server.http_addrs()[0]);
//! let deadline = Instant::now() + Duration::from_secs(30);
//! let mut client = Client::builder(&url)?.connect()?;
//! let first = client.recv(deadline)?;
//! assert!(matches!(first, Event::Connected { attempts: 1, .. }));
//!
//! client.send(Kind::Text, b"hello", deadline)?;
//! match client.recv(deadline)? {
//!     Event::Message { kind, payload } => assert_eq!((kind, &payload[..]), (Kind::Text, &b"hello"[..])),
//!     other => panic!("not what was published: {other:?}"),
//! }
//! client.close(deadline)?;
//!
//! server.handle().stop();
//! server.join()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # One thread keeps it going
//!
//! There is no thread behind a client: its calls read, write, answer pings and come back, and
//! between them nothing happens. So call [`Client::recv`] in a loop, with a deadline if there is
//! other work. A client that is left alone for longer than the server's patience is closed; the
//! server of this package has some 30 seconds. Other threads send through a [`Sender`]:
//!
//! ```no_run
//! use std::time::{Duration, Instant};
//!
//! use corecast::Kind;
//! use corecast::client::{Client, Event, RecvError};
//!
//! let mut client = Client::builder("tcp://sensors.example:9000")?.connect()?;
//! let sender = client.sender();
//! std::thread::spawn(move || sender.send(Kind::Binary, b"21.5".to_vec()));
//! loop {
//!     match client.recv(Instant::now() + Duration::from_secs(1)) {
//!         Ok(Event::Message { payload, .. }) => println!("{payload:?}"),
//!         Ok(Event::Disconnected { reason, retry_in: None }) => return Err(reason.into()),
//!         Ok(other) => println!("{other:?}"),
//!         Err(RecvError::Timeout) => println!("a quiet second"),
//!         Err(ended) => return Err(ended.into()),
//!     }
//! }
//! # #[expect(unreachable_code)]
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # TLS
//!
//! `wss://` and `tcps://` are the same inside TLS, 1.2 or 1.3, with the feature `tls`. The server
//! must show a certificate for the host of the address, of one of the platform's authorities or of
//! those that [`ClientBuilder::tls_ca`] names; nothing is sent to one that does not. What is wrong
//! with it is a [`TlsFault`], and the client tries again, as a certificate may be renewed.
//!
//! # What arrives
//!
//! Each message is sent once or not at all. One that the kernel had taken when a connection
//! ended may have arrived or not; nobody can tell, and it is not sent again. What others publish
//! while the client is not connected does not reach it: [`Event::Connected`] says when that ends.

mod builder;
mod core;
mod dialer;
mod entropy;
mod error;
mod sender;
mod shell;
mod stream;
mod wire;

use std::time::Instant;

pub use self::builder::ClientBuilder;
pub use self::core::event::{Event, Late, Reason};
pub use self::core::url::UrlError;
pub use self::error::{BuildError, CloseError, RecvError, SendError};
pub use self::sender::Sender;
pub use crate::proto::http::AnswerError;
pub use crate::proto::ws::dial::HandshakeError;
pub use crate::tls::{TlsError, TlsFault};

use self::core::Core;
use self::sender::Queue;
use self::shell::{Shell, read_clock};
use crate::proto::Kind;

/// A client of one server. See the [module](self).
///
/// Dropping it closes the socket without a word; [`close`](Self::close) says goodbye.
#[derive(Debug)]
pub struct Client {
    core: Core,
    shell: Shell,
    queue: Queue,
    sender: Sender,
}

impl Client {
    /// A client of the server at `url`: `ws://host:port/path` for WebSocket, where the port is 80
    /// unless it is said, or `tcp://host:port` for length-prefixed frames; `wss://`, with port 443,
    /// and `tcps://` are the same inside TLS. The host is a name, an IPv4 address, or an IPv6
    /// address in brackets.
    ///
    /// # Errors
    ///
    /// What is wrong with the address.
    pub fn builder(url: &str) -> Result<ClientBuilder, UrlError> {
        ClientBuilder::new(url)
    }

    /// Waits for the next event. At least one look at the socket is taken, however early the
    /// deadline is.
    ///
    /// # Errors
    ///
    /// [`RecvError::Timeout`] at the deadline, and [`RecvError::Ended`] after the last event.
    pub fn recv(&mut self, deadline: Instant) -> Result<Event, RecvError> {
        // Whoever takes long over each event is a sign of life to the server all the same.
        let mut has_turned = self.shell.is_due();
        if has_turned {
            self.turn(read_clock());
        }
        loop {
            if let Some(event) = self.core.take_event() {
                return Ok(event);
            }
            if self.core.is_ended() {
                return Err(RecvError::Ended);
            }
            if has_turned && deadline <= read_clock() {
                return Err(RecvError::Timeout);
            }
            self.turn(deadline);
            has_turned = true;
        }
    }

    /// Sends a message: waits for a connection, for the turn of the message behind those in the
    /// queue of the [`Sender`]s, and until the kernel has taken it. Over TCP the kind does not
    /// matter to the server.
    ///
    /// What arrives meanwhile is kept for [`recv`](Self::recv) up to 256 KiB, then it is read no
    /// further: with a server that sends as much as it gets, take turns.
    ///
    /// # Errors
    ///
    /// [`SendError::Timeout`] if the message was not begun at the deadline. If it was begun,
    /// the result is `Ok`, and later calls send the rest. [`SendError::Disconnected`] if the
    /// connection ended in between; otherwise what is wrong with the message.
    pub fn send(&mut self, kind: Kind, payload: &[u8], deadline: Instant) -> Result<(), SendError> {
        self.queue.rules().check(kind, payload)?;
        if self.shell.is_due() {
            self.turn(read_clock());
        }
        let place = loop {
            if self.core.is_ended() {
                return Err(SendError::Ended);
            }
            if self.queue.is_empty()
                && let Some(place) = self.core.send(kind, payload, self.shell.now())
            {
                break place;
            }
            if deadline <= read_clock() {
                return Err(SendError::Timeout);
            }
            self.turn(deadline);
        };
        self.shell
            .write(&mut self.core, &self.queue, self.shell.now());
        loop {
            match self.core.is_sent(place) {
                Some(true) => return Ok(()),
                Some(false) if deadline <= read_clock() => return Ok(()),
                Some(false) => self.turn(deadline),
                None => return Err(SendError::Disconnected),
            }
        }
    }

    /// Sends from other threads, while this one is in one of the client's calls.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Whether there is a connection, as far as the last call knows. Events that tell of its end
    /// may still have to be taken.
    pub fn is_connected(&self) -> bool {
        self.core.is_live()
    }

    /// Sends what waits in the queue, says goodbye (RFC 6455 7.1.2, code 1000; over TCP the end
    /// of the stream), and waits for the server's answer. Events that nobody has taken are lost.
    ///
    /// # Errors
    ///
    /// [`CloseError::Timeout`] at the deadline, [`CloseError::Disconnected`] if there is no
    /// connection and nothing waits for one, or the connection ended in another way.
    pub fn close(mut self, deadline: Instant) -> Result<(), CloseError> {
        let is_late = || deadline <= read_clock();
        loop {
            // What a connection had not sent when it went has nowhere to go.
            let is_unsent = self.core.has_socket() && !self.core.out().is_empty();
            if self.core.is_ended() || self.queue.is_empty() && !is_unsent {
                break;
            }
            if is_late() {
                return Err(CloseError::Timeout);
            }
            self.turn(deadline);
            while self.core.take_event().is_some() {}
        }
        self.core.close(CLOSE_NORMAL, "");
        while !self.core.is_ended() {
            if is_late() {
                break;
            }
            self.turn(deadline);
        }
        match (self.core.has_closed(), self.core.is_ended()) {
            (true, _) => Ok(()),
            (false, true) => Err(CloseError::Disconnected),
            (false, false) => Err(CloseError::Timeout),
        }
    }

    fn turn(&mut self, deadline: Instant) {
        self.shell.turn(&mut self.core, &self.queue, deadline);
        if self.core.is_ended() {
            self.queue.end();
        }
    }
}

/// RFC 6455 7.4.1: "the purpose for which the connection was established has been fulfilled".
const CLOSE_NORMAL: u16 = 1000;
