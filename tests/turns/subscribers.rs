//! Topics that may have only so many subscribers: two shards, with their mail in the test's hands.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use corecast::auth::Denial;
use corecast::counters::Limit;
use corecast::{
    CloseReason, Config, ConnId, Cx, Halt, Handler, Message, Namespaces, Opening, Publisher,
    Refusal, Response, Room, RoomCx, TopicSettings,
};

use crate::frame;
use crate::shard::{Shard, topics_at};
use crate::users::{closes_with, exchange, give_space, go_on};

/// What rooms were told, and the ends that handlers were told of.
type Told = Rc<RefCell<Vec<String>>>;

/// Connections subscribe to the topic in their path, and to those that they name.
struct App {
    told: Told,
    has_rooms: bool,
}

struct Counting(Told);

impl Room for Counting {
    fn wants_joins(&self) -> bool {
        true
    }

    fn on_join(&mut self, _: &mut RoomCx<'_>, _: Publisher, _: &[u8]) {
        self.0.borrow_mut().push("join".to_owned());
    }

    fn on_leave(&mut self, _: &mut RoomCx<'_>, _: Publisher) {
        self.0.borrow_mut().push("leave".to_owned());
    }
}

impl Handler for App {
    type Conn = ();
    type Answer = crate::shard::Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        opening: &Opening<'_>,
    ) -> Result<(), Refusal> {
        let topic = match opening {
            Opening::WebSocket(request) | Opening::Events(request) => &request.path[1..],
            Opening::Tcp { topic, .. } => topic.name(),
            _ => return Err(Response::text(404, "").into()),
        };
        Ok(cx.subscribe(topic)?)
    }

    fn on_message(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        message: Message<'_>,
    ) -> Result<(), Halt> {
        Ok(cx.subscribe(std::str::from_utf8(message.payload).unwrap())?)
    }

    fn on_close(
        &mut self,
        _: &mut Cx<'_, (), Self::Answer>,
        reason: CloseReason,
    ) -> Result<(), Halt> {
        self.told.borrow_mut().push(reason.label().to_owned());
        Ok(())
    }

    fn room(&mut self, _: &str) -> Option<Box<dyn Room>> {
        let told = Rc::clone(&self.told);
        self.has_rooms
            .then(|| Box::new(Counting(told)) as Box<dyn Room>)
    }

    fn wants_events(&mut self, request: &corecast::Request<'_>) -> bool {
        request.header("accept") == Some(b"text/event-stream")
    }
}

/// Two shards, of which the second is home to the topic. Clients are named by their shard.
struct Pair {
    shards: [Shard<()>; 2],
    told: Told,
    topic: String,
}

fn limited(max: Option<u32>) -> Namespaces {
    let settings = TopicSettings {
        subscribers_max: max,
        ..TopicSettings::default()
    };
    Namespaces::new(settings, Vec::new())
}

impl Pair {
    fn new(max: Option<u32>, has_rooms: bool) -> Self {
        let told = Told::default();
        let config = Config {
            namespaces: limited(max),
            ..Config::default()
        };
        let shards = [0, 1].map(|at| {
            let told = Rc::clone(&told);
            let app = App { told, has_rooms };
            let mut shard = Shard::one(at, 2, config.clone(), app);
            give_space(&mut shard);
            shard
        });
        let topic = topics_at(1).next().unwrap().to_string();
        Self {
            shards,
            told,
            topic,
        }
    }

    fn ask(&mut self, at: usize, fields: &str) -> ConnId {
        let id = self.shards[at].connect();
        let request = format!("GET /{} HTTP/1.1\r\nHost: a\r\n{fields}\r\n", self.topic);
        self.shards[at].read(id, request);
        go_on(&mut self.shards[at]);
        id
    }

    /// A WebSocket, when the home has answered.
    fn upgrade(&mut self, at: usize) -> (ConnId, String) {
        let id = self.ask(at, UPGRADE);
        self.settle();
        (id, self.take(at, id))
    }

    /// One that is open.
    fn open(&mut self, at: usize) -> ConnId {
        let (id, answer) = self.upgrade(at);
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        id
    }

    /// One that is refused.
    fn is_refused(&mut self, at: usize) -> String {
        let (_, answer) = self.upgrade(at);
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        answer
    }

    fn end(&mut self, at: usize, id: ConnId) {
        self.shards[at].core.handle_reset(id);
        self.settle();
    }

    fn take(&mut self, at: usize, id: ConnId) -> String {
        String::from_utf8_lossy(&self.shards[at].take(id)).into_owned()
    }

    fn tell_home(&mut self) {
        let [guest, home] = &mut self.shards;
        go_on(guest);
        while let Some(mail) = guest.core.mail()[1].to_home.pop() {
            assert!(home.core.handle_to_home(mail).is_none());
        }
        give_space(guest);
        go_on(home);
    }

    fn hear_home(&mut self) {
        let [guest, home] = &mut self.shards;
        while let Some(mail) = home.core.mail()[0].from_home.pop() {
            assert!(guest.core.handle_from_home(mail).is_none());
        }
        give_space(home);
        go_on(guest);
    }

    fn settle(&mut self) {
        exchange(&mut self.shards);
    }

    /// Subscribers that the home counts.
    fn counted(&self) -> usize {
        self.shards[1].core.clients_at_home().len()
    }

    fn set_limit(&mut self, max: Option<u32>) {
        for shard in &mut self.shards {
            shard.core.set_namespaces(limited(max));
        }
    }

    fn is_refused_if(&mut self, refused: bool) {
        if refused {
            self.is_refused(0);
        } else {
            self.open(0);
        }
    }
}

const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const REASON: &str = "the topic has too many subscribers";

#[test]
fn a_topic_has_no_more_subscribers_than_it_may_have_on_all_shards_together() {
    for order in [[0, 0, 0], [0, 1, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]] {
        let mut pair = Pair::new(Some(2), false);
        let [first, second, third] = order;
        let client = pair.open(first);
        pair.open(second);
        let answer = pair.is_refused(third);
        assert!(answer.trim_end().ends_with(REASON), "{order:?}: {answer}");
        let denied = pair.shards[third].counters().denied;
        assert_eq!(denied[Denial::SubscriberLimit.index()], 1, "{order:?}");
        let limits = pair.shards[1].counters().limited;
        assert_eq!(limits[Limit::Subscribers.index()], 1, "{order:?}");
        assert_eq!(pair.told.take(), ["refused"]);
        pair.end(first, client);
        pair.open(third);
        assert_eq!(pair.counted(), 2, "{order:?}");
    }
}

#[test]
fn each_protocol_says_that_a_topic_is_full() {
    for at in [0, 1] {
        let mut pair = Pair::new(Some(1), false);
        pair.open(at);
        let events = pair.ask(at, "Accept: text/event-stream\r\nOrigin: http://a\r\n");
        pair.settle();
        let answer = pair.take(at, events);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let page = "Access-Control-Allow-Origin: http://a\r\n";
        assert!(answer.contains(page), "a page may read it: {answer}");
        assert!(answer.contains("retry: "), "{answer}");
        assert!(answer.contains(&format!(": 503 {REASON}")), "{answer}");
        let topic = pair.topic.clone();
        pair.shards[at].connect_tcp(&topic);
        pair.settle();
        assert_eq!(pair.told.take(), ["refused", "refused"]);
        assert_eq!(pair.counted(), 1);
    }
}

#[test]
fn a_connection_that_is_open_closes_when_the_topic_it_names_is_full() {
    let mut pair = Pair::new(Some(1), false);
    let topic = pair.topic.clone();
    for (at, other) in topics_at(1).skip(1).take(2).enumerate() {
        pair.topic = other.to_string();
        let client = pair.open(at);
        pair.shards[at].read(client, frame(0x81, topic.as_bytes()));
        pair.settle();
        let word = pair.shards[at].take(client);
        assert_eq!(closes_with(&word, 1013, REASON), at == 1, "{at}");
    }
    assert_eq!(pair.told.take(), ["subscriber_limit"]);
}

#[test]
fn a_subscriber_that_goes_while_the_home_answers_leaves_the_count_as_it_was() {
    for (others, told) in [(0, false), (0, true), (1, false), (1, true)] {
        let mut pair = Pair::new(Some(1), false);
        let others: Vec<_> = (0..others).map(|_| pair.open(1)).collect();
        let client = pair.ask(0, UPGRADE);
        pair.tell_home();
        pair.hear_home();
        if told {
            pair.tell_home();
        }
        pair.end(0, client);
        assert_eq!(pair.counted(), others.len(), "{told}");
        pair.is_refused_if(!others.is_empty());
    }
}

#[test]
fn a_room_is_told_of_no_subscriber_that_is_refused() {
    for at in [0, 1] {
        let mut pair = Pair::new(Some(1), true);
        let client = pair.open(at);
        pair.is_refused(at);
        assert_eq!(pair.told.take(), ["join", "refused"]);
        // It goes before it hears that it is refused.
        let late = pair.ask(at, UPGRADE);
        pair.end(at, late);
        let told = pair.told.take();
        assert!(
            !told.iter().any(|told| told == "join" || told == "leave"),
            "{told:?}"
        );
        pair.end(at, client);
        assert!(pair.told.take().contains(&"leave".to_owned()));
    }
}

#[test]
fn a_limit_changes_at_once_and_a_first_one_holds_when_all_have_left() {
    let mut pair = Pair::new(Some(1), false);
    pair.open(1);
    pair.is_refused(0);
    pair.set_limit(Some(2));
    pair.open(0);
    pair.is_refused(1);
    pair.set_limit(None);
    pair.open(0);
    pair.set_limit(Some(2));
    pair.is_refused(0);
    let mut pair = Pair::new(None, false);
    let clients = [1, 1].map(|at| (at, pair.open(at)));
    pair.set_limit(Some(1));
    let third = pair.open(1);
    for (at, client) in clients.into_iter().chain([(1, third)]) {
        pair.end(at, client);
    }
    // Until the shard has forgotten the topic, it is as it was.
    pair.shards[1].wait(Duration::from_secs(3));
    pair.open(1);
    pair.is_refused(1);
}
