//! Subscribers with deltas: whatever becomes of them, they can make each message that they get.

use prost::Message as _;

use super::world::World;
use crate::config::SlowConsumer;
use crate::internals::Rng;
use crate::internals::fuzz::apply_delta;
use crate::limits::{DELTA_BYTES_MAX, SEGMENT_BYTES, WHOLES_MAX, WORK_OF_WHOLE};
use crate::payload::{Form, Structured};
use crate::proto::centrifuge::{Answer, Event, Reply, Wire};
use crate::topic::fanout::Whole;

/// The payload of the message with this number.
pub(super) fn payload(number: usize, len: usize) -> Vec<u8> {
    let mut payload = vec![0; len];
    let number = u32::try_from(number).unwrap();
    payload[..4].copy_from_slice(&number.to_be_bytes());
    payload
}

impl World {
    /// What some members get whole goes before what their logs have.
    pub(super) fn take_whole(&mut self) {
        for Whole { conn, frame } in self.fanout.take_whole() {
            let key = conn.index();
            let bytes = frame.segment.slice(frame.from, frame.to);
            self.conns[key].own.extend_from_slice(bytes);
            if !self.conns[key].is_blocked {
                self.write(key);
            }
        }
    }
}

/// Protobuf with lengths, without headers of another protocol around it.
pub(super) fn form() -> Form {
    Form::Centrifuge(Structured::stream(Wire::Protobuf, false)).with_deltas()
}

pub(super) fn world(members: usize, policy: SlowConsumer) -> World {
    let mut world = World::with_members(0, policy);
    (0..members).for_each(|_| {
        world.join(form());
    });
    world
}

/// The numbers of the messages that a client has made of what it got, and how many were deltas.
fn made(world: &World, key: usize) -> (Vec<usize>, usize) {
    let mut bytes = &world.sockets.0[key].got[..];
    let (mut made, mut deltas) = (Vec::new(), 0);
    let mut last: Option<Vec<u8>> = None;
    // The last may have come in part.
    while let Ok(reply) = Reply::decode_length_delimited(&mut bytes) {
        let Some(Answer::Push(push)) = reply.answer else {
            break;
        };
        let Some(Event::Pub(publication)) = push.event else {
            panic!("{push:?}");
        };
        let message = if publication.delta {
            deltas += 1;
            apply_delta(&last.unwrap(), &publication.data).unwrap()
        } else {
            publication.data
        };
        let number = u32::from_be_bytes(message[..4].try_into().unwrap()) as usize;
        assert_eq!(message, payload(number, world.published[number]), "{key}");
        made.push(number);
        last = Some(message);
        if bytes.is_empty() {
            break;
        }
    }
    assert!(
        made.is_sorted_by(|one, next| one < next),
        "the order of {key}"
    );
    (made, deltas)
}

/// Whether one that keeps up has all since it joined but its own; returns how many are deltas.
fn deltas_of_all(world: &World, key: usize) -> usize {
    let (made, deltas) = made(world, key);
    let all = world.conns[key].since..world.published.len();
    let all: Vec<_> = all.filter(|number| !world.is_own(key, *number)).collect();
    assert_eq!(made, all, "{key}");
    deltas
}

#[test]
fn a_member_gets_its_first_message_whole_and_then_what_has_changed() {
    let mut world = world(2, SlowConsumer::DropOldest);
    for (at, first) in [(3, 1), (5, 1), (6, 1)] {
        while world.published.len() < at {
            assert!(world.publish(100));
            if at != 5 {
                world.walk_all();
            }
        }
        world.walk_all();
        let key = world.join(form());
        assert!(world.publish(100));
        world.walk_all();
        assert_eq!(made(&world, key), (vec![at], 0), "{first}");
    }
    assert!(world.publish(100));
    world.walk_all();
    let deltas: Vec<_> = (0..5).map(|key| deltas_of_all(&world, key)).collect();
    assert_eq!(deltas, [7, 7, 4, 2, 1]);
    assert_eq!(
        world.fanout.backlog(),
        100,
        "what the next delta is made of"
    );
    (0..5).for_each(|key| world.leave(key));
    assert_eq!(world.fanout.backlog(), 0);
}

#[test]
fn many_that_join_before_the_first_message_are_sent_it_in_one_walk() {
    let mut world = world(100, SlowConsumer::DropOldest);
    assert!(world.publish(100));
    assert!(
        (0..100).all(|key| world.sends(key) == 0),
        "no one by itself"
    );
    assert_eq!(world.walk(1_000), 100);
    assert!(world.publish(100));
    world.walk_all();
    assert!((0..100).all(|key| deltas_of_all(&world, key) == 1));
}

#[test]
fn a_message_that_many_need_whole_is_whole_in_the_log() {
    for (fresh, alone) in [(WHOLES_MAX, WHOLES_MAX), (WHOLES_MAX + 1, 0)] {
        let mut world = world(1, SlowConsumer::DropOldest);
        (0..2).for_each(|_| assert!(world.publish(100)));
        world.walk_all();
        let (before, all) = (world.work, 1..=fresh);
        all.clone().for_each(|_| _ = world.join(form()));
        assert!(world.publish(100));
        let written = all.clone().filter(|key| world.sends(*key) == 1);
        assert_eq!(written.count(), alone);
        assert_eq!(world.work - before, alone * WORK_OF_WHOLE);
        world.walk_all();
        assert!(world.publish(100));
        world.walk_all();
        assert!(all.clone().all(|key| deltas_of_all(&world, key) == 1));
        let deltas = if alone == 0 { 2 } else { 3 };
        assert_eq!(deltas_of_all(&world, 0), deltas, "{fresh} were fresh");
    }
}

#[test]
fn a_message_that_would_not_be_shorter_is_whole_for_all() {
    let mut world = world(1, SlowConsumer::DropOldest);
    for len in [100, 5, DELTA_BYTES_MAX + 1, 200, 200] {
        let late = world.join(form());
        assert!(world.publish(len));
        world.walk_all();
        assert_eq!(made(&world, late).1, 0);
    }
    assert_eq!(deltas_of_all(&world, 0), 1);
    assert_eq!(deltas_of_all(&world, 1), 1);
}

#[test]
fn after_a_message_of_its_own_that_it_does_not_get_the_next_is_whole() {
    let orders: &[&[Option<usize>]] = &[
        &[Some(0)],
        &[None, Some(0), None],
        &[Some(0), Some(1), Some(0), None],
        &[None, None, Some(1), Some(1), None],
    ];
    for (order, walks) in orders.iter().flat_map(|it| [(it, false), (it, true)]) {
        let mut world = world(3, SlowConsumer::DropOldest);
        for publisher in order.repeat(3) {
            assert!(world.publish_by(publisher, 100));
            if walks {
                world.walk_all();
            }
        }
        world.walk_all();
        (0..3).for_each(|key| {
            deltas_of_all(&world, key);
        });
    }
}

/// Something happens at random.
fn step(world: &mut World, rng: &mut Rng) {
    let key = rng.below(world.conns.len());
    match rng.below(10) {
        0 => world.set_space(key, Some(rng.below(2_000))),
        1 => world.set_space(key, None),
        2 => {
            world.walk(1 + rng.below(3));
        }
        3 => {
            if rng.below(3) == 0 {
                world.leave(key);
            }
            world.join(form());
        }
        4 if rng.below(4) == 0 => world.fanout.cut_oldest(0, &world.config.clone()),
        _ => {
            let len_max = [50, 1_000, SEGMENT_BYTES][rng.below(3)];
            let len = 4 + rng.below(len_max);
            let publisher = (rng.below(4) == 0).then_some(key);
            if !world.publish_by(publisher, len) {
                world.walk_all();
            }
        }
    }
    world.apply_overruns();
}

#[test]
fn whatever_becomes_of_members_each_can_make_what_it_gets() {
    for policy in [
        SlowConsumer::DropOldest,
        SlowConsumer::Latest,
        SlowConsumer::DropNewest,
        SlowConsumer::Disconnect,
    ] {
        let (mut deltas, mut skipped) = (0, 0);
        for seed in 0..200 {
            let mut rng = Rng::new(seed);
            let mut world = world(4, policy);
            world.config.log_bytes_max = 2_000;
            (0..60).for_each(|_| step(&mut world, &mut rng));
            (0..world.conns.len()).for_each(|key| world.set_space(key, None));
            world.walk_all();
            deltas += (0..world.conns.len())
                .map(|key| made(&world, key).1)
                .sum::<usize>();
            skipped += world.skipped;
        }
        assert!(1_000 < deltas, "{policy:?} {deltas}");
        assert_eq!(
            0 < skipped,
            policy != SlowConsumer::Disconnect,
            "{policy:?}"
        );
    }
}
