//! Rooms that learn of joins and leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use corecast::{Cx, Halt, Handler, Kind, Message, Opening, Publisher, Refusal, Room, RoomCx};

use crate::support::server::{Running, builder};
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

const SHARDS: usize = 4;
const JOINERS: usize = 200;
/// Messages that a joiner reads behind its history.
const READS: u64 = 20;

/// What rooms were told.
#[derive(Debug, Default)]
struct Told {
    joins: AtomicUsize,
    leaves: AtomicUsize,
}

impl Told {
    fn both(&self) -> (usize, usize) {
        let [joins, leaves] = [&self.joins, &self.leaves];
        (
            joins.load(Ordering::Acquire),
            leaves.load(Ordering::Acquire),
        )
    }
}

/// Connections subscribe to the topics that their path names, with the path as their tag, and
/// publish on the first.
struct App(Arc<Told>);

impl Handler for App {
    type Conn = String;
    type Answer = ();

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, String>,
        opening: &Opening<'_>,
    ) -> Result<String, Refusal> {
        let path = match opening {
            Opening::WebSocket(request) | Opening::Events(request) => &request.path[1..],
            Opening::Tcp { topic, .. } => topic.name(),
            _ => panic!("{opening:?}"),
        };
        for topic in path.split(',') {
            cx.subscribe_as(topic, path.as_bytes())?;
        }
        Ok(path.split(',').next().unwrap_or_default().to_owned())
    }

    fn on_message(&mut self, cx: &mut Cx<'_, String>, message: Message<'_>) -> Result<(), Halt> {
        let topic = cx.data().cloned().unwrap_or_default();
        match message.payload {
            b"leave" => cx.unsubscribe(&topic),
            b"enter" => cx.subscribe_as(&topic, b"again")?,
            payload => cx.publish(&topic, message.kind, payload)?,
        }
        Ok(())
    }

    fn room(&mut self, topic: &str) -> Option<Box<dyn Room>> {
        let room = Archive {
            said: 0,
            told: Arc::clone(&self.0),
        };
        (!topic.starts_with("plain")).then(|| Box::new(room) as Box<dyn Room>)
    }
}

/// Numbers the messages, and tells each joining connection how many there were.
struct Archive {
    said: u64,
    told: Arc<Told>,
}

impl Room for Archive {
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, _: Message<'_>) {
        let text = format!("{} {}", cx.topic(), self.said);
        self.said += 1;
        cx.publish(Kind::Text, text.as_bytes()).unwrap();
    }

    fn wants_joins(&self) -> bool {
        true
    }

    fn on_join(&mut self, cx: &mut RoomCx<'_>, joiner: Publisher, tag: &[u8]) {
        assert_eq!(cx.publisher(), None);
        self.told.joins.fetch_add(1, Ordering::AcqRel);
        let tag = std::str::from_utf8(tag).unwrap();
        let text = format!("{} after {} as {tag}", cx.topic(), self.said);
        cx.send(joiner, Kind::Text, text.as_bytes()).unwrap();
    }

    fn on_leave(&mut self, _: &mut RoomCx<'_>, _: Publisher) {
        self.told.leaves.fetch_add(1, Ordering::AcqRel);
    }
}

fn start() -> (Running, Arc<Told>) {
    let told = Arc::new(Told::default());
    let of_app = Arc::clone(&told);
    let server = Running::with(builder(SHARDS), move |_| App(Arc::clone(&of_app)));
    (server, told)
}

/// How many messages the room says there were, of a text such as `talk after 7 as tag`.
fn said_before(welcome: &str, topic: &str, tag: &str) -> u64 {
    let rest = welcome.strip_prefix(&format!("{topic} after "));
    let said = rest.and_then(|rest| rest.strip_suffix(&format!(" as {tag}")));
    said.and_then(|said| said.parse().ok())
        .unwrap_or_else(|| panic!("no welcome: {welcome}"))
}

#[test]
fn all_of_200_joiners_under_load_have_the_order_without_a_gap_and_nothing_twice() {
    let (server, told) = start();
    let http = server.http();
    let is_over = Arc::new(AtomicBool::new(false));
    let talkers: Vec<_> = (0..3)
        .map(|_| {
            let is_over = Arc::clone(&is_over);
            thread::spawn(move || {
                let mut talker = Ws::connect(http, "/talk");
                said_before(&talker.next_text(), "talk", "talk");
                while !is_over.load(Ordering::Acquire) {
                    // What all three have said between two of its own.
                    talker.send_text("x");
                    talker.next_text();
                }
            })
        })
        .collect();
    let mut crowd = Vec::new();
    for number in 0..JOINERS {
        let mut joiner = Ws::connect(http, "/talk");
        let said = said_before(&joiner.next_text(), "talk", "talk");
        for live in said..said + READS {
            assert_eq!(
                joiner.next_text(),
                format!("talk {live}"),
                "joiner {number}"
            );
        }
        // Some go at once, some stay and have to be told of all that follows.
        if number % 2 == 0 {
            crowd.push(joiner);
        }
    }
    is_over.store(true, Ordering::Release);
    talkers
        .into_iter()
        .for_each(|talker| talker.join().unwrap());
    drop(crowd);
    let all = JOINERS + 3;
    wait_until("each that has joined has left", || {
        told.both() == (all, all)
    });
}

#[test]
fn a_connection_that_joins_several_rooms_is_greeted_when_it_has_joined_all() {
    let (server, told) = start();
    for round in 0..20 {
        let topics = ["first", "second", "plain", "third"].map(|topic| format!("{topic}{round}"));
        let path = topics.join(",");
        let mut joiner = Ws::connect(server.http(), &format!("/{path}"));
        // Begun after the greeting, so it comes, from whichever of them.
        for topic in &topics {
            server.publish(topic, Kind::Text, b"x");
        }
        let mut seen: Vec<String> = (0..7).map(|_| joiner.next_text()).collect();
        for topic in topics.iter().filter(|topic| !topic.starts_with("plain")) {
            let of_topic = |text: &&String| text.starts_with(topic.as_str());
            let of_topic: Vec<&String> = seen.iter().filter(of_topic).collect();
            assert_eq!(said_before(of_topic[0], topic, &path), 0);
            assert_eq!(*of_topic[1], format!("{topic} 0"), "{seen:?}");
        }
        seen.retain(|text| text == "x");
        assert_eq!(seen.len(), 1, "of the topic without a room");
    }
    wait_until("all have left", || told.both() == (60, 60));
}

#[test]
fn a_client_that_comes_back_joins_again_and_gets_what_it_missed() {
    let (server, told) = start();
    let mut stays = Ws::connect(server.http(), "/talk");
    said_before(&stays.next_text(), "talk", "talk");
    let mut goes = Ws::connect(server.http(), "/talk");
    assert_eq!(said_before(&goes.next_text(), "talk", "talk"), 0);
    for round in 0..30 {
        goes.send_text("leave");
        wait_until("it has left", || {
            told.leaves.load(Ordering::Acquire) == round + 1
        });
        stays.send_text("x");
        assert_eq!(stays.next_text(), format!("talk {}", 2 * round));
        goes.send_text("enter");
        let said = said_before(&goes.next_text(), "talk", "again");
        assert_eq!(said, 2 * round as u64 + 1);
        goes.send_text("x");
        assert_eq!(goes.next_text(), format!("talk {said}"));
        assert_eq!(stays.next_text(), format!("talk {said}"));
    }
}

#[test]
fn rooms_learn_of_all_leaves_in_a_drain() {
    let (server, told) = start();
    let topics = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|topic| format!("room-{topic}"));
    let crowd: Vec<Ws> = topics
        .iter()
        .flat_map(|topic| (0..8).map(move |_| topic))
        .map(|topic| {
            let mut joiner = Ws::connect(server.http(), &format!("/{topic}"));
            said_before(&joiner.next_text(), topic, topic);
            joiner
        })
        .collect();
    assert_eq!(told.both(), (64, 0));
    server.handle().drain();
    for mut joiner in crowd {
        assert_eq!(joiner.expect_close().0, 1001);
    }
    server.join();
    assert_eq!(told.both(), (64, 64));
}
