use super::*;

fn work() -> Work {
    let mut work = Work::default();
    work.limit(100, 30);
    work
}

#[test]
fn what_one_share_does_is_not_taken_from_another() {
    let mut work = work();
    work.enter(Share::FromHome);
    work.charge(100);
    assert!(work.is_spent());
    work.enter(Share::ToHome);
    assert!(!work.is_spent());
    work.enter(Share::FromHome);
    assert!(work.is_spent());
}

#[test]
fn a_long_piece_is_paid_for_in_the_turns_that_follow() {
    let mut work = work();
    work.charge(250);
    let spent: Vec<bool> = (0..3)
        .map(|_| {
            work.begin_turn();
            work.is_spent()
        })
        .collect();
    assert_eq!(spent, [true, false, false]);
    work.charge(51);
    work.begin_turn();
    work.charge(99);
    assert!(!work.is_spent(), "and what was not used is not kept");
}

#[test]
fn compressing_has_shares_of_its_own_within_that_of_the_turn() {
    let mut work = work();
    work.limit_compression(100);
    work.charge_compression(150);
    assert!(!work.has_time_to_compress());
    work.enter(Share::ToHome);
    assert!(work.has_time_to_compress());
    assert!(work.has_time_for_reply());
    work.charge_reply(100);
    assert!(!work.has_time_for_reply());
    work.charge_compression(usize::MAX);
    work.enter(Share::Resumed);
    assert!(!work.has_time_to_compress(), "the turn is over");
    work.enter(Share::Time);
    assert!(work.has_time_to_compress(), "a tick does not come again");
    work.charge_compression(1_000);
    work.begin_turn();
    assert!(work.has_time_to_compress());
    work.enter(Share::Read);
    assert!(work.has_time_to_compress(), "50 are left");
    work.enter(Share::ToHome);
    assert!(!work.has_time_to_compress(), "it has to be paid for");
}

#[test]
fn one_connection_has_its_part_and_all_of_it_if_it_is_alone() {
    let mut work = work();
    work.begin_part(false);
    work.charge(30);
    assert!(work.is_part_spent());
    work.begin_part(true);
    assert!(!work.is_part_spent());
    work.charge(69);
    assert!(!work.is_part_spent());
    work.charge(1);
    assert!(work.is_part_spent());
}

#[test]
fn the_first_part_is_shorter_the_more_connections_wait() {
    let mut work = Work::default();
    let parts = [0, 1, 20, 40, 200, 100_000].map(|others| {
        work.begin_first_part(others);
        (work.part, work.read_len())
    });
    assert_eq!(
        parts,
        [
            (50_000, READ_BYTES),
            (50_000, READ_BYTES),
            (50_000, READ_BYTES),
            (25_000, 25_000),
            (5_000, 5_000),
            (5_000, 5_000)
        ]
    );
    work.charge(4_000);
    assert_eq!(work.read_len(), READ_BYTES_MIN);
    work.begin_part(true);
    assert_eq!(work.read_len(), READ_BYTES);
}
