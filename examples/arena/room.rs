//! The room: one world on the home of its topic, with its time and inputs.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use corecast::{Kind, Message, PublishError, Publisher, Room, RoomCx, Tick};

use crate::game::bots::{self, NAMES};
use crate::game::rng::seed_of;
use crate::game::wire::{self, Said};
use crate::game::world::{Event, STEPS_PER_SECOND, World};

/// An arena. It runs on one thread, in the order of messages and ticks, so it is the same for all
/// players on all shards and needs no locks.
#[derive(Debug)]
pub(crate) struct Arena {
    world: World,
    /// The players' numbers.
    numbers: HashMap<Publisher, u8>,
    /// Ticks until the roster is published again.
    roster_in: u32,
    _seat: Seat,
}

impl Arena {
    pub(crate) fn new(topic: &str, bots: u8, seat: Seat) -> Self {
        let mut world = World::new(seed_of(topic));
        for name in NAMES.iter().cycle().take(bots.into()) {
            world.join(name, true);
        }
        // No player has seen the bots come.
        world.take_events();
        Self {
            world,
            numbers: HashMap::new(),
            roster_in: 0,
            _seat: seat,
        }
    }

    fn hear(&mut self, cx: &mut RoomCx<'_>, from: Publisher, said: Said<'_>) {
        match said {
            Said::Join(name) => {
                let before = self.numbers.get(&from).copied();
                let number = before.or_else(|| self.world.join(name, false));
                self.numbers.extend(number.map(|number| (from, number)));
                let welcome = wire::welcome(number.unwrap_or(NO_NUMBER), from.shard.get());
                expect_room(cx.send(from, Kind::Binary, &welcome));
            }
            Said::Steer(input) => {
                if let Some(number) = self.numbers.get(&from) {
                    self.world.steer(*number, input);
                }
            }
            Said::Leave => {
                if let Some(number) = self.numbers.remove(&from) {
                    self.world.leave(number);
                }
            }
            // The connection's own shard answers pings.
            Said::Ping(_) => {}
        }
    }

    fn steer_bots(&mut self) {
        let bots = self.world.players.iter().filter(|player| player.is_bot);
        let wishes: Vec<_> = bots
            .map(|bot| (bot.number, bots::think(&self.world, bot)))
            .collect();
        for (number, input) in wishes {
            self.world.steer(number, input);
        }
    }

    /// Publishes events and the roster. Players that are behind miss messages, so the roster is
    /// always complete, and is repeated from time to time.
    fn tell(&mut self, cx: &mut RoomCx<'_>) {
        self.roster_in = self.roster_in.saturating_sub(1);
        for (at, event) in self.world.take_events().into_iter().enumerate() {
            let soon = match event {
                Event::Joined(_) | Event::Left(_) => 0,
                Event::Dropped(number) => {
                    self.numbers.retain(|_, of| *of != number);
                    0
                }
                Event::Collected(_) | Event::Out(..) => ROSTER_SOON_TICKS,
            };
            self.roster_in = self.roster_in.min(soon);
            if at < EVENTS_PER_TICK {
                expect_room(cx.publish(Kind::Binary, &wire::event(event)));
            }
        }
        if self.roster_in == 0 {
            self.roster_in = ROSTER_TICKS;
            expect_room(cx.publish(Kind::Binary, &wire::roster(&self.world)));
        }
    }
}

impl Room for Arena {
    /// Takes a player's message and does not pass it on: its effect is in the next snapshot.
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, message: Message<'_>) {
        // The connection's handler has refused malformed messages.
        if let (Some(from), Ok(said)) = (cx.publisher(), wire::read(message)) {
            self.hear(cx, from, said);
        }
    }

    fn tick_every(&self) -> Option<Duration> {
        Some(Duration::from_secs(1) / STEPS_PER_SECOND.into())
    }

    /// Makes the due steps, but only a few after a long stop: then the world is late, instead of
    /// never catching up.
    fn on_tick(&mut self, cx: &mut RoomCx<'_>, tick: Tick) {
        for _ in 0..=tick.skipped.min(CATCH_UP_STEPS_MAX) {
            self.steer_bots();
            self.world.step();
        }
        self.tell(cx);
        // The snapshot last, because only the newest message is kept for players that are behind.
        expect_room(cx.publish(Kind::Binary, &wire::snapshot(&self.world)));
    }

    /// After a reload of the page, the player is in the same world.
    fn linger(&self) -> Duration {
        LINGER
    }
}

/// The room if there are too many arenas: it tells every player that there is no place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoArena;

impl Room for NoArena {
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, message: Message<'_>) {
        if let (Some(from), Ok(Said::Join(_))) = (cx.publisher(), wire::read(message)) {
            expect_room(cx.send(
                from,
                Kind::Binary,
                &wire::welcome(NO_NUMBER, from.shard.get()),
            ));
        }
    }
}

/// A place among a shard's arenas, as long as it is kept.
#[derive(Debug)]
pub(crate) struct Seat(Rc<Cell<usize>>);

impl Seat {
    pub(crate) fn take(taken: &Rc<Cell<usize>>) -> Option<Self> {
        let count = taken.get();
        (count < ARENAS_MAX).then(|| {
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

/// A callback may publish many more messages than this room does.
fn expect_room(published: Result<(), PublishError>) {
    if let Err(err) = published {
        log::warn!("the arena loses a message: {err}");
    }
}

/// The number of a player without a place.
const NO_NUMBER: u8 = 0;
const CATCH_UP_STEPS_MAX: u64 = 5;
const ROSTER_TICKS: u32 = 30;
const ROSTER_SOON_TICKS: u32 = 6;
/// More events are not readable: very many players may come and go.
const EVENTS_PER_TICK: usize = 64;
const LINGER: Duration = Duration::from_secs(10);
/// For each shard: every unused name costs a world.
const ARENAS_MAX: usize = 100;
