//! A client for programs without an async runtime: WebSocket and length-prefixed TCP, with or
//! without TLS, with deadlines and automatic reconnecting.
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
//!     Event::Message { payload, .. } => assert_eq!(payload, b"hello"),
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
//! A client has no thread of its own. Its calls read, write, answer pings and reconnect; between
//! calls nothing happens. So call [`Client::recv`] in a loop, with a deadline if there is other
//! work. A server closes a connection if the client makes no call for too long; the server of this
//! package does so after about 30 seconds. Other threads send through a [`Sender`]:
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
//! `wss://` and `tcps://` use TLS 1.2 or 1.3, with the cargo feature `tls`. The server must have a
//! certificate for the host of the address, from one of the platform's authorities or from those
//! that [`ClientBuilder::tls_ca`] names; nothing is sent to another server. An invalid certificate
//! is a [`TlsFault`], and the client tries again, because a certificate may be renewed.
//!
//! # Tokens
//!
//! [`ClientBuilder::token`] connects with a token, and [`ClientBuilder::token_with`] with one that
//! a callback makes for each attempt: when a token has expired, the server closes the connection
//! with 3005, and the client comes back with another.
//!
//! # What arrives
//!
//! Each message is sent at most once. A message that the kernel had taken when the connection ended
//! may have arrived or not; it is not sent again. Messages that others publish while the client is
//! not connected do not reach it; [`Event::Connected`] marks the end of such a gap.
//!
//! A client that [keeps positions](ClientBuilder::keep_positions) gets them where the topic has a
//! history: after each [`Event::Connected`] it goes on where it was, which [`Event::Recovered`]
//! says, or is told what it cannot have, by [`Event::Gap`]. Otherwise nothing is missing, and
//! nothing comes twice.

mod builder;
pub(crate) mod core;
mod dialer;
pub(crate) mod entropy;
mod error;
mod sender;
mod shell;
mod stream;
mod wire;

use std::fmt;
use std::time::Instant;

pub use self::builder::ClientBuilder;
pub use self::core::event::{Event, Reason, TimeoutKind};
pub use self::core::url::UrlError;
pub use self::error::{BuildError, CloseError, RecvError, SendError};
pub use self::sender::Sender;
pub use crate::proto::http::AnswerError;
pub use crate::proto::positions::FrameError as PositionsError;
pub use crate::proto::ws::dial::HandshakeError;
pub use crate::tls::{TlsError, TlsFault};

use self::core::Core;
use self::core::talk::CLOSE_NORMAL;
use self::sender::Queue;
use self::shell::{Shell, read_clock};
use crate::position::Position;
use crate::proto::Kind;

/// A client of one server. See the [module](self).
///
/// Dropping it closes the socket at once; [`close`](Self::close) closes the connection in an
/// orderly way.
pub struct Client {
    core: Core,
    shell: Shell,
    queue: Queue,
    sender: Sender,
}

impl Client {
    /// Describes a client of the server at `url`: `ws://host:port/path` for WebSocket, with port 80
    /// by default, or `tcp://host:port` for length-prefixed frames. `wss://`, with port 443 by
    /// default, and `tcps://` use TLS. The host is a name, an IPv4 address, or an IPv6 address in
    /// brackets.
    ///
    /// # Errors
    ///
    /// The error of an invalid address.
    pub fn builder(url: &str) -> Result<ClientBuilder, UrlError> {
        ClientBuilder::new(url)
    }

    /// Waits for the next event. It looks at the socket at least once, however early the deadline
    /// is.
    ///
    /// # Errors
    ///
    /// [`RecvError::Timeout`] at the deadline, and [`RecvError::Ended`] after the last event.
    pub fn recv(&mut self, deadline: Instant) -> Result<Event, RecvError> {
        // A program that takes long over each event still has to answer the server's pings.
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

    /// Sends a message. Waits for a connection, until the messages in the queue of the [`Sender`]s
    /// are sent, and until the kernel has taken the message. Over TCP the kind does not matter to
    /// the server.
    ///
    /// Up to 256 KiB of messages that arrive meanwhile are kept for [`recv`](Self::recv); then the
    /// client stops reading. If the server sends as much as it receives, alternate between `send`
    /// and `recv`.
    ///
    /// # Errors
    ///
    /// [`SendError::Timeout`] if no part of the message was sent at the deadline. If a part was
    /// sent, the result is `Ok`, and later calls send the rest. [`SendError::Disconnected`] if the
    /// connection ended meanwhile; otherwise the error of the message.
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

    /// Returns a sender for other threads; it works while this thread is in one of the client's
    /// calls.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Where the client stands in its topic, if it [keeps
    /// positions](ClientBuilder::keep_positions): the position of the newest message that has come,
    /// also if its event was not taken yet. To go on after an end of the program, keep that of the
    /// newest [`Event::Message`] which was processed, for [`ClientBuilder::since`].
    pub fn position(&self) -> Option<Position> {
        self.core.position()
    }

    /// Ends this connection with a close code and a reason, and connects again after the usual
    /// delay: for what a server says inside of messages, such as that a token has expired. The
    /// event is [`Event::Disconnected`] with [`Reason::Left`]. Without a connection, nothing
    /// happens.
    pub fn reconnect(&mut self, code: u16, reason: &str) {
        self.core.leave_for(code, reason, self.shell.now());
    }

    /// Whether there is a connection, as far as the last call knows. Events about its end may still
    /// be waiting.
    pub fn is_connected(&self) -> bool {
        self.core.is_live()
    }

    /// Sends the messages in the queue, closes the connection (RFC 6455 7.1.2, code 1000; over TCP
    /// the end of the stream), and waits for the server's answer. Events that were not taken are
    /// lost.
    ///
    /// # Errors
    ///
    /// [`CloseError::Timeout`] at the deadline; [`CloseError::Disconnected`] if there is no
    /// connection and no message waits for one, or if the connection ended in another way;
    /// [`CloseError::Closed`] if the server has closed it for a reason of its own.
    pub fn close(mut self, deadline: Instant) -> Result<(), CloseError> {
        let is_late = || deadline <= read_clock();
        loop {
            // Bytes that were unsent when the connection ended cannot be sent any more.
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
        if let Some(code) = self.core.objection() {
            return Err(CloseError::Closed { code });
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

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its parts have header fields and tokens, which are secrets.
        f.debug_struct("Client")
            .field("is_connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}
