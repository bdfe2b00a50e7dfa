//! One room: its members, numbers and history.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use corecast::{Kind, Message, Publisher, Room, RoomCx};

use crate::wire::{Command, Event, Said, json};

/// Number of messages in the history.
const HISTORY: usize = 20;
/// Maximum number of people in a room: the welcome of each names all others.
const PEOPLE_MAX: usize = 500;
/// An empty room keeps its history for this time. Unused names also keep their seats for it, so it
/// is not longer than a reload and a look around need.
const LINGER: Duration = Duration::from_secs(60);
/// Rooms of one shard: every client may name a new one, and each is kept for a while.
const ROOMS_MAX: usize = 1_000;

/// A room: its members and its history, on the thread of its topic's home.
pub(crate) struct ChatRoom {
    since: u64,
    seq: u64,
    people: HashMap<Publisher, String>,
    history: VecDeque<Said>,
    _seat: Seat,
}

impl Room for ChatRoom {
    /// No message is passed on unchanged: the room publishes its own events.
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, message: Message<'_>) {
        let Some(who) = cx.publisher() else { return };
        let done = match serde_json::from_slice(message.payload) {
            Ok(Command::Join { name }) => self.join(cx, who, name),
            Ok(Command::Say { text }) => self.say(cx, who, text),
            Ok(Command::Leave) => {
                self.leave(cx, who);
                Ok(())
            }
            // `check` has refused everything else.
            Err(_) => Ok(()),
        };
        if let Err(text) = done {
            tell(cx, Some(who), &Event::Error { text });
        }
    }

    fn wants_joins(&self) -> bool {
        true
    }

    /// This has a place in the room's order: the history neither repeats a later message nor skips
    /// one, so clients need not sort.
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

    /// Connections without a name may leave as well.
    fn leave(&mut self, cx: &mut RoomCx<'_>, who: Publisher) {
        if let Some(name) = self.people.remove(&who) {
            self.seq += 1;
            let (seq, name) = (self.seq, name.as_str());
            tell(cx, None, &Event::Left { seq, name });
        }
    }
}

/// The room if there are too many rooms: it passes nothing on and keeps nothing.
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

/// A place among a shard's rooms, as long as it is kept.
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

/// Sends to one connection, or publishes to the room.
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
