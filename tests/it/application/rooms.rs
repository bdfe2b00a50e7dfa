//! Rooms: an application's value for one topic, at its home.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use corecast::{Cx, Halt, Handler, Kind, Message, Opening, Publisher, Refusal, Room, RoomCx, Tick};

use crate::support::server::{Running, builder};
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

const SHARDS: usize = 4;

/// Connections subscribe to the topic of their path and publish there. Rooms by the topic's name:
/// `plain...` has none.
#[derive(Clone, Default)]
struct Rooms {
    /// Counters that were dropped.
    dropped: Arc<AtomicUsize>,
}

impl Handler for Rooms {
    type Conn = String;
    type Answer = ();

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, String>,
        opening: &Opening<'_>,
    ) -> Result<String, Refusal> {
        let topic = match opening {
            Opening::WebSocket(request) | Opening::Events(request) => &request.path[1..],
            Opening::Tcp { topic, .. } => topic.name(),
            _ => panic!("{opening:?}"),
        };
        cx.subscribe(topic)?;
        Ok(topic.to_owned())
    }

    fn on_message(&mut self, cx: &mut Cx<'_, String>, message: Message<'_>) -> Result<(), Halt> {
        let topic = cx.data().cloned().unwrap_or_default();
        Ok(cx.publish(&topic, message.kind, message.payload)?)
    }

    fn room(&mut self, topic: &str) -> Option<Box<dyn Room>> {
        let linger = if topic.starts_with("kept") {
            Duration::from_secs(3600)
        } else {
            Duration::ZERO
        };
        match topic.get(..4)? {
            "plai" => None,
            "tick" => Some(Box::new(Metronome)),
            _ => Some(Box::new(Counter {
                count: 0,
                linger,
                dropped: Arc::clone(&self.dropped),
            })),
        }
    }
}

/// Puts a number in front of every message. Some words do more.
struct Counter {
    count: u64,
    linger: Duration,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counter {
    fn say(&mut self, cx: &mut RoomCx<'_>, text: &str) {
        self.count += 1;
        let text = format!("{} {text}", self.count);
        cx.publish(Kind::Text, text.as_bytes()).unwrap();
    }
}

impl Room for Counter {
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, message: Message<'_>) {
        let text = std::str::from_utf8(message.payload).unwrap();
        let from = cx.publisher();
        match (text.split_once(' '), from) {
            (None, _) if text == "drop" => {}
            (None, _) if text == "unchanged" => cx.pass(),
            (None, Some(from)) if text == "who?" => {
                let Publisher { shard, conn } = from;
                let answer = format!("you are {shard} {conn}");
                cx.send(from, Kind::Text, answer.as_bytes()).unwrap();
            }
            (Some(("twice", what)), _) => {
                self.say(cx, what);
                self.say(cx, what);
            }
            (Some(("to", rest)), _) => {
                let (topic, what) = rest.split_once(' ').unwrap();
                cx.publish_to(topic, Kind::Text, what.as_bytes()).unwrap();
            }
            _ => self.say(cx, text),
        }
    }

    fn linger(&self) -> Duration {
        self.linger
    }
}

/// Publishes the number of each tick, and whatever comes is lost.
struct Metronome;

impl Room for Metronome {
    fn on_publish(&mut self, _: &mut RoomCx<'_>, _: Message<'_>) {}

    fn tick_every(&self) -> Option<Duration> {
        Some(Duration::from_millis(3))
    }

    fn on_tick(&mut self, cx: &mut RoomCx<'_>, tick: Tick) {
        let text = format!("{} {}", tick.number, tick.skipped);
        cx.publish(Kind::Text, text.as_bytes()).unwrap();
    }
}

fn start() -> Running {
    start_with(&Rooms::default())
}

fn start_with(rooms: &Rooms) -> Running {
    let rooms = rooms.clone();
    Running::with(builder(SHARDS), move |_| rooms.clone())
}

fn crowd(server: &Running, topic: &str, size: usize) -> Vec<Ws> {
    let path = format!("/{topic}");
    (0..size)
        .map(|_| Ws::connect(server.http(), &path))
        .collect()
}

#[test]
fn a_room_numbers_what_many_publish_and_all_see_the_same() {
    let server = start();
    for topic in
        ["a", "count", "another", "fourth"].map(|name| format!("{name:5}").replace(' ', "_"))
    {
        let mut crowd = crowd(&server, &topic, 12);
        for round in 0..20 {
            for (at, client) in crowd.iter_mut().enumerate() {
                let text = match (round + at) % 4 {
                    0 => "drop".to_owned(),
                    1 => format!("twice {at}"),
                    _ => format!("{at}:{round}"),
                };
                client.send_text(&text);
            }
        }
        // Of each four one is dropped and one doubled.
        let total = 12 * 20;
        let seen: Vec<Vec<String>> = crowd
            .iter_mut()
            .map(|client| (0..total).map(|_| client.next_text()).collect())
            .collect();
        for (at, text) in seen[0].iter().enumerate() {
            assert!(text.starts_with(&format!("{} ", at + 1)), "{at}: {text}");
        }
        assert!(seen.iter().all(|other| *other == seen[0]), "{topic}");
    }
}

#[test]
fn a_room_answers_only_the_connection_that_asked() {
    let server = start();
    let mut crowd = crowd(&server, "asked", 16);
    for client in &mut crowd {
        client.send_text("who?");
    }
    let mut names: Vec<String> = crowd.iter_mut().map(Ws::next_text).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 16);
    crowd[0].send_text("unchanged");
    assert!(
        crowd
            .iter_mut()
            .all(|client| client.next_text() == "unchanged")
    );
}

#[test]
fn rooms_publish_to_each_other_and_to_topics_without_one() {
    let server = start();
    let mut here = crowd(&server, "here_", 2);
    let mut there = crowd(&server, "there", 2);
    let mut plain = crowd(&server, "plain", 2);
    here[0].send_text("to there to here_ to plain at last");
    assert!(
        plain
            .iter_mut()
            .all(|client| client.next_text() == "at last")
    );
    for n in 0..200 {
        here[0].send_text(&format!("to there {n}"));
    }
    for client in &mut there {
        for n in 0..200 {
            assert_eq!(client.next_text(), format!("{} {n}", n + 1));
        }
    }
    here[1].send_text("for all here");
    assert!(
        here.iter_mut()
            .all(|client| client.next_text() == "1 for all here")
    );
}

#[test]
fn messages_from_outside_go_through_the_room() {
    let server = start();
    let mut crowd = crowd(&server, "outside", 4);
    for n in 1..=50 {
        server.publish("outside", Kind::Text, b"news");
        let expected = format!("{n} news");
        assert!(
            crowd
                .iter_mut()
                .all(|client| client.next_text() == expected)
        );
    }
}

#[test]
fn a_room_ticks_for_all_alike_and_skips_what_is_late() {
    let server = start();
    let mut crowd = crowd(&server, "ticks", 8);
    let seen: Vec<Vec<String>> = crowd
        .iter_mut()
        .map(|client| (0..100).map(|_| client.next_text()).collect())
        .collect();
    let mut last = 0;
    for tick in &seen[7] {
        let (number, skipped) = tick.split_once(' ').unwrap();
        let (number, skipped): (u64, u64) = (number.parse().unwrap(), skipped.parse().unwrap());
        if last != 0 {
            assert_eq!(number, last + skipped + 1);
        }
        last = number;
    }
    // Earlier subscribers saw more before; from the first common tick on, all see the same.
    for other in &seen[..7] {
        let common = other.iter().position(|tick| *tick == seen[7][0]);
        if let Some(common) = common {
            assert!(other[common..].iter().zip(&seen[7]).all(|(a, b)| a == b));
        }
    }
}

#[test]
fn a_room_goes_with_its_last_subscriber_unless_it_lingers() {
    let rooms = Rooms::default();
    let server = start_with(&rooms);
    for (topic, expected) in [("brief", "1 again"), ("kept!", "2 again")] {
        let mut first = crowd(&server, topic, 1);
        first[0].send_text("once");
        assert_eq!(first[0].next_text(), "1 once");
        let before = rooms.dropped.load(Ordering::Relaxed);
        drop(first);
        wait_until("the topic is forgotten", || server.counters().topics == 0);
        if topic == "brief" {
            // Its home may be another shard, and learn later that the last subscriber has left.
            wait_until("the room is dropped", || {
                before < rooms.dropped.load(Ordering::Relaxed)
            });
        }
        let mut second = crowd(&server, topic, 1);
        second[0].send_text("again");
        assert_eq!(second[0].next_text(), expected);
        drop(second);
        wait_until("the topic is forgotten", || server.counters().topics == 0);
    }
}
