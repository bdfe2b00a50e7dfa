//! Memory of topics: it goes when they do.

use std::time::Duration;

use corecast::limits::{
    INTEREST_LINGER, ONCE_WINDOW, RELEASE_ENTRIES_MIN, RELEASE_INTERVAL, TABLE_ENTRIES_KEPT,
    TIMEOUTS_PER_TURN,
};
use corecast::{Config, Cx, Halt, Handler, Message, Opening, Refusal, Room};

use crate::frame;
use crate::shard::{Shard, Timed};

const TOPICS: usize = 20_000;
/// Of each connection; it may have 128.
const EACH: usize = 100;

/// Connections subscribe to `EACH` topics from the number in their path on. Some have rooms.
struct Many;

impl Handler for Many {
    type Conn = ();
    type Answer = crate::shard::Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        opening: &Opening<'_>,
    ) -> Result<(), Refusal> {
        if let Opening::WebSocket(request) = opening {
            let from: usize = request.path[1..].parse().unwrap();
            for topic in from..from + EACH {
                cx.subscribe(&topic.to_string())?;
            }
        }
        Ok(())
    }

    /// The number of the first topic of those that get it.
    fn on_message(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        message: Message<'_>,
    ) -> Result<(), Halt> {
        let from = std::str::from_utf8(message.payload).unwrap();
        let from: usize = from.parse().unwrap();
        for topic in from..from + EACH {
            cx.publish(&topic.to_string(), message.kind, b"a").unwrap();
        }
        Ok(())
    }

    fn room(&mut self, topic: &str) -> Option<Box<dyn Room>> {
        struct Empty;
        impl Room for Empty {}
        topic
            .ends_with('0')
            .then(|| Box::new(Empty) as Box<dyn Room>)
    }
}

/// A shard that had very many topics, of which those of every `kept`-th connection are left.
fn shard_after(kept: usize) -> (Shard<()>, usize) {
    let mut shard = Shard::of(Config::default(), Many);
    let clients: Vec<_> = (0..TOPICS / EACH)
        .map(|number| shard.upgrade(&format!("/{}", number * EACH), ""))
        .collect();
    shard.rest();
    assert_eq!(shard.counters().topics, TOPICS as u64);
    let before = shard.core.table_entries();
    for (number, client) in clients.into_iter().enumerate() {
        if number % kept != 0 {
            shard.core.handle_reset(client);
        }
    }
    shard.rest();
    shard.wait(INTEREST_LINGER + Duration::from_millis(1));
    for _ in 0..2 * TOPICS / TIMEOUTS_PER_TURN {
        shard.turn();
    }
    shard.rest();
    assert!(shard.core.take_release(), "topics are gone");
    (shard, before)
}

#[test]
fn tables_are_small_again_when_their_topics_are_gone() {
    let (mut shard, before) = shard_after(usize::MAX);
    assert_eq!(shard.counters().topics, EACH as u64);
    let after = shard.core.table_entries();
    assert!(5 * TOPICS < before, "{before} entries for so many topics");
    // Connection 0 has the first keys of all.
    assert!(
        after <= 12 * TABLE_ENTRIES_KEPT,
        "{after} entries of {before}"
    );
}

#[test]
fn the_topics_that_are_left_keep_little_memory_of_those_that_are_gone() {
    let (mut shard, before) = shard_after(20);
    let left = TOPICS / 20;
    assert_eq!(shard.counters().topics, left as u64);
    // Tables whose keys stay end behind the last that is left, with 16 bytes for each.
    let after = shard.core.table_entries();
    assert!(after < before / 2, "{after} entries of {before}");
}

#[test]
fn keys_of_messages_are_freed_when_no_more_are_published() {
    let mut shard = Shard::new(Config::default());
    let keyed = |n: usize| format!("{{\"channel\":\"a\",\"data\":1,\"idempotency_key\":\"{n}\"}}");
    let entry = |n| format!("{{\"publish\":{}}}", keyed(n));
    let client = shard.connect();
    let entries: Vec<String> = (0..5_000).map(entry).collect();
    let body = format!("{{\"commands\":[{}]}}", entries.join(","));
    let request = format!(
        "POST /api/batch HTTP/1.1\r\nHost: a\r\nX-API-Key: {}\r\nContent-Length: {}\r\n\r\n{body}",
        crate::shard::KEY,
        body.len()
    );
    shard.read(client, &request);
    shard.rest();
    assert!(shard.take(client).starts_with(b"HTTP/1.1 200 "));
    let before = shard.core.table_entries();
    assert!(10_000 < before, "{before} entries");
    assert!(shard.core.next_deadline().is_some(), "it wakes up for them");
    shard.wait(ONCE_WINDOW);
    for _ in 0..5_000 / TIMEOUTS_PER_TURN + 2 {
        shard.turn();
    }
    assert!(shard.core.table_entries() <= 4 * TABLE_ENTRIES_KEPT);
}

#[test]
fn messages_for_many_topics_at_once_leave_no_memory_to_give_back() {
    let mut shard = Shard::of(Config::default(), Many);
    let topics = 2 * TABLE_ENTRIES_KEPT;
    let clients: Vec<_> = (0..=topics / EACH)
        .map(|number| shard.upgrade(&format!("/{}", number * EACH), ""))
        .collect();
    shard.wait(RELEASE_INTERVAL);
    for _ in 0..2 * RELEASE_ENTRIES_MIN / topics {
        for (number, &client) in clients.iter().enumerate() {
            let from = (number * EACH).to_string();
            shard.read(client, frame(0x81, from.as_bytes()));
        }
        shard.rest();
    }
    shard.wait(RELEASE_INTERVAL);
    assert!(!shard.core.take_release(), "all topics are there");
}

#[test]
fn a_connection_that_will_expire_is_in_the_wheel_once() {
    let mut shard = Shard::of(Config::default(), Timed(Duration::from_secs(86_400)));
    // Deadlines between two ticks are rounded.
    for number in 1..100 {
        shard.upgrade("/", "");
        shard.rest();
        assert_eq!(shard.core.timer_entries(), number);
        shard.wait(Duration::from_millis(7));
    }
}
