//! A chat: rooms by path, unique names in a room, a list of members, and the last messages for new
//! members.
//!
//! `cargo run --example chat`, then open <http://127.0.0.1:8080/> twice. Any
//! `/room/{name}` is another room; the TCP port leads to `lobby` with the same JSON.
//!
//! It has two parts. Each shard has one [`Chat`], which checks the messages of its own connections.
//! Each room has one [`ChatRoom`] on the home of its topic. All messages of a room pass through it
//! in one order, so it can assign names and numbers without a lock, whatever shards the people are
//! connected to.

mod room;
#[path = "../support/mod.rs"]
mod support;
mod wire;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use corecast::{
    Config, Cx, Halt, Handler, Kind, Message, Opening, Refusal, Request, Response, Room, ShardCx,
    SlowConsumer, Tick, Topic,
};

use room::{ChatRoom, NoRoom, Seat};
use wire::{Event, check, json};

const ROOM_CHARS_MAX: usize = 32;
/// Messages that a connection may send at once; each tick allows one more.
const BURST: u64 = 20;
const TICK: Duration = Duration::from_millis(100);

/// The application on one shard.
#[derive(Default)]
struct Chat {
    /// Rooms at home here.
    rooms: Rc<Cell<usize>>,
    ticks: u64,
}

/// A connection.
struct Guest {
    room: Topic,
    /// How many more messages are allowed, as of a tick.
    allowance: u64,
    as_of: u64,
}

impl Handler for Chat {
    type Conn = Guest;
    type Answer = ();

    fn on_open(&mut self, cx: &mut Cx<'_, Guest>, opening: &Opening<'_>) -> Result<Guest, Refusal> {
        let room = match opening {
            Opening::WebSocket(request) | Opening::Events(request) => room_of(request.path),
            Opening::Tcp { topic, .. } => Some(topic.name()),
            _ => None,
        };
        let room = room.ok_or_else(|| Response::text(404, NO_ROOM))?;
        let room = cx.topic(room)?;
        // The room learns of it and sends the history: `ChatRoom::on_join`.
        cx.subscribe(&room)?;
        Ok(Guest {
            room,
            allowance: BURST,
            as_of: self.ticks,
        })
    }

    fn on_message(&mut self, cx: &mut Cx<'_, Guest>, message: Message<'_>) -> Result<(), Halt> {
        let Some(guest) = cx.data() else {
            return Ok(());
        };
        let earned = self.ticks - guest.as_of;
        guest.allowance = guest.allowance.saturating_add(earned).min(BURST);
        guest.as_of = self.ticks;
        let room = guest.room.clone();
        let verdict = match guest.allowance {
            0 => Err("too fast: 10 messages a second, please"),
            _ => check(message.payload),
        };
        match verdict {
            Ok(()) => cx.publish(&room, Kind::Text, message.payload)?,
            Err(text) => cx.reply(Kind::Text, &json(&Event::Error { text }))?,
        }
        // Not before: a message that meets `Busy` comes again, and counts once.
        if let Some(guest) = cx.data() {
            guest.allowance = guest.allowance.saturating_sub(1);
        }
        Ok(())
    }

    fn on_request(
        &mut self,
        _: &mut Cx<'_, Guest>,
        request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        let is_page = request.path == "/" || room_of(request.path).is_some();
        Ok(match request.method {
            "GET" | "HEAD" if is_page => Response::html(include_str!("page.html")),
            "GET" | "HEAD" => Response::text(404, NO_ROOM),
            _ => Response::method_not_allowed("GET, HEAD"),
        })
    }

    fn tick_every(&self) -> Option<Duration> {
        Some(TICK)
    }

    fn on_tick(&mut self, _: &mut ShardCx<'_, Guest>, tick: Tick) {
        self.ticks = tick.number;
    }

    fn room(&mut self, _topic: &str) -> Option<Box<dyn Room>> {
        Some(match Seat::take(&self.rooms) {
            Some(seat) => Box::new(ChatRoom::new(seat)),
            None => Box::new(NoRoom),
        })
    }
}

/// The room of a path. Its name needs no escapes, so that it has one spelling.
fn room_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix("/room/")?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    ((1..=ROOM_CHARS_MAX).contains(&name.len()) && name.chars().all(is_plain)).then_some(name)
}

const NO_ROOM: &str = "not found; rooms are /room/{name}, up to 32 letters, digits, - and _";

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    flags: support::Flags,
}

fn main() -> Result<(), corecast::Error> {
    let config = Config {
        // The longest message in the longest spelling, `\u0041` for every character.
        message_bytes_max: 16 << 10,
        // A slow client is closed, reconnects, and gets the history. With the default policy it
        // would miss messages without knowing.
        slow_consumer: SlowConsumer::Disconnect,
        ..Config::default()
    };
    let flags = Cli::parse().flags;
    let server = flags.server("lobby").config(config);
    support::run(server.start(|_shard| Chat::default())?)
}
