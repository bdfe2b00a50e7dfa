//! The reader of a topic against a model of an engine.

use crate::internals::Rng;
use crate::position::Position;
use crate::redis::reader::{Action, Found, HELD_MAX, Range, Reader};
use crate::redis::tests::model::{Answer, Engine, Home, body, topic};
use crate::shard::mail::Inward;

/// One run with faults at random, then without any until all is quiet.
fn run(seed: u64) -> Found {
    let mut rng = Rng::new(seed);
    let mut engine = Engine::new();
    let mut home = Home::default();
    let mut reader = Reader::new(topic(), 1, true, None);
    let mut found = Found::default();
    for step in 0..600 {
        let mut out = Vec::new();
        let is_quiet = 400 < step;
        match rng.below(100) {
            0..30 if !is_quiet => engine.publish(rng.below(5) != 0),
            30..34 if !is_quiet => drop(engine.pushes.pop_front()),
            34..36 if !is_quiet => engine.flush(),
            36..40 if !is_quiet => {
                let back = (rng.below(3) as u64).min(engine.top.offset);
                engine.trimmed = engine.top.offset - back;
            }
            40..43 if !is_quiet => {
                engine.is_subscribed = false;
                engine.pushes.clear();
                reader.lost();
            }
            43..60 => engine.work(),
            60..75 => match engine.answers.pop_front() {
                Some(Answer::Top(turn, top)) => reader.compared(turn, top, &mut found, &mut out),
                Some(Answer::Range(turn, range)) => reader.read(turn, range, &mut found, &mut out),
                None => {}
            },
            _ if !engine.is_subscribed => {
                engine.is_subscribed = true;
                reader.subscribed(&mut out);
            }
            _ => {
                if let Some((position, is_kept)) = engine.pushes.pop_front() {
                    let body = body(!is_kept, position.offset);
                    reader.pushed(position, body, &mut found, &mut out);
                }
            }
        }
        engine.take(out, &mut home);
    }
    // A push that was dropped last shows with the next one.
    engine.publish(true);
    while !(engine.pushes.is_empty() && engine.asked.is_empty() && engine.answers.is_empty()) {
        let mut out = Vec::new();
        engine.work();
        match engine.answers.pop_front() {
            Some(Answer::Top(turn, top)) => reader.compared(turn, top, &mut found, &mut out),
            Some(Answer::Range(turn, range)) => reader.read(turn, range, &mut found, &mut out),
            None => {}
        }
        if let Some((position, is_kept)) = engine.pushes.pop_front() {
            reader.pushed(
                position,
                body(!is_kept, position.offset),
                &mut found,
                &mut out,
            );
        }
        engine.take(out, &mut home);
    }
    assert_eq!(home.top, Some(engine.top), "seed {seed}");
    found
}

#[test]
fn the_home_gets_one_order_whatever_is_lost() {
    let mut all = Found::default();
    for seed in 0..2_000 {
        let found = run(seed);
        all.gaps += found.gaps;
        all.mended += found.mended;
    }
    assert!(1_000 < all.gaps && 1_000 < all.mended, "{all:?}");
}

fn live() -> (Engine, Home, Reader) {
    let (mut engine, mut home) = (Engine::new(), Home::default());
    engine.is_subscribed = true;
    let mut reader = Reader::new(topic(), 1, true, None);
    settle(&mut engine, &mut home, &mut reader, |reader, out| {
        reader.subscribed(out);
    });
    (engine, home, reader)
}

fn settle(
    engine: &mut Engine,
    home: &mut Home,
    reader: &mut Reader,
    first: impl FnOnce(&mut Reader, &mut Vec<Action>),
) {
    let mut out = Vec::new();
    first(reader, &mut out);
    engine.take(out, home);
    while !engine.asked.is_empty() {
        engine.work();
        let mut out = Vec::new();
        match engine.answers.pop_front() {
            Some(Answer::Top(turn, top)) => {
                reader.compared(turn, top, &mut Found::default(), &mut out);
            }
            Some(Answer::Range(turn, range)) => {
                reader.read(turn, range, &mut Found::default(), &mut out);
            }
            None => {}
        }
        engine.take(out, home);
    }
}

#[test]
fn a_range_that_was_read_before_a_removal_is_read_again() {
    let (mut engine, mut home, mut reader) = live();
    let (mut out, mut found) = (Vec::new(), Found::default());
    let beyond = Position {
        offset: engine.top.offset + 2,
        ..engine.top
    };
    reader.pushed(beyond, body(true, beyond.offset), &mut found, &mut out);
    let Some(Action::Read { turn: before, .. }) = out.pop() else {
        panic!("{out:?}");
    };
    reader.removed(&mut out);
    let Some(Action::Read { turn, .. }) = out.iter().find(|it| matches!(it, Action::Read { .. }))
    else {
        panic!("{out:?}");
    };
    assert_ne!(*turn, before);
    let range = Range {
        top: beyond,
        entries: Vec::new(),
        is_whole: true,
    };
    out.clear();
    reader.read(before, range, &mut found, &mut out);
    assert!(out.is_empty(), "{out:?}");
    engine.take(out, &mut home);
}

#[test]
fn a_reconnect_that_has_missed_nothing_reads_nothing() {
    let (mut engine, mut home, mut reader) = live();
    reader.lost();
    settle(&mut engine, &mut home, &mut reader, |reader, out| {
        reader.subscribed(out);
    });
    assert_eq!(home.refills, 0);
}

#[test]
fn a_reconnect_mends_what_was_missed() {
    let (mut engine, mut home, mut reader) = live();
    reader.lost();
    engine.is_subscribed = false;
    (0..10).for_each(|_| engine.publish(true));
    engine.is_subscribed = true;
    settle(&mut engine, &mut home, &mut reader, |reader, out| {
        reader.subscribed(out);
    });
    assert_eq!((home.refills, home.messages), (1, 10));
}

#[test]
fn more_than_can_be_held_is_read() {
    let (mut engine, mut home, mut reader) = live();
    let count = HELD_MAX + 10;
    (0..=count).for_each(|_| engine.publish(true));
    engine.pushes.pop_front();
    let mut out = Vec::new();
    let mut found = Found::default();
    let (first, _) = engine.pushes.pop_front().unwrap();
    reader.pushed(first, body(false, first.offset), &mut found, &mut out);
    // The range is read before the others are published.
    let Some(Action::Read { since, turn }) = out.pop() else {
        panic!("{out:?}");
    };
    let range = Range {
        top: first,
        ..engine.range(since)
    };
    let entries = range.entries.into_iter();
    let entries = entries
        .filter(|entry| entry.offset <= first.offset)
        .collect();
    while let Some((position, _)) = engine.pushes.pop_front() {
        reader.pushed(position, body(false, position.offset), &mut found, &mut out);
    }
    assert!(out.is_empty());
    let range = Range {
        top: first,
        entries,
        is_whole: true,
    };
    settle(&mut engine, &mut home, &mut reader, |reader, out| {
        reader.read(turn, range, &mut found, out);
    });
    assert_eq!(home.messages, count + 1);
    assert_eq!(home.top, Some(engine.top));
}

#[test]
fn without_history_what_is_lost_is_counted() {
    let mut reader = Reader::new(topic(), 1, false, None);
    let mut found = Found::default();
    let mut out = Vec::new();
    reader.subscribed(&mut out);
    assert!(matches!(
        out[..],
        [Action::Deliver(Inward::Attached { fill: None, .. })]
    ));
    for number in [5, 6, 9, 1, 2] {
        let mail = reader.counted(number, body(false, number), &mut found);
        assert!(matches!(mail, Some(Inward::Message(_))), "{number}");
    }
    assert_eq!(found.lost, 2);
    reader.lost();
    assert!(reader.counted(3, body(false, 3), &mut found).is_none());
    reader.subscribed(&mut out);
    assert!(reader.counted(5, body(false, 5), &mut found).is_some());
    assert_eq!(found.lost, 4);
}
