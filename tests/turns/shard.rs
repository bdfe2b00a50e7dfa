//! One shard without sockets, a phase at a time: what comes in is in the test's hands, and when
//! the turn goes on.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use corecast::counters::Counters;
use corecast::internals::driver::{Driver, MeshEnd};
use corecast::proto::Frames;
use corecast::time::Now;
use corecast::topic::sink::Sock;
use corecast::{
    Config, ConnId, Cx, Framing, Halt, Handler, Message, Opening, Refusal, Relay, RelaySettings,
    SessionFormat, ShardId, Topic,
};

use crate::sockets::Sockets;

/// The API key of the server.
pub(crate) const KEY: &str = "open sesame";

/// More work than any test has; tests about this limit set their own.
const WIDE: usize = 1 << 30;

/// An application with these data of a connection. It is boxed, so that the core is compiled once
/// for all such applications.
pub(crate) type App<C> = Box<dyn Handler<Conn = C, Answer = Answer>>;

/// What questions are answered with.
pub(crate) type Answer = <Relay as Handler>::Answer;

/// The data of a connection of the program's own application.
pub(crate) type RelayConn = <Relay as Handler>::Conn;

/// Topics whose home is this one of two shards.
pub(crate) fn topics_at(home: u16) -> impl Iterator<Item = Topic> {
    let topics = (0..).map(|n| Topic::new(format!("t{n}")).unwrap());
    topics.filter(move |topic| topic.home(2) == ShardId::new(home))
}

/// A request for WebSocket, RFC 6455 4.1, with these fields as well.
pub(crate) fn upgrade_request(path: &str, fields: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
    )
}

/// A shard that is a whole server: a driver with its sockets.
pub(crate) struct Shard<C: 'static = RelayConn> {
    driver: Driver<App<C>>,
    now: Now,
    socks: HashMap<ConnId, Sock>,
    pub(crate) sockets: Sockets,
}

/// An application whose connections end after this time.
pub(crate) struct Timed(pub(crate) Duration);

impl Handler for Timed {
    type Conn = ();
    type Answer = Answer;

    fn on_open(&mut self, cx: &mut Cx<'_, (), Answer>, _: &Opening<'_>) -> Result<(), Refusal> {
        cx.close_after(self.0);
        Ok(())
    }

    fn on_message(&mut self, _: &mut Cx<'_, (), Answer>, _: Message<'_>) -> Result<(), Halt> {
        Ok(())
    }
}

impl<C> Deref for Shard<C> {
    type Target = Driver<App<C>>;

    fn deref(&self) -> &Driver<App<C>> {
        &self.driver
    }
}

impl<C> DerefMut for Shard<C> {
    fn deref_mut(&mut self) -> &mut Driver<App<C>> {
        &mut self.driver
    }
}

impl Shard {
    pub(crate) fn new(config: Config) -> Self {
        Self::of(
            config,
            Relay::new(RelaySettings::default().with_api_key(KEY)),
        )
    }
}

impl<C> Shard<C> {
    pub(crate) fn of(config: Config, handler: impl Handler<Conn = C, Answer = Answer>) -> Self {
        Self::among(1, config, handler)
    }

    /// The first of so many shards, of which no other takes anything.
    pub(crate) fn among(
        shards: u16,
        config: Config,
        handler: impl Handler<Conn = C, Answer = Answer>,
    ) -> Self {
        Self::one(0, shards, config, handler)
    }

    /// One of several, whose lanes are the test's.
    pub(crate) fn one(
        shard: u16,
        shards: u16,
        config: Config,
        handler: impl Handler<Conn = C, Answer = Answer>,
    ) -> Self {
        let handler: App<C> = Box::new(handler);
        let now = Now::from_millis(1_000_000);
        let mut driver = Driver::new(
            MeshEnd::alone(ShardId::new(shard), shards),
            config,
            now,
            handler,
        );
        driver.core.limit_work(WIDE, WIDE);
        driver.core.begin_turn(now);
        Self {
            driver,
            now,
            socks: HashMap::new(),
            sockets: Sockets::default(),
        }
    }

    fn next_sock(&self) -> Sock {
        Sock(i32::try_from(self.socks.len()).unwrap())
    }

    /// A connection to a TCP port of length-prefixed frames.
    pub(crate) fn connect_tcp(&mut self, topic: &str) -> ConnId {
        let framing = Framing::LengthPrefix;
        self.connect_by(
            Frames {
                framing,
                ..Frames::default()
            },
            topic,
        )
    }

    /// A connection to a TCP port.
    pub(crate) fn connect_by(&mut self, frames: Frames, topic: &str) -> ConnId {
        let sock = self.next_sock();
        let topic = Topic::new(topic).unwrap();
        let id = self.driver.core.handle_tcp_open(sock, frames, &topic, None);
        self.socks.insert(id, sock);
        id
    }

    /// A connection to a TCP port for sessions.
    pub(crate) fn connect_session(&mut self, format: SessionFormat) -> ConnId {
        let sock = self.next_sock();
        let id = self.driver.core.handle_session_open(sock, format, None);
        self.socks.insert(id, sock);
        id
    }

    pub(crate) fn connect(&mut self) -> ConnId {
        self.connect_from(None)
    }

    pub(crate) fn connect_from(&mut self, peer: Option<SocketAddr>) -> ConnId {
        let sock = self.next_sock();
        let id = self.driver.core.handle_http_open(sock, peer);
        self.socks.insert(id, sock);
        id
    }

    /// One whose peer has shown a certificate with this subject.
    pub(crate) fn connect_with(&mut self, peer: SocketAddr, subject: &str) -> ConnId {
        let sock = self.next_sock();
        let core = &mut self.driver.core;
        let id = core.handle_early_open(sock, None);
        assert!(core.handle_peer(id, Some(peer), true));
        core.handle_http_begin(id, Some(peer), Some(subject.to_owned()));
        self.socks.insert(id, sock);
        id
    }

    /// A WebSocket connection that is open, with these fields in its request.
    pub(crate) fn upgrade(&mut self, path: &str, fields: &str) -> ConnId {
        let (id, answer) = self.ask_to_upgrade(path, fields);
        assert!(answer.starts_with(b"HTTP/1.1 101 "), "{path}");
        id
    }

    /// A client that asks for that, and the answer.
    pub(crate) fn ask_to_upgrade(&mut self, path: &str, fields: &str) -> (ConnId, Vec<u8>) {
        let id = self.connect();
        self.read(id, upgrade_request(path, fields));
        self.rest();
        (id, self.take(id))
    }

    /// Bytes come in; what they ask for is done as far as this phase of the turn goes.
    pub(crate) fn read(&mut self, id: ConnId, bytes: impl AsRef<[u8]>) {
        assert!(self.driver.core.wants_bytes(id), "it is not read now");
        self.driver
            .core
            .handle_bytes(id, &mut bytes.as_ref().to_vec());
    }

    /// The rest of the turn, and the beginning of the next; returns whether that is due.
    pub(crate) fn turn(&mut self) -> bool {
        self.driver.read(&mut self.sockets);
        self.driver.finish_turn(&mut self.sockets);
        for mail in self.driver.core.mail() {
            // No other shard takes anything, or will ever tell that it does.
            mail.to_home.take_starved();
            mail.from_home.take_starved();
        }
        self.driver.core.audit();
        let is_due = self.driver.core.has_work();
        self.driver.core.begin_turn(self.now);
        is_due
    }

    /// Whether there is something to be done now.
    pub(crate) fn is_due(&self) -> bool {
        let deadline = self.driver.core.next_deadline();
        self.driver.core.has_work() || deadline.is_some_and(|deadline| deadline <= self.now)
    }

    /// Turns until nothing is left to be done; returns how many.
    pub(crate) fn rest(&mut self) -> usize {
        for turns in 1..10_000 {
            if !self.turn() {
                return turns;
            }
        }
        panic!("it never comes to rest");
    }

    /// One turn, after which time passes.
    pub(crate) fn turn_and_wait(&mut self, time: Duration) {
        self.turn();
        self.now = self.now.plus(time);
        self.driver.core.begin_turn(self.now);
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.pass(time);
        self.rest();
    }

    /// Time passes, and nothing is done about it yet.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        self.driver.core.begin_turn(self.now);
    }

    /// The sockets take so many bytes more, all together.
    pub(crate) fn take_at_most(&mut self, bytes: usize) {
        self.sockets.space = Some(bytes);
    }

    /// No socket takes anything, or all do again; these are told so.
    pub(crate) fn block(&mut self, blocked: bool, clients: &[ConnId]) {
        self.sockets.space = blocked.then_some(0);
        for client in clients {
            self.driver.core.handle_writable(*client);
        }
    }

    /// What was answered comes in; returns how much.
    pub(crate) fn answer(&mut self) -> usize {
        self.driver.take_answers()
    }

    /// What a client was sent since the last look.
    pub(crate) fn take(&mut self, id: ConnId) -> Vec<u8> {
        self.sockets
            .sent
            .remove(&self.socks[&id].0)
            .unwrap_or_default()
    }

    /// How often something was sent to a client since the last look.
    pub(crate) fn take_writes(&mut self, id: ConnId) -> usize {
        self.sockets.take_writes(self.socks[&id])
    }

    pub(crate) fn counters(&mut self) -> Counters {
        *self.driver.core.counters()
    }
}
