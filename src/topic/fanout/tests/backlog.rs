//! The backlog: what is let go of first.

use std::time::Duration;

use super::deltas::{form, world};
use super::sockets::{Socket, Sockets};
use crate::config::{Config, SlowConsumer};
use crate::id::{ConnKey, ShardId};
use crate::payload::{Entry, Form, Payload};
use crate::proto::Kind;
use crate::proto::ws::deflate::Compression;
use crate::time::{Micros, Now};
use crate::topic::Topic;
use crate::topic::fanout::Fanout;
use crate::topic::fanout::member::Member;
use crate::topic::sink::Sock;

#[test]
fn what_deltas_are_made_of_goes_before_what_slow_members_lack() {
    let mut world = world(1, SlowConsumer::DropOldest);
    let slow = world.join(Form::LengthPrefix);
    world.set_space(slow, Some(0));
    assert!(world.publish(1_000));
    world.walk_all();
    let log = 4 + 1_000;
    assert_eq!(world.fanout.backlog(), 1_000 + log);
    let config = world.config.clone();
    world.fanout.cut_oldest(log, &config);
    world.apply_overruns();
    assert_eq!((world.fanout.backlog(), world.skipped), (log, 0));
    world.fanout.cut_oldest(log - 1, &config);
    world.apply_overruns();
    assert_eq!((world.fanout.backlog(), world.skipped), (0, 1));
}

#[test]
fn what_deltas_are_made_of_goes_first_where_no_message_came_for_longest() {
    let mut fanout = Fanout::new(Compression::default());
    let mut sockets = Sockets::default();
    let topics = [0_u32, 1, 2].map(|number| {
        let topic = Topic::new(format!("topic{number}")).unwrap();
        let key = fanout.add(&topic, ShardId::default());
        fanout.set_live(key, false);
        let conn = ConnKey(number);
        assert!(fanout.subscribe(key, conn));
        let member = Member::new(Sock(number.cast_signed()), conn);
        fanout.join(key, form(), member);
        sockets.0.push(Socket::default());
        key
    });
    let mut now = Now::default();
    let mut publish = |fanout: &mut Fanout, number: usize| {
        now = now.plus(Duration::from_secs(1));
        let payload = Payload {
            kind: Kind::Binary,
            bytes: &[0; 1_000][..],
        };
        fanout.append(
            topics[number],
            Entry::new(None, payload, None),
            now,
            Micros::default(),
            None,
        );
        assert!(fanout.take_whole().is_empty());
        while fanout.walks() != 0 {
            fanout.walk_next(&mut sockets, usize::MAX);
        }
        std::mem::take(&mut sockets.0[number].got).len()
    };
    for number in [0, 1, 2, 0] {
        publish(&mut fanout, number);
    }
    assert_eq!(fanout.backlog(), 3_000);
    fanout.cut_oldest(2_000, &Config::default());
    assert_eq!(fanout.backlog(), 2_000);
    let are_deltas = [0, 1, 2].map(|number| publish(&mut fanout, number) < 1_000);
    assert_eq!(are_deltas, [true, false, true]);
}
