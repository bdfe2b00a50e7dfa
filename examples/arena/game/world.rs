//! The game: pure, in fixed steps, without clock, network or locks.

use crate::game::geometry::{UNIT, Vector};
use crate::game::obstacles::{
    HEIGHT, PILLARS, WIDTH, bounce_off_pillars, bounce_off_walls, collide, inside,
};
use crate::game::player::{COOLDOWN_STEPS, Input, Player, SHIP_RADIUS};
use crate::game::rng::Rng;

/// An arena: ships that shoot each other and collect gems between walls and pillars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct World {
    /// Steps made.
    pub(crate) tick: u32,
    /// In the order in which they joined.
    pub(crate) players: Vec<Player>,
    pub(crate) bolts: Vec<Bolt>,
    pub(crate) gems: Vec<Vector>,
    /// The events since the last call of `take_events`.
    events: Vec<Event>,
    rng: Rng,
    last_number: u8,
    last_bolt: u16,
}

/// A shot on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bolt {
    /// Its id while it flies.
    pub(crate) id: u16,
    /// The number of its player.
    pub(crate) owner: u8,
    pub(crate) place: Vector,
    /// Way per half a step.
    speed: Vector,
    steps_left: u8,
}

/// An event. Players are given by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Joined(u8),
    Left(u8),
    /// A player was silent for too long and was removed.
    Dropped(u8),
    /// The first has collected a gem.
    Collected(u8),
    /// The first has put the second out.
    Out(u8, u8),
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            tick: 0,
            players: Vec::new(),
            bolts: Vec::new(),
            gems: Vec::new(),
            events: Vec::new(),
            rng: Rng::new(seed),
            last_number: 0,
            last_bolt: 0,
        }
    }

    /// Adds a player, unless the arena is full; returns the player's number.
    pub(crate) fn join(&mut self, name: &str, is_bot: bool) -> Option<u8> {
        // Not the number of a player that has just left, which would seem to be back.
        let after_last =
            (1..=PLAYERS_MAX).map(|ahead| (self.last_number + ahead - 1) % PLAYERS_MAX);
        let number = after_last
            .map(|place| place + 1)
            .find(|number| self.player(*number).is_none())?;
        self.last_number = number;
        let place = self.free_place();
        self.players.push(Player::new(number, name, is_bot, place));
        self.events.push(Event::Joined(number));
        Some(number)
    }

    pub(crate) fn leave(&mut self, number: u8) {
        self.remove(number, Event::Left(number));
    }

    fn remove(&mut self, number: u8, event: Event) {
        let before = self.players.len();
        self.players.retain(|player| player.number != number);
        if self.players.len() < before {
            self.events.push(event);
        }
    }

    pub(crate) fn steer(&mut self, number: u8, input: Input) {
        if let Some(player) = self.player_mut(number) {
            player.steer(input);
        }
    }

    pub(crate) fn player(&self, number: u8) -> Option<&Player> {
        self.players.iter().find(|player| player.number == number)
    }

    fn player_mut(&mut self, number: u8) -> Option<&mut Player> {
        let mut players = self.players.iter_mut();
        players.find(|player| player.number == number)
    }

    /// The events since the last call.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// One step of [`STEPS_PER_SECOND`].
    pub(crate) fn step(&mut self) {
        self.tick = self.tick.wrapping_add(1);
        self.drop_silent();
        self.move_ships();
        self.part_ships();
        self.fire();
        self.move_bolts();
        self.collect();
    }

    fn drop_silent(&mut self) {
        let silent = |player: &&Player| !player.is_bot && SILENT_STEPS_MAX <= player.silent;
        let gone: Vec<u8> = self
            .players
            .iter()
            .filter(silent)
            .map(|p| p.number)
            .collect();
        for number in gone {
            self.remove(number, Event::Dropped(number));
        }
    }

    fn move_ships(&mut self) {
        for at in 0..self.players.len() {
            if self.players[at].is_out() {
                self.wait_outside(at);
                continue;
            }
            let player = &mut self.players[at];
            player.fly();
            bounce_off_pillars(player);
            bounce_off_walls(player);
        }
    }

    fn wait_outside(&mut self, at: usize) {
        self.players[at].silent += 1;
        self.players[at].out_for = self.players[at].out_for.saturating_sub(1);
        if self.players[at].out_for == 0 {
            let place = self.free_place();
            self.players[at].come_back(place);
        }
    }

    /// Separates overlapping ships, which exchange their speeds as equal balls do.
    fn part_ships(&mut self) {
        for first in 0..self.players.len() {
            let (head, tail) = self.players.split_at_mut(first + 1);
            let one = &mut head[first];
            for other in tail.iter_mut().filter(|other| !other.is_out()) {
                if !one.is_out() && one.hull().meets(other.place, SHIP_RADIUS) {
                    collide(one, other);
                }
            }
        }
        self.players.iter_mut().for_each(bounce_off_walls);
    }

    fn fire(&mut self) {
        for player in &mut self.players {
            let ready = player.input.fires && player.cooldown == 0 && !player.is_out();
            if !ready || BOLTS_MAX <= self.bolts.len() {
                continue;
            }
            player.cooldown = COOLDOWN_STEPS;
            self.last_bolt = self.last_bolt.wrapping_add(1);
            self.bolts.push(Bolt {
                id: self.last_bolt,
                owner: player.number,
                place: inside(player.place + player.aim(SHIP_RADIUS), BOLT_RADIUS),
                speed: player.aim(BOLT_SPEED / 2),
                steps_left: BOLT_STEPS,
            });
        }
    }

    fn move_bolts(&mut self) {
        let mut bolts = std::mem::take(&mut self.bolts);
        bolts.retain_mut(|bolt| {
            bolt.steps_left -= 1;
            // Half a step is shorter than a ship, so no ship is jumped over.
            bolt.steps_left != 0 && self.fly_on(bolt) && self.fly_on(bolt)
        });
        self.bolts = bolts;
    }

    /// Moves a bolt by half a step; returns whether it continues.
    fn fly_on(&mut self, bolt: &mut Bolt) -> bool {
        bolt.place = bolt.place + bolt.speed;
        let is_inside = inside(bolt.place, BOLT_RADIUS) == bolt.place;
        if !is_inside || PILLARS.iter().any(|p| p.meets(bolt.place, BOLT_RADIUS)) {
            bolt.place = inside(bolt.place, BOLT_RADIUS);
            return false;
        }
        let struck = self.players.iter_mut().find(|player| {
            let can_be = player.number != bolt.owner && !player.is_out();
            can_be && player.hull().meets(bolt.place, BOLT_RADIUS)
        });
        let Some(struck) = struck else {
            return true;
        };
        let number = struck.number;
        if struck.take_hit(bolt.speed) {
            self.events.push(Event::Out(bolt.owner, number));
            self.reward(bolt.owner, POINTS_OF_OUT);
        }
        false
    }

    fn collect(&mut self) {
        for at in (0..self.gems.len()).rev() {
            let gem = self.gems[at];
            let reaches = |p: &&Player| !p.is_out() && p.hull().meets(gem, GEM_RADIUS);
            if let Some(number) = self.players.iter().find(reaches).map(|p| p.number) {
                self.gems.swap_remove(at);
                self.events.push(Event::Collected(number));
                self.reward(number, POINTS_OF_GEM);
            }
        }
        if self.tick.is_multiple_of(GEM_EVERY) && self.gems.len() < GEMS_MAX {
            let place = self.free_place();
            self.gems.push(place);
        }
    }

    fn reward(&mut self, number: u8, points: u16) {
        if let Some(player) = self.player_mut(number) {
            player.score = player.score.saturating_add(points);
        }
    }

    /// A place without a near ship or pillar, if one is found soon.
    fn free_place(&mut self) -> Vector {
        let mut place = Vector::default();
        for _ in 0..PLACE_TRIES {
            let margin = 3 * SHIP_RADIUS;
            place.x = self.rng.between(margin, WIDTH - margin);
            place.y = self.rng.between(margin, HEIGHT - margin);
            let is_close = |ship: &Player| ship.hull().meets(place, 4 * SHIP_RADIUS);
            let is_free = !self.players.iter().any(is_close);
            if is_free && !PILLARS.iter().any(|p| p.meets(place, 2 * SHIP_RADIUS)) {
                break;
            }
        }
        place
    }
}

pub(crate) const STEPS_PER_SECOND: u8 = 30;
/// Bots among them.
pub(crate) const PLAYERS_MAX: u8 = 64;
pub(crate) const BOLT_SPEED: i32 = 24 * UNIT;
pub(crate) const GEMS_MAX: usize = 12;
pub(crate) const BOLTS_MAX: usize = 200;
const BOLT_RADIUS: i32 = 5 * UNIT;
const BOLT_STEPS: u8 = 40;
const GEM_RADIUS: i32 = 10 * UNIT;
/// Steps from one gem to the next.
const GEM_EVERY: u32 = 20;
const POINTS_OF_GEM: u16 = 1;
const POINTS_OF_OUT: u16 = 3;
/// Steps: ten seconds. A page that is open but hidden is heard every second.
pub(crate) const SILENT_STEPS_MAX: u32 = 300;
const PLACE_TRIES: usize = 20;

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;
