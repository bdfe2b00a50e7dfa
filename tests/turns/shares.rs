//! Time is shared: a connection with little work goes on beside those with much.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use corecast::limits::{WORK_OF_OPENING, WORK_PER_SHARE};
use corecast::payload::Payload;
use corecast::shard::mail::{Origin, Publication, Space, ToHome};
use corecast::{
    Config, ConnId, Cx, Halt, Handler, Kind, Message, Opening, PublishError, Refusal, Relay,
    RelaySettings, Request, Response, Room, RoomCx, ShardCx, Tick, Topic,
};

use crate::offers::LEN;
use crate::shard::{KEY, Shard, topics_at};
use crate::{DEFLATE, frame};

fn relay() -> Relay {
    Relay::new(RelaySettings::default().with_api_key(KEY))
}

/// Has a client ask for a broadcast in a body that takes long to read.
fn broadcast(shard: &mut Shard, topics: &[&str]) -> ConnId {
    let filler = " ".repeat(LEN);
    let body = format!("{{\"channels\":{topics:?},{filler}\"data\":1}}");
    let len = body.len();
    let client = shard.connect();
    let head = format!(
        "POST /api/broadcast HTTP/1.1\r\nHost: a\r\nX-API-Key: {KEY}\r\nContent-Length: {len}"
    );
    shard.read(client, format!("{head}\r\n\r\n{body}"));
    client
}

#[test]
fn a_request_that_finds_space_passes_requests_that_find_none() {
    let homed: Vec<Topic> = topics_at(0).take(2).collect();
    let [full, free] = [homed[0].name(), homed[1].name()];
    let config = || Config {
        log_bytes_max: 1,
        ..Config::default()
    };
    // The other shard wants one of the topics, and has no space for its messages.
    let mut peer = Shard::one(1, 2, config(), relay());
    let room = Space {
        messages: 4,
        bytes: 4_000,
    };
    peer.core.mail()[0].to_home.set_space(room);
    let subscriber = peer.connect();
    peer.read(
        subscriber,
        format!("GET /sse/{full} HTTP/1.1\r\nHost: a\r\n\r\n"),
    );
    let want = peer.core.mail()[0].to_home.pop().expect("it is wanted");

    let mut shard = Shard::one(0, 2, config(), relay());
    shard.core.mail()[1].from_home.set_space(room);
    assert!(shard.core.handle_to_home(want).is_none());
    while shard.core.mail()[1].from_home.pop().is_some() {}
    shard.core.mail()[1].from_home.set_space(Space::default());

    shard.upgrade(&format!("/sub/{free}"), "");
    let share = usize::try_from(WORK_PER_SHARE).unwrap();
    shard.core.limit_work(share, share);
    let waiting = [0; 3].map(|_| {
        let client = broadcast(&mut shard, &[full]);
        shard.turn();
        client
    });
    // It has space for one message in a turn.
    let client = broadcast(&mut shard, &[free, free]);
    shard.rest();
    assert!(shard.take(client).starts_with(b"HTTP/1.1 200 "));
    for client in waiting {
        assert_eq!(
            shard.take(client),
            b"",
            "no shard has said that there is space"
        );
    }
    // Now the other shard does.
    shard.core.mail()[1].from_home.set_space(room);
    shard.core.note_space();
    while shard.turn() {
        while shard.core.mail()[1].from_home.pop().is_some() {}
    }
    for client in waiting {
        assert!(shard.take(client).starts_with(b"HTTP/1.1 200 "));
    }
}

/// The relay, with a shard and rooms that publish whenever they tick.
struct Ticking {
    relay: Relay,
    refused: Rc<RefCell<[u32; 2]>>,
}

impl Ticking {
    fn new() -> (Self, Rc<RefCell<[u32; 2]>>) {
        let refused = Rc::default();
        let ticking = Self {
            relay: relay(),
            refused: Rc::clone(&refused),
        };
        (ticking, refused)
    }
}

struct Noisy;

impl Room for Noisy {
    fn on_publish(&mut self, _: &mut RoomCx<'_>, _: Message<'_>) {}

    fn tick_every(&self) -> Option<Duration> {
        Some(Duration::from_millis(33))
    }

    fn on_tick(&mut self, cx: &mut RoomCx<'_>, _: Tick) {
        cx.publish(Kind::Text, &[b'a'; 1000]).unwrap();
    }
}

impl Handler for Ticking {
    type Conn = <Relay as Handler>::Conn;
    type Answer = crate::shard::Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        to: &Opening<'_>,
    ) -> Result<Self::Conn, Refusal> {
        self.relay.on_open(cx, to)
    }

    fn on_message(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        it: Message<'_>,
    ) -> Result<(), Halt> {
        self.relay.on_message(cx, it)
    }

    fn on_request(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        it: &Request<'_>,
    ) -> Result<Response, Refusal> {
        self.relay.on_request(cx, it)
    }

    fn room(&mut self, topic: &str) -> Option<Box<dyn Room>> {
        let is_noisy = topic.starts_with("room");
        is_noisy.then(|| Box::new(Noisy) as Box<dyn Room>)
    }

    fn tick_every(&self) -> Option<Duration> {
        Some(Duration::from_millis(10))
    }

    fn on_tick(&mut self, cx: &mut ShardCx<'_, Self::Conn, Self::Answer>, _: Tick) {
        let [published, refused] = &mut *self.refused.borrow_mut();
        match cx.publish("summary", Kind::Text, &[b'a'; 1000]) {
            Ok(()) => *published += 1,
            Err(PublishError::Busy(_)) => *refused += 1,
            Err(err) => panic!("{err}"),
        }
    }
}

#[test]
fn ticks_publish_beside_writers_that_take_all_the_time_they_get() {
    let (handler, told) = Ticking::new();
    let mut shard = Shard::of(Config::default(), handler);
    shard.upgrade("/sub/summary", DEFLATE);
    shard.upgrade("/sub/a", DEFLATE);
    let writers: Vec<ConnId> = (0..8).map(|_| shard.upgrade("/pub/a", "")).collect();
    *told.borrow_mut() = [0, 0];
    let text = frame(0x81, &[b'a'; 39_000]);
    for _ in 0..50 {
        for &writer in &writers {
            if shard.core.wants_bytes(writer) {
                shard.read(writer, &text);
            }
        }
        shard.turn_and_wait(Duration::from_millis(10));
    }
    let [published, refused] = *told.borrow();
    assert_eq!(refused, 0, "{published} were published");
    assert!(40 < published, "{published}");
}

#[test]
fn a_writer_gets_on_beside_any_number_of_rooms() {
    let (handler, _) = Ticking::new();
    let mut shard = Shard::of(Config::default(), handler);
    for n in 0..600 {
        shard.upgrade(&format!("/sub/room{n}"), DEFLATE);
    }
    shard.upgrade("/sub/a", DEFLATE);
    shard.upgrade("/sub/mail", DEFLATE);
    let writer = shard.upgrade("/pub/a", "");
    let mail = || {
        ToHome::Publish(Publication::new(
            Topic::new("mail").unwrap(),
            Payload {
                kind: Kind::Text,
                bytes: Arc::from([b'a'; 1000]),
            },
            Origin::Handle,
        ))
    };
    let mut taken = 0;
    for _ in 0..40 {
        // Mail takes the first share of each turn, and rooms would take the second.
        while shard.core.handle_to_home(mail()).is_none() {}
        if shard.core.wants_bytes(writer) {
            shard.read(writer, frame(0x81, &[b'b'; 1000]));
            taken += 1;
        }
        shard.turn_and_wait(Duration::from_millis(15));
    }
    assert!(35 <= taken, "{taken} of 40");
}

#[test]
fn accepting_takes_no_time_of_others() {
    let mut shard = Shard::new(Config::default());
    let mail = || {
        ToHome::Publish(Publication::new(
            Topic::new("mail").unwrap(),
            Payload {
                kind: Kind::Text,
                bytes: Arc::from([b'a'; 100]),
            },
            Origin::Handle,
        ))
    };
    shard.core.limit_work(4 * WORK_OF_OPENING, usize::MAX);
    for _ in 0..3 {
        assert!(shard.core.handle_to_home(mail()).is_none());
        shard.core.begin_accepting();
        for _ in 0..20 {
            shard.connect_tcp("a");
        }
        shard.turn();
    }
}
