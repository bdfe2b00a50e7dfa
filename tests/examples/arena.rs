//! The arena: one world for players on all shards, whatever one of them does.

mod page;
mod pilot;

use std::collections::{BTreeMap, BTreeSet};

use crate::example::Example;
use crate::support::http::ask;
use crate::support::length_prefix::LengthPrefix;
use crate::support::wait::{in_a_while, now};
use pilot::{Pilot, REST, Snapshot};

/// So many pilots on each shard, all of them seen by all.
fn crew(example: &Example, on_each: usize) -> Vec<Pilot> {
    let mut crew: BTreeMap<u8, Vec<Pilot>> = (0..4).map(|shard| (shard, Vec::new())).collect();
    // The kernel spreads connections by their ports: all but certain to meet each soon.
    for _ in 0..400 {
        let pilot = Pilot::join(example.http, "test", "Pilot");
        crew.values_mut().flatten().for_each(Pilot::keep_awake);
        let there = crew.get_mut(&pilot.shard).unwrap();
        if there.len() < on_each {
            there.push(pilot);
        }
        if crew.values().all(|there| there.len() == on_each) {
            break;
        }
    }
    let mut crew: Vec<Pilot> = crew.into_values().flatten().collect();
    assert_eq!(crew.len(), 4 * on_each, "a shard gets no connections");
    let numbers: BTreeSet<u8> = crew.iter().map(|pilot| pilot.number).collect();
    assert_eq!(numbers.len(), crew.len(), "a number was given twice");
    // The surplus players on their shard have left.
    for pilot in &mut crew {
        pilot.wait_for("all pilots and nobody else", |seen| {
            seen.players.keys().eq(numbers.iter())
        });
    }
    crew
}

#[test]
fn all_players_on_all_shards_see_the_same_world() {
    let example = Example::start("arena", &[]);
    let mut crew = crew(&example, 2);
    let newest = crew.iter_mut().map(|pilot| pilot.snapshot().tick).max();
    let from = newest.unwrap() + 1;
    let until = from + 60;
    let views: Vec<Vec<Snapshot>> = crew
        .iter_mut()
        .map(|pilot| pilot.snapshots(from, until))
        .collect();
    assert!(!views[0].is_empty());
    for view in &views {
        let ticks: Vec<u32> = view.iter().map(|seen| seen.tick).collect();
        assert!(ticks.is_sorted_by(|one, next| one < next), "{ticks:?}");
        assert_eq!(*view, views[0], "two players see different worlds");
    }
    example.end();
}

#[test]
fn a_move_is_seen_by_all_others() {
    let example = Example::start("arena", &[]);
    let mut crew = crew(&example, 1);
    let moving = crew[0].number;
    let before = crew[0].snapshot().players[&moving];
    crew[0].steer([127, 0, 0, 127, 0]);
    for pilot in &mut crew[1..] {
        pilot.wait_for("the first pilot's engine, and where it leads", |seen| {
            let ship = seen.players[&moving];
            ship.thrusts() && before.x + 64 < ship.x && ship.aim == [0, 127]
        });
    }
    crew[0].steer(REST);
    crew[1].wait_for("the engine off", |seen| !seen.players[&moving].thrusts());
}

#[test]
fn a_player_that_leaves_in_any_way_is_gone() {
    let example = Example::start("arena", &[]);
    let mut crew = crew(&example, 1);
    let mut watcher = crew.remove(0);
    let [reset, closed, left] = crew.try_into().unwrap();
    let numbers = [reset.number, closed.number, left.number];
    reset.reset();
    closed.close();
    let mut left = left;
    left.send(&[4]);
    let mut gone = BTreeSet::new();
    while gone.len() < numbers.len() {
        let [_, what, number, _] = watcher.next(19)[..] else {
            panic!("an event has four bytes");
        };
        assert_ne!(what, 5, "{number} had to be dropped");
        gone.extend((what == 2 && numbers.contains(&number)).then_some(number));
    }
    watcher.wait_for("nobody else", |seen| seen.players.len() == 1);
    // It goes on seeing the world, and can come back.
    left.wait_for("the one who stayed", |seen| seen.players.len() == 1);
    left.join_again("Back");
    let number = left.number;
    watcher.wait_for("that it is back", |seen| seen.players.contains_key(&number));
    watcher.wait_for_roster(|roster| roster.get(&number).is_some_and(|name| name == "Back"));
}

#[test]
fn bad_input_ends_its_connection_and_disturbs_no_other() {
    let example = Example::start("arena", &[]);
    let mut crew = crew(&example, 1);
    let long = [1; 18];
    let bad: [(&[u8], &str); 6] = [
        (b"", "no such message"),
        (b"\x10snapshot", "no such message"),
        (&[2, 0, 0, 0, 0, 2], "an input is"),
        (&[3, 1], "a ping is"),
        (b"\x01a\nb", "a name is"),
        (&long, "a name is"),
    ];
    for (payload, why) in bad {
        // Meanwhile no player is silent for long.
        crew.iter_mut().for_each(|pilot| pilot.steer(REST));
        let mut pilot = Pilot::join(example.http, "test", "Bad");
        pilot.send(payload);
        let (code, reason) = pilot.closing();
        assert!(code == 1008 && reason.starts_with(why), "{code} {reason}");
    }
    let mut pilot = Pilot::join(example.http, "test", "Text");
    pilot.send_text("up");
    let (code, reason) = pilot.closing();
    assert!(code == 1008 && reason.contains("binary"), "{code} {reason}");
    let numbers: BTreeSet<u8> = crew.iter().map(|pilot| pilot.number).collect();
    for pilot in &mut crew {
        pilot.wait_for("those who stayed, alone", |seen| {
            seen.players.keys().eq(&numbers)
        });
    }
}

#[test]
fn too_many_messages_end_their_connection() {
    let example = Example::start("arena", &[]);
    let mut watcher = Pilot::join(example.http, "test", "Calm");
    let mut pilot = Pilot::join(example.http, "test", "Nervous");
    let number = pilot.number;
    // More than is allowed in the longest wait of this test.
    pilot.flood(3_000);
    let (code, reason) = pilot.closing();
    assert_eq!((code, &*reason), (1008, "more than 60 messages a second"));
    watcher.wait_for("that it is gone", |seen| {
        !seen.players.contains_key(&number)
    });
}

#[test]
fn a_ping_comes_back_and_a_tcp_client_can_play() {
    let example = Example::start("arena", &[]);
    let mut watcher = Pilot::join(example.http, "lobby", "Watcher");
    watcher.send(&[3, 1, 2, 3, 4]);
    assert_eq!(watcher.next(3), [3, 1, 2, 3, 4]);
    let mut client = LengthPrefix::connect(example.tcp);
    client.send(b"\x01Plain");
    let deadline = in_a_while();
    let number = loop {
        assert!(now() < deadline, "no welcome");
        if let [17, number, ..] = client.next()[..] {
            break number;
        }
    };
    watcher.wait_for("the TCP client", |seen| seen.players.contains_key(&number));
    drop(client);
    watcher.wait_for("that it is gone", |seen| {
        !seen.players.contains_key(&number)
    });
}

#[test]
fn a_player_without_a_place_watches_until_there_is_one() {
    let example = Example::start("arena", &["--bots", "32"]);
    let join = |name| Pilot::join(example.http, "test", name);
    let mut crew: Vec<Pilot> = Vec::new();
    while crew.len() < 32 {
        crew.push(join("Pilot"));
        crew.iter_mut().for_each(Pilot::keep_awake);
    }
    assert!(crew.iter().all(|pilot| pilot.number != 0));
    let mut late = join("Late");
    assert_eq!(late.number, 0);
    late.wait_for("a full arena", |seen| seen.players.len() == 64);
    crew.pop();
    late.wait_for("a place", |seen| seen.players.len() < 64);
    late.join_again("Late");
    assert_ne!(late.number, 0);
}

#[test]
fn arenas_are_worlds_of_their_own_with_plain_names() {
    let example = Example::start("arena", &[]);
    let mut here = Pilot::join(example.http, "here", "Here");
    let mut there = Pilot::join(example.http, "there", "There");
    here.wait_for("nobody else", |seen| seen.players.len() == 1);
    there.wait_for("nobody else", |seen| seen.players.len() == 1);
    let get = |path: &str| {
        ask(
            example.http,
            format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"),
        )
    };
    assert!(get("/").body.contains("<canvas"));
    assert_eq!(get("/arena/here").status, 426);
    let long = format!("/arena/{}", "x".repeat(33));
    for path in ["/arena/", "/arena/a%20b", "/arena/a/b", &long, "/other"] {
        assert_eq!(get(path).status, 404, "{path}");
    }
}
