//! Patterns on two shards, with their mail in the test's hands: all homes know a pattern, and a
//! message goes to all shards that want it or to none.

use corecast::shard::mail::{FromHome, Space};
use corecast::{
    Config, ConnId, Cx, Halt, Handler, Message, Opening, Refusal, Response, TopicPattern,
};

use crate::frame;
use crate::shard::{Shard, topics_at, upgrade_request};
use crate::users::{exchange, give_space, go_on};

/// Connections subscribe to what is in their path, patterns or topics, and publish to the topic
/// that their messages name.
struct App;

impl Handler for App {
    type Conn = ();
    type Answer = crate::shard::Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        opening: &Opening<'_>,
    ) -> Result<(), Refusal> {
        let Opening::WebSocket(request) = opening else {
            return Err(Response::text(404, "").into());
        };
        // No path has a `#`.
        let names = request.path[1..].replace('~', "#");
        for name in names.split(',').filter(|name| !name.is_empty()) {
            match TopicPattern::parse(name) {
                Ok(pattern) => cx.subscribe_pattern(&pattern)?,
                Err(_) => cx.subscribe(name)?,
            }
        }
        Ok(())
    }

    fn on_message(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        message: Message<'_>,
    ) -> Result<(), Halt> {
        let name = std::str::from_utf8(message.payload).unwrap();
        Ok(cx.publish(name, message.kind, message.payload)?)
    }
}

struct Pair([Shard<()>; 2]);

impl Pair {
    fn new() -> Self {
        Self([0, 1].map(|at| {
            let mut shard = Shard::one(at, 2, Config::default(), App);
            give_space(&mut shard);
            shard
        }))
    }

    /// A connection whose homes have not answered yet.
    fn ask(&mut self, at: usize, names: &str) -> ConnId {
        let id = self.0[at].connect();
        let request = upgrade_request(&format!("/{names}"), "");
        self.0[at].read(id, request);
        go_on(&mut self.0[at]);
        id
    }

    fn open(&mut self, at: usize, names: &str) -> ConnId {
        let id = self.ask(at, names);
        exchange(&mut self.0);
        assert!(self.0[at].take(id).starts_with(b"HTTP/1.1 101"));
        id
    }

    fn publish(&mut self, at: usize, publisher: ConnId, topic: &str) {
        self.0[at].read(publisher, frame(0x81, topic.as_bytes()));
        go_on(&mut self.0[at]);
    }

    /// How many messages a connection has got.
    fn got(&mut self, at: usize, id: ConnId) -> usize {
        let bytes = self.0[at].take(id);
        bytes.iter().filter(|byte| **byte == 0x81).count()
    }
}

/// One topic at each home.
fn topics() -> [String; 2] {
    [0, 1].map(|home| topics_at(home).next().unwrap().to_string())
}

#[test]
fn a_pattern_is_live_when_the_last_home_has_answered() {
    let mut pair = Pair::new();
    let id = pair.ask(0, "+");
    assert_eq!(pair.0[0].take(id), b"", "the other home was not asked");
    let [guest, home] = &mut pair.0;
    while let Some(mail) = guest.core.mail()[1].to_home.pop() {
        assert!(home.core.handle_to_home(mail).is_none());
    }
    go_on(home);
    go_on(guest);
    assert_eq!(guest.take(id), b"", "it has not answered");
    exchange(&mut pair.0);
    assert!(pair.0[0].take(id).starts_with(b"HTTP/1.1 101"));
    let publishers = [pair.open(0, ""), pair.open(1, "")];
    for topic in topics() {
        for (at, publisher) in publishers.into_iter().enumerate() {
            pair.publish(at, publisher, &topic);
            exchange(&mut pair.0);
        }
    }
    assert_eq!(pair.got(0, id), 4, "from each shard to each home");
}

#[test]
fn all_that_a_shard_wants_of_a_message_is_one_mail() {
    let mut pair = Pair::new();
    let [_, topic] = topics();
    let ids = ["+", "~", &topic].map(|name| pair.open(0, name));
    let own = pair.open(1, "+");
    let publisher = pair.open(1, "");
    let home = &mut pair.0[1];
    let lane = &mut home.core.mail()[0].from_home;
    lane.set_space(Space {
        messages: 1,
        bytes: 1 << 20,
    });
    pair.publish(1, publisher, &topic);
    let mails: Vec<FromHome> =
        std::iter::from_fn(|| pair.0[1].core.mail()[0].from_home.pop()).collect();
    assert_eq!(mails.len(), 1, "{mails:?}");
    for mail in mails {
        assert!(pair.0[0].core.handle_from_home(mail).is_none());
    }
    exchange(&mut pair.0);
    assert_eq!(ids.map(|id| pair.got(0, id)), [1, 1, 1]);
    assert_eq!(pair.got(1, own), 1);
}

#[test]
fn a_lane_without_space_holds_up_the_message_for_all() {
    let mut pair = Pair::new();
    let [_, topic] = topics();
    let (far, own) = (pair.open(0, "+"), pair.open(1, "~"));
    let publisher = pair.open(1, "");
    let lane = &mut pair.0[1].core.mail()[0].from_home;
    lane.set_space(Space {
        messages: 0,
        bytes: 1 << 20,
    });
    pair.publish(1, publisher, &topic);
    assert_eq!((pair.got(0, far), pair.got(1, own)), (0, 0));
    give_space(&mut pair.0[1]);
    exchange(&mut pair.0);
    assert_eq!((pair.got(0, far), pair.got(1, own)), (1, 1));
}

#[test]
fn homes_forget_a_pattern_that_has_no_subscriber_any_more() {
    let mut pair = Pair::new();
    let id = pair.open(0, "+,a/+");
    let patterns = |pair: &Pair, at: usize| {
        let remains = pair.0[at].core.remains().into_iter();
        let mut remains = remains.filter(|(name, _)| *name == "patterns at home");
        remains.next().unwrap().1
    };
    assert_eq!([0, 1].map(|at| patterns(&pair, at)), [2, 2]);
    pair.0[0].core.handle_reset(id);
    exchange(&mut pair.0);
    for shard in &mut pair.0 {
        shard.pass(std::time::Duration::from_secs(5));
    }
    exchange(&mut pair.0);
    assert_eq!([0, 1].map(|at| patterns(&pair, at)), [0, 0]);
}
