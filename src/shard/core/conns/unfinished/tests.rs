use super::{ConnKey, Holders, Now};
use crate::shard::core::conn::{Held, Tab};

/// Those with this client, so many bytes, and so many seconds ago; the first to give way.
fn first(holders: &[(u32, u32, u64)]) -> u32 {
    let mut all = Holders::default();
    let now = 1_000_000;
    for (key, (client, unfinished, seconds)) in (0..).zip(holders) {
        let held = Held {
            unfinished: *unfinished,
            ..Held::default()
        };
        let since = Now::from_millis(now - seconds * 1000).stamp();
        assert!(all.note(ConnKey(key), &mut Tab::client(*client), held, since));
    }
    all.ranked(Now::from_millis(now)).pop().unwrap().2.0
}

const KIB: u32 = 1 << 10;
const MIB: u32 = 1 << 20;

#[test]
fn the_slowest_holder_is_ended_first_however_little_it_holds() {
    assert_eq!(first(&[(1, MIB, 5), (2, KIB, 20), (3, MIB, 1)]), 1);
    assert_eq!(first(&[(1, MIB, 60), (2, MIB, 2), (3, 64 * KIB, 1)]), 0);
}

#[test]
fn one_that_has_only_begun_is_no_suspect() {
    assert_eq!(first(&[(1, 1, 0), (2, KIB, 20)]), 1);
    assert_eq!(first(&[(1, MIB, 10), (2, 1, 0)]), 0);
}

#[test]
fn an_address_that_has_many_goes_before_a_slow_client() {
    // A phone that sends 20 KiB a second, and a flood from one place.
    let mut holders = vec![(1, 200 * KIB, 10)];
    holders.extend([(2, 100 * KIB, 1); 100]);
    assert_ne!(first(&holders), 0);
    // One that has begun just now, and some floods of the same moment.
    assert_ne!(
        first(&[(1, 100 * KIB, 0), (2, 2 * MIB, 0), (2, 2 * MIB, 0)]),
        0
    );
}

#[test]
fn what_is_held_adds_up_and_comes_to_nothing() {
    let mut all = Holders::default();
    let mut tab = Tab::client(7);
    let held = |unfinished, waiting| Held {
        unfinished,
        waiting,
        context: 0,
    };
    let now = Now::from_millis(0).stamp();
    assert!(!all.note(ConnKey(3), &mut tab, held(0, 0), now));
    assert!(all.note(ConnKey(3), &mut tab, held(5, 0), now));
    assert!(!all.note(ConnKey(3), &mut tab, held(2, 4), now));
    assert_eq!((all.unfinished(), all.waiting()), (2, 4));
    assert!(!all.note(ConnKey(3), &mut tab, held(0, 0), now));
    assert_eq!((all.unfinished(), all.waiting()), (0, 0));
    assert_eq!(tab, Tab::client(7), "whose it is, is not forgotten");
}
