//! The times of passes: from which message and turn they count, and when they end.

use std::time::Duration;

use super::world::World;
use crate::config::SlowConsumer;
use crate::limits::PASSES_TIMED_PER_TURN;
use crate::time::Micros;

fn at(micros: u64) -> Micros {
    Micros::after(Duration::from_micros(micros))
}

impl World {
    fn begin_turn(&mut self, micros: u64) {
        self.fanout.begin_turn(at(micros));
    }

    /// Of each pass that has ended: for how long its oldest message is ordered, and since when it
    /// sends, both at the moment `end`.
    fn passes(&mut self, end: u64) -> Vec<(u64, u64, u64)> {
        let passes = self.fanout.take_passes().map(|(pass, count)| {
            let (delivery, skew) = (pass.ordered_at, pass.begun_at);
            (at(end).since(delivery), at(end).since(skew), count)
        });
        passes.collect()
    }
}

#[test]
fn a_pass_counts_from_its_oldest_message_to_its_last_write() {
    let mut world = World::with_members(4, SlowConsumer::DropOldest);
    world.begin_turn(100);
    world.publish(10);
    world.begin_turn(200);
    world.publish(10);
    world.walk(2);
    assert_eq!(world.passes(250), []);
    world.begin_turn(300);
    world.walk(2);
    assert_eq!(world.passes(350), [(250, 150, 1)]);
    world.begin_turn(400);
    world.walk_all();
    assert_eq!(world.passes(450), [], "nothing was sent");
}

#[test]
fn a_message_in_the_midst_of_a_pass_counts_for_the_next() {
    let mut world = World::with_members(3, SlowConsumer::DropOldest);
    world.begin_turn(100);
    world.publish(10);
    world.walk(1);
    world.begin_turn(200);
    world.publish(10);
    world.walk(2);
    assert_eq!(world.passes(250), [(150, 150, 1)]);
    world.begin_turn(300);
    world.walk_all();
    assert_eq!(world.passes(350), [(150, 50, 1)]);
}

#[test]
fn passes_with_the_same_times_are_one_entry_and_others_are_bounded() {
    let mut world = World::with_members(1, SlowConsumer::DropOldest);
    world.begin_turn(100);
    for _ in 0..3 {
        world.publish(10);
        world.walk_all();
    }
    assert_eq!(world.passes(101), [(1, 1, 3)]);
    for turn in 0..2 * PASSES_TIMED_PER_TURN as u64 {
        world.begin_turn(turn);
        world.publish(10);
        world.walk_all();
    }
    assert_eq!(world.passes(0).len(), PASSES_TIMED_PER_TURN);
}
