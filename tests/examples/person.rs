//! A client of the chat.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::wait::{in_a_while, now};
use crate::support::ws::Ws;

/// Somebody in a room, who drops what its welcome has already told, as the page does.
#[derive(Debug)]
pub(crate) struct Person {
    ws: Ws,
    name: String,
    /// The number of the welcome: events up to it may come after it.
    welcomed: u64,
    /// The number of the last event.
    last: u64,
}

impl Person {
    pub(crate) fn connect(http: SocketAddr, room: &str) -> Self {
        let ws = Ws::connect(http, &format!("/room/{room}"));
        let name = String::new();
        Self {
            ws,
            name,
            welcomed: 0,
            last: 0,
        }
    }

    /// Joins under a name; also the welcome.
    pub(crate) fn join(http: SocketAddr, room: &str, name: &str) -> (Self, Value) {
        let mut person = Self::connect(http, room);
        let welcome = person.enter(name);
        (person, welcome)
    }

    pub(crate) fn enter(&mut self, name: &str) -> Value {
        self.send(&json!({ "do": "join", "name": name }));
        let welcome = self.answer();
        assert_eq!(welcome["is"], "welcome", "{welcome}");
        assert_eq!(welcome["you"], name);
        self.welcomed = number(&welcome);
        self.last = self.welcomed;
        self.name = name.to_owned();
        welcome
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
            let event = self.read();
            self.last = self.last.max(event["seq"].as_u64().unwrap_or_default());
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
        }
    }

    /// What happens next in the room. Its number is the next: nothing is missing, nothing double.
    pub(crate) fn next(&mut self) -> Value {
        loop {
            let event = self.read();
            assert!(event["is"] != "error", "{event}");
            if self.last < number(&event) {
                assert_eq!(number(&event), self.last + 1, "{event}");
                self.last += 1;
                return event;
            }
            assert!(number(&event) <= self.welcomed, "twice: {event}");
        }
    }

    pub(crate) fn error_for(&mut self, text: &str) -> String {
        self.ws.send_text(text);
        let answer = self.answer();
        assert_eq!(answer["is"], "error", "{text}: {answer}");
        answer["text"].as_str().unwrap().to_owned()
    }

    fn read(&mut self) -> Value {
        serde_json::from_str(&self.ws.next_text()).unwrap()
    }
}

pub(crate) fn number(event: &Value) -> u64 {
    event["seq"].as_u64().unwrap()
}

pub(crate) fn names(welcome: &Value) -> BTreeSet<&str> {
    let people = welcome["people"].as_array().unwrap().iter();
    people.map(|name| name.as_str().unwrap()).collect()
}
