//! The application of a simulated world: much like the server's own, and some more.

use std::rc::Rc;

use corecast::{Busy, CloseReason, Cx, Handler, Kind, Message, Opening, Request, Response};

use crate::ledger::{self, Ledger};

/// The application on one shard.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) ledger: Ledger,
    pub(crate) topics: Rc<[String]>,
    /// Whether the end of a connection is published to its topic.
    pub(crate) says_goodbye: bool,
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
        self.topics.iter().position(|topic| topic == name)
    }

    fn publish(&self, cx: &mut Cx<'_, Data>, kind: Kind, payload: &[u8]) -> Result<(), Busy> {
        let (name, said) = ledger::decode(payload).expect("a damaged message came in");
        assert_eq!(kind, said, "the kind of message {name}");
        let topic = self.ledger.borrow().messages[name].topic;
        cx.publish(&self.topics[topic], kind, payload)?;
        self.ledger.borrow_mut().accept(name);
        Ok(())
    }

    fn command(&self, cx: &mut Cx<'_, Data>, payload: &[u8]) -> Result<(), Busy> {
        let text = std::str::from_utf8(payload).expect("commands are text");
        match text.split_at(1) {
            ("+", topic) => cx.subscribe(topic).expect("a good name"),
            ("-", topic) => cx.unsubscribe(topic),
            _ => panic!("no command: {text}"),
        }
        cx.send(Kind::Text, payload)
    }
}

impl Handler for App {
    type Conn = Data;

    fn on_open(&mut self, cx: &mut Cx<'_, Data>, opening: &Opening<'_>) -> Result<Data, Response> {
        let (place, names) = match opening {
            Opening::Tcp { topic } => ("ws", *topic),
            Opening::WebSocket(request) => {
                let path = &request.path[1..];
                path.split_once('/').unwrap_or((path, ""))
            }
        };
        let role = match place {
            "ws" | "many" | "pub" => Role::Talk,
            "sub" => Role::Listen,
            "echo" => Role::Echo,
            "cmd" => Role::Command,
            _ => return Err(Response::text(404, "no such place")),
        };
        let topic = names.split(',').next().and_then(|name| self.topic(name));
        if matches!(place, "ws" | "many" | "sub") {
            for name in names.split(',') {
                cx.subscribe(name)
                    .map_err(|err| Response::text(400, &err.to_string()))?;
            }
        }
        self.ledger.borrow_mut().opened += 1;
        Ok(Data { role, topic })
    }

    fn on_message(&mut self, cx: &mut Cx<'_, Data>, message: Message<'_>) -> Result<(), Busy> {
        let Message { kind, payload } = message;
        match cx.data().expect("an open connection has data").role {
            Role::Talk => self.publish(cx, kind, payload),
            Role::Command if payload.starts_with(b"M") => self.publish(cx, kind, payload),
            Role::Command => self.command(cx, payload),
            Role::Echo => cx.send(kind, payload),
            Role::Listen => {
                cx.close(CloseReason::Policy("this path only receives"));
                Ok(())
            }
        }
    }

    fn on_close(&mut self, cx: &mut Cx<'_, Data>, _reason: CloseReason) {
        let mut book = self.ledger.borrow_mut();
        book.closed += 1;
        assert!(cx.subscribe(&self.topics[0]).is_err(), "too late");
        let Some(Data {
            topic: Some(topic), ..
        }) = cx.data().copied()
        else {
            return;
        };
        if self.says_goodbye {
            let payload = book.begin(topic, None, Kind::Text, 0);
            let name = book.messages.len() - 1;
            if cx
                .publish(&self.topics[topic], Kind::Text, &payload)
                .is_ok()
            {
                book.accept(name);
            }
        }
    }

    fn on_request(&mut self, request: &Request<'_>) -> Response {
        Response::text(200, request.path)
    }
}
