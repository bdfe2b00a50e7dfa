//! A game for the browser: a world of 30 steps a second, the same for all players on all shards.
//!
//! `cargo run --example arena -- --bots 6`, then open the page that it logs. Each `/arena/{name}`
//! is a world of its own: a [`Room`] on the home of its topic, where messages and ticks come one
//! after the other, so it needs no lock.
//!
//! | file | contents |
//! |---|---|
//! | `main.rs` | connections: which messages are allowed, and how often |
//! | `room.rs` | the room: inputs in, snapshots out |
//! | `game/wire.rs` | the bytes of every message |
//! | `game/world.rs` | the game: what a step does; its parts are beside it |
//! | `game/bots.rs` | the bots |
//! | `page.html` | the page |

mod game;
mod room;
#[path = "../support/mod.rs"]
mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use corecast::{
    CloseReason, Config, Cx, Halt, Handler, Kind, Message, Opening, Refusal, Request, Response,
    Room, ShardCx, SlowConsumer, Tick, Topic,
};

use crate::game::pace::{self, Pace};
use crate::game::wire::{self, Said};
use crate::room::{Arena, NoArena, Seat};

/// Serves arenas, and a page to play in them.
#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    flags: support::Flags,
    /// Bots in each arena, 0 to 32
    #[arg(long, value_name = "N", default_value_t = 0,
          value_parser = clap::value_parser!(u8).range(..=32))]
    bots: u8,
}

/// The application on one shard.
#[derive(Debug)]
struct Game {
    bots: u8,
    /// Arenas at home here.
    arenas: Rc<Cell<usize>>,
    /// Ticks of the shard: the clock for the pace of connections.
    now: u64,
}

/// A player's connection.
#[derive(Clone, Debug)]
struct Guest {
    arena: Topic,
    pace: Pace,
    /// Whether it may have joined the arena.
    has_joined: bool,
}

impl Handler for Game {
    type Conn = Guest;
    type Answer = ();

    fn on_open(&mut self, cx: &mut Cx<'_, Guest>, opening: &Opening<'_>) -> Result<Guest, Refusal> {
        let arena = match opening {
            Opening::WebSocket(request) | Opening::Events(request) => {
                arena_of(request.path).ok_or_else(no_such_path)?
            }
            Opening::Tcp { topic, .. } => topic.name(),
            _ => return Err(no_such_path().into()),
        };
        let arena = cx.topic(arena)?;
        cx.subscribe(&arena)?;
        Ok(Guest {
            arena,
            pace: Pace::new(self.now),
            has_joined: false,
        })
    }

    fn on_message(&mut self, cx: &mut Cx<'_, Guest>, message: Message<'_>) -> Result<(), Halt> {
        let Some(mut guest) = cx.data().cloned() else {
            return Ok(());
        };
        if !guest.pace.allows(self.now) {
            return Err(CloseReason::Policy("more than 60 messages a second").into());
        }
        match wire::read(message).map_err(CloseReason::Policy)? {
            Said::Ping(pong) => cx.reply(Kind::Binary, pong)?,
            said => {
                cx.publish(&guest.arena, message.kind, message.payload)?;
                guest.has_joined |= matches!(said, Said::Join(_));
            }
        }
        // Counted only now: a message that got `Busy` comes again, and counts once.
        if let Some(data) = cx.data() {
            *data = guest;
        }
        Ok(())
    }

    /// Leaves for a connection that has ended; if the lane is full, the callback is repeated.
    fn on_close(&mut self, cx: &mut Cx<'_, Guest>, _: CloseReason) -> Result<(), Halt> {
        let joined = cx.data().filter(|guest| guest.has_joined);
        let Some(arena) = joined.map(|guest| guest.arena.clone()) else {
            return Ok(());
        };
        Ok(cx.publish(&arena, Kind::Binary, wire::LEAVE)?)
    }

    fn on_request(
        &mut self,
        _: &mut Cx<'_, Guest>,
        request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        Ok(match (request.method, request.path) {
            ("GET" | "HEAD", "/") => Response::html(include_str!("page.html")),
            ("GET" | "HEAD", "/healthz") => Response::text(200, "ok"),
            ("GET" | "HEAD", path) if arena_of(path).is_some() => {
                Response::text(426, "arenas are entered over WebSocket")
                    .with_header("Upgrade", "websocket")
            }
            ("GET" | "HEAD", _) => no_such_path(),
            _ => Response::method_not_allowed("GET, HEAD"),
        })
    }

    fn tick_every(&self) -> Option<Duration> {
        Some(pace::TICK)
    }

    fn on_tick(&mut self, _: &mut ShardCx<'_, Guest>, tick: Tick) {
        self.now = tick.number;
    }

    fn room(&mut self, topic: &str) -> Option<Box<dyn Room>> {
        Some(match Seat::take(&self.arenas) {
            Some(seat) => Box::new(Arena::new(topic, self.bots, seat)),
            None => Box::new(NoArena),
        })
    }
}

/// The arena that a path leads to: 1 to 32 letters, digits and hyphens.
fn arena_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix("/arena/")?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    ((1..=32).contains(&name.len()) && name.bytes().all(is_plain)).then_some(name)
}

fn no_such_path() -> Response {
    Response::text(
        404,
        "here are / and /arena/{name}, a name being 1 to 32 letters, digits and hyphens",
    )
}

fn main() -> Result<(), corecast::Error> {
    let Cli { flags, bots } = Cli::parse();
    let config = Config {
        // A snapshot is the whole state: a client that is behind needs only the newest.
        slow_consumer: SlowConsumer::Latest,
        // No message of a player is longer than 17 bytes.
        message_bytes_max: 64,
        ..Config::default()
    };
    let server = flags
        .server(LOBBY)
        .config(config)
        .start(move |_shard| Game {
            bots,
            arenas: Rc::default(),
            now: 0,
        })?;
    support::run(server)
}

/// The arena of the TCP port, and of the page unless its address names another.
const LOBBY: &str = "lobby";
