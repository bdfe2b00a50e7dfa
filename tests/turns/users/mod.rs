//! Users: two shards, with their mail in the test's hands.

mod commands;
mod entry;
mod list;
#[cfg(feature = "auth")]
mod revoked;

use std::cell::RefCell;
use std::rc::Rc;

use corecast::shard::mail::Space;
use corecast::{
    BeyondUserLimit, CloseReason, Config, ConnId, ConnectionId, Cx, Disconnect, Halt, Handler,
    Kind, Message, Opening, Refusal, Response, Selection, ShardId, UserError,
};

use crate::frame;
use crate::shard::{Shard, upgrade_request};

/// Ends that the handlers were told of.
type Ends = Rc<RefCell<Vec<(String, CloseReason)>>>;

/// Connections belong to the user in their path, and do what their messages say.
struct App(Ends);

impl Handler for App {
    type Conn = ();
    type Answer = crate::shard::Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        opening: &Opening<'_>,
    ) -> Result<(), Refusal> {
        let user = match opening {
            Opening::WebSocket(request) | Opening::Events(request) => request.path[1..].to_owned(),
            Opening::Tcp { topic, .. } => topic.name().to_owned(),
            _ => return Err(Response::text(404, "").into()),
        };
        cx.set_user(&user)?;
        cx.set_user(&user)?;
        assert_eq!(cx.set_user("another"), Err(UserError::Another));
        Ok(())
    }

    fn on_message(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        message: Message<'_>,
    ) -> Result<(), Halt> {
        let user = cx.user().unwrap().to_owned();
        assert_eq!(cx.set_user("late"), Err(UserError::Another));
        match message.payload {
            b"bye" => {
                let which = Selection::AllBut(vec![ConnectionId {
                    shard: cx.shard(),
                    conn: cx.id(),
                }]);
                cx.disconnect_user(&user, which, Disconnect::default())?;
            }
            payload => cx.send_to_user(&user, Kind::Text, payload)?,
        }
        Ok(())
    }

    fn on_close(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        reason: CloseReason,
    ) -> Result<(), Halt> {
        let user = cx.user().unwrap().to_owned();
        self.0.borrow_mut().push((user, reason));
        Ok(())
    }

    fn wants_events(&mut self, request: &corecast::Request<'_>) -> bool {
        request.header("accept") == Some(b"text/event-stream")
    }
}

const SPACE: Space = Space {
    messages: 100,
    bytes: 100_000,
};

/// Two shards. The user's home is the second.
struct Pair {
    shards: [Shard<()>; 2],
    ends: Ends,
    user: String,
}

fn limited(max: u32, beyond: BeyondUserLimit) -> Config {
    Config {
        connections_per_user_max: Some(max),
        beyond_user_limit: beyond,
        ..Config::default()
    }
}

impl Pair {
    fn new(config: Config) -> Self {
        let ends = Ends::default();
        let shards = [0, 1].map(|at| {
            let mut shard = Shard::one(at, 2, config.clone(), App(Rc::clone(&ends)));
            give_space(&mut shard);
            shard
        });
        let user = (0..)
            .map(|n| format!("u{n}"))
            .find(|user| shards[0].core.home_of_user(user) == ShardId::new(1));
        Self {
            shards,
            ends,
            user: user.unwrap(),
        }
    }

    /// A WebSocket connection of the user that asks to be opened.
    fn ask(&mut self, at: usize) -> ConnId {
        self.ask_with(at, "")
    }

    /// The same with these fields in its request.
    fn ask_with(&mut self, at: usize, fields: &str) -> ConnId {
        let id = self.shards[at].connect();
        let request = upgrade(&self.user, fields);
        self.shards[at].read(id, request);
        go_on(&mut self.shards[at]);
        id
    }

    /// One that is open.
    fn open(&mut self, at: usize) -> ConnId {
        let id = self.ask(at);
        self.settle();
        assert!(self.shards[at].take(id).starts_with(b"HTTP/1.1 101 "));
        id
    }

    /// Passes on all mail that the first shard has for the home.
    fn tell_home(&mut self) {
        let [guest, home] = &mut self.shards;
        go_on(guest);
        while let Some(mail) = guest.core.mail()[1].to_home.pop() {
            assert!(home.core.handle_to_home(mail).is_none());
        }
        give_space(guest);
        go_on(home);
    }

    /// Passes on all mail of the home to the first shard.
    fn hear_home(&mut self) {
        let [guest, home] = &mut self.shards;
        go_on(home);
        while let Some(mail) = home.core.mail()[0].from_home.pop() {
            assert!(guest.core.handle_from_home(mail).is_none());
        }
        give_space(home);
        go_on(guest);
    }

    fn settle(&mut self) {
        for _ in 0..4 {
            self.tell_home();
            self.hear_home();
        }
        let here = |shard: &Shard<()>| shard.core.users_here();
        let mut here: Vec<_> = self.shards.iter().flat_map(here).collect();
        here.sort();
        let mut home = self.shards[1].core.users_at_home();
        home.sort();
        assert_eq!(here, home, "what the home knows");
        assert_eq!(self.shards[0].core.users_at_home(), []);
    }

    fn say(&mut self, at: usize, id: ConnId, text: &str) {
        self.shards[at].read(id, frame(0x81, text.as_bytes()));
        go_on(&mut self.shards[at]);
    }

    fn ended(&self) -> Vec<CloseReason> {
        let ends = self.ends.borrow();
        ends.iter().map(|(_, reason)| *reason).collect()
    }

    fn take(&mut self, at: usize, id: ConnId) -> Vec<u8> {
        self.shards[at].take(id)
    }
}

/// Some turns; mail that no test takes is always due.
pub(crate) fn go_on<C>(shard: &mut Shard<C>) {
    for _ in 0..4 {
        shard.turn();
    }
}

pub(crate) fn give_space<C>(shard: &mut Shard<C>) {
    for mail in shard.core.mail() {
        while mail.to_home.take_starved() || mail.from_home.take_starved() {}
        if !mail.to_home.has_mail() {
            mail.to_home.set_space(SPACE);
        }
        if !mail.from_home.has_mail() {
            mail.from_home.set_space(SPACE);
        }
    }
    shard.core.note_space();
}

/// Passes on all mail between two shards.
pub(crate) fn exchange<C>(shards: &mut [Shard<C>; 2]) {
    for (from, to) in [(0, 1), (1, 0)].into_iter().cycle().take(8) {
        go_on(&mut shards[from]);
        while let Some(mail) = shards[from].core.mail()[to].to_home.pop() {
            assert!(shards[to].core.handle_to_home(mail).is_none());
        }
        while let Some(mail) = shards[from].core.mail()[to].from_home.pop() {
            assert!(shards[to].core.handle_from_home(mail).is_none());
        }
        give_space(&mut shards[from]);
        go_on(&mut shards[to]);
    }
}

fn upgrade(user: &str, fields: &str) -> String {
    upgrade_request(&format!("/{user}"), fields)
}

/// A server's close frame with this code.
pub(crate) fn closes_with(bytes: &[u8], code: u16, reason: &str) -> bool {
    let len = u8::try_from(2 + reason.len()).unwrap();
    let frame = [&[0x88, len][..], &code.to_be_bytes(), reason.as_bytes()].concat();
    bytes.ends_with(&frame)
}

fn id(at: usize, conn: ConnId) -> ConnectionId {
    ConnectionId {
        shard: ShardId::new(at.try_into().unwrap()),
        conn,
    }
}
