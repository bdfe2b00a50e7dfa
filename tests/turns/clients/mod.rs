//! Presence: two shards, with their mail in the test's hands; the home of the topic is the second.

mod counts;
mod events;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};

use corecast::shard::mail::Space;
use corecast::{
    Config, ConnId, Cx, Halt, Handler, Message, Namespaces, Opening, PresenceError, PresenceList,
    PresenceStats, Refusal, Scope, ShardCx, ShardId, Subscribe, Topic, TopicEvent, TopicSettings,
};

use crate::frame;
use crate::shard::{Answer, Shard, topics_at, upgrade_request};

/// What homes have answered.
type Stats = Result<PresenceStats, PresenceError>;

/// Connections belong to the user in their path, and do for a topic what each letter of their
/// messages says.
struct App {
    topic: String,
    answers: Sender<Stats>,
    /// What has happened to topics whose home is its shard.
    events: Events,
}

type Events = Rc<RefCell<Vec<(ShardId, TopicEvent)>>>;

impl Handler for App {
    type Conn = ();
    type Answer = Answer;

    fn watches_topics(&self) -> bool {
        true
    }

    fn on_topic(&mut self, cx: &mut ShardCx<'_, (), Answer>, topic: &Topic, event: TopicEvent) {
        assert_eq!(topic.name(), self.topic);
        self.events.borrow_mut().push((cx.shard(), event));
    }

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, (), Answer>,
        opening: &Opening<'_>,
    ) -> Result<(), Refusal> {
        if let Opening::WebSocket(request) = opening
            && let user = &request.path[1..]
            && !user.is_empty()
        {
            cx.set_user(user)?;
        }
        Ok(())
    }

    fn on_message(
        &mut self,
        cx: &mut Cx<'_, (), Answer>,
        message: Message<'_>,
    ) -> Result<(), Halt> {
        for letter in message.payload {
            match letter {
                b'+' => {
                    let subscribe = Subscribe::new().conn_info(&b"{}"[..]);
                    cx.subscribe_with(&*self.topic, subscribe.chan_info(&b"1"[..]))?;
                }
                b'-' => cx.unsubscribe(&*self.topic),
                _ => {
                    let answers = self.answers.clone();
                    cx.presence_stats(&*self.topic, move |stats| {
                        answers.send(stats).unwrap();
                    })?;
                }
            }
        }
        Ok(())
    }
}

const SPACE: Space = Space {
    messages: 100,
    bytes: 100_000,
};

struct Pair {
    shards: [Shard<()>; 2],
    topic: String,
    answers: Receiver<Stats>,
    events: Events,
}

fn namespaces(presence: bool) -> Namespaces {
    let settings = TopicSettings {
        presence,
        ..TopicSettings::default()
    };
    let all = Scope::pattern("#").unwrap();
    Namespaces::new(TopicSettings::default(), vec![(all, settings)])
}

impl Pair {
    fn new(presence: bool) -> Self {
        let (sender, answers) = channel();
        let topic = topics_at(1).next().unwrap().to_string();
        let events = Events::default();
        let config = Config {
            namespaces: namespaces(presence),
            ..Config::default()
        };
        let shards = [0, 1].map(|at| {
            let app = App {
                topic: topic.clone(),
                answers: sender.clone(),
                events: Rc::clone(&events),
            };
            Shard::one(at, 2, config.clone(), app)
        });
        let mut pair = Self {
            shards,
            topic,
            answers,
            events,
        };
        pair.settle();
        pair
    }

    /// Takes mail to and fro until there is none.
    fn settle(&mut self) {
        for _ in 0..6 {
            self.pass_mail(0);
            self.pass_mail(1);
        }
    }

    /// Takes the mail of a shard to the other one.
    fn pass_mail(&mut self, from: usize) {
        let to = 1 - from;
        self.shards[from].turn();
        while let Some(mail) = self.shards[from].core.mail()[to].to_home.pop() {
            assert!(self.shards[to].core.handle_to_home(mail).is_none());
        }
        while let Some(mail) = self.shards[from].core.mail()[to].from_home.pop() {
            assert!(self.shards[to].core.handle_from_home(mail).is_none());
        }
        let lanes = &mut self.shards[from].core.mail()[to];
        lanes.to_home.set_space(SPACE);
        lanes.from_home.set_space(SPACE);
        self.shards[from].core.note_space();
        self.shards[to].turn();
    }

    fn open(&mut self, at: usize, user: &str) -> (usize, ConnId) {
        let id = self.shards[at].connect();
        let request = upgrade_request(&format!("/{user}"), "");
        self.shards[at].read(id, request);
        self.settle();
        assert!(self.shards[at].take(id).starts_with(b"HTTP/1.1 101 "));
        (at, id)
    }

    /// A client says this; nothing is done yet that takes mail.
    fn says(&mut self, (at, id): (usize, ConnId), letters: &str) {
        self.shards[at].read(id, frame(0x81, letters.as_bytes()));
    }

    fn does(&mut self, client: (usize, ConnId), letters: &str) {
        self.says(client, letters);
        self.settle();
    }

    /// What the next answer counts.
    fn counts(&self) -> (usize, usize) {
        let stats = self.answers.try_recv().unwrap().unwrap();
        (stats.clients, stats.users)
    }

    /// So much time passes that topics without subscribers are forgotten.
    fn linger(&mut self) {
        for shard in &mut self.shards {
            shard.pass(2 * Config::default().interest_linger);
        }
        self.settle();
    }

    fn list(&mut self) -> PresenceList {
        let (sender, answer) = channel();
        let topic = self.topic.clone();
        self.shards[0].core.shard_cx(|cx| {
            let asked = cx.presence(&*topic, move |list| sender.send(list).unwrap());
            asked.unwrap();
        });
        self.settle();
        answer.try_recv().unwrap().unwrap()
    }
}
