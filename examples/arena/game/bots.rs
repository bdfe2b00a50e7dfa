//! Bots for players that come alone. A bot decides from what every player can see.

use crate::game::geometry::{Disc, UNIT, Vector};
use crate::game::obstacles::PILLARS;
use crate::game::player::{Input, Player, SHIP_RADIUS};
use crate::game::rng::Rng;
use crate::game::world::{BOLT_SPEED, World};

/// The names of bots.
pub(crate) const NAMES: [&str; 8] = [
    "Ada", "Bohr", "Curie", "Dirac", "Euler", "Fermi", "Gauss", "Hertz",
];

/// The input of a bot. It needs no memory: its mood comes from its number and the time.
pub(crate) fn think(world: &World, me: &Player) -> Input {
    let mut mood = Rng::new(u64::from(me.number) << 32 | u64::from(world.tick / MOOD_STEPS));
    let foe = nearest(me.place, foes(world, me).map(|foe| foe.place));
    let gem = nearest(me.place, world.gems.iter().copied());
    let hunts = mood.between(0, 100) < HUNTS_IN_100;
    let wander = Vector::new(mood.between(-100, 101), mood.between(-100, 101));
    let sloppiness = mood.between(-20, 21);
    let way = match (foe, gem) {
        (Some(foe), _) if hunts => keep_distance(foe - me.place),
        (_, Some(gem)) => gem - me.place,
        _ => wander,
    };
    let aimed = foes(world, me).min_by_key(|foe| (foe.place - me.place).length());
    let (aim, fires) = aimed.map_or(([0, 0], false), |foe| {
        let way = foe.place - me.place;
        let steps = i64::from(way.length()) / i64::from(BOLT_SPEED);
        let ahead = way + foe.speed.times(steps, 1);
        let aside = Vector::new(-ahead.y, ahead.x).times(sloppiness.into(), 100);
        let is_near = way.length() < FIRES_WITHIN;
        (
            direction(ahead + aside),
            is_near && mood.between(0, 100) < FIRES_IN_100,
        )
    });
    Input {
        thrust: direction(around_pillars(me.place, way)),
        aim,
        fires,
    }
}

fn foes<'w>(world: &'w World, me: &Player) -> impl Iterator<Item = &'w Player> {
    let number = me.number;
    let players = world.players.iter();
    players.filter(move |other| other.number != number && !other.is_out())
}

fn nearest(from: Vector, places: impl Iterator<Item = Vector>) -> Option<Vector> {
    places.min_by_key(|place| (*place - from).length())
}

/// Circles its target instead of running into it.
fn keep_distance(way: Vector) -> Vector {
    if HUNTS_FROM < way.length() {
        way
    } else {
        Vector::new(-way.y, way.x)
    }
}

/// Bends a direction that leads into a near pillar.
fn around_pillars(place: Vector, way: Vector) -> Vector {
    let ahead = place + way.at_most(LOOKS_AHEAD);
    let in_the_way = |pillar: &&Disc| pillar.meets(ahead, SHIP_RADIUS);
    PILLARS.iter().find(in_the_way).map_or(way, |pillar| {
        let out = place - pillar.center;
        let side = Vector::new(-out.y, out.x);
        if side.dot(way) < 0 {
            Vector::default() - side
        } else {
            side
        }
    })
}

/// A direction as players send it.
fn direction(way: Vector) -> [i8; 2] {
    let short = way.with_length(127);
    [short.x, short.y].map(|side| i8::try_from(side).unwrap_or_default())
}

/// Steps before it may think of something else.
const MOOD_STEPS: u32 = 40;
const HUNTS_IN_100: i32 = 45;
const FIRES_IN_100: i32 = 55;
const FIRES_WITHIN: i32 = 520 * UNIT;
const HUNTS_FROM: i32 = 240 * UNIT;
const LOOKS_AHEAD: i32 = 110 * UNIT;
