//! Members that do not get what they have published themselves.

use super::world::World;
use crate::config::SlowConsumer;
use crate::internals::Rng;
use crate::limits::SEGMENT_BYTES;
use crate::payload::Form;

#[test]
fn a_publisher_gets_all_messages_but_its_own_however_they_pile_up() {
    // Messages of these publishers before each walk; 0 and 1 are members.
    let orders: &[&[Option<usize>]] = &[
        &[Some(0)],
        &[Some(0), None],
        &[None, Some(0)],
        &[None, Some(0), Some(0), None],
        &[Some(1), Some(0), Some(1), Some(0)],
        &[Some(0), Some(1), None, Some(1), Some(1)],
    ];
    for order in orders {
        let mut world = World::with_members(3, SlowConsumer::DropOldest);
        for _ in 0..3 {
            for publisher in *order {
                assert!(world.publish_by(*publisher, 100));
            }
            world.walk_all();
            assert!((0..3).all(|key| world.has_all(key)), "{order:?}");
        }
        assert_eq!(world.fanout.backlog(), 0, "{order:?}");
    }
}

#[test]
fn a_publisher_that_has_everything_is_sent_nothing() {
    let mut world = World::with_members(1, SlowConsumer::DropOldest);
    for _ in 0..3 {
        assert!(world.publish_by(Some(0), 100));
    }
    world.walk_all();
    assert_eq!((world.sends(0), world.fanout.backlog()), (0, 0));
}

/// Something happens at random.
fn step(world: &mut World, rng: &mut Rng) {
    let key = rng.below(world.conns.len());
    match rng.below(8) {
        0 => world.set_space(key, Some(rng.below(SEGMENT_BYTES))),
        1 => world.set_space(key, None),
        2 => {
            world.walk(1 + rng.below(3));
        }
        3 if rng.below(4) == 0 => {
            world.leave(key);
            world.join(Form::LengthPrefix);
        }
        _ => {
            let len = 4 + rng.below(SEGMENT_BYTES / 2);
            let publisher = (rng.below(3) != 0).then_some(key);
            if !world.publish_by(publisher, len) {
                world.walk_all();
            }
        }
    }
}

/// What members have missed that are there; none of them has got anything of its own.
fn missed(world: &World) -> usize {
    let mut missed = 0;
    for key in 0..world.conns.len() {
        let got = world.received(key);
        assert!(
            got.iter().all(|number| !world.is_own(key, *number)),
            "{key}"
        );
        if world.conns[key].index.is_some() {
            missed += world.due(key) - got.len();
        }
    }
    missed
}

#[test]
fn what_a_publisher_lacks_has_nothing_of_its_own_whatever_becomes_of_it() {
    for policy in [
        SlowConsumer::DropOldest,
        SlowConsumer::Latest,
        SlowConsumer::DropNewest,
        SlowConsumer::Disconnect,
    ] {
        for seed in 0..200 {
            let mut rng = Rng::new(seed);
            let mut world = World::with_members(4, policy);
            world.config.log_bytes_max = 4 * SEGMENT_BYTES;
            (0..60).for_each(|_| step(&mut world, &mut rng));
            (0..world.conns.len()).for_each(|key| world.set_space(key, None));
            world.walk_all();
            let missed = missed(&world);
            // Those of a member that has left are not known.
            if policy == SlowConsumer::DropOldest && world.conns.len() == 4 {
                assert_eq!(world.skipped, missed as u64, "{policy:?} {seed}");
            }
        }
    }
}
