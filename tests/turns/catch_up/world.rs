//! Shards, a topic with history, and its clients.

use std::collections::HashMap;
use std::io::IoSlice;
use std::time::Duration;

use corecast::internals::driver::{Driver, Kernel, MeshEnd};
use corecast::mesh::Capacity;
use corecast::time::Now;
use corecast::topic::sink::{Sink, Sock, WriteError};
use corecast::{
    CloseReason, Config, ConnId, Cx, Halt, Handler, Kind, Message, Opening, Refusal, Request, Room,
    Since,
};

use crate::catch_up::client::Client;
use crate::shard::Answer;

pub(crate) const TOPIC: &str = "game:1";

/// Makes the room of a topic, if it has one.
pub(crate) type MakeRoom = fn() -> Option<Box<dyn Room>>;

/// Subscribes each connection to the topics in its path, since what that says.
pub(crate) struct App(MakeRoom);

impl Handler for App {
    type Conn = ();
    type Answer = Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        to: &Opening<'_>,
    ) -> Result<(), Refusal> {
        let (Opening::WebSocket(request) | Opening::Events(request)) = to else {
            return Ok(());
        };
        let (topics, since) = request.path[1..].split_once('/').unwrap();
        let since = match since {
            "default" => Since::Default,
            "foreign" => Since::Foreign,
            since => match since.strip_prefix("last/") {
                Some(count) => Since::Last(count.parse().unwrap()),
                None => Since::position(since),
            },
        };
        for topic in topics.split(',') {
            cx.subscribe_since_as(topic, since, b"tag")?;
        }
        // Another topic, of which the answer may come later.
        match to {
            Opening::WebSocket(_) => cx.subscribe_since("game:2", Since::Last(0))?,
            _ => cx.subscribe("other")?,
        }
        Ok(())
    }

    fn on_message(&mut self, _: &mut Cx<'_, (), Self::Answer>, _: Message<'_>) -> Result<(), Halt> {
        Ok(())
    }

    fn wants_events(&mut self, _: &Request<'_>) -> bool {
        true
    }

    fn room(&mut self, topic: &str) -> Option<Box<dyn Room>> {
        if topic == TOPIC { self.0() } else { None }
    }
}

/// The sockets of a shard.
#[derive(Debug, Default)]
pub(crate) struct Net {
    sent: HashMap<i32, Vec<u8>>,
    /// Bytes that those take that read slowly.
    pub(crate) space: HashMap<i32, usize>,
    blocked: Vec<i32>,
    pub(crate) ended: HashMap<ConnId, CloseReason>,
}

impl Sink for Net {
    fn send(&mut self, sock: Sock, bytes: &[u8]) -> Result<usize, WriteError> {
        let space = self.space.get(&sock.0).copied().unwrap_or(usize::MAX);
        let len = space.min(bytes.len());
        if let Some(space) = self.space.get_mut(&sock.0) {
            *space -= len;
        }
        if len < bytes.len() {
            self.blocked.push(sock.0);
        }
        if len == 0 {
            return Err(WriteError::Blocked);
        }
        let sent = self.sent.entry(sock.0).or_default();
        sent.extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn send_vectored(&mut self, sock: Sock, slices: &[IoSlice<'_>]) -> Result<usize, WriteError> {
        let slices = slices.iter().flat_map(|slice| slice.iter().copied());
        self.send(sock, &slices.collect::<Vec<u8>>())
    }
}

impl Kernel<App> for Net {
    fn note_end(&mut self, id: ConnId, reason: CloseReason) {
        self.ended.insert(id, reason);
    }
}

/// Shards without threads, and what their clients have read.
pub(crate) struct World {
    pub(crate) shards: Vec<(Driver<App>, Net)>,
    pub(crate) clients: Vec<Client>,
    pub(crate) now: Now,
    next_sock: i32,
    /// What makes messages longer.
    pub(crate) padding: usize,
    /// Messages published.
    pub(crate) published: u64,
}

impl World {
    pub(crate) fn new(shards: u16, lane: usize, config: &Config, room: MakeRoom) -> Self {
        let now = Now::from_millis(1_000_000);
        let capacity = Capacity {
            messages: lane,
            bytes: 1 << 20,
        };
        let ends = MeshEnd::connect(shards, capacity).into_iter();
        let shards = ends.map(|end| {
            let driver = Driver::new(end, config.clone(), now, App(room));
            (driver, Net::default())
        });
        Self {
            shards: shards.collect(),
            clients: Vec::new(),
            now,
            next_sock: 0,
            padding: 30,
            published: 0,
        }
    }

    /// A client comes, and has sent its request.
    pub(crate) fn connect(&mut self, shard: usize, events: Option<bool>, since: Since) -> usize {
        self.connect_to(TOPIC, shard, events, since)
    }

    /// The same for several topics, with commas between them.
    pub(crate) fn connect_to(
        &mut self,
        topics: &str,
        shard: usize,
        events: Option<bool>,
        since: Since,
    ) -> usize {
        let sock = self.next_sock;
        self.next_sock += 1;
        let (driver, _) = &mut self.shards[shard];
        let id = driver.core.handle_http_open(Sock(sock), None);
        let client = Client::new(shard, id, sock, events, since);
        let request = client.request(topics);
        driver
            .core
            .handle_bytes(id, &mut request.as_bytes().to_vec());
        self.clients.push(client);
        self.clients.len() - 1
    }

    /// A client's connection is cut.
    pub(crate) fn cut(&mut self, client: usize) -> Client {
        let client = self.clients.swap_remove(client);
        self.shards[client.shard].0.core.handle_reset(client.id);
        client
    }

    /// A client takes so many bytes more, or all of them.
    pub(crate) fn let_read(&mut self, client: usize, bytes: Option<usize>) {
        let Client {
            shard, id, sock, ..
        } = self.clients[client];
        let (driver, net) = &mut self.shards[shard];
        match bytes {
            Some(bytes) => *net.space.entry(sock).or_default() += bytes,
            None => drop(net.space.remove(&sock)),
        }
        if let Some(at) = net.blocked.iter().position(|blocked| *blocked == sock) {
            net.blocked.retain(|blocked| *blocked != sock);
            let _ = at;
            driver.core.handle_writable(id);
        }
    }

    /// Publishes the next number from a shard; `false` if there is no space.
    pub(crate) fn publish(&mut self, shard: usize) -> bool {
        self.publish_to(TOPIC, shard)
    }

    /// The same to another topic.
    pub(crate) fn publish_to(&mut self, topic: &str, shard: usize) -> bool {
        let number = format!("{}{}", self.published, ".".repeat(self.padding));
        let (driver, _) = &mut self.shards[shard];
        let done = driver
            .core
            .shard_cx(|cx| cx.publish(topic, Kind::Text, number.as_bytes()));
        self.published += u64::from(done.is_ok());
        done.is_ok()
    }

    /// One turn of a shard; its clients read what comes.
    pub(crate) fn turn(&mut self, shard: usize) {
        let (driver, net) = &mut self.shards[shard];
        driver.core.begin_turn(self.now);
        driver.turn(self.now, net);
        driver.core.audit();
        for client in &mut self.clients {
            if client.shard == shard
                && let Some(bytes) = net.sent.remove(&client.sock)
            {
                client.read(&bytes);
            }
        }
    }

    /// Turns until nothing is left to be done.
    pub(crate) fn rest(&mut self) {
        // What was published between two turns.
        (0..self.shards.len()).for_each(|shard| self.turn(shard));
        for _ in 0..100_000 {
            let now = self.now;
            let mut shards = self.shards.iter();
            let Some(awake) = shards.position(|(driver, _)| driver.is_awake(now)) else {
                return;
            };
            self.turn(awake);
        }
        panic!("it never comes to rest");
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.now = self.now.plus(time);
    }

    /// All clients read on, and come to have everything.
    pub(crate) fn read_all(&mut self) {
        for client in 0..self.clients.len() {
            self.let_read(client, None);
        }
        self.rest();
    }

    /// What is left when all have gone and time has passed.
    pub(crate) fn end(mut self) {
        while !self.clients.is_empty() {
            self.cut(0);
        }
        for _ in 0..4 {
            self.rest();
            self.wait(Duration::from_secs(2));
        }
        self.rest();
        for (driver, _) in &self.shards {
            for (what, left) in driver.core.remains() {
                assert_eq!(left, 0, "{what}");
            }
        }
    }
}
