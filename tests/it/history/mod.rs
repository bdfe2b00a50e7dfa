//! Positions and history, as programs that embed the server use them.

mod slow;

use std::time::Duration;

use corecast::{
    Config, Cx, First, Flush, Halt, Handler, HistoryError, HistoryFilter, HistoryPage,
    HistorySettings, Kind, Message, Namespaces, Opening, Position, Publish, PublishError,
    Publisher, Refusal, Room, RoomCx, Scope, ServerBuilder, TopicSettings,
};
use crossbeam_channel::bounded;

use crate::support::server::{Running, builder};
use crate::support::wait::in_a_while;
use crate::support::ws::Ws;

/// A server whose topics `kept:…` and `ticked:…` have a history of so many messages; those of the
/// latter wait for ticks.
pub(crate) fn keeping(shards: usize, entries_max: u32) -> ServerBuilder {
    let history = HistorySettings {
        entries_max,
        bytes_max: 1 << 20,
        ttl: Duration::from_secs(3600),
        meta_ttl: Duration::from_secs(3600),
        is_keyed: false,
    };
    let kept = TopicSettings {
        history: Some(history),
        first: First::Nothing,
        ..TopicSettings::default()
    };
    let flush = Flush {
        every: Duration::from_millis(33),
        is_latest: false,
    };
    let ticked = TopicSettings {
        flush: Some(flush),
        ..kept.clone()
    };
    let named = [("kept", kept), ("ticked", ticked)];
    let named = named.map(|(name, settings)| (Scope::name(name).unwrap(), settings));
    builder(shards).config(Config {
        namespaces: Namespaces::new(TopicSettings::default(), named.to_vec()),
        ..Config::default()
    })
}

fn publish(server: &Running, topic: &str, text: &str) -> Option<Position> {
    let (text, deadline) = (text.as_bytes(), in_a_while());
    let handle = server.handle();
    let publish = Publish::new();
    handle
        .publish_positioned(topic, Kind::Text, text, publish, deadline)
        .unwrap()
}

fn read(server: &Running, topic: &str, filter: HistoryFilter) -> Result<HistoryPage, HistoryError> {
    let handle = server.handle();
    handle.history_deadline(topic, filter, in_a_while())
}

fn texts(page: &HistoryPage) -> Vec<(u64, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let messages = page.messages();
    messages
        .map(|message| (message.position.offset, text(message.payload())))
        .collect()
}

#[test]
fn what_a_thread_publishes_has_a_position_and_is_read_by_it() {
    let server = Running::start(keeping(3, 5));
    for topic in ["kept:a", "kept:b", "kept:c", "kept:d"] {
        let positions: Vec<_> = (1..=8)
            .map(|n| publish(&server, topic, &n.to_string()).unwrap())
            .collect();
        let offsets: Vec<_> = positions.iter().map(|at| at.offset).collect();
        assert_eq!(offsets, [1, 2, 3, 4, 5, 6, 7, 8], "{topic}");
        let all = read(&server, topic, HistoryFilter::default()).unwrap();
        assert_eq!(all.position(), positions[7]);
        let expected: Vec<_> = (4..=8).map(|n| (n, n.to_string())).collect();
        assert_eq!(texts(&all), expected);
        let part = HistoryFilter {
            limit: Some(2),
            reverse: true,
            ..HistoryFilter::default().since(positions[6])
        };
        let part = read(&server, topic, part).unwrap();
        let expected: Vec<_> = [6, 5].map(|n| (n, n.to_string())).into();
        assert_eq!(texts(&part), expected);
    }
}

#[test]
fn a_topic_without_history_has_neither_positions_nor_messages() {
    let server = Running::start(keeping(2, 5));
    assert_eq!(publish(&server, "plain", "1"), None);
    let read = read(&server, "plain", HistoryFilter::default());
    assert_eq!(read.unwrap_err(), HistoryError::Off);
}

#[test]
fn a_history_is_removed_and_its_position_stays() {
    let server = Running::start(keeping(2, 5));
    let first = publish(&server, "kept:a", "1").unwrap();
    let (sender, answer) = bounded(1);
    let reply = move |page| sender.send(page).unwrap();
    server.handle().remove_history("kept:a", reply).unwrap();
    let page = answer.recv_deadline(in_a_while()).unwrap().unwrap();
    assert_eq!((page.position(), page.messages().len()), (first, 0));
    let second = publish(&server, "kept:a", "2").unwrap();
    assert_eq!((second.epoch, second.offset), (first.epoch, 2));
    let all = read(&server, "kept:a", HistoryFilter::default()).unwrap();
    assert_eq!(texts(&all), [(2, "2".to_owned())]);
}

#[test]
fn a_message_that_is_repeated_with_its_key_has_the_position_of_the_first() {
    let plain = Running::start(keeping(2, 5));
    let with_rooms = Running::with(keeping(2, 5), |_| Rooms);
    for (server, topic) in [
        (&plain, "kept:a"),
        (&plain, "ticked:a"),
        (&with_rooms, "kept:a"),
        (&with_rooms, "ticked:a"),
    ] {
        let (sender, answers) = bounded(3);
        let once = || {
            let sender = sender.clone();
            let reply = move |position: Option<Position>| sender.send(position).unwrap();
            let publish = Publish::new().once("k").reply(reply);
            let handle = server.handle();
            handle.publish_with(topic, Kind::Text, b"1", publish)
        };
        let answer = || answers.recv_deadline(in_a_while()).unwrap();
        assert_eq!([once(), once()], [Ok(()); 2]);
        let first = [answer(), answer()];
        assert_eq!(publish(server, topic, "2").unwrap().offset, 2, "{topic}");
        assert_eq!(once(), Ok(()));
        assert_eq!(first, [answer(); 2], "{topic}");
        assert_eq!(first[0].unwrap().offset, 1, "{topic}");
        let all = read(server, topic, HistoryFilter::default()).unwrap();
        assert_eq!(all.messages().len(), 2, "{topic}");
    }
}

#[test]
fn wrong_questions_are_told_at_once() {
    let server = Running::start(keeping(1, 5));
    let filter = HistoryFilter::default();
    let wrong = read(&server, "", filter).unwrap_err();
    assert_eq!(wrong, HistoryError::Publish(PublishError::TopicName));
    let removal = Publish::new().removal();
    let handle = server.handle();
    let wrong = handle.publish_with("kept:a", Kind::Text, b"", removal);
    assert_eq!(wrong, Err(PublishError::Options));
    let handle = handle.clone();
    drop(server);
    let late = handle.history_deadline("kept:a", filter, in_a_while());
    assert_eq!(
        late.unwrap_err(),
        HistoryError::Publish(PublishError::Stopped)
    );
}

/// Topics have rooms that drop `drop` and double `twice`, and tell those that join the position.
struct Rooms;

struct Doubler;

impl Handler for Rooms {
    type Conn = ();
    type Answer = ();

    fn on_open(&mut self, cx: &mut Cx<'_, ()>, opening: &Opening<'_>) -> Result<(), Refusal> {
        if let Opening::WebSocket(request) = opening {
            cx.subscribe(&request.path[1..])?;
        }
        Ok(())
    }

    fn on_message(&mut self, _: &mut Cx<'_, ()>, _: Message<'_>) -> Result<(), Halt> {
        Ok(())
    }

    fn room(&mut self, _: &str) -> Option<Box<dyn Room>> {
        Some(Box::new(Doubler))
    }
}

impl Room for Doubler {
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, message: Message<'_>) {
        if message.payload != b"drop" {
            cx.pass();
        }
        if message.payload == b"twice" {
            cx.pass();
        }
    }

    fn wants_joins(&self) -> bool {
        true
    }

    fn on_join(&mut self, cx: &mut RoomCx<'_>, joiner: Publisher, _tag: &[u8]) {
        let kept = cx.history(HistoryFilter::default()).unwrap();
        let kept: Vec<_> = kept.messages().map(|message| message.payload()).collect();
        let kept = String::from_utf8(kept.join(&b" "[..])).unwrap();
        let snapshot = format!("{} {kept}", cx.position().unwrap().offset);
        cx.send(joiner, Kind::Text, snapshot.as_bytes()).unwrap();
    }
}

#[test]
fn a_room_decides_what_has_a_position_and_welcomes_with_its_own_snapshot() {
    let server = Running::with(keeping(3, 5), |_| Rooms);
    for topic in ["kept:a", "kept:b", "kept:c"] {
        let offset = |text| publish(&server, topic, text).map(|at| at.offset);
        assert_eq!(offset("one"), Some(1));
        assert_eq!(offset("drop"), None);
        assert_eq!(offset("twice"), Some(2));
        assert_eq!(offset("four"), Some(4));
        let mut ws = Ws::connect(server.http(), &format!("/{topic}"));
        assert_eq!(ws.next_payload(), b"4 one twice twice four", "{topic}");
        assert_eq!(offset("five"), Some(5));
        assert_eq!(ws.next_payload(), b"five");
    }
}
