//! Walks over the members of one feed: each gets each frame once, wherever a pass stops.

use super::world::World;
use crate::config::SlowConsumer;
use crate::payload::Form;

fn world(members: usize) -> World {
    World::with_members(members, SlowConsumer::DropOldest)
}

/// All ways to make so many sends in walks with a budget each.
fn budgets(sends: usize) -> impl Iterator<Item = Vec<usize>> {
    (0..1_u32 << (sends - 1)).map(move |cuts| {
        let mut budgets = vec![1];
        for cut in 0..sends - 1 {
            if cuts >> cut & 1 == 1 {
                budgets.push(1);
            } else {
                *budgets.last_mut().unwrap() += 1;
            }
        }
        budgets
    })
}

#[test]
fn a_walk_goes_on_after_every_member() {
    for members in 1..=7 {
        for budgets in budgets(members) {
            let mut world = world(members);
            world.publish(10);
            for budget in &budgets {
                assert_eq!(world.walk(*budget), *budget);
            }
            world.walk_all();
            for key in 0..members {
                assert!(world.has_all(key) && world.sends(key) == 1, "{budgets:?}");
            }
            assert_eq!(world.fanout.backlog(), 0, "the log's memory is given back");
        }
    }
}

#[test]
fn a_member_that_leaves_in_a_pass_makes_it_skip_or_repeat_no_other() {
    for members in 1..=6 {
        for visited in 0..=members {
            for leaves in 0..members {
                let mut world = world(members);
                world.publish(10);
                world.walk(visited);
                world.leave(leaves);
                world.walk_all();
                for key in 0..members {
                    let was_visited = members - visited <= key;
                    let gets = usize::from(key != leaves || was_visited);
                    assert_eq!(
                        world.received(key).len(),
                        gets,
                        "{members} {visited} {leaves}"
                    );
                    assert_eq!(world.sends(key), gets, "{members} {visited} {leaves}");
                }
                assert_eq!(world.fanout.backlog(), 0);
            }
        }
    }
}

#[test]
fn a_member_that_joins_in_a_pass_gets_what_comes_after_it() {
    for members in 0..=5 {
        for visited in 0..=members {
            let mut world = world(members);
            world.publish(10);
            world.walk(visited);
            let late = world.join(Form::LengthPrefix);
            world.publish(20);
            world.walk_all();
            assert_eq!(world.received(late), [1]);
            for key in 0..members {
                let was_visited = members - visited <= key;
                assert!(world.has_all(key));
                assert_eq!(world.sends(key), 1 + usize::from(was_visited));
            }
            assert_eq!(world.fanout.backlog(), 0);
        }
    }
}

#[test]
fn a_member_that_blocks_at_any_byte_comes_back_and_misses_nothing() {
    let (lens, members) = ([10, 5], 3);
    let bytes = lens.iter().map(|len| len + 4).sum();
    for slow in 0..members {
        for space in 0..=bytes {
            for again in 0..3 {
                let mut world = world(members);
                world.set_space(slow, Some(space));
                for len in lens {
                    world.publish(len);
                    world.walk_all();
                }
                assert_eq!(world.conns[slow].is_blocked, space < bytes);
                let is_kept = world.fanout.backlog() != 0;
                assert_eq!(is_kept, space < bytes, "a log is kept for a blocked member");
                let sends = world.sends(slow);
                world.walk_all();
                assert_eq!(
                    world.sends(slow),
                    sends,
                    "no walk writes to a blocked socket"
                );
                world.set_space(slow, Some(again));
                world.set_space(slow, None);
                world.publish(7);
                world.walk_all();
                assert!((0..members).all(|key| world.has_all(key)), "{slow} {space}");
                assert_eq!(world.fanout.backlog(), 0);
            }
        }
    }
}

#[test]
fn a_member_that_catches_up_or_leaves_in_the_middle_of_a_pass_does_not_keep_the_log() {
    for (slow, leaves) in [0, 1, 2, 3]
        .into_iter()
        .flat_map(|slow| [(slow, false), (slow, true)])
    {
        for visited in 0..4 {
            let mut world = world(4);
            world.set_space(slow, Some(3));
            world.publish(10);
            world.walk_all();
            world.publish(10);
            world.walk(visited);
            if leaves {
                world.leave(slow);
            } else {
                world.set_space(slow, None);
            }
            world.walk_all();
            assert!((0..4).all(|key| world.has_all(key) || leaves && key == slow));
            assert_eq!(world.fanout.backlog(), 0, "{slow} {leaves} {visited}");
        }
    }
}

#[test]
fn the_memory_of_a_log_is_given_back_when_its_only_blocked_member_leaves() {
    let mut world = world(2);
    world.set_space(0, Some(3));
    world.publish(10);
    world.walk_all();
    assert_eq!(world.fanout.backlog(), 14);
    world.leave(0);
    world.walk_all();
    assert!(world.has_all(1));
    assert_eq!(world.fanout.backlog(), 0);
}

#[test]
fn a_broken_socket_is_handed_over_and_the_pass_goes_on() {
    for broken in 0..3 {
        let mut world = world(3);
        world.break_socket(broken);
        world.publish(10);
        world.walk_all();
        assert_eq!(world.conns[broken].index, None);
        for key in (0..3).filter(|key| *key != broken) {
            assert!(world.has_all(key));
        }
        assert_eq!(world.fanout.backlog(), 0);
    }
}

#[test]
fn a_topic_without_subscribers_is_forgotten_with_its_feeds() {
    use crate::time::Now;
    use std::time::Duration;

    let mut world = world(2);
    world.join(Form::WebSocket);
    world.publish(10);
    world.walk_all();
    let linger = Duration::from_secs(1);
    for key in 0..3 {
        assert_eq!(world.fanout.deadline(linger), None);
        world.leave(key);
    }
    let at = world.fanout.deadline(linger).unwrap();
    let before = world.fanout.forget_next(Now::default(), linger, &mut 9);
    assert!(before.is_none());
    let (key, local) = world.fanout.forget_next(at, linger, &mut 9).unwrap();
    assert_eq!((key, local.topic.name()), (world.topic, "topic"));
    assert!(world.fanout.remains().iter().all(|(_, held)| *held == 0));
}
