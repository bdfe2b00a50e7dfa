//! Messages for many topics at once, on their way to rooms.

use std::cell::RefCell;
use std::rc::Rc;

use corecast::limits::STAGED_BYTES_MAX;
use corecast::{
    Config, Cx, Halt, Handler, Message, Opening, Refusal, Relay, RelaySettings, Request, Response,
    Room, RoomCx,
};

use crate::shard::{KEY, Shard};

/// The server's own application, with rooms.
struct WithRooms {
    relay: Relay,
    seen: Addresses,
}

/// Where in memory the messages lay that rooms have received.
type Addresses = Rc<RefCell<Vec<usize>>>;
type Conn = <Relay as Handler>::Conn;

struct Notes(Addresses);

impl Room for Notes {
    fn on_publish(&mut self, _: &mut RoomCx<'_>, message: Message<'_>) {
        self.0.borrow_mut().push(message.payload.as_ptr().addr());
    }
}

impl Handler for WithRooms {
    type Conn = Conn;
    type Answer = crate::shard::Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, Conn, Self::Answer>,
        to: &Opening<'_>,
    ) -> Result<Conn, Refusal> {
        self.relay.on_open(cx, to)
    }

    fn on_message(
        &mut self,
        cx: &mut Cx<'_, Conn, Self::Answer>,
        message: Message<'_>,
    ) -> Result<(), Halt> {
        self.relay.on_message(cx, message)
    }

    fn on_request(
        &mut self,
        cx: &mut Cx<'_, Conn, Self::Answer>,
        to: &Request<'_>,
    ) -> Result<Response, Refusal> {
        self.relay.on_request(cx, to)
    }

    fn room(&mut self, _: &str) -> Option<Box<dyn Room>> {
        Some(Box::new(Notes(Rc::clone(&self.seen))))
    }
}

fn broadcast(channels: usize, len: usize) -> String {
    let channels: Vec<String> = (0..channels).map(|at| format!("\"{at}\"")).collect();
    let data = "x".repeat(len - 2);
    let body = format!(
        "{{\"channels\":[{}],\"data\":\"{data}\"}}",
        channels.join(",")
    );
    format!(
        "POST /api/broadcast HTTP/1.1\r\nHost: a\r\nX-API-Key: {KEY}\r\nContent-Length: {}\r\n\r\n\
         {body}",
        body.len()
    )
}

#[test]
fn a_broadcast_is_copied_once_for_all_its_topics() {
    let seen = Addresses::default();
    let app = WithRooms {
        relay: Relay::new(RelaySettings::default().with_api_key(KEY)),
        seen: Rc::clone(&seen),
    };
    let mut shard = Shard::of(Config::default(), app);
    let client = shard.connect();
    shard.read(client, broadcast(50, 1000));
    shard.rest();
    let mut seen = seen.take();
    assert_eq!(seen.len(), 50);
    seen.dedup();
    assert_eq!(seen.len(), 1);
}

#[test]
fn staged_messages_are_bounded_in_bytes() {
    let mut shard = Shard::new(Config::default());
    let client = shard.connect();
    let len = STAGED_BYTES_MAX / 8 + 1;
    shard.read(client, broadcast(50, len));
    assert_eq!(shard.counters().published, 8);
    shard.rest();
    assert_eq!(shard.counters().published, 50);
    assert!(shard.take(client).starts_with(b"HTTP/1.1 200 "));
}
