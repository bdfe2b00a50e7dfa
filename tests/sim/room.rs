//! The rooms of a simulated world.

use std::rc::Rc;

use corecast::{Kind, Message, Publisher, Room, RoomCx, Topic};

use crate::handler::TAG;
use crate::ledger::{self, Ledger};

/// Which topics have a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rooms {
    None,
    Some,
    All,
}

/// A room that lets everything pass, as it is or as a message of its own, and tells another topic
/// of some.
#[derive(Debug)]
pub(crate) struct Doorman {
    pub(crate) topic: usize,
    pub(crate) joins: bool,
    pub(crate) topics: Rc<[Topic]>,
    pub(crate) ledger: Ledger,
}

impl Doorman {
    /// Publishes a message of its own on another topic; none of these brings forth another.
    fn tell_another(&self, cx: &mut RoomCx<'_>, name: usize) {
        let other = (self.topic + name) % self.topics.len();
        let mut book = self.ledger.borrow_mut();
        if book.messages[name].publisher.is_none() {
            return;
        }
        let payload = book.begin(other, None, Kind::Binary, 0);
        let told = book.messages.len() - 1;
        if cx
            .publish_to(&self.topics[other], Kind::Binary, &payload)
            .is_ok()
        {
            book.accept(told);
        }
    }
}

impl Room for Doorman {
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, message: Message<'_>) {
        let (name, _) = ledger::decode(message.payload).expect("a damaged message came in");
        if self.ledger.borrow().places.is_some() {
            // What a room publishes itself has a place that nothing is told of.
            return cx.pass();
        }
        if name.is_multiple_of(5) {
            self.tell_another(cx, name);
        }
        self.ledger.borrow_mut().orders[self.topic].push(name);
        if (name + self.topic).is_multiple_of(3) {
            cx.publish(message.kind, message.payload)
                .expect("one message is not too many");
        } else {
            cx.pass();
        }
    }

    fn wants_joins(&self) -> bool {
        self.joins
    }

    /// Sends the joiner the names of all messages published before.
    fn on_join(&mut self, cx: &mut RoomCx<'_>, joiner: Publisher, tag: &[u8]) {
        assert!(tag.is_empty() || tag == TAG, "another's tag");
        let mut book = self.ledger.borrow_mut();
        let is_new = book.present.insert((self.topic, joiner));
        assert!(is_new, "joined twice");
        let welcome = ledger::welcome(self.topic, &book.orders[self.topic]);
        cx.send(joiner, Kind::Text, welcome.as_bytes())
            .expect("one message is not too many");
    }

    fn on_leave(&mut self, _: &mut RoomCx<'_>, leaver: Publisher) {
        let was_there = self
            .ledger
            .borrow_mut()
            .present
            .remove(&(self.topic, leaver));
        assert!(was_there, "left without having joined");
    }
}
