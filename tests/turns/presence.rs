//! What rooms are told of connections of their own shard, beside what those publish.

use std::cell::RefCell;
use std::rc::Rc;

use corecast::shard::mail::Space;
use corecast::{
    Config, ConnId, Cx, Halt, Handler, Kind, Message, Opening, Publisher, Refusal, Room, RoomCx,
};

use crate::frame;
use crate::shard::{Shard, topics_at, upgrade_request};

/// What rooms were told, in this order.
type Calls = Rc<RefCell<Vec<String>>>;

/// Connections subscribe to the topic in their path, and publish to the one that they name.
struct App(Calls);

struct Notebook {
    topic: String,
    told: Calls,
}

impl Notebook {
    fn note(&self, what: &str) {
        self.told
            .borrow_mut()
            .push(format!("{} {what}", self.topic));
    }
}

impl Room for Notebook {
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, _: Message<'_>) {
        self.note("message");
        cx.pass();
    }

    fn wants_joins(&self) -> bool {
        true
    }

    fn on_join(&mut self, _: &mut RoomCx<'_>, _: Publisher, _: &[u8]) {
        self.note("join");
    }

    fn on_leave(&mut self, _: &mut RoomCx<'_>, _: Publisher) {
        self.note("leave");
    }
}

impl Handler for App {
    type Conn = ();
    type Answer = crate::shard::Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        to: &Opening<'_>,
    ) -> Result<(), Refusal> {
        if let Opening::WebSocket(request) = to {
            let (topic, says) = request.path[1..].split_once('/').unwrap();
            cx.subscribe_as(topic, b"tag")?;
            if says == "hello" {
                cx.publish(topic, Kind::Text, b"hello")?;
            }
        }
        Ok(())
    }

    fn on_message(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        message: Message<'_>,
    ) -> Result<(), Halt> {
        let topic = std::str::from_utf8(message.payload).unwrap();
        Ok(cx.publish(topic, Kind::Text, b"a")?)
    }

    fn room(&mut self, topic: &str) -> Option<Box<dyn Room>> {
        Some(Box::new(Notebook {
            topic: topic.to_owned(),
            told: Rc::clone(&self.0),
        }))
    }
}

const SPACE: Space = Space {
    messages: 8,
    bytes: 8_000,
};

/// A shard at home with two topics, of which the other shard wants the first and takes nothing of
/// it.
struct Scene {
    shard: Shard<()>,
    told: Calls,
    stuck: String,
    free: String,
}

impl Scene {
    fn new() -> Self {
        let mut homed = topics_at(0).map(|topic| topic.to_string());
        let [stuck, free] = [(); 2].map(|()| homed.next().unwrap());
        let mut peer = Shard::one(1, 2, Config::default(), App(Calls::default()));
        peer.core.mail()[0].to_home.set_space(SPACE);
        let member = peer.connect();
        peer.read(member, upgrade(&stuck));
        let want = peer.core.mail()[0].to_home.pop().unwrap();

        let told = Calls::default();
        let mut shard = Shard::one(0, 2, Config::default(), App(Rc::clone(&told)));
        shard.core.mail()[1].from_home.set_space(SPACE);
        assert!(shard.core.handle_to_home(want).is_none());
        while shard.core.mail()[1].from_home.pop().is_some() {}
        shard.core.mail()[1].from_home.set_space(Space::default());
        Self {
            shard,
            told,
            stuck,
            free,
        }
    }

    fn join(&mut self, topic: &str) -> ConnId {
        let client = self.shard.upgrade(&format!("/{topic}/"), "");
        assert_eq!(self.told.take(), [format!("{topic} join")]);
        client
    }

    fn say(&mut self, client: ConnId, topic: &str) {
        self.shard.read(client, frame(0x81, topic.as_bytes()));
    }

    /// The other shard takes all again.
    fn free_lane(&mut self) {
        self.shard.core.mail()[1].from_home.set_space(SPACE);
        self.shard.core.note_space();
        while self.shard.turn() {
            while self.shard.core.mail()[1].from_home.pop().is_some() {}
        }
    }
}

fn upgrade(topic: &str) -> String {
    upgrade_request(&format!("/{topic}/"), "")
}

#[test]
fn a_leave_goes_behind_what_its_connection_has_published() {
    let mut scene = Scene::new();
    let topic = scene.stuck.clone();
    let client = scene.join(&topic);
    scene.say(client, &topic);
    scene.shard.core.handle_reset(client);
    scene.shard.rest();
    assert_eq!(*scene.told.borrow(), [""; 0], "the message finds no space");
    scene.free_lane();
    let words = ["message", "leave"].map(|what| format!("{topic} {what}"));
    assert_eq!(*scene.told.borrow(), words);
}

#[test]
fn a_join_goes_behind_what_the_same_callback_has_published() {
    let mut scene = Scene::new();
    let topic = scene.free.clone();
    scene.shard.upgrade(&format!("/{topic}/hello"), "");
    // As where the room is on another shard.
    let words = ["message", "join"].map(|what| format!("{topic} {what}"));
    assert_eq!(*scene.told.borrow(), words);
}

#[test]
fn a_room_whose_messages_find_no_space_holds_up_no_other() {
    let mut scene = Scene::new();
    let (stuck, free) = (scene.stuck.clone(), scene.free.clone());
    let [first, second] = [scene.join(&stuck), scene.join(&free)];
    let witness = scene.join(&free);
    scene.say(first, &stuck);
    scene.say(second, &free);
    scene.shard.core.handle_reset(first);
    scene.shard.core.handle_reset(second);
    scene.shard.rest();
    let words = ["message", "leave"].map(|what| format!("{free} {what}"));
    assert_eq!(scene.told.take(), words);
    scene.say(witness, &free);
    scene.shard.rest();
    assert_eq!(scene.told.take(), [format!("{free} message")]);
    scene.free_lane();
    let words = ["message", "leave"].map(|what| format!("{stuck} {what}"));
    assert_eq!(scene.told.take(), words);
}

#[test]
fn messages_of_a_topic_that_find_no_space_keep_their_order_and_their_number() {
    let mut scene = Scene::new();
    let (stuck, free) = (scene.stuck.clone(), scene.free.clone());
    let clients = [(); 3].map(|()| scene.join(&free));
    for client in clients {
        scene.say(client, &stuck);
    }
    scene.shard.rest();
    // The first waits for the room, and the others with their publishers.
    assert_eq!(scene.shard.counters().published, 1);
    scene.free_lane();
    assert_eq!(scene.shard.counters().published, 3);
    assert_eq!(scene.told.take(), vec![format!("{stuck} message"); 3]);
}
