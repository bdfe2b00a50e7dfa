//! One shard without sockets, with the program's own application and a clock that tests move.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use corecast::admission::PerAddress;
use corecast::config::Config;
use corecast::counters::Counters;
use corecast::proto::http::{Date, dechunk};
use corecast::shard::core::ShardCore;
use corecast::shard::core::conns::questions::{Answered, Answers};
use corecast::shard::mail::ToHome;
use corecast::time::Now;
use corecast::topic::sink::Sock;
use corecast::{CloseReason, ConnId, Kind, Relay, RelaySettings};

use crate::sockets::Sockets;

/// The API key of the server.
pub(crate) const KEY: &str = "open sesame";

/// A shard that is a whole server.
pub(crate) struct Server {
    core: ShardCore<Relay>,
    sockets: Sockets,
    now: Now,
    next_sock: i32,
    /// What clients' hosts have not confirmed.
    pub(crate) unsent: usize,
    ended: HashMap<ConnId, CloseReason>,
    gone: HashSet<ConnId>,
}

/// A connection, by its socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    id: ConnId,
    sock: Sock,
}

struct Nobody;

impl Answers<()> for Nobody {
    fn put(&self, _: Answered<()>) {}
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
        let relay = Relay::new(settings);
        let hasher = RandomState::new();
        let core = ShardCore::new(0, 1, config, hasher, now, relay, Arc::new(Nobody));
        Self {
            core,
            sockets: Sockets::default(),
            now,
            next_sock: 0,
            unsent: 0,
            ended: HashMap::new(),
            gone: HashSet::new(),
        }
    }

    pub(crate) fn connect(&mut self) -> Client {
        self.connect_from(None)
    }

    pub(crate) fn connect_from(&mut self, peer: Option<SocketAddr>) -> Client {
        let sock = self.next_sock();
        let id = self.core.handle_http_open(sock, peer);
        Client { id, sock }
    }

    /// A connection that is one too many.
    pub(crate) fn connect_one_too_many(&mut self) -> Client {
        let sock = self.next_sock();
        let id = self.core.handle_overflow(sock, None);
        self.core.handle_peer(id, None, true);
        self.core.handle_http_begin(id, None, None);
        Client { id, sock }
    }

    fn next_sock(&mut self) -> Sock {
        self.next_sock += 1;
        Sock(self.next_sock)
    }

    /// Addresses have a limit of connections.
    pub(crate) fn limit_addresses(&mut self, limit: Arc<PerAddress>) {
        self.core.limit_addresses(limit);
    }

    /// Bytes come in, and all is done that they ask for.
    pub(crate) fn send(&mut self, client: Client, bytes: impl AsRef<[u8]>) {
        self.core.begin_turn(self.now);
        if self.core.wants_bytes(client.id) {
            self.core
                .handle_bytes(client.id, &mut bytes.as_ref().to_vec());
        }
        self.turns();
    }

    /// Whether the server would read from it now.
    pub(crate) fn reads(&mut self, client: Client) -> bool {
        self.core.begin_turn(self.now);
        self.core.wants_bytes(client.id)
    }

    /// The client closes its side.
    pub(crate) fn end(&mut self, client: Client) {
        self.core.begin_turn(self.now);
        self.core.handle_read_end(client.id);
        self.turns();
    }

    /// Somebody publishes.
    pub(crate) fn publish(&mut self, topic: &str, kind: Kind, payload: &[u8]) {
        self.core.begin_turn(self.now);
        let payload = corecast::payload::Payload {
            kind,
            bytes: Arc::from(payload),
        };
        let back = self.core.handle_to_home(ToHome::Publish {
            topic: Arc::from(topic),
            payload,
            publisher: None,
            once: None,
        });
        assert!(back.is_none(), "no room");
        self.turns();
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        self.core.begin_turn(self.now);
        self.turns();
    }

    /// No socket takes anything, or all do again.
    pub(crate) fn block(&mut self, blocked: bool, clients: &[Client]) {
        self.sockets.room = blocked.then_some(0);
        if !blocked {
            self.core.begin_turn(self.now);
            for client in clients {
                self.core.handle_writable(client.id);
            }
            self.turns();
        }
    }

    /// A client reads so many bytes, and no more.
    pub(crate) fn read(&mut self, client: Client, bytes: usize) {
        self.block(false, &[]);
        self.sockets.room = Some(bytes);
        self.core.handle_writable(client.id);
        self.turns();
    }

    /// All sockets hold back what they take, or do not any more.
    pub(crate) fn hold(&mut self, holding: bool, clients: &[Client]) {
        self.sockets.holding = holding;
        self.block(false, clients);
    }

    pub(crate) fn drain(&mut self) {
        self.core.begin_drain();
    }

    /// Whether the server has its connection still.
    pub(crate) fn is_there(&self, client: Client) -> bool {
        !self.gone.contains(&client.id)
    }

    /// What a client was sent since the last look.
    pub(crate) fn take(&mut self, client: Client) -> String {
        let sent = self.sockets.sent.remove(&client.sock.0);
        String::from_utf8(sent.unwrap_or_default()).unwrap()
    }

    /// What the chunks have that the client of a stream was sent since the last look.
    pub(crate) fn events(&mut self, client: Client) -> String {
        let sent = self.take(client);
        String::from_utf8(dechunk(sent.as_bytes())).unwrap()
    }

    /// What the log would have of pages that were refused.
    pub(crate) fn stranger(&mut self) -> Option<String> {
        self.core.take_stranger()
    }

    /// Somebody tells the time of day.
    pub(crate) fn set_date(&mut self, since_1970: Duration) {
        self.core.set_date(Date::since_1970(since_1970));
    }

    /// Why the connection has ended, if it has.
    pub(crate) fn ended(&self, client: Client) -> Option<CloseReason> {
        self.ended.get(&client.id).copied()
    }

    pub(crate) fn counters(&mut self) -> Counters {
        *self.core.counters()
    }

    /// Turns until nothing is left to be done.
    fn turns(&mut self) {
        for _ in 0..10_000 {
            self.core.handle_resumed();
            self.core.handle_timeouts();
            self.core.flush(&mut self.sockets);
            while self.core.take_finished().is_some() {}
            while let Some(id) = self.core.take_asked() {
                self.core.handle_unsent(id, self.unsent);
            }
            while self.core.take_readable().is_some() {}
            let ended = &mut self.ended;
            self.core.settle(|id, _, reason| {
                ended.insert(id, reason);
            });
            let gone = &mut self.gone;
            self.core.reap(|id, _, _| {
                gone.insert(id);
            });
            if !self.core.has_work() {
                return;
            }
            self.core.begin_turn(self.now);
        }
        panic!("it never comes to rest");
    }
}
