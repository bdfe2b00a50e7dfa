//! What callbacks that come again have done before, and what rooms make of each other's messages.

use std::io::{Read, Write};
use std::time::Duration;

use corecast::{
    CloseReason, Cx, Deferred, Halt, Handler, Kind, Message, Opening, Refusal, Room, RoomCx,
};
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::support::http::upgrade_request;
use crate::support::server::{Running, builder};
use crate::support::socket::dial;
use crate::support::wait::{PATIENCE, in_a_while};
use crate::support::ws::Ws;

/// Subscribes and greets before it asks whether to open.
struct Eager(Sender<Deferred<()>>);

impl Handler for Eager {
    type Conn = ();
    type Answer = ();

    fn on_open(&mut self, cx: &mut Cx<'_, ()>, opening: &Opening<'_>) -> Result<(), Refusal> {
        match opening {
            Opening::WebSocket(request) if request.path == "/greeted" => {
                cx.reply(Kind::Text, b"welcome")?;
            }
            _ => cx.subscribe("room")?,
        }
        if cx.answer().is_none() {
            let (question, wait) = cx.defer(PATIENCE);
            self.0.send(question).unwrap();
            return Err(wait.into());
        }
        Ok(())
    }

    fn on_message(&mut self, cx: &mut Cx<'_, ()>, message: Message<'_>) -> Result<(), Halt> {
        Ok(cx.publish("room", message.kind, message.payload)?)
    }
}

fn eager() -> (Running, Receiver<Deferred<()>>) {
    let (sender, questions) = unbounded();
    let server = Running::with(builder(1), move |_| Eager(sender.clone()));
    (server, questions)
}

#[test]
fn a_topic_sends_nothing_to_a_connection_that_is_not_open_yet() {
    let (server, questions) = eager();
    let mut stream = dial(server.http());
    stream.write_all(upgrade_request("/x").as_bytes()).unwrap();
    let question = questions.recv_deadline(in_a_while()).unwrap();
    server.publish("room", Kind::Text, b"before");
    // A second connection is opened after that message, on the same shard.
    let mut other = dial(server.http());
    other.write_all(upgrade_request("/y").as_bytes()).unwrap();
    questions.recv_deadline(in_a_while()).unwrap().answer(());
    let mut start = [0; 12];
    other.read_exact(&mut start).unwrap();
    question.answer(());
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 101");
}

#[test]
fn what_is_sent_while_opening_goes_behind_the_greeting() {
    let (server, questions) = eager();
    let mut stream = dial(server.http());
    stream
        .write_all(upgrade_request("/greeted").as_bytes())
        .unwrap();
    let question = questions.recv_deadline(in_a_while()).unwrap();
    let mut other = dial(server.http());
    other.write_all(upgrade_request("/y").as_bytes()).unwrap();
    questions.recv_deadline(in_a_while()).unwrap().answer(());
    let mut start = [0; 12];
    other.read_exact(&mut start).unwrap();
    question.answer(());
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 101");
}

/// Rooms pass each message on to the next, and the last tells; connections publish many.
struct Chain(Sender<String>);

struct Link(Sender<String>);

impl Room for Link {
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, message: Message<'_>) {
        match cx.topic().parse::<u32>() {
            Ok(left @ 1..) => {
                let next = (left - 1).to_string();
                cx.publish_to(&next, Kind::Text, message.payload).unwrap();
            }
            _ => {
                let text = String::from_utf8(message.payload.to_vec()).unwrap();
                self.0.send(text).ok();
            }
        }
    }
}

impl Handler for Chain {
    type Conn = u32;
    type Answer = ();

    fn on_open(&mut self, _: &mut Cx<'_, u32>, _: &Opening<'_>) -> Result<u32, Refusal> {
        Ok(0)
    }

    fn on_message(&mut self, cx: &mut Cx<'_, u32>, message: Message<'_>) -> Result<(), Halt> {
        let count = std::str::from_utf8(message.payload)
            .unwrap()
            .parse::<u32>()
            .unwrap();
        loop {
            let done = *cx.data().unwrap();
            if done == count {
                return Ok(());
            }
            cx.publish("end", Kind::Text, done.to_string().as_bytes())?;
            *cx.data().unwrap() += 1;
        }
    }

    fn on_close(&mut self, cx: &mut Cx<'_, u32>, _: CloseReason) -> Result<(), Halt> {
        Ok(cx.publish("1", Kind::Text, b"gone")?)
    }

    fn room(&mut self, _: &str) -> Option<Box<dyn Room>> {
        Some(Box::new(Forever(Link(self.0.clone()))))
    }
}

/// A room that stays, so that no deadline of a room brings the shard back.
struct Forever(Link);

impl Room for Forever {
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, message: Message<'_>) {
        self.0.on_publish(cx, message);
    }

    fn linger(&self) -> Duration {
        Duration::from_secs(3600)
    }
}

fn chain() -> (Running, Receiver<String>) {
    let (sender, told) = unbounded();
    let server = Running::with(builder(1), move |_| Chain(sender.clone()));
    (server, told)
}

#[test]
fn a_message_goes_through_any_number_of_rooms_without_anything_else_happening() {
    let (server, told) = chain();
    server.publish("20", Kind::Text, b"x");
    assert_eq!(told.recv_deadline(in_a_while()).unwrap(), "x");
}

#[test]
fn what_an_end_has_published_goes_through_rooms_at_once() {
    let (server, told) = chain();
    drop(Ws::connect(server.http(), "/x"));
    assert_eq!(told.recv_deadline(in_a_while()).unwrap(), "gone");
}

#[test]
fn a_callback_may_have_more_to_publish_to_rooms_than_wait_at_once() {
    let (server, told) = chain();
    let mut ws = Ws::connect(server.http(), "/x");
    ws.send_text("2000");
    for number in 0..2000 {
        let text = told.recv_deadline(in_a_while()).unwrap();
        assert_eq!(text, number.to_string());
    }
}
