//! One message to all subscribers of a shard whose sockets take everything at no cost: what a
//! delivery costs beside its system call.

use criterion::{Criterion, Throughput};

use crate::shard::Shard;

/// Bytes of a message.
const PAYLOAD: usize = 64;

/// All of this file.
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
}
