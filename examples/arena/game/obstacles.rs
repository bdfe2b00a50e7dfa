//! The obstacles of a ship: walls, pillars and other ships.

use crate::game::geometry::{Disc, UNIT, Vector};
use crate::game::player::{Player, SHIP_RADIUS};

/// The nearest point that has `margin` to all walls.
pub(crate) fn inside(place: Vector, margin: i32) -> Vector {
    Vector::new(
        place.x.clamp(margin, WIDTH - margin),
        place.y.clamp(margin, HEIGHT - margin),
    )
}

pub(crate) fn bounce_off_walls(player: &mut Player) {
    let back = inside(player.place, SHIP_RADIUS);
    let turn = |speed: i32, was: i32, is: i32| match is - was {
        0 => speed,
        away => away.signum() * speed.abs() * 3 / 4,
    };
    player.speed.x = turn(player.speed.x, player.place.x, back.x);
    player.speed.y = turn(player.speed.y, player.place.y, back.y);
    player.place = back;
}

pub(crate) fn bounce_off_pillars(player: &mut Player) {
    for pillar in PILLARS {
        if pillar.meets(player.place, SHIP_RADIUS) {
            let out = away(pillar.center, player.place);
            player.place = pillar.center + out.with_length(pillar.radius + SHIP_RADIUS + 1);
            let into = player.speed.dot(out).min(0);
            // Turns the part of the speed that leads into the pillar, and a little weaker.
            player.speed = player.speed - out.times(into * 7, out.dot(out) * 4);
        }
    }
}

pub(crate) fn collide(one: &mut Player, other: &mut Player) {
    let way = away(one.place, other.place);
    let overlap = 2 * SHIP_RADIUS - way.length();
    let half = way.with_length(overlap / 2 + 1);
    one.place = one.place - half;
    other.place = other.place + half;
    let closing = (other.speed - one.speed).dot(way).min(0);
    let passed = way.times(closing, way.dot(way));
    one.speed = one.speed + passed;
    other.speed = other.speed - passed;
}

/// The way from one point to another; for equal points, any direction.
fn away(from: Vector, to: Vector) -> Vector {
    if from == to {
        Vector::new(1, 0)
    } else {
        to - from
    }
}

pub(crate) const WIDTH: i32 = 1600 * UNIT;
pub(crate) const HEIGHT: i32 = 900 * UNIT;
pub(crate) const PILLARS: [Disc; 5] = [
    pillar(800, 450, 80),
    pillar(360, 240, 50),
    pillar(1240, 240, 50),
    pillar(360, 660, 50),
    pillar(1240, 660, 50),
];

const fn pillar(x: i32, y: i32, radius: i32) -> Disc {
    Disc {
        center: Vector::units(x, y),
        radius: radius * UNIT,
    }
}
