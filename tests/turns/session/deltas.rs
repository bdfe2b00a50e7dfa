//! Deltas: what has changed in a topic since the message before.

use corecast::internals::fuzz::apply_delta;
use corecast::{SessionFormat, SlowConsumer};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::*;

/// Topics that grant deltas.
fn with_deltas(entries_max: u32) -> Config {
    let mut settings = with_history(entries_max).namespaces.of("").clone();
    settings.delta = true;
    settings.force_recovery = true;
    of_all(settings)
}

const SUBSCRIBE: &str = r#"{"id":2,"subscribe":{"channel":"news","delta":"fossil"}}"#;

/// What a client makes of its messages in JSON.
#[derive(Default)]
struct Reader {
    last: Option<Vec<u8>>,
    deltas: usize,
}

impl Reader {
    /// A publication; its data are a string.
    fn read(&mut self, publication: &Value) -> Value {
        let data = publication["data"].as_str().unwrap().as_bytes();
        let value = if publication["delta"] == true {
            self.deltas += 1;
            apply_delta(self.last.as_ref().unwrap(), data).unwrap()
        } else {
            data.to_vec()
        };
        let message = serde_json::from_slice(&value).unwrap();
        self.last = Some(value);
        message
    }

    /// All that is in texts: replies and pushes.
    fn read_all(&mut self, texts: &[String]) -> Vec<Value> {
        let mut messages = Vec::new();
        for text in texts {
            let told: Value = serde_json::from_str(text).unwrap();
            let missed = told["subscribe"]["publications"].as_array();
            let pushed = told["push"].get("pub");
            for publication in missed.into_iter().flatten().chain(pushed) {
                messages.push(self.read(publication));
            }
        }
        messages
    }
}

fn message(n: usize) -> Value {
    json!({"n": n, "text": "zwölf Boxkämpfer \" \\ \n jagen Viktor quer über den großen Sylter Deich"})
}

fn publish(scene: &mut Scene, n: usize) {
    let id = scene.another();
    publish_as(scene, id, n);
}

fn publish_as(scene: &mut Scene, id: ConnId, n: usize) {
    let command = json!({"id": 9, "publish": {"channel": "news", "data": message(n)}});
    scene.say_as(id, &command.to_string());
}

#[test]
fn a_subscription_with_deltas_gets_the_first_message_whole_and_then_what_has_changed() {
    let mut scene = Scene::connected(with_deltas(10));
    publish(&mut scene, 0);
    let told = scene.ask(SUBSCRIBE);
    assert!(told[0].contains(r#""delta":true"#), "{told:?}");
    let late = scene.another();
    let mut readers = [Reader::default(), Reader::default()];
    for n in 1..=6 {
        if n == 4 {
            scene.say_as(late, SUBSCRIBE);
            scene.hear_as(late);
        }
        publish(&mut scene, n);
        let texts = scene.texts();
        assert_eq!(readers[0].read_all(&texts), [message(n)]);
        if 4 <= n {
            let texts = scene.texts_as(late);
            assert_eq!(readers[1].read_all(&texts), [message(n)]);
        }
    }
    assert_eq!(readers.map(|reader| reader.deltas), [5, 2]);
}

#[test]
fn what_slow_subscribers_get_whole_is_held_once() {
    let mut scene = Scene::connected(with_deltas(10));
    scene.ask(SUBSCRIBE);
    let long = |n: usize| json!({"n": n, "text": "text ".repeat(400)});
    let say = |scene: &mut Scene, n: usize| {
        let id = scene.another();
        scene.shard.block(true, &[]);
        let command = json!({"id": 9, "publish": {"channel": "news", "data": long(n)}});
        scene.say_as(id, &command.to_string());
        scene.shard.core.handle_reset(id);
        scene.shard.turn();
        let counters = scene.shard.counters();
        (counters.replies_bytes, counters.backlog_bytes)
    };
    say(&mut scene, 1);
    scene.shard.block(false, &[scene.client]);
    let late: Vec<_> = (0..50).map(|_| scene.another()).collect();
    for id in &late {
        scene.say_as(*id, SUBSCRIBE);
        scene.hear_as(*id);
    }
    let (replies, backlog) = say(&mut scene, 2);
    assert!(replies < 2_000, "{replies} bytes of replies");
    assert!(backlog < 3 * 2_200, "{backlog} bytes of messages");
    scene.shard.block(false, &late);
    scene.shard.rest();
    for id in late {
        let texts = scene.texts_as(id);
        assert_eq!(Reader::default().read_all(&texts), [long(2)]);
    }
}

#[test]
fn deltas_are_granted_where_the_topic_has_them_and_the_client_asks() {
    let mut without = with_deltas(10).namespaces.of("").clone();
    without.delta = false;
    let mut no_history = with_deltas(10).namespaces.of("").clone();
    no_history.history = None;
    for settings in [without, no_history] {
        let mut scene = Scene::connected(of_all(settings));
        let told = scene.ask(SUBSCRIBE);
        assert!(!told[0].contains("delta"), "{told:?}");
        publish(&mut scene, 1);
        assert!(scene.texts()[0].contains(r#""data":{"n":1"#));
    }
    let mut scene = Scene::connected(with_deltas(10));
    let told = scene.ask(r#"{"id":2,"subscribe":{"channel":"news"}}"#);
    assert!(!told[0].contains("delta"), "{told:?}");
    scene.say(r#"{"id":3,"subscribe":{"channel":"other","delta":"vcdiff"}}"#);
    assert_eq!(scene.hear(), [close(3501, "bad request")]);
}

#[test]
fn in_json_whatever_is_published_is_a_value_in_a_string() {
    let mut scene = Scene::connected(with_deltas(10));
    scene.ask(SUBSCRIBE);
    let long = "text that is no JSON \" \\ ä ".repeat(4);
    let other = format!("{long}!");
    let binary = [0xff, 0, b'\n'].repeat(30);
    let mut reader = Reader::default();
    let ws = scene.shard.upgrade("/pub/news", "");
    for (opcode, payload, expected) in [
        (0x81, long.as_bytes(), json!(long)),
        (0x81, other.as_bytes(), json!(other)),
        (0x82, &binary, json!(BASE64.encode(&binary))),
        (0x81, b"{\n\"a\": 1\n}", json!({"a": 1})),
        (0x81, b"", json!("")),
    ] {
        scene.shard.read(ws, frame(opcode, payload));
        scene.shard.rest();
        let texts = scene.texts();
        assert_eq!(reader.read_all(&texts), [expected]);
    }
    assert_eq!(reader.deltas, 1);
}

#[test]
fn a_client_that_comes_back_gets_what_it_has_missed_and_the_next_message_whole() {
    let mut scene = Scene::connected(with_deltas(10));
    let told = scene.ask(SUBSCRIBE);
    let answer: Value = serde_json::from_str(&told[0]).unwrap();
    let epoch = answer["subscribe"]["epoch"].as_str().unwrap().to_owned();
    let mut reader = Reader::default();
    for n in 1..=3 {
        publish(&mut scene, n);
        let texts = scene.texts();
        assert_eq!(reader.read_all(&texts), [message(n)]);
    }
    scene.ask(r#"{"id":3,"unsubscribe":{"channel":"news"}}"#);
    publish(&mut scene, 4);
    publish(&mut scene, 5);
    let again = json!({"id": 4, "subscribe": {
        "channel": "news", "delta": "fossil", "recover": true, "offset": 3, "epoch": epoch,
    }});
    let told = scene.ask(&again.to_string());
    assert!(told[0].contains(r#""recovered":true"#), "{told:?}");
    assert_eq!(reader.read_all(&told), [message(4), message(5)]);
    let before = reader.deltas;
    for n in 6..=8 {
        publish(&mut scene, n);
        let texts = scene.texts();
        assert_eq!(reader.read_all(&texts), [message(n)]);
    }
    assert_eq!(reader.deltas - before, 2);
    // The history is whole, and as without deltas.
    scene.say(r#"{"id":5,"history":{"channel":"news","limit":1}}"#);
    scene.shard.answer();
    scene.shard.rest();
    let told = scene.texts();
    assert!(told[0].contains(r#""data":{"n":1,"#), "{told:?}");
}

#[test]
fn a_client_that_was_behind_can_make_everything_that_it_gets() {
    for policy in [
        SlowConsumer::DropOldest,
        SlowConsumer::Latest,
        SlowConsumer::DropNewest,
    ] {
        let mut config = with_deltas(1_000);
        config.slow_consumer = policy;
        config.log_bytes_max = 500;
        let mut scene = Scene::connected(config);
        scene.ask(SUBSCRIBE);
        let publisher = scene.another();
        let (mut reader, mut expected) = (Reader::default(), 0);
        for round in 0..6 {
            let client = scene.client;
            scene.shard.block(true, &[]);
            for _ in 0..[1, 3, 30][round % 3] {
                expected += 1;
                publish_as(&mut scene, publisher, expected);
            }
            scene.shard.block(false, &[client, publisher]);
            scene.shard.rest();
            let texts = scene.texts();
            let messages = reader.read_all(&texts);
            let last = messages.last().unwrap();
            assert_eq!(*last, message(expected), "{policy:?} {round}");
            assert_eq!(messages.len(), [1, 3, 30][round % 3], "{policy:?} {round}");
            for _ in 0..2 {
                expected += 1;
                publish_as(&mut scene, publisher, expected);
                let texts = scene.texts();
                assert_eq!(reader.read_all(&texts), [message(expected)]);
            }
        }
        assert!(0 < reader.deltas);
    }
}

#[test]
fn protobuf_over_tcp_has_the_bytes_themselves() {
    let mut shard = Shard::new(with_deltas(10));
    let id = shard.connect_session(SessionFormat::Protobuf);
    shard.read(id, [4, 8, 1, 0x22, 0]);
    shard.rest();
    // Subscribe to `n` with the delta `fossil`.
    let subscribe = [&[8, 2, 0x2a, 11, 0x0a, 1, b'n', 0x62, 6][..], b"fossil"].concat();
    let len = u8::try_from(subscribe.len()).unwrap();
    shard.read(id, [&[len], &subscribe[..]].concat());
    shard.rest();
    shard.take(id);
    let ws = shard.upgrade("/pub/n", "");
    let mut told = |payload: &[u8]| {
        shard.read(ws, frame(0x82, payload));
        shard.rest();
        shard.take(id)
    };
    let first = [0xff; 60];
    let whole = told(&first);
    assert!(whole.windows(60).any(|bytes| bytes == first));
    let mut second = first;
    second[30] = 0;
    let delta = told(&second);
    assert!(delta.len() < 45, "{}", delta.len());
    // The field `delta` of a publication.
    assert!(delta.windows(2).any(|bytes| bytes == [0x40, 1]));
}
