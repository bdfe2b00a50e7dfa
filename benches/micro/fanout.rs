//! One message to all subscribers of a shard whose sockets take everything at no cost: what a
//! delivery costs beside its system call.

use criterion::{Criterion, Throughput};

use crate::shard::Shard;

/// Bytes of a message.
const PAYLOAD: usize = 64;
/// Subscribers over the structured protocol.
const SESSIONS: usize = 10_000;

/// All of this file.
#[expect(clippy::print_stdout, reason = "half of the result")]
pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fanout");
    for (name, subscribers) in [("1", 1), ("1,000", 1_000), ("100,000", 100_000)] {
        let mut shard = Shard::with_subscribers(subscribers);
        group.throughput(Throughput::Elements(subscribers as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let sends = shard.publish(&[7; PAYLOAD]);
                assert_eq!(sends, subscribers);
            });
        });
    }
    for (name, delta) in [("plain", ""), ("deltas", r#","delta":"fossil""#)] {
        let subscribe = format!(r#"{{"id":2,"subscribe":{{"channel":"bench"{delta}}}}}"#);
        let mut shard = Shard::with_sessions(SESSIONS, &subscribe);
        group.throughput(Throughput::Elements(SESSIONS as u64));
        let mut number = 0;
        group.bench_function(format!("sessions/{name}"), |bencher| {
            bencher.iter(|| {
                number += 1;
                let sends = shard.publish_text(&message(number));
                assert_eq!(sends, SESSIONS);
            });
        });
        println!("{name}: {} bytes each", shard.bytes() / SESSIONS);
    }
}

/// A message of 1 KiB that resembles those with other numbers.
fn message(number: usize) -> Vec<u8> {
    let sensors = (0..24).map(|sensor| {
        let value = if sensor % 8 == 0 { number } else { 20 + sensor };
        format!(r#"{{"sensor":{sensor},"value":{value},"unit":"K"}}"#)
    });
    let sensors: Vec<_> = sensors.collect();
    format!(r#"{{"number":{number},"sensors":[{}]}}"#, sensors.join(",")).into_bytes()
}
