//! A world: shards, the mesh, the network and the clients, and what happens among them by a seed.

mod action;
mod chance;
mod histories;
mod life;
mod users;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::hash::DefaultHasher;
use std::rc::Rc;

use corecast::Topic;
use corecast::auth::{Places, Revocations};
use corecast::internals::driver::{Driver, MeshEnd};
use corecast::internals::{self, Rng};
use corecast::mesh::Capacity;
use corecast::time::Now;

use crate::client::{Client, FRAMINGS, Place};
use crate::handler::App;
use crate::histories::Histories;
use crate::ledger::{Book, Ledger};
use crate::net::{Net, Socket};
use crate::profile::Profile;
use crate::shard::{Host, Shard, shard_id};
use crate::tokens::{self, Token};
pub(crate) use crate::world::action::Action;

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) profile: Profile,
    pub(crate) rng: Rng,
    pub(crate) ledger: Ledger,
    pub(crate) names: Rc<[Topic]>,
    pub(crate) shards: Vec<Shard>,
    pub(crate) net: Net,
    /// By index of their socket.
    pub(crate) clients: Vec<Client>,
    /// The client that sees all of a topic.
    pub(crate) references: Vec<Option<usize>>,
    /// Of tokens, for all shards.
    revocations: Option<Revocations>,
    pub(crate) now: u64,
    pub(crate) trace: VecDeque<(u64, u64, Action)>,
    pub(crate) draining: bool,
    /// Of all that has happened, and of all bytes that clients have received.
    pub(crate) digest: DefaultHasher,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let profile = Profile::choose(&mut Rng::new(seed));
        Self::with_profile(seed, profile)
    }

    pub(crate) fn with_profile(seed: u64, profile: Profile) -> Self {
        internals::make_hashes_known();
        // Not the numbers that chose the profile.
        let mut rng = Rng::new(!seed);
        let names: Rc<[Topic]> = (0..profile.topics)
            .map(|topic| {
                let home = rng.below(profile.shards);
                topic_at_home(topic, profile.home.unwrap_or(home), profile.shards)
            })
            .collect();
        let ledger = Rc::new(RefCell::new(Book::of(profile.topics)));
        let histories = profile.histories.as_ref();
        ledger.borrow_mut().places = histories.map(Histories::orders);
        let says_goodbye = profile.churns && rng.below(2) == 0;
        let capacity = Capacity {
            messages: profile.lane_messages,
            bytes: profile.lane_bytes,
        };
        let auth = profile.tokens.then(tokens::auth);
        let shards = MeshEnd::connect(profile.shards.try_into().unwrap(), capacity)
            .into_iter()
            .map(|end| {
                let app = App {
                    ledger: Rc::clone(&ledger),
                    topics: Rc::clone(&names),
                    says_goodbye,
                    rooms: profile.rooms,
                    joins: profile.joins,
                    asks: profile.asks,
                    users: profile.users,
                };
                let config = profile.config.clone();
                let now = Now::default();
                let mut driver = Driver::new(end, config, now, app);
                profile.limit(&mut driver);
                if let Some(auth) = &auth {
                    driver.core.set_auth(auth.clone(), Places::default());
                    driver.core.set_date(tokens::date());
                }
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
            revocations: auth.map(|auth| auth.verifier.revocations()),
            profile,
            rng,
            ledger,
            names,
            shards,
            clients: Vec::new(),
            now: 0,
            trace: VecDeque::new(),
            draining: false,
            digest: DefaultHasher::new(),
        }
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
        client.opened_at = self.ledger.borrow().step;
        self.give_readers(&mut client);
        if self.profile.tokens && client.place != Place::Page {
            let token = client
                .token
                .unwrap_or_else(|| Token::good(client.opened_at));
            client.token = Some(token);
        }
        if client.place == Place::Tcp {
            client.framing = FRAMINGS[self.rng.below(3)];
        }
        socket.outgoing = client.greeting(&self.names);
        if client.place == Place::Page {
            // Ends its side at once, as `printf | nc -N` does.
            socket.fin = self.rng.below(2) == 0;
        }
        let listener = match client.place {
            Place::Tcp | Place::Session => Some(client.listener(&self.names)),
            _ => None,
        };
        let place = client.place;
        self.clients.push(client);
        self.net.sockets.push(socket);
        self.shards[shard].host.accepts.push((at, listener));
        self.act(Action::Connect(at, place));
        at
    }

    /// What happened last, for the report of a failure.
    pub(crate) fn story(&self) -> String {
        let theme = self.profile.theme;
        let mut story = format!("{theme:?}: {:?}\n", self.profile);
        for (step, now, action) in &self.trace {
            story += &format!("  step {step} at {now} ms: {action:?}\n");
        }
        for (at, shard) in self.shards.iter().enumerate() {
            let remains = shard.driver.core.remains().into_iter();
            let remains: Vec<_> = remains.filter(|(_, count)| *count != 0).collect();
            story += &format!("  shard {at}: {remains:?}\n");
        }
        story
    }
}

/// A topic whose home is that shard.
fn topic_at_home(topic: usize, home: usize, shards: usize) -> Topic {
    let shards = shards.try_into().unwrap();
    (0..)
        .map(|nonce| Topic::new(format!("t{topic}:{nonce:05}")).unwrap())
        .find(|topic| topic.home(shards) == shard_id(home))
        .expect("some name has its home there")
}
