//! An engine in the process of the test, which several servers share: a thread that orders all
//! messages, keeps them, and gives them to each server that has attached their topics.

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use corecast::backplane::{Backplane, Link};
use corecast::shard::mail::{Arrival, Fill, Inward, Outbound, Outward};
use corecast::topic::history::Kept;
use corecast::{Position, Topic};
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::support::wait::{in_a_while, now};

/// The engine.
pub(crate) struct Hub(Sender<Event>);

/// The backplane of one server.
struct Spoke {
    server: usize,
    events: Sender<Event>,
}

enum Event {
    Joined(usize, Box<dyn Link>),
    Mail(usize, Outward),
}

#[derive(Default)]
struct Engine {
    links: HashMap<usize, Box<dyn Link>>,
    topics: HashMap<Topic, Ordered>,
}

struct Ordered {
    top: Position,
    kept: Vec<Kept>,
    attached: HashMap<usize, u32>,
}

impl Hub {
    pub(crate) fn new() -> Self {
        let (sender, events) = unbounded();
        thread::spawn(move || Engine::default().run(&events));
        Self(sender)
    }

    /// The backplane of a server, which no other has.
    pub(crate) fn spoke(&self, server: usize) -> impl Backplane {
        let events = self.0.clone();
        Spoke { server, events }
    }
}

impl Backplane for Spoke {
    fn run(self: Box<Self>, link: Box<dyn Link>) {
        let Self { server, events } = *self;
        let send = |event| events.send(event).unwrap();
        send(Event::Joined(server, link.sender()));
        loop {
            let is_stopped = link.is_stopped();
            while let Some(mail) = link.next() {
                send(Event::Mail(server, mail));
            }
            if is_stopped {
                return;
            }
            link.wait(now() + Duration::from_secs(3600));
        }
    }
}

impl Engine {
    fn run(mut self, events: &Receiver<Event>) {
        for event in events {
            match event {
                Event::Joined(server, link) => drop(self.links.insert(server, link)),
                Event::Mail(server, mail) => self.take(server, mail),
            }
        }
    }

    fn topic(&mut self, topic: &Topic) -> &mut Ordered {
        let start = || Ordered {
            top: "mzxw6ytb:0".parse().unwrap(),
            kept: Vec::new(),
            attached: HashMap::new(),
        };
        self.topics.entry(topic.clone()).or_insert_with(start)
    }

    fn send(&self, server: usize, mail: Inward) {
        // A server that has stopped takes nothing.
        self.links[&server].send(mail, in_a_while()).ok();
    }

    fn take(&mut self, server: usize, mail: Outward) {
        match mail {
            Outward::Publish(outbound) => self.publish(server, *outbound),
            Outward::Attach {
                topic,
                ticket,
                history,
                since,
            } => {
                let ordered = self.topic(&topic);
                ordered.attached.insert(server, ticket);
                let same = since.filter(|since| since.epoch == ordered.top.epoch);
                let after = same.map_or(0, |since| since.offset);
                let newer = ordered.kept.iter().filter(|kept| after < kept.offset);
                let fill = history.map(|_| Fill {
                    top: ordered.top,
                    entries: newer.cloned().collect(),
                    is_whole: same.is_some(),
                });
                let attached = Inward::Attached {
                    topic,
                    ticket,
                    fill,
                };
                self.send(server, attached);
            }
            Outward::Detach { topic, ticket } => {
                let attached = &mut self.topic(&topic).attached;
                if attached.get(&server) == Some(&ticket) {
                    attached.remove(&server);
                }
            }
            Outward::RemoveHistory { .. } => {}
        }
    }

    fn publish(&mut self, server: usize, mut outbound: Outbound) {
        let ordered = self.topic(&outbound.topic);
        let has_history = outbound.history.is_some();
        let position = has_history.then(|| {
            ordered.top.offset += 1;
            ordered.top
        });
        let message = outbound.kept(position.map_or(0, |at| at.offset));
        let skips_history = outbound.skips_history();
        if has_history && !skips_history {
            ordered.kept.push(message.clone());
        }
        outbound.tell(position);
        for (to, ticket) in ordered.attached.clone() {
            let arrival = Arrival {
                topic: outbound.topic.clone(),
                ticket,
                position,
                message: message.clone(),
                skips_history,
                excluded: outbound.excluded.filter(|_| to == server),
            };
            self.send(to, Inward::Message(Box::new(arrival)));
        }
    }
}
