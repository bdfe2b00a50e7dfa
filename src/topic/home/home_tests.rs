use crate::topic::patterns::TopicPattern;
use std::collections::BTreeMap;

use super::{Edge, Homes, Interest, RoomSlot};
use crate::config::Namespaces;
use crate::id::{RoomKey, ShardId, TopicKey};
use crate::internals::Rng;
use crate::topic::{Hashed, Topic};

fn interest(shard: u16, generation: u32) -> Interest {
    Interest {
        shard: ShardId::new(shard),
        key: TopicKey(7),
        generation,
        is_pattern: false,
    }
}

const ROOM: RoomSlot = RoomSlot::Room {
    key: RoomKey(3),
    joins: false,
};

/// What is known of one topic, the simple way.
#[derive(Default)]
struct Model {
    wanted: BTreeMap<u16, u32>,
    has_room: bool,
}

/// All orders of `len` out of these steps: a shard wants or does not want any more what it wanted
/// first or last, a room is made or goes.
fn each_order(len: u32, mut run: impl FnMut(&[usize])) {
    const STEPS: usize = 8;
    for number in 0..STEPS.pow(len) {
        let digit = |at| number / STEPS.pow(at) % STEPS;
        run(&(0..len).map(digit).collect::<Vec<_>>());
    }
}

#[test]
fn edges_recipients_and_entries_agree_with_a_model_in_every_order_of_steps() {
    let name = Topic::new("topic").unwrap();
    each_order(5, |order| {
        let (mut homes, mut model) = (Homes::default(), Model::default());
        for (step, what) in order.iter().enumerate() {
            let before = model.wanted.len();
            let generation = u32::try_from(step).unwrap();
            let shard = u16::try_from(what % 2).unwrap();
            let edge = match what {
                0 | 1 => {
                    model.wanted.insert(shard, generation);
                    homes.want(&name, interest(shard, generation))
                }
                // The newest of the shard, or an older one that was replaced or is gone.
                2..=5 => {
                    let newest = model.wanted.get(&shard).copied().unwrap_or(9);
                    let generation = if *what < 4 { newest } else { 10 };
                    if *what < 4 {
                        model.wanted.remove(&shard);
                    }
                    homes.unwant(&name, interest(shard, generation))
                }
                6 => {
                    homes.set_room(&name, ROOM);
                    model.has_room = true;
                    None
                }
                _ => {
                    homes.remove_room(&name);
                    model.has_room = false;
                    None
                }
            };
            let expected = match (before, model.wanted.len()) {
                (0, 1) => Some(Edge::First),
                (1, 0) => Some(Edge::Last),
                _ => None,
            };
            assert_eq!(edge, expected, "{order:?}");
            let (mut recipients, _) = homes.take_recipients(&name, &Namespaces::default());
            recipients.sort_by_key(|interest| interest.shard);
            let wanted = model.wanted.iter();
            let wanted: Vec<_> = wanted.map(|(&s, &g)| interest(s, g)).collect();
            assert_eq!(recipients, wanted, "{order:?}");
            homes.give_recipients(recipients);
            assert_eq!(homes.is_wanted(&name), !model.wanted.is_empty());
            let has_entry = model.has_room || !model.wanted.is_empty();
            assert_eq!(homes.len(), usize::from(has_entry), "{order:?}");
            assert_eq!(homes.room(&name) == ROOM, model.has_room, "{order:?}");
        }
    });
}

#[test]
fn the_absence_of_a_room_is_forgotten_with_the_last_interest() {
    let name = Topic::new("topic").unwrap();
    let mut homes = Homes::default();
    homes.set_room(&name, RoomSlot::Empty);
    assert_eq!((homes.room(&name), homes.len()), (RoomSlot::Unasked, 0));
    homes.want(&name, interest(0, 1));
    homes.set_room(&name, RoomSlot::Empty);
    assert_eq!(homes.room(&name), RoomSlot::Empty);
    homes.unwant(&name, interest(0, 1));
    assert_eq!(homes.room(&name), RoomSlot::Unasked);
}

#[test]
fn topics_do_not_touch_each_other() {
    for seed in 0..50 {
        let mut rng = Rng::new(seed);
        let names = ["a", "b", "c"].map(|name| Topic::new(name).unwrap());
        let mut homes = Homes::default();
        let mut wanted = [false; 3];
        for _ in 0..40 {
            let at = rng.below(names.len());
            let edge = if rng.below(2) == 0 {
                let was = std::mem::replace(&mut wanted[at], true);
                (
                    homes.want(&names[at], interest(0, 0)),
                    (!was).then_some(Edge::First),
                )
            } else {
                let was = std::mem::replace(&mut wanted[at], false);
                (
                    homes.unwant(&names[at], interest(0, 0)),
                    was.then_some(Edge::Last),
                )
            };
            assert_eq!(edge.0, edge.1, "seed {seed}");
            let count = wanted.iter().filter(|wanted| **wanted).count();
            assert_eq!(homes.len(), count, "seed {seed}");
        }
    }
}

#[test]
fn a_topic_that_a_shard_wants_is_found_by_its_name() {
    let mut homes = Homes::default();
    let wanted = Topic::new("wanted").unwrap();
    homes.want(&wanted, interest(0, 1));
    let of_name = |homes: &Homes, name| homes.of_name(Hashed::of(name).unwrap()).cloned();
    assert_eq!(of_name(&homes, "wanted"), Some(wanted.clone()));
    assert_eq!(of_name(&homes, "other"), None);
    homes.unwant(&wanted, interest(0, 1));
    assert_eq!(of_name(&homes, "wanted"), None);
}

#[test]
fn a_pattern_is_wanted_by_shards_for_the_topics_that_match() {
    let mut homes = Homes::default();
    let of = |text: &str| TopicPattern::parse(text).unwrap().topic().clone();
    let found = |homes: &mut Homes, topic: &str| {
        let (matches, _) = homes.take_matches(&Topic::new(topic).unwrap());
        let found = matches.iter().map(|it| (it.shard.get(), it.generation));
        let found: Vec<_> = found.collect();
        homes.give_matches(matches);
        found
    };
    let (plus, rest) = (of("a/+"), of("a/#"));
    assert_eq!(homes.want(&plus, interest(1, 1)), None);
    homes.want(&rest, interest(2, 1));
    homes.want(&plus, interest(1, 2));
    assert_eq!(found(&mut homes, "a/b"), [(2, 1), (1, 2)]);
    assert_eq!(found(&mut homes, "a/b/c"), [(2, 1)]);
    assert_eq!(
        (homes.len(), homes.patterns()),
        (0, 2),
        "no topic is wanted"
    );
    homes.unwant(&plus, interest(1, 1));
    assert_eq!(
        found(&mut homes, "a/b").len(),
        2,
        "an older interest has gone"
    );
    homes.unwant(&plus, interest(1, 2));
    homes.unwant(&rest, interest(2, 1));
    assert_eq!((found(&mut homes, "a/b").len(), homes.patterns()), (0, 0));
}
