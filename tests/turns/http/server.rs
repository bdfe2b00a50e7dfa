//! One shard without sockets, with the program's own application and a clock that tests move.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use corecast::address::admission::PerAddress;
#[cfg(feature = "auth")]
use corecast::auth::{Auth, Places};
use corecast::config::Config;
use corecast::counters::Counters;
use corecast::internals::driver::{Driver, MeshEnd};
#[cfg(feature = "auth")]
use corecast::proto::Frames;
use corecast::proto::http::{Date, dechunk};
use corecast::shard::mail::{Origin, Publication, ToHome};
use corecast::throttle::Throttles;
use corecast::time::Now;
use corecast::topic::sink::Sock;
use corecast::{CloseReason, ConnId, Kind, Relay, RelaySettings, ShardId, Topic};

use crate::shard::{App, RelayConn};
use crate::sockets::Sockets;

/// The API key of the server.
pub(crate) const KEY: &str = "open sesame";

/// A shard that is a whole server.
pub(crate) struct Server {
    driver: Driver<App<RelayConn>>,
    pub(crate) sockets: Sockets,
    now: Now,
    next_sock: i32,
}

/// A connection, by its socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    id: ConnId,
    sock: Sock,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self::of(config, RelaySettings::default().with_api_key(KEY))
    }

    pub(crate) fn of(config: Config, settings: RelaySettings) -> Self {
        let now = Now::from_millis(1_000_000);
        let relay: App<RelayConn> = Box::new(Relay::new(settings));
        Self {
            driver: Driver::new(MeshEnd::alone(ShardId::default(), 1), config, now, relay),
            sockets: Sockets::default(),
            now,
            next_sock: 0,
        }
    }

    pub(crate) fn connect(&mut self) -> Client {
        self.connect_from(None)
    }

    pub(crate) fn connect_from(&mut self, peer: Option<SocketAddr>) -> Client {
        let sock = self.next_sock();
        let id = self.driver.core.handle_http_open(sock, peer);
        Client { id, sock }
    }

    /// A connection that has shaken hands over TLS.
    #[cfg(feature = "auth")]
    pub(crate) fn connect_over_tls(&mut self) -> Client {
        let sock = self.next_sock();
        let id = self.driver.core.handle_early_open(sock, None);
        self.driver.core.handle_peer(id, None, true);
        self.driver.core.handle_handshake(id, false);
        self.driver.core.handle_http_begin(id, None, None);
        Client { id, sock }
    }

    /// A connection to a TCP port that asks for a credential, on the topic `room`.
    #[cfg(feature = "auth")]
    pub(crate) fn connect_asking(&mut self) -> Client {
        let sock = self.next_sock();
        let frames = Frames {
            asks: true,
            ..Frames::default()
        };
        let topic = Topic::new("room").unwrap();
        let id = self.driver.core.handle_tcp_open(sock, frames, &topic, None);
        Client { id, sock }
    }

    /// A connection that is one too many.
    pub(crate) fn connect_one_too_many(&mut self) -> Client {
        let sock = self.next_sock();
        let id = self.driver.core.handle_overflow(sock, None);
        self.driver.core.handle_peer(id, None, true);
        self.driver.core.handle_http_begin(id, None, None);
        Client { id, sock }
    }

    fn next_sock(&mut self) -> Sock {
        self.next_sock += 1;
        Sock(self.next_sock)
    }

    /// Clients may open so many connections.
    pub(crate) fn limit_openings(&mut self, throttles: Throttles) {
        self.driver.core.limit_openings(Arc::new(throttles));
    }

    /// Addresses have a limit of connections.
    pub(crate) fn limit_addresses(&mut self, limit: Arc<PerAddress>) {
        self.driver.core.limit_addresses(limit);
    }

    /// Bytes come in, and all is done that they ask for.
    pub(crate) fn send(&mut self, client: Client, bytes: impl AsRef<[u8]>) {
        self.driver.core.begin_turn(self.now);
        if self.driver.core.wants_bytes(client.id) {
            self.driver
                .core
                .handle_bytes(client.id, &mut bytes.as_ref().to_vec());
        }
        self.turns();
    }

    /// Whether the server would read from it now.
    pub(crate) fn reads(&mut self, client: Client) -> bool {
        self.driver.core.begin_turn(self.now);
        self.driver.core.wants_bytes(client.id)
    }

    /// The client closes its side.
    pub(crate) fn end(&mut self, client: Client) {
        self.driver.core.begin_turn(self.now);
        self.driver.core.handle_read_end(client.id);
        self.turns();
    }

    /// Publishes from outside.
    pub(crate) fn publish(&mut self, topic: &str, kind: Kind, payload: &[u8]) {
        self.driver.core.begin_turn(self.now);
        let payload = corecast::payload::Payload {
            kind,
            bytes: Arc::from(payload),
        };
        let back = self
            .driver
            .core
            .handle_to_home(ToHome::Publish(Publication::new(
                Topic::new(topic).unwrap(),
                payload,
                Origin::Handle,
            )));
        assert!(back.is_none(), "no room");
        self.turns();
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        self.driver.core.begin_turn(self.now);
        self.turns();
    }

    /// No socket takes anything, or all do again.
    pub(crate) fn block(&mut self, blocked: bool, clients: &[Client]) {
        self.sockets.space = blocked.then_some(0);
        if !blocked {
            self.driver.core.begin_turn(self.now);
            for client in clients {
                self.driver.core.handle_writable(client.id);
            }
            self.turns();
        }
    }

    /// A client reads so many bytes, and no more.
    pub(crate) fn read(&mut self, client: Client, bytes: usize) {
        self.block(false, &[]);
        self.sockets.space = Some(bytes);
        self.driver.core.handle_writable(client.id);
        self.turns();
    }

    /// All sockets hold back what they take, or do not any more.
    pub(crate) fn hold(&mut self, holding: bool, clients: &[Client]) {
        self.sockets.holding = holding;
        self.block(false, clients);
    }

    pub(crate) fn drain(&mut self) {
        self.driver.core.begin_drain();
    }

    /// Whether the server has its connection still.
    pub(crate) fn is_there(&self, client: Client) -> bool {
        !self.sockets.closed.contains(&client.id)
    }

    /// What a client was sent since the last look.
    pub(crate) fn take(&mut self, client: Client) -> String {
        let sent = self.sockets.sent.remove(&client.sock.0);
        String::from_utf8(sent.unwrap_or_default()).unwrap()
    }

    /// The same as bytes.
    #[cfg(feature = "auth")]
    pub(crate) fn take_bytes(&mut self, client: Client) -> Vec<u8> {
        self.sockets.sent.remove(&client.sock.0).unwrap_or_default()
    }

    /// What the log would have of clients that were denied.
    #[cfg(feature = "auth")]
    pub(crate) fn denial(&mut self) -> Option<String> {
        self.driver.core.take_denial()
    }

    /// What the chunks have that the client of a stream was sent since the last look.
    pub(crate) fn events(&mut self, client: Client) -> String {
        let sent = self.take(client);
        String::from_utf8(dechunk(sent.as_bytes())).unwrap()
    }

    /// What the log would have of pages that were refused.
    pub(crate) fn stranger(&mut self) -> Option<String> {
        self.driver.core.take_refused_origin()
    }

    /// Clients are asked for their identity.
    #[cfg(feature = "auth")]
    pub(crate) fn set_auth(&mut self, auth: Auth, places: Places) {
        self.driver.core.set_auth(auth, places);
    }

    /// Sets the time of day.
    pub(crate) fn set_date(&mut self, since_1970: Duration) {
        self.driver.core.set_date(Date::since_1970(since_1970));
    }

    /// Why the connection has ended, if it has.
    pub(crate) fn ended(&self, client: Client) -> Option<CloseReason> {
        self.sockets.ended.get(&client.id).copied()
    }

    pub(crate) fn counters(&mut self) -> Counters {
        *self.driver.core.counters()
    }

    /// Turns until nothing is left to be done.
    fn turns(&mut self) {
        for _ in 0..10_000 {
            self.driver.read(&mut self.sockets);
            self.driver.finish_turn(&mut self.sockets);
            self.driver.core.audit();
            let answered = self.driver.take_answers();
            if answered == 0 && !self.driver.core.has_work() {
                return;
            }
            self.driver.core.begin_turn(self.now);
        }
        panic!("it never comes to rest");
    }
}
