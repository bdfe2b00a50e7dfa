//! Presence: two shards, with their mail in the test's hands; the home of the topic is the second.

use std::sync::mpsc::{Receiver, Sender, channel};

use corecast::shard::mail::Space;
use corecast::{
    Config, ConnId, Cx, Halt, Handler, Message, Namespaces, Opening, PresenceError, PresenceList,
    PresenceStats, Refusal, Scope, Subscribe, TopicSettings,
};

use crate::frame;
use crate::shard::{Answer, Shard, topics_at};

/// What homes have answered.
type Stats = Result<PresenceStats, PresenceError>;

/// Connections belong to the user in their path, and do for a topic what each letter of their
/// messages says.
struct App {
    topic: String,
    answers: Sender<Stats>,
}

impl Handler for App {
    type Conn = ();
    type Answer = Answer;

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
        let config = Config {
            namespaces: namespaces(presence),
            ..Config::default()
        };
        let shards = [0, 1].map(|at| {
            let app = App {
                topic: topic.clone(),
                answers: sender.clone(),
            };
            Shard::one(at, 2, config.clone(), app)
        });
        let mut pair = Self {
            shards,
            topic,
            answers,
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
        let request = format!(
            "GET /{user} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
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

#[test]
fn clients_and_their_users_are_counted_on_all_shards() {
    let mut pair = Pair::new(true);
    let users = [(0, "ann"), (1, "ann"), (0, "bob"), (1, ""), (0, "")];
    let clients = users.map(|(at, user)| pair.open(at, user));
    let expected = [(1, 1), (2, 1), (3, 2), (4, 3), (5, 3)];
    for (client, expected) in clients.into_iter().zip(expected) {
        pair.does(client, "+");
        pair.does(clients[0], "?");
        assert_eq!(pair.counts(), expected);
    }
    let list = pair.list();
    assert_eq!(list.stats().clients, 5);
    for info in list.clients() {
        let at = usize::from(info.client.shard.get());
        let of_client = clients.iter().zip(users);
        let mut of_client = of_client.filter(|(client, _)| **client == (at, info.client.conn));
        assert_eq!(
            of_client.next().map(|(_, (_, user))| user),
            Some(&*info.user)
        );
        assert_eq!(info.conn_info.as_deref(), Some(&b"{}"[..]));
        assert_eq!(info.chan_info.as_deref(), Some(&b"1"[..]));
    }
    pair.shards[1].core.handle_reset(clients[1].1);
    pair.shards[0].core.handle_reset(clients[2].1);
    pair.settle();
    pair.does(clients[0], "?");
    assert_eq!(pair.counts(), (3, 2));
}

#[test]
fn a_client_that_asks_behind_its_own_join_or_leave_finds_it_counted() {
    for at in [0, 1] {
        let mut pair = Pair::new(true);
        let [other, client] = ["ann", "bob"].map(|user| pair.open(at, user));
        pair.does(other, "+");
        for _ in 0..3 {
            pair.does(client, "+");
            pair.does(client, "?");
            pair.does(client, "-?");
            assert_eq!(pair.counts(), (2, 2));
            assert_eq!(pair.counts(), (1, 1));
            pair.does(client, "+-?");
            assert_eq!(pair.counts(), (1, 1));
        }
    }
}

/// The lane of the shard that asks is looked at first.
#[test]
fn a_client_that_asks_over_another_shard_finds_what_another_has_seen_happen() {
    let mut pair = Pair::new(true);
    let [guest, own] = [0, 1].map(|at| pair.open(at, ""));
    pair.does(guest, "+");
    pair.says(own, "?");
    pair.says(guest, "-");
    // The leave is in the lane when the turn of the question begins.
    let [first, home] = &mut pair.shards;
    first.turn();
    let leave = first.core.mail()[1].to_home.pop().unwrap();
    assert!(home.core.handle_to_home(leave).is_none());
    assert!(
        pair.answers.try_recv().is_err(),
        "it waits for the mail of the turn"
    );
    pair.settle();
    assert_eq!(pair.counts(), (0, 0));
}

#[test]
fn a_question_about_clients_waits_for_space_behind_leaves_that_do() {
    let mut pair = Pair::new(true);
    let client = pair.open(0, "");
    pair.does(client, "+");
    pair.shards[0].core.mail()[1]
        .to_home
        .set_space(Space::default());
    pair.says(client, "-?");
    assert!(pair.answers.try_recv().is_err());
    pair.settle();
    assert_eq!(pair.counts(), (0, 0));
}

#[test]
fn a_topic_without_presence_has_none_to_tell() {
    let mut pair = Pair::new(false);
    let client = pair.open(0, "");
    pair.does(client, "+?");
    let answer = pair.answers.try_recv().unwrap();
    assert_eq!(answer, Err(PresenceError::Off));
    assert_eq!(pair.shards[1].core.clients_at_home(), []);
}

#[test]
fn a_reload_gives_presence_to_topics_without_subscribers_and_takes_it_from_all() {
    let mut pair = Pair::new(false);
    let client = pair.open(0, "");
    pair.does(client, "+");
    let reload = |pair: &mut Pair, presence| {
        for shard in &mut pair.shards {
            shard.core.set_namespaces(namespaces(presence));
        }
    };
    reload(&mut pair, true);
    pair.does(client, "?");
    let answer = pair.answers.try_recv().unwrap();
    assert_eq!(
        answer,
        Err(PresenceError::Off),
        "it has a subscriber that is not counted"
    );
    pair.does(client, "-");
    for shard in &mut pair.shards {
        shard.pass(2 * Config::default().interest_linger);
    }
    pair.settle();
    pair.does(client, "?+");
    pair.does(client, "?");
    assert_eq!((pair.counts(), pair.counts()), ((0, 0), (1, 1)));
    reload(&mut pair, false);
    pair.does(client, "?");
    assert_eq!(pair.answers.try_recv().unwrap(), Err(PresenceError::Off));
    reload(&mut pair, true);
    pair.does(client, "?");
    assert_eq!(pair.counts(), (1, 1), "it was counted all the time");
}
