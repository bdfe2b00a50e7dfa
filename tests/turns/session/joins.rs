//! Joins and leaves: clients are told of each other.

use std::collections::BTreeMap;

use corecast::internals::Rng;
use corecast::internals::driver::{Driver, MeshEnd};
use corecast::mesh::Capacity;
use corecast::time::Now;
use corecast::topic::sink::Sock;
use corecast::{Relay, RelaySettings, ShardId};

use super::*;
use crate::shard::upgrade_request;
use crate::sockets::Sockets;

fn with_joins(join_leave: bool, force_push_join_leave: bool) -> Config {
    let settings = TopicSettings {
        join_leave,
        force_push_join_leave,
        ..with_history(10).namespaces.of("news").clone()
    };
    of_all(settings)
}

const SUBSCRIBE: &str = r#"{"id":2,"subscribe":{"channel":"news","join_leave":true}}"#;
const SUBSCRIBE_ALONE: &str = r#"{"id":2,"subscribe":{"channel":"news"}}"#;
const UNSUBSCRIBE: &str = r#"{"id":3,"unsubscribe":{"channel":"news"}}"#;

fn push(event: &str, client: ConnId) -> String {
    let info = format!(r#"{{"info":{{"user":"","client":"0.{client}"}}}}"#);
    format!(r#"{{"push":{{"channel":"news","{event}":{info}}}}}"#)
}

#[test]
fn a_client_that_asks_is_told_of_joins_and_leaves_its_own_join_included() {
    let mut scene = Scene::connected(with_joins(true, false));
    let told = scene.ask(SUBSCRIBE);
    assert!(told[0].starts_with(r#"{"id":2,"subscribe":{"#), "{told:?}");
    assert_eq!(told[1..], [push("join", scene.client)]);
    let [other, third] = [(); 2].map(|()| scene.another());
    for client in [other, third] {
        scene.say_as(client, SUBSCRIBE_ALONE);
        assert_eq!(scene.hear_as(client).len(), 1, "it has not asked");
    }
    let joins = [push("join", other), push("join", third)];
    assert_eq!(scene.texts(), joins);
    scene.say_as(other, UNSUBSCRIBE);
    scene.shard.core.handle_reset(third);
    scene.shard.rest();
    let leaves = [push("leave", other), push("leave", third)];
    assert_eq!(scene.texts(), leaves);
    let told = scene.ask(UNSUBSCRIBE);
    assert_eq!(told, [r#"{"id":3,"unsubscribe":{}}"#]);
    scene.say_as(other, SUBSCRIBE_ALONE);
    assert_eq!(scene.texts(), [""; 0], "it has left");
}

#[test]
fn all_clients_are_told_where_the_topic_says_so_and_none_where_it_tells_nothing() {
    let mut scene = Scene::connected(with_joins(true, true));
    scene.say(SUBSCRIBE_ALONE);
    assert_eq!(scene.texts()[1..], [push("join", scene.client)]);
    let mut scene = Scene::connected(with_joins(false, false));
    assert_eq!(scene.ask(SUBSCRIBE).len(), 1);
    let other = scene.another();
    scene.say_as(other, SUBSCRIBE);
    assert_eq!(scene.texts(), [""; 0]);
}

#[test]
fn joins_among_messages_have_no_place_among_their_offsets() {
    let mut scene = Scene::connected(with_joins(true, false));
    scene.say(SUBSCRIBE);
    scene.hear();
    for offset in 1..=3 {
        let other = scene.another();
        scene.say_as(other, SUBSCRIBE_ALONE);
        let publish = format!(r#"{{"id":4,"publish":{{"channel":"news","data":{offset}}}}}"#);
        scene.say_as(other, &publish);
        let told = scene.texts();
        assert!(told.contains(&push("join", other)), "{told:?}");
        let message = format!(r#""offset":{offset}"#);
        assert!(told.iter().any(|told| told.contains(&message)), "{told:?}");
    }
    scene.shard.core.audit();
}

#[test]
fn as_many_subscriptions_are_possible_with_joins_as_without() {
    let max = corecast::limits::SUBSCRIPTIONS_MAX;
    let mut scene = Scene::connected(with_joins(true, false));
    for number in 0..=max {
        let told = scene.ask(&format!(
            r#"{{"id":2,"subscribe":{{"channel":"{number}","join_leave":true}}}}"#
        ));
        let is_refused = told[0].contains(r#""code":106"#);
        assert_eq!(is_refused, number == max, "{told:?}");
    }
}

/// A client of the seeded test.
struct Member {
    shard: usize,
    id: ConnId,
    sock: i32,
    hears: bool,
    subscribed: bool,
    gone: bool,
    /// What it has heard last of each client.
    last: BTreeMap<String, bool>,
}

struct Node {
    shards: Vec<(Driver<Relay>, Sockets)>,
    members: Vec<Member>,
    now: Now,
}

impl Node {
    fn new(rng: &mut Rng) -> Self {
        let capacity = Capacity {
            messages: [1, 2, 100][rng.below(3)],
            bytes: 1 << 20,
        };
        let (config, now) = (with_joins(true, false), Now::from_millis(1_000_000));
        let shards = u16::try_from(1 + rng.below(3)).unwrap();
        let ends = MeshEnd::connect(shards, capacity).into_iter();
        let shards = ends.map(|end| {
            let relay = Relay::new(RelaySettings::default());
            let driver = Driver::new(end, config.clone(), now, relay);
            (driver, Sockets::default())
        });
        Self {
            shards: shards.collect(),
            members: Vec::new(),
            now,
        }
    }

    fn connect(&mut self, shard: usize, hears: bool) {
        let sock = i32::try_from(self.members.len()).unwrap();
        let core = &mut self.shards[shard].0.core;
        let id = core.handle_http_open(Sock(sock), None);
        let request = upgrade_request(PATH, "");
        core.handle_bytes(id, &mut request.into_bytes());
        let (subscribed, gone, last) = (false, false, BTreeMap::new());
        self.members.push(Member {
            shard,
            id,
            sock,
            hears,
            subscribed,
            gone,
            last,
        });
        self.turn(shard);
        self.shards[shard].1.sent.clear();
        self.say(self.members.len() - 1, CONNECT);
    }

    /// `false` if it is not read now.
    fn say(&mut self, member: usize, message: &str) -> bool {
        let Member { shard, id, .. } = self.members[member];
        let core = &mut self.shards[shard].0.core;
        let is_read = core.wants_bytes(id);
        if is_read {
            core.handle_bytes(id, &mut text(message));
        }
        is_read
    }

    fn turn(&mut self, shard: usize) {
        let (driver, sockets) = &mut self.shards[shard];
        driver.core.begin_turn(self.now);
        driver.turn(self.now, sockets);
        driver.core.audit();
        let members = self.members.iter_mut();
        for member in members.filter(|member| member.shard == shard) {
            let sent = sockets.sent.remove(&member.sock).unwrap_or_default();
            let sent = match sent.windows(4).position(|at| at == b"\r\n\r\n") {
                Some(end) if sent.starts_with(b"HTTP") => sent[end + 4..].to_vec(),
                _ => sent,
            };
            heard(sent).into_iter().for_each(|told| member.hear(told));
        }
    }

    fn rest(&mut self) {
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

    /// What those that hear of others know is what is so.
    fn check(&self, seed: u64) {
        let members = || self.members.iter().filter(|member| !member.gone);
        let here = |shard: &(Driver<Relay>, _)| shard.0.core.clients_here();
        let mut here: Vec<_> = self.shards.iter().flat_map(here).collect();
        let at_home = |shard: &(Driver<Relay>, _)| shard.0.core.clients_at_home();
        let mut at_home: Vec<_> = self.shards.iter().flat_map(at_home).collect();
        here.sort_by_key(|(_, client)| *client);
        at_home.sort_by_key(|(_, client)| *client);
        assert_eq!(here, at_home, "seed {seed}");
        assert_eq!(
            here.len(),
            members().filter(|member| member.subscribed).count(),
            "seed {seed}"
        );
        for listener in members().filter(|member| member.hears && member.subscribed) {
            assert_eq!(listener.last.get(&listener.name()), Some(&true));
            for (name, is_there) in &listener.last {
                let is = self.members.iter().find(|member| member.name() == *name);
                let is = is.is_some_and(|member| member.subscribed && !member.gone);
                assert_eq!(*is_there, is, "seed {seed}: {name}");
            }
        }
    }
}

impl Member {
    fn name(&self) -> String {
        let shard = ShardId::new(self.shard.try_into().unwrap());
        format!("{shard}.{}", self.id)
    }

    fn hear(&mut self, told: Told) {
        let Told::Text(told) = told else { return };
        for line in told.lines() {
            let told: serde_json::Value = serde_json::from_str(line).unwrap();
            for (event, is_join) in [("join", true), ("leave", false)] {
                let Some(client) = told["push"][event]["info"]["client"].as_str() else {
                    continue;
                };
                assert!(self.hears, "it has not asked");
                let before = self.last.insert(client.to_owned(), is_join);
                assert_ne!(before, Some(is_join), "{event} twice in a row");
            }
            if told["unsubscribe"].is_object() {
                // It hears nothing until it comes back.
                self.last.clear();
            }
        }
    }
}

#[test]
fn what_clients_hear_of_each_other_is_in_order_and_true_in_the_end() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let mut node = Node::new(&mut rng);
        let shards = node.shards.len();
        for _ in 0..4 + rng.below(6) {
            node.connect(rng.below(shards), rng.below(2) == 0);
        }
        node.rest();
        for _ in 0..150 {
            let at = rng.below(node.members.len());
            let Member {
                subscribed, hears, ..
            } = node.members[at];
            match rng.below(12) {
                0 if !node.members[at].gone && node.members.len() < 30 => {
                    let Member { shard, id, .. } = node.members[at];
                    node.shards[shard].0.core.handle_reset(id);
                    node.members[at].gone = true;
                    node.connect(rng.below(shards), rng.below(2) == 0);
                }
                1..=4 if !node.members[at].gone => {
                    let message = match (subscribed, hears) {
                        (true, _) => UNSUBSCRIBE,
                        (false, true) => SUBSCRIBE,
                        (false, false) => SUBSCRIBE_ALONE,
                    };
                    if node.say(at, message) {
                        node.members[at].subscribed = !subscribed;
                    }
                }
                _ => node.turn(rng.below(shards)),
            }
        }
        node.rest();
        node.check(seed);
    }
}
