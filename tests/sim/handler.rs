//! The application of a simulated world: much like the server's own, and some more.

use std::rc::Rc;
use std::time::Duration;

use corecast::{
    Busy, CloseReason, ConnectionId, Cx, Halt, Handler, Kind, Message, Opening, PublishError,
    Refusal, Request, Response, Room, Since, Topic, TopicPattern,
};

use crate::ledger::{self, Ledger};
use crate::order::Said;
use crate::room::{Doorman, Rooms};

/// The application on one shard.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) ledger: Ledger,
    pub(crate) topics: Rc<[Topic]>,
    pub(crate) rooms: Rooms,
    /// Whether rooms send each joiner the messages published before.
    pub(crate) joins: bool,
    /// Whether other threads are asked about some messages.
    pub(crate) asks: bool,
    /// Whether the end of a connection is published to its topic.
    pub(crate) says_goodbye: bool,
    /// Connections belong to so many users; 0: to none.
    pub(crate) users: usize,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Publishes whatever topic its messages name, and is told of the topics of its path.
    Talk,
    Listen,
    Echo,
    /// Subscribes and unsubscribes on command, and publishes.
    Command,
}

/// The application's data of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Data {
    role: Role,
    topic: Option<usize>,
}

impl App {
    fn topic(&self, name: &str) -> Option<usize> {
        self.topics.iter().position(|topic| topic.name() == name)
    }

    fn publish(&self, cx: &mut Cx<'_, Data, bool>, kind: Kind, payload: &[u8]) -> Result<(), Halt> {
        let (name, said) = ledger::decode(payload).expect("a damaged message came in");
        assert_eq!(kind, said, "the kind of message {name}");
        if self.asks && name.is_multiple_of(4) {
            self.ask(cx)?;
        }
        self.publish_named(cx, name, kind, payload)?;
        self.ledger.borrow_mut().accept(name);
        Ok(())
    }

    /// Publishes a message of the ledger, with all that is said of it where there are histories.
    fn publish_named(
        &self,
        cx: &mut Cx<'_, Data, bool>,
        name: usize,
        kind: Kind,
        payload: &[u8],
    ) -> Result<(), PublishError> {
        let (topic, orders) = {
            let book = self.ledger.borrow();
            (book.messages[name].topic, book.places.clone())
        };
        let Some(orders) = orders else {
            return cx.publish(&self.topics[topic], kind, payload);
        };
        let (said, once) = (Said::of(name), format!("message {name}"));
        let publish = || {
            let (orders, len) = (orders.clone(), payload.len());
            said.publish(&once).reply(move |position| {
                orders.all()[topic].place(name, len, position);
            })
        };
        cx.publish_with(&self.topics[topic], kind, payload, publish())?;
        if said.is_once {
            // A publisher that does not know whether it was published does it again.
            let _busy = cx.publish_with(&self.topics[topic], kind, payload, publish());
        }
        Ok(())
    }

    /// Goes on when another thread has answered: whatever it says, or if it says nothing.
    fn ask(&self, cx: &mut Cx<'_, Data, bool>) -> Result<(), Busy> {
        if cx.answer().is_some() {
            return Ok(());
        }
        let timeout = Duration::from_millis(if cx.id().to_string().len().is_multiple_of(2) {
            40
        } else {
            3_600_000
        });
        let (question, wait) = cx.defer(timeout);
        self.ledger.borrow_mut().questions.push(question);
        Err(wait)
    }

    /// Says whose connection it is: whatever is asked, the same again.
    fn name_user(&self, cx: &mut Cx<'_, Data, bool>) -> Result<(), Refusal> {
        if self.users != 0 {
            let id = cx.id().to_string();
            let by_id = id.bytes().map(usize::from).sum::<usize>() % self.users;
            // A token may have said it.
            let known = (0..self.users).find(|user| cx.user() == Some(&user_name(*user)));
            let user = known.unwrap_or(by_id);
            cx.set_user(&user_name(user))?;
            let (shard, conn) = (cx.shard(), cx.id());
            let id = ConnectionId { shard, conn };
            self.ledger.borrow_mut().users.insert(id, user);
        }
        Ok(())
    }

    /// Publishes the end of a connection to its topic.
    fn say_goodbye(&self, cx: &mut Cx<'_, Data, bool>) -> Result<(), Busy> {
        let topic = cx.data().and_then(|data| data.topic);
        let Some(topic) = topic else { return Ok(()) };
        let payload = {
            let mut book = self.ledger.borrow_mut();
            book.begin(topic, None, Kind::Text, 0)
        };
        let name = self.ledger.borrow().messages.len() - 1;
        match self.publish_named(cx, name, Kind::Text, &payload) {
            Ok(()) => self.ledger.borrow_mut().accept(name),
            Err(PublishError::Busy(busy)) => return Err(busy),
            Err(err) => panic!("a good message: {err}"),
        }
        Ok(())
    }

    fn command(&self, cx: &mut Cx<'_, Data, bool>, payload: &[u8]) -> Result<(), Halt> {
        let text = std::str::from_utf8(payload).expect("commands are text");
        match text.split_at(1) {
            ("+", topic) => {
                // One whose outbox is full is told later, and must get nothing of it before.
                cx.reply(Kind::Text, payload)?;
                let (topic, since) = match topic.split_once(' ') {
                    Some((topic, since)) => (topic, Since::position(since)),
                    None => (topic, Since::Default),
                };
                let subscribed = match TopicPattern::parse(topic) {
                    Ok(pattern) => cx.subscribe_pattern(&pattern),
                    Err(_) => cx.subscribe_since(topic, since),
                };
                subscribed.expect("a good name");
            }
            ("-", topic) => {
                match TopicPattern::parse(topic) {
                    Ok(pattern) => cx.unsubscribe_pattern(&pattern),
                    Err(_) => cx.unsubscribe(topic),
                }
                cx.reply(Kind::Text, payload)?;
            }
            _ => panic!("no command: {text}"),
        }
        Ok(())
    }
}

impl Handler for App {
    type Conn = Data;
    type Answer = bool;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, Data, bool>,
        opening: &Opening<'_>,
    ) -> Result<Data, Refusal> {
        let (place, names, since) = match opening {
            Opening::Tcp { topic, since, .. } => ("ws", topic.name(), *since),
            Opening::TcpSession => ("session", "", Since::Default),
            Opening::WebSocket(request) | Opening::Events(request) => {
                let path = &request.path[1..];
                let (place, names) = path.split_once('/').unwrap_or((path, ""));
                (place, names, request.since().expect("a place"))
            }
            _ => panic!("{opening:?}"),
        };
        let role = match place {
            "ws" | "many" | "pub" => Role::Talk,
            "sub" | "sse" | "session" => Role::Listen,
            "echo" => Role::Echo,
            "cmd" => {
                cx.send_positions();
                Role::Command
            }
            _ => return Err(Response::text(404, "no such place").into()),
        };
        if self.asks && cx.id().to_string().ends_with('3') {
            self.ask(cx)?;
        }
        let topic = names.split(',').next().and_then(|name| self.topic(name));
        if matches!(place, "ws" | "many" | "sub" | "sse") {
            cx.send_positions();
            for name in names.split(',') {
                match TopicPattern::parse(name) {
                    Ok(pattern) => cx.subscribe_pattern(&pattern)?,
                    Err(_) => cx.subscribe_since_as(name, since, TAG)?,
                }
            }
        }
        if self.asks && cx.id().to_string().ends_with('4') {
            self.ask(cx)?;
        }
        if place != "session" {
            self.name_user(cx)?;
        }
        self.ledger.borrow_mut().opened += 1;
        Ok(Data { role, topic })
    }

    fn needs_identity(&mut self, request: &Request<'_>) -> bool {
        request.path != "/page"
    }

    fn wants_events(&mut self, request: &Request<'_>) -> bool {
        request.path.starts_with("/sse/")
    }

    fn on_message(
        &mut self,
        cx: &mut Cx<'_, Data, bool>,
        message: Message<'_>,
    ) -> Result<(), Halt> {
        let Message { kind, payload } = message;
        match cx.data().expect("an open connection has data").role {
            Role::Talk => self.publish(cx, kind, payload),
            Role::Command if payload.starts_with(b"M") => self.publish(cx, kind, payload),
            Role::Command => self.command(cx, payload),
            Role::Echo => Ok(cx.reply(kind, payload)?),
            Role::Listen => {
                cx.close(CloseReason::Policy("this path only receives"));
                Ok(())
            }
        }
    }

    fn on_close(&mut self, cx: &mut Cx<'_, Data, bool>, _reason: CloseReason) -> Result<(), Halt> {
        if self.says_goodbye {
            self.say_goodbye(cx)?;
        }
        self.ledger.borrow_mut().closed += 1;
        assert!(cx.subscribe(&self.topics[0]).is_err(), "too late");
        Ok(())
    }

    fn on_request(
        &mut self,
        _: &mut Cx<'_, Data, bool>,
        request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        Ok(Response::text(200, request.path))
    }

    fn room(&mut self, topic: &str) -> Option<Box<dyn Room>> {
        let topic = self.topic(topic)?;
        let keeps = match self.rooms {
            Rooms::None => false,
            Rooms::Some => topic.is_multiple_of(2),
            Rooms::All => true,
        };
        let doorman = Doorman {
            topic,
            joins: self.joins,
            topics: Rc::clone(&self.topics),
            ledger: Rc::clone(&self.ledger),
        };
        keeps.then(|| Box::new(doorman) as Box<dyn Room>)
    }
}

/// The name of a user.
pub(crate) fn user_name(user: usize) -> String {
    format!("user {user}")
}

/// What connections subscribe with when they open.
pub(crate) const TAG: &[u8] = b"from the start";
