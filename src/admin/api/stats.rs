//! The numbers of all shards, for pages that draw them: the same as the metrics, as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use crate::admin::api::rows::Answer;
use crate::admin::health::Health;
use crate::admin::metrics::process::Process;
use crate::counters::{Bounds, Counters, DELIVERY_MICROS, TURN_MICROS};
use crate::server::handle::Handle;
use crate::sys::time_of_day::since_1970;
use crate::time::Now;

/// What the shards have counted.
pub(super) fn stats(handle: &Handle, health: &Health, now: Now) -> Answer {
    let shards = handle.shard_counters();
    let ages: Vec<_> = health.ages().collect();
    let of_shards = shards.iter().enumerate().map(|(index, counters)| {
        let age = ages.get(index).copied().unwrap_or_default();
        let mut numbers = numbers(counters);
        numbers["turn_age_seconds"] = json!(age.as_secs_f64());
        numbers
    });
    let (time, process) = (since_1970(), Process::read());
    Answer::of(
        200,
        &json!({
            "version": env!("CARGO_PKG_VERSION"),
            "time": time.as_secs_f64(),
            "uptime_seconds": Duration::from_millis(now.millis()).as_secs_f64(),
            "ready": handle.is_ready(),
            "serving": handle.is_serving(),
            "process": {
                "cpu_seconds": process.cpu_seconds,
                "resident_bytes": process.resident_bytes,
                "threads": process.threads,
            },
            "turn_bounds_seconds": seconds(TURN_MICROS),
            "delivery_bounds_seconds": seconds(DELIVERY_MICROS),
            "shards": of_shards.collect::<Vec<_>>(),
        }),
    )
}

/// The bounds of a histogram, but for the last, which has none.
fn seconds(micros: Bounds) -> Vec<f64> {
    let bounds = (0..micros.places()).filter_map(|place| micros.bound(place));
    bounds.map(|micros| micros as f64 / 1e6).collect()
}

fn numbers(counters: &Counters) -> Value {
    json!({
        "connections": counters.connections,
        "paused": counters.paused,
        "blocked": counters.blocked,
        "mail_waiting": counters.mail_waiting,
        "timers": counters.timers,
        "topics": counters.topics,
        "patterns": counters.patterns,
        "accepted": counters.accepted,
        "opened": counters.opened,
        "closed": counters.closed.iter().sum::<u64>(),
        "denied": counters.denied.iter().sum::<u64>(),
        "messages_in": counters.messages_in,
        "bytes_in": counters.bytes_in,
        "published": counters.published,
        "ordered": counters.ordered,
        "messages_out": counters.messages_out,
        "bytes_out": counters.bytes_out,
        "skipped": counters.skipped,
        "backlog_bytes": counters.backlog_bytes,
        "replies_bytes": counters.replies_bytes,
        "history_bytes": counters.history_bytes,
        "memory_budget_bytes": counters.memory_budget_bytes,
        "turns": counters.turns,
        "deliveries": counters.deliveries,
        "turn_seconds": counters.turn_nanos as f64 / 1e9,
    })
}
