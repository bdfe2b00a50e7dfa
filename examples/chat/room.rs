//! One room: names, numbers and what was said.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use corecast::{Kind, Message, Publisher, Room, RoomCx};

use crate::wire::{Command, Event, Said, json};

/// Messages that who comes in is shown.
const HISTORY: usize = 20;
/// People in one room: each is named in the welcome of all others.
const PEOPLE_MAX: usize = 500;
/// A room that everyone has left keeps what was said for so long. Names that nobody ever used
/// hold their seats for as long, so it is not more than a reload and a look around need.
const LINGER: Duration = Duration::from_secs(60);
/// Rooms of one shard: anyone may name a new one, and each is kept for a while.
const ROOMS_MAX: usize = 1_000;

/// A room: who is there, and what was said. On the one thread that is the home of its topic.
pub(crate) struct ChatRoom {
    since: u64,
    seq: u64,
    people: HashMap<Publisher, String>,
    history: VecDeque<Said>,
    _seat: Seat,
}

impl Room for ChatRoom {
    /// Nothing is passed on as it came: what a room says is the room's own.
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, message: Message<'_>) {
        let Some(who) = cx.publisher() else { return };
        let done = match serde_json::from_slice(message.payload) {
            Ok(Command::Join { name }) => self.join(cx, who, name),
            Ok(Command::Say { text }) => self.say(cx, who, text),
            Ok(Command::Leave) => {
                self.leave(cx, who);
                Ok(())
            }
            // `check` lets nothing through that is none of these.
            Err(_) => Ok(()),
        };
        if let Err(text) = done {
            tell(cx, Some(who), &Event::Error { text });
        }
    }

    fn wants_joins(&self) -> bool {
        true
    }

    /// This stands at one point of the room's order: the history neither repeats a message that
    /// comes after it nor leaves one out, so no client has to sort.
    fn on_join(&mut self, cx: &mut RoomCx<'_>, joiner: Publisher, _tag: &[u8]) {
        let room = Event::Room {
            seq: self.seq,
            since: self.since,
            people: self.people.values().map(String::as_str).collect(),
            history: &self.history,
        };
        tell(cx, Some(joiner), &room);
    }

    fn on_leave(&mut self, cx: &mut RoomCx<'_>, leaver: Publisher) {
        self.leave(cx, leaver);
    }

    fn linger(&self) -> Duration {
        LINGER
    }
}

impl ChatRoom {
    pub(crate) fn new(seat: Seat) -> Self {
        Self {
            since: unix_millis(),
            seq: 0,
            people: HashMap::new(),
            history: VecDeque::new(),
            _seat: seat,
        }
    }

    fn join(
        &mut self,
        cx: &mut RoomCx<'_>,
        who: Publisher,
        name: String,
    ) -> Result<(), &'static str> {
        let folded = name.to_lowercase();
        if self.people.contains_key(&who) {
            return Err("you have a name in this room already");
        }
        if self.people.values().any(|it| it.to_lowercase() == folded) {
            return Err("this name is taken: choose another");
        }
        if PEOPLE_MAX <= self.people.len() {
            return Err("the room is full: come back later");
        }
        self.seq += 1;
        let seq = self.seq;
        self.people.insert(who, name);
        let name = &self.people[&who];
        tell(cx, Some(who), &Event::Welcome { you: name });
        tell(cx, None, &Event::Joined { seq, name });
        Ok(())
    }

    fn say(
        &mut self,
        cx: &mut RoomCx<'_>,
        who: Publisher,
        text: String,
    ) -> Result<(), &'static str> {
        let from = self.people.get(&who).ok_or("join first: say your name")?;
        self.seq += 1;
        let said = Said {
            seq: self.seq,
            at: unix_millis(),
            from: from.clone(),
            text,
        };
        tell(cx, None, &Event::Said(&said));
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(said);
        Ok(())
    }

    /// Also for those who never had a name, or have given it back: that is no mistake.
    fn leave(&mut self, cx: &mut RoomCx<'_>, who: Publisher) {
        if let Some(name) = self.people.remove(&who) {
            self.seq += 1;
            let (seq, name) = (self.seq, name.as_str());
            tell(cx, None, &Event::Left { seq, name });
        }
    }
}

/// What is at home where there are too many rooms: passes nothing on, keeps nothing.
pub(crate) struct NoRoom;

impl Room for NoRoom {
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, message: Message<'_>) {
        let command = serde_json::from_slice(message.payload);
        if let (Some(who), Ok(Command::Join { .. })) = (cx.publisher(), command) {
            let text = "too many rooms: choose another, or come back later";
            tell(cx, Some(who), &Event::Error { text });
        }
    }
}

/// The right to have one of a shard's rooms, for as long as it is kept.
pub(crate) struct Seat(Rc<Cell<usize>>);

impl Seat {
    pub(crate) fn take(taken: &Rc<Cell<usize>>) -> Option<Self> {
        let count = taken.get();
        (count < ROOMS_MAX).then(|| {
            taken.set(count + 1);
            Self(Rc::clone(taken))
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Tells one connection, or everyone in the room.
fn tell(cx: &mut RoomCx<'_>, to: Option<Publisher>, event: &Event<'_>) {
    let bytes = json(event);
    let told = match to {
        Some(one) => cx.send(one, Kind::Text, &bytes),
        None => cx.publish(Kind::Text, &bytes),
    };
    if let Err(err) = told {
        log::error!("room {}: {err}", cx.topic());
    }
}

fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}
