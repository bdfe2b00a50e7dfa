//! Topics whose publishers do not get their own messages.

use std::time::Duration;

use corecast::{
    Config, ConnId, Cx, Flush, Halt, Handler, Message, Namespaces, Opening, Refusal, Response,
    Room, TopicSettings,
};

use crate::frame;
use crate::shard::{Shard, topics_at, upgrade_request};
use crate::users::{exchange, give_space};

/// Connections subscribe to the topics in their path, and publish to the first of them.
struct App {
    has_rooms: bool,
}

/// Passes all messages on.
struct Passing;

impl Room for Passing {}

impl Handler for App {
    type Conn = String;
    type Answer = crate::shard::Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, String, Self::Answer>,
        opening: &Opening<'_>,
    ) -> Result<String, Refusal> {
        let Opening::WebSocket(request) = opening else {
            return Err(Response::text(404, "").into());
        };
        let mut topics = request.path[1..].split('+');
        let first = topics.next().unwrap();
        cx.subscribe(first)?;
        topics.try_for_each(|topic| cx.subscribe(topic))?;
        Ok(first.to_owned())
    }

    fn on_message(
        &mut self,
        cx: &mut Cx<'_, String, Self::Answer>,
        message: Message<'_>,
    ) -> Result<(), Halt> {
        let topic = cx.data().unwrap().clone();
        Ok(cx.publish(&topic, message.kind, message.payload)?)
    }

    fn room(&mut self, _: &str) -> Option<Box<dyn Room>> {
        self.has_rooms.then(|| Box::new(Passing) as Box<dyn Room>)
    }
}

struct Pair([Shard<String>; 2]);

impl Pair {
    fn new(settings: TopicSettings, has_rooms: bool) -> Self {
        let settings = TopicSettings {
            excludes_publisher: true,
            ..settings
        };
        Self([0, 1].map(|at| {
            let config = Config {
                namespaces: Namespaces::new(settings.clone(), Vec::new()),
                ..Config::default()
            };
            let mut shard = Shard::one(at, 2, config, App { has_rooms });
            give_space(&mut shard);
            shard
        }))
    }

    fn open(&mut self, at: usize, path: &str) -> ConnId {
        let id = self.0[at].connect();
        let request = upgrade_request(&format!("/{path}"), "");
        self.0[at].read(id, request);
        exchange(&mut self.0);
        let answer = self.0[at].take(id);
        assert!(answer.starts_with(b"HTTP/1.1 101 "));
        id
    }

    fn say(&mut self, at: usize, id: ConnId, text: &str) {
        self.0[at].read(id, frame(0x81, text.as_bytes()));
    }

    /// What a client was sent, all of it messages of one byte.
    fn got(&mut self, at: usize, id: ConnId) -> String {
        let sent = self.0[at].take(id);
        let messages = sent.chunks(3).map(|frame| {
            assert_eq!(frame[..2], [0x81, 1]);
            char::from(frame[2])
        });
        messages.collect()
    }
}

#[test]
fn each_subscriber_gets_what_the_others_publish_on_whichever_shard() {
    for (home, has_rooms) in [(0, false), (1, false), (1, true)] {
        let mut pair = Pair::new(TopicSettings::default(), has_rooms);
        let topic = topics_at(home).next().unwrap().to_string();
        let clients = [0, 0, 1].map(|at| (at, pair.open(at, &topic)));
        // In one turn: the second lacks the first message when it publishes.
        for ((at, client), text) in clients.into_iter().zip(["a", "b", "c"]) {
            pair.say(at, client, text);
            pair.say(at, client, text);
        }
        exchange(&mut pair.0);
        for ((at, client), own) in clients.into_iter().zip(['a', 'b', 'c']) {
            let got = pair.got(at, client);
            let mut sorted: Vec<char> = got.chars().collect();
            sorted.sort_unstable();
            let expected: Vec<char> = "aabbcc".chars().filter(|text| *text != own).collect();
            assert_eq!(sorted, expected, "{home} {has_rooms} {own}: {got}");
        }
        assert_eq!(
            pair.0
                .iter_mut()
                .map(|shard| shard.counters().messages_out)
                .sum::<u64>(),
            12
        );
    }
}

#[test]
fn messages_that_wait_for_a_tick_know_their_publishers() {
    let every = Duration::from_millis(33);
    let flush = Flush {
        every,
        is_latest: false,
    };
    let settings = TopicSettings {
        flush: Some(flush),
        ..TopicSettings::default()
    };
    let mut pair = Pair::new(settings, false);
    let topic = topics_at(0).next().unwrap().to_string();
    let [first, second] = [0, 0].map(|at| pair.open(at, &topic));
    for (client, text) in [(first, "a"), (second, "b"), (first, "c")] {
        pair.say(0, client, text);
    }
    pair.0[0].turn_and_wait(2 * every);
    exchange(&mut pair.0);
    assert_eq!(pair.got(0, first), "b");
    assert_eq!(pair.got(0, second), "ac");
}

#[test]
fn a_publisher_with_several_topics_misses_its_own_messages_alone() {
    let mut pair = Pair::new(TopicSettings::default(), false);
    let mut topics = topics_at(0).map(|topic| topic.to_string());
    let [one, other] = [(); 2].map(|()| topics.next().unwrap());
    let both = pair.open(0, &format!("{one}+{other}"));
    let [single, second] = [&one, &other].map(|topic| pair.open(0, topic));
    for (client, text) in [
        (single, "a"),
        (both, "b"),
        (second, "c"),
        (single, "d"),
        (both, "e"),
    ] {
        pair.say(0, client, text);
    }
    exchange(&mut pair.0);
    let got = pair.got(0, both);
    assert_eq!(
        (got.len(), got.replace('c', "")),
        (3, "ad".to_owned()),
        "{got}"
    );
    assert_eq!(pair.got(0, single), "be");
    assert_eq!(pair.got(0, second), "");
}
