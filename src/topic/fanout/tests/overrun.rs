//! Members that fall behind: what each policy makes of one at every position of its log.

use super::world::World;
use crate::config::SlowConsumer;
use crate::internals::Rng;
use crate::limits::SEGMENT_BYTES;
use crate::payload::Form;

const POLICIES: [SlowConsumer; 4] = [
    SlowConsumer::DropOldest,
    SlowConsumer::Latest,
    SlowConsumer::DropNewest,
    SlowConsumer::Disconnect,
];

/// Two frames of this length fill a segment.
const FRAME: usize = SEGMENT_BYTES / 2;
const PAYLOAD: usize = FRAME - 4;
/// Frames that the log may have.
const KEPT: usize = 6;

/// Of four members, the first takes nothing, so that the log begins with the first message, and
/// another blocks after `taken` bytes. `more` messages than the log may have are published.
fn overrun(policy: SlowConsumer, slow: usize, taken: usize, more: usize) -> World {
    let mut world = World::with_members(4, policy);
    world.config.log_bytes_max = KEPT * FRAME;
    world.set_space(0, Some(0));
    world.set_space(slow, Some(taken));
    for _ in 0..KEPT + more {
        assert!(world.publish(PAYLOAD), "blocked members alone hold the log");
        world.walk_all();
    }
    for key in (1..4).filter(|key| *key != slow) {
        assert!(world.has_all(key), "{key} was never behind");
    }
    world
}

/// What a slow member of `overrun` should get, with a message that follows when it is back.
fn expected(policy: SlowConsumer, taken: usize, more: usize) -> Vec<usize> {
    let total = KEPT + more;
    // A frame that was begun is sent to its end.
    let begun = taken.div_ceil(FRAME);
    // Each cut lets go of the two frames of a segment.
    let cuts = more.div_ceil(2);
    let overruns = (0..cuts).find(|cut| begun < 2 * (cut + 1));
    let back = match (policy, overruns) {
        (SlowConsumer::Latest, _) => begun.max(total - 1),
        (SlowConsumer::DropOldest, Some(_)) => 2 * cuts,
        (_, None) => begun,
        // Those that were there when it was first cut, and what follows.
        (SlowConsumer::DropNewest, Some(cut)) => {
            return (0..KEPT + 2 * cut).chain([total]).collect();
        }
        (SlowConsumer::Disconnect, Some(_)) => return (0..begun).collect(),
    };
    (0..begun).chain(back..=total).collect()
}

#[test]
fn each_policy_at_every_position_of_a_log_that_is_cut() {
    let positions = (0..KEPT).flat_map(|at| [0, 1, 5, FRAME - 1].map(|part| at * FRAME + part));
    for (at, taken) in positions.enumerate() {
        for (policy, more) in POLICIES
            .into_iter()
            .flat_map(|policy| [0, 1, 2, 3, 4].map(|more| (policy, more)))
        {
            let slow = 1 + at % 3;
            let mut world = overrun(policy, slow, taken, more);
            for key in [0, slow] {
                world.set_space(key, None);
            }
            world.walk_all();
            assert!(world.publish(PAYLOAD));
            world.walk_all();
            let name = format!("{policy:?}, {taken} bytes, {more} more");
            let mut missed = 0;
            for (key, taken) in [(0, 0), (slow, taken)] {
                let expected = expected(policy, taken, more);
                assert_eq!(world.received(key), expected, "{name}");
                missed += world.published.len() - expected.len();
            }
            if policy == SlowConsumer::Disconnect {
                assert_eq!(world.conns[0].is_slow, 0 < more, "{name}");
            } else {
                assert_eq!(world.skipped, missed as u64, "{name}");
            }
            assert_eq!(world.fanout.backlog(), 0, "{name}");
        }
    }
}

#[test]
fn a_log_has_no_space_while_members_that_can_read_need_it() {
    for policy in POLICIES {
        let mut world = World::with_members(2, policy);
        world.config.log_bytes_max = KEPT * FRAME;
        world.set_space(0, Some(0));
        for _ in 0..KEPT {
            assert!(world.publish(PAYLOAD));
        }
        assert!(!world.publish(PAYLOAD));
        // The one that reads has not had all of the oldest segment.
        world.walk(1);
        assert!(!world.publish(PAYLOAD));
        world.walk_all();
        assert!(world.publish(PAYLOAD));
        world.walk_all();
        assert!(world.has_all(1), "{policy:?}");
    }
}

#[test]
fn a_message_longer_than_the_log_may_be_has_the_log_for_itself() {
    let mut world = World::with_members(2, SlowConsumer::DropOldest);
    world.config.log_bytes_max = 100;
    world.set_space(0, Some(0));
    for _ in 0..3 {
        assert!(world.publish(1000));
        world.walk_all();
    }
    assert_eq!((world.fanout.backlog(), world.skipped), (1004, 2));
    world.set_space(0, None);
    assert!(world.received(0) == [2] && world.has_all(1));
}

#[test]
fn a_backlog_over_its_budget_is_cut_where_only_blocked_members_are_behind() {
    for policy in POLICIES {
        let mut world = World::with_members(3, policy);
        world.set_space(0, Some(FRAME));
        for _ in 0..KEPT {
            world.publish(PAYLOAD);
        }
        assert!(!world.fanout.is_within(2 * FRAME, 0) && world.fanout.is_relief_due(0));
        world.fanout.cut_oldest(2 * FRAME, &world.config);
        world.apply_overruns();
        assert_eq!(world.fanout.backlog(), KEPT * FRAME, "members need it");
        world.fanout.note_relief(16 * FRAME);
        assert!(!world.fanout.is_relief_due(FRAME) && world.fanout.is_relief_due(FRAME + 1));
        world.walk_all();
        world.fanout.cut_oldest(2 * FRAME, &world.config);
        world.apply_overruns();
        assert!(world.fanout.backlog() <= 2 * FRAME, "{policy:?}");
        world.set_space(0, None);
        world.walk_all();
        assert!(world.has_all(1) && world.has_all(2));
        assert_eq!(world.fanout.backlog(), 0, "{policy:?}");
    }
}

#[test]
fn members_that_come_go_block_and_return_get_messages_in_order() {
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let policy = POLICIES[rng.below(POLICIES.len())];
        let mut world = World::with_members(rng.below(5), policy);
        world.config.log_bytes_max = [1, 3, 6][rng.below(3)] * SEGMENT_BYTES;
        let may_leave = rng.below(2) == 0;
        for _ in 0..120 {
            let key = rng.below(world.conns.len());
            match rng.below(9) {
                0 => drop(world.join(Form::LengthPrefix)),
                _ if world.conns.is_empty() => {}
                1 if may_leave => world.leave(key),
                2 => {
                    let space = [0, 3, 300, 90_000][rng.below(4)];
                    world.set_space(key, Some(space));
                }
                3 => world.set_space(key, None),
                4 | 5 => drop(world.walk(rng.below(4))),
                _ => {
                    let len = [4, 100, 20_000, 2 * SEGMENT_BYTES][rng.below(4)];
                    if !world.publish(4 + rng.below(len)) {
                        world.walk_all();
                    }
                }
            }
        }
        for key in 0..world.conns.len() {
            world.set_space(key, None);
        }
        world.walk_all();
        let (mut received, mut due) = (0, 0);
        for key in 0..world.conns.len() {
            received += world.received(key).len() as u64;
            due += world.due(key) as u64;
        }
        if !may_leave && policy != SlowConsumer::Disconnect {
            assert_eq!(received + world.skipped, due, "seed {seed}");
        }
        assert_eq!(world.fanout.backlog(), 0, "seed {seed}");
    }
}
