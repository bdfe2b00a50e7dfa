//! A client of the chat.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::wait::{in_a_while, now};
use crate::support::ws::Ws;

/// A member of a room. Every event must have the number after that of the last event.
#[derive(Debug)]
pub(crate) struct Person {
    ws: Ws,
    name: String,
    /// The number of the last event that came.
    last: u64,
    /// Events that came while an answer was waited for.
    unseen: VecDeque<Value>,
}

impl Person {
    /// Connects; also the room as it is then.
    pub(crate) fn connect(http: SocketAddr, room: &str) -> (Self, Value) {
        let mut ws = Ws::connect(http, &format!("/room/{room}"));
        let room: Value = serde_json::from_str(&ws.next_text()).unwrap();
        assert_eq!(room["is"], "room", "{room}");
        let person = Self {
            ws,
            name: String::new(),
            last: number(&room),
            unseen: VecDeque::new(),
        };
        (person, room)
    }

    /// Joins under a name; also the room as it was before.
    pub(crate) fn join(http: SocketAddr, room: &str, name: &str) -> (Self, Value) {
        let (mut person, room) = Self::connect(http, room);
        person.enter(name);
        (person, room)
    }

    pub(crate) fn enter(&mut self, name: &str) {
        self.send(&json!({ "do": "join", "name": name }));
        let welcome = self.answer();
        assert_eq!(welcome["is"], "welcome", "{welcome}");
        assert_eq!(welcome["you"], name);
        self.name = name.to_owned();
    }

    pub(crate) fn send(&mut self, command: &Value) {
        self.ws.send_text(&command.to_string());
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.send(&json!({ "do": "say", "text": text }));
    }

    /// Says it, again and again while that is too fast, and waits until the room has it.
    pub(crate) fn insist(&mut self, text: &str) {
        self.say(text);
        let deadline = in_a_while();
        loop {
            assert!(now() < deadline, "always too fast for {text}");
            let event = self.take();
            if event["is"] == "error" {
                self.say(text);
            } else if event["from"] == *self.name && event["text"] == text {
                return;
            }
        }
    }

    /// The next message to this connection alone.
    pub(crate) fn answer(&mut self) -> Value {
        loop {
            let event = self.read();
            if event["is"] == "welcome" || event["is"] == "error" {
                return event;
            }
            self.unseen.push_back(event);
        }
    }

    /// What happens next in the room, but for this person's own coming.
    pub(crate) fn next(&mut self) -> Value {
        loop {
            let event = self.take();
            assert!(event["is"] != "error", "{event}");
            if event["is"] != "joined" || event["name"] != *self.name {
                return event;
            }
        }
    }

    pub(crate) fn error_for(&mut self, text: &str) -> String {
        self.ws.send_text(text);
        let answer = self.answer();
        assert_eq!(answer["is"], "error", "{text}: {answer}");
        answer["text"].as_str().unwrap().to_owned()
    }

    fn take(&mut self) -> Value {
        self.unseen.pop_front().unwrap_or_else(|| self.read())
    }

    fn read(&mut self) -> Value {
        let event: Value = serde_json::from_str(&self.ws.next_text()).unwrap();
        if event.get("seq").is_some() {
            self.last += 1;
            assert_eq!(number(&event), self.last, "a gap or a repeat: {event}");
        }
        event
    }
}

pub(crate) fn number(event: &Value) -> u64 {
    event["seq"].as_u64().unwrap()
}

pub(crate) fn names(room: &Value) -> BTreeSet<&str> {
    let people = room["people"].as_array().unwrap().iter();
    people.map(|name| name.as_str().unwrap()).collect()
}
