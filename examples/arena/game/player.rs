//! A ship: its input, and how it moves without obstacles.

use crate::game::geometry::{Disc, UNIT, Vector};

/// A player's input, until the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Input {
    /// The thrust: `[0, 0]` is none, and a length of 127 is full thrust.
    pub(crate) thrust: [i8; 2],
    /// The direction of shots; `[0, 0]` keeps the last one.
    pub(crate) aim: [i8; 2],
    pub(crate) fires: bool,
}

/// A ship and its player.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Player {
    /// From 1; unique among the current players.
    pub(crate) number: u8,
    pub(crate) name: String,
    pub(crate) is_bot: bool,
    pub(crate) score: u16,
    pub(crate) place: Vector,
    /// Way per step.
    pub(crate) speed: Vector,
    pub(crate) input: Input,
    /// Hits it still takes; at 0 it is out.
    pub(crate) health: u8,
    /// Steps until it may fire again.
    pub(crate) cooldown: u8,
    /// Steps until it returns, when it is out.
    pub(crate) out_for: u8,
    /// Steps for which no bolt hurts it.
    pub(crate) shield: u8,
    /// Steps since the player's last message.
    pub(crate) silent: u32,
}

impl Player {
    pub(crate) fn new(number: u8, name: &str, is_bot: bool, place: Vector) -> Self {
        let mut player = Self {
            number,
            name: name.to_owned(),
            is_bot,
            score: 0,
            place,
            speed: Vector::default(),
            input: Input::default(),
            health: HEALTH,
            cooldown: 0,
            out_for: 0,
            shield: SHIELD_STEPS,
            silent: 0,
        };
        player.input.aim = [127, 0];
        player
    }

    pub(crate) fn is_out(&self) -> bool {
        self.health == 0
    }

    pub(crate) fn hull(&self) -> Disc {
        Disc {
            center: self.place,
            radius: SHIP_RADIUS,
        }
    }

    /// Sets the player's input.
    pub(crate) fn steer(&mut self, input: Input) {
        let before = self.input.aim;
        self.input = input;
        if input.aim == [0, 0] {
            self.input.aim = before;
        }
        self.silent = 0;
    }

    /// One step of its engine and its counters.
    pub(crate) fn fly(&mut self) {
        self.silent += 1;
        self.cooldown = self.cooldown.saturating_sub(1);
        self.shield = self.shield.saturating_sub(1);
        let [x, y] = self.input.thrust.map(i32::from);
        let push = Vector::new(x, y).at_most(127).times(THRUST, 127);
        let slowed = self.speed.times(DRAG.0, DRAG.1);
        self.speed = (slowed + push).at_most(SPEED_MAX);
        self.place = self.place + self.speed;
    }

    /// The direction of its shots, with this length.
    pub(crate) fn aim(&self, length: i32) -> Vector {
        let [x, y] = self.input.aim.map(i32::from);
        Vector::new(x, y).with_length(length)
    }

    /// Puts it back undamaged after it was out.
    pub(crate) fn come_back(&mut self, place: Vector) {
        self.place = place;
        self.speed = Vector::default();
        self.health = HEALTH;
        self.shield = SHIELD_STEPS;
    }

    /// Takes a hit from a bolt with this direction; returns whether it is out now.
    pub(crate) fn take_hit(&mut self, way: Vector) -> bool {
        self.speed = self.speed + way.with_length(PUSH_OF_HIT);
        if self.shield == 0 {
            self.health = self.health.saturating_sub(1);
            if self.is_out() {
                self.out_for = OUT_STEPS;
            }
        }
        self.is_out()
    }
}

pub(crate) const SHIP_RADIUS: i32 = 18 * UNIT;
pub(crate) const HEALTH: u8 = 3;
pub(crate) const COOLDOWN_STEPS: u8 = 8;
pub(crate) const SPEED_MAX: i32 = 12 * UNIT;
/// Way per step and step.
const THRUST: i64 = 34;
/// The part of the speed that remains after a step.
const DRAG: (i64, i64) = (29, 31);
const PUSH_OF_HIT: i32 = 4 * UNIT;
const OUT_STEPS: u8 = 60;
const SHIELD_STEPS: u8 = 45;
