//! A world: shards, the mesh, the network and the clients, and what happens among them by a seed.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::rc::Rc;
use std::time::Duration;

use corecast::internals::Rng;
use corecast::internals::driver::{Driver, MeshEnd};
use corecast::mesh::Capacity;
use corecast::shard::home_of;
use corecast::time::Now;
use corecast::{Framing, Kind};

use crate::client::{Client, FRAMINGS, Place, Stage};
use crate::deflate;
use crate::handler::App;
use crate::ledger::{Book, Ledger};
use crate::net::{Net, Socket};
use crate::profile::{self, Profile};
use crate::shard::{Host, Shard, shard_id};

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) profile: Profile,
    pub(crate) rng: Rng,
    pub(crate) ledger: Ledger,
    pub(crate) names: Rc<[String]>,
    pub(crate) shards: Vec<Shard>,
    pub(crate) net: Net,
    /// By index of their socket.
    pub(crate) clients: Vec<Client>,
    /// The client that sees all of a topic.
    pub(crate) references: Vec<Option<usize>>,
    pub(crate) now: u64,
    pub(crate) trace: VecDeque<(u64, u64, Action)>,
    pub(crate) draining: bool,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Turn(usize),
    Connect(usize, Place),
    Deliver(usize, usize),
    Receive(usize, usize),
    Room(usize),
    Publish(usize, usize),
    Echo(usize),
    Ping(usize),
    Subscribe(usize, usize),
    Unsubscribe(usize, usize),
    Stall(usize, bool),
    Close(usize),
    HalfClose(usize),
    Vanish(usize),
    Reset(usize),
    Leave(usize),
    /// Of the open questions this one is answered, or dropped.
    Answer(usize, bool),
    Pass(u64),
    Drain,
}

/// Actions kept for the report of a failure.
const TRACE_LEN: usize = 40;
/// Actions after which a world without new events must have come to rest.
const RESTLESS: usize = 400_000;

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let profile = Profile::choose(&mut Rng::new(seed));
        Self::with_profile(seed, profile)
    }

    pub(crate) fn with_profile(seed: u64, profile: Profile) -> Self {
        // Not the numbers that chose the profile.
        let mut rng = Rng::new(!seed);
        let hasher = RandomState::new();
        let names: Rc<[String]> = (0..profile.topics)
            .map(|topic| {
                let home = rng.below(profile.shards);
                name_at_home(&hasher, topic, profile.home.unwrap_or(home), profile.shards)
            })
            .collect();
        let ledger = Rc::new(RefCell::new(Book::of(profile.topics)));
        let says_goodbye = profile.churns && rng.below(2) == 0;
        let capacity = Capacity {
            messages: profile.lane_messages,
            bytes: profile.lane_bytes,
        };
        let shards = MeshEnd::connect(shard_id(profile.shards), capacity)
            .into_iter()
            .map(|end| {
                let app = App {
                    ledger: Rc::clone(&ledger),
                    topics: Rc::clone(&names),
                    says_goodbye,
                    rooms: profile.rooms,
                    joins: profile.joins,
                    asks: profile.asks,
                };
                let config = profile.config.clone();
                let (now, hasher) = (Now::default(), hasher.clone());
                let mut driver = Driver::new(end, config, hasher, now, app);
                profile.limit(&mut driver);
                let host = Host::default();
                Shard { driver, host }
            })
            .collect();
        Self {
            net: Net {
                sockets: Vec::new(),
                rng: Rng::new(rng.next_u64()),
            },
            references: vec![None; profile.topics],
            profile,
            rng,
            ledger,
            names,
            shards,
            clients: Vec::new(),
            now: 0,
            trace: VecDeque::new(),
            draining: false,
        }
    }

    /// References, then the crowd and its traffic.
    pub(crate) fn live(&mut self) {
        for topic in 0..self.profile.topics {
            if self.rng.below(5) != 0 {
                let place = [Place::Tcp, Place::Sub, Place::Events][self.rng.below(3)];
                let at = self.connect(Client::new(place, vec![topic], self.profile.topics));
                self.clients[at].reference = true;
                self.references[topic] = Some(at);
            }
        }
        self.come_to_rest();
        let at_once = match self.profile.churns {
            true => self.profile.clients / 2,
            false => self.profile.clients,
        };
        for _ in 0..at_once {
            self.connect_any();
        }
        let drain_at = self.rng.below(usize::try_from(self.profile.steps).unwrap()) as u64;
        for step in 0..self.profile.steps {
            if self.profile.drains_early && step == drain_at {
                self.begin_drain();
            }
            self.step();
        }
    }

    /// Publishes one more message on each topic, for whoever is subscribed; returns the first.
    pub(crate) fn probe(&mut self) -> usize {
        let publisher = self.connect(Client::new(Place::Pub, Vec::new(), self.profile.topics));
        self.come_to_rest();
        let first = self.ledger.borrow().messages.len();
        for topic in 0..self.profile.topics {
            self.act(Action::Publish(publisher, topic));
        }
        self.come_to_rest();
        first
    }

    /// Those who stopped reading read on.
    pub(crate) fn wake_all(&mut self) {
        for at in 0..self.clients.len() {
            if self.clients[at].stalled {
                self.act(Action::Stall(at, false));
            }
        }
    }

    /// Everybody leaves, by himself or because the server drains.
    pub(crate) fn end(&mut self) {
        if self.draining || self.rng.below(2) == 0 {
            self.begin_drain();
        } else {
            for at in 0..self.clients.len() {
                let client = &self.clients[at];
                // One who has ended his side and listens on would never go.
                let is_bound = client.has_no_words() || client.stage == Stage::Opening;
                if is_bound && !client.ended {
                    self.act(Action::Reset(at));
                } else if client.stays() {
                    self.say_goodbye(at);
                }
            }
        }
        let start = self.now;
        while self
            .shards
            .iter()
            .any(|shard| !shard.driver.core.is_empty())
        {
            self.come_to_rest();
            let deadlines = self
                .shards
                .iter()
                .filter_map(|shard| shard.driver.core.next_deadline());
            let next = deadlines.min().map_or(0, Now::millis);
            assert!(self.now < start + 20_000, "connections outlive the end");
            self.act(Action::Pass(next.saturating_sub(self.now).clamp(1, 50)));
        }
        self.come_to_rest();
        let linger = self.profile.config.interest_linger + Duration::from_millis(1);
        self.act(Action::Pass(u64::try_from(linger.as_millis()).unwrap()));
        self.come_to_rest();
    }

    fn begin_drain(&mut self) {
        if !std::mem::replace(&mut self.draining, true) {
            self.ledger.borrow_mut().begin_drain();
            self.act(Action::Drain);
        }
    }

    fn step(&mut self) {
        let pick = self.rng.below(100);
        let shard = self.rng.below(self.shards.len());
        let client = self.rng.below(self.clients.len().max(1));
        let action = match pick {
            0..35 => Some(Action::Turn(shard)),
            35..50 => Some(Action::Deliver(client, self.some_bytes())),
            50..65 => Some(Action::Receive(client, self.some_bytes())),
            65..72 => Some(Action::Room(client)),
            72..88 => return self.client_acts(client),
            88..90 => Some(Action::Answer(self.rng.below(4), self.rng.below(4) != 0)),
            90..94 => Some(Action::Pass(self.rng.below(10) as u64)),
            _ if self.clients.len() < self.profile.clients && !self.draining => {
                self.connect_any();
                return;
            }
            _ => None,
        };
        if let Some(action) = action.filter(|action| self.is_enabled(*action)) {
            self.act(action);
        }
    }

    fn some_bytes(&mut self) -> usize {
        let bound = [3, 40, 1000, 100_000][self.rng.below(4)];
        1 + self.rng.below(bound)
    }

    pub(crate) fn is_enabled(&self, action: Action) -> bool {
        match action {
            Action::Turn(at) => self.shards[at].is_awake(Now::from_millis(self.now)),
            Action::Deliver(at, _) => self
                .net
                .sockets
                .get(at)
                .is_some_and(|socket| socket.can_deliver()),
            Action::Room(at) => self
                .net
                .sockets
                .get(at)
                .is_some_and(|socket| socket.can_report_room()),
            Action::Receive(at, _) => self.clients.get(at).is_some_and(|client| {
                let socket = &self.net.sockets[at];
                let ends = socket.shut || socket.closed;
                !client.stalled && !client.ended && (!socket.tx.is_empty() || ends)
            }),
            Action::Leave(at) => {
                let client = &self.clients[at];
                let told = matches!(client.stage, Stage::Told(_)) || client.ended;
                let socket = &self.net.sockets[at];
                told && !socket.fin && !socket.closed
            }
            Action::Answer(at, _) => at < self.ledger.borrow().questions.len(),
            _ => true,
        }
    }

    /// Acts at random until only time could change anything.
    pub(crate) fn come_to_rest(&mut self) {
        for _ in 0..RESTLESS {
            let mut enabled: Vec<Action> = (0..self.shards.len()).map(Action::Turn).collect();
            enabled.push(Action::Answer(0, true));
            for at in 0..self.clients.len() {
                let (arrive, read) = (self.some_bytes() * 4, self.some_bytes() * 4);
                enabled.extend([
                    Action::Deliver(at, arrive),
                    Action::Receive(at, read),
                    Action::Room(at),
                    Action::Leave(at),
                ]);
            }
            enabled.retain(|action| self.is_enabled(*action));
            if enabled.is_empty() {
                return;
            }
            let action = enabled[self.rng.below(enabled.len())];
            self.act(action);
        }
        panic!("the world does not come to rest");
    }

    fn client_acts(&mut self, at: usize) {
        let Some(client) = self.clients.get(at) else {
            return;
        };
        let place = client.place;
        let opening = client.stage == Stage::Opening && place == Place::Tcp;
        if client.leaving || client.ended || client.half_closed || !(opening || client.stays()) {
            return;
        }
        let (healthy, reference, todo) = (client.healthy, client.reference, client.todo);
        let stalled = client.stalled;
        let action = match self.rng.below(40) {
            0..6 if !healthy => Action::Stall(at, !stalled),
            6..8 if !self.clients[at].has_no_words() => Action::Ping(at),
            8 if self.profile.churns && !reference => return self.say_goodbye(at),
            9..20 if place == Place::Command => {
                let topic = self.rng.below(self.profile.topics);
                match self.rng.below(2) {
                    0 => Action::Subscribe(at, topic),
                    _ => Action::Unsubscribe(at, topic),
                }
            }
            _ if todo == 0 || matches!(place, Place::Sub | Place::Events) => return,
            _ if place == Place::Echo => Action::Echo(at),
            _ => {
                let topic = match place {
                    Place::Tcp | Place::Ws => self.clients[at].topics[0],
                    _ => self.rng.below(self.profile.topics),
                };
                Action::Publish(at, topic)
            }
        };
        self.act(action);
    }

    fn say_goodbye(&mut self, at: usize) {
        let action = match (self.rng.below(6), self.clients[at].place) {
            (0, _) => Action::Reset(at),
            (1, _) => Action::Vanish(at),
            (2 | 3, Place::Tcp) if !self.clients[at].half_closed => Action::HalfClose(at),
            (_, Place::Tcp | Place::Events) => Action::Reset(at),
            _ => Action::Close(at),
        };
        self.act(action);
    }

    fn connect_any(&mut self) -> usize {
        let topics = self.profile.topics;
        let topic = self.rng.below(topics);
        let (place, topics_of) = match self.rng.below(12) {
            _ if self.rng.below(self.profile.many_one_in) == 0 => {
                let mut all: Vec<usize> = (0..topics).collect();
                for _ in 0..self.rng.below(topics) {
                    all.remove(self.rng.below(all.len()));
                }
                (Place::Many, all)
            }
            _ if self.rng.below(self.profile.command_one_in) == 1 => (Place::Command, Vec::new()),
            0..3 => (Place::Tcp, vec![topic]),
            3..6 => (Place::Ws, vec![topic]),
            6 => (Place::Sub, vec![topic]),
            7 => (Place::Events, vec![topic]),
            8 => (Place::Pub, Vec::new()),
            9 => (Place::Echo, Vec::new()),
            10 => (Place::Command, Vec::new()),
            _ => (Place::Page, Vec::new()),
        };
        let mut client = Client::new(place, topics_of, topics);
        client.todo = self.rng.below(self.profile.todo_max + 1);
        client.window = deflate::window(&mut self.rng);
        let slow = self.profile.slow_one_in;
        client.healthy = slow == 0 || self.rng.below(slow) != 0;
        self.connect(client)
    }

    fn connect(&mut self, client: Client) -> usize {
        let shard = self.rng.below(self.shards.len());
        self.connect_to(shard, client)
    }

    pub(crate) fn connect_to(&mut self, shard: usize, mut client: Client) -> usize {
        let at = self.clients.len();
        let mut socket = Socket::new(shard);
        socket.rx_max = [usize::MAX, 100, 3000][self.rng.below(3)];
        if !client.healthy {
            socket.tx_max = [200, 3000, 100_000][self.rng.below(3)];
            socket.cut_one_in = [0, 2, 8][self.rng.below(3)];
        }
        socket.outgoing = client.greeting(&self.names);
        client.opened_at = self.ledger.borrow().step;
        if client.place == Place::Page {
            // Ends its side at once, as `printf | nc -N` does.
            socket.fin = self.rng.below(2) == 0;
        }
        let listener = match client.place {
            Place::Tcp => {
                client.framing = FRAMINGS[self.rng.below(3)];
                Some(client.listener(&self.names))
            }
            _ => None,
        };
        let place = client.place;
        self.clients.push(client);
        self.net.sockets.push(socket);
        self.shards[shard].host.accepts.push((at, listener));
        self.act(Action::Connect(at, place));
        at
    }

    fn note(&mut self, action: Action) {
        let mut book = self.ledger.borrow_mut();
        book.step += 1;
        if self.trace.len() == TRACE_LEN {
            self.trace.pop_front();
        }
        self.trace.push_back((book.step, self.now, action));
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.note(action);
        match action {
            Action::Turn(at) => self.turn(at),
            Action::Connect(..) => {}
            Action::Answer(at, says) => {
                let question = self.ledger.borrow_mut().questions.swap_remove(at);
                if says {
                    question.answer(true);
                }
            }
            Action::Deliver(at, n) => {
                self.net.sockets[at].deliver(n);
                self.report(at);
            }
            Action::Receive(at, n) => self.receive(at, n),
            Action::Room(at) => {
                self.net.sockets[at].event.writable = true;
                self.report(at);
            }
            Action::Publish(at, topic) => self.publish(at, topic),
            Action::Echo(at) => {
                let payload = (0..self.filler()).map(|at| at.to_le_bytes()[0]).collect();
                let bytes = self.clients[at].echo(payload, &mut self.rng);
                self.net.sockets[at].outgoing.extend(bytes);
            }
            Action::Ping(at) => {
                let bytes = self.clients[at].ping(&mut self.rng);
                self.net.sockets[at].outgoing.extend(bytes);
            }
            Action::Subscribe(at, topic) => self.command(at, '+', topic),
            Action::Unsubscribe(at, topic) => self.command(at, '-', topic),
            Action::Stall(at, stalled) => self.clients[at].stalled = stalled,
            Action::Pass(millis) => self.now += millis,
            Action::Drain => {
                for shard in &mut self.shards {
                    shard.driver.core.begin_drain();
                }
            }
            leave => self.leave(leave),
        }
    }

    fn leave(&mut self, action: Action) {
        match action {
            Action::Close(at) => {
                let bytes = self.clients[at].close(&mut self.rng);
                self.net.sockets[at].outgoing.extend(bytes);
                self.clients[at].leaving = true;
            }
            Action::HalfClose(at) => {
                self.net.sockets[at].fin = true;
                self.clients[at].half_closed = true;
            }
            Action::Vanish(at) => {
                let bytes = self.clients[at].message(Kind::Binary, &[b'x'; 300], &mut self.rng);
                let cut = 1 + self.rng.below(bytes.len() - 1);
                let socket = &mut self.net.sockets[at];
                if !socket.fin {
                    socket.outgoing.extend_from_slice(&bytes[..cut]);
                    socket.fin = true;
                }
                let client = &mut self.clients[at];
                client.leaving = true;
                client.rude = true;
                if client.place == Place::Tcp {
                    // A half-close to the server: it goes on sending until this.
                    self.reset(at);
                }
            }
            Action::Reset(at) => self.reset(at),
            Action::Leave(at) => self.net.sockets[at].fin = true,
            _ => unreachable!("{action:?}"),
        }
    }

    fn reset(&mut self, at: usize) {
        let socket = &mut self.net.sockets[at];
        socket.broken = true;
        socket.event.error = true;
        let client = &mut self.clients[at];
        client.leaving = true;
        client.rude = true;
        client.ended = true;
        self.report(at);
    }

    /// Puts a socket on the list of those that its shard's next poll reports.
    fn report(&mut self, at: usize) {
        let socket = &self.net.sockets[at];
        let host = &mut self.shards[socket.shard].host;
        if socket.id.is_some() && !host.events.contains(&at) {
            host.events.push(at);
        }
    }

    fn turn(&mut self, at: usize) {
        self.shards[at].turn(Now::from_millis(self.now), &mut self.net);
    }

    fn receive(&mut self, at: usize, n: usize) {
        let socket = &mut self.net.sockets[at];
        let client = &mut self.clients[at];
        let n = n.min(socket.tx.len());
        let bytes: Vec<u8> = socket.tx.drain(..n).collect();
        let answers = client.take(&bytes, &self.ledger.borrow(), &mut self.rng);
        if !socket.fin && !client.leaving {
            socket.outgoing.extend(answers);
        }
        if socket.tx.is_empty() && (socket.shut || socket.closed) {
            client.ended = true;
            assert!(
                client.rude || !client.is_mid_frame(),
                "ended inside a frame"
            );
        }
    }

    fn filler(&mut self) -> usize {
        let max = self.profile.filler_max;
        match self.rng.below(4) {
            0 => self.rng.below(max + 1),
            1 => self.rng.below(max.min(200) + 1),
            _ => self.rng.below(max.min(30) + 1),
        }
    }

    fn publish(&mut self, at: usize, topic: usize) {
        let filler = self.filler();
        let client = &mut self.clients[at];
        client.todo = client.todo.saturating_sub(1);
        let kind = match client.place {
            Place::Tcp if client.framing == Framing::Line => Kind::Text,
            Place::Tcp => Kind::Binary,
            _ => [Kind::Text, Kind::Binary][self.rng.below(2)],
        };
        let mut book = self.ledger.borrow_mut();
        let payload = book.begin(topic, Some(at), kind, filler);
        let bytes = client.message(kind, &payload, &mut self.rng);
        self.net.sockets[at].outgoing.extend(bytes);
    }

    fn command(&mut self, at: usize, sign: char, topic: usize) {
        let text = format!("{sign}{}", self.names[topic]);
        let bytes = self.clients[at].message(Kind::Text, text.as_bytes(), &mut self.rng);
        self.net.sockets[at].outgoing.extend(bytes);
    }

    /// What happened last, for the report of a failure.
    pub(crate) fn story(&self) -> String {
        let theme: profile::Kind = self.profile.kind;
        let mut story = format!("{theme:?}: {:?}\n", self.profile);
        for (step, now, action) in &self.trace {
            story += &format!("  step {step} at {now} ms: {action:?}\n");
        }
        story
    }
}

/// A name whose home is that shard. The hash is keyed anew in each process, so that names differ
/// between runs, but nothing else does.
fn name_at_home(hasher: &RandomState, topic: usize, home: usize, shards: usize) -> String {
    (0..)
        .map(|nonce| format!("t{topic}-{nonce:05}"))
        .find(|name| home_of(hasher, name, shards) == shard_id(home))
        .expect("some name has its home there")
}
