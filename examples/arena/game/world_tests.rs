//! Invariants of every world, whatever its players do.

use crate::game::bots;
use crate::game::geometry::{UNIT, Vector};
use crate::game::obstacles::{HEIGHT, PILLARS, WIDTH};
use crate::game::player::{HEALTH, Input, SHIP_RADIUS, SPEED_MAX};
use crate::game::rng::Rng;
use crate::game::wire::snapshot;
use crate::game::world::{BOLTS_MAX, Event, GEMS_MAX, PLAYERS_MAX, SILENT_STEPS_MAX, World};

/// A world with random players, after this many steps.
fn wild(seed: u64, players: u8, steps: u32, mut look: impl FnMut(&World)) -> World {
    let mut world = World::new(seed);
    let mut rng = Rng::new(seed);
    let numbers: Vec<u8> = (0..players)
        .filter_map(|_| world.join("x", false))
        .collect();
    for step in 0..steps {
        for number in &numbers {
            if (step + u32::from(*number)) % 10 == 0 {
                let bytes = rng.bits().to_le_bytes();
                let [a, b, c, d, e, ..] = bytes.map(u8::cast_signed);
                let input = Input {
                    thrust: [a, b],
                    aim: [c, d],
                    fires: e < 60,
                };
                world.steer(*number, input);
            }
        }
        world.step();
        look(&world);
    }
    world
}

/// A world with two ships at rest whose shields are off: the first at `one`, aiming at `other`.
fn duel(one: Vector, other: Vector) -> World {
    let mut world = World::new(0);
    for place in [one, other] {
        world.join("x", false).unwrap();
        let player = world.players.last_mut().unwrap();
        (player.place, player.shield) = (place, 0);
    }
    world
}

fn shoot() -> Input {
    Input {
        aim: [127, 0],
        fires: true,
        ..Input::default()
    }
}

#[test]
fn nothing_leaves_the_arena_or_flies_into_a_pillar() {
    for seed in 0..4 {
        wild(seed, 40, 1_000, |world| {
            assert!(world.bolts.len() <= BOLTS_MAX && world.gems.len() <= GEMS_MAX);
            for player in world.players.iter().filter(|player| !player.is_out()) {
                let Vector { x, y } = player.place;
                assert!(
                    (SHIP_RADIUS..=WIDTH - SHIP_RADIUS).contains(&x),
                    "{player:?}"
                );
                assert!(
                    (SHIP_RADIUS..=HEIGHT - SHIP_RADIUS).contains(&y),
                    "{player:?}"
                );
            }
            for bolt in &world.bolts {
                assert!((0..=WIDTH).contains(&bolt.place.x), "{bolt:?}");
                assert!((0..=HEIGHT).contains(&bolt.place.y), "{bolt:?}");
                assert!(PILLARS.iter().all(|pillar| !pillar.meets(bolt.place, 0)));
            }
        });
    }
}

#[test]
fn the_same_inputs_give_the_same_world() {
    let history = |seed| {
        let mut snapshots = Vec::new();
        wild(seed, 20, 600, |world| snapshots.push(snapshot(world)));
        snapshots
    };
    assert_eq!(history(7), history(7));
    assert_ne!(history(7), history(8));
    assert_eq!(wild(7, 20, 600, |_| ()), wild(7, 20, 600, |_| ()));
}

#[test]
fn a_wall_and_a_pillar_turn_a_ship_back() {
    let right_wall = Vector::new(WIDTH - SHIP_RADIUS - UNIT, HEIGHT / 2);
    let before_pillar = PILLARS[0].center - Vector::new(PILLARS[0].radius + SHIP_RADIUS + UNIT, 0);
    for place in [right_wall, before_pillar] {
        let mut world = duel(place, Vector::units(100, 100));
        world.players[0].speed = Vector::new(SPEED_MAX, 0);
        world.step();
        let ship = &world.players[0];
        assert!(
            ship.speed.x < 0 && ship.place.x <= place.x + UNIT,
            "{ship:?}"
        );
    }
}

#[test]
fn ships_pass_their_speed_on_and_do_not_overlap() {
    let one = Vector::units(600, 100);
    let mut world = duel(one, one + Vector::new(2 * SHIP_RADIUS + UNIT, 0));
    world.players[0].speed = Vector::new(10 * UNIT, 0);
    world.step();
    let [one, other] = &world.players[..] else {
        panic!()
    };
    assert!(one.speed.x < UNIT && 8 * UNIT < other.speed.x, "{world:?}");
    assert!(2 * SHIP_RADIUS <= (other.place - one.place).length());
}

#[test]
fn three_hits_put_a_ship_out_and_score() {
    let mut world = duel(Vector::units(200, 100), Vector::units(400, 100));
    world.take_events();
    world.steer(1, shoot());
    let mut steps = 0;
    while !world.players[1].is_out() {
        world.step();
        steps += 1;
        assert!(steps < 100, "{world:?}");
    }
    let events = world.take_events();
    assert!(events.contains(&Event::Out(1, 2)), "{events:?}");
    assert_eq!(world.players[0].score, 3);
    let place = world.players[1].place;
    world.steer(1, Input::default());
    (0..60).for_each(|_| world.step());
    let back = &world.players[1];
    assert!(back.health == HEALTH && back.place != place && back.shield != 0);
}

#[test]
fn a_shield_holds_bolts_off() {
    let mut world = duel(Vector::units(200, 100), Vector::units(300, 100));
    world.players[1].shield = 200;
    world.steer(1, shoot());
    (0..60).for_each(|_| world.step());
    assert_eq!(world.players[1].health, HEALTH);
}

#[test]
fn pillars_stop_bolts() {
    let aside = Vector::new(PILLARS[0].radius + 100 * UNIT, 0);
    let mut world = duel(PILLARS[0].center - aside, PILLARS[0].center + aside);
    world.steer(1, shoot());
    (0..60).for_each(|_| world.step());
    assert_eq!(world.players[1].health, HEALTH);
}

#[test]
fn a_gem_is_collected_once() {
    let mut world = duel(Vector::units(200, 100), Vector::units(600, 100));
    world.take_events();
    world.gems.push(Vector::units(210, 100));
    world.step();
    assert_eq!(world.take_events(), [Event::Collected(1)]);
    assert_eq!((world.players[0].score, world.gems.len()), (1, 0));
}

#[test]
fn a_silent_player_is_removed_and_an_active_one_is_not() {
    let mut world = duel(Vector::units(200, 100), Vector::units(600, 100));
    world.join("bot", true).unwrap();
    world.take_events();
    for _ in 0..=SILENT_STEPS_MAX {
        world.steer(2, Input::default());
        world.step();
    }
    assert!(world.take_events().contains(&Event::Dropped(1)));
    let there: Vec<u8> = world.players.iter().map(|player| player.number).collect();
    assert_eq!(there, [2, 3]);
}

#[test]
fn numbers_are_unique_and_not_given_again_at_once() {
    let mut world = World::new(0);
    let join = |world: &mut World| world.join("x", false);
    assert!((1..=PLAYERS_MAX).all(|number| join(&mut world) == Some(number)));
    assert_eq!(join(&mut world), None);
    world.leave(7);
    world.leave(9);
    world.leave(9);
    assert_eq!(join(&mut world), Some(7));
    world.leave(7);
    assert_eq!(join(&mut world), Some(9));
}

#[test]
fn bots_move_shoot_and_collect() {
    let mut world = World::new(3);
    assert!((0..8).all(|_| world.join("bot", true).is_some()));
    for _ in 0..1_800 {
        let players = world.players.clone();
        for bot in &players {
            world.steer(bot.number, bots::think(&world, bot));
        }
        world.step();
    }
    let events = world.take_events();
    assert!(events.iter().any(|event| matches!(event, Event::Out(..))));
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Collected(_)))
    );
}
