//! What happens next, by chance.

use corecast::time::Now;

use crate::client::{Client, Place, Stage};
use crate::deflate;
use crate::tokens::Token;
use crate::world::{Action, World};

/// Actions after which a world without new events must have come to rest.
const RESTLESS: usize = 400_000;

impl World {
    pub(super) fn step(&mut self) {
        let pick = self.rng.below(100);
        let shard = self.rng.below(self.shards.len());
        let client = self.rng.below(self.clients.len().max(1));
        let action = match pick {
            0..35 => Some(Action::Turn(shard)),
            35..50 => Some(Action::Deliver(client, self.some_bytes())),
            50..65 => Some(Action::Receive(client, self.some_bytes())),
            65..72 => Some(Action::Space(client)),
            72..88 => return self.client_acts(client),
            88..90 => Some(Action::Answer(self.rng.below(4), self.rng.below(4) != 0)),
            90..93 => Some(Action::Pass(self.rng.below(10) as u64)),
            93 if self.profile.users != 0 => Some(self.act_on_user(shard)),
            94..97 if self.profile.histories.is_some() => return self.act_on_history(shard),
            _ if self.clients.len() < self.profile.clients && !self.draining => {
                self.connect_any();
                return;
            }
            _ => None,
        };
        if let Some(action) = action.filter(|action| self.is_enabled(*action)) {
            self.act(action);
        }
    }

    fn act_on_user(&mut self, shard: usize) -> Action {
        let user = self.rng.below(self.profile.users);
        match self.rng.below(6) {
            0 if self.profile.ends_users => Action::Disconnect(shard, user, self.rng.below(2) == 0),
            1 => Action::List(shard, user),
            2 if self.profile.tokens => Action::Revoke(shard, user),
            _ => Action::Note(shard, user),
        }
    }

    fn some_bytes(&mut self) -> usize {
        let bound = [3, 40, 1000, 100_000][self.rng.below(4)];
        1 + self.rng.below(bound)
    }

    pub(crate) fn is_enabled(&self, action: Action) -> bool {
        match action {
            Action::Turn(at) => self.shards[at].is_awake(Now::from_millis(self.now)),
            Action::Deliver(at, _) => self
                .net
                .sockets
                .get(at)
                .is_some_and(|socket| socket.can_deliver()),
            Action::Space(at) => self
                .net
                .sockets
                .get(at)
                .is_some_and(|socket| socket.can_report_space()),
            Action::Receive(at, _) => self.clients.get(at).is_some_and(|client| {
                let socket = &self.net.sockets[at];
                let ends = socket.shut || socket.closed;
                !client.stalled && !client.ended && (!socket.tx.is_empty() || ends)
            }),
            Action::Leave(at) => {
                let client = &self.clients[at];
                let told = matches!(client.stage, Stage::Told(_)) || client.ended;
                let socket = &self.net.sockets[at];
                told && !socket.fin && !socket.closed
            }
            Action::Answer(at, _) => at < self.ledger.borrow().questions.len(),
            _ => true,
        }
    }

    /// Acts at random until only time could change anything, and no message waits for that.
    pub(crate) fn come_to_rest(&mut self) {
        for _ in 0..RESTLESS {
            let mut enabled: Vec<Action> = (0..self.shards.len()).map(Action::Turn).collect();
            enabled.push(Action::Answer(0, true));
            for at in 0..self.clients.len() {
                let (arrive, read) = (self.some_bytes() * 4, self.some_bytes() * 4);
                enabled.extend([
                    Action::Deliver(at, arrive),
                    Action::Receive(at, read),
                    Action::Space(at),
                    Action::Leave(at),
                ]);
            }
            enabled.retain(|action| self.is_enabled(*action));
            if enabled.is_empty() {
                if !self.holds_messages() {
                    return;
                }
                enabled.push(Action::Pass(1));
            }
            let action = enabled[self.rng.below(enabled.len())];
            self.act(action);
        }
        panic!("the world does not come to rest");
    }

    fn holds_messages(&self) -> bool {
        let ticks = self.profile.ticks || self.profile.histories.is_some();
        self.shards.iter().any(|shard| {
            let remains = shard.driver.core.remains();
            ticks && !remains.contains(&("held", 0)) || !remains.contains(&("delayed", 0))
        })
    }

    fn client_acts(&mut self, at: usize) {
        let Some(client) = self.clients.get(at) else {
            return;
        };
        let place = client.place;
        let opening = client.stage == Stage::Opening && place == Place::Tcp;
        if client.leaving || client.ended || client.half_closed || !(opening || client.stays()) {
            return;
        }
        let only = client.positions;
        let (healthy, reference, todo) = (client.healthy, client.reference, client.todo);
        let stalled = client.stalled;
        let action = match self.rng.below(40) {
            0..6 if !healthy => Action::Stall(at, !stalled),
            6..8 if !self.clients[at].has_no_words() => Action::Ping(at),
            8 if self.profile.churns && !reference => return self.say_goodbye(at),
            9..20 if place == Place::Command => {
                let topic = self.rng.below(self.profile.topics);
                let topic = only.unwrap_or(topic);
                match self.rng.below(2) {
                    0 => Action::Subscribe(at, topic),
                    _ => Action::Unsubscribe(at, topic),
                }
            }
            _ if todo == 0 || matches!(place, Place::Sub | Place::Events | Place::Session) => {
                return;
            }
            _ if place == Place::Echo => Action::Echo(at),
            _ => {
                let topic = match place {
                    Place::Tcp | Place::Ws => self.clients[at].topics[0],
                    _ => self.rng.below(self.profile.topics),
                };
                Action::Publish(at, topic)
            }
        };
        self.act(action);
    }

    pub(super) fn say_goodbye(&mut self, at: usize) {
        let action = match (self.rng.below(6), self.clients[at].place) {
            (0, _) => Action::Reset(at),
            (1, place) if place != Place::Session => Action::Vanish(at),
            (2 | 3, Place::Tcp) if !self.clients[at].half_closed => Action::HalfClose(at),
            (_, Place::Tcp | Place::Events | Place::Session) => Action::Reset(at),
            _ => Action::Close(at),
        };
        self.act(action);
    }

    pub(super) fn connect_any(&mut self) -> usize {
        let topics = self.profile.topics;
        let topic = self.rng.below(topics);
        // Without a history nothing is told to sessions.
        let histories = self.profile.histories.as_ref();
        let has_sessions = histories.is_some_and(|histories| !histories.reloads);
        let (place, topics_of) = match self.rng.below(12) {
            _ if self.rng.below(self.profile.many_one_in) == 0 => {
                let mut all: Vec<usize> = (0..topics).collect();
                for _ in 0..self.rng.below(topics) {
                    all.remove(self.rng.below(all.len()));
                }
                (Place::Many, all)
            }
            _ if self.rng.below(self.profile.command_one_in) == 1 => (Place::Command, Vec::new()),
            0..3 => (Place::Tcp, vec![topic]),
            3..6 => (Place::Ws, vec![topic]),
            6 | 9 if has_sessions => (Place::Session, vec![topic]),
            6 => (Place::Sub, vec![topic]),
            7 => (Place::Events, vec![topic]),
            8 => (Place::Pub, Vec::new()),
            9 => (Place::Echo, Vec::new()),
            10 => (Place::Command, Vec::new()),
            _ => (Place::Page, Vec::new()),
        };
        let mut client = Client::new(place, topics_of, topics);
        client.todo = self.rng.below(self.profile.todo_max + 1);
        if self.profile.tokens && place != Place::Page {
            let step = self.ledger.borrow().step;
            let token = Token::by_chance(self.profile.users, step, &mut self.rng);
            client.token = Some(token);
        }
        client.window = deflate::window(&mut self.rng);
        let slow = self.profile.slow_one_in;
        client.healthy = slow == 0 || self.rng.below(slow) != 0;
        if self.profile.histories.is_some() {
            self.choose_place(&mut client);
        }
        // Others name the topic to which they publish.
        let may = matches!(
            place,
            Place::Sub | Place::Events | Place::Many | Place::Command
        );
        client.by_pattern = self.profile.patterns && may && self.rng.below(3) != 0;
        self.connect(client)
    }
}
