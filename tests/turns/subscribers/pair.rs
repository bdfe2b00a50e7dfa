//! Two shards, with their mail in the test's hands.

use std::cell::RefCell;
use std::rc::Rc;

use corecast::{
    CloseReason, Config, ConnId, Cx, Halt, Handler, Message, Namespaces, Opening, Publisher,
    Refusal, Response, Room, RoomCx, TopicSettings,
};

use crate::shard::{Shard, topics_at};
use crate::users::{exchange, give_space, go_on};

/// What rooms were told, and the ends that handlers were told of.
pub(super) type Told = Rc<RefCell<Vec<String>>>;

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
pub(super) struct Pair {
    pub(super) shards: [Shard<()>; 2],
    pub(super) told: Told,
    pub(super) topic: String,
}

fn limited(max: Option<u32>) -> Namespaces {
    let settings = TopicSettings {
        subscribers_max: max,
        ..TopicSettings::default()
    };
    Namespaces::new(settings, Vec::new())
}

impl Pair {
    pub(super) fn new(max: Option<u32>, has_rooms: bool) -> Self {
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

    pub(super) fn ask(&mut self, at: usize, fields: &str) -> ConnId {
        let id = self.shards[at].connect();
        let request = format!("GET /{} HTTP/1.1\r\nHost: a\r\n{fields}\r\n", self.topic);
        self.shards[at].read(id, request);
        go_on(&mut self.shards[at]);
        id
    }

    /// A WebSocket, when the home has answered.
    pub(super) fn upgrade(&mut self, at: usize) -> (ConnId, String) {
        let id = self.ask(at, UPGRADE);
        self.settle();
        (id, self.take(at, id))
    }

    /// One that is open.
    pub(super) fn open(&mut self, at: usize) -> ConnId {
        let (id, answer) = self.upgrade(at);
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        id
    }

    /// One that is refused.
    pub(super) fn is_refused(&mut self, at: usize) -> String {
        let (_, answer) = self.upgrade(at);
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        answer
    }

    pub(super) fn end(&mut self, at: usize, id: ConnId) {
        self.shards[at].core.handle_reset(id);
        self.settle();
    }

    pub(super) fn take(&mut self, at: usize, id: ConnId) -> String {
        String::from_utf8_lossy(&self.shards[at].take(id)).into_owned()
    }

    pub(super) fn tell_home(&mut self) {
        let [guest, home] = &mut self.shards;
        go_on(guest);
        while let Some(mail) = guest.core.mail()[1].to_home.pop() {
            assert!(home.core.handle_to_home(mail).is_none());
        }
        give_space(guest);
        go_on(home);
    }

    pub(super) fn hear_home(&mut self) {
        let [guest, home] = &mut self.shards;
        while let Some(mail) = home.core.mail()[0].from_home.pop() {
            assert!(guest.core.handle_from_home(mail).is_none());
        }
        give_space(home);
        go_on(guest);
    }

    pub(super) fn settle(&mut self) {
        exchange(&mut self.shards);
    }

    /// Subscribers that the home counts.
    pub(super) fn counted(&self) -> usize {
        self.shards[1].core.clients_at_home().len()
    }

    pub(super) fn set_limit(&mut self, max: Option<u32>) {
        for shard in &mut self.shards {
            shard.core.set_namespaces(limited(max));
        }
    }

    pub(super) fn is_refused_if(&mut self, refused: bool) {
        if refused {
            self.is_refused(0);
        } else {
            self.open(0);
        }
    }
}

pub(super) const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
